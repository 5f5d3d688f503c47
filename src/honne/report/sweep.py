"""`honne sweep`: one table of what every configuration gained and cost, which one is recommended, and its test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from honne.report._frontier_text import base_axis, change, columns, number, range_of
from honne.report._sweep_text import baseline, doubts, learnt, standing, table_of, title, tried
from honne.report._text import NO_VALUE, oneline

if TYPE_CHECKING:
    from honne.align.sweep import Sweep
    from honne.metrics._tradeoff import Axis

__all__ = ["print_sweep", "render"]

_FIRST = ("safety", "over-refusal", "capability", "malformed", "attack success", "CS", "CSS")
_NAMES = 40
_COLOURS = {"recommended": "bold green", "tied": "green", "passes": "", "does not pass": "yellow", "broken": "red"}


def render(found: Sweep) -> str:
    """The sweep as one HTML file."""
    from honne.report import sweep_page

    return sweep_page.render(found)


def print_sweep(found: Sweep, console: Console) -> None:
    """The table, the choice and its rule, what is doubtful, and the test."""
    console.print()
    console.print(Text.assemble(("honne sweep ", "bold red"), (title(found), "bold")))
    console.print()
    console.print(Padding(_table(found, console.width), (0, 0, 0, 1)))
    console.print()
    for row in found.rows:
        word, why = standing(found, row)
        if why:
            console.print(
                Padding(Text.assemble((oneline(row.name, 40), "bold"), f"  {oneline(f'{word}: {why}', 600)}"), (0, 1))
            )
    console.print()
    console.print(Text(oneline(found.choice.words, 1000), "bold"))
    for line in (*baseline(found), doubts(found), tried(found), *learnt(found)):
        console.print(Text(line))
    _test(found, console)
    console.print()
    console.print(Text(f"rule: {found.rule} Margin: {100 * found.margin:g} points.", "dim"))
    for note in found.notes:
        console.print(Text(f"note: {oneline(note, 400)}", "dim"))


def _table(found: Sweep, width: int) -> Table:
    out = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    out.add_column("", no_wrap=True, max_width=_NAMES)
    every = table_of(found)
    places = {point.name: i for i, point in enumerate(every.points)} if every is not None else {}
    heads = columns(every) if every is not None else []
    names = min(_NAMES, max(len(row.name) for row in found.rows))
    fit = max(3, (width - names - 18) // 16)
    first = [head for head, _ in sorted(heads, key=lambda h: _FIRST.index(h[0]) if h[0] in _FIRST else 99)][:fit]
    shown = [(head, cells) for head, cells in heads if head in first]
    for head, _ in shown:
        out.add_column(head, justify="right", no_wrap=True)
    out.add_column("on tuning runs", no_wrap=True)
    starts = [base_axis(cells) for _, cells in shown]
    out.add_row(Text("base"), *(number(axis.before, axis) if axis else NO_VALUE for axis in starts), "")
    for row in found.rows:
        i = places.get(row.name)
        cells = [_cell(of[i]) if i is not None else NO_VALUE for _, of in shown]
        word, _ = standing(found, row)
        style = "dim" if row.broken else ""
        out.add_row(
            Text(oneline(row.name, _NAMES), style), *(Text(c, style) for c in cells), Text(word, _COLOURS[word])
        )
    return out


def _cell(axis: Axis | None) -> str:
    """A value with its change, and the change's interval under it."""
    if axis is None or axis.withheld or axis.difference is None:
        return change(axis)
    return f"{change(axis)}\n{range_of(axis.low, axis.high, axis, signed=True)}"


def _test(found: Sweep, console: Console) -> None:
    console.print()
    if found.test is None:
        console.print(Text("Test: not run. Nothing is recommended, so the test questions were not looked at."))
        return
    allowed = f"{100 * found.margin:g} points may be lost on each axis"
    console.print(Text(f"Test, on questions that nothing was chosen by ({allowed}):", "bold"))
    for point in found.test.points:
        mark = ("proven", "bold green") if point.verdict.proven else ("not proven", "yellow")
        console.print(Padding(Text.assemble((oneline(point.name, 40), "bold"), "  ", mark), (0, 1)))
        console.print(Padding(Text(oneline(point.sentence, 2000)), (0, 3)))
