"""A judge's numbers corrected by people's labels of some of the same units: every slice of a measure, macro means too.

Rates by `honne.stats.correction.hybrid`, scores by `honne.stats.ppi`; with pairs of another run, rates by
`honne.stats.rogan_gladen`. The estimand is the people's number over all units of the slice, judged or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray

from honne.metrics._estimate import Frame, frame
from honne.plugins import Measure
from honne.records import Estimate, category_parts
from honne.stats._judge import Share, weighted_share
from honne.stats.correction import Corrected, hybrid, labels_only
from honne.stats.intervals import LEVEL, Interval, macro, rate, wilson
from honne.stats.ppi import labelled_mean, ppi
from honne.stats.rogan_gladen import rogan_gladen

__all__ = [
    "ENOUGH",
    "Correction",
    "Errors",
    "Human",
    "Pairs",
    "Values",
    "borrow",
    "correct",
    "pairs",
    "refuse",
    "values",
]

_Floats = NDArray[np.float64]
_Mask = NDArray[np.bool_]
# A category gets a corrected number of its own from so many labels on: fewer say less than the category's raw interval
# pretends to, and a page of 0 to 100 % helps nobody.
ENOUGH = 30


@dataclass(frozen=True)
class Human:
    """People's values by unit id (those of the measure's own scale), and with which chance each unit was drawn.

    `inclusion` is empty where every unit had the same chance.
    """

    values: Mapping[str, float]
    inclusion: Mapping[str, float]


@dataclass(frozen=True)
class Errors:
    """How a judge errs on a rate: of people's yes (no), the share that it says yes (no) to; of its own yes (no), the
    share that people give. `rho` is the correlation of the two; `counts` are yes/yes, yes/no, no/yes, no/no (judge,
    people)."""

    sensitivity: Interval
    specificity: Interval
    ppv: Interval
    npv: Interval
    rho: float | None
    counts: tuple[int, int, int, int]


@dataclass(frozen=True)
class Correction:
    """One raw number with its correction: `corrected.value` is None where it is `refused`.

    `alone` is the number by the labels alone, at the same budget. `errors` are of rates of slice "all".
    """

    raw: Estimate
    corrected: Estimate
    alone: Interval | None
    refused: str | None
    errors: Errors | None = None


@dataclass(frozen=True)
class Pairs:
    """What a judge and people said of the same units (0..1), what belongs together, and with which chance each unit was
    drawn (empty: with the same). `answers` is how many units there are, labelled or not (None: not known)."""

    judged: Sequence[float]
    human: Sequence[float]
    groups: Sequence[str]
    inclusion: Sequence[float] = ()
    answers: int | None = None


@dataclass(frozen=True)
class Values:
    """A measure's units as arrays (0..1, nan where missing): the judge's, people's, and the labelled ones' chances."""

    judged: _Floats
    human: _Floats
    clusters: NDArray[np.int64]
    inclusion: _Floats | None

    def within(self, mask: _Mask) -> Values:
        chances = None if self.inclusion is None else self.inclusion[mask]
        return Values(self.judged[mask], self.human[mask], self.clusters[mask], chances)

    @property
    def labelled(self) -> _Mask:
        return ~np.isnan(self.human)

    @property
    def n_labels(self) -> int:
        return int(self.labelled.sum())

    @property
    def binary(self) -> bool:
        both = np.concatenate([self.judged, self.human])
        return bool(np.isin(both[~np.isnan(both)], (0.0, 1.0)).all())


def correct(
    measure: Measure, human: Human, numbers: Sequence[Estimate], *, finite: bool = False, level: float = LEVEL
) -> list[Correction]:
    """The corrections of a measure's estimates (`numbers`): "all" always, a category where it has enough labels."""
    found = frame(measure)
    given = values(measure, found, human)
    out = []
    for raw in numbers:
        mask = _mask(found, raw.slice)
        if raw.slice != "all" and given.within(mask).n_labels < ENOUGH:
            continue
        is_macro = raw.slice == "all" and measure.overall == "macro"
        parts = list(found.parts.items()) if is_macro else [(raw.slice, mask)]
        made = [_one(given.within(part), finite, level) for _, part in parts]
        alone = [_alone(given.within(part), finite, level) for _, part in parts]
        refused = _refused([name for name, _ in parts], made, is_macro)
        apart = _apart(found, is_macro)
        corrected = _estimate(raw, measure, made, given.within(mask).n_labels, refused, apart)
        by_labels = None if any(one.value is None for one in alone) else _together(alone, apart)
        errors = _errors(given.within(mask), level) if raw.slice == "all" and given.binary else None
        out.append(Correction(raw, corrected, _scaled(by_labels, measure), refused, errors))
    return out


def borrow(
    measure: Measure, elsewhere: Pairs, numbers: Sequence[Estimate], *, why_not: str | None, level: float = LEVEL
) -> list[Correction]:
    """The number of slice "all" by what the same judge got right and wrong of another run's answers; only of rates.

    `why_not` says why these pairs must not be used here (they were not shown to be equivalent).
    """
    found = frame(measure)
    given = values(measure, found, Human({}, {}))
    out = []
    for raw in numbers:
        if raw.slice != "all":
            continue
        if not given.binary:
            why_not = why_not or "only rates are corrected by another run's labels"
        if why_not is not None:
            out.append(refuse(raw, why_not, len(elsewhere.human)))
            continue
        is_macro = measure.overall == "macro"
        parts = list(found.parts.items()) if is_macro else [(raw.slice, _mask(found, raw.slice))]
        made = [_elsewhere(given.within(part), elsewhere, level) for _, part in parts]
        refused = _refused([name for name, _ in parts], made, is_macro)
        # The parts lean on the same labels: they are not independent.
        corrected = _estimate(raw, measure, made, len(elsewhere.human), refused, False)
        both = np.array(elsewhere.judged, dtype=np.float64), np.array(elsewhere.human, dtype=np.float64)
        groups = np.unique(np.array(elsewhere.groups), return_inverse=True)[1]
        errors = _errors(Values(*both, groups, None), level)
        out.append(Correction(raw, corrected, None, refused, errors))
    return out


def refuse(raw: Estimate, why: str, labels: int = 0) -> Correction:
    """A number that is not corrected, and why."""
    return Correction(raw, _blank(raw, why, labels), None, why)


def _elsewhere(values: Values, pairs: Pairs, level: float) -> Corrected:
    return rogan_gladen(
        values.judged,
        pairs.judged,
        pairs.human,
        groups=values.clusters,
        calibration_groups=pairs.groups,
        calibration_answers=pairs.answers,
        level=level,
    )


def pairs(measure: Measure, human: Human, *, labelled: bool = True) -> Pairs:
    """What judge and people say of the units that both have spoken of (0..1), and the groups of these.

    Where not only the `labelled` are asked for, of all that the judge has spoken of; nan: people have not.
    """
    found = frame(measure)
    given = values(measure, found, human)
    both = ~np.isnan(given.judged) & (given.labelled | (not labelled))
    groups = [unit.group for unit, there in zip(found.units, both, strict=True) if there]
    chances = [] if given.inclusion is None else given.inclusion[both].tolist()
    return Pairs(given.judged[both].tolist(), given.human[both].tolist(), groups, chances, len(found.units))


def values(measure: Measure, found: Frame, human: Human) -> Values:
    span = measure.ceiling - measure.floor
    given = [human.values.get(unit.id) for unit in found.units]
    people = np.array([np.nan if v is None else (v - measure.floor) / span for v in given], dtype=np.float64)
    chances = None
    if human.inclusion:
        chances = np.array([human.inclusion.get(unit.id, np.nan) for unit in found.units], dtype=np.float64)
    return Values(found.values, np.clip(people, 0.0, 1.0), found.clusters, chances)


def _mask(found: Frame, name: str) -> _Mask:
    return found.slices[name] if name != "all" else np.ones(len(found.units), dtype=np.bool_)


def _apart(found: Frame, is_macro: bool) -> bool:
    """Whether the parts of a macro mean share no cluster."""
    inside = [set(found.clusters[mask].tolist()) for mask in found.parts.values()] if is_macro else []
    return sum(map(len, inside)) == len(set().union(*inside))


def _one(values: Values, finite: bool, level: float) -> Corrected:
    how = hybrid if values.binary else partial(ppi, low=0.0, high=1.0)
    return how(
        values.judged,
        values.human,
        weights=values.inclusion,
        groups=values.clusters,
        finite=finite,
        level=level,
    )


def _alone(values: Values, finite: bool, level: float) -> Interval:
    """The number by the labels alone."""
    if values.binary:
        found = labels_only(
            values.judged,
            values.human,
            weights=values.inclusion,
            groups=values.clusters,
            finite=finite,
            level=level,
        )
        return _interval(found)
    return labelled_mean(
        values.human,
        0.0,
        1.0,
        weights=values.inclusion,
        groups=values.clusters,
        finite=finite,
        level=level,
    )


def _interval(found: Corrected) -> Interval:
    return Interval(found.value, found.low, found.high, found.level, found.method, float(found.n_labels))


def _refused(names: Sequence[str], made: Sequence[Corrected], is_macro: bool) -> str | None:
    """Why there is no correction, in words; of a macro mean with the parts that lack one."""
    why = [(name, one.refused) for name, one in zip(names, made, strict=True) if one.refused is not None]
    if not why:
        return None if made else "no categories"
    if not is_macro:
        return why[0][1]
    return "; ".join(f"{'/'.join(category_parts(name))}: {reason}" for name, reason in why)


def _together(parts: Sequence[Interval], apart: bool) -> Interval:
    if len(parts) == 1:
        return parts[0]
    whole = macro(parts, independent=apart, few=True)
    said = [what for what in (", these items", ", inverse probability") if any(what in p.method for p in parts)]
    return replace(whole, method="".join((whole.method, *said)))


def _estimate(
    raw: Estimate, measure: Measure, made: Sequence[Corrected], labels: int, refused: str | None, apart: bool
) -> Estimate:
    if refused is not None:
        return _blank(raw, refused, labels)
    found = _scaled(_together([_interval(one) for one in made], apart), measure)
    if found is None:
        return _blank(raw, "no value", labels)
    given = {"value": found.value, "low": found.low, "high": found.high, "level": found.level, "method": found.method}
    return msgspec.structs.replace(_blank(raw, "", labels), **given)


def _blank(raw: Estimate, why: str, labels: int) -> Estimate:
    return msgspec.structs.replace(
        raw,
        value=None,
        low=None,
        high=None,
        level=None,
        method=f"none: {why}",
        corrected=True,
        worst=None,
        best=None,
        withheld=False,
        n_labels=labels,
    )


def _scaled(found: Interval | None, measure: Measure) -> Interval | None:
    """An interval on the measure's own scale."""
    if found is None or found.value is None or found.low is None or found.high is None:
        return None
    span = measure.ceiling - measure.floor
    value, low, high = (measure.floor + span * x for x in (found.value, found.low, found.high))
    return Interval(value, low, high, found.level, found.method, found.n_effective)


# ---------------------------------------------------------------- the judge's errors


def _errors(values: Values, level: float) -> Errors | None:
    both = values.labelled & ~np.isnan(values.judged)
    if not both.any():
        return None
    judged, human, clusters = values.judged[both] == 1.0, values.human[both] == 1.0, values.clusters[both]
    chances = _chances(values, both)

    def share(hits: _Mask, among: _Mask) -> Interval:
        return _weighted(
            hits[among].astype(np.float64), clusters[among], None if chances is None else chances[among], level
        )

    def rated(what: Share, hits: _Mask, among: _Mask) -> Interval:
        given = values.within(~np.isnan(values.judged))
        if given.inclusion is not None:
            found = weighted_share(given.judged, given.human, given.inclusion, given.clusters, what, level)
            if found.value is not None:
                return found
        return share(hits, among)

    table = [int((judged == a)[human == b].sum()) for a in (True, False) for b in (True, False)]
    varied = len(judged) > 2 and judged.any() and (~judged).any() and human.any() and (~human).any()
    rho = float(np.corrcoef(judged, human)[0, 1]) if varied and chances is None else None
    return Errors(
        sensitivity=rated("sensitivity", judged, human),
        specificity=rated("specificity", ~judged, ~human),
        ppv=share(human, judged),
        npv=share(~human, ~judged),
        rho=rho,
        counts=(table[0], table[1], table[2], table[3]),
    )


def _chances(values: Values, mask: _Mask) -> _Floats | None:
    return None if values.inclusion is None else values.inclusion[mask]


def _weighted(x: _Floats, clusters: NDArray[np.int64], chances: _Floats | None, level: float) -> Interval:
    """A mean with an interval; with unequal chances weighted by their inverse, on Kish's effective n (Wilson), that of
    clusters if these lower it."""
    plain = rate(x, clusters, level)
    if chances is None or len(x) == 0:
        return plain
    w = 1 / chances
    p, n = float((w * x).sum() / w.sum()), float(w.sum() ** 2 / (w * w).sum()) * plain.n_effective / len(x)
    low, high = wilson(p, n, level)
    tail = ", clustered" if len(np.unique(clusters)) < len(x) else ""
    return Interval(p, float(low), float(high), level, f"wilson, weighted{tail}", n)
