"""Calibration of stated probabilities: pure functions of arrays, and the intervals of what they give.

ECE: Guo, Pleiss, Sun, Weinberger 2017 (arXiv 1706.04599), eq. 3. Bins of equal mass: Nixon et al. 2019 (arXiv
1904.01685). Wasserstein distance: the first-order distance between two distributions on the line, ∫ |F − G|
(Vallender 1974); it is what `scipy.stats.wasserstein_distance` computes.

Both are sums of absolute differences: chance makes them too large, most where the truth is near 0, and a percentile
bootstrap of them holds no perfectly calibrated model at all. Their intervals take off what chance may have added:
simulated coverage at 95 % is at least 93 % from 20 questions, one or many answers each, calibrated or not.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from honne.stats._clusters import Floats, Ints, quantile, totals
from honne.stats.intervals import LEVEL, clopper_pearson, rate

__all__ = [
    "deviation",
    "deviation_limits",
    "ece",
    "ece_limits",
    "equal_mass",
    "equal_width",
    "wasserstein",
    "wasserstein_limits",
]

_DRAWS, _SEED = 1000, 0

Limits = tuple[float, float]


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


def ece(confidence: Floats, right: Floats, bins: Ints) -> float:
    """Expected calibration error: Σ_b |Σ right − Σ confidence| / n, over the bins b (all arrays of length n)."""
    return float(np.abs(np.bincount(bins, weights=right - confidence)).sum() / len(bins))


def ece_limits(confidence: Floats, right: Floats, bins: Ints, clusters: Ints, level: float = LEVEL) -> Limits:
    """Limits of `ece`; `clusters` are labels 0 … m-1, one per value.

    With w the share of a bin and h its half-width (the interval that `rate` gives to its share of right answers), the
    error varies by the root of Σ (w h)², or by its own clustered jackknife where that is more. Below, the most that
    chance may have added is taken off as well: E|g + h/z·N(0, 1)| − |g| at the gap g nearest to 0 that a bin allows.
    """
    z, n = float(special.ndtri(0.5 + level / 2)), len(bins)
    _, bins = np.unique(bins, return_inverse=True)
    size = np.bincount(bins)
    share, gap = size / n, np.bincount(bins, weights=right - confidence) / size
    found = [rate(right[bins == b], clusters[bins == b], level) for b in range(len(size))]
    value, low, high = np.array([(i.value, i.low, i.high) for i in found], dtype=np.float64).T
    off = np.abs(gap)
    error = float((share * off).sum())
    half = np.maximum(value - low, high - value)
    rise = np.maximum(np.abs(gap - value + low), np.abs(gap - value + high)) - off
    # Which bins the answers fall into is drawn, too.
    between = z**2 * float((share * (off - error) ** 2).sum()) / sum(i.n_effective for i in found)
    clustered = z**2 * _variance(np.where(gap < 0, -1.0, 1.0)[bins] * (right - confidence), error, clusters)
    added = float((share * _folded(np.maximum(off - half, 0.0), half / z)).sum())
    down, up = (max(float(((share * x) ** 2).sum()) + between, clustered) ** 0.5 for x in (half, rise))
    return max(error - added - down, 0.0), min(error + up, 1.0)


def _folded(mean: Floats, spread: Floats) -> Floats:
    """E|X| − mean of a normal X (mean ≥ 0, spread > 0): what taking the absolute value adds."""
    t = mean / spread
    return np.asarray(spread * np.sqrt(2 / np.pi) * np.exp(-t * t / 2) - 2 * mean * special.ndtr(-t))


def _variance(values: Floats, mean: float, clusters: Ints) -> float:
    """The clustered variance of a mean; 0 for a single cluster."""
    sums, _ = totals(values - mean, clusters)
    m = len(sums)
    return m / (m - 1) * float((sums**2).sum()) / len(values) ** 2 if m > 1 else 0.0


def deviation(values: Floats) -> float:
    """The standard deviation (divided by n, as the source does)."""
    return float(values.std())


def deviation_limits(values: Floats, clusters: Ints, level: float = LEVEL) -> Limits | None:
    """Limits of `deviation` of values in [0, 1]: the delete-one-cluster jackknife of its logarithm, with a third of the
    degrees of freedom that a mean has, as so few values make up most of it. None for fewer than two clusters.

    It does not see a rare large value that has not come up: with 5 % of them it covers from 100 clusters upward.
    """
    m = int(clusters.max()) + 1 if len(clusters) else 0
    if m < 2:
        return None
    value = deviation(values)
    count, total, square = (np.bincount(clusters, weights=values**power) for power in (0, 1, 2))
    n, s, q = (x.sum() - x for x in (count, total, square))
    with np.errstate(divide="ignore"):
        logs = np.log(np.sqrt(np.maximum(q / n - (s / n) ** 2, 0.0)))
    known = bool(np.isfinite(logs).all())
    spread = ((m - 1) / m * float(((logs - logs.mean()) ** 2).sum())) ** 0.5 if known else 0.0
    if spread < 1e-9:
        p = min(_unseen(m, level), 0.5)
        open_ = (p * (1 - p)) ** 0.5
        return max(value - open_, 0.0), min(value + open_, 1.0)
    factor = float(np.exp(quantile(max((m - 1) / 3, 1.0), level) * spread))
    return value / factor, min(value * factor, max(0.5, value))


def wasserstein(x: Floats, y: Floats) -> float:
    """The first-order Wasserstein distance between the values `x` and the values `y` (as many)."""
    steps, order = _steps(x, y)
    return float((np.abs(_apart(np.ones(len(x)), order)) * steps).sum())


def wasserstein_limits(
    x: Floats, y: Floats, clusters: Ints, level: float = LEVEL, draws: int = _DRAWS, seed: int = _SEED
) -> Limits | None:
    """Limits of `wasserstein` for values in [0, 1], by the cluster bootstrap. None for fewer than two clusters.

    A drawn sample lies as far from the sample as the sample from the truth: below, the distance between those two is
    taken off (triangle inequality); above stands the percentile of the drawn distances.
    """
    m = int(clusters.max()) + 1 if len(clusters) else 0
    if m < 2:
        return None
    random = np.random.default_rng(seed)
    steps, order = _steps(x, y)
    whole = _apart(np.ones(len(x)), order)
    away, drawn = np.empty(draws), np.empty(draws)
    for i in range(draws):
        one = _apart(random.multinomial(m, np.full(m, 1 / m))[clusters].astype(np.float64), order)
        away[i], drawn[i] = float((np.abs(one - whole) * steps).sum()), float((np.abs(one) * steps).sum())
    tail = (1 + level) / 2
    value = float((np.abs(whole) * steps).sum())
    if float(away.max()) < 1e-12:
        return max(value - _unseen(m, level), 0.0), min(value + _unseen(m, level), 1.0)
    # What a bootstrap of few clusters is too narrow by.
    few = (m / (m - 1)) ** 0.5 * quantile(m - 1, level) / float(special.ndtri(tail))
    down, up = few * float(np.quantile(away, tail)), few * (float(np.quantile(drawn, tail)) - value)
    return max(value - down, 0.0), min(value + max(up, 0.0), 1.0)


def _steps(x: Floats, y: Floats) -> tuple[Floats, Ints]:
    """The steps between the sorted values of both, and their order."""
    both = np.concatenate([x, y])
    order = np.argsort(both, kind="stable")
    return np.diff(both[order]), order


def _apart(weights: Floats, order: Ints) -> Floats:
    """F − G at every step, for values that share their weights."""
    return np.asarray(np.cumsum(np.concatenate([weights, -weights])[order])[:-1] / weights.sum())


def _unseen(m: int, level: float) -> float:
    """The share that may differ where none of m clusters did: no sample without any spread has a width of 0."""
    return float(clopper_pearson(0.0, float(m), level)[1])
