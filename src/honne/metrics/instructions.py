"""Instruction following: `accuracy` (every rule of an item is followed) and `followed_share` (of its rules).

After the prompt-level and instruction-level accuracy of IFEval (Zhou et al. 2023, arXiv 2311.07911), on rules and
prompts of our own. `followed_share` is the mean over items of the share of rules followed.
"""

from __future__ import annotations

from collections.abc import Iterable

from honne.metrics._units import item_units, judge_of, open_rows, scored
from honne.metrics.open_accuracy import open_accuracy
from honne.plugins import Measure, Row, View

__all__ = ["PLUGIN"]


def _share(row: Row) -> float | None:
    judgment = scored(row.judgment)
    share = judgment.raw_score if judgment else None
    return share if share is not None and 0 <= share <= 1 else None


def instructions(view: View) -> Iterable[Measure]:
    yield from open_accuracy(view)
    rows = open_rows(view)
    if rows:
        judge = judge_of(rows, view)
        yield Measure("followed_share", item_units(rows, _share), better="higher", form="open", judge=judge)


PLUGIN = instructions
