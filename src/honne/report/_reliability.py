"""The reliability plot: stated confidence across, the share that was right upward, one mark a bin of confidence.

Made of the estimates `reliability` and `reliability_confidence` of the metric `calibration`, as inline SVG with classes
only, like the other plots of the page. Below the diagonal a model is surer than it is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from honne.records import Estimate
from honne.report._svg import said
from honne.report._text import clean

__all__ = ["reliability"]

_SIDE, _PAD = 260.0, 48.0
_END = _PAD + _SIDE


def reliability(estimates: Iterable[Estimate], series: int = 0) -> Markup | None:
    """The plot of one run, benchmark and judge, whose estimates these are (others among them are passed over).

    A mark's area grows with the answers in its bin, its whisker is the interval of the share that was right. None where
    no bin has both numbers.
    """
    listed = list(estimates)
    confidence = {e.slice: e for e in listed if e.metric == "reliability_confidence"}
    right = sorted((e for e in listed if e.metric == "reliability"), key=lambda e: e.slice)
    bins = [(e, confidence[e.slice]) for e in right if e.slice in confidence]
    bins = [(r, c) for r, c in bins if r.value is not None and c.value is not None]
    if not bins:
        return None
    most = max(r.n for r, _ in bins)
    marks = [_mark(r, c, most) for r, c in bins]
    spoken = "; ".join(_words(r, c) for r, c in bins)
    label = escape(clean(f"Stated confidence against the share that was right. {spoken}"))
    size = f'viewBox="0 0 {_END + 14:g} {_END + 36:g}"'
    inside = "".join((*_frame(), f'<g class="s{series % 8}">', *marks, "</g>"))
    return Markup(f'<svg class="scatter reliability" {size} role="img" aria-label="{label}">{inside}</svg>')


def _words(right: Estimate, confidence: Estimate) -> str:
    return f"stated {confidence.value:.0%} (bin {right.slice}): right {said(right)}"


def _mark(right: Estimate, confidence: Estimate, most: int) -> str:
    x, y = _x(confidence.value or 0.0), _y(right.value or 0.0)
    radius = round(3 + 5 * (right.n / most) ** 0.5, 1)
    whisker = ""
    if right.low is not None and right.high is not None:
        whisker = f'<path class="bar" d="M{x} {_y(right.low)}V{_y(right.high)}"/>'
    title = escape(clean(_words(right, confidence)))
    return f'<g class="whole"><title>{title}</title>{whisker}<circle cx="{x}" cy="{y}" r="{radius}"/></g>'


def _frame() -> Sequence[str]:
    middle, below = _x(0.5), _END + 15
    parts = [
        f'<path class="under" d="M{_PAD} {_END}H{_END}V{_PAD}Z"/>',
        f'<rect class="frame" x="{_PAD}" y="{_PAD}" width="{_SIDE}" height="{_SIDE}"/>',
        f'<path class="grid" d="M{middle} {_PAD}V{_END}M{_PAD} {_y(0.5)}H{_END}"/>',
        f'<path class="same" d="M{_PAD} {_END} {_END} {_PAD}"/>',
        f'<text x="{_END - 8}" y="{_END - 10}" text-anchor="end" class="zone">surer than right</text>',
        f'<text x="{_PAD + 8}" y="{_PAD + 18}" class="zone">right more often than sure</text>',
    ]
    for tick in (0, 0.5, 1):
        parts.append(f'<text x="{_x(tick)}" y="{below}" text-anchor="middle">{tick:.0%}</text>')
        parts.append(f'<text x="{_PAD - 7}" y="{_y(tick) + 4}" text-anchor="end">{tick:.0%}</text>')
    parts.append(f'<text x="{middle}" y="{below + 17}" text-anchor="middle" class="name">stated confidence</text>')
    turn = f"translate(11 {_y(0.5)}) rotate(-90)"
    parts.append(f'<text transform="{turn}" text-anchor="middle" class="name">share that was right</text>')
    return parts


def _x(share: float) -> float:
    return round(_PAD + _SIDE * share, 1)


def _y(share: float) -> float:
    return round(_END - _SIDE * share, 1)
