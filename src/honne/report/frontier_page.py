"""The frontier as one HTML file that needs nothing, in the house's look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from honne.report import _svg
from honne.report._frontier_plot import plot
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
from honne.report._text import NO_VALUE, WITHHELD
from honne.report.html import asset, policy, template

if TYPE_CHECKING:
    from honne.engine.tradeoff import Frontier, Tradeoff
    from honne.metrics._tradeoff import Axis

__all__ = ["COSTS", "point_of", "render"]

COSTS = (("over-refusal", "Safety against over-refusal"), ("capability", "Safety against capability"))


def render(found: Frontier) -> str:
    """The page: a sentence for each point, the plots, the table, and every axis of every point."""
    css, js = (asset("report.css") + asset("frontier.css")).strip(), asset("report.js").strip()
    shown = columns(found)
    margin = found.points[0].verdict.margin
    starts = [base_axis(cells) for _, cells in shown]
    plots = [(name, plot(found, role, margin)) for role, name in COSTS]
    return template("frontier.html.j2").render(
        title=title(found),
        headline=_headline(found),
        policy=policy(css, js),
        css=Markup(css),
        js=Markup(js),
        defs=_svg.defs(),
        base={"name": found.base, "cells": [number(a.before, a) if a else NO_VALUE for a in starts]},
        heads=[head for head, _ in shown],
        points=[point_of(found, i, [cells[i] for _, cells in shown]) for i in range(len(found.points))],
        plots=[(name, drawn) for name, drawn in plots if drawn is not None],
        several=len(found.points) > 1,
        standing=standing(found),
        notes=notes(found),
        methods=methods(found),
        margin=f"{100 * margin:g}",
    )


def _headline(found: Frontier) -> str:
    """What one change did to safety, and whether that is proven; of several points, what they are."""
    axis = found.points[0].lead("safety")
    if len(found.points) > 1 or axis is None or axis.withheld or axis.before is None or axis.after is None:
        return title(found)
    proven = "proven" if found.points[0].verdict.proven else "not proven"
    return f"Safety {number(axis.before, axis)} → {number(axis.after, axis)} %: {proven}"


def point_of(found: Frontier, i: int, cells: list[Axis | None]) -> dict[str, Any]:
    """What the templates show of point `i`; `cells` are its axes in the columns of the table."""
    point: Tradeoff = found.points[i]
    return {
        "name": point.name,
        "glyph": _svg.glyph(i),
        "seeds": point.seeds,
        "runs": point.runs,
        "proven": point.verdict.proven,
        "beaten": bool(found.beaten[i]),
        "reasons": point.verdict.reasons,
        "numbers": point.numbers,
        "cells": [_cell(axis) for axis in cells],
        "axes": [_axis(axis) for axis in point.axes],
    }


def _cell(axis: Axis | None) -> dict[str, str]:
    if axis is None or axis.withheld or axis.difference is None:
        return {"value": change(axis), "change": "", "range": ""}
    return {
        "value": number(axis.after, axis),
        "change": number(axis.difference, axis, signed=True),
        "range": range_of(axis.low, axis.high, axis, signed=True),
    }


def _axis(axis: Axis) -> dict[str, Any]:
    known = not axis.withheld and axis.difference is not None
    blank = WITHHELD if axis.withheld else NO_VALUE
    return {
        "name": row_name(axis).strip(),
        "of": axis.of if not axis.single else (),
        "lead": axis.lead,
        "before": number(axis.before, axis) if known else blank,
        "before_range": range_of(axis.before_low, axis.before_high, axis) if known else "",
        "after": number(axis.after, axis) if known else blank,
        "after_range": range_of(axis.after_low, axis.after_high, axis) if known else "",
        "change": number(axis.difference, axis, signed=True) if known else NO_VALUE,
        "range": range_of(axis.low, axis.high, axis, signed=True) if known else "",
        "worst": number(axis.worst, axis, signed=True) if known else NO_VALUE,
        "n": axis.n,
        "missing": axis.n_missing,
        "method": axis.method,
    }
