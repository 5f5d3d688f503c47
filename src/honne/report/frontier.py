"""`honne frontier`: what each point gained and what it cost, on the terminal and as Markdown, CSV and JSON."""

from __future__ import annotations

import csv as csv_file
import io
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from honne.report import json as report_json
from honne.report._frontier_text import (
    base_axis,
    change,
    columns,
    methods,
    notes,
    number,
    range_of,
    row_name,
    standing,
    title,
)
from honne.report._text import NO_VALUE, WITHHELD, broken, count, oneline
from honne.report.csv import cell
from honne.report.markdown import escape, table

if TYPE_CHECKING:
    from honne.engine.tradeoff import Frontier, Tradeoff
    from honne.metrics._tradeoff import Axis

__all__ = ["FORMATS", "csv", "json", "markdown", "print_frontier", "render"]

FORMATS = ("html", "md", "json", "csv")
# What a narrow screen shows.
_FIRST = ("safety", "over-refusal", "capability", "CS", "CSS")
_FIELDS = ("before", "before_low", "before_high", "after", "after_low", "after_high", "difference", "low", "high")


def render(format: str, found: Frontier) -> str:
    """The frontier in one of `FORMATS`."""
    if format == "html":
        from honne.report import frontier_page

        return frontier_page.render(found)
    return {"md": markdown, "json": json, "csv": csv}[format](found)


# ------------------------------------------------------------------ terminal


def print_frontier(found: Frontier, console: Console) -> None:
    """A table of the points, a sentence for each, and how they stand to each other."""
    console.print(Text.assemble(("honne frontier ", "bold red"), (title(found), "bold")))
    console.print()
    console.print(Padding(_points(found, console.width), (0, 0, 0, 1)))
    for point in found.points:
        console.print()
        name = oneline(point.name, 60) + (f" ({point.seeds} seeds)" if point.seeds > 1 else "")
        console.print(Text.assemble((name, "bold"), "  ", _mark(point)))
        console.print(Padding(Text(oneline(point.sentence, 2000)), (0, 2)))
    if len(found.points) == 1:
        console.print()
        console.print(Padding(_axes(found.points[0], console.width), (0, 0, 0, 1)))
    lines = standing(found)
    if lines:
        console.print()
        for line in lines:
            console.print(Padding(Text(line), (0, 1)))
    console.print()
    for note in notes(found):
        console.print(Text(f"note: {note}", "dim"))
    console.print(Text(methods(found), "dim"))


def _mark(point: Tradeoff) -> tuple[str, str]:
    return ("proven", "bold green") if point.verdict.proven else ("not proven", "yellow")


def _points(found: Frontier, width: int) -> Table:
    out = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    out.add_column("", no_wrap=True, max_width=24)
    fit = max(3, (width - 26) // 15)
    first = [head for head, _ in sorted(columns(found), key=lambda column: column[0] not in _FIRST)][:fit]
    shown = [column for column in columns(found) if column[0] in first]
    for head, _ in shown:
        out.add_column(head, justify="right", no_wrap=True)
    starts = [base_axis(cells) for _, cells in shown]
    out.add_row(
        Text(f"{oneline(found.base, 18)} (base)"), *(number(axis.before, axis) if axis else NO_VALUE for axis in starts)
    )
    for i, point in enumerate(found.points):
        cells = [Text(change(of[i]), "dim" if _nothing(of[i]) else "") for _, of in shown]
        out.add_row(Text(oneline(point.name, 24)), *cells)
    return out


def _nothing(axis: Axis | None) -> bool:
    """Whether an axis shows no change."""
    return axis is None or axis.low is None or axis.high is None or axis.low <= 0 <= axis.high


def _axes(point: Tradeoff, width: int) -> Table:
    out = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    heads = ["", "before", "after", "change", "95% interval", "at worst", "n", "missing"]
    room = 46 if width >= 110 else 13
    out.add_column("", max_width=room)
    for head in heads[1:]:
        out.add_column(head, justify="right", no_wrap=True)
    for axis in point.axes:
        # That every kind of question is answered in the known shapes is worth one line here.
        if axis.role == "well-formedness" and not axis.lead:
            continue
        name, *cells = _cells(axis)
        out.add_row(Text(broken(name, room)), *map(Text, cells), style="" if axis.lead else "dim")
    return out


def _cells(axis: Axis) -> list[str]:
    n = [count(axis.n), count(axis.n_missing)]
    if axis.withheld or axis.difference is None:
        return [row_name(axis), *([WITHHELD if axis.withheld else NO_VALUE] * 2), *([NO_VALUE] * 3), *n]
    return [
        row_name(axis),
        number(axis.before, axis),
        number(axis.after, axis),
        number(axis.difference, axis, signed=True),
        range_of(axis.low, axis.high, axis, signed=True),
        number(axis.worst, axis, signed=True),
        *n,
    ]


# -------------------------------------------------------------------- files


def markdown(found: Frontier) -> str:
    """The sentences, the table of the points, and every axis of each."""
    shown = columns(found)
    starts = [base_axis(cells) for _, cells in shown]
    body = [[f"{found.base} (base)", *(number(axis.before, axis) if axis else NO_VALUE for axis in starts), ""]]
    for i, point in enumerate(found.points):
        body.append([point.name, *(change(cells[i]) for _, cells in shown), _mark(point)[0]])
    out = [f"# {escape(title(found))}", ""]
    out += [f"- **{escape(point.name)}**: {escape(point.sentence, 3000)}" for point in found.points]
    out += ["", *table(["", *(head for head, _ in shown), "verdict"], body), ""]
    out += [f"- {escape(line, 1000)}" for line in standing(found)]
    heads = ["axis", "before", "after", "change", "95% interval", "at worst", "n", "missing"]
    # Without indentation, a row has its whole name.
    for point in found.points:
        out += [
            "",
            f"## {escape(point.name)}",
            "",
            *table(heads, [[axis.name, *_cells(axis)[1:]] for axis in point.axes]),
        ]
    return "\n".join(
        [*out, "", *(f"- {escape(note, 1000)}" for note in notes(found)), "", escape(methods(found), 2000), ""]
    )


def json(found: Frontier) -> str:
    """One object: every point with its axes and verdict, and every pair of points."""
    plain: dict[str, Any] = msgspec.to_builtins(found)
    for row, point in zip(plain["points"], found.points, strict=True):
        row["sentence"] = point.sentence
    return report_json.text(plain)


def csv(found: Frontier) -> str:
    """A line for every axis of every point."""
    out = io.StringIO()
    writer = csv_file.writer(out, lineterminator="\n")
    head = ["point", "base", "seeds", "proven", "role", "axis", "lead", "single", "better", "unit", *_FIELDS, "worst"]
    writer.writerow([*head, "level", "n", "n_missing", "n_unpaired", "withheld", "method"])
    for point in found.points:
        for axis in point.axes:
            row = [point.name, point.base, point.seeds, point.verdict.proven, axis.role, axis.name, axis.lead]
            row += [axis.single, axis.better, axis.unit, *(getattr(axis, name) for name in _FIELDS), axis.worst]
            row += [axis.level, axis.n, axis.n_missing, axis.n_unpaired, axis.withheld, axis.method]
            writer.writerow([cell(value) for value in row])
    return out.getvalue()
