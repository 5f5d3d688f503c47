"""Small drawings for the pages, as SVG whose every number is an attribute: no style that the policy would refuse."""

from __future__ import annotations

import math

from markupsafe import Markup

from honne.stats.agreement import Agreement

__all__ = ["floor_of", "ruler", "whisker"]

_WIDE, _EDGE = 260, 8
_END = '<line class="bar" x1="{x}" x2="{x}" y1="5" y2="11"/>'


def floor_of(found: list[Agreement]) -> float:
    """Where the axis of coefficients begins: at 0, or as far below as one of them lies, in steps of 0.2."""
    values = [a.value for a in found if a.value is not None]
    return max(-1.0, min(0.0, math.floor(min(values, default=0.0) * 5) / 5))


def _x(value: float, floor: float) -> float:
    return round(_EDGE + (_WIDE - 2 * _EDGE) * (min(1.0, max(floor, value)) - floor) / (1 - floor), 1)


def whisker(found: Agreement, floor: float) -> Markup:
    """A coefficient and its interval on the axis from `floor` to 1; an interval that goes on below has no end there."""
    if found.value is None or found.low is None or found.high is None:
        return Markup("")
    low, at, high = (_x(v, floor) for v in (found.low, found.value, found.high))
    end = Markup("") if found.low < floor else Markup(_END).format(x=low)
    return Markup(
        '<svg class="whisker" viewBox="0 0 {w} 16" width="{w}" height="16" aria-hidden="true">'
        '<line class="zero" x1="{z}" x2="{z}" y1="0" y2="16"/><line class="grid" x1="{o}" x2="{o}" y1="0" y2="16"/>'
        '<line class="bar" x1="{low}" x2="{high}" y1="8" y2="8"/>'
        '{end}{other}<circle cx="{at}" cy="8" r="4"/></svg>'
    ).format(
        w=_WIDE, z=_x(0, floor), o=_x(1, floor), low=low, high=high, at=at, end=end, other=Markup(_END).format(x=high)
    )


def ruler(floor: float) -> Markup:
    """The numbers of the axis."""
    marks = [floor, 0.0, 0.5, 1.0] if floor < -0.15 else [0.0, 0.25, 0.5, 0.75, 1.0]
    ticks = Markup("").join(
        Markup('<text x="{}" y="11" text-anchor="middle">{}</text>').format(_x(m, floor), f"{m:g}".replace("-", "−"))
        for m in marks
    )
    svg = '<svg class="whisker" viewBox="0 0 {w} 14" width="{w}" height="14" aria-hidden="true">{ticks}</svg>'
    return Markup(svg).format(w=_WIDE, ticks=ticks)
