"""The value profile's part of the HTML page: every frame with its radar and its heat map, ready to be laid out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from honne.report import _svg
from honne.report._profile import Read, Value, frames, ranked, read, told
from honne.report._radar import MOST_RUNS, radar, spokes
from honne.report._text import count, interval, level, oneline, value
from honne.report.model import RunReport
from honne.report.values import PARTLY, sources
from honne.values import LANGS, Node, Text, framework

__all__ = ["values"]

_CELLS = 1500
_STEPS = 7
_FEW = 8
_LANG_NAMES = {"en": "English", "zh": "中文", "ja": "日本語"}
# A frame of one's own is as long as its author likes; the page stays readable.
_NODES = 400


def values(runs: Sequence[RunReport], names: Sequence[str], asked: str | None) -> dict[str, Any] | None:
    """Every frame, the one to begin with first; None where nothing in these runs is read in any."""
    found = ranked(read(runs, frames(asked)))
    if asked is not None:
        # A frame of one's own is the first of `frames`, and its name is its file's.
        found.sort(key=lambda one: one[0] is not framework(asked))
    elif not any(v.estimate for one in found[:1] for values in one[1] for v in values):
        return None
    room, shown, left = _CELLS, list[Read](), list[str]()
    for one in found:
        cells = len(one[0].nodes) * len(runs)
        if shown and cells > room:
            left.append(one[0].name)
            continue
        room -= cells
        shown.append(one)
    return {
        "frames": [_frame(one, names) for one in shown],
        "lang": _lang(runs),
        "langs": [(lang, _LANG_NAMES[lang]) for lang in LANGS],
        "left": left,
        "several": len(runs) > 1,
        "partly": PARTLY,
        "steps": range(_STEPS),
    }


def _lang(runs: Sequence[RunReport]) -> str:
    """The language that the names begin in: the one of most of what was asked, where there are names in it."""
    asked: Counter[str] = Counter()
    for run in runs:
        for lang, n in run.langs.items():
            asked[lang.partition("-")[0].casefold()] += n
    lang = next((lang for lang, n in asked.items() if 2 * n > asked.total()), "")
    return lang if lang in LANGS else LANGS[0]


def _texts(text: Text, limit: int = 80) -> list[tuple[str, str]]:
    return [(lang, oneline(text.of(lang), limit)) for lang in LANGS]


def _frame(one: Read, names: Sequence[str]) -> dict[str, Any]:
    frame, profiles = one
    named = [(i, name, values) for i, (name, values) in enumerate(zip(names, profiles, strict=True))]
    places = spokes([values for _, _, values in named[:MOST_RUNS]])
    rows = [_row(cells) for cells in list(zip(*profiles, strict=True))[:_NODES]]
    numbers = [v.estimate for values in profiles for v in values if v.estimate]
    measured = {v.node.id for values in profiles for v in values if v.estimate}
    leaves = frame.leaves()
    by = told(source for values in profiles for v in values for source in v.sources)
    return {
        "name": oneline(frame.name, 40),
        "title": _texts(frame.title, 120),
        "about": _texts(frame.about, 800),
        "source": frame.source if frame.source.startswith(("https://", "http://")) else "",
        "radar": radar(named, places) if places else None,
        "drawn": [(_svg.glyph(i), name) for i, name, _ in named[:MOST_RUNS]],
        "undrawn": max(0, len(named) - MOST_RUNS),
        "runs": [{"glyph": _svg.glyph(i), "name": name} for i, name, _ in named],
        "rows": rows,
        "longer": max(0, len(frame.nodes) - _NODES),
        "measured": sum(node.id in measured for node in leaves),
        "of": len(leaves),
        "ruler": _svg.ruler(_svg.SHARES) if len(named) == 1 else None,
        "partly": any(not v.exact for values in profiles for v in values if v.estimate),
        "level": ", ".join(dict.fromkeys(level(e) for e in numbers if e.level)),
        "methods": list(dict.fromkeys(oneline(e.method.partition(";")[0]) for e in numbers)),
        "by": by,
    }


def _row(cells: Sequence[Value]) -> dict[str, Any]:
    node = cells[0].node
    return {
        "name": _texts(node.name),
        "means": _means(node),
        "depth": min(3, node.depth),
        "parts": max((v.measured for v in cells), default=0),
        "of": cells[0].parts,
        "cells": [_cell(v, len(cells) <= _FEW) for v in cells],
        "plot": _svg.whiskers([(0, "", cells[0].estimate)], _svg.SHARES) if len(cells) == 1 else None,
        "by": sources(cells),
    }


def _means(node: Node) -> list[tuple[str, str]]:
    return _texts(node.means, 400) if node.means.en else []


def _cell(v: Value, few: bool) -> dict[str, Any] | None:
    e = v.estimate
    if e is None:
        return None
    step = "none" if e.value is None or e.withheld else str(min(_STEPS - 1, int(e.value * _STEPS)))
    return {
        "value": value(e),
        "interval": interval(e),
        "n": count(e.n),
        "missing": e.n_missing,
        "partly": not v.exact,
        "heat": f"v{step}",
        # Among many runs the words of every cell would fill the page; they are in the other formats.
        "said": _svg.said(e) if few else "",
    }
