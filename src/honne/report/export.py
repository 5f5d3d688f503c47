"""`honne export`: a run's rows as JSON lines, CSV, one Parquet file, or a folder that `datasets` loads.

Nothing is overwritten, and an export that is interrupted leaves nothing under the name asked for: the file is written
beside it and renamed when it is whole.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from honne.engine import export
from honne.engine.journal import os_failure
from honne.engine.store import RunFolder
from honne.errors import ConfigError, StoreError, unknown
from honne.text import cell, csv_line

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FORMATS", "cell", "save", "stream"]

FORMATS = ("jsonl", "csv", "parquet", "hf")
_SHARD = 200_000


def stream(runs: Sequence[RunFolder], kind: str, format: str, out: IO[bytes], paper: bool = False) -> int:
    """Write JSON lines or CSV to an open file; the number of rows. Raises ConfigError for the other formats."""
    if format not in ("jsonl", "csv"):
        raise ConfigError(f"--format {format} needs a file or folder: name it with -o")
    write = _json_lines if format == "jsonl" else _csv
    return write(_batches(runs, kind, paper), export.columns(kind), out)


def save(runs: Sequence[RunFolder], kind: str, format: str, path: Path, paper: bool = False) -> int:
    """Write a file, or for `hf` a folder; the number of rows.

    Raises StoreError where `path` exists or cannot be written, Stopped when the disk is full.
    """
    if format not in FORMATS:
        raise ConfigError(unknown("format", format, FORMATS))
    if path.exists() or path.is_symlink():
        raise StoreError(f"{path} exists already: name another -o, or remove it")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _removed_on_failure(temporary):
            if format == "hf":
                n = _dataset(_batches(runs, kind, paper), kind, temporary, runs)
            elif format == "parquet":
                n = _parquet(_batches(runs, kind, paper), export.columns(kind), temporary)
            else:
                with temporary.open("wb") as file:
                    n = stream(runs, kind, format, file, paper)
            temporary.rename(path)
    except OSError as e:
        raise os_failure(e, path, "write") from None
    return n


@contextlib.contextmanager
def _removed_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        raise


def _batches(runs: Sequence[RunFolder], kind: str, paper: bool) -> Iterator[pa.RecordBatch]:
    for run in runs:
        yield from export.batches(run, kind, paper)


# ------------------------------------------------------------------- writers

_Writer = Callable[[Iterator["pa.RecordBatch"], "pa.Schema", IO[bytes]], int]


def _json_lines(batches: Iterator[pa.RecordBatch], columns: pa.Schema, out: IO[bytes]) -> int:
    encoder, n = msgspec.json.Encoder(), 0
    for batch in batches:
        for row in batch.to_pylist():
            out.write(encoder.encode(row) + b"\n")
            n += 1
    return n


def _csv(batches: Iterator[pa.RecordBatch], columns: pa.Schema, out: IO[bytes]) -> int:
    n = 0
    out.write(csv_line(columns.names).encode())
    for batch in batches:
        for row in batch.to_pylist():
            out.write(csv_line(cell(value) for value in row.values()).encode())
            n += 1
    return n


def _parquet(batches: Iterator[pa.RecordBatch], columns: pa.Schema, path: Path) -> int:
    import pyarrow.parquet as pq

    n = 0
    with pq.ParquetWriter(path, columns, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            n += batch.num_rows
    return n


# ------------------------------------------------------------------ datasets


def _dataset(batches: Iterator[pa.RecordBatch], kind: str, folder: Path, runs: Sequence[RunFolder]) -> int:
    """Parquet shards below `data/` and a README.md whose head tells `datasets` where they are."""
    data = folder / "data"
    data.mkdir(parents=True)
    columns = export.columns(kind)
    head = _Peek(batches)
    counts: list[int] = []
    while head.more() or not counts:
        counts.append(_parquet(head.take(_SHARD), columns, data / f"{len(counts)}"))
    for i in range(len(counts)):
        (data / f"{i}").rename(data / f"{kind}-{i:05d}-of-{len(counts):05d}.parquet")
    (folder / "README.md").write_text(_card(kind, sum(counts), columns, runs), encoding="utf-8")
    return sum(counts)


class _Peek:
    """Batches that can be asked whether there are more, and taken up to a number of rows."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._next = next(batches, None)

    def more(self) -> bool:
        return self._next is not None

    def take(self, rows: int) -> Iterator[pa.RecordBatch]:
        while self._next is not None and rows > 0:
            batch, self._next = self._next, next(self._batches, None)
            rows -= batch.num_rows
            yield batch


def _card(kind: str, rows: int, columns: pa.Schema, runs: Sequence[RunFolder]) -> str:
    from honne._version import __version__
    from honne.report.markdown import escape, table

    facts = [_facts(run) for run in runs]
    meaning = "one row per item, sample and judgment" if kind == "rows" else f"one row per record of `{kind}`"
    lines = [
        "---",
        "pretty_name: honne export",
        "tags:",
        "- honne",
        "- evaluation",
        "configs:",
        f"- config_name: {kind}",
        "  default: true",
        "  data_files:",
        "  - split: train",
        f"    path: data/{kind}-*.parquet",
        "---",
        "",
        "# What a language model was asked, what it answered, and how that was judged",
        "",
        f"Written by honne {__version__}: {rows:,} rows, {meaning}.",
        "Answers of models and questions of benchmarks may be offensive or wrong. The questions are under the licences",
        "of their benchmarks: check these before sharing.",
        "",
        *table(("run", "model", "benchmarks", "data and licence"), facts),
        "",
        "```python",
        "from datasets import load_dataset",
        "",
        'rows = load_dataset("path/to/this/folder", split="train")',
        "```",
        "",
        "| column | type |",
        "| --- | --- |",
        *(f"| `{field.name}` | {escape(str(field.type))} |" for field in columns),
    ]
    return "\n".join(lines) + "\n"


def _facts(run: RunFolder) -> tuple[str, str, str, str]:
    spec = run.info["spec"]
    names = ", ".join(f"{b.get('name')} {b.get('version')}" for b in spec["benchmarks"])
    found = run.info.get("data") or []
    data = ", ".join(sorted({f"{d.get('dataset')} ({d.get('licence')})" for d in found if isinstance(d, dict)}))
    return run.name, str(spec["model"].get("name")), names, data or "of the user's own"
