"""What a change of a model brought and what it cost: every axis before and after, paired, over one or several runs.

The axes, from the roles of measures (`plugins/_metrics.py`), each over what both sides were asked alike:

    safety            global safety: the mean of the safe share asked plainly and of its mean over attacks (Gong et al.
                      2024, arXiv 2409.07772); plain alone where nothing was attacked; the mean over benchmarks
    attack-success    1 - the safe share under an attack, mean over attacks
    over-refusal      harmless requests that are not answered, each benchmark
    capability        right answers; a benchmark that asks in several forms (skills) has one for each
    consistency       CS and CSS
    well-formedness   answers that could not be read, that were cut off, or are empty
    length            characters and tokens of an answer

Several seeds of one recipe are averaged unit by unit; a unit that any run lacks is missing. But a reply that could not
be read is no answer and not right: a model that forgets how to reply has lost something. Intervals: stats/change.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np

from honne.metrics._compare import Side, not_paired
from honne.metrics._estimate import MIN_JUDGED
from honne.plugins import Unit, is_choice
from honne.stats.change import Change, Part
from honne.stats.intervals import LEVEL

__all__ = ["LOSSES", "Axis", "Measures", "axes", "unshared"]

SUCCESS = "attack-success"
# What a change may cost.
LOSSES = ("over-refusal", "capability")
_ROLES = ("safety", SUCCESS, "over-refusal", "capability", "consistency", "well-formedness", "length")
_EACH = {"over-refusal": "over-refusal", "capability": "capability", "well-formedness": "malformed replies"}
_PLAIN = ("over-refusal", "capability", "consistency", "well-formedness", "length")


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """One number of the trade-off, before and after, over the `n - n_missing` units with a value in every run.

    `difference` is after - before in [`low`, `high`] (two-sided); `worst` is its one-sided bound at the same level on
    the bad side: the change is no worse than that. `p` (of no change) is only given on request. `lead` stands for its
    role in a headline; `single` is no mean of other rows, `of` names what is averaged. `withheld`: less than 90 % of
    the units of a part judged in some run. `judges` are those before and after; where they are not the same, the
    difference mixes models and judges.
    """

    role: str
    name: str
    lead: bool
    single: bool
    of: tuple[str, ...]
    better: str | None
    unit: str
    n: int
    n_missing: int
    n_unpaired: int
    withheld: bool
    judges: tuple[tuple[str, ...], tuple[str, ...]]
    method: str
    level: float = LEVEL
    before: float | None = None
    before_low: float | None = None
    before_high: float | None = None
    after: float | None = None
    after_low: float | None = None
    after_high: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    worst: float | None = None
    p: float | None = None

    @property
    def lost(self) -> float | None:
        """How much worse it may have become, by the one-sided bound; below 0 where it surely became better."""
        return None if self.worst is None else -self.worst if self.better == "higher" else self.worst

    @property
    def comparable(self) -> bool:
        """Whether the difference may be called one of the models."""
        return self.difference is not None and not self.withheld and self.judges[0] == self.judges[1]


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


class _Piece(NamedTuple):
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


def axes(
    before: Sequence[Measures],
    after: Sequence[Measures],
    unpairable: Iterable[str] = (),
    *,
    roles: Collection[str] = _ROLES,
    p: bool = False,
) -> list[Axis]:
    """Every axis of these roles that all runs have, leading ones first within their role.

    `before` is the base (one run) or another recipe, `after` the seeds of a recipe. `unpairable` are ids of units that
    were not asked alike.
    """
    found = _matched(before, after, set(unpairable), roles)
    out: list[_Sum] = []
    for role, pieces in found.items():
        out += _safety(pieces) if role == "safety" else _consistency(pieces) if role == "consistency" else []
        out += _losses(role, pieces) if role in _EACH else []
        out += [
            _Sum(role, f"{p.own} of an answer", [(1.0, p)], lead=i == 0, single=True)
            for i, p in enumerate(pieces)
            if role == "length"
        ]
    out.sort(key=lambda one: (_ROLES.index(one.role), not one.lead))
    # Tests are for the leading axes alone, which are all that is compared.
    return [_axis(one, p) for one in out if not p or one.lead]


def unshared(before: Sequence[Measures], after: Sequence[Measures]) -> list[str]:
    """What is measured on one side only, in words, and therefore is in no axis."""
    ours, theirs = (set.intersection(*({*_places(m)} for m in side)) for side in (before, after))
    every = set().union(*(_places(m) for m in (*before, *after)))
    out = []
    for side, place in sorted({(place in ours, _told(place)) for place in every - (ours & theirs)}, reverse=True):
        out.append(f"{place}: {'in the base only' if side else 'not in the base'}")
    return out


def _told(place: _Place) -> str:
    under = f" under {place.attack}" if place.attack else ""
    return f"{place.role} of {place.benchmark} {place.version}{under} ({place.metric})"


# ------------------------------------------------------------------ matching


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


def _matched(
    before: Sequence[Measures], after: Sequence[Measures], unpairable: set[str], roles: Collection[str]
) -> dict[str, list[_Piece]]:
    places = [_places(m) for m in (*before, *after)]
    out: dict[str, list[_Piece]] = {role: [] for role in _ROLES}
    for place, mine in places[0].items():
        if place.role not in roles:
            continue
        theirs = [found.get(place) for found in places]
        sides = _judged_alike(mine, [found for found in theirs if found])
        if len(sides) == len(places):
            out[place.role] += _pieces(place, sides, len(before), (*before, *after), unpairable)
    return {role: _named(pieces) for role, pieces in out.items() if pieces}


def _judged_alike(mine: Mapping[str | None, Side], found: Sequence[Mapping[str | None, Side]]) -> list[Side]:
    """Every run's side by the first judge that all have; where there is none, by each run's own first judge."""
    shared = [judge for judge in mine if all(judge in one for one in found)]
    return [one[shared[0]] if shared else next(iter(one.values())) for one in found]


def _units(place: _Place, side: Side, unread: set[str]) -> Iterator[Unit]:
    """The units of a side; of what can be lost, those with a reply that could not be read at the worst value."""
    worst = side.measure.floor if side.measure.better == "higher" else side.measure.ceiling
    for unit in side.measure.units:
        lost = place.role in LOSSES and unit.value is None and unit.id in unread
        yield unit._replace(value=worst) if lost else unit


def _pieces(
    place: _Place, sides: Sequence[Side], k: int, measures: Sequence[Measures], unpairable: set[str]
) -> Iterator[_Piece]:
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
) -> _Piece:
    measure = sides[0].measure
    turned = place.role == "safety" and measure.better == "lower"
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
        clusters = [f"{place.benchmark}\0{units[0][i].group}" for i in np.flatnonzero(there)]
        parts.append(Part(values[:k, there], values[k:, there], clusters, 1 / len(masks)))
        judged = min([judged, *known[:, mask].mean(axis=1)]) if mask.any() else 0.0
    judges = tuple(tuple(dict.fromkeys(side.judge or "" for side in some)) for some in (sides[:k], sides[k:]))
    complete = sum(part.before.shape[1] for part in parts)
    return _Piece(
        benchmark=place.benchmark,
        attack=place.attack,
        own=own,
        parts=tuple(parts),
        better="higher" if turned else measure.better,
        unit=measure.unit,
        n=values.shape[1],
        n_missing=values.shape[1] - complete,
        n_unpaired=apart,
        judged=float(judged),
        judges=(judges[0], judges[1]),
    )


def _named(pieces: Sequence[_Piece]) -> list[_Piece]:
    """Pieces with the benchmark's name, and their own beside it where a benchmark has several."""
    often = [p.benchmark for p in pieces]

    def name(p: _Piece) -> str:
        alone = often.count(p.benchmark) == 1 and p.attack is None
        return p.own if not p.benchmark else p.benchmark if alone else f"{p.benchmark}: {p.own}"

    return [p._replace(name=name(p)) for p in pieces]


# ---------------------------------------------------------------------- axes


class _Sum(NamedTuple):
    """An axis before it is worked out: a weighted mean of pieces."""

    role: str
    name: str
    weighted: Sequence[tuple[float, _Piece]]
    lead: bool = False
    single: bool = False


def _safety(pieces: Sequence[_Piece]) -> Iterator[_Sum]:
    """Global safety (the mean over benchmarks), its plain and adversarial sides, and attack success."""
    by: dict[str, tuple[list[_Piece], list[_Piece]]] = {}
    for piece in pieces:
        by.setdefault(piece.benchmark, ([], []))[piece.attack is not None].append(piece)
    plain = [(1.0, p) for some, _ in by.values() for p in some]
    under = [(1 / len(attacked), p) for _, attacked in by.values() for p in attacked]
    whole = [
        (w / (2 if some and attacked else 1), p) for some, attacked in by.values() for w, p in _sides(some, attacked)
    ]
    if not under:
        name = "safety, asked plainly (nothing was attacked)"
    else:
        name = "global safety (plain and under attack)" if plain else "adversarial safety (nothing was asked plainly)"
    yield _Sum("safety", name, whole, lead=True, single=True)
    if under:
        if plain:
            yield _Sum("safety", "asked plainly", plain)
        yield _Sum("safety", "under attack", under)
        yield _Sum(SUCCESS, "attack success rate", [(w, _rest(p)) for w, p in under], lead=True, single=True)


def _sides(plain: Sequence[_Piece], attacked: Sequence[_Piece]) -> list[tuple[float, _Piece]]:
    return [*((1.0, p) for p in plain), *((1 / len(attacked), p) for p in attacked)]


def _rest(piece: _Piece) -> _Piece:
    parts = (part._replace(before=1 - part.before, after=1 - part.after) for part in piece.parts)
    return piece._replace(parts=tuple(parts), better="lower")


def _losses(role: str, pieces: Sequence[_Piece]) -> Iterator[_Sum]:
    """Each one, and the mean of all where there are several."""
    if len(pieces) > 1:
        yield _Sum(role, f"{_EACH[role]}, mean of {len(pieces)}", [(1.0, p) for p in pieces], lead=True)
    for piece in pieces:
        yield _Sum(
            role,
            f"{_EACH[role]} of {piece.name}" if piece.benchmark else piece.name,
            [(1.0, piece)],
            lead=len(pieces) == 1,
            single=True,
        )


def _consistency(pieces: Sequence[_Piece]) -> Iterator[_Sum]:
    for metric in ("cs", "css"):
        mine = [(1.0, p) for p in pieces if p.own == metric]
        if mine:
            yield _Sum("consistency", metric.upper(), mine, lead=True, single=True)


def _axis(one: _Sum, p: bool) -> Axis:
    total = sum(w for w, _ in one.weighted)
    pieces = [piece for _, piece in one.weighted]
    without = [p.name for p in pieces if any(part.before.shape[1] == 0 for part in p.parts)]
    judges = tuple(tuple(sorted({judge for p in pieces for judge in p.judges[i]})) for i in (0, 1))
    blank = Axis(
        role=one.role,
        name=one.name,
        lead=one.lead,
        single=one.single,
        of=tuple(p.name for p in pieces),
        better=pieces[0].better,
        unit=pieces[0].unit,
        n=sum(p.n for p in pieces),
        n_missing=sum(p.n_missing for p in pieces),
        n_unpaired=sum(p.n_unpaired for p in pieces),
        withheld=min(p.judged for p in pieces) < MIN_JUDGED,
        judges=(judges[0], judges[1]),
        method=f"none: no value for {', '.join(without)}",
    )
    if without:
        return blank
    parts = [part._replace(weight=part.weight * w / total) for w, p in one.weighted for part in p.parts]
    return _filled(blank, Change(parts, bounded=one.role != "length"), p)


def _filled(blank: Axis, change: Change, p: bool) -> Axis:
    before, after = change.side(0), change.side(1)
    low, high = change.limits()
    bound = change.limits(2 * LEVEL - 1)
    return msgspec.structs.replace(
        blank,
        before=before[0],
        before_low=before[1],
        before_high=before[2],
        after=after[0],
        after_low=after[1],
        after_high=after[2],
        difference=change.value,
        low=low,
        high=high,
        worst={"higher": bound[0], "lower": bound[1]}.get(blank.better or ""),
        method=change.method,
        p=change.p if p else None,
    )
