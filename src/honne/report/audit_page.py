"""An audit as one HTML file that needs nothing, in the house's look."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from honne.metrics._audit import CONTROL, Probe
from honne.report import _svg
from honne.report.audit import NAMES, Audited, cells, headline, lines, mark, method, percent, title, wrong
from honne.report.html import asset, policy, template

__all__ = ["render"]


def render(found: list[Audited]) -> str:
    """The page: what sways the judge, the flips of every change with their intervals, and the numbers."""
    css, js = (asset("report.css") + asset("audit.css")).strip(), asset("report.js").strip()
    return template("audit.html.j2").render(
        title=found[0].judge,
        policy=policy(css, js),
        css=Markup(css),
        js=Markup(js),
        defs=_svg.defs(),
        audits=[_audit(i, one) for i, one in enumerate(found)],
    )


def _audit(i: int, found: Audited) -> dict[str, Any]:
    top = max([p.flips.high or 0.0 for p in found.audit.probes], default=1.0)
    most = next(limit for limit in (0.1, 0.25, 0.5, 1.0) if top <= limit)
    return {
        "id": f"audit-{i}",
        "title": title(found),
        "headline": headline(found),
        "lines": lines(found),
        "method": method(found),
        "notes": found.notes,
        "rows": [_row(p, most) for p in found.audit.probes],
        "ticks": [f"{100 * most * k / 4:g}%" for k in range(5)],
        "truth": any(p.wrong is not None for p in found.audit.probes),
        "up": found.audit.towards[0],
        "down": found.audit.towards[1],
    }


def _row(probe: Probe, most: float) -> dict[str, Any]:
    name, flips, interval, n, missing, unparsed, refused, p, beyond, up, down = cells(probe)
    return {
        "name": name,
        "what": NAMES.get(probe.name, ("", ""))[1],
        "kind": "control" if probe.name == CONTROL else "sways" if mark(probe) else "",
        "mark": mark(probe),
        "flips": flips,
        "interval": interval,
        "up": _two(up),
        "down": _two(down),
        "n": n,
        "missing": missing,
        "unparsed": unparsed,
        "refused": refused,
        "beyond": _two(beyond),
        "p": p,
        "wrong": _two(wrong(probe)),
        "plot": _plot(probe, most),
    }


def _two(cell: str) -> tuple[str, str]:
    """A number and what stands in parentheses behind it: the interval goes below."""
    value, _, rest = cell.partition(" (")
    return value, rest.removesuffix(")")


def _plot(probe: Probe, most: float) -> Markup:
    """A dot on its interval, on a scale from 0 to `most`; nothing where nothing is known."""
    value, low, high = probe.flips.value, probe.flips.low, probe.flips.high
    if value is None or low is None or high is None:
        return Markup("")
    at, start, end = (f"{100 * min(1.0, x / most):.2f}%" for x in (value, low, high))
    return Markup(
        '<svg class="flip" width="100%" height="18" role="img" aria-label="{said}">'
        '<line class="floor" x1="0" x2="100%" y1="9" y2="9"/>'
        '<line class="reach" x1="{start}" x2="{end}" y1="9" y2="9"/><circle cx="{at}" cy="9" r="4.5"/></svg>'
    ).format(said=f"{percent(value)} flips, {percent(low)} to {percent(high)}", start=start, end=end, at=at)
