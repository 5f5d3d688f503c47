"""Differences of numbers that were each corrected for the judge's errors, by a calibration of its own.

Rates of the same units are paired (`honne.stats.contrast`); macro means are made of their parts' differences, and
scores, like rates that share no unit, are taken as independent, which is rather too wide than too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import special

from honne.metrics._compare import Paired, not_paired
from honne.metrics._corrected import Correction, Human, Values, values
from honne.metrics._estimate import Frame, frame
from honne.plugins import Measure
from honne.records import Estimate
from honne.stats.contrast import paired
from honne.stats.intervals import LEVEL, Interval, difference, mover
from honne.stats.multiple import holm

__all__ = ["Place", "Side", "corrected_differences"]

# benchmark, attack, judge, metric, form
Place = tuple[str, str | None, str, str, str | None]


class Side(NamedTuple):
    """One corrected measure of one run; `numbers` are its corrections by slice."""

    measure: Measure
    human: Human
    numbers: Mapping[str, Correction]
    finite: bool


class _Gap(NamedTuple):
    value: float
    low: float
    high: float
    method: str
    n: int


def corrected_differences(
    a: Mapping[Place, Side], b: Mapping[Place, Side], unpairable: Collection[str] = (), level: float = LEVEL
) -> list[Paired]:
    """a − b of every number that is corrected in both runs. Holm's families: the slices "all", and the others.

    `unpairable` are the ids of units that were not asked alike.
    """
    rows = [row for place in a if place in b for row in _rows(place, a[place], b[place], set(unpairable), level)]
    families = [[row.p for row in rows if (row.slice == "all") == whole] for whole in (False, True)]
    adjusted = [iter(holm(family)) for family in families]
    return [_adjusted(row, next(adjusted[row.slice == "all"])) for row in rows]


def _adjusted(row: Paired, p: float | None) -> Paired:
    return msgspec.structs.replace(row, p_adjusted=p, separated=p is not None and p < 1 - row.level)


def _rows(place: Place, a: Side, b: Side, unpairable: set[str], level: float) -> Iterator[Paired]:
    both = _Both(a, b, not_paired(place[1], unpairable), level)
    span = a.measure.ceiling - a.measure.floor
    for name in a.numbers:
        if name not in b.numbers:
            continue
        first, second = a.numbers[name].corrected, b.numbers[name].corrected
        gap = both.gap(name, first, second)
        if gap is None:
            continue
        benchmark, attack, judge, metric, form = place
        yield Paired(
            benchmark=benchmark,
            attack=attack,
            judge_a=judge,
            judge_b=judge,
            metric=metric,
            slice=name,
            a=first.value,
            b=second.value,
            difference=span * gap.value,
            low=span * gap.low,
            high=span * gap.high,
            level=level,
            p=_p(gap, level),
            p_adjusted=None,
            separated=False,
            method=gap.method,
            n=gap.n,
            n_unpaired=first.n + second.n - 2 * gap.n,
            n_missing=0,
            unit=a.measure.unit,
            form=form,
            headline=first.headline,
            better=a.measure.better,
            corrected=True,
            labels=(first.n_labels or 0, second.n_labels or 0),
        )


class _Both:
    """Two runs' values of one measure, over the units that both were asked in the same words."""

    def __init__(self, a: Side, b: Side, unpairable: set[str], level: float) -> None:
        self._a, self._b, self._level = a, b, level
        self._frame, other = frame(a.measure), frame(b.measure)
        self._first, second = values(a.measure, self._frame, a.human), values(b.measure, other, b.human)
        place = {unit.id: i for i, unit in enumerate(other.units)}
        mine = [i for i, u in enumerate(self._frame.units) if u.id in place and u.id not in unpairable]
        self._mine = np.array(mine, dtype=np.int64)
        self._second, self._theirs = second, np.array([place[self._frame.units[i].id] for i in mine], dtype=np.int64)

    def gap(self, name: str, first: Estimate, second: Estimate) -> _Gap | None:
        """The difference of one slice, on the scale from 0 to 1; None where one of the two is not known."""
        if first.value is None or second.value is None:
            return None
        measure = self._a.measure
        whole = first.n == second.n == self._shared(name)
        if not (whole and self._first.binary and self._second.binary):
            return self._apart(name, first, second)
        if name != "all" or measure.overall != "macro":
            return self._paired(_mask(self._frame, name))
        parts = [self._paired(mask) for mask in self._frame.parts.values()]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or not known:
            return self._apart(name, first, second)
        inside = [set(self._frame.clusters[mask].tolist()) for mask in self._frame.parts.values()]
        independent = sum(map(len, inside)) == len(set().union(*inside))
        triples = [(part.value, part.low, part.high) for part in known]
        value, low, high = mover(triples, [1 / len(known)] * len(known), independent=independent)
        if value is None or low is None or high is None:
            return None
        return _Gap(value, low, high, f"macro mover of {known[0].method}", sum(part.n for part in known))

    def _shared(self, name: str) -> int:
        return int(_mask(self._frame, name)[self._mine].sum())

    def _paired(self, mask: NDArray[np.bool_]) -> _Gap | None:
        keep = mask[self._mine]
        ours, theirs = _at(self._first, self._mine[keep]), _at(self._second, self._theirs[keep])
        found = paired(
            ours.judged,
            ours.human,
            theirs.judged,
            theirs.human,
            weights_a=ours.inclusion,
            weights_b=theirs.inclusion,
            groups=ours.clusters,
            finite=self._a.finite and self._b.finite,
            level=self._level,
        )
        if found.value is None or found.low is None or found.high is None:
            return None
        return _Gap(found.value, found.low, found.high, found.method, int(keep.sum()))

    def _apart(self, name: str, first: Estimate, second: Estimate) -> _Gap | None:
        sides = (_share(first, self._a.measure, self._level), _share(second, self._b.measure, self._level))
        value, low, high = difference(*sides)
        if value is None or low is None or high is None:
            return None
        methods = " / ".join(dict.fromkeys((first.method, second.method)))
        return _Gap(value, low, high, f"mover, as if independent, of {methods}", self._shared(name))


def _mask(found: Frame, name: str) -> NDArray[np.bool_]:
    return found.slices.get(name, np.zeros(len(found.units), dtype=np.bool_)) if name != "all" else _all(found.units)


def _all(units: Sequence[object]) -> NDArray[np.bool_]:
    return np.ones(len(units), dtype=np.bool_)


def _at(given: Values, places: NDArray[np.int64]) -> Values:
    chances = None if given.inclusion is None else given.inclusion[places]
    return Values(given.judged[places], given.human[places], given.clusters[places], chances)


def _share(e: Estimate, measure: Measure, level: float) -> Interval:
    """The number on the scale from 0 to 1."""
    span = measure.ceiling - measure.floor
    value, low, high = (None if x is None else (x - measure.floor) / span for x in (e.value, e.low, e.high))
    return Interval(value, low, high, level, e.method, e.n)


def _p(gap: _Gap, level: float) -> float:
    """The level at which the interval's end would touch 0, its half-width taken to grow as the normal quantile does."""
    half = gap.value - gap.low if gap.value > 0 else gap.high - gap.value
    if gap.value == 0 or half <= 0 or math.isinf(half):
        return 1.0
    return float(2 * special.ndtr(-abs(gap.value) / half * special.ndtri(0.5 + level / 2)))
