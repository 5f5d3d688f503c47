"""The report in a terminal. Everything printed from data goes through `Text`, never through rich's mark-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from honne.records import Estimate
from honne.report._attacks import attack_grid, folded, means
from honne.report._blocks import Block, Branch, Line, arrange, face_slices, labels, methods
from honne.report._facts import facts, flags
from honne.report._grids import Grid, GridRow, agreement, unpooled
from honne.report._overview import overview
from honne.report._reading import reading, title
from honne.report._sentences import Sentence, Strong
from honne.report._text import (
    NO_VALUE,
    Axis,
    axis,
    bounds,
    broken,
    category,
    count,
    interval,
    level,
    oneline,
    scale_of,
    spread,
    value,
)
from honne.report._ties import Tests, tied
from honne.report.calibration import print_sections
from honne.report.compare import print_compare
from honne.report.model import RunReport
from honne.report.show import show_item
from honne.report.values import print_profile

__all__ = ["print_compare", "print_report", "show_item"]

_ROWS = 40
CORRECTED = (
    "corrected: for the judge's errors, by people's labels (the section on the calibration); above it the judge's own"
)
# What agrees with itself: all judges of the same answers, and those that a judge is made of.
_MANY = ("all ", "its ")
# Pairs of judges: those of four.
_PAIRS = 6


def print_report(
    runs: Sequence[RunReport], console: Console, tests: Tests | None = None, frame: str | None = None
) -> None:
    """Print the report of one run, or of several side by side, to fit the console's width (80 columns and more)."""
    named = labels(runs)
    print_summary(runs, console, tests)
    blocks = arrange(runs)
    if found := overview(blocks):
        _heading(console, "overview")
        _categories(console, *found, what="benchmark")
        _how(console, [branch.line for branch in found[1]])
    if frame is not None:
        print_profile(runs, named, frame, console)
    for block in blocks:
        if not folded(block, blocks):
            _block(console, block, tests, agreement(block, blocks))
            _attacks(console, block, attack_grid(block, blocks))
    for name, run in zip(named, runs, strict=True):
        if run.calibration is not None and run.calibration.stale is None:
            _heading(console, f"calibration: {name}")
            print_sections(run, console)
    _accounting(console, runs, named)
    _costs(console, runs, named)
    _notes(console, runs, named)


def print_summary(runs: Sequence[RunReport], console: Console, tests: Tests | None = None) -> None:
    """What the numbers say, in a few sentences, with whatever a reader must know first."""
    named = labels(runs)
    console.print(Text.assemble(("honne ", "bold red"), (title(runs), "bold")))
    for name, run in zip(named, runs, strict=True):
        for flag in flags(run):
            where = f"{name}: " if len(runs) > 1 else ""
            console.print(Text(f"! {where}{flag.kind}: {flag.text}", "yellow"))
    console.print()
    said = Table.grid(padding=(0, 1))
    for sentence in reading(runs, tests):
        said.add_row("-" if console.options.ascii_only else "•", _styled(sentence))
    console.print(Padding(said, (0, 2)))


def _styled(sentence: Sentence) -> Text:
    """`n = 60` without its spaces: rich would break the line there, for it takes no space as unbreakable."""
    close = [(part, part.replace("\u00a0=\u00a0", "=")) for part in sentence]
    return Text.assemble(*((text, "bold") if isinstance(part, Strong) else text for part, text in close))


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, "bold"), Text("─" * min(console.width, 100), "dim"), sep="\n")


def _table(**columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name, justify in columns.items():
        table.add_column(Text(name.replace("_", " ")), justify="right" if justify == "right" else "left")
    return table


def _dim(console: Console, text: str) -> None:
    console.print(Padding(Text(text, "dim"), (0, 0, 0, 2)))


# -------------------------------------------------------------------- blocks


def block_name(block: Block) -> str:
    """`flames · judge …`."""
    parts = [oneline(block.benchmark), f"attack {oneline(block.attack)}" if block.attack else ""]
    return " · ".join(
        p for p in [*parts, f"judge {oneline(block.judge)}" if block.judge else "from the items alone"] if p
    )


def _block(console: Console, block: Block, tests: Tests | None, agreed: Grid | None) -> None:
    _heading(console, block_name(block))
    if block.headlines:
        _lines(console, block, block.beside(block.headlines), tests)
    if block.minor:
        return
    if grid := unpooled(block):
        _grid(console, "metrics without an overall value, by top category", grid, len(block.runs) > 1)
    if agreed:
        _agreement(console, block, agreed)
    for line, below in block.fronts:
        console.print()
        console.print(Text(f"  {block.name(line)} by category", "bold"))
        _categories(console, block, below[:_ROWS])
        if len(below) > _ROWS:
            _dim(console, f"{len(below) - _ROWS} more categories: --format csv")
    for column, (_, name) in enumerate(block.runs):
        _faces(console, block, column, name)
    # An id is typed again, so it is never cut.
    ids = dict.fromkeys(oneline(bad.examples[0].parts[0].item_id, 200) for _, bad in block.worst if bad.examples)
    if ids and len(block.runs) == 1:
        _dim(console, f"to read answers of the worst categories: honne show RUN ITEM, with {', '.join([*ids][:5])}")


def _agreement(console: Console, block: Block, grid: Grid) -> None:
    """Every pair of judges; of many only those with the first one, and what all of them reach."""
    first = oneline(block.judge or "")
    pairs = tuple(row for row in grid.rows if first in (row.what, row.reference) or row.reference.startswith(_MANY))
    shown = replace(grid, rows=pairs) if pairs and len(grid.rows) > _PAIRS * len(block.runs) else grid
    _grid(console, "agreement between judges", shown, len({row.run for row in grid.rows}) > 1)
    if shown is not grid:
        _dim(console, f"{len(grid.rows) - len(pairs)} more pairs of judges: --format html, md or csv")


def _attacks(console: Console, block: Block, grid: Grid | None) -> None:
    if grid is None:
        return
    _grid(console, "under attack", grid, len(block.runs) > 1)
    if found := means(block):
        console.print()
        _lines(console, block, found, None)


def _lines(console: Console, block: Block, lines: list[Line], tests: Tests | None) -> None:
    """The lines with their intervals drawn; those on another scale in a table of their own."""
    scales: dict[str, list[Line]] = {}
    for line in lines:
        scales.setdefault(scale_of(line.first), []).append(line)
    for alike in scales.values():
        _drawn(console, block, alike, tests)


def _drawn(console: Console, block: Block, lines: list[Line], tests: Tests | None) -> None:
    wide = console.width >= 76
    several = len(block.runs) > 1
    names = [block.name(line) for line in lines] + [f"  {name} (ab)" for _, name in block.runs]
    room = max(17, min(41, console.width - min(34, max(map(cell_len, names))) - 44))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(Text("run" if several else "metric"), overflow="fold", max_width=34)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("interval", no_wrap=True)
    scale = axis([e for line in lines for e in line.found])
    if wide:
        table.add_column(_ruler(scale, room), no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("missing", justify="right", no_wrap=True)
    notes = []
    for line in lines:
        groups = tied(block, line, tests)
        if several:
            table.add_row(Text(block.name(line), "bold"))
        for (_, name), e, group in zip(block.runs, line.cells, groups, strict=True):
            label = f"  {name}" + (f" ({group})" if group else "") if several else block.name(line)
            if e is None:
                table.add_row(Text(label), Text(NO_VALUE))
                continue
            cells = [Text(label), Text(value(e), "bold"), Text(interval(e))]
            cells += [bar(e, scale, room, console.options.ascii_only)] if wide else []
            table.add_row(*cells, Text(count(e.n)), Text(count(e.n_missing) if e.n_missing else "0"))
            if (limits := bounds(e)) and not e.withheld:
                who = f"{name} {e.metric}" if several else e.metric
                notes.append(f"{who} {limits}")
    console.print(table)
    if notes:
        _dim(console, f"had all missing been the worst–the best: {', '.join(notes[:12])}")
    _how(console, lines)
    if any(line.first.corrected for line in lines):
        _dim(console, CORRECTED)
    if any(groups and groups[0] for groups in (tied(block, line, tests) for line in lines)):
        _dim(console, "runs that share a letter are not separated by the paired tests")


def _grid(console: Console, title: str, grid: Grid, several: bool) -> None:
    """One row per slice or pair of judges (several runs: and run), one column per metric.

    Where the console is too narrow, judges are named above the table and letters stand for them, and values stand
    above their intervals; where that does not help, in two tables.
    """
    heads = [name.replace("_", " ") for name in grid.metrics]
    names = [_grid_name(row, several) for row in grid.rows]
    cells = [[_brief(e).strip() for e in row.cells] for row in grid.rows]
    n = 2 + max(len(spread(e.n for e in row.found)) for row in grid.rows)
    width = max(cell_len(name) for pair in names for name in pair)
    each = 2 + max(cell_len(text) for line in (heads, *cells) for text in line)
    gap, letters = 2, dict[str, str]()
    if console.width < 2 + width + n + each * len(heads):
        gap, letters = 1, _letters(grid)
        stood = [
            replace(r, what=letters.get(r.what, r.what), reference=letters.get(r.reference, r.reference))
            for r in grid.rows
        ]
        width = max(16, console.width // 4)
        names = [(broken(group, width), broken(name, width)) for group, name in (_grid_name(r, several) for r in stood)]
        cells = [[text.replace(" ", "\n", 1).replace(" ?", "\n?") for text in line] for line in cells]
        width = min(width, max(cell_len(part) for pair in names for name in pair for part in name.split("\n")))
        shown = [word for head in heads for word in head.split()]
        each = 1 + max(map(cell_len, [*shown, *(part for line in cells for text in line for part in text.split("\n"))]))
    fit = max(1, (console.width - 2 - width - n) // each)
    fit = -(-len(heads) // -(-len(heads) // fit))
    console.print()
    console.print(Text(f"  {title}", "bold"))
    for judge, letter in letters.items():
        console.print(Padding(Text(broken(f"{letter}  {judge}", console.width - 2)), (0, 0, 0, 2)))
    for start in range(0, len(heads), fit):
        table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
        table.add_column("", overflow="fold", max_width=width)
        table.add_column("n", justify="right", no_wrap=True)
        for head in heads[start : start + fit]:
            table.add_column(Text(head), max_width=each - gap)
        last = ""
        for (group, name), row, line in list(zip(names, grid.rows, cells, strict=True))[:_ROWS]:
            if group != last:
                table.add_row(Text(group, "bold"))
                last = group
            table.add_row(Text(name), Text(spread(e.n for e in row.found)), *map(Text, line[start : start + fit]))
        console.print(Padding(table, (0, 0, 0, 2)))
    if len(grid.rows) > _ROWS:
        _dim(console, f"{len(grid.rows) - _ROWS} more rows: --format md, html or csv")
    if any(e.n_missing for row in grid.rows for e in row.found):
        _dim(console, "?k: k units are missing")
    _how(console, grid.lines)


def _letters(grid: Grid) -> dict[str, str]:
    """A letter for each judge that is compared with another one: A … Z, A1 …"""
    judges = dict.fromkeys(name for row in grid.rows if row.reference for name in (row.what, row.reference))
    named = [name for name in judges if not name.startswith(_MANY)]
    return {name: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i % 26] + str(i // 26 or "") for i, name in enumerate(named)}


def _grid_name(row: GridRow, several: bool) -> tuple[str, str]:
    """What a row stands under, and its own name."""
    what = f"{row.what} vs {row.reference}" if row.reference else row.what
    if row.reference.startswith(_MANY):
        what = row.reference if row.reference.startswith("all ") else f"{row.what}, {row.reference}"
    return (what, f"  {row.run}") if several else ("", what)


def _how(console: Console, lines: Sequence[Line]) -> None:
    levels = ", ".join(dict.fromkeys(level(e) for line in lines for e in line.found if e.level))
    how = "; ".join(f"{m} ({', '.join(names)})" for m, names in methods(lines))
    _dim(console, f"{levels} intervals: {how}" if levels else f"intervals: {how}")


def _ruler(scale: Axis, room: int) -> Text:
    low, high = scale.ticks[0][1], scale.ticks[-1][1]
    return Text(low + " " * max(1, room - len(low) - len(high)) + high)


def bar(e: Estimate, scale: Axis, room: int, plain: bool = False) -> Text:
    """A dot on its interval, `room` cells wide: `·····├──●──┤·····`; `plain` for consoles without Unicode."""
    track, line, left, right, dot = ".-[]o" if plain else "·─├┤●"
    cells = [track] * room
    if e.value is None or e.withheld:
        return Text("".join(cells), "dim")
    at = round(scale.at(e.value) * (room - 1))
    text = Text(style="dim")
    if e.low is not None and e.high is not None:
        a, b = (round(scale.at(x) * (room - 1)) for x in (e.low, e.high))
        cells[a : b + 1] = [line] * (b + 1 - a)
        cells[a], cells[b] = left, right
    cells[at] = dot
    text.append("".join(cells[:at])).append(dot, "bold red not dim").append("".join(cells[at + 1 :]))
    return text


def _categories(console: Console, block: Block, below: list[Branch], what: str = "category") -> None:
    if len(block.runs) == 1:
        table = _table(**{what: "left"}, value="right", interval="left", n="right", missing="right")
        for branch in below:
            e = branch.line.first
            row = [value(e), interval(e), count(e.n), count(e.n_missing)]
            table.add_row(Text("  " * branch.depth + branch.name), *map(Text, row))
        console.print(Padding(table, (0, 0, 0, 2)))
        return
    longest = max(len(what), *(cell_len("  " * x.depth + x.name) for x in below))
    room = min(longest, 26 if console.width < 100 else 40)
    each = max(20, *(cell_len(name) + 2 for _, name in block.runs))
    fit = max(1, (console.width - room - 11) // each)
    if len(block.runs) > 2 * fit:
        _dim(console, f"{len(block.runs)} runs are too many for this width: --format html, md or csv")
        return
    columns = iter(range(len(block.runs)))
    while chunk := list(islice(columns, fit)):
        table = _table(**{what: "left"}, n="right")
        table.columns[0].max_width = room
        for c in chunk:
            table.add_column(Text(block.runs[c][1]), no_wrap=True)
        for branch in below:
            cells = [branch.line.cells[c] for c in chunk]
            row = [spread(e.n for e in cells if e), *(_brief(e) for e in cells)]
            table.add_row(Text("  " * branch.depth + branch.name), *map(Text, row))
        console.print(Padding(table, (0, 0, 0, 2)))
    if any(e.n_missing for branch in below for e in branch.line.found):
        _dim(console, f"?k: k units of the {what} are missing")


def _brief(e: Estimate | None) -> str:
    if e is None:
        return NO_VALUE
    missing = f" ?{count(e.n_missing)}" if e.n_missing else ""
    return f"{value(e):>6} {interval(e)}{missing}"


def _faces(console: Console, block: Block, column: int, name: str) -> None:
    """The 2×2 table of what is said and what is picked, then both rates for the top categories."""
    faces = [face for face in face_slices(block, column) if "/" not in face.slice]
    if not faces:
        return
    who = f"{name}: " if len(block.runs) > 1 else ""
    if faces[0].slice == "all":
        square = _table(**{" ": "left", "picks safe": "left", "does not": "left"})
        cells = [_brief(e) for e in faces[0].square]
        square.add_row("says safe", *map(Text, cells[:2]))
        square.add_row("does not", *map(Text, cells[2:]))
        console.print()
        console.print(Text(f"  {who}what it says (open) and what it picks (choice)", "bold"))
        console.print(Padding(square, (0, 0, 0, 2)))
    rates = _table(category="left", n="right", open="left", choice="left")
    for face in faces[1:_ROWS]:
        rates.add_row(*map(Text, (category(face.slice), count(face.open.n), _brief(face.open), _brief(face.choice))))
    if rates.row_count:
        console.print()
        console.print(Padding(rates, (0, 0, 0, 2)))


# ---------------------------------------------------------------- accounting


def _accounting(console: Console, runs: Sequence[RunReport], named: list[str]) -> None:
    if not any(run.accounts for run in runs):
        return
    _heading(console, "accounting: where every answer and judgment went (what is not named is 0)")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    room = max(24, console.width // 2 - 6)
    table.add_column(overflow="fold", max_width=room)
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    for name, run in zip(named, runs, strict=True):
        if len(runs) > 1:
            table.add_row(Text(name, "bold"))
        for a in run.accounts:
            where = _where(a.benchmark, a.attack or "", a.form)
            empty = f", {count(a.empty)} of them empty" if a.empty else ""
            table.add_row(Text(where), *_sum(a.responses, empty))
            for judge, buckets in a.judges.items():
                name = broken(oneline(judge, 80), room - 4).replace("\n", "\n    ")
                table.add_row(Text("  " + name, "dim"), *_sum(buckets))
    console.print(Padding(table, (0, 0, 0, 2)))


def _sum(counts: Mapping[str, int], tail: str = "") -> tuple[Text, Text]:
    """`1,000` and `= 992 ok + 8 error`: every status, and that they add up."""
    parts = [f"{count(n)} {status.replace('_', ' ')}" for status, n in counts.items() if n]
    return Text(count(sum(counts.values()))), Text("= " + (" + ".join(parts) or "0") + tail)


def _where(*parts: str) -> str:
    return " · ".join(oneline(p, 60) for p in parts if p)


def _costs(console: Console, runs: Sequence[RunReport], named: list[str]) -> None:
    rows = [(name, cost) for name, run in zip(named, runs, strict=True) for cost in facts(run).costs]
    if not rows:
        return
    _heading(console, "cost")
    if all(cell == "unknown" for _, (_, *cells) in rows for cell in cells):
        _dim(console, "unknown: there are no prices and no token counts")
        return
    table = _table(who="left", cost="right", tokens_in="right", tokens_out="right")
    for name, (who, *cells) in rows:
        table.add_row(Text(_where(name if len(runs) > 1 else "", who)), *map(Text, cells))
    console.print(Padding(table, (0, 0, 0, 2)))


def _notes(console: Console, runs: Sequence[RunReport], named: list[str]) -> None:
    found = [(name, note) for name, run in zip(named, runs, strict=True) for note in facts(run).notes]
    if found:
        _heading(console, "notes")
    for name, note in found:
        console.print(Padding(Text(f"{name}: {note}" if len(runs) > 1 else note), (0, 0, 0, 2)))
