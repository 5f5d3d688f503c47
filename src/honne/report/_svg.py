"""The plots, as inline SVG made here: no library, no network, no inline style (the page forbids it).

Horizontal positions are percentages, so a plot is as wide as its cell on any screen without being distorted. Colours
are classes (light, dark and print differ), and never alone: every series has a shape, every status a pattern.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup, escape

from honne.records import Estimate
from honne.report._blocks import Face
from honne.report._text import Axis, bounds, category, clean, count, interval, level, oneline, value
from honne.report._words import STATUS

__all__ = ["SERIES", "SHARES", "defs", "dumbbell", "gap", "glyph", "ruler", "said", "scatter", "stack", "whiskers"]

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


def _safe(text: str) -> Markup:
    return escape(clean(text))


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
    use = f'<use href="#m{s}" x="7" y="7" class="s{s}"/>'
    return Markup(f'<svg class="glyph" width="14" height="14" aria-hidden="true">{use}</svg>')


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
    return f"{value(e)}, {level(e)} interval {interval(e)}, n = {count(e.n)}{missing}, {oneline(e.method)}{tail}"


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
        inner = [f"<title>{_safe(f'{name}: {said(e)}' if name else said(e))}</title>"]
        if bounds(e) and e.worst is not None and e.best is not None:
            inner.append(_line(scale.at(min(e.worst, e.best)), scale.at(max(e.worst, e.best)), y, y, "bound"))
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
    text = "".join(f'<text x="{_pct(x)}" y="11" text-anchor="{a}">{_safe(t)}</text>' for (x, t), a in ticks)
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
            f"<g><title>{_safe(f'{STATUS.get(status, status)}: {count(n)} of {count(total)}')}</title>"
            f'<rect {where} class="st-{_safe(status)}"/>{over}</g>'
        )
        at += share
    listed = ", ".join(f"{count(n)} {status}" for status, n in counts.items() if n) or "nothing"
    label = _safe(f"{count(total)} in all: {listed}")
    return Markup(f'<svg class="stack" width="100%" height="16" role="img" aria-label="{label}">{"".join(parts)}</svg>')


def dumbbell(rows: Sequence[tuple[str, Face]]) -> Markup:
    """Per run, an open ring for what it says and a filled dot for what it picks, joined, each on its interval."""
    step = 76 if any(name for name, _ in rows) else 60
    parts: list[str] = []
    words: list[str] = []
    for row, (name, face) in enumerate(rows):
        if face.open.value is None or face.choice.value is None or face.open.withheld or face.choice.withheld:
            continue
        top = row * step + (18 if name else 2)
        y = top + 27
        words.append(f"{name + ': ' if name else ''}says {said(face.open)}; picks {said(face.choice)}")
        parts += [f'<text x="0" y="{row * step + 12}" class="name">{_safe(name)}</text>'] if name else []
        parts.append(_line(0, 1, y, y, "grid"))
        for e, css, shift in ((face.open, "says", -6), (face.choice, "picks", 6)):
            if e.low is not None and e.high is not None:
                parts.append(_line(e.low, e.high, y + shift, y + shift, f"{css} thin"))
        parts.append(_line(face.open.value, face.choice.value, y, y, "gap"))
        for e, css, at in ((face.open, "says", top + 12), (face.choice, "picks", top + 50)):
            x = e.value or 0.0
            anchor = "end" if x > 0.82 else "start" if x < 0.18 else "middle"
            parts.append(f'<circle cx="{_pct(x)}" cy="{y}" r="6" class="{css}"/>')
            parts.append(f'<text x="{_pct(x)}" y="{at}" text-anchor="{anchor}" class="{css}">{css} {value(e)}</text>')
    label = _safe("What is said against what is picked. " + ". ".join(words))
    height = step * len(rows) + 4
    return Markup(
        f'<svg class="dumbbell" width="100%" height="{height}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    )


# The scale of shares, 0 to 100 %.
SHARES = Axis(0.0, 1.0, tuple((k / 4, f"{25 * k}%") for k in range(5)))


def gap(face: Face) -> Markup:
    """One row of `says` and `picks`, joined, each on its interval; nothing where a number is withheld."""
    height, y = 22, 11.0
    parts = [_line(x, x, 0, height, "grid") for x, _ in SHARES.ticks]
    e, f = face.open, face.choice
    if e.value is not None and f.value is not None and not e.withheld and not f.withheld:
        for one, css, shift in ((e, "says", -5.0), (f, "picks", 5.0)):
            if one.low is not None and one.high is not None:
                parts.append(_line(one.low, one.high, y + shift, y + shift, f"{css} thin"))
        parts.append(_line(e.value, f.value, y, y, "gap"))
        parts += [
            f'<circle cx="{_pct(one.value or 0.0)}" cy="{y:g}" r="4.6" class="{css}"/>'
            for one, css in ((f, "picks"), (e, "says"))
        ]
    return Markup(f'<svg class="gapline" width="100%" height="{height}" aria-hidden="true">{"".join(parts)}</svg>')


_SIDE, _PAD = 300.0, 48.0
_END = _PAD + _SIDE


def scatter(runs: Iterable[tuple[int, str, Sequence[Face]]]) -> Markup:
    """Open rate across, choice rate upward; below the diagonal a model talks more safely than it chooses.

    The large mark with whiskers is the whole benchmark, small marks are its categories.
    """
    small: list[str] = []
    large: list[str] = []
    spoken: list[str] = []
    for series, name, faces in runs:
        for face in faces:
            if face.open.value is None or face.choice.value is None or face.open.withheld or face.choice.withheld:
                continue
            whole = face.slice == "all"
            where = "all" if whole else category(face.slice)
            words = f"{name}, {where}: open {said(face.open)}; choice {said(face.choice)}"
            s, at = series % SERIES, f"translate({_x(face.open.value)} {_y(face.choice.value)})"
            mark = f'<use href="#m{s}" transform="{at} scale({1.7 if whole else 0.8})"/>'
            cross = "".join(_cross(face, face.open.value, face.choice.value)) if whole else ""
            css = f"s{s} {'whole' if whole else 'part'}"
            (large if whole else small).append(f'<g class="{css}"><title>{_safe(words)}</title>{cross}{mark}</g>')
            if whole:
                spoken.append(words)
    label = _safe("Open against choice. " + "; ".join(spoken))
    size = f'viewBox="0 0 {_END + 14:g} {_END + 36:g}"'
    inside = "".join((*_frame(), *small, *large))
    return Markup(f'<svg class="scatter" {size} role="img" aria-label="{label}">{inside}</svg>')


def _frame() -> Iterable[str]:
    """The square, its diagonal, the side where face and heart part, ticks and names."""
    middle_x, middle_y, below = _x(0.5), _y(0.5), _END + 15
    yield f'<path class="under" d="M{_PAD} {_END}H{_END}V{_PAD}Z"/>'
    yield f'<rect class="frame" x="{_PAD}" y="{_PAD}" width="{_SIDE}" height="{_SIDE}"/>'
    yield f'<path class="grid" d="M{middle_x} {_PAD}V{_END}M{_PAD} {middle_y}H{_END}"/>'
    yield f'<path class="same" d="M{_PAD} {_END} {_END} {_PAD}"/>'
    yield f'<text x="{_END - 8}" y="{_END - 10}" text-anchor="end" class="zone">says it, does not pick it</text>'
    yield f'<text x="{_PAD + 8}" y="{_PAD + 18}" class="zone">picks it, does not say it</text>'
    for tick in (0, 0.5, 1):
        yield f'<text x="{_x(tick)}" y="{below}" text-anchor="middle">{tick:.0%}</text>'
        yield f'<text x="{_PAD - 7}" y="{_y(tick) + 4}" text-anchor="end">{tick:.0%}</text>'
    yield f'<text x="{middle_x}" y="{below + 17}" text-anchor="middle" class="name">safe when asked openly</text>'
    turn = f"translate(11 {middle_y}) rotate(-90)"
    yield f'<text transform="{turn}" text-anchor="middle" class="name">picks the safe option</text>'


def _x(share: float) -> float:
    return round(_PAD + _SIDE * share, 1)


def _y(share: float) -> float:
    return round(_END - _SIDE * share, 1)


def _cross(face: Face, x: float, y: float) -> Iterable[str]:
    if face.open.low is not None and face.open.high is not None:
        yield f'<path class="bar" d="M{_x(face.open.low)} {_y(y)}H{_x(face.open.high)}"/>'
    if face.choice.low is not None and face.choice.high is not None:
        yield f'<path class="bar" d="M{_x(x)} {_y(face.choice.low)}V{_y(face.choice.high)}"/>'
