"""The pieces of the HTML page: estimates and examples turned into rows that the template only has to lay out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from honne.report import _svg
from honne.report import _tables_page as tables
from honne.report._attacks import attack_grid, means, under
from honne.report._attacks_page import heat
from honne.report._blocks import Block, Line, face_slices
from honne.report._examples_page import worsts
from honne.report._faces_page import face_view
from honne.report._grids import agreement, unpooled
from honne.report._judges_page import judges
from honne.report._overview import leads, overview
from honne.report._reliability import reliability
from honne.report._room import Room
from honne.report._text import axis, oneline, value
from honne.report._ties import Tests
from honne.report.model import RunReport

__all__ = ["block", "glance", "summary"]

_GLANCE = 6
_WEAKEST = 5
# How many leading numbers stand beside the summary, of one run and of each of several.
_GROUPS = {False: 10, True: 3}


def glance(blocks: list[Block], several: bool, many: bool = False) -> dict[str, Any] | None:
    """The picture beside the summary: face against heart where it was measured, and the other benchmarks' leads (of
    `many` the overview has them)."""
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
        for line in b.beside(b.mains) if len(groups) < _GROUPS[several] and not many else ():
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


def summary(blocks: Sequence[Block], room: Room, shown: Collection[str]) -> dict[str, Any] | None:
    """The leading number of every benchmark in one table, where there are many; rows lead to the sections `shown`."""
    found = overview(blocks)
    if found is None:
        return None
    table = tables.categories(found[0], found[1][0].line, found[1], room, _svg.SHARES)
    for row, lead in zip(table["rows"], leads(blocks), strict=False):
        id = f"b{blocks.index(lead)}"
        row["href"] = f"#{id}" if id in shown else ""
    return table


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
    worst = [] if b.minor else worsts(b, room)
    return {
        **_head(b, f"b{place}", several, titles),
        "headlines": tables.measures(b, b.beside(b.headlines), several, tests) if b.headlines else None,
        "rest": tables.measures(b, b.beside(rest), several, tests) if rest and not room.brief else None,
        "unpooled": tables.grid(split, b.runs) if split else None,
        "agreed": tables.grid(agreed, b.runs) if agreed else None,
        "judges": judges(b, blocks, runs) if agreed else [],
        "reliable": _reliable(b),
        "categories": [tables.categories(b, line, below, room) for line, below in b.broken_down() if line not in told],
        "faces": face_view(faces) if faces else None,
        "worst": worst,
        "weakest": list(dict.fromkeys(w["name"] for group in worst for w in group["categories"]))[:_WEAKEST],
        "attacked": {
            "grid": tables.grid(grid, b.runs),
            "means": tables.measures(b, told, several, None) if told else None,
            "heat": heat(b, blocks, room.heat_rows),
            "each": [
                {
                    **_head(x, f"b{place}a{k}", several, titles),
                    "worst": [] if b.minor else worsts(x, room),
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


def _reliable(b: Block) -> list[dict[str, Any]]:
    """The reliability plot of every run, where confidence was measured."""
    plots = []
    for column, (i, name) in enumerate(b.runs):
        plot = reliability([e for line in b.lines if (e := line.cells[column]) is not None], i)
        if plot:
            plots.append({"plot": plot, "glyph": _svg.glyph(i), "name": name})
    return plots
