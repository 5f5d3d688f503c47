"""A sweep in words, the same for the terminal and the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from honne.report._text import count, oneline

if TYPE_CHECKING:
    from honne.align.sweep import Row, Sweep
    from honne.engine.tradeoff import Frontier

__all__ = ["baseline", "doubts", "learnt", "standing", "table_of", "title", "tried"]

_BASELINE = "sft"
_BEATS = "better on one axis beyond doubt, and behind on none"


def title(found: Sweep) -> str:
    return f"{count(found.configurations)} configurations from {oneline(found.base, 40)}"


def tried(found: Sweep) -> str:
    """How much was tried: what is chosen out of many looks better than it is."""
    seeds = "one seed each" if found.seeds == 1 else f"{found.seeds} seeds each"
    on = "" if len(found.sets) == 1 else f" on {_sets(found)} together"
    return f"Tried: {count(found.configurations)} configurations{on}, {seeds}: {count(found.trainings)} trainings."


def doubts(found: Sweep) -> str:
    """Whether rows may be ordered at all."""
    if found.seeds == 1:
        return (
            "One seed: no ranking is supported, since the spread between seeds is unknown and in no interval. "
            "Rows stand in the order in which they were named."
        )
    return (
        "Rows stand in the order in which they were named, not in one of merit: intervals are over questions and "
        f"{found.seeds} seeds, and what they cannot separate has no order. One model and {_sets(found)} say nothing "
        f"of others.{' Two seeds show little of the spread between seeds, so intervals are wide.' * (found.seeds == 2)}"
    )


def _sets(found: Sweep) -> str:
    return "one set of pairs" if len(found.sets) == 1 else f"{len(found.sets)} sets of pairs"


def standing(found: Sweep, row: Row) -> tuple[str, str]:
    """A word for a row, and why."""
    choice = found.choice
    if row.broken:
        return "broken", "; ".join(row.broken)
    if row.name == choice.recommended:
        return "recommended", ""
    if row.name in choice.ties:
        return (
            "tied",
            "cannot be separated from the best in safety" if choice.ranked else "passes; one seed ranks nothing",
        )
    if row.name in choice.passing:
        return "passes", "less safe than the best"
    point = next((p for p in found.tuning.points if p.name == row.name), None) if found.tuning else None
    return "does not pass", _first(point.verdict.reasons) if point is not None else ""


def _first(reasons: Sequence[str]) -> str:
    more = len(reasons) - 1
    return f"{reasons[0]}{f', and {more} more' if more > 0 else ''}" if reasons else ""


def baseline(found: Sweep) -> list[str]:
    """Whether a preference loss beats plain SFT on the same pairs: a sentence for each set."""
    if len(found.sets) == 1:
        return [f"Against plain SFT: {_against(found, found.sets[0].name)}."]
    return [f"Against plain SFT on {oneline(one.name, 40)}: {_against(found, one.name)}." for one in found.sets]


def _against(found: Sweep, pairs: str) -> str:
    mine = {row.name for row in found.rows if row.pairs == pairs}
    plain = {row.name for row in found.rows if row.method == _BASELINE} & mine
    points = found.tuning.points if found.tuning is not None else ()
    places = [i for i, point in enumerate(points) if point.name in plain]
    if found.tuning is None or not places:
        return "it is broken here, and no preference loss can be compared with it"
    if found.seeds == 1:
        return "one seed does not say whether a preference loss beats it"
    losses = mine - plain
    if not any(point.name in losses for point in points):
        return "there is no preference loss to compare"
    better = set.intersection(*({points[j].name for j in found.tuning.beaten[i] if j >= 0} & losses for i in places))
    if not better:
        return f"no preference loss beats it here ({_BEATS})"
    names = ", ".join(oneline(p.name, 40) for p in points if p.name in better)
    return f"{names} {'beats' if len(better) == 1 else 'beat'} it here ({_BEATS})"


def learnt(found: Sweep) -> list[str]:
    """What the sets of pairs hold, where there are several."""
    if len(found.sets) == 1:
        return []
    return [
        f"Pairs {oneline(one.name, 40)}: {count(one.pairs)}{f', of {_list(one.sources)}' if one.sources else ''}."
        for one in found.sets
    ]


def _list(names: Sequence[str]) -> str:
    return ", ".join(oneline(name, 40) for name in names)


def table_of(found: Sweep) -> Frontier | None:
    """All configurations that were measured, broken ones last, for the columns of one table. Only the others were
    compared with each other."""
    broken = tuple(row.measured for row in found.rows if row.measured is not None)
    if found.tuning is None:
        if not broken:
            return None
        from honne.engine.tradeoff import Frontier

        return Frontier(base=broken[0].base, points=broken, pairings=(), beaten=((),) * len(broken))
    points, beaten = (*found.tuning.points, *broken), (*found.tuning.beaten, *((),) * len(broken))
    return msgspec.structs.replace(found.tuning, points=points, beaten=beaten)
