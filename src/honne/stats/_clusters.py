"""How many independent units a clustered sample is worth: the one place that decides it.

Everything works on cluster totals, and on many samples at once (leading axes), so that a simulation of its coverage
runs the very code that users run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

__all__ = ["EVEN", "FEW", "Floats", "Ints", "effective_n", "even", "informed", "kish", "labels", "quantile", "totals"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Below this many events, or clusters that show one, an estimated variance is not to be trusted (simulated, see
# tests/test_stats_coverage.py: 5 fails for rare events in clusters of 10).
FEW = 10
# Clusters count as even enough for an estimated variance while Kish's effective number is this share of their number.
EVEN = 0.6


def labels(clusters: Any, n: int) -> Ints:
    """Cluster labels 0, 1, 2, … in order of first appearance; None means that every value is its own cluster."""
    if clusters is None:
        return np.arange(n, dtype=np.int64)
    given = np.asarray(clusters)
    if given.shape != (n,):
        raise ValueError(f"clusters has shape {given.shape}, values have length {n}")
    _, first, inverse = np.unique(given, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return rank[inverse.reshape(-1)]


def totals(values: Floats, clusters: Ints) -> tuple[Floats, Floats]:
    """Per cluster: the sum of `values` and the number of them."""
    return (
        np.bincount(clusters, weights=values).astype(np.float64),
        np.bincount(clusters).astype(np.float64),
    )


def kish(sizes: Floats) -> float:
    """Kish's effective number of clusters, (Σn)² / Σn²: what n units are worth if clusters were wholly alike."""
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def even(sizes: Floats) -> bool:
    """Whether clusters are even enough in size for an estimated variance to be trusted."""
    return kish(sizes) >= EVEN * len(sizes)


def quantile(df: float, level: float) -> float:
    """Two-sided Student quantile with `df` degrees of freedom."""
    return float(special.stdtrit(df, 0.5 + level / 2))


def informed(shown: Ints, share: Floats, sizes: Floats) -> Floats:
    """How many clusters inform about the rarer outcome: those that show it, or as many as would if clusters were alike.

    `shown` (…) counts clusters that show an outcome of share `share` (…). Large clusters all show some of it, also
    where what varies between them has not come up at all: 20 clusters of 50 hold 5 % of an outcome that is one rare
    cluster's, or everybody's, and a sample without that cluster cannot tell. So a share counts only for what it would
    be worth in whole clusters.
    """
    return np.minimum(shown, share * kish(sizes))


def effective_n(sums: Floats, sizes: Floats, spread: Floats, informative: Floats, level: float) -> Floats:
    """The effective sample size of a clustered mean, between Kish's worst case and n; `n` where nothing is clustered.

    `sums` (…, m) are cluster totals, `sizes` (m,) cluster sizes, `spread` (…) the variance of one unit that the
    interval assumes, `informative` (…) the number of clusters that inform about the rarer outcome (`informed`). The
    design effect is the delete-one-cluster jackknife variance of the mean over its unclustered variance; n / design
    effect is then shrunk by (t_{n-1} / t_{kish-1})² for the degrees of freedom (Korn & Graubard 1998) and never exceeds
    n. Where a variance cannot be trusted (fewer than FEW informative clusters, no variation at all, or clusters of very
    uneven size), the worst case, Kish's number, is taken: 0 of 200 in 45 clusters is worth 45 units.
    """
    n, m = float(sizes.sum()), len(sizes)
    worst = kish(sizes)
    if m == n:
        return np.full(np.shape(spread), n)
    if m < 2 or not even(sizes):
        return np.full(np.shape(spread), worst)
    mean = sums.sum(-1) / n
    shift = (sums - mean[..., None] * sizes) / (n - sizes)
    variance = (m - 1) / m * (shift**2).sum(-1)
    trusted = (informative >= FEW) & (variance > 1e-15)
    few_clusters = (quantile(n - 1, level) / quantile(max(worst - 1, 1.0), level)) ** 2
    plain = spread * n / (n - 1)
    estimated = np.minimum(plain / np.where(trusted, variance, 1.0), n) * few_clusters
    return np.clip(np.where(trusted, estimated, worst), worst, n)
