"""Intervals for rates and bounded scores, and for the mean of several of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from honne.stats._clusters import FEW, Floats, effective_n, informed, labels, totals

__all__ = ["LEVEL", "Interval", "clopper_pearson", "difference", "limits", "macro", "rate", "wilson"]

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """`value` in [`low`, `high`] at `level`; all None where there is nothing to estimate."""

    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    n_effective: float


def wilson(p: ArrayLike, n: ArrayLike, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Wilson (1927) score limits of a proportion `p` of `n` (any shapes; `n` need not be whole)."""
    share, size = np.asarray(p, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z = special.ndtri(0.5 + level / 2)
    scale = 1 + z * z / size
    centre = (share + z * z / (2 * size)) / scale
    half = z / scale * np.sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    return np.clip(centre - half, 0.0, share), np.clip(centre + half, share, 1.0)


def clopper_pearson(p: ArrayLike, n: ArrayLike, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Clopper-Pearson (1934) limits of a proportion `p` of `n`, by Beta quantiles (`n` need not be whole)."""
    share, size = np.asarray(p, dtype=np.float64), np.asarray(n, dtype=np.float64)
    events, tail = share * size, (1 - level) / 2
    others = size - events
    some, rest = events > 0, others > 1e-9 * size
    low = np.where(some, special.betaincinv(np.where(some, events, 1.0), others + 1, tail), 0.0)
    high = np.where(rest, special.betaincinv(events + 1, np.where(rest, others, 1.0), 1 - tail), 1.0)
    return np.minimum(low, share), np.maximum(high, share)


def limits(
    sums: Floats, sizes: Floats, level: float = LEVEL, informative: Any = None
) -> tuple[Floats, Floats, Floats, Floats, Any]:
    """Mean, low, high, effective n and "is Clopper-Pearson" of clustered samples given as totals (…, m), sizes (m,).

    This is the whole rule of `rate`, for many samples at once.
    """
    p = np.clip(sums.sum(-1) / sizes.sum(), 0.0, 1.0)
    if informative is None:
        shown = np.minimum((sums > 0).sum(-1), (sums < sizes).sum(-1))
        informative = informed(shown, np.minimum(p, 1 - p), sizes)
    n = effective_n(sums, sizes, p * (1 - p), informative, level)
    exact = np.minimum(p * n, (1 - p) * n) < FEW
    by_beta, by_score = clopper_pearson(p, n, level), wilson(p, n, level)
    return p, np.where(exact, by_beta[0], by_score[0]), np.where(exact, by_beta[1], by_score[1]), n, exact


def rate(values: ArrayLike, clusters: ArrayLike | None = None, level: float = LEVEL) -> Interval:
    """The mean of `values` in [0, 1] (0/1, or bounded scores) with an interval; `clusters` are labels, one per value.

    The rule. The effective n is n itself where nothing is clustered, else n over the design effect with a correction
    for few clusters, never above n; where the design effect cannot be estimated (0/N, N/N, a rarer outcome that fewer
    than 10 clusters show or that is worth fewer than 10 whole ones, very uneven clusters) it is the worst case, Kish's
    effective number of clusters. With fewer than 10 effective events or non-events the limits are Clopper-Pearson's,
    else Wilson's, on that n. No interval has zero width. For scores that are not 0/1 the rule is conservative: no
    variable in [0, 1] varies more than a 0/1 one. The simulated coverage at 95 % is at least 93 % for n = 20, 46, 200
    and rates of 0.02, 0.5, 0.98, clustered or not.

    Raises ValueError for values outside [0, 1] (NaN included) or clusters of another length.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0:
        return Interval(None, None, None, level, "none", 0.0)
    if not bool(np.all((x >= 0.0) & (x <= 1.0))):
        raise ValueError("values must lie in [0, 1]")
    sums, sizes = totals(x, labels(clusters, len(x)))
    p, low, high, n, exact = limits(sums, sizes, level)
    method = "clopper-pearson" if exact else "wilson"
    if len(sizes) < len(x):
        method += ", clustered"
    return Interval(float(p), float(low), float(high), level, method, float(n))


def macro(parts: Sequence[Interval], *, independent: bool = True, few: bool = False) -> Interval:
    """The unweighted mean of K intervals, by MOVER (Zou & Donner 2008): the parts' own limits, combined in quadrature.

    0 of 46 in every part still gives a positive width, which a sum of standard errors does not. Parts that share
    clusters are not independent: with `independent=False` their half-widths are added, the worst case. A part without
    a value leaves the mean without one: it is never dropped. `few`: as of `mover`.
    """
    level = parts[0].level if parts else LEVEL
    weights = [1 / len(parts) for _ in parts]
    value, low, high = mover([(p.value, p.low, p.high) for p in parts], weights, independent=independent, few=few)
    if value is None or low is None or high is None:
        return Interval(None, None, None, level, "none", 0.0)
    kinds = sorted({p.method.split(",")[0] for p in parts}, reverse=True)
    method = f"macro mover {'/'.join(kinds)}"
    if any(p.method.endswith("clustered") for p in parts):
        method += ", clustered"
    low, high = min(max(low, 0.0), value), max(min(high, 1.0), value)
    return Interval(value, low, high, level, method, sum(p.n_effective for p in parts))


Limits = tuple[float | None, float | None, float | None]


def mover(parts: Sequence[Limits], weights: Sequence[float], *, independent: bool = True, few: bool = False) -> Limits:
    """Σ wᵢ·valueᵢ of (value, low, high) triples with wᵢ ≥ 0; Nones when there is no part, or one without a value.

    `few`: the parts are score limits of few events. MOVER takes each part's variance from that part's own limit, where
    a rare event has next to none; the limit of the sum lies nearer to the parts' values, where it has more (`_reach`).
    """
    known = [(v, lo, hi) for v, lo, hi in parts if v is not None and lo is not None and hi is not None]
    if not known or len(known) < len(parts):
        return None, None, None
    value = math.fsum(w * v for w, (v, _, _) in zip(weights, known, strict=True))
    down = [w * (v - lo) for w, (v, lo, _) in zip(weights, known, strict=True)]
    up = [w * (hi - v) for w, (v, _, hi) in zip(weights, known, strict=True)]
    if independent:
        reach = _reach if few else lambda near, _: math.hypot(*near)
        return value, value - reach(down, up), value + reach(up, down)
    return value, value - math.fsum(down), value + math.fsum(up)


def _reach(near: Sequence[float], far: Sequence[float]) -> float:
    """How far the sum may lie off on the side of the weighted half-widths `near`; `far` are those of the other side.

    At a distance d from its value a part varies by near·far − d (far − near) where near is the shorter: what score
    limits are when the variance is a line in the rate, near² at the limit itself; else by near² throughout. The sum's
    distance D is that at which the parts, moved by d = variance / D each, come to D: near itself for one part, and
    never less than MOVER's root of Σ near².
    """
    pairs = list(zip(near, far, strict=True))

    def moved(total: float) -> float:
        return math.fsum(a * b / (total + b - a) if a < b else a * a / total for a, b in pairs)

    low, high = math.hypot(*near), math.sqrt(math.fsum(a * max(a, b) for a, b in pairs))
    if low == 0.0:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if moved(middle) > middle else (low, middle)
    return high


def difference(a: Interval, b: Interval) -> Limits:
    """a − b of two independent rates, by MOVER; Nones where either has no value.

    Written as a + (1 − b) − 1: the limits of a share and of its complement mirror each other.
    """
    if b.value is None or b.low is None or b.high is None:
        return None, None, None
    rest = (1 - b.value, 1 - b.high, 1 - b.low)
    value, low, high = mover([(a.value, a.low, a.high), rest], [1.0, 1.0])
    if value is None or low is None or high is None:
        return None, None, None
    return value - 1, max(low - 1, -1.0), min(high - 1, 1.0)
