"""`honne import`: which importer reads a file. Logs of other tools are known by their content, tables need `--map`."""

from __future__ import annotations

import gzip
import importlib
import pkgutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from honne import plugins
from honne.errors import ConfigError, DataError, unknown
from honne.importers import tabular
from honne.importers._found import ImportedRun
from honne.importers._log import Where
from honne.importers._mapping import pairs
from honne.rows import read_bytes

__all__ = ["read_import"]

_HEAD = 1 << 16
_FIELDS = ("category", "group", "lang")


def read_import(
    path: Path,
    *,
    mapping: Sequence[str] = (),
    model: str | None = None,
    label_map: Sequence[str] = (),
    joins: Sequence[Path] = (),
    on: Sequence[str] = (),
    encoding: str | None = None,
    benchmark: plugins.Benchmark | None = None,
) -> list[ImportedRun]:
    """Read answers and labels; one run per model, in the order of their first rows.

    The arguments are the options of `honne import`. A file is read as a table where `mapping` names the prompt; else it
    has to be a log that one of the importers knows. Records carry the times that a file tells, or the file's own, so
    that the same import gives the same bytes.
    Raises ConfigError for options that make no sense, DataError for files that do not.
    """
    given = pairs(mapping, "--map")
    if any(name == "prompt" for name, _ in given):
        return tabular.read_table_import(
            path,
            mapping=mapping,
            model=model,
            label_map=label_map,
            joins=joins,
            on=on,
            encoding=encoding,
            benchmark=benchmark,
        )
    found = next((log for log in _logs() if _claims(log, path)), None)
    if found is None:
        kinds = "; ".join(log.KIND for log in _logs())
        what = "--map needs prompt=COLUMN, the column of the questions" if given else "name the columns with --map"
        raise ConfigError(f"{path}: {what} (prompt=…,response=…); without it are read: {kinds}")
    options = {"--label-map": label_map, "--join": joins, "--on": on, "--encoding": encoding, "--benchmark": benchmark}
    for option, value in options.items():
        if value:
            raise ConfigError(f"{path}: {option} does not go with this file, a log that brings its own: {found.KIND}")
    if model is not None and not model.strip():
        raise ConfigError("--model is blank")
    runs: list[ImportedRun] = found.read(path, model=model, where=_where(given))
    return runs


def _logs() -> list[Any]:
    package = importlib.import_module("honne.importers")
    names = [m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")]
    modules = [importlib.import_module(f"honne.importers.{name}") for name in names]
    return [module for module in modules if hasattr(module, "claims")]


def _claims(log: Any, path: Path) -> bool:
    if path.is_dir():
        return bool(log.claims(path, b""))
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return bool(log.claims(path, file.read(_HEAD)))
    except FileNotFoundError:
        read_bytes(path)  # says which file may have been meant
        return False
    except (OSError, EOFError, zlib.error) as e:
        raise DataError(f"cannot read {path}: {e}") from None


def _where(given: Sequence[tuple[str, str]]) -> Where:
    """What `--map` may say about a log: fields of a sample's own data."""
    for name, _ in given:
        if name not in _FIELDS:
            raise ConfigError(f"--map: {unknown('field of a log', name, _FIELDS)}")
    one = {name: tuple(path.split(".")) for name, path in given if name != "category"}
    if len(one) + sum(name == "category" for name, _ in given) < len(given):
        raise ConfigError("--map: group and lang are given once each")
    levels = tuple(tuple(path.split(".")) for name, path in given if name == "category")
    return Where(levels, one.get("group"), one.get("lang"))
