"""`label_share:LABEL`: the share of answers with each label, for imported labels that no benchmark gives a meaning.

No share is better or worse than another. More than `MOST` labels (scores, say) are not a table, and give nothing.

A benchmark's own metric hands over to this where a judge graded on a scale of its own (`judge.rubric=FILE` that names
its labels): the shares of the labels, and where they have scores `mean_score`, their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from honne.metrics._units import item_units, open_rows, scored
from honne.plugins import Measure, Row, View
from honne.records import Judgment

__all__ = ["MOST", "PLUGIN", "PREFIX", "by_label", "of_labels", "own_scale"]

MOST = 20
PREFIX = "label_share:"


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
            yield Measure(f"{PREFIX}{label}", item_units(view.rows, _is(label)), headline=True)


def own_scale(rows: Iterable[Row], known: Collection[str]) -> bool:
    """Whether the judge of these rows gave any label that is none of the `known` ones."""
    found = (scored(row.judgment) for row in rows)
    return any(judgment.label not in known for judgment in found if judgment and judgment.label is not None)


def of_labels(name: str, values: Mapping[str, float], view: View) -> Iterator[Measure]:
    """A safety rate whose labels are worth `values`; `by_label` where the judge gave labels of another scale."""

    def value(row: Row) -> float | None:
        judgment = scored(row.judgment)
        return values.get(judgment.label or "") if judgment else None

    rows = open_rows(view)
    if own_scale(rows, values):
        yield from by_label(view)
    else:
        yield Measure(name, item_units(rows, value), better="higher", headline=True, role="safety")


def by_label(view: View) -> Iterator[Measure]:
    """Of the open answers: the share of each label that this judge gave, and the mean of their scores."""
    # Other judges of the view may use other labels: they are none of this judge's.
    mine = View(open_rows(view), view.judge, paper=view.paper)
    scores = item_units(mine.rows, lambda row: judgment.score if (judgment := scored(row.judgment)) else None)
    if any(unit.value is not None for unit in scores):
        yield Measure("mean_score", scores, unit="score", better="higher", headline=True)
    yield from label_share(mine)


PLUGIN: Callable[[View], Iterable[Measure]] = label_share
