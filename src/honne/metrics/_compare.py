"""Two runs, paired unit by unit: differences with intervals, Holm-corrected p-values, and what n could have shown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec
import numpy as np

from honne.metrics._units import top
from honne.plugins import Measure, Unit
from honne.stats.intervals import LEVEL
from honne.stats.multiple import holm
from honne.stats.paired import Difference, paired
from honne.stats.power import detectable_paired

__all__ = ["Paired", "Side", "compare"]


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
    `separated` means p_adjusted < 1 - level. `detectable` is the smallest true difference that n pairs which differ as
    often as these did would have shown with a chance of 80 %.
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


class _Match(NamedTuple):
    a: Unit
    b: Unit


def compare(
    a: Sequence[Side], b: Sequence[Side], *, level: float = LEVEL, unpairable: Collection[str] = ()
) -> list[Paired]:
    """Every measure that both runs have (same benchmark, version, attack, metric, form): "all", and top-level slices.

    Equal judges are paired; where each run has one other judge, these two are. Measures without a judge, and those that
    compare judges, say nothing about the models and are left out. `unpairable` are ids of units that were not asked
    alike. The "all" slices are one family for Holm's correction, the other slices a second.
    """
    out: list[Paired] = []
    for side_a, side_b in _sides(a, b):
        out += _rows(side_a, side_b, level, set(unpairable))
    adjusted: dict[int, float | None] = {}
    for whole in (True, False):
        family = [i for i, row in enumerate(out) if (row.slice == "all") == whole]
        adjusted |= dict(zip(family, holm([out[i].p for i in family]), strict=True))
    return [
        msgspec.structs.replace(row, p_adjusted=p, separated=p is not None and p < 1 - level)
        for i, row in enumerate(out)
        for p in [adjusted[i]]
    ]


def _sides(a: Sequence[Side], b: Sequence[Side]) -> Iterator[tuple[Side, Side]]:
    def indexed(sides: Sequence[Side]) -> dict[tuple[str | None, ...], dict[str | None, Side]]:
        out: dict[tuple[str | None, ...], dict[str | None, Side]] = defaultdict(dict)
        for s in sides:
            if s.measure.judge is None and s.measure.reference is None:
                out[s.benchmark, s.version, s.attack, s.measure.metric, s.measure.form][s.judge] = s
        return out

    ours, theirs = indexed(a), indexed(b)
    for key, mine in ours.items():
        other = theirs.get(key, {})
        alike = [judge for judge in mine if judge in other]
        yield from ((mine[judge], other[judge]) for judge in alike)
        rest_a = [judge for judge in mine if judge not in alike]
        rest_b = [judge for judge in other if judge not in alike]
        if len(rest_a) == len(rest_b) == 1:
            yield mine[rest_a[0]], other[rest_b[0]]


def _rows(a: Side, b: Side, level: float, unpairable: set[str]) -> Iterator[Paired]:
    units_a, units_b = ({u.id: u for u in side.measure.units} for side in (a, b))
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
        if measure.overall == "none" or len(members) < len(pairs):
            apart = sum(u.category.split("/")[0] == name for u in alone)
            yield _row(a, b, name, members, apart, level, macro=False)


def _row(a: Side, b: Side, name: str, pairs: Sequence[_Match], unpaired: int, level: float, *, macro: bool) -> Paired:
    measure = a.measure
    span = measure.ceiling - measure.floor
    both = [(x, y, p.a) for p in pairs for x, y in [(p.a.value, p.b.value)] if x is not None and y is not None]
    x, y = (
        np.clip((np.array([row[i] for row in both], dtype=np.float64) - measure.floor) / span, 0, 1) for i in (0, 1)
    )
    codes: dict[str, int] = {}
    clusters = np.array([codes.setdefault(u.group, len(codes)) for *_, u in both], dtype=np.int64)
    tops = [top(u.category) for *_, u in both]
    if macro and set(tops) != {top(p.a.category) for p in pairs}:
        found = Difference(None, None, None, None, "none", len(both), False, level)
    else:
        found = paired(x, y, clusters, level, strata=tops if macro else None)
    known = found.value is not None
    means = [_mean(v, tops if macro else None) for v in (x, y)] if known else [None, None]
    detectable = None
    if found.discordance is not None:
        detectable = span * detectable_paired(found.n_effective, min(found.discordance, 1.0), level=level)
    return Paired(
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
        detectable=detectable,
    )


def _mean(values: np.ndarray[tuple[int], np.dtype[np.float64]], tops: Sequence[str] | None) -> float:
    if tops is None:
        return float(values.mean())
    name = np.array(tops, dtype=object)
    return float(np.mean([values[name == each].mean() for each in sorted(set(tops))]))
