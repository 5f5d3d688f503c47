"""`accuracy`: the share of multiple-choice answers that are right, with the share that could not be read beside it.

Items without a target are not counted. A refusal to choose, "both" and "neither" are wrong; an answer that could not be
read is missing (paper rule: wrong).
"""

from __future__ import annotations

from collections.abc import Iterable

from honne.metrics._units import choice_rows, item_units, judge_of, scored, unparsed_units
from honne.plugins import Measure, Row, View

__all__ = ["PLUGIN"]


def accuracy(view: View) -> Iterable[Measure]:
    rows = [row for row in choice_rows(view) if row.item.target is not None]
    if not rows:
        return

    def value(row: Row) -> float | None:
        judgment = scored(row.judgment)
        if judgment is None or judgment.score is None:
            unread = row.judgment is not None and row.judgment.status == "unparsed"
            return 0.0 if view.paper and unread else None
        return float(judgment.score == 1.0)

    rule = "paper" if view.paper else "strict"
    judge = judge_of(rows, view)
    yield Measure(
        "accuracy",
        item_units(rows, value),
        better="higher",
        headline=True,
        form="choice",
        rule=rule,
        judge=judge,
        role="capability",
    )
    unread = unparsed_units(rows)
    yield Measure("unparsed_share", unread, better="lower", form="choice", judge=judge, role="well-formedness")


PLUGIN = accuracy
