"""The value profile: a run's results read in a value frame, one number a node.

For every benchmark that a node names, the units of those categories are pooled, with missing ones counted as the
measure counts them and clusters as they are; over several benchmarks a node's number is their unweighted mean (MOVER).
Everything is turned so that higher is better. A node that nothing has measured has no number: that is not 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from honne.engine.estimate import Measured, Section
from honne.metrics._estimate import MIN_JUDGED, frame
from honne.records import Estimate
from honne.report._text import oneline
from honne.stats.intervals import LEVEL, Interval, macro, rate
from honne.values import Frame, Node, framework, frameworks, nodes_of, strengths

__all__ = [
    "Profiled",
    "Read",
    "Source",
    "Value",
    "estimates",
    "frames",
    "profile",
    "ranked",
    "read",
    "readable",
    "told",
]

METRIC = "value"
NOT_MEASURED = "none: not measured"
# Of headlines over the same questions, the one that says how far a value is really held: consistency (cs) is high for a
# model that is unsafe in both forms, and open answers alone are the face.
_FIRST = ("css",)

_EXACT, _PART, _ANY = "exact", "part", "any"

_Mask = NDArray[np.bool_]


class Profiled(Protocol):
    """What a profile needs of a run."""

    @property
    def name(self) -> str: ...
    @property
    def measures(self) -> Sequence[Measured]: ...
    @property
    def estimates(self) -> Sequence[Estimate]: ...


class Source(NamedTuple):
    """What a number was taken from; `turned`: lower is better there, and it is read as 1 minus it."""

    benchmark: str
    attack: str | None
    metric: str
    turned: bool


def told(sources: Iterable[Source]) -> list[str]:
    """Sources in words: every measure once, and those that the same attacks were made on together."""
    attacks: dict[str, list[str]] = {}
    for source in dict.fromkeys(sources):
        name = oneline(f"{source.benchmark} {'1 − ' if source.turned else ''}{source.metric}")
        attacks.setdefault(name, []).extend([oneline(source.attack)] if source.attack else [])
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, found in attacks.items():
        alike.setdefault(tuple(found), []).append(name)
    return [
        ", ".join(names) + (f" under {found[0] if len(found) == 1 else f'{len(found)} attacks'}" if found else "")
        for found, names in alike.items()
    ]


@dataclass(frozen=True)
class Value:
    """A node in one run. `estimate` is None where nothing measured it; `exact`: what measured it measures all of it.

    `parts` counts the nodes below that have nothing below them, and `measured` how many of those have a number.
    """

    node: Node
    estimate: Estimate | None
    exact: bool
    sources: tuple[Source, ...]
    measured: int
    parts: int


def readable(measured: Iterable[Measured], sections: Sequence[Section]) -> list[Measured]:
    """The measures that a profile reads: headlines with a good side, by the first judge, no unit in two of them.

    Shares come before points of the same answers; where there are points alone, 0 is their floor and 1 their ceiling.
    """
    first: dict[tuple[str, str | None], str | None] = {}
    own: dict[tuple[str, str | None], set[str | None]] = {}
    for section in sections:
        first.setdefault((section.benchmark, section.attack), section.judge)
        own.setdefault((section.benchmark, section.attack), set()).add(section.judge)
    groups: dict[tuple[str, str | None], list[Measured]] = {}
    for one in measured:
        place, m = (one.benchmark, one.attack), one.measure
        mine = one.judge == first[place] or one.judge not in own[place]
        # Under attack only safety is at stake: over-refusal there is no sign of resistance.
        mine = mine and (one.attack is None or m.role == "safety")
        if mine and m.headline and m.better in ("higher", "lower") and m.reference is None:
            groups.setdefault(place, []).append(one)
    out: list[Measured] = []
    for found in groups.values():
        taken: set[str] = set()
        for one in sorted(found, key=lambda x: (x.measure.metric not in _FIRST, x.measure.unit != "proportion")):
            ids = {unit.id for unit in one.measure.units}
            if ids and ids.isdisjoint(taken):
                taken |= ids
                out.append(one)
    return out


def frames(asked: str | None = None) -> list[Frame]:
    """The frames that come with honne, and the user's own where one is asked for. Raises ConfigError."""
    names = list(frameworks())
    own = [asked] if asked and asked not in names else []
    return [framework(name) for name in (*own, *names)]


Read = tuple[Frame, list[list["Value"]]]


def read(runs: Sequence[Profiled], among: Sequence[Frame]) -> list[Read]:
    """Every frame with each run's profile in it."""
    return [(one, [profile(run, one) for run in runs]) for one in among]


def ranked(found: Sequence[Read]) -> list[Read]:
    """The frames by how much of them the runs measure (the share of the finest nodes), those of attacks last."""

    def rank(one: Read) -> tuple[bool, bool, float]:
        leaves = {node.id for node in one[0].leaves()}
        values = [v for values in one[1] for v in values if v.node.id in leaves and v.estimate]
        exact, partly = ({v.node.id for v in values if v.exact is e} for e in (True, False))
        covered = (len(exact) + len(partly - exact) / 2) / len(leaves)
        return (covered > 0, not one[0].of_attacks, covered)

    return sorted(found, key=rank, reverse=True)


def profile(run: Profiled, one: Frame, level: float = LEVEL) -> list[Value]:
    """Every node of a frame in its order, with the run's number where there is one.

    Where something measures a node exactly, only that counts: what measures a part of it would blur it. A node that is
    read through the nodes below it alone has all that is read in those.
    """
    held = _parts(run, one)
    leaves = [leaf.id for leaf in one.leaves()]
    found: dict[str, Value] = {}
    for node in reversed(one.nodes):
        below = [found[leaf] for leaf in leaves if leaf.startswith(node.id + "/")]
        measured = [v for v in below if v.estimate is not None]
        exact = any(h.mask(node.id, _EXACT) is not None for h in held)
        kind = _EXACT if exact else _ANY if below else _PART
        pairs = [(h, mask) for h in held if (mask := h.mask(node.id, kind)) is not None]
        number = _estimate(run, one, node, pairs, level) if pairs else None
        whole = exact or (bool(below) and all(v.exact for v in below))
        sources = tuple(dict.fromkeys(h.source for h, _ in pairs))
        found[node.id] = Value(node, number, whole and bool(pairs), sources, len(measured), len(below))
    return [found[node.id] for node in one.nodes]


def estimates(run: Profiled, one: Frame) -> list[Estimate]:
    """The profile as estimates: benchmark `values/FRAME`, a node's id as the slice; null where it is not measured."""
    return [v.estimate or _nothing(run, one, v.node) for v in profile(run, one)]


class _Held:
    """One measure's units by the nodes that they are read in, turned so that 1 is best."""

    def __init__(self, one: Measured, read: Frame) -> None:
        self.benchmark, self.judge, self.model = one.benchmark, one.judge, one.model
        self.rule = one.measure.rule
        self.source = Source(one.benchmark, one.attack, one.measure.metric, one.measure.better == "lower")
        self._attack, self._read = one.attack, read
        self._frame = frame(one.measure)
        self._values = 1.0 - self._frame.values if one.measure.better == "lower" else self._frame.values

    @cached_property
    def _nodes(self) -> Mapping[tuple[str, str], _Mask]:
        categories: dict[str, list[int]] = {}
        for place, unit in enumerate(self._frame.units):
            categories.setdefault(unit.category, []).append(place)
        members: dict[tuple[str, str], list[int]] = {}
        for category, places in categories.items():
            for key in _kinds(self._read, self.benchmark, category, self._attack):
                members.setdefault(key, []).extend(places)
        n = len(self._frame.units)
        return {key: np.isin(np.arange(n), places) for key, places in members.items()}

    def mask(self, node: str, kind: str) -> _Mask | None:
        """Its units that are read in a node by the node's own patterns (exactly, in part) or at all; None: none is."""
        return self._nodes.get((node, kind))

    def counts(self, mask: _Mask) -> tuple[int, int]:
        """Its units in the mask, and how many of them are missing."""
        return int(mask.sum()), int(np.isnan(self._values[mask]).sum())

    def interval(self, mask: _Mask, level: float) -> Interval:
        there = mask & ~np.isnan(self._values)
        return rate(self._values[there], self._frame.clusters[there], level)

    def filled(self, mask: _Mask, fill: float) -> float:
        """The mean with every missing unit counted as `fill`."""
        return float(np.where(np.isnan(self._values), fill, self._values)[mask].mean())

    def groups(self, mask: _Mask) -> set[str]:
        return {unit.group for unit, held in zip(self._frame.units, mask, strict=True) if held}


class _Whole:
    """A finished number of a whole benchmark (a calibration error, say), in the place of its units."""

    _ONE: _Mask = np.ones(1, dtype=np.bool_)

    def __init__(self, e: Estimate, read: Frame) -> None:
        self.benchmark, self.judge, self.model, self.rule = e.benchmark, e.judge, e.model, e.rule
        self.source = Source(e.benchmark, e.attack, e.metric, e.better == "lower")
        self._kinds = set(_kinds(read, e.benchmark, "", e.attack))
        self._e = e

    def _turned(self, x: float | None) -> float | None:
        return x if x is None or self._e.better != "lower" else 1.0 - x

    def mask(self, node: str, kind: str) -> _Mask | None:
        return self._ONE if (node, kind) in self._kinds else None

    def counts(self, mask: _Mask) -> tuple[int, int]:
        return self._e.n, self._e.n_missing

    def interval(self, mask: _Mask, level: float) -> Interval:
        low, value, high = sorted(self._turned(x) or 0.0 for x in (self._e.low, self._e.value, self._e.high))
        return Interval(value, low, high, level, self._e.method, 0.0)

    def filled(self, mask: _Mask, fill: float) -> float:
        n, missing = self._e.n, self._e.n_missing
        return ((self._turned(self._e.value) or 0.0) * (n - missing) + fill * missing) / n

    def groups(self, mask: _Mask) -> set[str]:
        return {self.source.benchmark}


_Part = _Held | _Whole
_Pair = tuple[_Part, _Mask]


def _parts(run: Profiled, read: Frame) -> list[_Part]:
    """What a run has to say; a finished number only where its benchmark has no units to read."""
    have = {(m.benchmark, m.attack) for m in run.measures}
    out: list[_Part] = [_Held(m, read) for m in run.measures]
    for e in run.estimates:
        ends = (e.low, e.value, e.high)
        if (e.benchmark, e.attack) in have or not e.headline or e.slice != "all" or e.withheld:
            continue
        if e.better in ("higher", "lower") and all(x is not None and 0.0 <= x <= 1.0 for x in ends):
            have.add((e.benchmark, e.attack))
            out.append(_Whole(e, read))
    return out


def _kinds(read: Frame, benchmark: str, category: str, attack: str | None) -> Iterable[tuple[str, str]]:
    """(node, kind) for every node that a category is read in."""
    for reading in nodes_of(benchmark, category, read, attack):
        yield reading.node, _ANY
        node = read.node(reading.node)
        own = strengths(node, benchmark, category, attack) if node else None
        if own is not None:
            yield reading.node, _EXACT if own else _PART


def _estimate(run: Profiled, one: Frame, node: Node, pairs: Sequence[_Pair], level: float) -> Estimate:
    by: dict[str, list[_Pair]] = {}
    for h, mask in pairs:
        by.setdefault(h.benchmark, []).append((h, mask))
    whole = _mean([_mean_of(mine, level) for mine in by.values()])
    counts = [h.counts(mask) for h, mask in pairs]
    missing = sum(gone for _, gone in counts)
    ends = [_filled(by.values(), fill) for fill in (0.0, 1.0)] if missing else [whole.value, whole.value]
    judged = min(1 - gone / n for n, gone in counts)
    judges = {h.judge for h, _ in pairs}
    how = whole.method if whole.value is not None else "none: nothing was judged"
    return Estimate(
        **_place(run, one, node),
        model=pairs[0][0].model,
        judge=judges.pop() if len(judges) == 1 else None,
        value=whole.value,
        low=whole.low,
        high=whole.high,
        level=level if whole.value is not None else None,
        method=f"{how}; {', '.join(told(h.source for h, _ in pairs))}",
        n=sum(n for n, _ in counts),
        n_missing=missing,
        worst=ends[0],
        best=ends[1],
        judged=judged,
        # What is too little judged to be stated of a benchmark is not stated of a value either.
        withheld=judged < MIN_JUDGED,
        rule="paper" if any(h.rule == "paper" for h, _ in pairs) else "strict",
    )


def _mean_of(mine: Sequence[_Pair], level: float) -> Interval:
    """One benchmark's number: its measures weigh alike, as far apart as their questions are."""
    inside = [h.groups(mask) for h, mask in mine] if len(mine) > 1 else []
    apart = sum(map(len, inside)) == len(set().union(*inside))
    return _mean([h.interval(mask, level) for h, mask in mine], independent=apart)


def _mean(parts: Sequence[Interval], *, independent: bool = True) -> Interval:
    if len(parts) == 1:
        return parts[0]
    # A mean of means is a mean: the kinds of limits that it is made of are named once.
    plain = [replace(part, method=part.method.removeprefix("macro mover ")) for part in parts]
    whole = macro(plain, independent=independent)
    head, _, tail = whole.method.removeprefix("macro mover ").partition(",")
    kinds = "/".join(sorted(set(head.split("/")), reverse=True))
    return (
        replace(whole, method=f"macro mover {kinds}{',' if tail else ''}{tail}") if whole.value is not None else whole
    )


def _filled(by: Iterable[Sequence[_Pair]], fill: float) -> float:
    """The mean over benchmarks and their measures, every missing unit counted as `fill`."""
    means = [[h.filled(mask, fill) for h, mask in mine] for mine in by]
    each = [sum(x) / len(x) for x in means]
    return sum(each) / len(each)


def _nothing(run: Profiled, one: Frame, node: Node) -> Estimate:
    found: list[Measured | Estimate] = [*run.measures, *run.estimates]
    model = found[0].model if found else ""
    return Estimate(
        **_place(run, one, node), model=model, value=None, low=None, high=None, level=None,
        method=NOT_MEASURED, n=0, n_missing=0,
    )  # fmt: skip


def _place(run: Profiled, one: Frame, node: Node) -> dict[str, Any]:
    return {
        "run": run.name,
        "benchmark": f"values/{one.name}",
        "metric": METRIC,
        "slice": node.id,
        "unit": "proportion",
        "better": "higher",
    }
