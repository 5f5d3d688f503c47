"""The value profile as text: for a terminal, for Markdown, and as estimates for programs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from honne.report._profile import Value, estimates, profile, told
from honne.report._text import NO_VALUE, bounds, count, interval, level, oneline, value
from honne.report.model import RunReport
from honne.values import Frame, framework

__all__ = ["PARTLY", "not_measured", "print_profile", "rows", "sources", "with_profile"]

PARTLY = "≈"
_HOW = (
    "higher is better throughout; a node pools its questions in each benchmark and weighs benchmarks alike; "
    f"{PARTLY}: what was measured is a part of what the node means"
)


def with_profile(run: RunReport, frame: str) -> RunReport:
    """The run with its profile among its estimates."""
    import dataclasses

    return dataclasses.replace(run, estimates=(*run.estimates, *estimates(run, framework(frame))))


def rows(runs: Sequence[RunReport], found: Frame) -> list[tuple[Value, ...]]:
    """A node's values in every run, where at least one run has one."""
    every = zip(*(profile(run, found) for run in runs), strict=True)
    return [cells for cells in every if any(v.estimate for v in cells)]


def not_measured(found: Frame, shown: Sequence[tuple[Value, ...]]) -> list[str]:
    """The finest nodes that no run has a number for."""
    have = {cells[0].node.id for cells in shown}
    return [oneline(node.name.en, 60) for node in found.leaves() if node.id not in have]


def sources(cells: Sequence[Value]) -> list[str]:
    """What measured a node, over all runs."""
    return told(source for v in cells for source in v.sources)


def print_profile(runs: Sequence[RunReport], names: Sequence[str], frame: str, console: Console) -> None:
    """One row a measured node: its number in every run, and below the table what none of them measures."""
    found = framework(frame)
    shown = rows(runs, found)
    console.print()
    title = f"values: {oneline(found.title.en)}"
    console.print(Text(title, "bold"), Text("─" * min(console.width, 100), "dim"), sep="\n")
    if not shown:
        console.print(Padding(Text(f"nothing in {'these runs' if len(runs) > 1 else 'this run'} is read in it"), 2))
        return
    room = max(20, min(46, console.width - 26 * len(runs) - 4))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("value", overflow="fold", max_width=room)
    for name in names:
        table.add_column(
            Text(name if len(runs) > 1 else "measured"), overflow="fold", min_width=min(22, cell_len(name))
        )
    table.add_column("n", justify="right")
    for cells in shown:
        node = cells[0].node
        label = Text("  " * node.depth + oneline(node.name.en, 60), "bold" if node.depth == 0 else "")
        ns = dict.fromkeys(count(v.estimate.n) for v in cells if v.estimate)
        table.add_row(label, *(Text(_cell(v)) for v in cells), Text("/".join(ns)))
    console.print(Padding(table, (0, 0, 0, 2)))
    missing = not_measured(found, shown)
    numbers = [v.estimate for cells in shown for v in cells if v.estimate]
    how = "; ".join(dict.fromkeys(e.method.partition(";")[0] for e in numbers))
    said = [f"{', '.join(dict.fromkeys(level(e) for e in numbers if e.level))} intervals: {how}"]
    said += ["?k: k units are missing"] if any(e.n_missing for e in numbers) else []
    said += [f"measured by {', '.join(told(s for cells in shown for v in cells for s in v.sources))}", _HOW]
    said += [f"not measured: {', '.join(missing)}"] if missing else []
    for text in said:
        console.print(Padding(Text(text, "dim"), (0, 0, 0, 2)))


def _cell(v: Value) -> str:
    e = v.estimate
    if e is None:
        return "not measured"
    missing = f" ?{count(e.n_missing)}" if e.n_missing else ""
    return f"{'' if v.exact else PARTLY}{value(e)} {interval(e)}{missing}"


def markdown(runs: Sequence[RunReport], names: Sequence[str], frame: str) -> list[str]:
    """The profile as a section: one row a node and run."""
    from honne.report.markdown import escape, table

    found = framework(frame)
    head = ["value", "run", "result", "interval", "n", "missing", "if missing were worst–best", "measured by"]
    body = []
    for cells in zip(*(profile(run, found) for run in runs), strict=True):
        for name, v in zip(names, cells, strict=True):
            label = " › ".join(oneline(part, 60) for part in _path(found, v))
            e = v.estimate
            if e is None:
                body.append([label, name, "not measured", *[NO_VALUE] * 5])
                continue
            by = ", ".join(told(v.sources)) + ("" if v.exact else " (in part)")
            body.append([label, name, value(e), interval(e), count(e.n), count(e.n_missing), bounds(e) or NO_VALUE, by])
    out = [f"## Values: {escape(found.title.en)}", "", *table(head, body), ""]
    return [*out, f"{escape(_HOW, 400)}.", ""]


def _path(found: Frame, v: Value) -> list[str]:
    parts = v.node.id.split("/")
    above = (found.node("/".join(parts[: depth + 1])) for depth in range(len(parts)))
    return [node.name.en for node in above if node is not None]
