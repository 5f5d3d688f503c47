"""`accuracy` of open answers: the share judged right, with the share that could not be read beside it.

For questions that are answered freely and judged right or wrong (by the judges `number` and `instructions`, or by
labels that came with an import); `accuracy` itself is for multiple choice. An answer that could not be read is missing.

Paper rule (GSM8K: Cobbe et al. 2021, arXiv 2110.14168): a reply without a final answer is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable

from honne.metrics._units import item_units, judge_of, open_rows, scored, unparsed_units
from honne.plugins import Measure, Row, View

__all__ = ["PLUGIN"]

_RIGHT = {"right": 1.0, "wrong": 0.0}


def open_accuracy(view: View) -> Iterable[Measure]:
    rows = open_rows(view)
    if not rows:
        return

    def value(row: Row) -> float | None:
        judgment = scored(row.judgment)
        if judgment is None:
            unread = row.judgment is not None and row.judgment.status == "unparsed"
            return 0.0 if view.paper and unread else None
        return _RIGHT.get(judgment.label or "")

    rule = "paper" if view.paper else "strict"
    judge = judge_of(rows, view)
    units = item_units(rows, value)
    yield Measure(
        "accuracy", units, better="higher", headline=True, form="open", rule=rule, judge=judge, role="capability"
    )
    unread = unparsed_units(rows)
    yield Measure("unparsed_share", unread, better="lower", form="open", judge=judge, role="well-formedness")


PLUGIN = open_accuracy
