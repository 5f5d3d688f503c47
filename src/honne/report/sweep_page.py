"""A sweep as one HTML file that needs nothing, in the house's look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from honne.report import _svg
from honne.report._frontier_plot import plot
from honne.report._frontier_text import base_axis, columns, methods, number
from honne.report._sweep_text import baseline, doubts, learnt, standing, table_of, title, tried
from honne.report._text import NO_VALUE
from honne.report.frontier_page import COSTS, point_of
from honne.report.html import asset, policy, template

if TYPE_CHECKING:
    from honne.align.sweep import Cell, Row, Sweep
    from honne.engine.tradeoff import Frontier

__all__ = ["render"]


def render(found: Sweep) -> str:
    """The page: the choice and its rule, the test, the plots, the table, the trainings, and every axis."""
    css = "".join(asset(name) for name in ("report.css", "frontier.css", "sweep.css")).strip()
    js = asset("report.js").strip()
    every = table_of(found)
    shown = columns(every) if every is not None else []
    starts = [base_axis(cells) for _, cells in shown]
    points = _points(every, [cells for _, cells in shown]) if every is not None else []
    drawn = [(name, plot(found.tuning, role, found.margin)) for role, name in COSTS] if found.tuning else []
    return template("sweep.html.j2").render(
        title=title(found),
        policy=policy(css, js),
        css=Markup(css),
        js=Markup(js),
        defs=_svg.defs(),
        choice=found.choice.words,
        lines=[*baseline(found), doubts(found), tried(found), *learnt(found)],
        rule=found.rule,
        margin=f"{100 * found.margin:g}",
        one_seed=found.seeds == 1,
        tests=_points(found.test, [cells for _, cells in columns(found.test)]) if found.test is not None else [],
        plots=[(name, svg) for name, svg in drawn if svg is not None],
        base={"name": found.base, "cells": [number(a.before, a) if a else NO_VALUE for a in starts]},
        heads=[head for head, _ in shown],
        rows=[_row(found, row, points, len(shown)) for row in found.rows],
        methods=methods(found.tuning) if found.tuning is not None else "",
        notes=found.notes,
        cells=[_cell(row, cell) for row in found.rows for cell in row.cells],
        points=points,
    )


def _points(found: Frontier, columns: list[Any]) -> list[dict[str, Any]]:
    return [point_of(found, i, [cells[i] for cells in columns]) for i in range(len(found.points))]


def _row(found: Sweep, row: Row, points: list[dict[str, Any]], width: int) -> dict[str, Any]:
    word, why = standing(found, row)
    point = next((p for p in points if p["name"] == row.name), None)
    blank = [{"value": NO_VALUE, "change": "", "range": ""}] * width
    return {
        "name": row.name,
        "glyph": point["glyph"] if point is not None and not row.broken else "",
        "cells": blank if point is None else point["cells"],
        "word": word,
        "why": why,
    }


def _cell(row: Row, cell: Cell) -> dict[str, Any]:
    return {
        "folder": cell.folder,
        "lr": f"{row.lr:g}",
        "sft_weight": f"{row.sft_weight:g}",
        "steps": cell.steps,
        "kept": cell.kept,
        "loss": NO_VALUE if cell.loss is None else f"{cell.loss:.3f}",
        "seconds": NO_VALUE if cell.seconds is None else f"{cell.seconds:.0f}",
        "said": [*([cell.broken] if cell.broken else []), *cell.warnings],
    }
