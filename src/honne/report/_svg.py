"""The plots, as inline SVG made here: no library, no network, no inline style (the page forbids it).

Horizontal positions are percentages, so a plot is as wide as its cell on any screen without being distorted. Colours are
classes (light, dark and print differ), and never alone: every series has a shape, every status a pattern.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup, escape

from honne.records import Estimate
from honne.report._blocks import Face
from honne.report._text import Axis, bounds, category, count, interval, level, value
from honne.report._words import STATUS

__all__ = ["SERIES", "defs", "glyph", "ruler", "scatter", "stack", "whiskers"]

SERIES = 8
_STEP = 14
_SHAPES = (
    '<circle r="4.6"/>',
    '<rect x="-4" y="-4" width="8" height="8"/>',
    '<path d="M0-5.4 5 4H-5Z"/>',
    '<path d="M0-5.8 5.2 0 0 5.8-5.2 0Z"/>',
    '<path d="M0 5.4 5-4H-5Z"/>',
    '<path d="M-1.7-5h3.4v3.3H5v3.4H1.7V5h-3.4V1.7H-5v-3.4h3.3Z"/>',
    '<path d="M-5-1 0-5.4 5-1 3.2 5H-3.2Z"/>',
    '<path d="M-4.6-2.7 0-5.4 4.6-2.7V2.7L0 5.4-4.6 2.7Z"/>',
)
# A status keeps its pattern everywhere: plain for what counts, hatched for what does not.
_PATTERNS = {
    "lean": '<path d="M-1 5 5-1M-1 9 9-1M3 9 9 3" class="ink"/>',
    "back": '<path d="M-1 3 5 9M-1-1 9 9M3-1 9 5" class="ink"/>',
    "dots": '<circle cx="2" cy="2" r="1.1" class="dot"/><circle cx="6" cy="6" r="1.1" class="dot"/>',
    "rows": '<path d="M0 2H8M0 6H8" class="ink"/>',
    "bars": '<path d="M2 0V8M6 0V8" class="ink"/>',
}
_STATUS_PATTERN = {
    "truncated": "rows",
    "refused_by_provider": "dots",
    "judge_refused": "dots",
    "filtered": "bars",
    "error": "lean",
    "unparsed": "back",
    "skipped": "rows",
}


def defs() -> Markup:
    """Shapes and patterns, once a page."""
    marks = "".join(f'<g id="m{i}">{shape}</g>' for i, shape in enumerate(_SHAPES))
    patterns = "".join(
        f'<pattern id="p-{name}" width="8" height="8" patternUnits="userSpaceOnUse">{body}</pattern>'
        for name, body in _PATTERNS.items()
    )
    return Markup(f'<svg class="defs" width="0" height="0" aria-hidden="true"><defs>{marks}{patterns}</defs></svg>')


def glyph(series: int) -> Markup:
    """The mark of a series, for legends and table rows."""
    s = series % SERIES
    return Markup(
        f'<svg class="glyph" width="14" height="14" aria-hidden="true"><use href="#m{s}" x="7" y="7" class="s{s}"/></svg>'
    )


def _pct(x: float) -> str:
    return f"{100 * x:.2f}".rstrip("0").rstrip(".") + "%"


def _line(x1: float, x2: float, y1: float, y2: float, css: str) -> str:
    return f'<line x1="{_pct(x1)}" x2="{_pct(x2)}" y1="{y1:g}" y2="{y2:g}" class="{css}"/>'


def said(e: Estimate) -> str:
    """An estimate in words, for titles and labels."""
    if e.withheld:
        return f"withheld, {interval(e)}"
    missing = f", {count(e.n_missing)} missing" if e.n_missing else ""
    limits = bounds(e)
    tail = f"; {limits} if all missing were worst or best" if limits else ""
    return f"{value(e)}, {level(e)} interval {interval(e)}, n = {count(e.n)}{missing}, {e.method}{tail}"


def whiskers(cells: Sequence[tuple[int, str, Estimate | None]], scale: Axis) -> Markup:
    """A dot on its interval for every (series, name, estimate), below one another on one scale.

    The faint dashed line is where the value could lie if all missing units were the worst, or the best.
    """
    height = _STEP * max(1, len(cells)) + 8
    parts = [_line(x, x, 0, height, "grid") for x, _ in scale.ticks]
    for row, (series, name, e) in enumerate(cells):
        if e is None or e.value is None or e.withheld:
            continue
        s, y = series % SERIES, 4 + _STEP * row + _STEP / 2
        inner = [f"<title>{escape(f'{name}: {said(e)}')}</title>"]
        if bounds(e) and e.worst is not None and e.best is not None:
            inner.append(_line(*sorted((scale.at(e.worst), scale.at(e.best))), y, y, "bound"))
        if e.low is not None and e.high is not None:
            low, high = scale.at(e.low), scale.at(e.high)
            inner += [_line(low, high, y, y, "bar"), *(_line(x, x, y - 3.5, y + 3.5, "cap") for x in (low, high))]
        inner.append(f'<use href="#m{s}" x="{_pct(scale.at(e.value))}" y="{y:g}"/>')
        parts.append(f'<g class="s{s}">{"".join(inner)}</g>')
    return Markup(f'<svg class="whisk" width="100%" height="{height}" aria-hidden="true">{"".join(parts)}</svg>')


def ruler(scale: Axis) -> Markup:
    """The scale's ticks, for the head of a column of `whiskers`."""
    anchors = ["start", *["middle"] * (len(scale.ticks) - 2), "end"]
    ticks = zip(scale.ticks, anchors, strict=True)
    text = "".join(f'<text x="{_pct(x)}" y="11" text-anchor="{a}">{escape(t)}</text>' for (x, t), a in ticks)
    return Markup(f'<svg class="ruler" width="100%" height="14" aria-hidden="true">{text}</svg>')


def stack(counts: Mapping[str, int]) -> Markup:
    """A bar of all statuses that occur; its label says every count and the sum."""
    total = sum(counts.values())
    at, parts = 0.0, []
    for status, n in counts.items():
        if not n or not total:
            continue
        share = n / total
        where = f'x="{_pct(at)}" width="{_pct(share)}" y="0" height="16"'
        pattern = _STATUS_PATTERN.get(status)
        over = f'<rect {where} fill="url(#p-{pattern})"/>' if pattern else ""
        parts.append(
            f"<g><title>{escape(f'{STATUS.get(status, status)}: {count(n)} of {count(total)}')}</title>"
            f'<rect {where} class="st-{escape(status)}"/>{over}</g>'
        )
        at += share
    listed = ", ".join(f"{count(n)} {status}" for status, n in counts.items() if n) or "nothing"
    label = escape(f"{count(total)} in all: {listed}")
    return Markup(f'<svg class="stack" width="100%" height="16" role="img" aria-label="{label}">{"".join(parts)}</svg>')


_SIDE, _PAD = 300.0, 34.0


def scatter(runs: Iterable[tuple[int, str, Sequence[Face]]]) -> Markup:
    """Open rate across, choice rate upward; below the diagonal a model talks more safely than it chooses.

    The large mark with whiskers is the whole benchmark, small marks are its categories.
    """
    parts: list[str] = []
    whole: list[str] = []
    spoken: list[str] = []
    for series, name, faces in runs:
        s = series % SERIES
        for face in faces:
            if face.open.value is None or face.choice.value is None or face.open.withheld or face.choice.withheld:
                continue
            x, y = _x(face.open.value), _y(face.choice.value)
            where = "all" if face.slice == "all" else category(face.slice)
            said_both = f"{name}, {where}: open {value(face.open)} ({interval(face.open)}), choice "
            said_both += f"{value(face.choice)} ({interval(face.choice)}), n = {count(face.open.n)}"
            title = f"<title>{escape(said_both)}</title>"
            if face.slice != "all":
                parts.append(
                    f'<g class="s{s} part">{title}<use href="#m{s}" transform="translate({x:.1f} {y:.1f}) scale(.8)"/></g>'
                )
                continue
            spoken.append(said_both)
            cross = "".join(_cross(face, x, y))
            mark = f'<use href="#m{s}" transform="translate({x:.1f} {y:.1f}) scale(1.7)"/>'
            whole.append(f'<g class="s{s} whole">{title}{cross}{mark}</g>')
    end, far = _PAD + _SIDE, _PAD + _SIDE + 8
    frame = (
        f'<path class="under" d="M{_PAD} {end} H{end} V{_PAD}Z"/><rect class="frame" x="{_PAD}" y="{_PAD}" width="{_SIDE}" height="{_SIDE}"/>'
        f'<path class="grid" d="M{_x(0.5)} {_PAD}V{end}M{_PAD} {_y(0.5)}H{end}"/><path class="same" d="M{_PAD} {end} {end} {_PAD}"/>'
        f'<text x="{end - 8}" y="{end - 10}" text-anchor="end" class="zone">says it, does not pick it</text>'
        f'<text x="{_PAD + 8}" y="{_PAD + 18}" class="zone">picks it, does not say it</text>'
    )
    ticks = "".join(
        f'<text x="{_x(t)}" y="{far + 7}" text-anchor="middle">{t:.0%}</text><text x="{_PAD - 6}" y="{_y(t) + 4}" text-anchor="end">{t:.0%}</text>'
        for t in (0, 0.5, 1)
    )
    names = (
        f'<text x="{_x(0.5)}" y="{far + 24}" text-anchor="middle" class="name">safe when asked openly</text>'
        f'<text transform="translate(11 {_y(0.5)}) rotate(-90)" text-anchor="middle" class="name">picks the safe option</text>'
    )
    label = escape("Open against choice. " + "; ".join(spoken))
    size = f'viewBox="0 0 {_PAD + _SIDE + 14:g} {_PAD + _SIDE + 36:g}"'
    return Markup(
        f'<svg class="scatter" {size} role="img" aria-label="{label}">{frame}{ticks}{names}{"".join(parts)}{"".join(whole)}</svg>'
    )


def _x(share: float) -> float:
    return round(_PAD + _SIDE * share, 1)


def _y(share: float) -> float:
    return round(_PAD + _SIDE * (1 - share), 1)


def _cross(face: Face, x: float, y: float) -> Iterable[str]:
    if face.open.low is not None and face.open.high is not None:
        yield f'<path class="bar" d="M{_x(face.open.low)} {y:.1f}H{_x(face.open.high)}"/>'
    if face.choice.low is not None and face.choice.high is not None:
        yield f'<path class="bar" d="M{x:.1f} {_y(face.choice.low)}V{_y(face.choice.high)}"/>'
