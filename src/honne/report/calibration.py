"""A calibration in the terminal and as Markdown: of every judge its own number, the corrected one, and how it errs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from honne.engine.calibration import Ceiling
from honne.report._blocks import labels
from honne.report._calibrated import ERRORS, Line, Section, both, facts, metrics, sections, share, width
from honne.report._text import broken, count, level, oneline
from honne.report.model import RunReport

__all__ = ["alpha_of", "errors", "errors_method", "how", "markdown", "print_calibration", "print_sections"]

_MOST = 40
_LEGEND = (
    "raw: the judge's own; labels only: by people's labels alone; width: of the corrected interval beside labels only's"
)


def print_calibration(runs: Sequence[RunReport], console: Console) -> None:
    """What `honne calibrate` ends with."""
    for name, run in zip(labels(runs), runs, strict=True):
        console.print(Text.assemble(("honne calibrate ", "bold red"), (name, "bold")))
        print_sections(run, console)
        console.print()


def print_sections(run: RunReport, console: Console) -> None:
    """The labels, and the sections of the judges."""
    if run.calibration is None:
        return
    for fact in facts(run.calibration):
        console.print(Padding(Text(fact, "dim"), (0, 0, 0, 2)))
    found = sections(run)
    if not found:
        console.print(Padding(Text("no judge of this run has verdicts on what was labelled", "yellow"), (0, 0, 0, 2)))
    for section in found:
        console.print()
        console.print(Padding(Text(section.title, "bold"), (0, 0, 0, 2)))
        _numbers(console, section)
        _errors(console, section)
    if any(line.refused is None for section in found for line in section.lines):
        console.print()
        _dim(console, _LEGEND)
        _dim(console, "; ".join(f"{name}: {what}" for name, what in ERRORS))


def _table(*heads: str, wide: int = 34) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", overflow="fold", max_width=wide)
    for head in heads:
        table.add_column(Text(head), justify="left", no_wrap=True)
    return table


def _numbers(console: Console, section: Section) -> None:
    """The numbers side by side; in a narrow console without those of the labels alone."""
    wide = console.width >= 100
    given = [line for line in section.lines if line.refused is None]
    if given:
        alone, missing = (["labels only"], ["missing"]) if wide else ([], [])
        room = 30 if wide else 22
        table = _table("raw", "corrected", *alone, "width", "labels / n", *missing, wide=room)
        above = ""
        for line in given[:_MOST]:
            if line.title != above and line.one.raw.slice != "all":
                table.add_row(Text(broken(line.title, room)))
            above = line.title
            e, raw = line.one.corrected, line.one.raw
            cells = [Text(" ".join(both(raw)), "dim"), Text(" ".join(both(e)), "bold")]
            cells += [Text(" ".join(share(line.one.alone, raw)))] if wide else []
            labelled = f"{count(e.n_labels or 0)} / {count(e.n)}"
            lost = [Text(count(raw.n_missing))] if wide else []
            table.add_row(Text(broken(line.name, room)), *cells, Text(width(line)), Text(labelled), *lost)
        console.print(Padding(table, (0, 0, 0, 2)))
        if len(given) > _MOST:
            _dim(console, f"{len(given) - _MOST} more: --format csv")
        lacking = [f"{line.full_name} {count(line.one.raw.n_missing)}" for line in given if line.one.raw.n_missing]
        if lacking and not wide:
            _dim(console, f"without a verdict, and missing in raw: {', '.join(lacking)}")
    for line in section.lines:
        if line.refused is not None:
            _dim(console, f"{line.full_name}: not corrected: {line.refused}")
    if given:
        _dim(console, how(given))


def how(given: Sequence[Line]) -> str:
    """The methods of the corrected numbers, and what the columns mean."""
    levels = ", ".join(dict.fromkeys(level(line.one.corrected) for line in given))
    said = "; ".join(f"{method} ({', '.join(names)})" for method, names in metrics(given))
    raw, alone = (
        ", ".join(dict.fromkeys(oneline(e.method) for e in found if e is not None and e.value is not None)) or "none"
        for found in ([line.one.raw for line in given], [line.one.alone for line in given])
    )
    return f"{levels} intervals; corrected: {said}; raw: {raw}; labels only: {alone}"


def _errors(console: Console, section: Section) -> None:
    """How the judge errs, and how far people agree among themselves."""
    rows = [line for line in section.lines if line.errors is not None]
    if rows:
        wide = console.width >= 132
        heads = [name for name, _ in ERRORS]
        chosen = heads if wide else heads[:2]
        room = 30 if wide else 22
        table = _table(*chosen, wide=room)
        for line in rows:
            cells = [" ".join(cell) for cell in errors(line)][: len(chosen)]
            table.add_row(Text(broken(line.name, room)), *map(Text, cells))
        console.print()
        console.print(Padding(table, (0, 0, 0, 2)))
        if not wide:
            _dim(console, "PPV and NPV: --format md or html, or a wider terminal")
        _dim(console, f"intervals of these shares: {errors_method(rows)}")
    for line in section.lines:
        if ceiling := _ceiling(line):
            _dim(console, f"people agree with each other, {line.full_name}: {ceiling}")


def errors(line: Line) -> list[tuple[str, str]]:
    """Sensitivity, specificity, PPV and NPV, each with its interval and of how many labelled answers it is."""
    e = line.errors
    if e is None:
        return [share(None)] * len(ERRORS)
    yes, judge_only, people_only, no = e.counts
    of = (yes + people_only, judge_only + no, yes + judge_only, people_only + no)
    shown = [share(x) for x in (e.sensitivity, e.specificity, e.ppv, e.npv)]
    return [(value, f"{interval}, n {count(n)}") for (value, interval), n in zip(shown, of, strict=True)]


def errors_method(rows: Sequence[Line]) -> str:
    """The methods of the judge's errors."""
    found = [x for line in rows if (e := line.errors) for x in (e.sensitivity, e.specificity, e.ppv, e.npv)]
    return ", ".join(dict.fromkeys(oneline(x.method) for x in found if x.value is not None)) or "none"


def _ceiling(line: Line) -> str:
    """`96.4% (94.3–97.8), alpha 0.93 (0.90–0.95), n 450, 2 people, wilson`: what people reach among themselves."""
    c = line.ceiling_here
    if c is None:
        return ""
    of = f"n {count(c.n)}, {count(c.raters)} people, {oneline(c.method)}"
    return f"{100 * c.agreement:.1f}% ({100 * c.low:.1f}–{100 * c.high:.1f}){alpha_of(c)}, {of}"


def alpha_of(c: Ceiling) -> str:
    """`, alpha 0.93 (0.90–0.95)`; nothing where it is not defined."""
    if c.alpha is None:
        return ""
    limits = f" ({c.alpha_low:.2f}–{c.alpha_high:.2f})" if c.alpha_low is not None and c.alpha_high is not None else ""
    return f", alpha {c.alpha:.2f}{limits}"


def _dim(console: Console, text: str) -> None:
    console.print(Padding(Text(text, "dim"), (0, 0, 0, 2)))


def markdown(run: RunReport, name: str) -> list[str]:
    """The lines of a Markdown section; none for a run without a calibration."""
    from honne.report.markdown import escape, table

    if run.calibration is None or run.calibration.stale is not None:
        return []
    out = [f"## Calibration: {escape(name)}", ""]
    out += [*(f"- {escape(fact, 400)}" for fact in facts(run.calibration)), ""]
    for section in sections(run):
        given = [line for line in section.lines if line.refused is None]
        out += [f"### Corrected: {escape(section.title, 300)}", ""]
        head = ["metric", "raw", "corrected", "labels only", "width", "labels", "n", "missing"]
        body = [
            [
                line.full_name,
                _md(*both(line.one.raw)),
                _md(*both(line.one.corrected)),
                _md(*share(line.one.alone, line.one.raw)),
                width(line),
                count(line.one.corrected.n_labels or 0),
                count(line.one.corrected.n),
                count(line.one.raw.n_missing),
            ]
            for line in given
        ]
        out += [*table(head, body), "", escape(how(given), 1000) + f". {_LEGEND}.", ""] if given else []
        refused = [line for line in section.lines if line.refused is not None]
        out += [f"- {escape(line.full_name)}: not corrected: {escape(line.refused or '', 400)}" for line in refused]
        out += [""] if refused else []
        rows = [line for line in section.lines if line.errors is not None or _ceiling(line)]
        if rows:
            head = ["metric", *(what for what, _ in ERRORS), "people agree"]
            body = [[line.name, *(_md(*cell) for cell in errors(line)), _ceiling(line) or "not known"] for line in rows]
            told = "; ".join(f"{n}: {what}" for n, what in ERRORS)
            out += [*table(head, body), "", escape(f"{told}; intervals: {errors_method(rows)}", 900) + ".", ""]
    return out


def _md(value: str, interval: str) -> str:
    return f"{value} ({interval})"
