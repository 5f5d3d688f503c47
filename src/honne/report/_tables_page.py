"""The tables of the HTML page: estimates turned into rows that the template only has to lay out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from honne.records import Estimate
from honne.report import _svg
from honne.report._blocks import Block, Branch, Line, methods
from honne.report._grids import Grid
from honne.report._room import Room
from honne.report._text import NO_VALUE, Axis, axis, bounds, category, interval, level, oneline, scale_of, spread, value
from honne.report._ties import Tests, tied
from honne.report._words import explain

__all__ = ["categories", "grid", "measures"]

_HEAT = 7


def measures(b: Block, lines: list[Line], several: bool, tests: Tests | None) -> list[dict[str, Any]]:
    """A table for every scale: shares and scores together, any other unit on an axis of its own."""
    scales: dict[str, list[Line]] = {}
    for line in lines:
        scales.setdefault(scale_of(line.first), []).append(line)
    return [_measured(b, alike, several, tests) for alike in scales.values()]


def _measured(b: Block, lines: list[Line], several: bool, tests: Tests | None) -> dict[str, Any]:
    scale = axis([e for line in lines for e in line.found])
    groups: list[dict[str, Any]] = []
    for line in lines:
        letters = tied(b, line, tests)
        rows = [
            _row(i, name, e, scale, letter)
            for (i, name), e, letter in zip(b.runs, line.cells, letters, strict=True)
            if e is not None
        ]
        better = {"higher": "higher is better", "lower": "lower is better"}.get(line.first.better or "", "")
        groups.append({"name": b.name(line), "explain": explain(line.metric), "better": better, "rows": rows})
    return {
        "groups": groups,
        "ruler": _svg.ruler(scale),
        **_how(lines),
        "ties": any(row["tie"] for group in groups for row in group["rows"]),
    }


def _row(i: int, name: str, e: Estimate, scale: Axis, letter: str) -> dict[str, Any]:
    return {
        "glyph": _svg.glyph(i),
        "run": name,
        "plot": _svg.whiskers([(i, name, e)], scale),
        "value": value(e),
        "interval": interval(e),
        "n": e.n,
        "missing": e.n_missing,
        "bounds": bounds(e),
        "withheld": e.withheld,
        "method": oneline(e.method),
        "tie": letter,
    }


def grid(found: Grid, runs: Sequence[tuple[int, str]]) -> dict[str, Any]:
    glyphs = {name: _svg.glyph(i) for i, name in runs}
    return {
        "metrics": [(name.replace("_", " "), explain(name)) for name in found.metrics],
        "rows": [
            {
                "what": row.what,
                "reference": row.reference,
                "run": row.run,
                "glyph": glyphs.get(row.run, ""),
                "cells": [(value(e), interval(e)) if e else (NO_VALUE, "") for e in row.cells],
                "n": spread(e.n for e in row.found),
                "missing": spread(e.n_missing for e in row.found),
            }
            for row in found.rows
        ],
        **_how(list(found.lines)),
        "missing": False,
    }


def categories(b: Block, line: Line, below: list[Branch], room: Room, scale: Axis | None = None) -> dict[str, Any]:
    """One row a branch. On a `scale` that is given (0 to 100 %), numbers of another unit have no place."""
    shown = below[: room.rows(len(below), len(b.runs))]
    shares = scale is not None
    scale = scale or axis([e for x in below for e in x.line.found])
    rows = []
    for x in shown:
        fits = not shares or all(e.unit in ("proportion", "score") for e in x.line.found)
        cells = [(i, name, e if fits else None) for (i, name), e in zip(b.runs, x.line.cells, strict=True)]
        rows.append(
            {
                "name": x.name,
                "path": category(x.line.slice),
                "href": "",
                "depth": min(4, x.depth),
                "plot": _svg.whiskers(cells, scale),
                "n": x.line.first.n if len({e.n for e in x.line.found}) == 1 else None,
                "cells": [_cell(i, e, scale if fits else None) for (i, _), e in zip(b.runs, x.line.cells, strict=True)],
            }
        )
    return {
        "name": b.name(line),
        "explain": explain(line.metric),
        "front": any(line.key == front.key for front, _ in b.fronts),
        "ruler": _svg.ruler(scale),
        "runs": [{"glyph": _svg.glyph(i), "name": name} for i, name in b.runs],
        "rows": rows,
        "tree": any(x.depth for x in shown),
        "left_out": len(below) - len(shown),
        **_how([x.line for x in shown]),
    }


def _how(lines: list[Line]) -> dict[str, Any]:
    """The line under a table: level, methods, and whether anything is missing."""
    found = [e for line in lines for e in line.found]
    return {
        "level": ", ".join(dict.fromkeys(level(e) for e in found if e.level)),
        "methods": methods(lines),
        "missing": any(bounds(e) for e in found),
    }


def _cell(i: int, e: Estimate | None, scale: Axis | None) -> dict[str, Any] | None:
    if e is None:
        return None
    return {
        "glyph": _svg.glyph(i),
        "value": value(e),
        "interval": interval(e),
        "n": e.n,
        "missing": e.n_missing,
        "heat": _heat(e, scale) if scale else "none",
        "said": _svg.said(e),
    }


def _heat(e: Estimate, scale: Axis) -> str:
    """A tint in steps: from the bad end to the good end of the scale, or of one hue where neither end is good."""
    if e.value is None or e.withheld:
        return "none"
    step = min(_HEAT - 1, int(scale.at(e.value) * _HEAT))
    if e.better == "lower":
        step = _HEAT - 1 - step
    return f"{'heat' if e.better in ('higher', 'lower') else 'tone'}{step}"
