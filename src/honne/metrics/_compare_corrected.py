"""Differences of numbers that were each corrected for the judge's errors, by a calibration of its own.

The two are taken as independent, by MOVER: the labels are other people's of other answers. The same questions were
asked, so the true interval is rather narrower than wider.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from scipy import special

from honne.metrics._compare import Paired
from honne.metrics._corrected import Correction
from honne.plugins import Measure
from honne.records import Estimate
from honne.stats.intervals import LEVEL, Interval, difference
from honne.stats.multiple import holm

__all__ = ["METHOD", "Place", "corrected_differences"]

METHOD = "mover of two corrected numbers, as if independent"
# benchmark, attack, judge, metric, form, slice
Place = tuple[str, str | None, str, str, str | None, str]
Sides = Mapping[Place, tuple[Measure, Correction]]


def corrected_differences(a: Sides, b: Sides, level: float = LEVEL) -> list[Paired]:
    """a − b of every number that is corrected in both runs. Holm's families: the slices "all", and the others."""
    rows = [row for place in a if place in b for row in _row(place, a[place], b[place], level)]
    families = [[row.p for row in rows if (row.slice == "all") == whole] for whole in (False, True)]
    adjusted = [iter(holm(family)) for family in families]
    return [_adjusted(row, next(adjusted[row.slice == "all"])) for row in rows]


def _adjusted(row: Paired, p: float | None) -> Paired:
    return msgspec.structs.replace(row, p_adjusted=p, separated=p is not None and p < 1 - row.level)


def _row(place: Place, a: tuple[Measure, Correction], b: tuple[Measure, Correction], level: float) -> Iterator[Paired]:
    measure, (first, second) = a[0], (a[1].corrected, b[1].corrected)
    if first.value is None or second.value is None:
        return
    span = measure.ceiling - measure.floor
    gap, low, high = difference(_share(first, measure, level), _share(second, measure, level))
    if gap is None or low is None or high is None:
        return
    benchmark, attack, judge, metric, form, name = place
    yield Paired(
        benchmark=benchmark,
        attack=attack,
        judge_a=judge,
        judge_b=judge,
        metric=metric,
        slice=name,
        a=first.value,
        b=second.value,
        difference=span * gap,
        low=span * low,
        high=span * high,
        level=level,
        p=_p(gap, low, high, level),
        p_adjusted=None,
        separated=False,
        method=METHOD,
        n=min(first.n, second.n),
        n_unpaired=0,
        n_missing=0,
        unit=measure.unit,
        form=form,
        headline=first.headline,
        better=measure.better,
        corrected=True,
        labels=(first.n_labels or 0, second.n_labels or 0),
    )


def _share(e: Estimate, measure: Measure, level: float) -> Interval:
    """The number on the scale from 0 to 1."""
    span = measure.ceiling - measure.floor
    value, low, high = (None if x is None else (x - measure.floor) / span for x in (e.value, e.low, e.high))
    return Interval(value, low, high, level, e.method, e.n)


def _p(gap: float, low: float, high: float, level: float) -> float:
    """The level at which the interval's end would touch 0, its half-width taken to grow as the normal quantile does."""
    half = gap - low if gap > 0 else high - gap
    if gap == 0 or half <= 0:
        return 1.0
    return float(2 * special.ndtr(-abs(gap) / half * special.ndtri(0.5 + level / 2)))
