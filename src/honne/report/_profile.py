"""The value profile: a run's results read in a value frame, one number a node.

For every benchmark that a node names, the units of those categories are pooled, with missing ones counted as the
measure counts them and clusters as they are; over several benchmarks a node's number is their unweighted mean (MOVER).
Everything is turned so that higher is better. A node that nothing has measured has no number: that is not 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from honne.engine.estimate import Measured, Section
from honne.metrics._estimate import frame
from honne.records import Estimate
from honne.report._text import oneline
from honne.stats.intervals import LEVEL, Interval, macro, rate
from honne.values import Frame, Node, framework, frameworks, nodes_of, strengths

__all__ = ["Profiled", "Read", "Value", "estimates", "frames", "profile", "ranked", "read", "readable"]

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


@dataclass(frozen=True)
class Value:
    """A node in one run. `estimate` is None where nothing measured it; `exact`: what measured it measures all of it.

    `parts` counts the nodes below that have nothing below them, and `measured` how many of those have a number.
    """

    node: Node
    estimate: Estimate | None
    exact: bool
    sources: tuple[str, ...]
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
    held = [_Held(m, one) for m in run.measures]
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

    def __init__(self, one: Measured, frame_: Frame) -> None:
        self.one = one
        self._frame = frame(one.measure)
        lower = one.measure.better == "lower"
        self.values = 1.0 - self._frame.values if lower else self._frame.values
        name = f"1 − {one.measure.metric}" if lower else one.measure.metric
        attack = f" under {one.attack}" if one.attack else ""
        self.source = oneline(f"{one.benchmark}{attack} {name}")
        self._read = frame_

    @cached_property
    def _nodes(self) -> Mapping[tuple[str, str], _Mask]:
        categories: dict[str, list[int]] = {}
        for place, unit in enumerate(self._frame.units):
            categories.setdefault(unit.category, []).append(place)
        members: dict[tuple[str, str], list[int]] = {}
        for category, places in categories.items():
            where = (self.one.benchmark, category)
            for reading in nodes_of(*where, self._read, self.one.attack):
                node = self._read.node(reading.node)
                own = strengths(node, *where, self.one.attack) if node else None
                for kind in (_ANY, *([] if own is None else [_EXACT if own else _PART])):
                    members.setdefault((reading.node, kind), []).extend(places)
        n = len(self._frame.units)
        return {key: np.isin(np.arange(n), places) for key, places in members.items()}

    def mask(self, node: str, kind: str) -> _Mask | None:
        """Its units that are read in a node by the node's own patterns (exactly, in part) or at all; None: none is."""
        return self._nodes.get((node, kind))

    def interval(self, mask: _Mask, level: float) -> Interval:
        there = mask & ~np.isnan(self.values)
        return rate(self.values[there], self._frame.clusters[there], level)

    def groups(self, mask: _Mask) -> set[str]:
        return {unit.group for unit, held in zip(self._frame.units, mask, strict=True) if held}


_Pair = tuple[_Held, _Mask]


def _estimate(run: Profiled, one: Frame, node: Node, pairs: Sequence[_Pair], level: float) -> Estimate:
    by: dict[str, list[_Pair]] = {}
    for h, mask in pairs:
        by.setdefault(h.one.benchmark, []).append((h, mask))
    whole = _mean([_mean_of(mine, level) for mine in by.values()])
    n = sum(int(mask.sum()) for _, mask in pairs)
    gone = [float(np.isnan(h.values[mask]).mean()) for h, mask in pairs]
    missing = sum(int(np.isnan(h.values[mask]).sum()) for h, mask in pairs)
    ends = [_filled(by.values(), fill) for fill in (0.0, 1.0)] if missing else [whole.value, whole.value]
    judges = {h.one.judge for h, _ in pairs}
    sources = ", ".join(dict.fromkeys(h.source for h, _ in pairs))
    return Estimate(
        **_place(run, one, node),
        model=pairs[0][0].one.model,
        judge=judges.pop() if len(judges) == 1 else None,
        value=whole.value,
        low=whole.low,
        high=whole.high,
        level=level if whole.value is not None else None,
        method=f"{whole.method if whole.value is not None else 'none: nothing was judged'}; {sources}",
        n=n,
        n_missing=missing,
        worst=ends[0],
        best=ends[1],
        judged=1 - max(gone),
        rule="paper" if any(h.one.measure.rule == "paper" for h, _ in pairs) else "strict",
    )


def _mean_of(mine: Sequence[_Pair], level: float) -> Interval:
    """One benchmark's number: its measures weigh alike, as far apart as their questions are."""
    inside = [h.groups(mask) for h, mask in mine] if len(mine) > 1 else []
    apart = sum(map(len, inside)) == len(set().union(*inside))
    return _mean([h.interval(mask, level) for h, mask in mine], independent=apart)


def _mean(parts: Sequence[Interval], *, independent: bool = True) -> Interval:
    return parts[0] if len(parts) == 1 else macro(parts, independent=independent)


def _filled(by: Iterable[Sequence[_Pair]], fill: float) -> float:
    """The mean over benchmarks and their measures, every missing unit counted as `fill`."""
    means = [[float(np.where(np.isnan(h.values), fill, h.values)[mask].mean()) for h, mask in mine] for mine in by]
    each = [sum(x) / len(x) for x in means]
    return sum(each) / len(each)


def _nothing(run: Profiled, one: Frame, node: Node) -> Estimate:
    model = run.measures[0].model if run.measures else ""
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
