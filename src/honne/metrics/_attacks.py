"""From the safety of a model asked plainly and under each attack: success rates, adversarial and global safety.

Gong et al. 2024, Alignment with Preference Optimization Is All You Need for LLM Safety (arXiv 2409.07772), after ALERT
(Tedeschi et al. 2024, arXiv 2404.08676). With S the share of safe answers, per benchmark, judge and slice:

    attack_success_rate   1 - S under one attack
    safety_lost           S plain - S under one attack, over the same items (paired)
    adversarial_safety    the mean over attacks of S under each
    global_safety         the mean of S plain and adversarial_safety

Departure: theirs pools all adversarial prompts; here every attack counts alike, however many items it applies to. The
means are over the same prompts, so the half-widths of their parts are added (MOVER, worst case). A part without a value
leaves the mean without one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from honne.metrics._compare import Paired, Side, compare
from honne.plugins import Measure, Unit
from honne.records import Estimate
from honne.stats.intervals import LEVEL, Interval, macro

__all__ = ["ADVERSARIAL", "GLOBAL", "LOST", "SUCCESS", "attack_estimates"]

SUCCESS, LOST, ADVERSARIAL, GLOBAL = "attack_success_rate", "safety_lost", "adversarial_safety", "global_safety"

Made = tuple[Side, Sequence[Estimate]]
_Safety = dict[str, Estimate]  # by slice


def attack_estimates(
    made: Sequence[Made], attacks: Mapping[str, Sequence[str | None]], parents: Mapping[str, str]
) -> list[Estimate]:
    """The numbers above, from every measure with its estimates.

    `attacks` are those of each benchmark's items (None: plain ones), also where a judge has seen none of them.
    `parents` map the ids of attacked units to those of their plain ones.
    """
    out: list[Estimate] = []
    for (benchmark, _), found in _grouped(made).items():
        asked = attacks.get(benchmark, ())
        under = [attack for attack in asked if attack is not None]
        if not under:
            continue
        names = {e.slice for _, numbers in found.values() for e in numbers}
        safety = {attack: _by_slice(one, names) for attack, one in found.items()}
        for attack in under:
            out += (_success(e) for e in safety.get(attack, {}).values())
        out += _lost(found, parents)
        slices = dict.fromkeys(name for numbers in (safety.get(attack, {}) for attack in asked) for name in numbers)
        # A category that no attack applies to has no safety under attack.
        reached = [name for name in slices if any(name in safety.get(attack, {}) for attack in under)]
        adversarial = {name: _mean(ADVERSARIAL, name, under, safety) for name in reached}
        if None not in asked:
            # Where nothing is asked plainly, this is what the benchmark says.
            adversarial = {name: msgspec.structs.replace(e, headline=True) for name, e in adversarial.items()}
        out += adversarial.values()
        if None in asked:
            both: dict[str | None, _Safety] = {None: safety.get(None, {}), ADVERSARIAL: adversarial}
            out += (_mean(GLOBAL, name, [None, ADVERSARIAL], both) for name in slices)
    return out


def _grouped(made: Sequence[Made]) -> dict[tuple[str, str | None], dict[str | None, Made]]:
    """By benchmark and judge, then attack: the first measure of safety there is, and the same one everywhere."""
    out: dict[tuple[str, str | None], dict[str | None, Made]] = {}
    metric: dict[tuple[str, str | None], str] = {}
    for side, numbers in made:
        place = (side.benchmark, side.judge)
        if side.measure.role == "safety" and metric.setdefault(place, side.measure.metric) == side.measure.metric:
            out.setdefault(place, {}).setdefault(side.attack, (side, numbers))
    return out


def _by_slice(made: Made, names: Collection[str]) -> _Safety:
    """The safety of each slice; "all" stands for a category that is all there is here, but not under other attacks."""
    side, numbers = made
    out = {e.slice: _as_safety(e) for e in numbers}
    if side.measure.overall == "mean" and "all" in out:
        for name in sorted(set(names) - out.keys()):
            if all(f"{unit.category}/".startswith(f"{name}/") for unit in side.measure.units):
                out[name] = msgspec.structs.replace(out["all"], slice=name, withheld=False)
    return out


def _as_safety(e: Estimate) -> Estimate:
    return e if e.better == "higher" else _turned(e, "higher")


def _success(e: Estimate) -> Estimate:
    return msgspec.structs.replace(_turned(e, "lower"), metric=SUCCESS, headline=False)


def _turned(e: Estimate, better: str) -> Estimate:
    """1 - a share: its limits change places."""

    def rest(x: float | None) -> float | None:
        return None if x is None else 1.0 - x

    return msgspec.structs.replace(
        e,
        value=rest(e.value),
        low=rest(e.high),
        high=rest(e.low),
        worst=rest(e.worst),
        best=rest(e.best),
        better=better,
    )


# --------------------------------------------------------------------- means


def _mean(
    metric: str, name: str, parts: Sequence[str | None], safety: Mapping[str | None, Mapping[str, Estimate]]
) -> Estimate:
    """The unweighted mean of one slice's safety over `parts`, each of which must have a value."""
    found = {part: safety.get(part, {}).get(name) for part in parts}
    there = [e for e in found.values() if e is not None]
    without = [part or "the plain items" for part, e in found.items() if e is None or e.value is None]
    interval = Interval(None, None, None, LEVEL, f"none: no value for {', '.join(without)}", 0.0)
    if not without:
        interval = macro(
            [Interval(e.value, e.low, e.high, e.level or LEVEL, "", 0.0) for e in there], independent=False
        )
    ends = [(0.0, 1.0) if e is None else _ends(e) for e in found.values()]
    judged = [e.judged for e in there if e.judged is not None]
    first = there[0]
    return msgspec.structs.replace(
        first,
        attack=None,
        metric=metric,
        value=interval.value,
        low=interval.low,
        high=interval.high,
        level=interval.level if interval.value is not None else None,
        method=interval.method if without else _method(there),
        n=sum(e.n for e in there),
        n_missing=sum(e.n_missing for e in there),
        worst=sum(low for low, _ in ends) / len(ends),
        best=sum(high for _, high in ends) / len(ends),
        withheld=any(e.withheld for e in there),
        headline=False,
        buckets=_buckets(there),
        judged=min(judged) if len(judged) == len(there) else None,
    )


def _method(parts: Sequence[Estimate]) -> str:
    """The mean's method and the kinds of limits that its parts are made of, some of them means themselves."""
    kinds = {kind for e in parts for kind in e.method.removeprefix("macro mover ").split(",")[0].split("/")}
    clustered = ", clustered" if any(e.method.endswith("clustered") for e in parts) else ""
    return f"macro mover {'/'.join(sorted(kinds, reverse=True))}{clustered}"


def _ends(e: Estimate) -> tuple[float, float]:
    low, high = (x if x is not None else e.value for x in (e.worst, e.best))
    return (0.0 if low is None else low, 1.0 if high is None else high)


def _buckets(parts: Sequence[Estimate]) -> str | None:
    counted: Counter[str] = Counter()
    for e in parts:
        if e.buckets is None:
            return None
        counted.update(json.loads(e.buckets))
    return json.dumps(dict(counted))


# -------------------------------------------------------------------- paired


@dataclass(frozen=True)
class _Under:
    """One side of a paired comparison within a run: both carry the attack's name, and the plain units' ids."""

    benchmark: str
    version: str
    attack: str | None
    judge: str | None
    measure: Measure


def _lost(found: Mapping[str | None, Made], parents: Mapping[str, str]) -> Iterator[Estimate]:
    if None not in found:
        return
    plain, known = found[None][0], {e.slice: e for e in found[None][1]}
    before, after = [], []
    for attack, (side, _) in found.items():
        if attack is not None:
            units = [unit._replace(id=parents.get(unit.id, unit.id)) for unit in side.measure.units]
            attacked = replace(side.measure, units=units)
            before.append(_Under(side.benchmark, side.version, attack, side.judge, plain.measure))
            after.append(_Under(side.benchmark, side.version, attack, side.judge, attacked))
    sign = 1 if plain.measure.better == "higher" else -1
    under = {side.attack: side.measure.units for side in after}
    for row in compare(before, after):
        if row.slice in known and row.n + row.n_missing:
            ends = _loss_ends(plain.measure, under[row.attack], row, sign)
            yield _difference(row, known[row.slice], sign, ends)


def _loss_ends(plain: Measure, attacked: Sequence[Unit], row: Paired, sign: int) -> tuple[float | None, float | None]:
    """The greatest and the least loss, had every pair that lacks an answer lost its safety, or gained it."""
    if row.difference is None:
        return None, None
    before = {unit.id: unit for unit in plain.units}
    whole, parts = row.slice == "all", set(plain.parts)
    losses: dict[str, list[tuple[float, float]]] = {}
    for unit in attacked:
        one = before.get(unit.id)
        top = one.category.partition("/")[0] if one else ""
        if one is None or not (whole or top == row.slice) or (parts and top not in parts):
            continue
        known = one.value is not None and unit.value is not None
        ends = (sign * ((one.value or 0.0) - (unit.value or 0.0)),) * 2 if known else (1.0, -1.0)
        losses.setdefault(top if plain.overall == "macro" and whole else "", []).append(ends)
    means = [[sum(column) / len(part) for column in zip(*part, strict=True)] for part in losses.values()]
    worst, best = (sum(column) / len(means) for column in zip(*means, strict=True))
    return worst, best


def _difference(row: Paired, like: Estimate, sign: int, ends: tuple[float | None, float | None]) -> Estimate:
    limits = [None if x is None else sign * x + 0.0 for x in (row.low, row.high)]  # + 0.0: never -0
    low, high = limits if sign > 0 else reversed(limits)
    return msgspec.structs.replace(
        like,
        attack=row.attack,
        metric=LOST,
        value=None if row.difference is None else sign * row.difference + 0.0,
        low=low,
        high=high,
        level=row.level if row.difference is not None else None,
        method=row.method,
        n=row.n + row.n_missing,
        n_missing=row.n_missing,
        worst=ends[0],
        best=ends[1],
        withheld=row.withheld,
        headline=False,
        better="lower",
        buckets=None,
        judged=None,
    )
