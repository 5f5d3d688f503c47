"""Append-only records on disk: JSON lines while a run is under way, one Parquet file at the end.

A record is one `write()` on a file opened for appending, so a process killed at any instant leaves whole records and at
most one torn tail, which reading drops. A process never appends to another process's segment. When the same key was
recorded twice, the last record wins.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from honne.errors import HonneError, Stopped, StoreError
from honne.records import schema, table, tabled

__all__ = ["Journal", "os_failure", "read_all", "replace_by", "temporary", "write_atomic"]

R = TypeVar("R", bound=msgspec.Struct)
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
PARQUET = "part.parquet"


def os_failure(error: OSError, path: Path, doing: str) -> HonneError:
    """The typed error for a failed file operation: a full disk is resumable, anything else is not."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return Stopped(f"cannot {doing} {path}: {reason}. What was received is kept; free some space and run it again.")
    return StoreError(f"cannot {doing} {path}: {reason}")


def write_atomic(path: Path, content: bytes) -> None:
    """Replace a file by rename, so that a reader sees the old content or the new, never half of it."""
    replace_by(path, lambda new: new.write_bytes(content))


def temporary(path: Path) -> Path:
    """Where the new content of a file is written before it takes the file's place; a kill may leave it behind."""
    return path.with_name(f".{path.name}.tmp")


def replace_by(path: Path, write: Callable[[Path], object]) -> None:
    """`write_atomic` for content that is written to the path that `write` gets, and never held as bytes."""
    new = temporary(path)
    try:
        write(new)
        with new.open("rb") as written:
            os.fsync(written.fileno())
        new.replace(path)
    except OSError as e:
        new.unlink(missing_ok=True)
        raise os_failure(e, path, "write") from None


class Journal(Generic[R]):
    """One segment of one folder, open for appending. `append` is safe to call from a running event loop: no waiting."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd: int | None = None
        self._path = folder
        self._encoder = msgspec.json.Encoder()

    def _open(self) -> int:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            last = max((int(p.stem) for p in self._folder.glob("[0-9]*.jsonl")), default=0)
            self._path = self._folder / f"{last + 1:06d}.jsonl"
            self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as e:
            raise os_failure(e, self._path, "write") from None
        return self._fd

    def append(self, record: R) -> None:
        """Write one record. Raises Stopped when the disk is full, StoreError when the file cannot be written."""
        fd = self._open() if self._fd is None else self._fd
        line = self._encoder.encode(record) + b"\n"
        try:
            # A short write means that the disk is filling up: finish the record, or take its start back.
            while line:
                line = line[os.write(fd, line) :]
        except OSError as e:
            end = os.lseek(fd, 0, os.SEEK_END)
            os.ftruncate(fd, _whole(self._path, end))
            raise os_failure(e, self._path, "write") from None

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _whole(path: Path, size: int) -> int:
    """The length of the file up to its last complete line."""
    content = path.read_bytes()[:size]
    return content.rfind(b"\n") + 1


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.jsonl"))


def _lines(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    # Without its newline the last line is torn, even where it happens to parse.
    yield from content.split(b"\n")[:-1]


def read_all(folder: Path, record: type[R], key: Callable[[R], Any], bad: list[str] | None = None) -> dict[Any, R]:
    """Every record of a folder by key, last one wins. Lines that cannot be read are named in `bad` and left out."""
    found: dict[Any, R] = {}
    parquet = folder / PARQUET
    if parquet.is_file():
        for row in _read_parquet(parquet, record):
            found[key(row)] = row
    decoder = msgspec.json.Decoder(record)
    for segment in _segments(folder):
        for number, line in enumerate(_lines(segment), 1):
            try:
                row = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError):
                if bad is not None:
                    bad.append(f"{segment.parent.name}/{segment.name} line {number} is damaged and was left out")
                continue
            found[key(row)] = row
    return found


def _read_parquet(path: Path, record: type[R]) -> list[R]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tabled(record, pq.read_table(path))
    except (OSError, pa.ArrowException, msgspec.ValidationError) as e:
        why = (str(e).splitlines() or [type(e).__name__])[0]
        raise StoreError(
            f"cannot read {path}: {why}; restore it from a copy, or delete it and run again what made it"
        ) from None


def write_parquet(path: Path, record: type[R], rows: Iterable[R]) -> None:
    """Rows as one Parquet file, by rename. Raises Stopped when the disk is full."""
    import pyarrow.parquet as pq

    content = table(record, rows)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise os_failure(e, path.parent, "create") from None
    replace_by(path, lambda new: pq.write_table(content, new, compression="zstd"))


def compact(folder: Path, record: type[R], rows: Iterable[R]) -> None:
    """Put `rows` (all records of the folder, in their final order) into Parquet and remove the segments.

    The segments go last: killed in between, the folder holds the same records twice, and the last one wins.
    """
    segments = _segments(folder)
    parquet = folder / PARQUET
    if not segments and parquet.is_file():
        return
    write_parquet(parquet, record, rows)
    for segment in segments:
        segment.unlink()


def scan(folder: Path, record: type[R], key: Callable[[R], Any], size: int = 8192) -> Iterator[Any]:
    """The folder's records as Arrow record batches; a compacted folder is streamed, never loaded whole."""
    parquet = folder / PARQUET
    if parquet.is_file() and not _segments(folder):
        import pyarrow.parquet as pq

        with pq.ParquetFile(parquet) as source:
            for batch in source.iter_batches(batch_size=size):
                yield batch.cast(schema(record))
        return
    rows = list(read_all(folder, record, key).values())
    yield from table(record, rows).to_batches(max_chunksize=size)
