"""Rows as a file: JSONL, CSV or Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from honne.engine.journal import os_failure
from honne.errors import ConfigError, StoreError, unknown
from honne.text import cell, csv_line

__all__ = ["COLUMNS", "KINDS", "stream", "write"]

KINDS = ("jsonl", "csv", "parquet")
COLUMNS = (
    "run",
    "model",
    "item_id",
    "sample",
    "benchmark",
    "category",
    "lang",
    "judge",
    "annotator",
    "kind",
    "label",
    "score",
    "raw_score",
    "status",
    "design",
    "inclusion",
    "reasons",
    "flags",
    "note",
    "suggestion",
    "suggestion_judge",
    "gold",
    "seconds",
    "exposed",
    "at",
    "project",
    "guide",
    "guide_version",
)


def write(path: Path, kind: str, given: Iterable[Mapping[str, Any]]) -> int:
    """Write rows to a new file; their number. Raises StoreError where the file exists or cannot be written."""
    if path.exists() or path.is_symlink():
        raise StoreError(f"{path} exists already: name another file, or remove it")
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as out:
            n = stream(out, kind, given)
        temporary.rename(path)
    except OSError as e:
        raise os_failure(e, path, "write") from None
    finally:
        temporary.unlink(missing_ok=True)
    return n


def stream(out: IO[bytes], kind: str, given: Iterable[Mapping[str, Any]]) -> int:
    """Write rows to an open file as `jsonl`, `csv` (text that a spreadsheet would run gets an apostrophe) or `parquet`;
    their number. Raises ConfigError for another kind."""
    if kind not in KINDS:
        raise ConfigError(unknown("format", kind, KINDS))
    if kind == "parquet":
        return _parquet(out, list(given))
    n = 0
    columns: list[str] | None = None
    for row in given:
        if kind == "jsonl":
            out.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        else:
            if columns is None:
                columns = list(row)
                out.write(csv_line(columns).encode())
            out.write(csv_line(cell(row[name]) for name in columns).encode())
        n += 1
    if kind == "csv" and columns is None:
        out.write(csv_line(COLUMNS).encode())
    return n


def _parquet(out: IO[bytes], given: Sequence[Mapping[str, Any]]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds: dict[str, Any] = dict.fromkeys(("score", "raw_score", "inclusion", "seconds"), pa.float64())
    kinds |= dict.fromkeys(("sample", "sample_b"), pa.int64()) | dict.fromkeys(("gold", "exposed"), pa.bool_())
    kinds |= dict.fromkeys(("reasons", "flags"), pa.list_(pa.string()))
    kinds["messages"] = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    names = list(dict.fromkeys([*COLUMNS, *(name for row in given for name in row)]))
    schema = pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in names])
    pq.write_table(pa.Table.from_pylist([dict(row) for row in given], schema=schema), out, compression="zstd")
    return len(given)
