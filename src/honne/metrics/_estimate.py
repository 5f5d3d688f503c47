"""From a measure to estimates: the one place where intervals, slices, macro means and bounds are made."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from honne.plugins import Measure, Row, Unit, is_choice, unit_id
from honne.records import BUCKETS, Estimate, category_parts
from honne.stats.intervals import LEVEL, Interval, macro, rate

__all__ = ["MIN_JUDGED", "Frame", "estimates", "frame"]

# A headline is withheld when fewer of its units than this have a value.
MIN_JUDGED = 0.90

_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Frame:
    """A measure's units in the order of their ids, as arrays: the order in which they arrived changes nothing.

    `values` are rescaled to 0..1 by the measure's floor and ceiling (nan: missing), `clusters` number the groups,
    `slices` map a slice's name to its units (not "all"), in the order of the names. `parts` map the parts of a macro
    mean to their units, `apart` are the units of none of them (a blank category is no part).
    """

    units: Sequence[Unit]
    values: NDArray[np.float64]
    clusters: NDArray[np.int64]
    slices: Mapping[str, _Mask]
    parts: Mapping[str, _Mask]
    apart: _Mask


def frame(measure: Measure) -> Frame:
    """Raises ValueError for a value outside the measure's floor and ceiling or for a unit that occurs twice."""
    units = sorted(measure.units, key=lambda u: u.id)
    if any(a.id == b.id for a, b in pairwise(units)):
        raise ValueError(f"{measure.metric}: a unit occurs twice")
    span = measure.ceiling - measure.floor
    given = [u.value for u in units if u.value is not None]
    if any(not measure.floor - 1e-9 <= v <= measure.ceiling + 1e-9 for v in given):
        raise ValueError(f"{measure.metric}: a value lies outside {measure.floor:g} to {measure.ceiling:g}")
    raw = np.array([np.nan if u.value is None else u.value for u in units], dtype=np.float64)
    values = np.clip((raw - measure.floor) / span, 0.0, 1.0)
    codes: dict[str, int] = {}
    clusters = np.array([codes.setdefault(u.group, len(codes)) for u in units], dtype=np.int64)
    paths: dict[str, int] = {}
    path = np.array([paths.setdefault(u.category, len(paths)) for u in units], dtype=np.int64)
    members: dict[str, list[int]] = {}
    tops: dict[str, list[int]] = {part: [] for part in measure.parts}
    for category, code in paths.items():
        parts = category.split("/") if category else []
        if parts and (parts[0] in tops or not measure.parts):
            tops.setdefault(parts[0], []).append(code)
        for depth in measure.depths:
            if 0 < depth <= len(parts):
                members.setdefault("/".join(parts[:depth]), []).append(code)
    apart = ~np.isin(path, [code for codes in tops.values() for code in codes])
    return Frame(units, values, clusters, _masks(members, path), _masks(tops, path), apart)


def _masks(members: Mapping[str, Sequence[int]], path: NDArray[np.int64]) -> dict[str, _Mask]:
    return {name: np.isin(path, codes) for name, codes in sorted(members.items())}


class _Slice(NamedTuple):
    name: str
    mask: _Mask


def _slices(measure: Measure, found: Frame) -> Iterator[_Slice]:
    """ "all" and each category; one that holds every unit says nothing new beside "all", unless that is a mean over
    more categories than this one."""
    whole = np.ones(len(found.units), dtype=np.bool_)
    if measure.overall != "none":
        yield _Slice("all", whole)
    for name, mask in found.slices.items():
        if measure.overall == "none" or (measure.overall == "macro" and len(found.parts) > 1) or not mask.all():
            yield _Slice(name, mask)


def _interval(found: Frame, mask: _Mask, level: float) -> Interval:
    there = mask & ~np.isnan(found.values)
    return rate(found.values[there], found.clusters[there], level)


def _macro(found: Frame, level: float) -> Interval:
    parts = [_interval(found, mask, level) for mask in found.parts.values()]
    without = [
        "/".join(category_parts(name)) for name, part in zip(found.parts, parts, strict=True) if part.value is None
    ]
    if without or not parts:
        why = f"no value for {', '.join(without)}" if parts else "no categories"
        return Interval(None, None, None, level, f"none: {why}", 0.0)
    inside = [set(found.clusters[mask].tolist()) for mask in found.parts.values()]
    apart = sum(map(len, inside)) == len(set().union(*inside))
    return macro(parts, independent=apart)


def _mean(values: NDArray[np.float64], masks: Iterable[_Mask], fill: float) -> float:
    """The mean over `masks` of their means, every missing unit counted as `fill` (on the 0..1 scale)."""
    filled = np.where(np.isnan(values), fill, values)
    means = [float(filled[mask].mean()) if mask.any() else fill for mask in masks]
    return sum(means) / len(means) if means else fill


def estimates(
    measure: Measure,
    *,
    run: str,
    model: str,
    judge: str | None,
    benchmark: str,
    attack: str | None,
    level: float = LEVEL,
    rows: Sequence[Row] = (),
) -> list[Estimate]:
    """A measure's estimates: slice "all", then one per category path of the measure's depths, sorted by name.

    Clusters are the units' groups. `worst` and `best` are the value if all missing units had the worst or best one (the
    lower and the higher where neither end is better). A macro mean with a part that has no value, or no unit, is
    missing (`value` null, and `method` says why), never the mean of the others; a unit of no part is missing from it,
    and as it may belong to any part, the bounds count it in each. A headline with less than 90 % of its units judged,
    in any part of a macro mean, is `withheld`. With `rows`, `buckets` counts the judgments of each slice by status.
    """
    found = frame(measure)
    counted = _Buckets(measure, found, rows)
    floor, span = measure.floor, measure.ceiling - measure.floor
    if measure.judge is not None:
        judge = measure.judge or None
    out = []
    for name, mask in _slices(measure, found):
        whole = name == "all"
        is_macro = whole and measure.overall == "macro"
        interval = _macro(found, level) if is_macro else _interval(found, mask, level)
        values = np.where(found.apart, np.nan, found.values) if is_macro else found.values
        masks = [part | found.apart for part in found.parts.values()] if is_macro else [mask]
        n, missing = int(mask.sum()), int(np.isnan(values[mask]).sum())
        judged = min((1 - float(np.isnan(values[m]).mean()) for m in (mask, *masks) if m.any()), default=None)
        value = _scaled(interval.value, floor, span)
        ends: list[float | None] = [value, value]
        if missing or (value is None and n):
            ends = [floor + span * _mean(values, masks, fill) for fill in (0.0, 1.0)]
        worst, best = reversed(ends) if measure.better == "lower" else ends
        out.append(
            Estimate(
                run=run,
                model=model,
                judge=judge,
                benchmark=benchmark,
                attack=attack,
                form=measure.form,
                metric=measure.metric,
                slice=name,
                value=value,
                low=_scaled(interval.low, floor, span),
                high=_scaled(interval.high, floor, span),
                level=level if interval.value is not None else None,
                method=interval.method,
                n=n,
                n_missing=missing,
                unit=measure.unit,
                worst=worst,
                best=best,
                withheld=whole and measure.headline and judged is not None and judged < MIN_JUDGED,
                headline=measure.headline,
                better=measure.better,
                reference=measure.reference,
                buckets=counted.of(mask),
                judged=judged,
                rule=measure.rule,
            )
        )
    return out


def _scaled(x: float | None, floor: float, span: float) -> float | None:
    return None if x is None else floor + span * x


class _Buckets:
    """How many judgments behind the units of a slice have each status."""

    def __init__(self, measure: Measure, found: Frame, rows: Sequence[Row]) -> None:
        # Rows carry the view's judge, or their form's own: nothing can be said of one that is compared with them.
        self._known = bool(rows) and measure.judge != "" and (measure.judge is None or measure.reference is None)
        self._unit: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._status = self._unit
        if not self._known:
            return
        place = {unit.id: i for i, unit in enumerate(found.units)}
        code = {status: i for i, status in enumerate(BUCKETS)}
        pairs = []
        for row in rows:
            if not _of_form(measure.form, row.item.form):
                continue
            name = row.item.group if measure.per == "group" else row.item.id
            i = place.get(unit_id(name, row.sample))
            if i is not None:
                pairs.append((i, code[row.judgment.status if row.judgment is not None else "not_judged"]))
        table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        self._unit, self._status = table[:, 0], table[:, 1]

    def of(self, mask: _Mask) -> str | None:
        """The counts as JSON text, every status named; None where the rows were not given."""
        if not self._known:
            return None
        counts = Counter(self._status[mask[self._unit]].tolist())
        return json.dumps({status: counts[i] for i, status in enumerate(BUCKETS)})


def _of_form(wanted: str | None, form: str) -> bool:
    return wanted is None or form == wanted or (is_choice(wanted) and is_choice(form))
