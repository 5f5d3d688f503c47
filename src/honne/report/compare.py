"""`honne compare A B`: paired differences, and what each of them allows to be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from honne.report import json as report_json
from honne.report._text import NO_VALUE, category, count, oneline

if TYPE_CHECKING:
    from honne.metrics._compare import Paired

__all__ = ["headlines", "json", "markdown", "print_compare", "verdict"]

Names = tuple[str, str]


def _scaled(x: float | None, row: Paired, *, signed: bool = False, mark: bool = True) -> str:
    if x is None:
        return NO_VALUE
    rate = row.unit == "proportion"
    shown = 100 * x if rate or row.unit == "score" else x
    sign = "+" if signed else ""
    percent = "%" if rate and mark and not signed and not row.metric.endswith("_score") else ""
    return f"{shown:{sign}.1f}{percent}" if rate or row.unit == "score" else f"{shown:{sign}.2f}"


def _interval(row: Paired) -> str:
    return f"{_scaled(row.low, row, signed=True)} to {_scaled(row.high, row, signed=True)}"


def _p(p: float | None) -> str:
    return NO_VALUE if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _p_of(p: float | None) -> str:
    shown = _p(p)
    return f"p {shown}" if shown.startswith("<") else f"p = {shown}"


def _metric(row: Paired) -> str:
    return oneline(row.metric) + (" (corrected)" if row.corrected else "")


def _where(row: Paired) -> str:
    judge = oneline(row.judge_a or "")
    if row.judge_a != row.judge_b:
        judge = f"{judge or 'none'} against {oneline(row.judge_b or 'none')}"
    parts = [oneline(row.benchmark), oneline(row.attack) if row.attack else "", _metric(row), judge]
    return " · ".join(p for p in parts if p)


def _apart(row: Paired) -> bool:
    """Whether the row separates the two runs: by the test, under one judge, with enough judged."""
    return row.separated and not row.withheld and row.judge_a == row.judge_b


def _said(row: Paired) -> str:
    """The verdict in a table's cell."""
    if row.withheld:
        return "withheld"
    if row.judge_a != row.judge_b:
        return "different judges"
    return "separated" if row.separated else "not separated"


def verdict(row: Paired, names: Names = ("A", "B")) -> str:
    """One line for one headline: which is higher, by how much, or that the data do not separate the two.

    Under different judges, or where a run's own number is withheld, no run is called higher.
    """
    a, b = (oneline(n, 60) for n in names)
    if row.withheld:
        asked = row.n + row.n_missing
        share = f"only {100 * row.n / asked if asked else 0:.1f}% of {count(asked)} pairs judged in both runs"
        return f"{_where(row)}: withheld ({share})"
    both = f"{_where(row)}: {a} {_scaled(row.a, row)}, {b} {_scaled(row.b, row)}"
    if row.difference is None:
        return f"{both}: cannot be compared (no paired units)"
    gap = _scaled(row.difference, row, signed=True)
    detail = f"difference {gap}, {100 * row.level:g}% interval {_interval(row)}" if row.level else f"difference {gap}"
    missing = f", {count(row.n_missing)} missing" if row.n_missing else ""
    of = f"n = {count(row.n)} pairs{missing}"
    if row.labels is not None:
        of = f"{count(row.labels[0])} and {count(row.labels[1])} labels of people"
    tail = f"{_p_of(row.p_adjusted)} (Holm), {of}"
    said = "not separated"
    if row.judge_a != row.judge_b:
        said = "judged by different judges: the difference mixes model and judge, so neither run is called higher"
    elif row.separated:
        said = f"{a} is higher" if row.difference > 0 else f"{b} is higher"
    elif row.detectable is not None:
        tail += f"; a true difference of {_scaled(row.detectable, row)} would have shown 4 times in 5"
    return f"{both}: {said} ({detail}; {tail})"


def headlines(rows: Sequence[Paired]) -> list[Paired]:
    """The rows that get a verdict of their own; where no metric is a headline, every slice `all`."""
    whole = [row for row in rows if row.slice == "all"]
    return [row for row in whole if row.headline] or whole


def print_verdicts(rows: Sequence[Paired], console: Console, names: Names = ("A", "B")) -> None:
    """One sentence for each headline: who is higher, or that the data do not separate the two."""
    a, b = (oneline(n, 40) for n in names)
    console.print(Text.assemble(("honne compare ", "bold red"), (f"{a} − {b}", "bold")))
    if not rows:
        console.print(Text("Nothing can be paired: the runs share no benchmark, version and items.", "yellow"))
        return
    console.print()
    for row in headlines(rows):
        console.print(Padding(Text(verdict(row, names), "" if _apart(row) else "dim"), (0, 2)))


def print_compare(rows: Sequence[Paired], console: Console, names: Names = ("A", "B")) -> None:
    """Verdicts of the headlines, then every difference, slices under their metric."""
    a, b = (oneline(n, 40) for n in names)
    print_verdicts(rows, console, names)
    if not rows:
        return
    told = headlines(rows)
    for row in told:
        below = [r for r in rows if r.slice != "all" and _where(r) == _where(row) and r.form == row.form]
        if below:
            _differences(console, _where(row), [(category(r.slice), r) for r in below], (a, b))
    mixed = len({(r.benchmark, r.attack, r.judge_a, r.judge_b) for r in rows}) > 1
    rest = [(_where(r) if mixed else _metric(r), r) for r in rows if r.slice == "all" and r not in told]
    if rest:
        _differences(console, "further metrics", rest, (a, b))
    pooled = {(_where(r), r.form) for r in rows if r.slice == "all"}
    parts = [r for r in rows if (_where(r), r.form) not in pooled]
    for where in dict.fromkeys(map(_where, parts)):
        _differences(console, where, [(category(r.slice), r) for r in parts if _where(r) == where], (a, b))
    console.print()
    console.print(Text(_method(rows), "dim"))


def _differences(console: Console, title: str, rows: Sequence[tuple[str, Paired]], names: Names) -> None:
    wide = console.width >= 100
    console.print()
    console.print(Text(title, "bold"))
    table = Table(box=None, padding=(0, 2 if wide else 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", overflow="fold", max_width=40 if wide else 20)
    for name in names:
        table.add_column(Text(name), justify="right", no_wrap=True, max_width=20 if wide else 8)
    table.add_column("difference, interval", no_wrap=True)
    if wide:
        table.add_column("p (Holm)", justify="right", no_wrap=True)
    table.add_column("pairs", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for name, row in rows:
        first, second, gap, within, p = _numbers(row)
        cells = [name, first, second, f"{gap} ({within})" if within else gap, *([p] if wide else [])]
        pairs = count(row.n) + (f" ?{count(row.n_missing)}" if row.n_missing else "")
        table.add_row(*map(Text, (*cells, pairs, _said(row))), style="" if _apart(row) else "dim")
    console.print(Padding(table, (0, 0, 0, 1)))


def _numbers(row: Paired) -> tuple[str, str, str, str, str]:
    """Both values, the difference, its interval and p; blank where they are withheld or unknown."""
    if row.withheld or row.difference is None:
        known = ("withheld", "withheld") if row.withheld else (_scaled(row.a, row), _scaled(row.b, row))
        return (*known, NO_VALUE, "", NO_VALUE)
    gap = _scaled(row.difference, row, signed=True)
    return (_scaled(row.a, row), _scaled(row.b, row), gap, _interval(row), _p(row.p_adjusted))


def _method(rows: Sequence[Paired]) -> str:
    found = ", ".join(dict.fromkeys(oneline(r.method) for r in rows))
    said = f"Differences are the first run minus the second on the same items. Methods: {found}; p by Holm."
    if any(r.corrected for r in rows):
        said += " Corrected: each run's number corrected for the judge's errors by people's labels of its own answers."
    if any(r.n_missing for r in rows):
        said += " ?k: k further pairs lack a value."
    dropped = max(r.n_unpaired for r in rows)
    return said + (f" Up to {count(dropped)} units had no partner and were left out." if dropped else "")


def json(rows: Sequence[Paired]) -> str:
    """A list of objects with the fields of a paired row."""
    return report_json.dump([_plain(row) for row in rows])


def _plain(row: Paired) -> dict[str, Any]:
    out: dict[str, Any] = msgspec.to_builtins(row)
    return {k: None if isinstance(v, float) and v != v else v for k, v in out.items()}


def markdown(rows: Sequence[Paired], names: Names = ("A", "B")) -> str:
    """Verdicts as a list, then the table."""
    from honne.report.markdown import escape, table

    out = [f"# {escape(names[0])} − {escape(names[1])}", ""]
    out += [f"- {escape(verdict(row, names), 1000)}" for row in headlines(rows)]
    head = ["metric", "category", *names, "difference", "interval", "p adj.", "pairs", "missing", "verdict"]
    body = [
        [
            _where(row),
            "all" if row.slice == "all" else category(row.slice),
            *_numbers(row),
            count(row.n),
            count(row.n_missing),
            _said(row),
        ]
        for row in rows
    ]
    return "\n".join(
        [*out, "", *table(head, body), "", escape(_method(rows) if rows else "Nothing can be paired.", 1000), ""]
    )
