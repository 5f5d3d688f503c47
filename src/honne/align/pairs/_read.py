"""Pairs that honne has written, read back: by the trainer, and to see who judged them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from honne.errors import DataError, StoreError
from honne.records import Message, Pair

__all__ = ["FORMAT", "read", "record"]

FORMAT = 1


def record(path: Path) -> dict[str, Any]:
    """The record (`pairs.json`) beside pairs at `path` (`pairs.jsonl`, or the file of one of the parts).

    Raises DataError where there is none, or the pairs are no longer those that were written.
    """
    beside = _beside(path)
    try:
        found = msgspec.json.decode(beside.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path} has no record {beside.name} beside it: honne pairs writes both") from None
    except (OSError, msgspec.DecodeError, RecursionError) as e:
        raise DataError(f"cannot read {beside}: {e}") from None
    if not isinstance(found, dict) or not isinstance(found.get("format"), int) or "judges" not in found:
        raise DataError(f"{beside} is no record of honne pairs")
    if found["format"] > FORMAT:
        raise StoreError(f"{beside} was written by honne {found.get('honne')}, newer than this one: upgrade honne")
    files = found.get("files") or {}
    told = next((f for f in files.values() if isinstance(f, dict) and f.get("file") == path.name), None)
    if told is None:
        raise DataError(f"{beside} does not speak of {path.name}")
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as e:
        raise DataError(f"cannot read {path}: {e.strerror or e}") from None
    if told.get("sha256") != digest:
        raise DataError(f"{path} was changed after it was written (its sha256 is not the one in {beside.name})")
    return found


def _beside(path: Path) -> Path:
    """`pairs.json` for `pairs.jsonl`, and for `pairs.tuning.jsonl` where that has none of its own."""
    own = path.with_suffix(".json")
    if own.exists() or "." not in path.stem:
        return own
    return path.with_name(path.stem.rpartition(".")[0] + ".json")


def read(path: Path) -> Iterator[Pair]:
    """The pairs of a file that honne wrote, one after the other. Raises DataError, naming the line.

    Pairs of another tool are read by `honne pairs given/FILE`.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield _pair(line, f"{path} line {number}")
    except OSError as e:
        raise DataError(f"cannot read {path}: {e.strerror or e}") from None


class _Row(msgspec.Struct):
    prompt: tuple[Message, ...]
    source: str
    id: str
    chosen: tuple[Message] | None = None
    rejected: tuple[Message] | None = None
    completion: tuple[Message] | None = None
    label: bool | None = None


def _pair(line: bytes, where: str) -> Pair:
    try:
        sides = msgspec.json.decode(line, type=_Row)
        rest = msgspec.json.decode(line)
        if sides.completion is not None and sides.label is not None:
            texts: dict[str, Any] = {"chosen": sides.completion[0].content, "chosen_safe": sides.label}
        elif sides.chosen is not None and sides.rejected is not None:
            texts = {"chosen": sides.chosen[0].content, "rejected": sides.rejected[0].content}
        else:
            raise DataError(f"{where}: neither chosen and rejected nor completion and label")
        known = {name: rest[name] for name in Pair.__struct_fields__ if name in rest}
        return msgspec.convert({**known, **texts}, Pair)
    except (msgspec.DecodeError, RecursionError) as e:
        raise DataError(
            f"{where}: not a pair as honne writes it ({e}); pairs of another tool: honne pairs given/FILE"
        ) from None
