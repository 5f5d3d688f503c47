"""`honne scorer eval`: how good a scorer is, on the terminal, as Markdown, JSON and HTML."""

from __future__ import annotations

import json as json_file
import math
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from honne.report._scorer_text import headline, left_out, lines, methods, notes, people, points, slice_name, title
from honne.report._text import NO_VALUE, count, interval, number, oneline, value
from honne.report.markdown import escape, table

if TYPE_CHECKING:
    from honne.scorer.evaluation import Class, Evaluation, Part

__all__ = ["FORMATS", "json", "markdown", "print_evaluation", "render"]

FORMATS = ("html", "md", "json")


def render(format: str, found: Evaluation) -> str:
    """The evaluation in one of `FORMATS`."""
    if format == "html":
        from honne.report import scorer_page

        return scorer_page.render(found)
    return {"md": markdown, "json": json}[format](found)


# ------------------------------------------------------------------ terminal


def print_evaluation(found: Evaluation, console: Console) -> None:
    """For each dimension: the judges in one table, languages and families, and which label was taken for which."""
    console.print(Text.assemble(("honne scorer eval ", "bold red"), (title(found), "bold")))
    console.print(Text(people(found), "dim"))
    for line in left_out(found):
        console.print(Text(line, "yellow"))
    for part in found.parts:
        console.print()
        console.print(Text(headline(part)))
        console.print(Padding(_judges(part), (1, 0, 0, 1)))
        if part.slices:
            console.print(Padding(_slices(part), (1, 0, 0, 1)))
        console.print(Padding(_confusion(part), (1, 0, 0, 1)))
        console.print(Padding(_classes(part), (1, 0, 0, 1)))
        for note in notes(part):
            console.print(Padding(Text(note, "dim"), (0, 1)))
    console.print()
    console.print(Text(methods(found), "dim"))


def _grid(*heads: str) -> Table:
    out = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    for i, head in enumerate(heads):
        out.add_column(head, justify="right" if i else "left", no_wrap=bool(i), min_width=0 if i else 15)
    return out


def _judges(part: Part) -> Table:
    out = _grid("", "right", "95% interval", "this − other", "p", "n", "missing")
    for line in lines(part):
        e, rival = line.accuracy, line.rival
        out.add_row(
            Text(line.name),
            value(e),
            interval(e),
            points(rival) if rival else "",
            probability(rival.p) if rival else "",
            count(rival.n if rival else e.n),
            count(rival.n_missing if rival else e.n_missing),
            style="bold" if line.kind == "judge" else "" if line.kind == "rival" else "dim",
        )
    return out


def probability(p: float | None) -> str:
    """A p-value with as many digits as mean something."""
    if p is None:
        return NO_VALUE
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _slices(part: Part) -> Table:
    out = _grid("", "right", "95% interval", "macro-F1", "95% interval", "n", "missing")
    for accuracy, f1 in part.slices:
        shown = (value(accuracy), interval(accuracy), number(f1.value, f1), interval(f1))
        out.add_row(Text(slice_name(accuracy)), *shown, count(accuracy.n), count(accuracy.n_missing))
    return out


def _confusion(part: Part) -> Table:
    # A label's name may be broken at its underscores.
    named = (oneline(label, 24).replace("_", " ") for label in part.labels)
    out = _grid("label ↓ given →", *named)
    for column in out.columns[1 : 1 + len(part.labels)]:
        column.no_wrap = False
    for row, label in zip(part.confusion, part.labels, strict=True):
        out.add_row(Text(oneline(label, 30)), *map(count, row))
    return out


def _classes(part: Part) -> Table:
    out = _grid("label", *_SHARES)
    for one in part.classes:
        out.add_row(Text(oneline(one.label, 30)), *_shares(one))
    return out


_SHARES = ("recall", "95% interval", "n", "missing", "precision", "95% interval", "n")


def _shares(one: Class) -> list[str]:
    """Recall of the answers that have a label, precision of those that were given it (none of these is missing)."""
    recall = [value(one.recall), interval(one.recall), count(one.recall.n), count(one.recall.n_missing)]
    return [*recall, value(one.precision), interval(one.precision), count(one.precision.n)]


# -------------------------------------------------------------------- files


def markdown(found: Evaluation) -> str:
    """The same as Markdown."""
    out = [f"# {escape(title(found))}", "", escape(people(found), 1000) + ".", ""]
    out += [f"- {escape(line)}" for line in left_out(found)]
    for part in found.parts:
        out += ["", f"## {escape(part.dimension)}", "", escape(headline(part), 2000), "", *judges_table(part)]
        if part.slices:
            heads = ["", "right", "95% interval", "macro-F1", "95% interval", "n", "missing"]
            body = [
                [slice_name(a), value(a), interval(a), number(f.value, f), interval(f), count(a.n), count(a.n_missing)]
                for a, f in part.slices
            ]
            out += ["", *table(heads, body)]
        heads = ["label ↓ given →", *part.labels, *_SHARES]
        body = [[c.label, *map(count, row), *_shares(c)] for row, c in zip(part.confusion, part.classes, strict=True)]
        out += ["", *table(heads, body), "", *(f"- {escape(note, 1000)}" for note in notes(part))]
    return "\n".join([*out, "", escape(methods(found), 2000), ""])


def judges_table(part: Part) -> list[str]:
    """The judges on the same answers, as a Markdown table."""
    heads = ["", "right", "95% interval", "this − other, points", "p", "n", "missing"]
    body = []
    for line in lines(part):
        e, rival = line.accuracy, line.rival
        told = [points(rival), probability(rival.p)] if rival else ["", ""]
        n = [rival.n, rival.n_missing] if rival else [e.n, e.n_missing]
        body.append([line.name, value(e), interval(e), *told, *map(count, n)])
    return table(heads, body)


def json(found: Evaluation) -> str:
    """One object with everything; null where a number does not exist."""
    return json_file.dumps(_finite(msgspec.to_builtins(found)), ensure_ascii=True, indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
