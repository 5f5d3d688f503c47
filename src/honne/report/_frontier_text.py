"""The trade-off in words and cells, the same for the terminal, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from honne.report._text import NO_VALUE, WITHHELD, count, oneline

if TYPE_CHECKING:
    from honne.engine.tradeoff import Frontier, Tradeoff
    from honne.metrics._tradeoff import Axis

__all__ = ["base_axis", "change", "columns", "methods", "notes", "number", "range_of", "row_name", "standing", "title"]

_COLUMNS = ("safety", "attack-success", "over-refusal", "capability", "CS", "CSS", "well-formedness", "length")
_HEADS = {"attack-success": "attack success", "well-formedness": "malformed"}


def number(x: float | None, axis: Axis, *, signed: bool = False) -> str:
    """A value of the axis, or a difference (`signed`): shares in percent, lengths as they are."""
    if x is None:
        return NO_VALUE
    shown = x if axis.role == "length" else 100 * x
    text = f"{shown:{'+' if signed else ''}.1f}"
    return text.replace("-", "−").replace("−0.0", "0.0").replace("+0.0", "0.0")


def range_of(low: float | None, high: float | None, axis: Axis, *, signed: bool = False) -> str:
    if low is None or high is None:
        return NO_VALUE
    return f"{number(low, axis, signed=signed)}{' to ' if signed else '–'}{number(high, axis, signed=signed)}"


def change(axis: Axis | None) -> str:
    """`97.9 (+40.8)`."""
    if axis is None:
        return NO_VALUE
    if axis.withheld:
        return WITHHELD
    if axis.difference is None:
        return NO_VALUE
    return f"{number(axis.after, axis)} ({number(axis.difference, axis, signed=True)})"


def columns(found: Frontier) -> list[tuple[str, list[Axis | None]]]:
    """The leading axes that some point has: a head, and every point's axis."""
    out = []
    for column in _COLUMNS:
        cells = [_lead(point, column) for point in found.points]
        if any(cells):
            unit = next(axis.name.split()[0] for axis in cells if axis) if column == "length" else ""
            out.append((unit or _HEADS.get(column, column), cells))
    return out


def _lead(point: Tradeoff, column: str) -> Axis | None:
    if column in ("CS", "CSS"):
        return next((axis for axis in point.axes if axis.name == column), None)
    return point.lead(column)


def base_axis(cells: Sequence[Axis | None]) -> Axis | None:
    """Where the base's own value is read: what was paired may differ between points, so from the largest."""
    known = [axis for axis in cells if axis is not None and axis.before is not None]
    return max(known, key=lambda axis: axis.n - axis.n_missing, default=None)


def title(found: Frontier) -> str:
    """What the page is about."""
    names = [oneline(point.name, 40) for point in found.points]
    return f"{names[0] if len(names) == 1 else f'{len(names)} points'} against {oneline(found.base, 40)}"


def row_name(axis: Axis) -> str:
    """The name of an axis in a table where the leading one of its role stands above it."""
    name = oneline(axis.name)
    return name if axis.lead or axis.role == "length" else f"  {name.partition(' of ')[2] or name}"


def standing(found: Frontier) -> list[str]:
    """How the points stand to each other: who is beaten, and who cannot be told apart."""
    names = {-1: oneline(found.base, 40), **{i: oneline(p.name, 40) for i, p in enumerate(found.points)}}
    out = []
    for i, beaten in enumerate(found.beaten):
        if beaten:
            by = ", ".join(names[j] for j in beaten)
            out.append(f"{names[i]} is beaten by {by}: separated on one axis or more and behind on none")
    ties = [
        (i, j)
        for i, j in combinations(range(len(found.points)), 2)
        if not found.separated(i, j) and any({p.a, p.b} == {i, j} for p in found.pairings)
    ]
    out += [f"{names[i]} and {names[j]} cannot be separated on any axis" for i, j in ties]
    return out


def notes(found: Frontier) -> list[str]:
    """What a reader must know beside the numbers."""
    out = list(found.notes)
    for point in found.points:
        name = oneline(point.name, 40)
        for axis in point.axes:
            if axis.lead and axis.judges[0] != axis.judges[1]:
                one, two = (" and ".join(map(oneline, side)) for side in axis.judges)
                out.append(f"{name}: {axis.name} was judged by {one} before and by {two} after")
        unpaired = max((axis.n_unpaired for axis in point.axes), default=0)
        if unpaired:
            out.append(f"{name}: up to {count(unpaired)} units of an axis were not asked alike in all runs")
        if point.seeds == 2:
            out.append(f"{name}: two seeds show little of the spread between seeds, so its intervals are wide")
    lacking: dict[str, list[str]] = {}
    for point in found.points:
        for note in point.notes:
            lacking.setdefault(note, []).append(oneline(point.name, 40))
    for note, names in lacking.items():
        out.append(
            f"not compared, {', '.join(names) if len(names) < len(found.points) else 'all points'}: {oneline(note)}"
        )
    if len(found.points) > 1:
        out.append(
            f"every verdict is on its own: the best of {len(found.points)} points is chosen by the same numbers that "
            "prove it; measure it once more on items that were not looked at"
        )
    return out


def methods(found: Frontier) -> str:
    """One sentence on the intervals."""
    of = [axis.method.partition(";")[0] for point in found.points for axis in point.axes if axis.difference is not None]
    kinds = ", ".join(dict.fromkeys(method.removesuffix(", clustered") for method in of))
    if any(method.endswith("clustered") for method in of):
        kinds += ", clustered where units belong together"
    seeds = {point.seeds for point in found.points}
    spread = "One run a point: the spread between seeds is in no interval. " if seeds == {1} else ""
    if 1 in seeds and len(seeds) > 1:
        spread = "Points of one run have no spread between seeds in their intervals. "
    if max(seeds) > 1:
        kinds += "; student over the seeds of a point"
    return (
        "Differences are paired, after − before, with two-sided 95% intervals; “at worst” is the one-sided 95% bound. "
        f"{spread}Methods: {kinds}. Points against each other: p by Holm over all pairs and axes."
    )
