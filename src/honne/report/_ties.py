"""Which runs the paired tests separate, as letters: runs that share a letter are tied.

Compact letter display by insert-and-absorb (Piepho 2004, J. Comput. Graph. Stat. 13:456): begin with one group of all
runs, split every group that holds a separated pair, drop groups contained in others.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from honne.report._blocks import Block, Line

if TYPE_CHECKING:
    from honne.metrics._compare import Paired

__all__ = ["Tests", "letters", "separated", "tied"]

# (index of run A, index of run B) -> the rows of `honne compare A B`
Tests = Mapping[tuple[int, int], "Sequence[Paired]"]


def letters(values: Sequence[float], separated: Collection[tuple[int, int]]) -> list[str]:
    """A string of letters per run, `a` for the group of the largest value."""
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


def separated(block: Block, line: Line, tests: Tests) -> list[tuple[int, int]] | None:
    """The pairs of columns that the tests separate; None where a pair of the block was not tested."""
    found = []
    for (a, (i, _)), (b, (j, _)) in combinations(enumerate(block.runs), 2):
        row = next((row for row in tests.get((i, j), ()) if _same(row, block, line)), None)
        if row is None:
            return None
        if row.separated:
            found.append((a, b))
    return found


def tied(block: Block, line: Line, tests: Tests | None) -> list[str]:
    """The letters of one line's cells, `a` the best; empty without tests, for one run, for
    corrected numbers, or where a value is missing."""
    blank = ["" for _ in line.cells]
    values = [e.value for e in line.cells if e is not None and not e.withheld and e.value is not None]
    # The paired tests are of the judge's own numbers.
    if not tests or len(values) < 2 or len(values) != len(line.cells) or line.first.corrected:
        return blank
    apart = separated(block, line, tests)
    if apart is None:
        return blank
    return letters([-x for x in values] if line.first.better == "lower" else values, apart)


def _same(row: Paired, block: Block, line: Line) -> bool:
    mine = (row.benchmark, row.attack, row.metric, row.form, row.slice, row.judge_a, row.judge_b)
    judge = line.first.judge
    theirs = (block.benchmark, block.attack, line.metric, line.form, line.slice, judge, judge)
    return mine == theirs
