"""Which answers to label, and how many, for a corrected rate of a wanted width."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from honne.stats._clusters import Floats
from honne.stats._mixture import PRIOR
from honne.stats._sample import sample
from honne.stats.correction import hybrid_limits
from honne.stats.intervals import LEVEL, mover, wilson

__all__ = ["FLOOR", "Plan", "allocate", "from_accuracy", "from_pilot", "mean_width", "part_widths", "plan"]

# No verdict is drawn from with less than this share of the largest inclusion probability: expectations can be wrong.
FLOOR = 0.1
_LEAST = 10  # labels of each verdict, where it has as many items
_DRAWS = 400
_WIDEST = 0.99


@dataclass(frozen=True)
class Plan:
    """`labels` in all, `allocation` of them to each verdict, drawn at random within it with probability `inclusion`.

    Where fewer will do that are drawn at random from all, they are the plan: `allocation` and `inclusion` are empty.
    `width` is the width that a share `assurance` of simulated labellings stay within, `typical` the median one.
    `by_verdict` is how many labels it takes by verdict, `random` and `labels_only` how many drawn at random from all,
    with the judge's verdicts and without (None: more than there are items). Where no number will do, `refused` says why
    and `labels` is None.
    """

    labels: int | None
    allocation: tuple[int, ...]
    inclusion: tuple[float, ...]
    width: float | None
    typical: float | None
    by_verdict: int | None
    random: int | None
    labels_only: int | None
    assurance: float
    level: float
    refused: str | None = None


def from_pilot(judged: ArrayLike, human: ArrayLike) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Items and expected human rate of each verdict (yes, no, none, as far as they occur) from a few labels.

    The rates are Jeffreys means, (events + ½) / (labels + 1): no verdict is expected to be without error.
    """
    s = sample(judged, human, None, None, LEVEL)
    rates = (s.rates * s.counts + PRIOR) / (s.counts + 2 * PRIOR)
    return tuple(int(n) for n in s.sizes), tuple(float(p) for p in rates)


def from_accuracy(raw: float, sensitivity: float, specificity: float) -> tuple[float, float]:
    """Expected human rates under the verdicts yes and no, of a judge that says yes at the rate `raw`.

    Raises ValueError where no prevalence in [0, 1] gives that rate, or the judge does not tell the classes apart.
    """
    gain = sensitivity + specificity - 1
    if gain <= 0:
        raise ValueError("sensitivity + specificity must be above 1")
    prevalence = (raw + specificity - 1) / gain
    if not 0 <= prevalence <= 1 or not 0 < raw < 1:
        raise ValueError(
            f"a judge of sensitivity {sensitivity} and specificity {specificity} says yes at a rate from "
            f"{1 - specificity:.3g} to {sensitivity:.3g}, and here it is {raw:.3g}"
        )
    return prevalence * sensitivity / raw, prevalence * (1 - sensitivity) / (1 - raw)


def allocate(sizes: Sequence[int], rates: Sequence[float], labels: int) -> tuple[int, ...]:
    """`labels` over the verdicts in proportion to N √(p(1 − p)) (Neyman 1934), never more than there are items.

    Every verdict gets 10 or all its items, and an inclusion probability of at least 0.1 of the largest.
    """
    n, p = np.asarray(sizes, dtype=np.float64), np.asarray(rates, dtype=np.float64)
    density = np.sqrt(np.maximum(p * (1 - p), 1e-12))
    density = np.maximum(density, FLOOR * density.max()) * (n > 0)
    least = np.minimum(n, min(_LEAST, labels // max(len(n), 1)))
    low, high = 0.0, float(labels) / 1e-12
    for _ in range(200):  # the common factor at which the bounded allocation adds up
        middle = (low + high) / 2
        low, high = (middle, high) if np.clip(middle * n * density, least, n).sum() < labels else (low, middle)
    exact = np.clip(high * n * density, least, n)
    whole = np.floor(exact + 1e-9)
    for i in np.argsort(-(exact - whole), kind="stable")[: max(int(min(labels, n.sum()) - whole.sum()), 0)]:
        whole[i] = min(whole[i] + 1, n[i])
    return tuple(int(x) for x in whole)


def plan(
    sizes: Sequence[int],
    rates: Sequence[float],
    width: float,
    *,
    finite: bool = False,
    assurance: float = 0.8,
    level: float = LEVEL,
    seed: int = 0,
) -> Plan:
    """The fewest labels with which `hybrid` is at most `width` wide (high − low) in a share `assurance` of labellings.

    `sizes` and `rates` (K,): items of each verdict and the human rate expected among them (`from_pilot`,
    `from_accuracy`). Labels are allocated to the verdicts by `allocate`, and 400 labellings of each number tried are
    simulated with the very rule of `hybrid`, so that the plan knows where it falls back on the labels alone. Items
    are taken to be their own clusters.

    Refused where even a label on every item leaves a wider interval: the items themselves are a sample.
    """
    n, p = np.asarray(sizes, dtype=np.float64), np.asarray(rates, dtype=np.float64)
    if n.shape != p.shape or n.ndim != 1 or not bool(np.all((n >= 0) & (p >= 0) & (p <= 1))) or n.sum() < 1:
        raise ValueError("sizes and rates must be of the same verdicts, sizes at least 0, rates in [0, 1]")
    if not 0 < width < 1 or not 0 < assurance < 1:
        raise ValueError("width and assurance must lie in (0, 1)")
    total = int(n.sum())

    def spread(labels: int, by_verdict: bool) -> Floats:
        return _widths(n, p, labels, by_verdict, finite, level, seed)

    def enough(labels: int, by_verdict: bool = True) -> bool:
        return float(np.quantile(spread(labels, by_verdict), assurance)) <= width

    labels_only = _fewest(lambda m: _alone(float(n @ p / total), m, total, finite, level) <= width, total)
    found = _fewest(enough, total)
    if found is None:
        best = float(np.quantile(spread(total, True), assurance))
        why = f"a label on each of the {total} items would still leave a width of {best:.3f}: more items are needed"
        return Plan(None, (), (), None, None, None, None, labels_only, assurance, level, why)
    at_random = _fewest(lambda m: enough(m, False), total)
    if at_random is not None and at_random < found:
        widths = spread(at_random, False)
        reached, typical = float(np.quantile(widths, assurance)), float(np.median(widths))
        return Plan(at_random, (), (), reached, typical, found, at_random, labels_only, assurance, level)
    allocation = allocate(sizes, rates, found)
    inclusion = tuple(float(a / s) if s else 0.0 for a, s in zip(allocation, n, strict=True))
    widths = spread(found, True)
    reached, typical = float(np.quantile(widths, assurance)), float(np.median(widths))
    return Plan(found, allocation, inclusion, reached, typical, found, at_random, labels_only, assurance, level)


def part_widths(
    parts: Sequence[tuple[Sequence[int], Sequence[float]]],
    width: float,
    *,
    finite: bool = False,
    assurance: float = 0.8,
    level: float = LEVEL,
    seed: int = 0,
) -> tuple[float, ...] | None:
    """How wide the intervals of K parts may be for their unweighted mean to be `width` wide (`mean_width`).

    `parts` are the `sizes` and `rates` of each, as of `plan`. All get the same, but for those that a label on every
    item leaves wider. None where these alone make the mean too wide.
    """
    least = []
    for sizes, rates in parts:
        n, p = np.asarray(sizes, dtype=np.float64), np.asarray(rates, dtype=np.float64)
        least.append(float(np.quantile(_widths(n, p, int(n.sum()), True, finite, level, seed), assurance)))
    shares = [float(np.dot(sizes, rates) / np.sum(sizes)) for sizes, rates in parts]

    def fits(most: float) -> bool:
        return mean_width([(p, min(max(x, most), _WIDEST)) for p, x in zip(shares, least, strict=True)], level) <= width

    if not fits(0.0):
        return None
    low, high = 0.0, _WIDEST
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return tuple(min(max(x, low), _WIDEST) for x in least)


def mean_width(parts: Sequence[tuple[float, float]], level: float = LEVEL) -> float:
    """How wide the interval of a mean of K parts is, each a rate with the width of its interval (taken as Wilson's)."""
    found = []
    for share, width in parts:
        low, high = 1e-3, 1e9
        for _ in range(60):
            middle = math.sqrt(low * high)
            low, high = (low, middle) if _alone(share, middle, 1, False, level) <= width else (middle, high)
        least, most = (float(x) for x in wilson(share, high, level))
        found.append((share, least, most))
    _, least_, most_ = mover(found, [1 / len(found)] * len(found), few=True)
    assert least_ is not None and most_ is not None  # every part has limits
    return most_ - least_


def _widths(n: Floats, p: Floats, labels: int, by_verdict: bool, finite: bool, level: float, seed: int) -> Floats:
    """The widths of simulated labellings."""
    rng = np.random.default_rng([seed, labels])
    sizes = np.repeat(n[None, :], _DRAWS, axis=0)
    whole = n.astype(np.int64)
    if by_verdict:
        counts = np.repeat(np.asarray(allocate(whole.tolist(), p.tolist(), labels))[None, :], _DRAWS, axis=0)
    else:
        counts = rng.multivariate_hypergeometric(whole, labels, size=_DRAWS)
    events = rng.binomial(counts, p)
    low, high, _ = hybrid_limits(
        sizes, counts.astype(float), events.astype(float), by_verdict=by_verdict, finite=finite, level=level
    )
    return high - low


def _alone(share: float, labels: float, total: int, finite: bool, level: float) -> float:
    worth = labels / max(1 - labels / total, 1e-9) if finite else labels
    low, high = wilson(share, worth, level)
    return float(high - low)


def _fewest(enough: Callable[[int], bool], most: int) -> int | None:
    """The smallest number of labels from 10 up that is enough, to within 1 %, taking more to be no worse."""
    if not enough(most):
        return None
    low, high = 0, most
    while high - low > max(1, high // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if middle >= min(_LEAST, most) and enough(middle) else (middle, high)
    return high
