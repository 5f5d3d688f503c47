"""What two sides of a trade-off were both asked, unit by unit: the pieces that its axes are means of.

A piece is one measure with a role (or one form of it), of every run, over the same units, asked in the same words and
judged by one judge where they share one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from honne.metrics._compare import Side, not_paired
from honne.plugins import Unit, is_choice
from honne.stats.change import Part

__all__ = ["LOSSES", "Measures", "Piece", "matched", "unshared"]

# What a change may cost.
LOSSES = ("over-refusal", "capability")
# Which side is better on an axis; a measure that counts the opposite is turned.
_BETTER = {"safety": "higher", "capability": "higher", "over-refusal": "lower"}
_PLAIN = ("over-refusal", "capability", "consistency", "well-formedness", "length")


@dataclass(frozen=True)
class Measures:
    """What one model was measured by. `forms` are those of its items, by id."""

    name: str
    sides: Sequence[Side]
    forms: Mapping[str, str]

    @cached_property
    def unread(self) -> set[str]:
        """The ids of the plain units whose reply could not be read."""
        sides = (s for s in self.sides if s.measure.role == "well-formedness" and s.attack is None and s.benchmark)
        return {unit.id for side in sides for unit in side.measure.units if unit.value == 1.0}

    def form_of(self, unit: str) -> str:
        """The form of a unit's item; of every choice, `choice`."""
        form = self.forms.get(unit) or self.forms.get(unit.rpartition("#")[0]) or ""
        return "choice" if is_choice(form) else form


class _Place(NamedTuple):
    role: str
    benchmark: str
    version: str
    attack: str | None
    form: str | None
    metric: str


class Piece(NamedTuple):
    """One mean that an axis is made of: values in [0, 1] (lengths aside), of every run, of the same units.

    `own` is its name within its benchmark, `name` the one that is told.
    """

    benchmark: str
    attack: str | None
    own: str
    parts: tuple[Part, ...]
    better: str | None
    unit: str
    n: int
    n_missing: int
    n_unpaired: int
    judged: float
    judges: tuple[tuple[str, ...], tuple[str, ...]]
    name: str = ""


def unshared(before: Sequence[Measures], after: Sequence[Measures]) -> list[str]:
    """What is not measured in every run, in words: it is in no axis."""
    ours, theirs = ([_places(m) for m in side] for side in (before, after))
    every = dict.fromkeys(place for found in (*ours, *theirs) for place in found if place.benchmark)
    out = []
    for place in every:
        based, k = any(place in found for found in ours), sum(place in found for found in theirs)
        if not based or k < len(theirs):
            under = f" under {place.attack}" if place.attack else ""
            what = f"{place.role} of {place.benchmark}, version {place.version}{under} ({place.metric})"
            where = f"in {k} of {len(theirs)} runs" if len(theirs) > 1 else "there" if k else "not there"
            out.append(f"{what}: {'' if based else 'not '}in the base, {where}")
    return out


def _places(measures: Measures) -> dict[_Place, dict[str | None, Side]]:
    """The sides that have a role, by place and judge; of safety only the first measure of a benchmark."""
    out: dict[_Place, dict[str | None, Side]] = {}
    first: dict[str, str] = {}
    for side in measures.sides:
        m = side.measure
        if m.role is None or m.reference is not None or (side.attack is not None and m.role in _PLAIN):
            continue
        if m.role == "safety" and first.setdefault(side.benchmark, m.metric) != m.metric:
            continue
        place = _Place(m.role, side.benchmark, side.version, side.attack, m.form, m.metric)
        out.setdefault(place, {})[side.judge] = side
    return out


def matched(
    before: Sequence[Measures], after: Sequence[Measures], unpairable: set[str], roles: Collection[str]
) -> dict[str, list[Piece]]:
    """The pieces of these roles that all runs have, by role, in the order of the base; without common units, none."""
    places = [_places(m) for m in (*before, *after)]
    out: dict[str, list[Piece]] = {}
    for place, mine in places[0].items():
        if place.role not in roles:
            continue
        theirs = [found.get(place) for found in places]
        sides = _judged_alike(mine, [found for found in theirs if found])
        if len(sides) == len(places):
            out.setdefault(place.role, []).extend(_pieces(place, sides, len(before), (*before, *after), unpairable))
    return {role: _named(pieces) for role, pieces in out.items() if pieces}


def _judged_alike(mine: Mapping[str | None, Side], found: Sequence[Mapping[str | None, Side]]) -> list[Side]:
    """Every run's side by the first judge that all have; where there is none, by each run's own first judge."""
    shared = [judge for judge in mine if all(judge in one for one in found)]
    return [one[shared[0]] if shared else next(iter(one.values())) for one in found]


def _units(place: _Place, side: Side, unread: set[str]) -> Iterator[Unit]:
    """The units of a side; of what can be lost, those with a reply that could not be read at the worst value."""
    better = side.measure.better or _BETTER.get(place.role)
    worst = side.measure.floor if better == "higher" else side.measure.ceiling
    for unit in side.measure.units:
        lost = place.role in LOSSES and unit.value is None and unit.id in unread
        yield unit._replace(value=worst) if lost else unit


def _pieces(
    place: _Place, sides: Sequence[Side], k: int, measures: Sequence[Measures], unpairable: set[str]
) -> Iterator[Piece]:
    """One piece, or one for each form where a measure of answers spans several."""
    base = measures[0]
    units = [{u.id: u for u in _units(place, side, m.unread)} for side, m in zip(sides, measures, strict=True)]
    dropped = not_paired(place.attack, unpairable)
    common = [id for id in units[0] if all(id in one for one in units) and id not in dropped]
    alone = set().union(*units) - set(common)
    split = place.role in ("capability", "well-formedness") and sides[0].measure.per == "item" and place.benchmark != ""
    forms: dict[str, list[str]] = {}
    for id in common:
        forms.setdefault(base.form_of(id) if split else place.form or "", []).append(id)
    for form, ids in forms.items():
        apart = sum(not split or base.form_of(id) == form for id in alone)
        own = place.metric if place.role == "consistency" or not place.benchmark else place.attack or form
        yield _piece(place, own, sides, k, [[one[id] for id in sorted(ids)] for one in units], apart)


def _piece(
    place: _Place, own: str, sides: Sequence[Side], k: int, units: Sequence[Sequence[Unit]], apart: int
) -> Piece:
    measure = sides[0].measure
    better = _BETTER.get(place.role, measure.better)
    turned = measure.better not in (better, None)
    values = np.array([[np.nan if u.value is None else u.value for u in one] for one in units], dtype=np.float64)
    if measure.role != "length":
        values = np.clip((values - measure.floor) / (measure.ceiling - measure.floor), 0.0, 1.0)
    values = 1 - values if turned else values
    tops = np.array([u.category.split("/")[0] for u in units[0]], dtype=object)
    known = ~np.isnan(values)
    masks = [np.ones(len(tops), dtype=np.bool_)]
    if measure.overall == "macro":
        masks = [tops == part for part in measure.parts or sorted(set(tops) - {""})]
    parts, judged = [], 1.0
    for mask in masks:
        there = mask & known.all(axis=0)
        clusters = [f"{place.benchmark}\0{units[0][i].group}" for i in np.flatnonzero(there).tolist()]
        parts.append(Part(values[:k, there], values[k:, there], clusters, 1 / len(masks)))
        judged = min([judged, *known[:, mask].mean(axis=1)]) if mask.any() else 0.0
    judges = tuple(tuple(dict.fromkeys(side.judge or "" for side in some)) for some in (sides[:k], sides[k:]))
    complete = sum(part.before.shape[1] for part in parts)
    return Piece(
        benchmark=place.benchmark,
        attack=place.attack,
        own=own,
        parts=tuple(parts),
        better=better,
        unit=measure.unit,
        n=values.shape[1],
        n_missing=values.shape[1] - complete,
        n_unpaired=apart,
        judged=float(judged),
        judges=(judges[0], judges[1]),
    )


def _named(pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces with the benchmark's name, and their own beside it where a benchmark has several."""
    often = [p.benchmark for p in pieces]

    def name(p: Piece) -> str:
        alone = often.count(p.benchmark) == 1 and p.attack is None
        return p.own if not p.benchmark else p.benchmark if alone else f"{p.benchmark}: {p.own}"

    return [p._replace(name=name(p)) for p in pieces]
