"""A mean score that a fallible judge gave, corrected by human scores of some of the same items."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from honne.stats._clusters import FEW, Floats, Ints, labels, quantile
from honne.stats._enough import first
from honne.stats._sample import inverse
from honne.stats.correction import Corrected
from honne.stats.intervals import LEVEL, Interval, clopper_pearson, rate, wilson

__all__ = ["EACH", "labelled_mean", "ppi"]

VARIED = 10  # labels that differ from the commonest score, below which a variance is not to be trusted
PSEUDO = 2.5
EACH = 20  # labels of each class that a rate needs: a normal interval of fewer does not cover (the study's 31-95 %)


def ppi(
    judged: ArrayLike,
    human: ArrayLike,
    low: float,
    high: float,
    *,
    weights: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    finite: bool = False,
    level: float = LEVEL,
) -> Corrected:
    """The human mean score of N items that a judge scored and people scored in part; both scales end at `low`, `high`.

    `judged` and `human` (N,) lie in [low, high] or are NaN (no score, not labelled); `weights`, `groups`, `finite` as
    of `honne.stats.correction.hybrid`. PPI++ (Angelopoulos, Duchi & Zrnic 2023, sec. 6): the labelled mean plus λ times
    what the labelled items' judged mean misses of all items', with the λ of the smallest variance. Since the
    labelled items are among the N, λ is the slope of human on judged scores: the classical regression estimator. An
    item without a judge's score stands at the judged mean.

    The variance is the delete-one-cluster jackknife's, the limits Wilson's on the effective number that this variance
    is worth on the scale (bounded, and skewed as the scale's end asks), with Student's quantile. While fewer than 10
    labels differ from the commonest score, the labels alone, by the rule of `honne.stats.intervals.rate`.

    Refused for a rate (both scores at the two ends alone) with fewer than 20 labels of each end: `hybrid` is for those.
    """
    f, y = _scaled(judged, low, high, "judged"), _scaled(human, low, high, "human")
    if f.shape != y.shape:
        raise ValueError(f"judged has length {len(f)}, human has length {len(y)}: they must be of the same items")
    has = ~np.isnan(y)
    n, used, unjudged = len(f), int(has.sum()), np.isnan(f)
    raw = None if unjudged.all() else low + (high - low) * float(f[~unjudged].mean())

    def out(value: float | None, limits: tuple[float, float] | None, method: str, why: str | None = None) -> Corrected:
        scaled = [None if x is None else low + (high - low) * x for x in (value, *(limits or (None, None)))]
        return Corrected(scaled[0], scaled[1], scaled[2], level, method, n, used, raw, why, int(unjudged.sum()))

    if not used:
        return out(None, None, "none", f"no label among these items; {first(n)}")
    ends = [int((y[has] == end).sum()) for end in (0.0, 1.0)]
    rate_like = np.unique(np.concatenate([y[has], f[~unjudged]])).tolist() == [0.0, 1.0]
    if rate_like and min(ends) < EACH:
        why = f"a rate needs {EACH} labels of each class, and these have {min(ends)} of one: the hybrid is for fewer"
        if min(ends) and used * EACH / min(ends) <= n:
            why += f", or about {math.ceil(used * EACH / min(ends))} labels"
        return out(None, None, "none", why)
    w, group = inverse(weights, has), labels(groups, n)
    f = np.where(unjudged, 0.0 if raw is None else (raw - low) / (high - low), f)
    value, limits, varied = _limits(f, y, w, group, finite, level, PSEUDO)
    return out(value, limits, ("ppi++, jackknife" if varied else "labels only") + _tail(w, group, finite))


def labelled_mean(
    human: ArrayLike,
    low: float,
    high: float,
    *,
    weights: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    finite: bool = False,
    level: float = LEVEL,
) -> Interval:
    """The human mean score of N items by the labels alone; arguments as of `ppi`, and limits by the same rule.

    What a judge gains is the width of `ppi` beside this one: limits of a cruder rule would pass for the judge's gain.
    No value where nothing is labelled.
    """
    y = _scaled(human, low, high, "human")
    has = ~np.isnan(y)
    if not has.any():
        return Interval(None, None, None, level, "none", 0.0)
    w, group = inverse(weights, has), labels(groups, len(y))
    value, limits, varied = _limits(np.zeros(len(y)), y, w, group, finite, level, 0.0)
    scaled = [low + (high - low) * x for x in (value, *limits)]
    method = "labels only" + (", jackknife" if varied else "") + _tail(w, group, finite)
    return Interval(scaled[0], scaled[1], scaled[2], level, method, float(has.sum()))


def _tail(w: Floats, group: Ints, finite: bool) -> str:
    given = w[w > 0]
    tail = ", these items" if finite else ""
    tail += ", inverse probability" if np.ptp(given) > 1e-9 * given.max() else ""
    return tail + (", clustered" if int(group.max()) + 1 < len(group) else "")


def _limits(
    f: Floats, y: Floats, w: Floats, group: Ints, finite: bool, level: float, pseudo: float
) -> tuple[float, tuple[float, float], bool]:
    """The mean of y in [0, 1] with its limits, and whether the labels vary enough for a variance of their own.

    Two labels that the judge missed by `pseudo` standard deviations, one each way, are added, of the mean squared
    weight of those at hand: no error seen is not no error, least so where few labels are heavy.
    """
    has = w > 0
    found = _estimate(f, np.where(has, y, 0.0), w, group, finite)
    value, clusters = found.value, found.clusters
    if _varied(y[has], group[has]) < VARIED or clusters < FEW:
        return *_alone(y, has, w, group, finite, level), False
    left = 1 - int(has.sum()) / len(y) if finite else 1.0
    alike = float(w.sum() ** 2 / (w @ w)) / int(has.sum())
    unseen = 2 * pseudo**2 * found.spread / (clusters**2 * alike) * left
    share = min(max(value, 1e-9), 1 - 1e-9)
    worth = share * (1 - share) / max(found.variance + unseen, 1e-12)
    worth *= (float(special.ndtri(0.5 + level / 2)) / quantile(max(found.freedom, 1.0), level)) ** 2
    below, above = (float(x) for x in wilson(share, worth, level))
    return min(max(value, below), above), (below, above), True


def _scaled(values: ArrayLike, low: float, high: float, name: str) -> Floats:
    if not low < high:
        raise ValueError(f"low must be under high, got {low} and {high}")
    x = (np.asarray(values, dtype=np.float64) - low) / (high - low)
    if x.ndim != 1 or not bool(np.all((x >= 0) & (x <= 1) | np.isnan(x))):
        raise ValueError(f"{name} must be one axis of scores in [{low}, {high}] or NaN (missing)")
    return x


def _varied(y: Floats, group: Ints) -> int:
    """How many clusters hold a label that differs from the commonest one."""
    found, counts = np.unique(y, return_counts=True)
    return len(np.unique(group[y != found[counts.argmax()]]))


def _alone(
    y: Floats, has: Any, w: Floats, group: Ints, finite: bool, level: float
) -> tuple[float, tuple[float, float]]:
    """The labels' own weighted mean, with the limits that no variable in [0, 1] can be too varied for."""
    value = float(w[has] @ y[has] / w.sum())
    plain = rate(y[has], group[has], level)
    worth = plain.n_effective * float(w.sum() ** 2 / (w @ w)) / int(has.sum())
    if finite:
        worth /= max(1 - int(has.sum()) / len(y), 1e-9)
    low, high = clopper_pearson(value, worth, level)
    return value, (float(low), float(high))


class _Found(NamedTuple):
    """The estimate, its jackknife variance and degrees of freedom, the labels' variance, and their clusters."""

    value: float
    variance: float
    freedom: float
    spread: float
    clusters: int


def _estimate(f: Floats, y: Floats, w: Floats, group: Ints, finite: bool) -> _Found:
    """By totals per cluster, so that each cluster is left out in one stroke.

    Degrees of freedom are Satterthwaite's, 2 V² / var V, from the fourth powers: few labels that carry the variance
    are few degrees, however many labels there are.
    """
    m = int(group.max()) + 1
    parts = np.stack([np.bincount(group, v, m) for v in (w, w * y, w * f, w * f * f, w * y * f)])
    people = np.stack([np.bincount(group, v, m) for v in (np.ones(len(f)), f)])
    whole, everybody = parts.sum(1), people.sum(1)
    touched = np.unique(group[w > 0])
    # Of these items alone, only the draw of the labels is in doubt.
    out = touched if finite else np.arange(m)
    left = _regression(whole[:, None] - parts[:, out], everybody[:, None] - (0.0 if finite else people[:, out]))
    away = left - left.mean()
    square, fourth, k = float((away**2).sum()), float((away**4).sum()), len(out)
    share = 1 - float((w > 0).sum()) / len(f) if finite else 1.0
    uneven = fourth / square**2 - 1 / k if square > 0 else 0.0
    freedom = min(2 / uneven if uneven > 0 else math.inf, len(touched) - 2)
    spread = float(w @ (y * y) / w.sum() - (w @ y / w.sum()) ** 2)
    return _Found(float(_regression(whole, everybody)), square * (k - 1) / k * share, freedom, spread, len(touched))


def _regression(parts: Floats, people: Floats) -> Floats:
    """Σwy/Σw + λ(mean f of all − mean f of the labelled), λ the weighted slope of y on f; columns are samples."""
    w, wy, wf, wff, wyf = parts
    mean_y, mean_f = wy / w, wf / w
    spread = wff / w - mean_f**2
    together = wyf / w - mean_y * mean_f
    slope = np.where(spread > 1e-12, together / np.where(spread > 1e-12, spread, 1.0), 0.0)
    return np.asarray(mean_y + slope * (people[1] / people[0] - mean_f), dtype=np.float64)
