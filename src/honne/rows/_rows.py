"""Strict reading of row files (JSON lines, JSON, CSV, TSV; also .gz): a bad line is named, never skipped or mended."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from honne.errors import DataError, nearest, unknown

__all__ = ["DataRow", "as_object", "delimited", "kind", "lines", "parse_rows", "read_bytes", "suffix_of"]

_FORMATS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
# What spreadsheets part columns by, whatever the file is called.
_MARKS = {";": "semicolons", "\t": "tabs", ",": "commas"}
# One field may hold a whole document; the csv module's own limit is 128 KiB.
_FIELD_LIMIT = 1 << 27


class DataRow(NamedTuple):
    """One row: `where` is the place to name in an error (`FILE line 17`), `fields` its columns."""

    where: str
    fields: Mapping[str, Any]

    def text(self, column: str) -> str:
        """A column that must hold text that is not blank, as it is. Raises DataError."""
        value = self.optional(column)
        if value is None:
            state = "is blank" if column in self.fields else "is missing"
            raise DataError(f"{self.where}: column {column!r} {state}")
        return value

    def optional(self, column: str) -> str | None:
        """A column as text; None when it is missing (absent, null, NaN) or blank.

        Numbers and booleans are given as JSON writes them.
        """
        value = self.fields.get(column)
        if value is None or value != value or (isinstance(value, str) and not value.strip()):
            return None
        if isinstance(value, str):
            return value
        if isinstance(value, bool | int | float):
            return msgspec.json.encode(value).decode()
        raise DataError(f"{self.where}: column {column!r} holds {kind(value)}, not text")


def kind(value: object) -> str:
    """What a JSON value is, in words for an error."""
    kinds = {list: "a list", dict: "an object", bool: "true or false", str: "text", type(None): "null"}
    return kinds.get(type(value), "a number")


def read_bytes(path: Path) -> bytes:
    """The bytes of a file, uncompressed when its name ends in .gz. Raises DataError."""
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (EOFError, gzip.BadGzipFile, zlib.error) as e:
        raise DataError(f"{path}: not a complete gzip file ({e})") from None
    except FileNotFoundError:
        beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = nearest(path.name, beside)
        raise DataError(f"{path}: no such file" + (f"; did you mean {near}?" if near else "")) from None
    except OSError as e:
        raise DataError(f"cannot read {path}: {e.strerror or e}") from None
    except ValueError as e:  # a name that no file can have: with a zero byte in it
        raise DataError(f"cannot read {str(path)!r}: {e}") from None


# ------------------------------------------------------------------- rows


def parse_rows(text: str, name: str, where: str) -> list[DataRow]:
    """The rows of a text whose format is told by `name` (a trailing .gz is ignored); `where` names it in errors.

    Raises DataError for the first line that is not what it should be, and for a file without rows.
    """
    suffix = suffix_of(name)
    if suffix not in _FORMATS:
        raise DataError(f"{where}: {unknown('kind of file', suffix or name, _FORMATS)}")
    if suffix == ".json":
        rows = list(_json(text, where))
    elif suffix in (".csv", ".tsv"):
        rows = list(delimited(text, where, "\t" if suffix == ".tsv" else ","))
    else:
        rows = list(lines(text, where, _decoded))
    if not rows:
        raise DataError(f"{where}: no rows")
    return rows


def suffix_of(name: str) -> str:
    """The ending that tells a file's format: in lower case, and the one before a .gz."""
    return Path(name.removesuffix(".gz")).suffix.lower()


def lines(text: str, where: str, load: Callable[[str, str], Any]) -> Iterator[DataRow]:
    """JSON lines, each read by `load(line, place)`; blank ones are left out."""
    # Only \n ends a line: str.splitlines() would also cut at U+2028 inside a string.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            place = f"{where} line {number}"
            yield DataRow(place, as_object(load(line, place), place))


def _json(text: str, where: str) -> Iterator[DataRow]:
    value = _decoded(text, where)
    if not isinstance(value, list):
        raise DataError(f"{where}: expected a list of objects, got {kind(value)} (JSON lines are named .jsonl)")
    for number, entry in enumerate(value, 1):
        place = f"{where} entry {number}"
        yield DataRow(place, as_object(entry, place))


def _decoded(text: str, place: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as e:
        raise DataError(f"{place}: not valid JSON ({e})") from None


def as_object(value: Any, place: str) -> dict[str, Any]:
    """A row of JSON, which must be an object. Raises DataError."""
    if not isinstance(value, dict):
        raise DataError(f"{place}: expected a JSON object, got {kind(value)}")
    return value


def delimited(text: str, where: str, delimiter: str) -> Iterator[DataRow]:
    """CSV or TSV with a header; a row has as many fields as that. Raises DataError."""
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    start = 1
    while True:
        place = f"{where} line {start}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as e:
            raise DataError(f"{place}: not valid CSV ({e})") from None
        start = reader.line_num + 1
        if not cells:
            continue
        if header is None:
            header = cells
            if len(cells) == 1 and (apart := next((m for m in _MARKS if m != delimiter and m in cells[0]), None)):
                what, wanted = _MARKS[apart], _MARKS[delimiter]
                raise DataError(f"{place}: its columns are parted by {what}, not by {wanted}: save it with {wanted}")
            # Spreadsheets leave columns without a name, which nothing can ask for.
            twice = sorted({c for c in cells if c and cells.count(c) > 1})
            if twice:
                raise DataError(f"{place}: column {twice[0]!r} is named twice")
            continue
        if len(cells) != len(header):
            raise DataError(f"{place}: {len(cells)} fields, but the header has {len(header)}")
        yield DataRow(place, dict(zip(header, cells, strict=True)))
