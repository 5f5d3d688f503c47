"""`mean_score`: the mean of the scores (0 to 1) that an imported scorer gave, as the tool that it comes from counts it.

Where every score is 0 or 1 this is the share of right answers. A scorer that looks at an item's answers together gives
its score to the first of them: further samples that it says nothing about are no units.
"""

from __future__ import annotations

from collections.abc import Iterable

from honne.metrics._units import item_units, scored
from honne.plugins import Measure, Row, View

__all__ = ["PLUGIN"]


def _value(row: Row) -> float | None:
    judgment = scored(row.judgment)
    return judgment.score if judgment else None


def mean_score(view: View) -> Iterable[Measure]:
    units = item_units([row for row in view.rows if row.judgment is not None or row.sample == 0], _value)
    values = {unit.value for unit in units} - {None}
    if values:
        unit = "proportion" if values <= {0.0, 1.0} else "score"
        yield Measure("mean_score", units, unit=unit, better="higher", headline=True)


PLUGIN = mean_score
