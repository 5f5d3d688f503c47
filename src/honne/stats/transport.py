"""Whether a judge errs alike on two sets of answers, so that a calibration made on one may be used on the other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from honne.stats._clusters import labels
from honne.stats._enough import would_do
from honne.stats._judge import Share, weighted_share
from honne.stats._sample import binary, inverse
from honne.stats.intervals import LEVEL, Interval, clopper_pearson, difference, rate

__all__ = ["Shift", "Transport", "equivalent"]

POWER = 0.8
_MOST = 100_000
Verdict = Literal["equivalent", "different", "not shown"]


@dataclass(frozen=True)
class Shift:
    """One property of the judge, there and here: here − there in [`low`, `high`] at level 2·level − 1.

    `there_n`, `here_n`: the labels that it is measured on. `value` is None where either has none.
    """

    what: Share
    there: float | None
    here: float | None
    value: float | None
    low: float | None
    high: float | None
    there_n: int
    here_n: int
    verdict: Verdict


@dataclass(frozen=True)
class Transport:
    """`verdict` over all `shifts`; unless it is "equivalent", `why`, and where more labels may show it, how many.

    `labels_here`: labels in all on the new answers that would show it with 80 % power, if the difference is the
    smallest that the interval holds (as seen, where the labels at hand would do for that; the fewest with which the
    exact limits fit, where they would for that too); None: no number.
    `labels_there` the same for the calibration, where that is too small for it.
    """

    verdict: Verdict
    margin: float
    level: float
    shifts: tuple[Shift, ...]
    labels_here: int | None = None
    labels_there: int | None = None
    why: str | None = None


def equivalent(
    judged_there: ArrayLike,
    human_there: ArrayLike,
    judged_here: ArrayLike,
    human_here: ArrayLike,
    margin: float,
    *,
    by: Literal["class", "error"] = "class",
    weights_there: ArrayLike | None = None,
    weights_here: ArrayLike | None = None,
    groups_there: ArrayLike | None = None,
    groups_here: ArrayLike | None = None,
    answers_there: int | None = None,
    answers_here: int | None = None,
    level: float = LEVEL,
) -> Transport:
    """Two one-sided tests (Schuirmann 1987) that sensitivity and specificity differ by less than `margin`.

    Arrays as of `honne.stats.correction.hybrid`, one pair per set; items without a verdict are not used, and those
    without a label only where labels were drawn with unequal chances: how often each verdict is given is theirs to say.
    `by` "class": sensitivity and specificity, what `rogan_gladen` carries over; "error": the judge's error rate alone.
    "equivalent" where every difference's interval at level 2·level − 1 lies within ±`margin`; "different" where one
    lies wholly outside it; else "not shown", whatever a test of "no difference" says: a handful of labels never
    shows a difference. Limits are MOVER's (Newcombe 1998) of the two rates' (`honne.stats.intervals.rate`).
    `answers_there` and `answers_here` are how many answers there are to label: `why` asks for no more than that.
    """
    if not 0 < margin < 1:
        raise ValueError(f"margin must lie in (0, 1), got {margin}")
    there = _Set(judged_there, human_there, weights_there, groups_there, 2 * level - 1)
    here = _Set(judged_here, human_here, weights_here, groups_here, 2 * level - 1)
    names: tuple[Share, ...] = ("sensitivity", "specificity") if by == "class" else ("error",)
    shifts = tuple(_shift(name, there, here, margin) for name in names)
    verdicts = {s.verdict for s in shifts}
    if verdicts == {"equivalent"}:
        return Transport("equivalent", margin, level, shifts)
    if "different" in verdicts:
        worst = next(s for s in shifts if s.verdict == "different")
        why = f"{worst.what} differs by {worst.value:+.2f}, wholly beyond the margin of {margin}"
        return Transport("different", margin, level, shifts, why=why)
    open_ = [s for s in shifts if s.verdict == "not shown"]
    enough_here, enough_there = _needed(open_, there, here, margin, level)
    why = f"{' and '.join(s.what for s in open_)}: not shown to be within {margin}; "
    if enough_here is None:
        why += "no number of labels here would do"
    elif answers_here is not None and enough_here > answers_here:
        why += would_do(enough_here, answers_here, " here")
    elif enough_there and answers_there is not None and enough_there > answers_there:
        why += would_do(enough_there, answers_there, " of the calibration")
    else:
        why += would_do(enough_here, answers_here, " here")
        why += f" with about {enough_there} in the calibration" if enough_there else ""
    return Transport("not shown", margin, level, shifts, enough_here, enough_there, why)


class _Set:
    """One set of answers with verdict and label, and the judge's rates on it."""

    def __init__(
        self, judged: ArrayLike, human: ArrayLike, weights: ArrayLike | None, groups: ArrayLike | None, level: float
    ) -> None:
        f, y = binary(judged, "judged"), binary(human, "human")
        if f.shape != y.shape:
            raise ValueError(f"judged has length {len(f)}, human has length {len(y)}: they must be of the same items")
        used = ~np.isnan(f) & ~np.isnan(y)
        self.f, self.y, self.w = f[used], y[used], inverse(weights, used)[used]
        group, given = labels(groups, len(f)), ~np.isnan(f)
        self.group, self.level = group[used], level
        self._all = (f[given], y[given], None if weights is None else np.asarray(weights)[given], group[given])

    def rate(self, what: Share) -> tuple[Interval, int]:
        """The judge's rate with an interval, and the labels that it is of."""
        inside = {"sensitivity": self.y == 1, "specificity": self.y == 0, "error": self.y >= 0}[what]
        right = self.f[inside] == self.y[inside]
        x = (~right if what == "error" else right).astype(np.float64)
        plain = rate(x, self.group[inside], self.level)
        w = self.w[inside]
        judged, human, chances, group = self._all
        if not len(w) or chances is None or np.ptp(self.w) < 1e-9 * self.w.max():
            return plain, len(x)
        found = weighted_share(judged, human, chances, group, what, self.level)
        if found.value is not None:
            return found, len(x)
        value = float(w @ x / w.sum())
        worth = plain.n_effective * float(w.sum() ** 2 / (w @ w)) / len(x)
        low, high = clopper_pearson(value, worth, self.level)
        return Interval(value, float(low), float(high), self.level, "clopper-pearson", worth), len(x)


def _shift(what: Share, there: _Set, here: _Set, margin: float) -> Shift:
    (old, old_n), (new, new_n) = there.rate(what), here.rate(what)
    value, low, high = difference(new, old)
    verdict: Verdict = "not shown"
    if low is not None and high is not None:
        if -margin < low and high < margin:
            verdict = "equivalent"
        elif low > margin or high < -margin:
            verdict = "different"
    return Shift(what, old.value, new.value, value, low, high, old_n, new_n, verdict)


def _needed(shifts: list[Shift], there: _Set, here: _Set, margin: float, level: float) -> tuple[int | None, int | None]:
    """Labels in all, here and (where it must grow too) there, for the most demanding of `shifts`; see Transport."""
    most_here, most_there = 0, 0
    for s in shifts:
        # The difference nearest to none that the interval holds; where the labels at hand would do for that, as seen.
        near = 0.0 if s.low is None or s.high is None or s.low <= 0 <= s.high else min(abs(s.low), abs(s.high))
        for away in (near, abs(s.value or 0.0)):
            per_here, per_there = _per_class(s, margin - away, level)
            if per_here > s.here_n or per_there > s.there_n:
                break
        else:
            per_here = _as_seen(s, there.rate(s.what)[0], here.rate(s.what)[0], margin)
        if math.isinf(per_here):
            return None, None
        most_here = max(most_here, math.ceil(max(per_here, s.here_n) / _part(s.what, here, s.here_n)))
        if per_there > s.there_n:
            most_there = max(most_there, math.ceil(per_there / _part(s.what, there, s.there_n)))
    return most_here or None, most_there or None


def _per_class(s: Shift, room: float, level: float) -> tuple[float, float]:
    """Labels that tell of one property, here and there, for an interval that fits into `room` with 80 % power."""
    if room <= 0:
        return math.inf, 0.0
    z = float(special.ndtri(level) + special.ndtri((1 + POWER) / 2))
    known = [(p, n) for p, n in ((s.there, s.there_n), (s.here, s.here_n)) if p is not None]
    # Pooled, with half a pseudo-label of each outcome: a judge seen without error is not one that makes none.
    share = (sum(p * n for p, n in known) + 0.5) / (sum(n for _, n in known) + 1)
    allowed = (room / z) ** 2 / (share * (1 - share))
    left = allowed - (1 / s.there_n if s.there_n else math.inf)
    # Where the calibration alone takes more than half of what may be in doubt, both must grow.
    return (1 / left, 0.0) if left > allowed / 2 else (2 / allowed, 2 / allowed)


def _as_seen(s: Shift, there: Interval, here: Interval, margin: float) -> float:
    """Labels here that tell of one property with which its interval fits, both shares staying as they are.

    For shares near 1 the normal approximation of `_per_class` takes fewer to be enough than the exact limits ask for.
    """
    n = s.here_n
    while here.value is not None and n < _MOST:
        n = math.ceil(1.01 * n)
        worth = n * here.n_effective / s.here_n
        low, high = clopper_pearson(here.value, worth, here.level)
        grown = Interval(here.value, float(low), float(high), here.level, "clopper-pearson", worth)
        _, least, most = difference(grown, there)
        if least is not None and most is not None and -margin < least and most < margin:
            return n
    return math.inf


def _part(what: str, given: _Set, n: int) -> float:
    """The share of all labels that tell of `what`; half a label more where none does, and half where nothing is known.

    Of a class that 140 labels do not hold, twice as many cannot be counted on to hold any.
    """
    return n / len(given.y) if n else (1.0 if what == "error" else 0.5 / (len(given.y) + 1))
