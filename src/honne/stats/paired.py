"""Paired differences of rates and bounded scores, with an interval and a p-value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from honne.stats._bootstrap import bootstrap_means, types
from honne.stats._clusters import Floats, Ints, effective_n, even, informed, labels, totals
from honne.stats.intervals import LEVEL, mover

__all__ = ["Difference", "adjusted_wald", "mcnemar", "paired", "sign_flip"]

FLIPS = 10_000
BOOTSTRAP_DRAWS = 4_000
# The percentile bootstrap is picked only where it was seen to cover: scores, this many differing clusters, and few
# enough distinct clusters that it is cheap.
BOOTSTRAP_CLUSTERS = 50
BOOTSTRAP_TYPES = 400


@dataclass(frozen=True)
class Difference:
    """mean(a) - mean(b) over `n` pairs, in [`low`, `high`]; `p` of "no difference"; None where nothing is paired.

    `separated` is p < 1 - level, before any correction for many comparisons. `discordance` is the mean squared
    difference (for 0/1: the share of pairs that differ) with two pseudo-pairs, `n_effective` what the pairs are worth.
    """

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    method: str
    n: int
    separated: bool
    level: float
    n_effective: float = 0.0
    discordance: float | None = None


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided mid-p of McNemar's exact test: 1 when no pair differs. (Lancaster 1961; Fagerland et al. 2013.)"""
    n, k = only_a + only_b, min(only_a, only_b)
    if n == 0 or only_a == only_b:
        return 1.0
    below = float(special.bdtr(k - 1, n, 0.5)) if k else 0.0
    return min(1.0, 2 * below + float(special.bdtr(k, n, 0.5)) - below)


def sign_flip(sums: ArrayLike, seed: int = 0) -> tuple[float, str]:
    """Two-sided p that cluster totals of differences are symmetric about 0, and the name of the test.

    Each cluster's total keeps its size and takes a random sign. Where all totals have one size this is McNemar's test
    and exact (mid-p); else 10,000 seeded draws, binomial over the distinct sizes.
    """
    t = np.round(np.asarray(sums, dtype=np.float64), 12)
    size, inverse = np.unique(np.abs(t[t != 0]), return_inverse=True)
    if len(size) == 0:
        return 1.0, "mcnemar mid-p"
    if len(size) == 1:
        return mcnemar(int((t > 0).sum()), int((t < 0).sum())), "mcnemar mid-p"
    counts = np.bincount(inverse.reshape(-1))
    flips = np.random.default_rng(seed).binomial(counts, 0.5, size=(FLIPS, len(size)))
    drawn, seen = np.abs((2 * flips - counts) @ size), abs(float(t.sum()))
    slack = 1e-9 * (1 + seen)
    beyond, equal = int((drawn > seen + slack).sum()), int((np.abs(drawn - seen) <= slack).sum())
    return min(1.0, (beyond + equal / 2 + 0.5) / (FLIPS + 1)), f"sign-flip {FLIPS} draws"


def adjusted_wald(mean: ArrayLike, square: ArrayLike, n: ArrayLike, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Limits of a mean difference with mean square `square` over `n` effective pairs (any shapes).

    Bonett & Price (2012): Wald limits after adding one pair with +1 and one with -1, so that no difference in n pairs
    is [-2.8/n, +2.8/n] and not a point. Written with the mean square it serves scores in [-1, 1] as well.
    """
    d, q, size = (np.asarray(x, dtype=np.float64) for x in (mean, square, n))
    shrunk = d * size / (size + 2)
    half = special.ndtri(0.5 + level / 2) * np.sqrt(((q * size + 2) / (size + 2) - shrunk**2) / (size + 2))
    return np.clip(shrunk - half, -1.0, d), np.clip(shrunk + half, d, 1.0)


def limits(sums: Floats, squares: Floats, sizes: Floats, level: float = LEVEL) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean, low, high, effective n of clustered differences: totals and totals of squares (…, m), sizes (m,)."""
    n = sizes.sum()
    mean, square = sums.sum(-1) / n, squares.sum(-1) / n
    # Clusters are uninformative about the variance while nearly all of them are wholly 0, wholly +1 or wholly -1.
    shown = np.minimum((squares > 0).sum(-1), np.minimum((sums < sizes).sum(-1), (sums > -sizes).sum(-1)))
    informative = informed(shown, np.minimum(square, 1 - np.abs(mean)), sizes)
    size = effective_n(sums, sizes, np.maximum(square - mean**2, 0.0), informative, level)
    low, high = adjusted_wald(mean, square, size, level)
    return mean, low, high, size


def paired(
    a: ArrayLike,
    b: ArrayLike,
    clusters: ArrayLike | None = None,
    level: float = LEVEL,
    strata: ArrayLike | None = None,
    seed: int = 0,
) -> Difference:
    """mean(a) - mean(b) of values in [0, 1], paired by position; `clusters` are labels, one per pair.

    The rule. p: McNemar's exact test, mid-p (0/1 and unclustered, or clusters that differ by one amount), else a
    sign-flip test of the cluster totals. Interval: Bonett & Price's adjusted Wald on the effective number of pairs;
    for scores with at least 50 differing, even clusters the percentile cluster bootstrap. No difference in any pair
    never gives zero width. With `strata` (labels) the difference of the unweighted means over the strata: MOVER of the
    strata's intervals, and the sign-flip test of totals weighted alike.

    Raises ValueError for lengths that differ or values outside [0, 1].
    """
    x, y = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"a has shape {x.shape}, b has shape {y.shape}: they must be paired")
    if not bool(np.all((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1))):
        raise ValueError("values must lie in [0, 1]")
    if x.size == 0:
        return Difference(None, None, None, None, "none", 0, False, level)
    d, group = x - y, labels(clusters, len(x))
    if strata is None:
        found = _interval(d, group, level, seed)
        p, test = sign_flip(totals(d, group)[0], seed)
    else:
        stratum = labels(strata, len(x))
        found = _macro(d, group, stratum, level, seed)
        weight = 1 / np.bincount(stratum)[stratum]
        p, test = sign_flip(totals(d * weight * len(d), group)[0], seed)
    return Difference(
        found.value,
        found.low,
        found.high,
        p,
        f"{found.method}; {test}",
        len(d),
        p < 1 - level,
        level,
        found.n,
        found.square,
    )


class _Found(NamedTuple):
    """An interval of a mean difference, its effective n, and the mean square with two pseudo-pairs."""

    value: float
    low: float
    high: float
    method: str
    n: float
    square: float


def _interval(d: Floats, group: Ints, level: float, seed: int) -> _Found:
    sums, sizes = totals(d, group)
    squares = totals(d * d, group)[0]
    mean, low, high, n = (float(v) for v in limits(sums, squares, sizes, level))
    method = "adjusted wald"
    whole = bool(np.all((d == 0) | (np.abs(d) == 1)))
    if not whole and int((squares > 0).sum()) >= BOOTSTRAP_CLUSTERS and even(sizes):
        t, s, counts = types(sums, sizes)
        if len(counts) <= BOOTSTRAP_TYPES:
            means = bootstrap_means(t, s, counts, BOOTSTRAP_DRAWS, seed)
            tail = (1 - level) / 2
            low, high = (float(v) for v in np.quantile(means, [tail, 1 - tail]))
            low, high, method = min(low, mean), max(high, mean), "bootstrap"
    if len(sizes) < len(d):
        method += ", clustered"
    square = (float((d * d).mean()) * n + 2) / (n + 2)
    return _Found(mean, low, high, method, n, square)


def _macro(d: Floats, group: Ints, stratum: Ints, level: float, seed: int) -> _Found:
    k = int(stratum.max()) + 1
    inside = [stratum == i for i in range(k)]
    parts = [_interval(d[mask], labels(group[mask], int(mask.sum())), level, seed) for mask in inside]
    shared = sum(len(np.unique(group[mask])) for mask in inside) > len(np.unique(group))
    value, low, high = mover([(p.value, p.low, p.high) for p in parts], [1 / k] * k, independent=not shared)
    # The n that gives a plain mean with this mean square the variance of the macro mean.
    square = sum(p.square for p in parts) / k
    n = square * k * k / sum(p.square / p.n for p in parts)
    assert value is not None and low is not None and high is not None  # every stratum has a pair
    return _Found(value, max(low, -1.0), min(high, 1.0), f"macro mover {_kinds(parts)}", n, square)


def _kinds(parts: Sequence[_Found]) -> str:
    kinds = "/".join(sorted({p.method.replace(", clustered", "") for p in parts}))
    return kinds + (", clustered" if any(p.method.endswith("clustered") for p in parts) else "")
