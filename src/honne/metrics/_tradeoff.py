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

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from honne.metrics._estimate import MIN_JUDGED
from honne.metrics._pieces import Measures, Piece, matched
from honne.stats.change import Change
from honne.stats.intervals import LEVEL

__all__ = ["Axis", "axes"]

SUCCESS = "attack-success"
_ROLES = ("safety", SUCCESS, "over-refusal", "capability", "consistency", "well-formedness", "length")
_EACH = {"over-refusal": "over-refusal", "capability": "capability", "well-formedness": "malformed replies"}


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
    found = matched(before, after, set(unpairable), roles)
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


# ---------------------------------------------------------------------- axes


class _Sum(NamedTuple):
    """An axis before it is worked out: a weighted mean of pieces."""

    role: str
    name: str
    weighted: Sequence[tuple[float, Piece]]
    lead: bool = False
    single: bool = False


def _safety(pieces: Sequence[Piece]) -> Iterator[_Sum]:
    """Global safety (the mean over benchmarks), its plain and adversarial sides, and attack success."""
    by: dict[str, tuple[list[Piece], list[Piece]]] = {}
    for piece in pieces:
        by.setdefault(piece.benchmark, ([], []))[piece.attack is not None].append(piece)
    plain = [(1.0, p) for some, _ in by.values() for p in some]
    under = [(1 / len(attacked), p) for _, attacked in by.values() for p in attacked]
    whole = [
        (w / (2 if some and attacked else 1), p) for some, attacked in by.values() for w, p in _sides(some, attacked)
    ]
    if not under:
        name = "safety (nothing was attacked)"
    else:
        name = "global safety (plain and under attack)" if plain else "adversarial safety (nothing was asked plainly)"
    yield _Sum("safety", name, whole, lead=True, single=True)
    if under:
        if plain:
            yield _Sum("safety", "asked plainly", plain)
        yield _Sum("safety", "under attack", under)
        yield _Sum(SUCCESS, "attack success rate", [(w, _rest(p)) for w, p in under], lead=True, single=True)


def _sides(plain: Sequence[Piece], attacked: Sequence[Piece]) -> list[tuple[float, Piece]]:
    return [*((1.0, p) for p in plain), *((1 / len(attacked), p) for p in attacked)]


def _rest(piece: Piece) -> Piece:
    parts = (part._replace(before=1 - part.before, after=1 - part.after) for part in piece.parts)
    return piece._replace(parts=tuple(parts), better="lower")


def _losses(role: str, pieces: Sequence[Piece]) -> Iterator[_Sum]:
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


def _consistency(pieces: Sequence[Piece]) -> Iterator[_Sum]:
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
