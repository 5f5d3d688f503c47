"""Calibration numbers that are no means over units: their values, and their intervals (see `stats/calibration.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from honne.metrics._estimate import MIN_JUDGED, estimates
from honne.plugins import Measure, Unit
from honne.records import Estimate
from honne.stats._clusters import Floats, Ints
from honne.stats.calibration import (
    deviation,
    deviation_limits,
    ece,
    ece_limits,
    equal_mass,
    equal_width,
    wasserstein,
    wasserstein_limits,
)
from honne.stats.intervals import LEVEL

__all__ = ["BINS", "Compared", "bin_name", "compared", "errors", "reliability"]

BINS = 10


class Compared(NamedTuple):
    """A unit with two distributions over its options (by letter), either of which may be missing."""

    unit: Unit
    stated: Mapping[str, float] | None
    other: Mapping[str, float] | None


def bin_name(number: int, bins: int = BINS) -> str:
    """The slice of a bin of equal width, such as `0.7-0.8`."""
    return f"{number / bins:.1f}-{(number + 1) / bins:.1f}"


def _bins(stated: Floats) -> Ints:
    """By the full percent: 60 % of 99.9 % (what shares often sum to) is still 60 %."""
    return equal_width(np.round(stated, 2), BINS)


def _clusters(groups: Iterable[str]) -> Ints:
    codes: dict[str, int] = {}
    return np.array([codes.setdefault(group, len(codes)) for group in groups], dtype=np.int64)


class _Number(NamedTuple):
    metric: str
    value: float | None
    limits: tuple[float, float] | None
    how: str
    headline: bool = False
    better: str | None = "lower"
    bounded: bool = True
    """Whether one unit more can change it by 1/n at most: then the missing ones bound it."""


def _estimate(number: _Number, n: int, missing: int, judge: str | None, form: str) -> Estimate:
    value, limits = number.value, number.limits
    best, worst = _ends(number, n, missing)
    judged = (n - missing) / n if n else None
    return Estimate(
        run="",
        model="",
        judge=judge,
        benchmark="",
        form=form,
        metric=number.metric,
        slice="all",
        value=value,
        low=None if limits is None or value is None else min(limits[0], value),
        high=None if limits is None or value is None else max(limits[1], value),
        level=None if limits is None else LEVEL,
        method=_method(number),
        n=n,
        n_missing=missing,
        unit="proportion",
        worst=worst,
        best=best,
        judged=judged,
        headline=number.headline,
        withheld=number.headline and judged is not None and judged < MIN_JUDGED,
        better=number.better,
    )


def _method(number: _Number) -> str:
    if number.value is None:
        return "none: nothing was judged"
    return number.how if number.limits else "none: fewer than two groups"


def _ends(number: _Number, n: int, missing: int) -> tuple[float | None, float | None]:
    """The lowest and the highest value there can be, had the missing units one: each moves a sum over units by 1."""
    if missing == 0:
        return number.value, number.value
    if not number.bounded:
        return None, None
    total = (number.value or 0.0) * (n - missing)
    return max(total - missing, 0.0) / n, (total + missing) / n


def _both(a: Sequence[Unit], b: Sequence[Unit]) -> list[tuple[Unit, float, float]]:
    """The units with a value in both (parallel) sequences, in the order of their ids."""
    known = [
        (unit, unit.value, other.value)
        for unit, other in zip(a, b, strict=True)
        if unit.value is not None and other.value is not None
    ]
    return sorted(known, key=lambda found: found[0].id)


def errors(confidence: Sequence[Unit], right: Sequence[Unit], judge: str | None, form: str) -> Iterator[Estimate]:
    """`ece` (10 bins of equal width) and `ece_adaptive` (10 of equal mass) of the chosen option's confidence."""
    known = _both(confidence, right)
    stated, truth = (np.array([row[i] for row in known], dtype=np.float64) for i in (1, 2))
    clusters = _clusters(unit.group for unit, _, _ in known)
    n, missing = len(confidence), len(confidence) - len(known)
    wide, even = _bins(stated), equal_mass(stated, BINS) if known else np.empty(0, dtype=np.int64)
    for name, bins, how in (("ece", wide, "equal width"), ("ece_adaptive", even, "equal mass")):
        value = ece(stated, truth, bins) if known else None
        limits = ece_limits(stated, truth, bins, clusters) if known else None
        method = f"quadrature of {BINS} bins of {how}, less the bias"
        # Further answers would move bins of equal mass: nothing bounds what they would then say.
        first = name == "ece"
        number = _Number(name, value, limits, method, headline=first, bounded=first)
        yield _estimate(number, n, missing, judge, form)


def reliability(confidence: Sequence[Unit], right: Sequence[Unit], judge: str | None, form: str) -> Iterator[Estimate]:
    """Per bin of stated confidence (slice `0.7-0.8`): the share that was right (`reliability`), and the mean confidence
    (`reliability_confidence`). Empty bins have no row."""
    known = _both(confidence, right)
    bins = [bin_name(int(b)) for b in _bins(np.array([c for _, c, _ in known], dtype=np.float64))]
    units = [unit._replace(category=name) for (unit, _, _), name in zip(known, bins, strict=True)]
    for metric, values in (
        ("reliability", [truth for _, _, truth in known]),
        ("reliability_confidence", [stated for _, stated, _ in known]),
    ):
        units = [unit._replace(value=value) for unit, value in zip(units, values, strict=True)]
        measure = Measure(metric, units, overall="none", form=form, depths=(1,))
        yield from estimates(measure, run="", model="", judge=judge, benchmark="", attack=None)


def compared(
    what: str, found: Iterable[Compared], judge: str | None, view_judge: str | None
) -> Iterator[Measure | Estimate]:
    """`verbal_WHAT_gap` (the mean over units of the mean |difference| over options), and over all options of all units
    `verbal_WHAT_gap_sd` and `verbal_WHAT_wasserstein`. Nothing where no unit has both distributions."""
    name, form = f"verbal_{what}", "confidence"
    units, x, y, groups = [], [], [], []
    for unit, stated, other in sorted(found, key=lambda one: one.unit.id):
        if stated is None or other is None:
            units.append(unit)
            continue
        pairs = [(stated[letter], other.get(letter, 0.0)) for letter in stated]
        units.append(unit._replace(value=sum(abs(a - b) for a, b in pairs) / len(pairs)))
        x += [a for a, _ in pairs]
        y += [b for _, b in pairs]
        groups += [unit.group] * len(pairs)
    if not x:
        return
    yield Measure(f"{name}_gap", units, unit="score", better="lower", form=form, judge=judge)
    ours, theirs, clusters = np.array(x), np.array(y), _clusters(groups)
    n, missing = len(units), sum(unit.value is None for unit in units)
    gaps, over = np.abs(ours - theirs), "over all options"
    for number in (
        _Number(
            f"{name}_gap_sd",
            deviation(gaps),
            deviation_limits(gaps, clusters),
            f"log jackknife, clustered, {over}",
            better=None,
            bounded=False,
        ),
        _Number(
            f"{name}_wasserstein",
            wasserstein(ours, theirs),
            wasserstein_limits(ours, theirs, clusters),
            f"centred cluster bootstrap, {over}",
        ),
    ):
        yield _estimate(number, n, missing, judge or view_judge, form)
