"""Calibration of stated probabilities: pure functions of arrays, each with weights so that it can be resampled.

ECE: Guo, Pleiss, Sun, Weinberger 2017 (arXiv 1706.04599), eq. 3. Bins of equal mass: Nixon et al. 2019 (arXiv
1904.01685). Wasserstein distance: the first-order distance between two distributions on the line, ∫ |F − G|
(Vallender 1974); it is what `scipy.stats.wasserstein_distance` computes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from honne.stats._clusters import Floats, Ints

__all__ = ["deviation", "ece", "equal_mass", "equal_width", "resampled", "wasserstein"]

_DRAWS, _SEED = 1000, 0


def equal_width(confidence: Floats, bins: int = 10) -> Ints:
    """The bin (0 … bins-1) of every confidence in [0, 1]: (0, 1/bins], (1/bins, 2/bins], …; 0 itself is in the first.

    Rounded to nine places first, so that 0.3 as 0.1 + 0.2 does not fall into the next bin.
    """
    edges = np.ceil(np.round(np.asarray(confidence, dtype=np.float64) * bins, 9))
    return np.asarray(np.clip(edges - 1, 0, bins - 1), dtype=np.int64)


def equal_mass(confidence: Floats, bins: int = 10) -> Ints:
    """Bins that hold about as many values each; equal values are never parted, so there may be fewer bins."""
    values = np.round(np.asarray(confidence, dtype=np.float64), 9)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf"))
    return np.asarray(np.searchsorted(edges, values, side="left"), dtype=np.int64)


def ece(confidence: Floats, right: Floats, bins: Ints, weights: Floats) -> float:
    """Expected calibration error: Σ_b |Σ w·right − Σ w·confidence| / Σ w, over the bins b (all arrays of length n)."""
    gap = np.bincount(bins, weights=weights * (right - confidence))
    return float(np.abs(gap).sum() / weights.sum())


def deviation(values: Floats, weights: Floats) -> float:
    """The weighted standard deviation (divided by the total weight, as the source does)."""
    mean = float((weights * values).sum() / weights.sum())
    return float(np.sqrt((weights * (values - mean) ** 2).sum() / weights.sum()))


def wasserstein(x: Floats, y: Floats) -> Callable[[Floats], float]:
    """The first-order Wasserstein distance between the values `x` and the values `y`, as a function of the weights that
    they share (all n): the values are sorted once, however often they are weighted anew."""
    both = np.concatenate([x, y])
    order = np.argsort(both, kind="stable")
    steps = np.diff(both[order])

    def distance(weights: Floats) -> float:
        signed = np.concatenate([weights, -weights])[order]
        return float((np.abs(np.cumsum(signed))[:-1] * steps).sum() / weights.sum())

    return distance


def resampled(
    statistic: Callable[[Floats], float], clusters: Ints, level: float, draws: int = _DRAWS, seed: int = _SEED
) -> tuple[float, float] | None:
    """Percentile limits of a statistic of weights, by the cluster bootstrap: a cluster drawn k times weighs k.

    `clusters` are labels 0 … m-1, one per value. None for fewer than two clusters: there is nothing to resample.
    """
    m = int(clusters.max()) + 1 if len(clusters) else 0
    if m < 2:
        return None
    random = np.random.default_rng(seed)
    found: NDArray[np.float64] = np.empty(draws)
    for i in range(draws):
        found[i] = statistic(random.multinomial(m, np.full(m, 1 / m))[clusters].astype(np.float64))
    tail = (1 - level) / 2
    return float(np.quantile(found, tail)), float(np.quantile(found, 1 - tail))
