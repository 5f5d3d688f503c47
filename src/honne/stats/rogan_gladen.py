"""A judge's rate corrected by its sensitivity and specificity, measured elsewhere: another run, another prevalence."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from honne.stats._clusters import Floats, Ints, labels, totals
from honne.stats._enough import would_do
from honne.stats._mixture import PRIOR, beta, tails
from honne.stats._sample import binary
from honne.stats.correction import Corrected
from honne.stats.intervals import LEVEL
from honne.stats.intervals import limits as rate_limits

__all__ = ["LEAST", "rogan_gladen"]

# The lower bound of sensitivity + specificity − 1 that a correction needs: it divides by it.
LEAST = 0.1
_MOST = 1_000_000
# With this many answers, about 30 of each class can be among them.
_BOTH = 60


def rogan_gladen(
    judged: ArrayLike,
    calibration_judged: ArrayLike,
    calibration_human: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    calibration_groups: ArrayLike | None = None,
    calibration_answers: int | None = None,
    level: float = LEVEL,
) -> Corrected:
    """The human rate behind a judge's verdicts, from the judge's sensitivity and specificity on other labelled answers.

    `judged` (N,): 1, 0 or NaN; `calibration_judged` and `calibration_human` (M,): the same judge and people on other
    answers; those with NaN in either are left out. θ = (raw + specificity − 1) / (sensitivity + specificity − 1)
    (Rogan & Gladen 1978, eq. 2), cut to [0, 1], with Beta(½, ½) posteriors on all three. It assumes that the judge
    errs here as it did there: `honne.stats.transport` tests that. Items without a verdict are not part of the rate.

    Refused where the lower limit of sensitivity + specificity − 1 is 0.1 or less, with the number of labels that would
    do if the judge's shares stayed as they are, or that more would be needed than `calibration_answers`.
    """
    f, there, human = binary(judged, "judged"), binary(calibration_judged, "judged"), binary(calibration_human, "human")
    if there.shape != human.shape:
        raise ValueError(
            f"calibration has {len(there)} verdicts and {len(human)} labels: they must be of the same items"
        )
    both = ~np.isnan(there) & ~np.isnan(human)
    group = labels(calibration_groups, len(there))
    n, used = len(f), int(both.sum())
    given = ~np.isnan(f)
    raw = float(f[given].mean()) if given.any() else None

    def refused(why: str) -> Corrected:
        return Corrected(None, None, None, level, "none", n, used, raw, why, n - int(given.sum()))

    if raw is None:
        return refused("the judge gave no verdict on these items")
    right, right_n = _worth(there[both & (human == 1)], group[both & (human == 1)], level)
    clear, clear_n = _worth(1 - there[both & (human == 0)], group[both & (human == 0)], level)
    if not right_n or not clear_n:
        few = calibration_answers is not None and calibration_answers < _BOTH
        enough = f"label all {calibration_answers} answers" if few else "about 30 of each would do for a fair judge"
        return refused(f"the calibration needs labels of both human classes; {enough}")
    if _youden(right, right_n, clear, clear_n, level) <= LEAST:
        return refused(_needed(right, right_n, clear, clear_n, used, calibration_answers, level))
    events, size = _worth(f[given], labels(groups, n)[given], level)
    p, sensitivity, specificity = _points(events, size, 0), _points(right, right_n, 1), _points(clear, clear_n, 2)
    gain = np.maximum(sensitivity + specificity - 1, 1e-9)
    low, high = (float(x) for x in tails(np.clip((p + specificity - 1) / gain, 0.0, 1.0), level))
    value = (raw + clear / clear_n - 1) / (right / right_n + clear / clear_n - 1)
    method = "rogan-gladen, jeffreys"
    if _shared(labels(groups, n)) or _shared(group):
        method += ", clustered"
    return Corrected(min(max(value, low), high), low, high, level, method, n, used, raw, None, n - int(given.sum()))


def _shared(group: Ints) -> bool:
    """Whether any two belong together."""
    return int(group.max(initial=-1)) + 1 < len(group)


def _worth(x: Floats, group: Ints, level: float) -> tuple[float, float]:
    """Effective events and trials of clustered 0/1 values."""
    if not len(x):
        return 0.0, 0.0
    p, _, _, n, _ = rate_limits(*totals(x, labels(group, len(x))), level)
    return float(p * n), float(n)


def _points(events: float, n: float, k: int) -> Floats:
    return beta(np.asarray(events + PRIOR), np.asarray(n - events + PRIOR), k)


def _youden(right: float, right_n: float, clear: float, clear_n: float, level: float) -> float:
    """The lower limit of sensitivity + specificity − 1."""
    return float(tails(_points(right, right_n, 1) + _points(clear, clear_n, 2) - 1, level)[0])


def _needed(
    right: float, right_n: float, clear: float, clear_n: float, used: int, answers: int | None, level: float
) -> str:
    """The one line of a refusal: how many labels would do, the judge's shares staying as they are."""
    found = right / right_n + clear / clear_n - 1
    why = f"sensitivity + specificity - 1 is {found:.2f}, and with {used} labels its lower limit is not above {LEAST}"

    def enough(times: float) -> bool:
        return _youden(right * times, right_n * times, clear * times, clear_n * times, level) > LEAST

    most = _MOST / used
    if not enough(most):
        return f"{why}; no number of labels would do: the judge hardly tells the classes apart"
    low, high = 1.0, most
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return f"{why}; {would_do(math.ceil(used * high), answers)}"
