"""Agreement between raters: raw agreement, Cohen's and Fleiss' kappa, Krippendorff's alpha, each with an interval.

Ratings are integers, shape (units, raters); -1 is missing. All the coefficients are 1 - Do / De, observed over expected
disagreement, and get their interval in one way: the delete-one-cluster jackknife variance of the coefficient says what
number of independent units its observed disagreement is worth (never more than there are), that disagreement gets the
limits that a rate gets (Clopper-Pearson or Wilson, see `intervals`), and they are divided by De. So perfect agreement
on n units is not a point, and with fewer than 10 disagreements (or agreements) the units are counted in clusters, the
worst case. Simulated coverage at 95 % is at least 93 % from 20 units and categories of 5 % upward.

`weights` (one per unit, such as inverse inclusion probabilities; only their ratios matter) make the coefficient that of
the population from which the units were drawn with unequal probability: every sum over units is weighted, and so are
the clusters that the jackknife leaves out. A percentile bootstrap (`krippendorff_bootstrap`) is what many papers print;
it has no width where no disagreement was seen, and with few disagreements it is too narrow, so it stands beside the
interval, not in its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from honne.stats._clusters import FEW, Floats, Ints, informed, kish, labels
from honne.stats.intervals import LEVEL, clopper_pearson, rate, wilson

__all__ = ["Agreement", "cohen_kappa", "fleiss_kappa", "krippendorff_alpha", "krippendorff_bootstrap", "raw_agreement"]


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


def raw_agreement(
    ratings: ArrayLike, clusters: ArrayLike | None = None, level: float = LEVEL, *, weights: ArrayLike | None = None
) -> Agreement:
    """The share of rater pairs that agree, averaged over units with at least two ratings."""
    table, group, weight = _rated(ratings, clusters, 2, weights)
    if len(table) == 0:
        return _none(level)
    counts = _counts(table)
    m = counts.sum(1)
    agree = (counts * (counts - 1)).sum(1) / (m * (m - 1))
    if weights is not None:

        def disagreement(sums: Floats) -> tuple[Floats, Floats, Floats]:
            one = np.ones(sums.shape[:-1])
            return sums[..., 0] / sums[..., 1], one, one

        units = _by_cluster(weight[:, None] * np.column_stack([1 - agree, np.ones(len(table))]), group)
        return _interval(units, group, 1 - agree, disagreement, level, weight)
    found = rate(agree, group, level)
    return Agreement(found.value, found.low, found.high, level, found.method, len(table))


def cohen_kappa(
    ratings: ArrayLike, clusters: ArrayLike | None = None, level: float = LEVEL, *, weights: ArrayLike | None = None
) -> Agreement:
    """Cohen's (1960) kappa of two raters: each rater's own margins."""
    table, group, weight = _rated(ratings, clusters, None, weights)
    if table.shape[1:] != (2,):
        raise ValueError(f"Cohen's kappa needs two raters, got ratings of shape {np.shape(ratings)}")
    if len(table) == 0:
        return _none(level)
    k = int(table.max()) + 1
    places = group * k * k + table[:, 0] * k + table[:, 1]
    cells = np.bincount(places, weights=weight, minlength=(int(group.max()) + 1) * k * k)
    units = cells.reshape(-1, k * k).astype(np.float64)

    def disagreement(sums: Floats) -> tuple[Floats, Floats, Floats]:
        square = sums.reshape(*sums.shape[:-1], k, k)
        n = sums.sum(-1)
        expected = 1 - (square.sum(-1) * square.sum(-2)).sum(-1) / n**2
        return 1 - np.trace(square, axis1=-2, axis2=-1) / n, expected, np.ones_like(n)

    return _interval(units, group, (table[:, 0] != table[:, 1]).astype(np.float64), disagreement, level, weight)


def fleiss_kappa(
    ratings: ArrayLike, clusters: ArrayLike | None = None, level: float = LEVEL, *, weights: ArrayLike | None = None
) -> Agreement:
    """Fleiss' (1971) kappa: margins pooled over the raters (two raters: Scott's pi); incomplete units are left out."""
    table, group, weight = _rated(ratings, clusters, None, weights)
    if len(table) == 0:
        return _none(level)
    counts = _counts(table)
    raters = table.shape[1]
    differ = 1 - (counts * (counts - 1)).sum(1) / (raters * (raters - 1))
    units = _by_cluster(weight[:, None] * np.column_stack([counts, differ, np.ones(len(table))]), group)

    def disagreement(sums: Floats) -> tuple[Floats, Floats, Floats]:
        margin = sums[..., :-2] / sums[..., :-2].sum(-1, keepdims=True)
        return sums[..., -2] / sums[..., -1], 1 - (margin**2).sum(-1), np.ones(sums.shape[:-1])

    return _interval(units, group, differ, disagreement, level, weight)


def krippendorff_alpha(
    ratings: ArrayLike,
    clusters: ArrayLike | None = None,
    level: float = LEVEL,
    *,
    ordinal: bool = False,
    weights: ArrayLike | None = None,
) -> Agreement:
    """Krippendorff's (2011) alpha, nominal or ordinal; any number of raters, any ratings missing.

    The ordinal distance of two categories is the squared difference of their mid-ranks among all pairable ratings.
    """
    table, group, weight = _rated(ratings, clusters, 2, weights)
    if len(table) == 0:
        return _none(level)
    counts = _counts(table)
    differ = (counts.max(1) < counts.sum(1)).astype(np.float64)
    return _interval(_coincidences(counts, group, weight), group, differ, _alpha(ordinal), level, weight)


def krippendorff_bootstrap(
    ratings: ArrayLike,
    clusters: ArrayLike | None = None,
    level: float = LEVEL,
    *,
    ordinal: bool = False,
    weights: ArrayLike | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> Agreement:
    """The same alpha with the percentile interval of a bootstrap that draws whole clusters.

    Draws with a single category have no alpha and are left out; None for the limits where all are. See the module's
    docstring for why this is not the interval to rely on.
    """
    table, group, weight = _rated(ratings, clusters, 2, weights)
    if len(table) == 0:
        return _none(level)
    units = _coincidences(_counts(table), group, weight)
    m = len(units)
    # Clusters that are alike are drawn together: the same distribution, by far fewer numbers.
    kinds, sizes = np.unique(units, axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(m, sizes / m, size=draws).astype(np.float64)
    observed, expected, _ = _alpha(ordinal)(np.vstack([units.sum(0), drawn @ kinds]))
    with np.errstate(divide="ignore", invalid="ignore"):
        alphas = 1 - observed / expected
    value, found = float(alphas[0]), alphas[1:][np.isfinite(alphas[1:])]
    if not np.isfinite(value):
        return Agreement(None, None, None, level, "none", len(table))
    method = f"cluster bootstrap, {draws} draws"
    if not len(found):
        return Agreement(value, None, None, level, method, len(table))
    low, high = (float(x) for x in np.quantile(found, [(1 - level) / 2, (1 + level) / 2]))
    return Agreement(value, low, high, level, method, len(table))


def _coincidences(counts: Floats, group: Ints, weight: Floats) -> Floats:
    """The weighted coincidences of every two categories, shape (clusters, k * k)."""
    k = counts.shape[1]
    pairs = counts[:, :, None] * counts[:, None, :] - np.eye(k) * counts[:, None, :]
    each = pairs * (weight / (counts.sum(1) - 1))[:, None, None]
    return _by_cluster(each.reshape(len(counts), k * k), group)


def _alpha(ordinal: bool) -> _Disagreement:
    def disagreement(sums: Floats) -> tuple[Floats, Floats, Floats]:
        k = math.isqrt(sums.shape[-1])
        observed = sums.reshape(*sums.shape[:-1], k, k)
        margin = observed.sum(-1)
        n = margin.sum(-1)
        weight = np.broadcast_to(1 - np.eye(k), observed.shape)
        if ordinal:
            middle = np.cumsum(margin, -1) - margin / 2
            weight = (middle[..., :, None] - middle[..., None, :]) ** 2
        expected = (margin[..., :, None] * margin[..., None, :] * weight).sum((-1, -2)) / (n * (n - 1))
        return (observed * weight).sum((-1, -2)) / n, expected, weight.max((-1, -2))

    return disagreement


def _interval(
    units: Floats, group: Ints, differ: Floats, disagreement: _Disagreement, level: float, weight: Floats
) -> Agreement:
    """The coefficient and its limits (see the module's docstring). `units`: one row of sums per cluster."""
    n = len(group)
    observed, expected, largest = (float(x) for x in disagreement(units.sum(0)))
    if expected <= 0:
        return Agreement(None, None, None, level, "none", n)
    value = 1 - observed / expected
    sizes = np.bincount(group, weights=weight).astype(np.float64)
    size, worst, m = float(n), kish(sizes), len(sizes)
    even = m == n and bool(np.all(weight == 1))
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
    known = shown if even else informed(shown, np.array(min(share, 1 - share)), sizes)
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
    if not np.all(weight == 1):
        method += ", weighted"
    # No coefficient goes below -1, whatever limits a rare category's tiny De gives.
    least = max(1 - scale, -1.0)
    return Agreement(value, max(1 - float(high) * scale, least), min(1 - float(low) * scale, 1.0), level, method, n)


def _rated(
    ratings: ArrayLike, clusters: ArrayLike | None, least: int | None, weights: ArrayLike | None
) -> tuple[Ints, Ints, Floats]:
    """Units with at least `least` ratings (None: with all), their cluster labels, renumbered, and their weights, with
    mean 1."""
    table = np.asarray(ratings, dtype=np.int64)
    if table.ndim != 2:
        raise ValueError(f"ratings must have shape (units, raters), got {table.shape}")
    group = labels(clusters, len(table))
    keep = (table >= 0).sum(1) >= (table.shape[1] if least is None else least)
    weight = np.ones(len(table)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != (len(table),) or not np.all((weight > 0) & np.isfinite(weight)):
        raise ValueError("weights must be positive, one per unit")
    weight = weight[keep]
    if weights is not None and len(weight):
        # Weights that are all alike are no weights, whatever the rounding of their mean.
        weight = np.ones(len(weight)) if np.ptp(weight) == 0 else weight / weight.mean()
    return table[keep], labels(group[keep], int(keep.sum())), weight


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
