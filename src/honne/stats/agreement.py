"""Agreement between raters: raw agreement, Cohen's and Fleiss' kappa, Krippendorff's alpha, each with an interval.

Ratings are integers, shape (units, raters); -1 is missing. All the coefficients are 1 - Do / De, observed over expected
disagreement, and get their interval in one way: the delete-one-cluster jackknife variance of the coefficient says what
number of independent units its observed disagreement is worth (never more than there are), that disagreement gets the
limits that a rate gets (Clopper-Pearson or Wilson, see `intervals`), and they are divided by De. So perfect agreement
on n units is not a point, and with fewer than 10 disagreements (or agreements) the units are counted in clusters, the
worst case. Simulated coverage at 95 % is at least 93 % from 20 units and categories of 5 % upward.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from honne.stats._clusters import FEW, Floats, Ints, informed, kish, labels
from honne.stats.intervals import LEVEL, clopper_pearson, rate, wilson

__all__ = ["Agreement", "cohen_kappa", "fleiss_kappa", "krippendorff_alpha", "raw_agreement"]


@dataclass(frozen=True)
class Agreement:
    """A coefficient in [`low`, `high`]; None where it is undefined (no unit, or only one category in use).

    `n` is the number of units with at least two ratings (for kappas: with all of them).
    """

    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    n: int


# Observed and expected disagreement, and the largest weight a pair can have, from sums over units (leading axes free).
_Disagreement = Callable[[Floats], tuple[Floats, Floats, Floats]]


def raw_agreement(ratings: ArrayLike, clusters: ArrayLike | None = None, level: float = LEVEL) -> Agreement:
    """The share of rater pairs that agree, averaged over units with at least two ratings."""
    table, group = _rated(ratings, clusters, 2)
    if len(table) == 0:
        return _none(level)
    counts = _counts(table)
    m = counts.sum(1)
    agree = (counts * (counts - 1)).sum(1) / (m * (m - 1))
    found = rate(agree, group, level)
    return Agreement(found.value, found.low, found.high, level, found.method, len(table))


def cohen_kappa(ratings: ArrayLike, clusters: ArrayLike | None = None, level: float = LEVEL) -> Agreement:
    """Cohen's (1960) kappa of two raters: each rater's own margins."""
    table, group = _rated(ratings, clusters, None)
    if table.shape[1:] != (2,):
        raise ValueError(f"Cohen's kappa needs two raters, got ratings of shape {np.shape(ratings)}")
    if len(table) == 0:
        return _none(level)
    k = int(table.max()) + 1
    cells = np.bincount(group * k * k + table[:, 0] * k + table[:, 1], minlength=(int(group.max()) + 1) * k * k)
    units = cells.reshape(-1, k * k).astype(np.float64)

    def disagreement(sums: Floats) -> tuple[Floats, Floats, Floats]:
        square = sums.reshape(*sums.shape[:-1], k, k)
        n = sums.sum(-1)
        expected = 1 - (square.sum(-1) * square.sum(-2)).sum(-1) / n**2
        return 1 - np.trace(square, axis1=-2, axis2=-1) / n, expected, np.ones_like(n)

    return _interval(units, group, (table[:, 0] != table[:, 1]).astype(np.float64), disagreement, level)


def fleiss_kappa(ratings: ArrayLike, clusters: ArrayLike | None = None, level: float = LEVEL) -> Agreement:
    """Fleiss' (1971) kappa: margins pooled over the raters (two raters: Scott's pi); incomplete units are left out."""
    table, group = _rated(ratings, clusters, None)
    if len(table) == 0:
        return _none(level)
    counts = _counts(table)
    raters = table.shape[1]
    differ = 1 - (counts * (counts - 1)).sum(1) / (raters * (raters - 1))
    units = _by_cluster(np.column_stack([counts, differ, np.ones(len(table))]), group)

    def disagreement(sums: Floats) -> tuple[Floats, Floats, Floats]:
        margin = sums[..., :-2] / sums[..., :-2].sum(-1, keepdims=True)
        return sums[..., -2] / sums[..., -1], 1 - (margin**2).sum(-1), np.ones(sums.shape[:-1])

    return _interval(units, group, differ, disagreement, level)


def krippendorff_alpha(
    ratings: ArrayLike, clusters: ArrayLike | None = None, level: float = LEVEL, *, ordinal: bool = False
) -> Agreement:
    """Krippendorff's (2011) alpha, nominal or ordinal; any number of raters, any ratings missing.

    The ordinal distance of two categories is the squared difference of their mid-ranks among all pairable ratings.
    """
    table, group = _rated(ratings, clusters, 2)
    if len(table) == 0:
        return _none(level)
    counts = _counts(table)
    m = counts.sum(1)
    k = counts.shape[1]
    pairs = counts[:, :, None] * counts[:, None, :] - np.eye(k) * counts[:, None, :]
    units = _by_cluster((pairs / (m - 1)[:, None, None]).reshape(len(table), k * k), group)

    def disagreement(sums: Floats) -> tuple[Floats, Floats, Floats]:
        observed = sums.reshape(*sums.shape[:-1], k, k)
        margin = observed.sum(-1)
        n = margin.sum(-1)
        weight = np.broadcast_to(1 - np.eye(k), observed.shape)
        if ordinal:
            middle = np.cumsum(margin, -1) - margin / 2
            weight = (middle[..., :, None] - middle[..., None, :]) ** 2
        expected = (margin[..., :, None] * margin[..., None, :] * weight).sum((-1, -2)) / (n * (n - 1))
        return (observed * weight).sum((-1, -2)) / n, expected, weight.max((-1, -2))

    differ = (counts.max(1) < m).astype(np.float64)
    return _interval(units, group, differ, disagreement, level)


def _interval(units: Floats, group: Ints, differ: Floats, disagreement: _Disagreement, level: float) -> Agreement:
    """The coefficient and its limits (see the module's docstring). `units`: one row of sums per cluster."""
    n = len(group)
    observed, expected, largest = (float(x) for x in disagreement(units.sum(0)))
    if expected <= 0:
        return Agreement(None, None, None, level, "none", n)
    value = 1 - observed / expected
    sizes = np.bincount(group).astype(np.float64)
    size, worst, m = float(n), kish(sizes), len(sizes)
    share = min(max(observed / largest, 0.0), 1.0)
    variance = 0.0
    if m > 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            left_o, left_e, _ = disagreement(units.sum(0) - units)
            left = 1 - left_o / left_e
        left = np.where(np.isfinite(left), left, value)
        variance = float((m - 1) / m * ((left - left.mean()) ** 2).sum())
    with_disagreement = len(np.unique(group[differ > 0]))
    with_agreement = len(np.unique(group[differ < 1]))
    shown = np.array(min(with_disagreement, with_agreement))
    known = shown if m == n else informed(shown, np.array(min(share, 1 - share)), sizes)
    if float(known) >= FEW and variance > 1e-15:
        size = share * (1 - share) * (largest / expected) ** 2 / variance
        size = min(max(size, worst if m < n else 1.0), n)
    else:
        size = worst
    exact = min(share * size, (1 - share) * size) < FEW
    low, high = (clopper_pearson if exact else wilson)(share, size, level)
    scale = largest / expected
    method = f"jackknife {'clopper-pearson' if exact else 'wilson'} of disagreement"
    if m < n:
        method += ", clustered"
    least = 1 - scale
    return Agreement(value, max(1 - float(high) * scale, least), min(1 - float(low) * scale, 1.0), level, method, n)


def _rated(ratings: ArrayLike, clusters: ArrayLike | None, least: int | None) -> tuple[Ints, Ints]:
    """Units with at least `least` ratings (None: with all), and their cluster labels, renumbered."""
    table = np.asarray(ratings, dtype=np.int64)
    if table.ndim != 2:
        raise ValueError(f"ratings must have shape (units, raters), got {table.shape}")
    group = labels(clusters, len(table))
    keep = (table >= 0).sum(1) >= (table.shape[1] if least is None else least)
    return table[keep], labels(group[keep], int(keep.sum()))


def _counts(table: Ints) -> Floats:
    """How many raters gave each category, shape (units, categories)."""
    k = int(table.max()) + 1
    rows = np.repeat(np.arange(len(table)), table.shape[1])
    given = table.reshape(-1)
    cells = np.bincount(rows[given >= 0] * k + given[given >= 0], minlength=len(table) * k)
    return cells.reshape(len(table), k).astype(np.float64)


def _by_cluster(rows: Floats, group: Ints) -> Floats:
    out = np.zeros((int(group.max()) + 1, rows.shape[1]))
    np.add.at(out, group, rows)
    return out


def _none(level: float) -> Agreement:
    return Agreement(None, None, None, level, "none", 0)
