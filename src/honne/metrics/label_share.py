"""`label_share:LABEL`: the share of answers with each label, for imported labels that no benchmark gives a meaning.

No share is better or worse than another. More than `MOST` labels (scores, say) are not a table, and give nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from honne.metrics._units import item_units, scored
from honne.plugins import Measure, Row, View
from honne.records import Judgment

__all__ = ["MOST", "PLUGIN"]

MOST = 20


def _labels(view: View) -> list[str]:
    """Every label that any judge of these rows gave: one that this judge never gave has a share too, of 0."""
    judgments: list[Judgment | None] = [row.judgment for row in view.rows]
    judgments += [judgment for rows in view.by_judge.values() for judgment in rows.values()]
    return sorted({found.label for judgment in judgments if (found := scored(judgment)) and found.label is not None})


def _is(label: str) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        judgment = scored(row.judgment)
        return None if judgment is None or judgment.label is None else float(judgment.label == label)

    return value


def label_share(view: View) -> Iterator[Measure]:
    labels = _labels(view)
    if len(labels) <= MOST:
        for label in labels:
            yield Measure(f"label_share:{label}", item_units(view.rows, _is(label)), headline=True)


PLUGIN: Callable[[View], Iterable[Measure]] = label_share
