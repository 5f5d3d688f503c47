"""Where a dataset file is, whether it is what upstream published, and which datasets there are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from honne import plugins
from honne.errors import ConfigError, DataError, nearest, unknown
from honne.rows import DataRow, decode, parse_rows, read_bytes
from honne.spec import env

__all__ = [
    "Resolved",
    "cache_path",
    "cache_root",
    "catalogue",
    "load",
    "locate",
    "named",
    "read_rows",
    "read_text",
    "resolve",
]


@dataclass(frozen=True)
class Resolved:
    """A dataset file on this machine. `sha256` is that of its uncompressed bytes, `where` is HONNE_DATA or cache."""

    path: Path
    sha256: str
    matches: bool
    where: str


# ------------------------------------------------------------------ where


def cache_root() -> Path:
    """The user's cache: `HONNE_CACHE`, else `XDG_CACHE_HOME/honne`, else `~/.cache/honne`."""
    if own := env("HONNE_CACHE"):
        return Path(own)
    if xdg := env("XDG_CACHE_HOME"):
        return Path(xdg) / "honne"
    return Path.home() / ".cache" / "honne"


def cache_path(source: plugins.Source) -> Path:
    """Where the user's cache keeps (or would keep) this file."""
    return cache_root() / "data" / source.dataset / source.file


def _find(source: plugins.Source) -> tuple[Path, str] | None:
    own = env("HONNE_DATA")
    if own and not Path(own).is_dir():
        wanted = f"{source.dataset}/{source.file}"
        raise DataError(f"HONNE_DATA={own} is not a folder; it must hold DATASET/FILE, such as {wanted}")
    places = [(Path(own) / source.dataset / source.file, "HONNE_DATA")] if own else []
    for plain, where in (*places, (cache_path(source), "cache")):
        for path in (plain, plain.with_name(plain.name + ".gz")):
            if path.is_file():
                return path, where
    return None


def load(source: plugins.Source) -> tuple[Resolved, bytes]:
    """The file and its uncompressed bytes. Raises DataError when it is nowhere, or cannot be read."""
    found = _find(source)
    if found is None:
        raise DataError(_missing(source))
    path, where = found
    data = read_bytes(path)
    digest = hashlib.sha256(data).hexdigest()
    return Resolved(path, digest, digest == source.sha256, where), data


def resolve(source: plugins.Source) -> Resolved:
    """Where the file is, and whether it is what upstream published. Raises DataError like `load`."""
    return load(source)[0]


def locate(source: plugins.Source) -> Resolved | None:
    """Like `resolve`, with None for a file that is in neither place."""
    return resolve(source) if _find(source) else None


def _missing(source: plugins.Source) -> str:
    name, own = f"{source.dataset}/{source.file}", env("HONNE_DATA")
    fetch = f"run 'honne data fetch {source.dataset}'"
    if not own:
        return f"{name} is not on this machine: {fetch}, or set HONNE_DATA to a folder that has it"
    there = sorted(p.name for p in Path(own).iterdir())
    listed = ", ".join(there[:8]) + (", …" if len(there) > 8 else "") if there else "nothing"
    near = nearest(source.dataset, there) if source.dataset not in there else None
    hint = f" (did you mean {near}?)" if near else ""
    return f"{name} is not in HONNE_DATA={own}, which holds {listed}{hint}, nor in the cache: {fetch}"


# ------------------------------------------------------------------- read


def read_text(source: plugins.Source) -> str:
    """The text of a dataset file (UTF-8). Raises DataError."""
    found, data = load(source)
    return decode(data, str(found.path))


def read_rows(source: plugins.Source) -> list[DataRow]:
    """The rows of a dataset file, each with the place to name in an error. Raises DataError."""
    found, data = load(source)
    return parse_rows(decode(data, str(found.path)), source.file, str(found.path))


# ------------------------------------------------------------------- list


def catalogue() -> list[plugins.Source]:
    """All dataset files that benchmarks and replications name, sorted by dataset: those that they read (`sources`) and
    those published with them (`related`, such as recorded answers to import)."""
    out: dict[tuple[str, str], plugins.Source] = {}
    every = [(kind, name) for kind in ("benchmarks", "replications") for name in plugins.names(kind)]
    for kind, name in every:
        plugin = plugins.load(kind, name)
        for source in (*getattr(plugin, "sources", ()), *getattr(plugin, "related", ())):
            out.setdefault((source.dataset, source.file), source)
    return sorted(out.values(), key=lambda source: source.dataset)


def named(dataset: str) -> list[plugins.Source]:
    """The files of a dataset. Raises ConfigError for a name that no benchmark knows."""
    every = catalogue()
    found = [source for source in every if source.dataset == dataset]
    if not found:
        raise ConfigError(unknown("dataset", dataset, [source.dataset for source in every]))
    return found
