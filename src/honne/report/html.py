"""The report as one HTML file that needs nothing: no network, no other file, no storage but the reader's theme.

Two walls stand between untrusted text and the reader: every value is escaped on output (jinja's autoescape), and the
page's policy allows only the script and the style whose hashes it names, no network and no forms.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import jinja2
from markupsafe import Markup

from honne.report import _pages, _svg
from honne.report._accounts_page import accounts
from honne.report._attacks import folded
from honne.report._blocks import arrange, labels
from honne.report._facts import facts, flags
from honne.report._reading import Strong, reading, title
from honne.report._text import clean, count
from honne.report._ties import Tests
from honne.report._values_page import values
from honne.report._words import STATUS
from honne.report.model import RunReport

__all__ = ["render"]


def _asset(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _clean(value: object) -> object:
    """What every value passes on its way out, before it is escaped: no control character reaches the page."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _template() -> jinja2.Template:
    loader = jinja2.FunctionLoader(_asset)
    env = jinja2.Environment(
        loader=loader,
        autoescape=True,
        finalize=_clean,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["count"] = count
    env.tests["strong"] = lambda part: isinstance(part, Strong)
    return env.get_template("report.html.j2")


def render(runs: Sequence[RunReport], tests: Tests | None = None, frame: str | None = None) -> str:
    """The page, of one run or of several side by side; under 3 MB whatever their size (what is left out is said)."""
    css, js = _asset("report.css").strip(), _asset("report.js").strip()
    named = labels(runs)
    room = _pages.Room()
    several = len(runs) > 1
    blocks = arrange(runs)
    titles = {name: text for run in runs for name, text in facts(run).titles}
    counted = [accounts(name, run) for name, run in zip(named, runs, strict=True) if run.accounts]
    pages = [
        _pages.block(b, i, several, tests, room, titles, blocks, runs)
        for i, b in enumerate(blocks)
        if not folded(b, blocks)
    ]
    return _template().render(
        title=title(runs),
        several=several,
        policy=(
            f"default-src 'none'; script-src {_hash(js)}; style-src {_hash(css)}; img-src data:; "
            "base-uri 'none'; form-action 'none'"
        ),
        css=Markup(css),
        js=Markup(js),
        defs=_svg.defs(),
        runs=[
            {"name": name, "glyph": _svg.glyph(i), "facts": facts(run), "flags": flags(run), "model": _model(run, name)}
            for i, (name, run) in enumerate(zip(named, runs, strict=True))
        ],
        sentences=reading(runs, tests),
        overview=_pages.summary(blocks, room),
        values=values(runs, named, frame),
        glance=_pages.glance([b for b in blocks if not folded(b, blocks)], several),
        blocks=pages,
        nav=[page for page in pages if not page["minor"]][:8],
        accounts=counted,
        status={s: STATUS[s] for s in dict.fromkeys(s for a in counted for s in a["used"])},
        left_out=room.left_out,
    )


def _model(run: RunReport, name: str) -> str:
    """The model's name, unless the run's own name says it already."""
    model = facts(run).model
    return "" if model == name else model
