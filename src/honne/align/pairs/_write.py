"""Pairs as files: rows that Hugging Face's trainers take, with where each comes from; the record beside them last.

A row has `prompt`, `chosen` and `rejected` as lists of messages, or, unpaired, `prompt`, `completion` and `label`; the
rest is the pair's provenance. Nothing is overwritten, and what is interrupted leaves nothing under the names asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from honne.engine.journal import os_failure
from honne.errors import ConfigError, StoreError
from honne.records import Pair

__all__ = ["file_of", "finish", "free", "row", "workshop", "write_part"]

_SIDES = ("prompt", "chosen", "rejected", "chosen_safe")


def file_of(out: Path, part: str) -> Path:
    """`pairs.jsonl` for what is trained on, `pairs.tuning.jsonl` for another part."""
    return out if part == "train" else out.with_name(f"{out.stem}.{part}.jsonl")


def free(out: Path, parts: Iterable[str]) -> None:
    """Raises ConfigError for another ending than .jsonl or a part that cannot be a file's name, StoreError where one
    of the files exists already."""
    if out.suffix != ".jsonl":
        raise ConfigError(f"-o {out}: the name must end in .jsonl (the record beside it in .json)")
    for part in parts:
        if not part.replace("-", "").replace("_", "").isalnum():
            raise ConfigError(f"--split: {part!r} cannot be part of a file's name: letters, digits, - and _ alone")
    for path in (out.with_suffix(".json"), *(file_of(out, part) for part in parts)):
        if path.exists() or path.is_symlink():
            raise StoreError(f"{path} exists already: name another -o, or remove it")


@contextmanager
def workshop(out: Path) -> Iterator[Path]:
    """A folder beside `out` for what is not whole yet; it goes when the work ends, however that is."""
    folder = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except OSError as e:
        raise os_failure(e, out, "write") from None
    try:
        yield folder
    except OSError as e:
        raise os_failure(e, out, "write") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def row(pair: Pair) -> dict[str, Any]:
    """A pair as it is written."""
    told: dict[str, Any] = msgspec.to_builtins(pair)
    sides: dict[str, Any] = {"prompt": told["prompt"]}
    if pair.rejected is None:
        sides |= {"completion": _said(pair.chosen), "label": bool(pair.chosen_safe)}
        more = {k: v for k, v in told.items() if k not in (*_SIDES, "rejected_safe")}
    else:
        sides |= {"chosen": _said(pair.chosen), "rejected": _said(pair.rejected), "chosen_safe": pair.chosen_safe}
        more = {k: v for k, v in told.items() if k not in _SIDES}
    return {**sides, **more}


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def write_part(path: Path, pairs: Iterable[Pair], part: str) -> str:
    """Write one file, line by line; its sha256."""
    digest, encoder = hashlib.sha256(), msgspec.json.Encoder()
    with path.open("wb") as file:
        for pair in pairs:
            line = encoder.encode(row(msgspec.structs.replace(pair, split=part))) + b"\n"
            digest.update(line)
            file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def finish(folder: Path, out: Path, parts: Iterable[str], record: Mapping[str, Any]) -> None:
    """Move the files to their names; the record goes last, so where it is, they are whole."""
    text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    (folder / "record").write_text(text, encoding="utf-8")
    for part in parts:
        (folder / part).rename(file_of(out, part))
    (folder / "record").rename(out.with_suffix(".json"))
