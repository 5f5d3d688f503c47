"""Files of rows (JSONL, JSON, CSV, TSV, Parquet, each also gzipped) as tables whose cells can be read as text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honne import rows
from honne.errors import DataError
from honne.rows import FORMATS, DataRow, read_bytes, recorded_rows

__all__ = ["ABSENT", "Table", "read_table", "stem", "text_of", "walk"]

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
    return name.removesuffix(suffix) if suffix.lower() in FORMATS else name


def read_table(path: Path, encoding: str | None = None) -> Table:
    """Read a whole file. Raises DataError, naming the line, for what is not as the file's ending says.

    `encoding` does not apply to Parquet. A row without any value (spreadsheets leave such) is dropped and counted.
    """
    data = read_bytes(path)
    total = 0
    found: list[DataRow] = []
    columns: dict[str, None] = {}
    for row in recorded_rows(data, path, encoding):
        total += 1
        columns.update(dict.fromkeys(row.fields))
        if any(value is not None and value != "" for value in row.fields.values()):
            found.append(row)
    if not found:
        raise DataError(f"{path}: no rows")
    source = {"file": path.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "rows": total}
    # A column without a name (an index that was saved along) cannot be mapped.
    return Table(path, tuple(c for c in columns if c), found, source, total - len(found))


# ----------------------------------------------------------------------- JSON


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
    """`honne.rows.text_of` of what `walk` found: None also where there was nothing."""
    return None if value is ABSENT else rows.text_of(value)
