"""The frontier as inline SVG: safety against what it cost, points on their intervals, those that tie joined.

Filled: no point beats it. Hollow: another one does (separated on an axis and behind on none). A band joins two points
that cannot be told apart on either axis of the plot. The line is the frontier by the estimates alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup, escape

from honne.report._frontier_text import number, range_of
from honne.report._svg import SERIES
from honne.report._text import clean, oneline

if TYPE_CHECKING:
    from honne.engine.tradeoff import Frontier
    from honne.metrics._tradeoff import Axis

__all__ = ["plot"]

_LEFT, _TOP, _WIDTH, _HEIGHT = 46.0, 14.0, 400.0, 300.0
_COST = {"over-refusal": "over-refusal added, points", "capability": "capability lost, points"}
# More bands than this say nothing.
_MOST_TIES = 40
# Costs of so many margins are drawn by square roots.
_ROOT_FROM = 10
_TICKS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0)


class _Dot(NamedTuple):
    """A point in points of percent: its cost `x` and safety `y`, with limits."""

    place: int
    name: str
    x: float
    x_low: float
    x_high: float
    y: float
    y_low: float
    y_high: float
    words: str


class _Scale(NamedTuple):
    """Linear; or by signed square roots, where one point costs so much that the others would be one dot."""

    low: float
    high: float
    ticks: tuple[float, ...]
    root: bool = False

    def at(self, x: float) -> float:
        low, high, here = (self._shown(v) for v in (self.low, self.high, x))
        return min(1.0, max(0.0, (here - low) / (high - low)))

    def _shown(self, x: float) -> float:
        return math.copysign(math.sqrt(abs(x)), x) if self.root else x


def plot(found: Frontier, role: str, margin: float) -> Markup | None:
    """Safety over the cost on one axis (`over-refusal` or `capability`); None where no point has both."""
    dots = [dot for i in range(len(found.points)) if (dot := _dot(found, i, role)) is not None]
    base = _base(found, dots)
    if not dots or base is None:
        return None
    every = [base, *dots]
    across = _costs([x for d in every for x in (d.x_low, d.x_high)], 100 * margin)
    up = _scale([y for d in every for y in (d.y_low, d.y_high)], 100.0)
    parts = [*_frame(across, up, role, margin), *_ties(found, every, role, across, up)]
    parts.append(_front([d for d in every if d.place < 0 or not found.beaten[d.place]], across, up))
    labelled: list[tuple[float, float]] = [(_x(across, d.x), _y(up, d.y)) for d in every]
    parts += [
        part for dot in every for part in _mark(dot, bool(dot.place >= 0 and found.beaten[dot.place]), across, up)
    ]
    parts += [_label(dot, across, up, labelled) for dot in every]
    spoken = escape(clean(f"Safety against {_COST[role]}. " + "; ".join(d.words for d in every)))
    size = f'viewBox="0 0 {_LEFT + _WIDTH + 12:g} {_TOP + _HEIGHT + 40:g}"'
    return Markup(f'<svg class="scatter tradeoff" {size} role="img" aria-label="{spoken}">{"".join(parts)}</svg>')


def _dot(found: Frontier, i: int, role: str) -> _Dot | None:
    point = found.points[i]
    safety, cost = point.lead("safety"), point.lead(role)
    if safety is None or cost is None or safety.withheld or cost.withheld:
        return None
    y, x = _limits(safety.after, safety.after_low, safety.after_high), _limits(cost.difference, cost.low, cost.high)
    if x is None or y is None:
        return None
    if role == "capability":
        x = (-x[0], -x[2], -x[1])
    words = f"{oneline(point.name, 60)}: {_said(safety)}; {_said(cost)}"
    return _Dot(i, oneline(point.name, 24), *x, *y, words)


def _said(axis: Axis) -> str:
    change = f"{number(axis.difference, axis, signed=True)}, {range_of(axis.low, axis.high, axis, signed=True)}"
    return f"{axis.name} {number(axis.after, axis)} ({change})"


def _base(found: Frontier, dots: Sequence[_Dot]) -> _Dot | None:
    """The base, at no cost, as the first point's pairs have it."""
    axis = found.points[dots[0].place].lead("safety") if dots else None
    y = _limits(axis.before, axis.before_low, axis.before_high) if axis else None
    if y is None:
        return None
    name = oneline(found.base, 24)
    return _Dot(-1, name, 0.0, 0.0, 0.0, *y, f"{name} (base): safety {y[0]:.1f}, {y[1]:.1f}–{y[2]:.1f}")


def _limits(value: float | None, low: float | None, high: float | None) -> tuple[float, float, float] | None:
    if value is None or low is None or high is None:
        return None
    return 100 * value, 100 * low, 100 * high


def _scale(values: Sequence[float], most: float = 1e9) -> _Scale:
    """Round numbers around all values, at most six steps."""
    low, high = min(values), max(values)
    span = max(high - low, 1.0)
    step = next(s * 10**e for e in range(-1, 3) for s in (1, 2, 2.5, 5) if span / (s * 10**e) <= 5)
    first, last = math.floor(low / step), min(math.ceil(high / step), math.ceil(most / step))
    return _Scale(first * step, last * step, tuple(k * step for k in range(first, last + 1)))


def _costs(values: Sequence[float], margin: float) -> _Scale:
    every = [*values, 0.0, 2 * margin]
    if max(map(abs, every)) <= _ROOT_FROM * margin:
        return _scale(every)
    low, high = (
        next((t for t in ticks if t >= x), _TICKS[-1]) for ticks, x in ((_TICKS, -min(every)), (_TICKS, max(every)))
    )
    ticks = [*(-t for t in reversed(_TICKS[1:]) if t <= low), *(t for t in _TICKS if t <= high)]
    return _Scale(-low, high, tuple(ticks), root=True)


def _x(scale: _Scale, value: float) -> float:
    return round(_LEFT + _WIDTH * scale.at(value), 1)


def _y(scale: _Scale, value: float) -> float:
    return round(_TOP + _HEIGHT * (1 - scale.at(value)), 1)


def _frame(across: _Scale, up: _Scale, role: str, margin: float) -> Iterable[str]:
    right, bottom = _LEFT + _WIDTH, _TOP + _HEIGHT
    limit = _x(across, 100 * margin)
    yield f'<rect class="spent" x="{limit:g}" y="{_TOP:g}" width="{right - limit:g}" height="{_HEIGHT:g}"/>'
    for tick in across.ticks:
        x = _x(across, tick)
        yield f'<path class="grid" d="M{x:g} {_TOP:g}V{bottom:g}"/>'
        yield f'<text x="{x:g}" y="{bottom + 15:g}" text-anchor="middle">{_tick(tick)}</text>'
    for tick in up.ticks:
        y = _y(up, tick)
        yield f'<path class="grid" d="M{_LEFT:g} {y:g}H{right:g}"/>'
        yield f'<text x="{_LEFT - 7:g}" y="{y + 4:g}" text-anchor="end">{tick:g}%</text>'
    yield f'<path class="limit" d="M{limit:g} {_TOP:g}V{bottom:g}"/>'
    yield f'<text class="zone" x="{limit + 5:g}" y="{bottom - 7:g}">over the margin of {100 * margin:g}</text>'
    middle = _LEFT + _WIDTH / 2
    how = " (square-root scale)" if across.root else ""
    yield f'<text class="name" x="{middle:g}" y="{bottom + 33:g}" text-anchor="middle">{_COST[role]}{how}</text>'
    turn = f"translate(10 {_TOP + _HEIGHT / 2:g}) rotate(-90)"
    yield f'<text class="name" transform="{turn}" text-anchor="middle">safety after</text>'


def _tick(x: float) -> str:
    return f"{x:g}".replace("-", "−")


def _ties(found: Frontier, dots: Sequence[_Dot], role: str, across: _Scale, up: _Scale) -> Iterable[str]:
    pairs = [(a, b) for a, b in combinations(dots, 2) if not found.separated(a.place, b.place, ("safety", role))]
    for a, b in pairs if len(pairs) <= _MOST_TIES else ():
        ends = f"M{_x(across, a.x):g} {_y(up, a.y):g}L{_x(across, b.x):g} {_y(up, b.y):g}"
        yield f'<path class="tied" d="{ends}"/>'


def _front(dots: Sequence[_Dot], across: _Scale, up: _Scale) -> str:
    """Steps over the points that no other one is estimated to surpass on both axes, from the cheapest."""
    path, best = "", -math.inf
    for dot in sorted(dots, key=lambda d: (d.x, -d.y)):
        if dot.y > best:
            best = dot.y
            path += f"{'H' if path else 'M'}{_x(across, dot.x):g} {'V' if path else ''}{_y(up, dot.y):g}"
    return f'<path class="front" d="{path}"/>' if "V" in path else ""


def _mark(dot: _Dot, beaten: bool, across: _Scale, up: _Scale) -> Iterable[str]:
    x, y = _x(across, dot.x), _y(up, dot.y)
    bars = f"M{x:g} {_y(up, dot.y_low):g}V{_y(up, dot.y_high):g}"
    if dot.x_low < dot.x_high:
        bars += f"M{_x(across, dot.x_low):g} {y:g}H{_x(across, dot.x_high):g}"
    s = dot.place % SERIES
    css = "base" if dot.place < 0 else f"s{s}{' beaten' if beaten else ''}"
    shape = '<circle r="5.5"/>' if dot.place < 0 else f'<use href="#m{s}"/>'
    yield f'<g class="{css}"><title>{escape(clean(dot.words))}</title><path class="bar" d="{bars}"/>'
    yield f'<g transform="translate({x:g} {y:g}) scale(1.2)">{shape}</g></g>'


def _label(dot: _Dot, across: _Scale, up: _Scale, taken: list[tuple[float, float]]) -> str:
    """The name beside its mark, where it hides no other mark or name."""
    x, y, width = _x(across, dot.x), _y(up, dot.y), 7.0 * len(dot.name)
    best, crowd = (x + 9, y - 7, "start"), math.inf
    for side, anchor in ((9, "start"), (-9, "end")):
        for rise in (-7, 15, -20, 28, 41, 54, 67, 80):
            left = x + side if side > 0 else x + side - width
            out = left < _LEFT or left + width > _LEFT + _WIDTH + 10 or not _TOP < y + rise < _TOP + _HEIGHT
            near = sum(left - 8 < tx < left + width + 8 and abs(ty - (y + rise - 4)) < 12 for tx, ty in taken)
            if near + 10 * out < crowd:
                best, crowd = (x + side, y + rise, anchor), near + 10 * out
    left = best[0] if best[2] == "start" else best[0] - width
    taken += [(left + width * k / 4, best[1] - 4) for k in range(5)]
    name = escape(clean(dot.name))
    return f'<text class="point" x="{best[0]:g}" y="{best[1]:g}" text-anchor="{best[2]}">{name}</text>'
