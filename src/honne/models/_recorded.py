"""Reading recorded answers: rows of a JSONL, JSON, CSV, TSV or Parquet file (also `.gz`) with where each one stood."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from honne.errors import DataError
from honne.models._chat import loose_json

__all__ = ["rows"]


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each record with its place (`line 17`, `record 3`). Raises DataError for what cannot be read."""
    suffixes = [s.lower() for s in path.suffixes]
    zipped = bool(suffixes) and suffixes[-1] == ".gz"
    kind = (suffixes[:-1] if zipped else suffixes)[-1:] or [".jsonl"]
    if kind == [".parquet"]:
        yield from _parquet(path)
        return
    raw = _bytes(path, zipped)
    if kind in ([".csv"], [".tsv"]):
        yield from _csv(path, raw, "\t" if kind == [".tsv"] else ",")
    elif kind == [".json"]:
        yield from _json(path, raw)
    else:
        yield from _jsonl(path, raw)


def _bytes(path: Path, zipped: bool) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if zipped else raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise DataError(f"{path} is not a whole gzip file: {e}") from None
    except OSError as e:
        raise DataError(f"cannot read recorded answers {path}: {e.strerror or e}") from None


def _jsonl(path: Path, raw: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(raw.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = _decode(line)
        except (ValueError, RecursionError) as e:
            raise DataError(f"{path}: line {number} is not JSON: {e}") from None
        yield f"line {number}", _object(path, f"line {number}", record)


def _decode(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except ValueError as e:
        try:
            return loose_json(raw.decode())  # msgspec refuses lone surrogates, which recordings do hold
        except ValueError:
            raise e from None


def _json(path: Path, raw: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        records = _decode(raw.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as e:
        raise DataError(f"{path} is not JSON: {e}") from None
    if not isinstance(records, list):
        raise DataError(f"{path}: expected a JSON list of records (one record a line is a .jsonl file)")
    for number, record in enumerate(records, 1):
        yield f"record {number}", _object(path, f"record {number}", record)


def _object(path: Path, place: str, record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise DataError(f"{path}: {place} is not a JSON object")
    return record


def _csv(path: Path, raw: bytes, delimiter: str) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise DataError(f"{path} is not UTF-8 (byte {e.start}): save it as UTF-8") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for record in reader:
            place = f"line {reader.line_num}"
            if None in record or None in record.values():
                raise DataError(f"{path}: {place} has not as many fields as the header")
            yield place, {k: v for k, v in record.items() if k is not None}
    except csv.Error as e:
        raise DataError(f"{path}: line {reader.line_num} is not CSV: {e}") from None


def _parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        records = pq.read_table(path).to_pylist()
    except (pa.ArrowException, OSError) as e:
        raise DataError(f"cannot read recorded answers {path}: {str(e).splitlines()[0]}") from None
    for number, record in enumerate(records, 1):
        yield f"record {number}", record
