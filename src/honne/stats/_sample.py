"""What a judged population with some human labels amounts to: strata by verdict, weights, effective numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from honne.stats._clusters import FEW, Floats, Ints, effective_n, informed, labels, totals

__all__ = ["Sample", "binary", "design_effects", "inverse", "sample"]


@dataclass(frozen=True)
class Sample:
    """N items by the judge's verdict (K strata that occur: 1, 0, missing), and the labels among them.

    `sizes`, `events`, `counts` (K,) are items, labels of 1 and labels; `effective_*` what they are worth given weights
    and clusters. `doubt` and `drawn` (N,) are each item's part in the error of the post-stratified estimate: by the
    draw of the labels, and by the draw of the items.
    """

    judged: Floats
    human: Floats
    labelled: Any
    weights: Floats
    group: Ints
    stratum: Ints
    sizes: Floats
    counts: Floats
    kish: Floats
    rates: Floats
    effective_sizes: Floats
    effective_counts: Floats
    effective_events: Floats
    doubt: Floats
    drawn: Floats
    value: float
    rarer: float
    labels_effect: float

    @property
    def n(self) -> int:
        return len(self.judged)

    @property
    def n_labels(self) -> int:
        return int(self.labelled.sum())

    @property
    def clustered(self) -> bool:
        return int(self.group.max(initial=-1)) + 1 < self.n

    @property
    def weighted(self) -> bool:
        return _uneven(self.weights[self.labelled])

    @property
    def thin(self) -> bool:
        """Labels weigh unlike each other within a verdict, and some verdict (yes, no) has too few for that.

        Few labels with a verdict may hold none of the heavy ones, and then nothing shows what they stand for.
        """
        judged = [self.labelled & (self.stratum == k) for k in range(len(self.sizes))]
        few = bool((self.kish[: len(np.unique(self.judged[~np.isnan(self.judged)]))] < FEW).any())
        return few and any(_uneven(self.weights[one]) for one in judged)


def _uneven(weights: Floats) -> bool:
    return bool(len(weights) and np.ptp(weights) > 1e-9 * weights.max())


def binary(values: ArrayLike, name: str) -> Floats:
    """0/1 with NaN for missing, as floats; ValueError for anything else."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1:
        raise ValueError(f"{name} has shape {x.shape}: it must have one axis")
    if not bool(np.all((x == 0) | (x == 1) | np.isnan(x))):
        raise ValueError(f"{name} must be 0, 1 or NaN (missing)")
    return x


def inverse(inclusion: ArrayLike | None, labelled: Any) -> Floats:
    """1 / inclusion probability of the labelled items, 0 elsewhere; ValueError where one is not in (0, 1]."""
    if inclusion is None:
        return np.asarray(labelled, dtype=np.float64)
    p = np.asarray(inclusion, dtype=np.float64)
    if p.shape != labelled.shape:
        raise ValueError(f"weights has shape {p.shape}, items have shape {labelled.shape}")
    used = p[labelled]
    if not bool(np.all((used > 0) & (used <= 1))):
        raise ValueError("the inclusion probability of every labelled item must lie in (0, 1]")
    out = np.zeros(len(p))
    out[labelled] = 1 / used
    return out


def sample(
    judged: ArrayLike, human: ArrayLike, weights: ArrayLike | None, groups: ArrayLike | None, level: float
) -> Sample:
    """Checks and sums up; see Sample. The rates within a stratum are weighted, its effective labels Kish's."""
    f, y = binary(judged, "judged"), binary(human, "human")
    if f.shape != y.shape:
        raise ValueError(f"judged has length {len(f)}, human has length {len(y)}: they must be of the same items")
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    has = ~np.isnan(y)
    w, group = inverse(weights, has), labels(groups, len(f))
    kind = np.where(np.isnan(f), 2, np.where(f == 1, 0, 1))
    _, stratum = np.unique(kind, return_inverse=True)
    k = int(stratum.max()) + 1 if len(f) else 0
    y0 = np.where(has, y, 0.0)
    sizes = np.bincount(stratum, minlength=k).astype(np.float64)
    counts = np.bincount(stratum, has.astype(np.float64), k).astype(np.float64)
    mass, squares = np.bincount(stratum, w, k), np.bincount(stratum, w * w, k)
    kish = mass**2 / np.where(squares > 0, squares, 1.0)
    # A stratum without labels is worth the middle of what is possible.
    rates = np.where(mass > 0, np.bincount(stratum, w * y0, k) / np.where(mass > 0, mass, 1.0), 0.5)
    share = sizes / max(len(f), 1)
    value = float(share @ rates)
    doubt = w * (share / np.where(mass > 0, mass, 1.0))[stratum] * (y0 - rates[stratum])
    drawn = (rates[stratum] - value) / max(len(f), 1)
    alone = _alone(w, y0, has, group, level)
    of_labels, of_items = design_effects(doubt, drawn, has, y0, f, group, level)
    return Sample(
        judged=f,
        human=y,
        labelled=has,
        weights=w,
        group=group,
        stratum=stratum,
        sizes=sizes,
        counts=counts,
        kish=kish,
        rates=rates,
        effective_sizes=sizes / of_items,
        effective_counts=kish / of_labels,
        effective_events=kish / of_labels * rates,
        doubt=doubt,
        drawn=drawn,
        value=value,
        rarer=_rarer(y, w, group, stratum),
        labels_effect=alone,
    )


def _alone(w: Floats, y: Floats, has: Any, group: Ints, level: float) -> float:
    """The design effect of the labels' own weighted mean."""
    mass = float(w.sum())
    inside = labels(group[has], int(has.sum()))
    if not mass or int(inside.max()) + 1 == len(inside):
        return 1.0
    return _effect((w * (y - float(w @ y) / mass))[has], inside, y[has], level)


def _rarer(y: Floats, w: Floats, group: Ints, stratum: Ints) -> float:
    """What the labels of the rarer human class are worth: Kish's number of them, at most the groups that hold one.

    Of the labels of the class and not of all: one heavy label in many light ones is one event (Fay & Feuer 1997).
    Weights differ harmlessly between verdicts, whose shares are known.
    """
    least = np.inf
    for side in (0, 1):
        inside = np.where(y == side, w, 0.0)
        mass, squares = np.bincount(stratum, inside), np.bincount(stratum, inside * inside)
        events = (mass**2 / np.where(squares > 0, squares, 1.0)).sum()
        least = min(least, float(events), len(np.unique(group[inside > 0])))
    return least


def design_effects(
    doubt: Floats, drawn: Floats, has: Any, y: Floats, f: Floats, group: Ints, level: float
) -> tuple[float, float]:
    """What clustering costs the labels' part (`doubt`, (N,)) and the items' part (`drawn`, (N,)) of the variance.

    1 where every item is its own cluster. The parts are not independent where a cluster's verdicts and the judge's
    errors go together: their covariance, where positive, raises both.
    """
    n, m = len(group), int(group.max()) + 1 if len(group) else 0
    if m == n or not has.any():
        return 1.0, 1.0
    inside = labels(group[has], int(has.sum()))
    of_labels = _effect(doubt[has], inside, y[has], level)
    judged = np.where(np.isnan(f), 0.0, f)
    of_items = _effect(drawn, group, judged, level)
    parts = of_labels * float((doubt**2).sum()) + of_items * float((drawn**2).sum())
    together = float(totals(doubt, group)[0] @ totals(drawn, group)[0] - doubt @ drawn)
    more = 1 + 2 * max(together, 0.0) / parts if parts > 0 else 1.0
    return of_labels * more, of_items * more


def _effect(z: Floats, group: Ints, outcome: Floats, level: float) -> float:
    """The design effect of the sum of z over clusters; informative clusters are those that show the rarer outcome."""
    sums, sizes = totals(z, group)
    ones, _ = totals(outcome, group)
    share = float(outcome.mean())
    shown = np.minimum((ones > 0).sum(), (ones < sizes).sum())
    known = informed(shown, np.asarray(min(share, 1 - share)), sizes)
    worth = effective_n(sums, sizes, np.asarray((z**2).mean()), known, level)
    return len(z) / float(worth)
