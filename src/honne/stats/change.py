"""How far a mean moved, where what was changed was changed several times: over units, and over runs.

A recipe that is trained with k seeds gives k models, each asked the same units. What is estimated is the mean over all
units and all seeds. Two things are drawn, units and seeds, and the interval carries both: the limits of the units' mean
differences (averaged over the runs) and Student's limits of the runs' means, combined as MOVER combines limits (in
quadrature). What a seed and a unit do together is counted in both: conservative. With one run each, nothing is known of
the spread between seeds, and the interval is about these two models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import special

from honne.stats import intervals
from honne.stats._clusters import Floats, Ints, labels, quantile, totals
from honne.stats.intervals import LEVEL, Limits, mover
from honne.stats.paired import limits

__all__ = ["Change", "Part"]

# p-values below that of this many standard errors are given as that.
_MOST_Z = 6.0


class Part(NamedTuple):
    """One mean: values (runs, units) of the same units `before` and `after`, the units' clusters, and its weight.

    Clusters of the same label in two parts are the same. Values lie in [0, 1], unless the change is not `bounded`.
    """

    before: Floats
    after: Floats
    clusters: Sequence[object]
    weight: float = 1.0


class _Totals(NamedTuple):
    sums: Floats
    squares: Floats
    sizes: Floats
    weight: float


@dataclass(frozen=True)
class Change:
    """Σ wᵢ·(mean after − mean before) over its parts, each of which must have a unit.

    Unit differences lie in [-1, 1] and get Bonett & Price's adjusted Wald limits on their effective number
    (`stats/paired.py`), the means before and after the limits of rates (`stats/intervals.py`); where not `bounded`
    (lengths), clustered Student limits. Parts that share clusters are not independent: their half-widths are added.
    """

    parts: Sequence[Part]
    bounded: bool = True

    @property
    def value(self) -> float:
        return float(np.mean(self._runs[1]) - np.mean(self._runs[0]))

    def limits(self, level: float = LEVEL) -> tuple[float, float]:
        """Two-sided limits of the difference; those of a one-sided bound at 95 % are these at 90 %."""
        found = [self._difference(part, level) for part in self._differences]
        low, high = self._combined(found, self._spread(level, 0, 1))
        return (max(low, -1.0), min(high, 1.0)) if self.bounded else (low, high)

    def side(self, i: int, level: float = LEVEL) -> tuple[float, float, float]:
        """The mean before (0) or after (1), and its limits."""
        found = [self._mean(part, level) for part in self._means[i]]
        low, high = self._combined(found, self._spread(level, i))
        value = float(np.mean(self._runs[i]))
        return (value, max(low, 0.0), min(high, 1.0)) if self.bounded else (value, low, high)

    @property
    def p(self) -> float:
        """Two-sided p of "no difference": 1 - the level of the widest interval that leaves out 0."""
        if self.value == 0:
            return 1.0
        below, above = 0.0, _MOST_Z
        for _ in range(22):
            z = (below + above) / 2
            low, high = self.limits(2 * float(special.ndtr(z)) - 1)
            below, above = (z, above) if low > 0 or high < 0 else (below, z)
        return 2 * float(special.ndtr(-below))

    @property
    def method(self) -> str:
        """The name of the interval's method."""
        if not self.bounded:
            kind = "student, clustered"
        else:
            clustered = any(len(t.sizes) < t.sizes.sum() for t in self._differences)
            kind = "adjusted wald" + (", clustered" if clustered else "")
            kind = f"macro mover {kind}" if len(self.parts) > 1 else kind
        runs = [len(side) for side in self._runs if len(side) > 1]
        return f"{kind}; student over {' and '.join(map(str, runs))} runs" if runs else kind

    # ---------------------------------------------------------------- totals

    @cached_property
    def _runs(self) -> tuple[Floats, Floats]:
        """The weighted mean of every run, before and after."""
        before = sum(part.weight * part.before.mean(axis=1) for part in self.parts)
        after = sum(part.weight * part.after.mean(axis=1) for part in self.parts)
        return np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)

    @cached_property
    def _clusters(self) -> list[Ints]:
        return [labels(np.array(part.clusters, dtype=object).astype(str), len(part.clusters)) for part in self.parts]

    @cached_property
    def _independent(self) -> bool:
        inside = [set(part.clusters) for part in self.parts]
        return sum(map(len, inside)) == len(set().union(*inside))

    @cached_property
    def _differences(self) -> list[_Totals]:
        return [
            _totals(part.after.mean(axis=0) - part.before.mean(axis=0), c, part.weight)
            for part, c in zip(self.parts, self._clusters, strict=True)
        ]

    @cached_property
    def _means(self) -> tuple[list[_Totals], list[_Totals]]:
        both = list(zip(self.parts, self._clusters, strict=True))
        before = [_totals(part.before.mean(axis=0), c, part.weight) for part, c in both]
        return before, [_totals(part.after.mean(axis=0), c, part.weight) for part, c in both]

    # ---------------------------------------------------------------- limits

    def _difference(self, t: _Totals, level: float) -> Limits:
        if not self.bounded:
            return _student(t, level)
        mean, low, high, _ = limits(t.sums, t.squares, t.sizes, level)
        return float(mean), float(low), float(high)

    def _mean(self, t: _Totals, level: float) -> Limits:
        if not self.bounded:
            return _student(t, level)
        mean, low, high, _, _ = intervals.limits(t.sums, t.sizes, level)
        return float(mean), float(low), float(high)

    def _combined(self, found: Sequence[Limits], spread: float) -> tuple[float, float]:
        weights = [part.weight for part in self.parts]
        value, low, high = mover(found, weights, independent=self._independent)
        assert value is not None and low is not None and high is not None  # every part has a unit
        return value - math.hypot(value - low, spread), value + math.hypot(high - value, spread)

    def _spread(self, level: float, *sides: int) -> float:
        """The half-width that the differences between runs ask for (Welch); 0 where every side is one run."""
        found = [(float(np.var(r, ddof=1)) / len(r), len(r) - 1) for i in sides for r in [self._runs[i]] if len(r) > 1]
        variance = sum(v for v, _ in found)
        if variance < 1e-18:
            return 0.0
        df = variance**2 / sum(v**2 / rest for v, rest in found)
        return quantile(df, level) * math.sqrt(variance)


def _totals(values: Floats, clusters: Ints, weight: float) -> _Totals:
    sums, sizes = totals(values, clusters)
    return _Totals(sums, totals(values * values, clusters)[0], sizes, weight)


def _student(t: _Totals, level: float) -> Limits:
    n, m = float(t.sizes.sum()), len(t.sizes)
    mean = float(t.sums.sum()) / n
    if m < 2:
        return mean, -math.inf, math.inf
    half = quantile(m - 1, level) * math.sqrt(m / (m - 1) * float(((t.sums - mean * t.sizes) ** 2).sum())) / n
    return mean, mean - half, mean + half
