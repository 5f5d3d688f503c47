"""The radar of a value profile, as inline SVG: a spoke a value, a mark on its interval for every run.

A value that was not measured keeps its spoke, dashed and empty: no line runs over it. Names stand in all languages, one
of which the page shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from honne.report._profile import Value
from honne.report._svg import SERIES
from honne.report._text import clean, interval, oneline, value
from honne.values import LANGS, Text

__all__ = ["MOST_RUNS", "radar", "spokes"]

MOST_RUNS, _FEWEST, _MOST = 6, 3, 14
_X, _Y, _R = 190.0, 142.0, 108.0
_WRAP = {"en": 13, "zh": 7, "ja": 7}


def spokes(values: Sequence[Sequence[Value]]) -> list[int]:
    """Which nodes become spokes: those of the shallowest level of which at least three are measured; else none.

    `values` are the runs' profiles in one frame.
    """
    if not values:
        return []
    for depth in sorted({v.node.depth for v in values[0]}):
        places = [i for i, v in enumerate(values[0]) if v.node.depth == depth]
        measured = [i for i in places if any(run[i].estimate and _shown(run[i]) for run in values)]
        if len(measured) >= _FEWEST:
            return places if len(places) <= _MOST else measured[:_MOST]
    return []


def _shown(v: Value) -> bool:
    return v.estimate is not None and v.estimate.value is not None and not v.estimate.withheld


def radar(runs: Sequence[tuple[int, str, Sequence[Value]]], places: Sequence[int]) -> Markup:
    """`runs` are (series, name, profile); `places` the nodes of `spokes`. At most `MOST_RUNS` are drawn."""
    drawn = runs[:MOST_RUNS]
    turn = 2 * math.pi / len(places)
    angles = [k * turn - math.pi / 2 for k in range(len(places))]
    parts = [*_net(angles, [any(_shown(run[i]) for _, _, run in drawn) for i in places])]
    for place, angle in zip(places, angles, strict=True):
        parts += _label(drawn[0][2][place].node.name, angle)
    for row, (series, name, values) in enumerate(drawn):
        mine = [values[i] for i in places]
        parts += _one(series, name, mine, angles, row - (len(drawn) - 1) / 2, len(drawn) == 1)
    parts += _ticks(angles)
    height = round(_Y + (_R + 11) * max(math.sin(a) for a in angles) + 34)
    spoken = "; ".join(f"{name}: {', '.join(_spoken(run[i]) for i in places)}" for _, name, run in drawn)
    label = escape(clean(f"Value profile. {spoken}"))
    return Markup(
        f'<svg class="radar" viewBox="0 0 {2 * _X:g} {height:g}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


def _spoken(v: Value) -> str:
    said = f"{value(v.estimate)} ({interval(v.estimate)})" if v.estimate else "not measured"
    return f"{oneline(v.node.name.en, 60)} {said}"


def _at(angle: float, share: float, aside: float = 0.0) -> str:
    x = _X + _R * share * math.cos(angle) - aside * math.sin(angle)
    y = _Y + _R * share * math.sin(angle) + aside * math.cos(angle)
    return f"{x:.1f} {y:.1f}"


def _net(angles: Sequence[float], measured: Sequence[bool]) -> Iterable[str]:
    for share in (0.25, 0.5, 0.75, 1.0):
        ring = "L".join(_at(a, share) for a in angles)
        yield f'<path class="grid" d="M{ring}Z"/>'
    for angle, there in zip(angles, measured, strict=True):
        yield f'<path class="{"grid" if there else "spoke-none"}" d="M{_X:g} {_Y:g}L{_at(angle, 1.0)}"/>'


def _ticks(angles: Sequence[float]) -> Iterable[str]:
    between = (angles[0] + angles[1]) / 2
    inner = math.cos(angles[0] - between)
    for share in (0.5, 1.0):
        x, y = _at(between, share * inner).split()
        yield f'<text class="tick" text-anchor="middle" x="{x}" y="{float(y) + 3:.1f}">{share:.0%}</text>'


def _label(name: Text, angle: float) -> Iterable[str]:
    across, up = math.cos(angle), math.sin(angle)
    anchor = "middle" if abs(across) < 0.35 else "start" if across > 0 else "end"
    x, y = _X + (_R + 11) * across, _Y + (_R + 11) * up
    for place, lang in enumerate(LANGS):
        lines = _wrapped(oneline(name.of(lang), 60), _WRAP[lang] if name.of(lang) != name.en else _WRAP["en"])
        top = y + 4 - 12 * (len(lines) - 1) * (1 - up) / 2
        spans = "".join(
            f'<tspan x="{x:.1f}" y="{top + 12 * k:.1f}">{escape(line)}</tspan>' for k, line in enumerate(lines)
        )
        yield f'<text class="name l{place}" lang="{lang}" text-anchor="{anchor}">{spans}</text>'


def _wrapped(text: str, width: int) -> list[str]:
    """At most four lines of about `width` characters; text without spaces is cut anywhere."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
            continue
        pieces = [word[k : k + width] for k in range(0, len(word), width)]
        # A tail of one or two characters looks like an accident.
        if len(pieces) > 1 and len(pieces[-1]) <= 2:
            pieces[-2:] = [pieces[-2] + pieces[-1]]
        lines += pieces
    return lines if len(lines) <= 4 else [*lines[:3], lines[3] + "…"]


def _one(
    series: int, name: str, values: Sequence[Value], angles: Sequence[float], row: float, alone: bool
) -> Iterable[str]:
    """A run: its outline (open where something is not measured), then a mark and a whisker on every spoke."""
    s = series % SERIES
    points = [v.estimate if _shown(v) else None for v in values]
    aside = 7.0 * row
    if alone and all(e is not None and e.low is not None and e.high is not None for e in points):
        ends = [
            "L".join(_at(a, end) for a, end in zip(angles, found, strict=True))
            for found in ([e.high or 0.0 for e in points if e], [e.low or 0.0 for e in points if e])
        ]
        yield f'<path class="band s{s}" fill-rule="evenodd" d="M{ends[0]}ZM{ends[1]}Z"/>'
    outline = []
    for k, e in enumerate(points):
        following = points[(k + 1) % len(points)]
        if e is not None and following is not None:
            far = (k + 1) % len(points)
            outline.append(f"M{_at(angles[k], e.value or 0.0)}L{_at(angles[far], following.value or 0.0)}")
    yield f'<path class="outline s{s}" d="{"".join(outline)}"/>' if outline else ""
    for v, e, angle in zip(values, points, angles, strict=True):
        if e is None:
            continue
        words = escape(clean(f"{name}, {_spoken(v)}"))
        whisk = ""
        if e.low is not None and e.high is not None:
            whisk = f'<path class="bar" d="M{_at(angle, e.low, aside)}L{_at(angle, e.high, aside)}"/>'
        mark = f'<use href="#m{s}" transform="translate({_at(angle, e.value or 0.0, aside)}) scale(.85)"/>'
        yield f'<g class="s{s}"><title>{words}</title>{whisk}{mark}</g>'
