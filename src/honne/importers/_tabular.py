"""Files of rows (JSONL, JSON, CSV, TSV, Parquet, each also gzipped) as tables whose cells can be read as text."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honne.data import DataRow, decode, parse_rows, read_bytes
from honne.errors import DataError, unknown

__all__ = ["ABSENT", "Table", "read_table", "stem", "text_of", "walk"]

_JSON = (".json", ".jsonl", ".ndjson")
_PARQUET = (".parquet", ".pq")
_FORMATS = (*_JSON, ".csv", ".tsv", *_PARQUET)
ABSENT = object()


@dataclass(frozen=True)
class Table:
    """A file's rows. `columns` are the top-level names, in order of appearance; `blank_rows` rows held nothing."""

    path: Path
    columns: tuple[str, ...]
    rows: Sequence[DataRow]
    source: Mapping[str, Any]
    blank_rows: int

    @property
    def stem(self) -> str:
        return stem(self.path)


def stem(path: Path) -> str:
    """The file's name without `.gz` and without its format's ending."""
    name = path.name.removesuffix(".gz")
    suffix = Path(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in _FORMATS else name


def read_table(path: Path, encoding: str | None = None) -> Table:
    """Read a whole file. Raises DataError, naming the line, for what is not as the file's ending says.

    `encoding` does not apply to Parquet. A row without any value (spreadsheets leave such) is dropped and counted.
    """
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix not in _FORMATS:
        raise DataError(f"{path}: {unknown('kind of file', suffix or path.name, _FORMATS)}")
    data = read_bytes(path)
    where = str(path)
    found: Iterable[DataRow]
    if suffix in _PARQUET:
        found = _parquet(data, where)
    else:
        text = decode(data, where, encoding)
        found = _json(text, where, suffix) if suffix in _JSON else parse_rows(text, f"rows{suffix}", where)
    total = 0
    rows: list[DataRow] = []
    columns: dict[str, None] = {}
    for row in found:
        total += 1
        columns.update(dict.fromkeys(row.fields))
        if any(value is not None and value != "" for value in row.fields.values()):
            rows.append(row)
    if not rows:
        raise DataError(f"{path}: no rows")
    source = {"file": path.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "rows": total}
    # A column without a name (an index that was saved along) cannot be mapped.
    return Table(path, tuple(c for c in columns if c), rows, source, total - len(rows))


# ----------------------------------------------------------------------- JSON


def _json(text: str, where: str, suffix: str) -> Iterator[DataRow]:
    """JSON or JSON lines, told apart by the content: both endings are in use for both."""
    start = text.lstrip()[:1]
    if start == "[" or (suffix == ".json" and not _first_line_is_object(text)):
        return _document(_loaded(text, where), where)
    return _lines(text, where)


def _first_line_is_object(text: str) -> bool:
    first, _, rest = text.lstrip().partition("\n")
    try:
        return isinstance(json.loads(first), dict) and bool(rest.strip())
    except (ValueError, RecursionError):
        return False


def _lines(text: str, where: str) -> Iterator[DataRow]:
    # Only \n ends a line: str.splitlines() would also cut at U+2028 inside a string.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{where} line {number}"
        value = _loaded(line, place)
        if not isinstance(value, dict):
            raise DataError(f"{place}: expected a JSON object, got {_kind(value)}")
        yield DataRow(place, value)


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
        if not isinstance(row, dict):
            raise DataError(f"{place}: expected a JSON object, got {_kind(row)}")
        yield DataRow(place, row)


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


def _kind(value: object) -> str:
    kinds = {list: "a list", dict: "an object", bool: "true or false", str: "text", type(None): "null"}
    return kinds.get(type(value), "a number")


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


# ---------------------------------------------------------------------- cells


def walk(fields: Mapping[str, Any], path: Sequence[str]) -> Any:
    """The value at a path of names (list positions are numbers), or ABSENT."""
    value: Any = fields
    for name in path:
        if isinstance(value, Mapping) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return ABSENT
    return value


def text_of(value: Any) -> str | None:
    """A cell as text; None when there is none (absent, null, NaN).

    Text is kept as it is; true and false as JSON writes them; numbers in their shortest form, a whole one without a
    fraction (1.0 is `1`); lists and objects as JSON.
    """
    if isinstance(value, str):
        return value
    if value is None or value is ABSENT:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
