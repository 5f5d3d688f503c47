"""Runs paired unit by unit: differences with intervals, Holm-corrected p-values, and what n could have shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

from honne.metrics._estimate import MIN_JUDGED
from honne.metrics.label_share import PREFIX
from honne.plugins import Measure, Unit
from honne.stats.intervals import LEVEL
from honne.stats.multiple import holm
from honne.stats.paired import Difference, paired
from honne.stats.power import detectable_paired

__all__ = ["Paired", "Side", "compare", "compare_all", "not_paired"]


class Side(Protocol):
    """One measure of one run, with where it comes from."""

    @property
    def benchmark(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def attack(self) -> str | None: ...
    @property
    def judge(self) -> str | None: ...
    @property
    def measure(self) -> Measure: ...


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """The difference a − b of one metric over the `n` units that have a value in both runs.

    `a` and `b` are the means over those units, so they may differ from the runs' own estimates. `n_unpaired` units are
    in one run only (or were not asked alike), `n_missing` have no value in at least one. `p_adjusted` is Holm's;
    `separated` means p_adjusted < 1 - level. A headline is `withheld`, and never separated, when either run has a value
    for less than 90 % of the units in both (of a macro mean: in any part). `detectable` is the smallest true difference
    that n pairs which differ as often as these did would have shown, by the corrected test, with a chance of 80 %.
    `corrected` marks the difference of two rates that were each corrected for the judge's errors, by so many `labels`
    of people; `n` is then the smaller of the two numbers of units.
    """

    benchmark: str
    attack: str | None
    judge_a: str | None
    judge_b: str | None
    metric: str
    slice: str
    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None
    level: float
    p: float | None
    p_adjusted: float | None
    separated: bool
    method: str
    n: int
    n_unpaired: int
    n_missing: int
    unit: str
    form: str | None = None
    headline: bool = False
    better: str | None = None
    detectable: float | None = None
    withheld: bool = False
    corrected: bool = False
    labels: tuple[int, int] | None = None


class _Match(NamedTuple):
    a: Unit
    b: Unit


class _Tested(NamedTuple):
    """A row before correction, with what its power follows from; `span` is that of the measure's scale."""

    row: Paired
    found: Difference
    span: float


def compare(
    a: Sequence[Side], b: Sequence[Side], *, level: float = LEVEL, unpairable: Collection[str] = ()
) -> list[Paired]:
    """Every measure that both runs have (same benchmark, version, attack, metric, form): "all", and top-level slices.

    Equal judges are paired; where each run has one other judge, these two are. Measures without a judge, and those that
    compare judges, say nothing about the models and are left out. A label that one run never got has a share of 0 there
    (`label_share:LABEL`). `unpairable` are ids of units that were not asked alike (`ID@ATTACK` for those of an attack
    that bear the plain unit's id). The "all" slices are one family for
    Holm's correction, the other slices a second.
    """
    return compare_all([a, b], {(0, 1): unpairable}, level=level)[0, 1]


def compare_all(
    sides: Sequence[Sequence[Side]],
    unpairable: Mapping[tuple[int, int], Collection[str]],
    *,
    level: float = LEVEL,
) -> dict[tuple[int, int], list[Paired]]:
    """`compare` for every two of several runs shown together, by their places (i < j): the families are over all."""
    tested = [
        ((i, j), row)
        for i, j in combinations(range(len(sides)), 2)
        for side_i, side_j in _sides(sides[i], sides[j])
        for row in _rows(side_i, side_j, level, set(unpairable.get((i, j), ())))
    ]
    out: dict[tuple[int, int], list[Paired]] = {pair: [] for pair in combinations(range(len(sides)), 2)}
    families = [[t.row.p for _, t in tested if (t.row.slice == "all") == whole] for whole in (False, True)]
    adjusted = [iter(holm(family)) for family in families]
    sizes = [sum(p is not None for p in family) for family in families]
    for pair, one in tested:
        whole = one.row.slice == "all"
        out[pair].append(_corrected(one, next(adjusted[whole]), sizes[whole], level))
    return out


def _corrected(one: _Tested, p: float | None, family: int, level: float) -> Paired:
    row, found = one.row, one.found
    detectable = None
    if found.discordance is not None:
        # Holm asks most of the smallest p of its family, and no test can count on others to have gone before it.
        strictest = 1 - (1 - level) / family
        shown = detectable_paired(found.n_effective, min(found.discordance, 1.0), level=strictest)
        detectable = one.span * shown
    separated = p is not None and p < 1 - level and not row.withheld
    return msgspec.structs.replace(row, p_adjusted=p, separated=separated, detectable=detectable)


_Place = tuple[str | None, ...]
_Found = dict[_Place, dict[str | None, Side]]  # the last name of a place is the metric


def _sides(a: Sequence[Side], b: Sequence[Side]) -> Iterator[tuple[Side, Side]]:
    def indexed(sides: Sequence[Side]) -> _Found:
        out: dict[_Place, dict[str | None, Side]] = defaultdict(dict)
        for s in sides:
            if s.measure.judge != "" and s.measure.reference is None:
                out[s.benchmark, s.version, s.attack, s.measure.form, s.measure.metric][s.judge] = s
        return out

    ours, theirs = indexed(a), indexed(b)
    _never_given(ours, theirs)
    _never_given(theirs, ours)
    for key, mine in ours.items():
        other = theirs.get(key, {})
        alike = [judge for judge in mine if judge in other]
        yield from ((mine[judge], other[judge]) for judge in alike)
        rest_a = [judge for judge in mine if judge not in alike]
        rest_b = [judge for judge in other if judge not in alike]
        if len(rest_a) == len(rest_b) == 1:
            yield mine[rest_a[0]], other[rest_b[0]]


@dataclass(frozen=True)
class _Zero:
    """A side of a label that its run never got: every unit with another label has the value 0."""

    benchmark: str
    version: str
    attack: str | None
    judge: str | None
    measure: Measure


def _never_given(found: _Found, other: _Found) -> None:
    """Add to `found` the shares of labels that are in `other` only, where it has shares of other labels."""
    mine, theirs = _shares(found), _shares(other)
    for place, sides in mine.items():
        for key, given in other.items():
            if key[:-1] == place and str(key[-1]).startswith(PREFIX):
                for judge, side in sides.items():
                    if judge in given or judge not in theirs[place]:
                        found.setdefault(key, {}).setdefault(judge, _none_of(side, str(key[-1])))


def _shares(found: _Found) -> dict[_Place, dict[str | None, Side]]:
    """Of every place, one share of a label by each judge that gave any."""
    out: dict[_Place, dict[str | None, Side]] = {}
    for key, sides in found.items():
        if str(key[-1]).startswith(PREFIX):
            out[key[:-1]] = {**out.get(key[:-1], {}), **sides}
    return out


def _none_of(side: Side, metric: str) -> Side:
    units = [unit._replace(value=None if unit.value is None else 0.0) for unit in side.measure.units]
    measure = replace(side.measure, metric=metric, units=units)
    return _Zero(side.benchmark, side.version, side.attack, side.judge, measure)


def _rows(a: Side, b: Side, level: float, unpairable: set[str]) -> Iterator[_Tested]:
    units_a, units_b = ({u.id: u for u in side.measure.units} for side in (a, b))
    unpairable = not_paired(a.attack, unpairable)
    common = sorted(id for id in units_a if id in units_b and id not in unpairable)
    pairs = [_Match(units_a[id], units_b[id]) for id in common]
    alone = [u for side, other in ((units_a, units_b), (units_b, units_a)) for id, u in side.items() if id not in other]
    alone += [u for id, u in units_a.items() if id in units_b and id in unpairable]
    measure = a.measure
    if measure.overall != "none":
        yield _row(a, b, "all", pairs, len(alone), level, macro=measure.overall == "macro")
    if 1 not in measure.depths:
        return
    slices: dict[str, list[_Match]] = defaultdict(list)
    for pair in pairs:
        if pair.a.category:
            slices[pair.a.category.split("/")[0]].append(pair)
    for name, members in sorted(slices.items()):
        if measure.overall == "none" or len(measure.parts) > 1 or len(members) < len(pairs):
            apart = sum(u.category.split("/")[0] == name for u in alone)
            yield _row(a, b, name, members, apart, level, macro=False)


def not_paired(attack: str | None, unpairable: set[str]) -> set[str]:
    """`unpairable` with the ids of questions that bear the plain unit's id under this attack."""
    if attack is None:
        return unpairable
    return unpairable | {id.removesuffix(f"@{attack}") for id in unpairable if id.endswith(f"@{attack}")}


def _row(a: Side, b: Side, name: str, pairs: Sequence[_Match], unpaired: int, level: float, *, macro: bool) -> _Tested:
    measure = a.measure
    span = measure.ceiling - measure.floor
    parts = [p.a.category.split("/")[0] for p in pairs] if macro else [""] * len(pairs)
    expected = set(measure.parts) or set(parts) - {""} if macro else {""}
    values = [
        (p.a.value, p.b.value) if part in expected else (None, None) for p, part in zip(pairs, parts, strict=True)
    ]
    both = [
        (x, y, p.a, part)
        for p, part, (x, y) in zip(pairs, parts, values, strict=True)
        if x is not None and y is not None
    ]
    x, y = (
        np.clip((np.array([row[i] for row in both], dtype=np.float64) - measure.floor) / span, 0, 1) for i in (0, 1)
    )
    codes: dict[str, int] = {}
    clusters = np.array([codes.setdefault(u.group, len(codes)) for _, _, u, _ in both], dtype=np.int64)
    tops = [part for *_, part in both]
    if set(tops) != expected:
        found = Difference(None, None, None, None, "none", len(both), False, level)
    else:
        found = paired(x, y, clusters, level, strata=tops if macro else None)
    known = found.value is not None
    means = [_mean(v, tops if macro else None) for v in (x, y)] if known else [None, None]
    judged = [min(_judged(parts, each, expected), default=1.0) for each in zip(*values, strict=True)]
    row = Paired(
        benchmark=a.benchmark,
        attack=a.attack,
        judge_a=a.judge,
        judge_b=b.judge,
        metric=measure.metric,
        slice=name,
        a=None if means[0] is None else measure.floor + span * means[0],
        b=None if means[1] is None else measure.floor + span * means[1],
        difference=None if found.value is None else span * found.value,
        low=None if found.low is None else span * found.low,
        high=None if found.high is None else span * found.high,
        level=level,
        p=found.p,
        p_adjusted=None,
        separated=False,
        method=found.method,
        n=len(both),
        n_unpaired=unpaired,
        n_missing=len(pairs) - len(both),
        unit=measure.unit,
        form=measure.form,
        headline=measure.headline,
        better=measure.better,
        withheld=name == "all" and measure.headline and min(judged, default=1.0) < MIN_JUDGED,
    )
    return _Tested(row, found, span)


def _judged(parts: Sequence[str], values: Sequence[float | None], expected: set[str]) -> Iterator[float]:
    """The share of units with a value, of each part there is; a unit of no part may belong to any."""
    apart = sum(part not in expected for part in parts)
    for name in expected:
        inside = [value is not None for part, value in zip(parts, values, strict=True) if part == name]
        if inside or apart:
            yield sum(inside) / (len(inside) + apart)


def _mean(values: np.ndarray[tuple[int], np.dtype[np.float64]], tops: Sequence[str] | None) -> float:
    if tops is None:
        return float(values.mean())
    name = np.array(tops, dtype=object)
    return float(np.mean([values[name == each].mean() for each in sorted(set(tops))]))
