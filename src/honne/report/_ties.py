"""Which runs the paired tests separate, as letters: runs that share a letter are tied.

Compact letter display by insert-and-absorb (Piepho 2004, J. Comput. Graph. Stat. 13:456): begin with one group of all
runs, split every group that holds a separated pair, drop groups contained in others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from honne.report._blocks import Block, Line

if TYPE_CHECKING:
    from honne.metrics._compare import Paired

__all__ = ["Tests", "letters", "tied"]

# (index of run A, index of run B) -> the rows of `honne compare A B`
Tests = Mapping[tuple[int, int], "Sequence[Paired]"]


def letters(values: Sequence[float], separated: Collection[tuple[int, int]]) -> list[str]:
    """A string of letters per run, `a` for the group of the largest value. Untested pairs count as tied."""
    groups: list[frozenset[int]] = [frozenset(range(len(values)))]
    for i, j in separated:
        split = [g - {k} for g in groups if {i, j} <= g for k in (i, j)]
        groups = [g for g in groups if not {i, j} <= g]
        for g in split:
            if not any(g <= other for other in groups):
                groups = [other for other in groups if not other <= g] + [g]
    groups.sort(key=lambda g: (-max(values[i] for i in g), -min(values[i] for i in g)))
    names = [chr(ord("a") + k) if k < 26 else f"({k + 1})" for k in range(len(groups))]
    return ["".join(name for name, g in zip(names, groups, strict=True) if i in g) for i in range(len(values))]


def tied(block: Block, line: Line, tests: Tests | None) -> list[str]:
    """The letters of one line's cells, `a` the best; empty without tests, for one run, or where a value is missing."""
    blank = ["" for _ in line.cells]
    values = [e.value for e in line.cells if e is not None and not e.withheld and e.value is not None]
    if not tests or len(values) < 2 or len(values) != len(line.cells):
        return blank
    if line.first.better == "lower":
        values = [-x for x in values]
    separated = []
    for a, (i, _) in enumerate(block.runs):
        for b, (j, _) in enumerate(block.runs):
            rows = tests.get((i, j), ())
            if any(_same(row, block, line) and row.separated for row in rows):
                separated.append((a, b))
    return letters(values, separated)


def _same(row: Paired, block: Block, line: Line) -> bool:
    mine = (row.benchmark, row.attack, row.metric, row.slice, row.judge_a, row.judge_b)
    return mine == (block.benchmark, block.attack, line.metric, line.slice, block.judge, block.judge)
