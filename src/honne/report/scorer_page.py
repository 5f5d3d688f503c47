"""The evaluation of a scorer as one HTML file that needs nothing, in the house's look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from honne.report import _svg
from honne.report._reliability import reliability
from honne.report._scorer_text import (
    headline,
    left_out,
    lines,
    methods,
    notes,
    of,
    people,
    points,
    slice_name,
    title,
    verdict,
)
from honne.report._text import NO_VALUE, count, interval, number, oneline, value
from honne.report.html import asset, policy, template
from honne.report.scorer import probability

if TYPE_CHECKING:
    from honne.records import Estimate
    from honne.scorer.evaluation import Evaluation, Part

__all__ = ["render"]

# The mark of each kind of row: the judge itself, the others, the commonest label, people.
_SERIES = {"judge": 1, "rival": 0, "majority": 5, "people": 2}
_STEPS = 5


def render(found: Evaluation) -> str:
    """The page: a sentence for each dimension, and below it the judges, the confusion, the slices and the plot."""
    css, js = (asset("report.css") + asset("scorer.css")).strip(), asset("report.js").strip()
    return template("scorer.html.j2").render(
        title=title(found),
        policy=policy(css, js),
        css=Markup(css),
        js=Markup(js),
        defs=_svg.defs(),
        ruler=_svg.ruler(_svg.SHARES),
        judge=found.judge,
        scorer=found.scorer,
        reference=found.reference,
        sources=found.sources,
        left_out=[people(found), *left_out(found)],
        parts=[_part(part, f"d{i}") for i, part in enumerate(found.parts)],
        methods=methods(found),
    )


def _part(part: Part, id: str) -> dict[str, Any]:
    stands, says = verdict(part), headline(part).removeprefix(f"{part.dimension}: ")
    return {
        "id": id,
        "name": part.dimension,
        "value": value(part.accuracy),
        "says": says[:1].upper() + says[1:],
        "verdict": stands,
        "proven": stands.startswith("better"),
        "answers": f"{count(part.n)} answers to {count(part.groups)} questions",
        "judges": [
            {
                "glyph": _svg.glyph(_SERIES[line.kind]),
                "kind": line.kind,
                "name": line.name,
                "plot": _plot(line.kind, line.accuracy),
                "value": value(line.accuracy),
                "interval": interval(line.accuracy),
                "difference": points(line.rival) if line.rival else "",
                "p": probability(line.rival.p) if line.rival else "",
                "n": line.rival.n if line.rival else line.accuracy.n,
                "missing": line.rival.n_missing if line.rival else line.accuracy.n_missing,
                "method": line.rival.method if line.rival else line.accuracy.method,
            }
            for line in lines(part)
        ],
        "labels": part.labels,
        "matrix": list(_matrix(part)),
        "slices": [
            {
                "name": slice_name(accuracy),
                "plot": _plot("judge", accuracy),
                "value": value(accuracy),
                "interval": interval(accuracy),
                "f1": number(f1.value, f1),
                "f1_interval": interval(f1),
                "n": accuracy.n,
                "missing": accuracy.n_missing,
            }
            for accuracy, f1 in part.slices
        ],
        "reliable": reliability(part.calibration, 1),
        "notes": list(notes(part)),
    }


def _plot(kind: str, e: Estimate) -> Markup:
    return _svg.whiskers([(_SERIES[kind], "", e)], _svg.SHARES)


def _matrix(part: Part) -> list[dict[str, Any]]:
    """The confusion matrix: each cell with its share of the row, shaded by it; right ones and wrong ones differ."""
    rows = []
    for i, (row, one) in enumerate(zip(part.confusion, part.classes, strict=True)):
        total = sum(row)
        cells = []
        for j, n in enumerate(row):
            share = n / total if total else 0.0
            step = min(_STEPS, int(share * _STEPS) + (n > 0))
            cells.append(
                {"n": n, "share": f"{share:.0%}" if total else NO_VALUE, "css": f"{'hit' if i == j else 'off'}{step}"}
            )
        rows.append(
            {
                "label": oneline(one.label, 40),
                "cells": cells,
                "shares": [(value(e), interval(e), of(e)) for e in (one.recall, one.precision)],
            }
        )
    return rows
