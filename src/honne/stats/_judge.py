"""How a judge errs on all answers, by labels that were drawn with unequal chances."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from honne.stats._clusters import Floats
from honne.stats._mixture import PRIOR, beta, tails
from honne.stats._sample import sample
from honne.stats.intervals import Interval

__all__ = ["Share", "weighted_share"]

Share = Literal["sensitivity", "specificity", "error"]


def weighted_share(
    judged: Floats, human: Floats, inclusion: Floats, groups: Any, what: Share, level: float
) -> Interval:
    """Sensitivity, specificity or error rate of a judge over N answers, all of them with a verdict.

    `judged` (N,): 1 or 0; `human` (N,): 1, 0 or NaN (not labelled); `inclusion` (N,): with which chance each labelled
    one was drawn; `groups` (N,) or None: what belongs together. What the judge missed stands among its other verdicts,
    and a label there may count for many: Kish's number of all labels would not see it. So the share is made of those of
    each verdict, with q the share of answers that the judge counts, PPV and FOR what people count of these and of the
    others: sensitivity = q PPV / (q PPV + (1 − q) FOR). Jeffreys posteriors on all three, as of
    `honne.stats.correction.hybrid`. No value where no label, or no verdict of one kind, is there to tell.
    """
    s = sample(judged, human, inclusion, groups, level)
    classes = {"sensitivity": human == 1, "specificity": human == 0, "error": s.labelled}
    if not classes[what].any() or len(s.sizes) < 2:
        return Interval(None, None, None, level, "none", 0.0)
    q = beta(s.effective_sizes[0] + PRIOR, s.effective_sizes[1] + PRIOR, 2)
    yes, no = (
        beta(s.effective_events[k] + PRIOR, s.effective_counts[k] - s.effective_events[k] + PRIOR, k) for k in (0, 1)
    )
    points = _share(what, q, yes, no)
    low, high = (float(x) for x in tails(points, level))
    found = _share(what, s.sizes[0] / s.n, s.rates[0], s.rates[1])
    # Where the labels show 0 or 1 that may be the truth, which equal tails leave out (Brown, Cai & DasGupta 2001).
    low, high = 0.0 if found <= 0 else low, 1.0 if found >= 1 else high
    mean, spread = float(points.mean()), float(points.var())
    method = "post-stratified, jeffreys, inverse probability" + (", clustered" if s.clustered else "")
    value = min(max(float(found), low), high)
    return Interval(value, low, high, level, method, mean * (1 - mean) / spread)


def _share(what: Share, q: Any, yes: Any, no: Any) -> Any:
    """Of q, PPV and FOR: numbers, or points of their posteriors."""
    if what == "error":
        return q * (1 - yes) + (1 - q) * no
    hits, misses = (q * yes, (1 - q) * no) if what == "sensitivity" else ((1 - q) * (1 - no), q * (1 - yes))
    return hits / np.maximum(hits + misses, 1e-12)
