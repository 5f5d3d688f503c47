"""The pieces of the HTML page: estimates and examples turned into rows that the template only has to lay out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import escape

from honne.records import Estimate
from honne.report import _svg
from honne.report._attacks import attack_grid, means, under
from honne.report._attacks_page import heat
from honne.report._blocks import Block, Branch, Line, face_slices, methods
from honne.report._faces_page import face_view
from honne.report._grids import Grid, agreement, unpooled
from honne.report._judges_page import judges
from honne.report._overview import overview
from honne.report._reliability import reliability
from honne.report._text import (
    NO_VALUE,
    Axis,
    axis,
    bounds,
    category,
    clean,
    clip,
    interval,
    level,
    oneline,
    spread,
    value,
)
from honne.report._ties import Tests, tied
from honne.report._words import explain
from honne.report.model import Example, Part, RunReport, Worst

__all__ = ["Room", "block", "glance", "summary"]

_CATEGORY_ROWS = 80
_PROMPT, _OPTION, _ANSWER, _WHY = 800, 300, 1500, 600
_HEAT = 7


class Room:
    """How much of the page is left for category cells and for example answers, so that it stays under 3 MB."""

    def __init__(self, cells: int = 1600, text: int = 900_000, heat: int = 2000) -> None:
        self.cells = cells
        self.heat = heat
        self.text = text
        self.left_out = 0

    def rows(self, wanted: int, columns: int) -> int:
        """How many of `wanted` category rows may be shown; at least the top few while anything is left."""
        fit = min(wanted, _CATEGORY_ROWS, max(0, self.cells // max(1, columns)))
        self.cells -= fit * columns
        return fit

    def heat_rows(self, wanted: int, columns: int) -> int:
        """How many of `wanted` rows of attacks may be shown."""
        fit = min(wanted, max(0, self.heat // max(1, columns)))
        self.heat -= fit * columns
        return fit

    def take(self, *texts: str) -> bool:
        """Whether these texts still fit, as they will be escaped."""
        size = sum(len(escape(text).encode()) for text in texts) + 600
        if size > self.text:
            self.left_out += 1
            return False
        self.text -= size
        return True


_GLANCE = 6
# How many leading numbers stand beside the summary, of one run and of each of several.
_GROUPS = {False: 10, True: 3}


def glance(blocks: list[Block], several: bool) -> dict[str, Any] | None:
    """The picture beside the summary: face against heart where it was measured, and the other benchmarks' leads."""
    faces: dict[str, Any] = {}
    groups: list[dict[str, Any]] = []
    for b in (b for b in blocks if not b.minor):
        rows = [
            (name if several else "", found[0])
            for column, (_, name) in enumerate(b.runs)
            if (found := face_slices(b, column)) and found[0].slice == "all"
        ]
        if rows and not faces:
            faces = {"plot": _svg.dumbbell(rows[:_GLANCE]), "of": oneline(b.benchmark), "more": len(rows) - _GLANCE}
            continue
        for line in b.mains if len(groups) < _GROUPS[several] else ():
            groups.append({"name": f"{oneline(b.benchmark)} · {b.name(line)}", "rows": _peeks(b, line, several)})
    return {"faces": faces, "groups": groups} if faces or groups else None


def _peeks(b: Block, line: Line, several: bool) -> list[dict[str, Any]]:
    scale = axis(line.found)
    cells = [(i, name, e) for (i, name), e in zip(b.runs, line.cells, strict=True) if e is not None]
    return [
        {
            "name": name if several else "",
            "glyph": _svg.glyph(i),
            "value": value(e),
            "plot": _svg.whiskers([(i, name, e)], scale),
        }
        for i, name, e in cells[:_GLANCE]
    ]


def summary(blocks: Sequence[Block], room: Room) -> dict[str, Any] | None:
    """The leading number of every benchmark in one table, where there are many."""
    found = overview(blocks)
    return _categories(found[0], found[1][0].line, found[1], room, _svg.SHARES) if found else None


def block(
    b: Block,
    place: int,
    several: bool,
    tests: Tests | None,
    room: Room,
    titles: Mapping[str, str],
    blocks: Sequence[Block],
    runs: Sequence[RunReport],
) -> dict[str, Any]:
    """One benchmark under one judge, with what attacks make of it."""
    split = None if b.minor else unpooled(b)
    agreed = agreement(b, blocks)
    told = means(b)
    grid = attack_grid(b, blocks)
    faces = [(i, name, face_slices(b, column)) for column, (i, name) in enumerate(b.runs)]
    faces = [(i, name, found) for i, name, found in faces if found]
    rest = [line for line in b.rest if line not in told]
    return {
        **_head(b, f"b{place}", several, titles),
        "headlines": _measures(b, b.headlines, several, tests) if b.headlines else None,
        "rest": _measures(b, rest, several, tests) if rest else None,
        "unpooled": _grid(split, b.runs) if split else None,
        "agreed": _grid(agreed, b.runs) if agreed else None,
        "judges": judges(b, blocks, runs) if agreed else [],
        "reliable": _reliable(b),
        "categories": [_categories(b, line, below, room) for line, below in b.broken_down() if line not in told],
        "faces": face_view(faces) if faces else None,
        "worst": [] if b.minor else _worsts(b, room),
        "attacked": {
            "grid": _grid(grid, b.runs),
            "means": _measures(b, told, several, None) if told else None,
            "heat": heat(b, blocks, room.heat_rows),
            "each": [
                {
                    **_head(x, f"b{place}a{k}", several, titles),
                    "headlines": _measures(x, x.headlines, several, tests) if x.headlines else None,
                    "worst": [] if b.minor else _worsts(x, room),
                }
                for k, x in enumerate(under(b, blocks))
            ],
        }
        if grid
        else None,
    }


def _head(b: Block, id: str, several: bool, titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": id,
        "benchmark": oneline(b.benchmark),
        "title": titles.get(b.benchmark, ""),
        "attack": oneline(b.attack) if b.attack else "",
        "judge": oneline(b.judge) if b.judge else "",
        "several": several,
        "minor": b.minor,
    }


def _worsts(b: Block, room: Room) -> list[dict[str, Any]]:
    return [
        {"name": name, "glyph": _svg.glyph(i), "categories": [_worst(w, room) for run, w in b.worst if run == name]}
        for i, name in b.runs
        if any(run == name for run, _ in b.worst)
    ]


def _reliable(b: Block) -> list[dict[str, Any]]:
    """The reliability plot of every run, where confidence was measured."""
    plots = []
    for column, (i, name) in enumerate(b.runs):
        plot = reliability([e for line in b.lines if (e := line.cells[column]) is not None], i)
        if plot:
            plots.append({"plot": plot, "glyph": _svg.glyph(i), "name": name})
    return plots


# ------------------------------------------------------------------ measures


def _measures(b: Block, lines: list[Line], several: bool, tests: Tests | None) -> dict[str, Any]:
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


def _grid(grid: Grid, runs: Sequence[tuple[int, str]]) -> dict[str, Any]:
    glyphs = {name: _svg.glyph(i) for i, name in runs}
    return {
        "metrics": [(name.replace("_", " "), explain(name)) for name in grid.metrics],
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
            for row in grid.rows
        ],
        **_how(list(grid.lines)),
        "missing": False,
    }


# ---------------------------------------------------------------- categories


def _categories(b: Block, line: Line, below: list[Branch], room: Room, scale: Axis | None = None) -> dict[str, Any]:
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


# ------------------------------------------------------------------ examples


def _worst(w: Worst, room: Room) -> dict[str, Any]:
    examples = [found for e in w.examples if (found := _example(e, room))]
    e = w.estimate
    return {
        "name": category(e.slice),
        "metric": oneline(e.metric),
        "value": value(e),
        "interval": interval(e),
        "n": e.n,
        "missing": e.n_missing,
        "bad": w.bad,
        "examples": examples,
    }


def _example(e: Example, room: Room) -> dict[str, Any] | None:
    prompt = [(oneline(m.role, 20), _excerpt(m.content, _PROMPT)) for m in e.messages[-3:]]
    parts = [_part(p) for p in e.parts[:6]]
    texts = [text for _, text in prompt]
    texts += [text for p in parts for text in (p["answer"], p["rationale"], *(o for _, o in p["options"]))]
    if not room.take(*texts):
        return None
    return {"id": oneline(e.unit, 80), "lang": oneline(e.lang, 20), "prompt": prompt, "parts": parts}


def _excerpt(text: str, limit: int) -> str:
    """The beginning of a text, safe to look at; only that much of a long one is ever touched."""
    return clip(clean(text[: limit + 1]), limit)


def _part(p: Part) -> dict[str, Any]:
    letters = (chr(ord("A") + k) for k in range(26))
    return {
        "item": oneline(p.item_id, 80),
        "form": oneline(p.form, 40),
        "sample": p.sample,
        "options": [(letter, _excerpt(o, _OPTION)) for letter, o in zip(letters, p.options[:8], strict=False)],
        "target": oneline(p.target, 20) if p.target else "",
        "status": oneline(p.status, 40),
        "answer": _excerpt(p.answer, _ANSWER),
        "verdict": oneline(p.verdict, 60),
        "rationale": _excerpt(p.rationale, _WHY),
    }
