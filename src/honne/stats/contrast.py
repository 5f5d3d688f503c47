"""The difference of two corrected rates, each by a calibration of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from honne.stats._clusters import Floats, totals
from honne.stats._sample import Sample, sample
from honne.stats.correction import Corrected, hybrid
from honne.stats.intervals import LEVEL

__all__ = ["CorrectedDifference", "independent", "paired"]


@dataclass(frozen=True)
class CorrectedDifference:
    """a − b in [`low`, `high`] at `level`, all None where `refused` says why; `correlation` is of the two estimates.

    `separated`: 0 lies outside, before any correction for many comparisons.
    """

    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    a: Corrected
    b: Corrected
    correlation: float
    refused: str | None = None

    @property
    def separated(self) -> bool:
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def independent(a: Corrected, b: Corrected) -> CorrectedDifference:
    """a − b of two corrected numbers that share neither items nor labels (MOVER, Zou & Donner 2008)."""
    return _combined(a, b, 0.0, "mover")


def paired(
    judged_a: ArrayLike,
    human_a: ArrayLike,
    judged_b: ArrayLike,
    human_b: ArrayLike,
    *,
    weights_a: ArrayLike | None = None,
    weights_b: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    finite: bool = False,
    level: float = LEVEL,
) -> CorrectedDifference:
    """a − b of the corrected rates of two models on the same N items, all arrays (N,) in one order, as of `hybrid`.

    Each model has its own verdicts and its own labels; they may be of the same items, of others, or of some of both.
    MOVER for correlated estimates (Newcombe 1998, method 10; Zou & Donner 2008, eq. 5): the limits of the two
    corrections, with the correlation of their errors over items (clusters), which is 0 where nothing is shared.
    """
    a = sample(judged_a, human_a, weights_a, groups, level)
    b = sample(judged_b, human_b, weights_b, groups, level)
    if a.n != b.n:
        raise ValueError(f"a has {a.n} items, b has {b.n}: they must be the same items")
    first = hybrid(judged_a, human_a, weights=weights_a, groups=groups, finite=finite, level=level)
    second = hybrid(judged_b, human_b, weights=weights_b, groups=groups, finite=finite, level=level)
    ours, theirs = _error(a, first, finite), _error(b, second, finite)
    scale = math.sqrt(float(ours @ ours) * float(theirs @ theirs))
    correlation = float(ours @ theirs) / scale if scale > 0 else 0.0
    return _combined(first, second, min(max(correlation, -1.0), 1.0), "paired mover")


def _error(s: Sample, found: Corrected, finite: bool) -> Floats:
    """Each cluster's part in the error of the estimate that was made."""
    if found.method.startswith("labels only"):
        part = s.weights * np.where(s.labelled, s.human - (found.value or 0.0), 0.0)
    else:
        part = s.doubt if finite else s.doubt + s.drawn
    return totals(part, s.group)[0]


def _combined(a: Corrected, b: Corrected, correlation: float, method: str) -> CorrectedDifference:
    if a.value is None or a.low is None or a.high is None or b.value is None or b.low is None or b.high is None:
        why = a.refused if a.value is None else b.refused
        return CorrectedDifference(None, None, None, a.level, "none", a, b, correlation, why)
    value = a.value - b.value
    down = _half(a.value - a.low, b.high - b.value, correlation)
    up = _half(a.high - a.value, b.value - b.low, correlation)
    names = a.method if a.method == b.method else f"{a.method} / {b.method}"
    return CorrectedDifference(value, value - down, value + up, a.level, f"{method} of {names}", a, b, correlation)


def _half(x: float, y: float, correlation: float) -> float:
    return math.sqrt(max(x * x + y * y - 2 * correlation * x * y, 0.0))
