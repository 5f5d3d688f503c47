"""Rows as other tools write them: JSON in several shapes, JSON lines, CSV, TSV and Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from honne.errors import DataError, unknown
from honne.rows._encoding import decode
from honne.rows._rows import DataRow, as_object, delimited, lines, suffix_of

__all__ = ["FORMATS", "recorded_rows"]

_JSON = (".json", ".jsonl", ".ndjson")
_PARQUET = (".parquet", ".pq")
FORMATS = (*_JSON, ".csv", ".tsv", *_PARQUET)


def recorded_rows(
    data: bytes, path: Path, encoding: str | None = None, option: str = "--encoding "
) -> Iterator[DataRow]:
    """The rows of a file's (uncompressed) bytes; the ending of `path` tells the format, a trailing .gz is ignored.

    `encoding` does not apply to Parquet; `option` is how the user names one here, for the error. A JSON string may hold
    a lone surrogate. Raises DataError, naming the line, for what is not as the file's ending says.
    """
    where = str(path)
    suffix = suffix_of(path.name)
    if suffix not in FORMATS:
        raise DataError(f"{where}: {unknown('kind of file', suffix or path.name, FORMATS)}")
    if suffix in _PARQUET:
        return _parquet(data, where)
    text = decode(data, where, encoding, option)
    if suffix in _JSON:
        return _json(text, where, suffix)
    return delimited(text, where, "\t" if suffix == ".tsv" else ",")


# ----------------------------------------------------------------------- JSON


def _json(text: str, where: str, suffix: str) -> Iterator[DataRow]:
    """JSON or JSON lines, told apart by the content: both endings are in use for both."""
    start = text.lstrip()[:1]
    if start == "[" or (suffix == ".json" and not _first_line_is_object(text)):
        return _document(_loaded(text, where), where)
    return lines(text, where, _loaded)


def _first_line_is_object(text: str) -> bool:
    first, _, rest = text.lstrip().partition("\n")
    try:
        return isinstance(json.loads(first), dict) and bool(rest.strip())
    except (ValueError, RecursionError):
        return False


def _document(value: Any, where: str) -> Iterator[DataRow]:
    """A list of objects, an object that holds one such list (`data` first), or an object of columns."""
    if isinstance(value, dict):
        lists = {name: v for name, v in value.items() if isinstance(v, list) and v}
        of_objects = [name for name, v in lists.items() if isinstance(v[0], dict)]
        if "data" in of_objects or len(of_objects) == 1:
            value = lists["data" if "data" in of_objects else of_objects[0]]
        elif lists and len(lists) == len(value) and not of_objects:
            lengths = {name: len(v) for name, v in lists.items()}
            if len(set(lengths.values())) > 1:
                raise DataError(f"{where}: the columns differ in length: {lengths}")
            value = [dict(zip(lists, cells, strict=True)) for cells in zip(*lists.values(), strict=True)]
    if not isinstance(value, list):
        raise DataError(
            f"{where}: expected a list of objects, an object with such a list under 'data', or an object of columns"
        )
    for number, row in enumerate(value, 1):
        place = f"{where} entry {number}"
        yield DataRow(place, as_object(row, place))


def _loaded(text: str, place: str) -> Any:
    try:
        # The standard parser keeps a lone surrogate (many tools write them), which can then be mended and counted.
        return json.loads(text)
    except json.JSONDecodeError as e:
        line = f" line {e.lineno}" if "\n" in text.strip() else ""
        raise DataError(f"{place}{line}: broken JSON at column {e.colno}: {e.msg}") from None
    except RecursionError:
        raise DataError(f"{place}: JSON is nested too deeply") from None
    except ValueError as e:
        raise DataError(f"{place}: broken JSON: {e}") from None


# -------------------------------------------------------------------- Parquet


def _parquet(data: bytes, where: str) -> Iterator[DataRow]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        for batch in pq.ParquetFile(pa.BufferReader(data)).iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield DataRow(f"{where} row {number}", row)
    except (pa.ArrowException, OSError, ValueError, OverflowError, NotImplementedError) as e:
        text = " ".join(str(e).split())
        raise DataError(f"{where}: not a readable Parquet file ({text})") from None
