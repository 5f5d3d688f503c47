"""Texts and numbers as people read them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from honne.records import Estimate, category_parts
from honne.text import clean

__all__ = [
    "Axis",
    "axis",
    "bounds",
    "broken",
    "category",
    "clean",
    "clip",
    "count",
    "interval",
    "level",
    "money",
    "oneline",
    "reached",
    "scale_of",
    "spread",
    "value",
]

WITHHELD = "withheld"
NO_VALUE = "–"


def oneline(text: str, limit: int = 160) -> str:
    """`clean` text on one line of at most `limit` characters, for names in tables."""
    return clip(" ".join(clean(text).split()), limit)


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, never cutting a base character from its combining marks."""
    if len(text) <= limit:
        return text
    end = limit - 1
    while end > 0 and (unicodedata.combining(text[end]) or text[end] == "\u200d"):
        end -= 1
    return text[:end].rstrip() + "…"


def broken(name: str, width: int) -> str:
    """A name on lines of at most `width` cells where its words allow it: broken after a sign that parts them, and
    within these after a hyphen or an underscore only where need be. Every line is indented as the first one is."""
    from rich.cells import cell_len

    indent = name[: len(name) - len(name.lstrip())]
    room, lines = width - len(indent), [""]
    for part in re.split(r"(?<=[./:@# ])", name.lstrip()):
        for word in [part] if cell_len(part) <= room else re.split(r"(?<=[-_])", part):
            if lines[-1] and cell_len(lines[-1] + word.rstrip()) > room:
                lines.append("")
            lines[-1] += word
    return "\n".join(indent + line for line in lines)


def category(path: str) -> str:
    """A value path as people read it; `all` stays."""
    return " › ".join(oneline(part, 80) for part in category_parts(path)) or "(no category)"


def count(n: int) -> str:
    return f"{n:,}"


def spread(ns: Iterable[int]) -> str:
    """`984`, or `900–984` where they differ."""
    found = sorted(set(ns))
    return "–".join(map(count, dict.fromkeys((found[0], found[-1])))) if found else ""


def money(cost: float | None) -> str:
    """A cost; an unknown one is never printed as nothing spent."""
    if cost is None:
        return "unknown"
    return f"{cost:,.2f}" if cost >= 1 or cost == 0 else f"{cost:.2g}"


# ------------------------------------------------------------------- numbers


def _as_score(e: Estimate) -> bool:
    """A 0–1 score that is printed ×100 but is not a share of anything."""
    return e.unit == "score" or (e.unit == "proportion" and e.metric.endswith("_score"))


def number(x: float | None, e: Estimate, *, sign: bool = True) -> str:
    """`x` in the unit of `e`: proportions as percentages, scores ×100, both with one decimal."""
    if x is None or not math.isfinite(x):
        return NO_VALUE
    if _as_score(e):
        return f"{100 * x:.1f}"
    if e.unit == "proportion":
        return f"{100 * x:.1f}" + ("%" if sign else "")
    return f"{x:.2f}" if abs(x) < 100 else f"{x:,.0f}"


def value(e: Estimate) -> str:
    """The value, or `withheld`."""
    return WITHHELD if e.withheld else number(e.value, e)


def interval(e: Estimate) -> str:
    """`43.1–50.7`; a withheld headline shows its judged share instead of an interval."""
    if e.withheld:
        return f"{100 * reached(e):.1f}% judged"
    if e.low is None or e.high is None:
        return NO_VALUE
    low, high = number(e.low, e, sign=False), number(e.high, e, sign=False)
    return f"{low} to {high}" if low.startswith("-") or high.startswith("-") else f"{low}–{high}"


def bounds(e: Estimate) -> str | None:
    """The value if all missing units were the worst, and the best; None where nothing is missing."""
    if not e.n_missing or e.worst is None or e.best is None:
        return None
    low, high = sorted((e.worst, e.best))
    return f"{number(low, e, sign=False)}–{number(high, e)}"


def reached(e: Estimate) -> float:
    """The judged share of an estimate's units; of a macro mean, the smallest share of its parts."""
    if e.judged is not None:
        return e.judged
    return (e.n - e.n_missing) / e.n if e.n else 0.0


def level(e: Estimate) -> str:
    return f"{100 * e.level:g}%" if e.level else NO_VALUE


@dataclass(frozen=True)
class Axis:
    """A linear scale for plots. `ticks` are (position in 0–1, text)."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def at(self, x: float) -> float:
        """The position of `x`, kept within 0–1."""
        span = self.high - self.low
        return min(1.0, max(0.0, (x - self.low) / span)) if span else 0.5


def scale_of(e: Estimate) -> str:
    """What a plot may draw on one scale: shares and scores together, any other unit by itself."""
    return "share" if _as_score(e) or e.unit == "proportion" else e.unit


def axis(estimates: list[Estimate]) -> Axis:
    """0–100 for proportions and scores; else the range of the intervals, widened to round numbers."""
    first = estimates[0]
    if all(_as_score(e) or e.unit == "proportion" for e in estimates):
        percent = "" if _as_score(first) else "%"
        return Axis(0.0, 1.0, tuple((k / 4, f"{25 * k}{percent}") for k in range(5)))
    ends = [x for e in estimates for x in (e.value, e.low, e.high) if x is not None and math.isfinite(x)]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    if low == high:
        high = low + 1.0
    step = 10 ** math.floor(math.log10(high - low))
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return Axis(low, high, tuple((k / 2, f"{low + (high - low) * k / 2:g}") for k in range(3)))
