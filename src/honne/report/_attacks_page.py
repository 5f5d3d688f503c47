"""Attacks on the HTML page: one section a benchmark and judge, whatever the number of attacks.

How often each attack succeeds, by category, beside the same answers asked plainly: a heat map for every run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from honne.metrics._attacks import SUCCESS
from honne.records import Estimate
from honne.report import _svg
from honne.report._attacks import PLAIN, under
from honne.report._blocks import Block, Line, methods
from honne.report._text import category, count, interval, level, oneline, value

__all__ = ["heat"]

_ROWS = 60
_STEPS = 7


def heat(block: Block, blocks: Sequence[Block], fit: Callable[[int, int], int]) -> list[dict[str, Any]]:
    """A table for every run of the block that was attacked: categories down, plain and the attacks across.

    `fit` says how many of so many rows there is room for, given the number of columns.
    """
    attacked = under(block, blocks)
    plain = _plain(block, attacked)
    return [made for i, name in block.runs if (made := _table(block, attacked, plain, i, name, fit)) is not None]


def _table(
    block: Block, attacked: Sequence[Block], plain: list[Line], i: int, name: str, fit: Callable[[int, int], int]
) -> dict[str, Any] | None:
    columns: dict[str, dict[str, Estimate]] = {}
    lines: dict[str, Line] = {}
    for b, mine in [(block, plain), *((b, [x for x in b.lines if x.metric == SUCCESS]) for b in attacked)]:
        place = next((c for c, (j, _) in enumerate(b.runs) if j == i), None)
        for x in mine if place is not None else ():
            e = x.cells[place or 0]
            if e is not None:
                lines.setdefault(x.slice, x)
                columns.setdefault(oneline(b.attack or PLAIN), {})[x.slice] = _success(e) if b is block else e
    if not columns.keys() - {PLAIN}:
        return None
    first = next((x for x in lines.values() if x.slice == "all"), None)
    tree = block.categories(first) if first is not None and plain else []
    known = {x.line.slice for x in tree}
    rows = [("all", "all", 0)] if "all" in lines else []
    rows += [(x.line.slice, x.name, x.depth) for x in tree if x.line.slice in lines]
    rows += [(s, category(s), 0) for s in lines if s != "all" and s not in known]
    shown = rows[: fit(min(_ROWS, len(rows)), len(columns))]
    numbers = [e for found in columns.values() for e in found.values()]
    return {
        "name": name,
        "glyph": _svg.glyph(i),
        "columns": list(columns),
        "rows": [
            {
                "name": label,
                "depth": min(3, depth),
                "whole": s == "all",
                "cells": [_cell(c.get(s)) for c in columns.values()],
            }
            for s, label, depth in shown
        ],
        "longer": len(rows) - len(shown),
        "level": ", ".join(dict.fromkeys(level(e) for e in numbers if e.level)),
        "methods": [method for method, _ in methods(list(lines.values()))],
    }


def _plain(block: Block, attacked: Sequence[Block]) -> list[Line]:
    """The plain block's lines of the metric that the success rates are taken from; none where no metric is."""
    for b in attacked:
        success = {x.slice: x for x in b.lines if x.metric == SUCCESS}
        for key in {x.key: None for x in b.whole if x.metric != SUCCESS}:
            same = [x for x in b.lines if x.key == key and x.slice in success]
            mine = [x for x in block.lines if x.key == key]
            if mine and len(same) == len(success) and all(_taken(x, success[x.slice]) for x in same):
                return mine
    return []


def _taken(line: Line, success: Line) -> bool:
    return all(
        (e is None) == (s is None) and (e is None or s is None or _ends(_success(e)) == _ends(s))
        for e, s in zip(line.cells, success.cells, strict=True)
    )


def _ends(e: Estimate) -> tuple[float | None, ...]:
    return (e.n, e.n_missing, *(None if x is None else round(x, 9) for x in (e.value, e.low, e.high)))


def _success(e: Estimate) -> Estimate:
    """A share of safe answers as the share of the others."""
    if e.better == "lower":
        return e
    value, low, high, worst, best = (None if x is None else 1.0 - x for x in (e.value, e.high, e.low, e.worst, e.best))
    return msgspec.structs.replace(e, value=value, low=low, high=high, worst=worst, best=best, better="lower")


def _cell(e: Estimate | None) -> dict[str, Any] | None:
    if e is None:
        return None
    shown = e.value is not None and not e.withheld
    step = f"v{_STEPS - 1 - min(_STEPS - 1, int((e.value or 0.0) * _STEPS))}" if shown else "vnone"
    return {
        "value": value(e),
        "interval": interval(e),
        "n": count(e.n),
        "missing": e.n_missing,
        "heat": step,
        "said": _svg.said(e),
    }
