"""A rate that a fallible judge gave, corrected by human labels of some of the same items.

Labels of the same run: `hybrid`. Labels of another run, or of another prevalence: `honne.stats.rogan_gladen`. Mean
scores: `honne.stats.ppi`. Which labels to make: `honne.stats.labelling`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from honne.stats._clusters import Floats
from honne.stats._enough import first
from honne.stats._mixture import mixture, tails
from honne.stats._sample import Sample, sample
from honne.stats.intervals import LEVEL, wilson

__all__ = ["RARER", "Corrected", "hybrid", "hybrid_limits", "labels_only", "one_vs_rest", "width_bound"]

# Labels of the rarer human class below which nothing but the labels themselves is used (simulated, see
# tests/test_correction_coverage.py).
RARER = 3
_CHUNK = 250
# The least share of items without a label that the limits are computed for: beyond, counting decides (`_found`).
_LEFT = 1e-4


@dataclass(frozen=True)
class Corrected:
    """A judge's number corrected by labels: `value` in [`low`, `high`] at `level`, all None where `refused` says why.

    `n` is the population, `n_missing` those of it without a judge's verdict, `n_labels` the human labels used, `raw`
    the judge's own number over those it judged (None if none). `method` names what was done.
    """

    value: float | None
    low: float | None
    high: float | None
    level: float
    method: str
    n: int
    n_labels: int
    raw: float | None
    refused: str | None = None
    n_missing: int = 0


def hybrid(
    judged: ArrayLike,
    human: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    finite: bool = False,
    level: float = LEVEL,
) -> Corrected:
    """The human rate of N items that a judge judged and people labelled in part.

    `judged` (N,): 1, 0 or NaN (no verdict); `human` (N,): 1, 0 or NaN (not labelled). `weights` (N,): the probability
    with which each labelled item was drawn, where that was not the same for all (others are not read). `groups` (N,):
    what belongs together. `finite`: the rate of these N items, not of the population that they are drawn from.

    The rule. While fewer than 3 labels are of the rarer human class, the labels alone, Wilson. Else
    θ = Σ_k q_k p_k over the judge's verdicts k (yes, no, none), q_k the share of the verdict among all items and p_k
    the human rate among the labelled ones with it, Jeffreys priors on all: double sampling (Tenenbein 1970). Within
    a verdict labels are weighted by the inverse of their inclusion probability (Horvitz & Thompson 1952), and worth
    Kish's effective number; clusters lower the effective numbers of labels and of items (`design_effects`). A label
    that was drawn and not made is taken to be missing at random within its verdict. Where weights differ within a
    verdict and one of yes and no has labels worth fewer than 10, the labels alone. Weights are not cut: cutting
    biases the rate, and Kish's number already pays for them, so the floor of an active design belongs to its draw.

    Raises ValueError for other values, lengths that differ, or inclusion probabilities outside (0, 1].
    """
    s = sample(judged, human, weights, groups, level)
    if s.n_labels == 0:
        return _refused(s, level, f"no label among these items; {first(s.n)}")
    if s.rarer < RARER - 1e-9 or len(s.sizes) < 2 or s.thin:
        return _labels_only(s, finite, level)
    low, high = tails(mixture(s.effective_sizes, *_worth(s, finite), known=finite), level)
    return _found(s, s.value, float(low), float(high), "post-stratified, jeffreys", finite, level)


def labels_only(
    judged: ArrayLike,
    human: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    finite: bool = False,
    level: float = LEVEL,
) -> Corrected:
    """The human rate by the labels alone (Wilson), the judge's verdicts unused; arguments as of `hybrid`."""
    s = sample(judged, human, weights, groups, level)
    if s.n_labels == 0:
        return _refused(s, level, f"no label among these items; {first(s.n)}")
    return _labels_only(s, finite, level)


def hybrid_limits(
    sizes: Floats,
    counts: Floats,
    events: Floats,
    *,
    by_verdict: bool = False,
    finite: bool = False,
    level: float = LEVEL,
) -> tuple[Floats, Floats, Any]:
    """`hybrid` for many samples at once: low, high and "labels only", (S,) each, of counts per verdict (S, K).

    `sizes` are items, `counts` labels, `events` labels of 1, without clusters. `by_verdict`: a number of labels was set
    for each verdict, so that they weigh sizes / counts; else they were drawn at random from all.
    """
    few = np.minimum(events.sum(1), (counts - events).sum(1)) < RARER
    few |= (sizes > 0).sum(1) < 2
    w = sizes / np.maximum(counts, 1.0) if by_verdict else np.ones_like(sizes)
    n = sizes.sum(1)
    kish = (w * counts).sum(1) ** 2 / (w * w * counts).sum(1)
    left = np.maximum(1 - kish / n, _LEFT) if finite else 1.0
    low, high = wilson((w * events).sum(1) / (w * counts).sum(1), kish / left, level)
    worth = counts / np.maximum(1 - counts / np.maximum(sizes, 1.0), _LEFT) if finite else counts
    rest = np.flatnonzero(~few)
    table = np.concatenate([sizes, events / np.maximum(counts, 1.0) * worth, worth], axis=1)[rest]
    distinct, inverse = np.unique(table, axis=0, return_inverse=True)
    k = sizes.shape[1]
    found = np.empty((2, len(distinct)))
    for i in range(0, len(distinct), _CHUNK):
        part = distinct[i : i + _CHUNK]
        points = mixture(part[:, :k], part[:, k : 2 * k], part[:, 2 * k :], known=finite)
        found[:, i : i + _CHUNK] = tails(points, level)
    low[rest], high[rest] = found[:, inverse.reshape(-1)]
    if finite:
        low = np.maximum(np.floor(low * n + 1e-6), events.sum(1)) / n
        high = np.minimum(np.ceil(high * n - 1e-6), n - (counts - events).sum(1)) / n
    return low, high, few


def one_vs_rest(judged: Sequence[Any], human: Sequence[Any], **options: Any) -> dict[Any, Corrected]:
    """`hybrid` of each label of a scale of several against all others; None or NaN in either is missing.

    The labels are those that occur, sorted; `options` are those of `hybrid`. The values of one scale sum to 1 only
    about, since each is estimated by itself.
    """
    given = [[None if v is None or v != v else v for v in side] for side in (judged, human)]
    occurring = sorted({v for side in given for v in side if v is not None})
    return {label: hybrid(*(_indicator(side, label) for side in given), **options) for label in occurring}


def width_bound(judged: ArrayLike, human: ArrayLike) -> float | None:
    """√(1 − ρ²(1 − n/N)): what the width can be of a corrected rate at best, as a share of labels-only's.

    ρ is the correlation of verdict and human label among the n labelled of N items; labels drawn at random. The ratio
    of the variances of double sampling (Tenenbein 1970, eq. 3.3 up to notation) and of the labels alone. None where
    either does not vary among the labelled.
    """
    s = sample(judged, human, None, None, LEVEL)
    spread = float(s.human[s.labelled].var()) if s.n_labels else 0.0
    if spread == 0:
        return None
    y, k = s.human[s.labelled], s.stratum[s.labelled]
    explained = 1 - float(((y - s.rates[k]) ** 2).mean()) / spread
    return math.sqrt(1 - explained * (1 - s.n_labels / s.n))


def _indicator(values: Sequence[Any], label: Any) -> Floats:
    return np.array([np.nan if v is None else float(v == label) for v in values])


def _worth(s: Sample, finite: bool) -> tuple[Floats, Floats]:
    """Effective events and labels of each stratum; of these items alone, a label is worth 1 / (1 − n/N) labels."""
    if not finite:
        return s.effective_events, s.effective_counts
    counts = s.effective_counts / np.maximum(1 - s.kish / s.sizes, _LEFT)
    return s.rates * counts, counts


def _labels_only(s: Sample, finite: bool, level: float) -> Corrected:
    y, w = s.human[s.labelled], s.weights[s.labelled]
    share = float(w @ y / w.sum())
    kish = float(w.sum() ** 2 / (w @ w))
    worth = kish / s.labels_effect / (max(1 - kish / s.n, _LEFT) if finite else 1.0)
    low, high = (float(x) for x in wilson(share, worth, level))
    return _found(s, share, low, high, "labels only, wilson", finite, level)


def _found(s: Sample, value: float, low: float, high: float, method: str, finite: bool, level: float) -> Corrected:
    if finite:
        # The rate of N items is a whole number of them, and the labelled ones are known.
        ones = float(s.human[s.labelled].sum())
        low = max(math.floor(low * s.n + 1e-6), ones) / s.n
        high = min(math.ceil(high * s.n - 1e-6), s.n - (s.n_labels - ones)) / s.n
        method += ", these items"
    if s.weighted:
        method += ", inverse probability"
    if s.clustered:
        method += ", clustered"
    value = min(max(value, low), high)
    return Corrected(value, low, high, level, method, s.n, s.n_labels, _raw(s), None, _missing(s))


def _raw(s: Sample) -> float | None:
    given = s.judged[~np.isnan(s.judged)]
    return float(given.mean()) if len(given) else None


def _missing(s: Sample) -> int:
    return int(np.isnan(s.judged).sum())


def _refused(s: Sample, level: float, why: str) -> Corrected:
    return Corrected(None, None, None, level, "none", s.n, s.n_labels, _raw(s), why, _missing(s))
