"""All published cells as rows, and as text: terminal, Markdown, JSON, CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from honne import plugins
from honne.errors import DataError
from honne.replications import Cell, Replication

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["FORMATS", "Found", "collect", "print_found", "render"]

FORMATS = ("terminal", "md", "json", "csv")
_COLUMNS = ("source", "table", "row", "column", "published", "ours", "equal")


class Found(NamedTuple):
    """What a source gave: its cells, or why there are none."""

    name: str
    source: Replication
    cells: tuple[Cell, ...]
    missing: str | None
    notes: tuple[str, ...]


def collect(names: Iterable[str] = ()) -> list[Found]:
    """The cells of the named sources, or of all. A source without its files says so and has no cells.

    Raises ConfigError for an unknown name.
    """
    chosen = list(dict.fromkeys(names)) or plugins.names("replications")
    return [_one(name, plugins.load("replications", name)) for name in chosen]


def _one(name: str, source: Replication) -> Found:
    try:
        cells = tuple(source.cells())
    except DataError as e:
        return Found(name, source, (), str(e), ())
    return Found(name, source, cells, None, tuple(_differing(source)))


def _differing(source: Replication) -> Iterable[str]:
    from honne.data import locate

    for file in source.sources:
        found = locate(file)
        if found is not None and not found.matches:
            yield f"{file.dataset}/{file.file} differs from the published file (sha256 {found.sha256[:12]}…)"


def render(format: str, found: Sequence[Found]) -> str:
    """Markdown, JSON (a list of objects) or CSV."""
    if format == "md":
        return _markdown(found)
    rows = [dict(zip(_COLUMNS, _values(one.name, cell), strict=True)) for one in found for cell in one.cells]
    if format == "json":
        lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        return f"[\n{lines}\n]\n" if rows else "[]\n"
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _values(name: str, cell: Cell) -> tuple[str, str, str, str, float, float | None, bool | None]:
    ours = None if cell.ours is None else round(cell.ours, cell.digits + 4)
    return (name, cell.table, cell.row, cell.column, cell.published, ours, cell.equal)


def _grids(one: Found) -> dict[str, tuple[list[str], dict[str, dict[str, Cell]]]]:
    """The cells by table: its columns, and its rows of cells by column."""
    out: dict[str, tuple[list[str], dict[str, dict[str, Cell]]]] = {}
    for cell in one.cells:
        columns, rows = out.setdefault(cell.table, ([], {}))
        if cell.column not in columns:
            columns.append(cell.column)
        rows.setdefault(cell.row, {})[cell.column] = cell
    return out


def _shown(cell: Cell | None) -> str:
    """The published number where ours is the same, both where they differ."""
    if cell is None:
        return ""
    printed = f"{cell.published:,.{cell.digits}f}"
    if cell.equal:
        return printed
    return f"{printed} ≠ {'none' if cell.ours is None else f'{cell.ours:,.{cell.digits + 2}f}'}"


def _summary(found: Sequence[Found]) -> str:
    cells = [cell for one in found for cell in one.cells]
    equal = sum(cell.equal is True for cell in cells)
    return f"{equal} of {len(cells)} published numbers recomputed and equal"


def _markdown(found: Sequence[Found]) -> str:
    out = [f"{_summary(found)}.", ""]
    for one in found:
        out += [f"## {one.source.title}", "", f"`{one.name}`, {one.source.url}. Printed: {one.source.printed}.", ""]
        out += [f"Not recomputed: {one.missing}.", ""] if one.missing else []
        out += [line for note in one.notes for line in (f"Note: {note}.", "")]
        for table, (columns, rows) in _grids(one).items():
            out += [f"| {table} | {' | '.join(columns)} |", "|---" + "|--:" * len(columns) + "|"]
            out += [f"| {row} | {' | '.join(_shown(cells.get(c)) for c in columns)} |" for row, cells in rows.items()]
            out += [""]
    return "\n".join(out)


def print_found(found: Sequence[Found], console: Console) -> None:
    """One table per published table; numbers that are not equal stand out."""
    from rich.table import Table
    from rich.text import Text

    for one in found:
        console.print(Text(one.source.title, style="bold"))
        console.print(Text(f"{one.name} · {one.source.url} · {one.source.printed}", style="dim"))
        if one.missing:
            console.print(Text(f"not recomputed: {one.missing}", style="yellow"))
        for note in one.notes:
            console.print(Text(f"note: {note}", style="yellow"))
        for name, (columns, rows) in _grids(one).items():
            table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
            table.add_column(name)
            for column in columns:
                table.add_column(column, justify="right")
            for row, cells in rows.items():
                found_cells = (cells.get(column) for column in columns)
                table.add_row(row, *(Text(_shown(c), style="" if c is None or c.equal else "red") for c in found_cells))
            console.print(table)
        console.print()
    console.print(Text(_summary(found), style="bold"))
