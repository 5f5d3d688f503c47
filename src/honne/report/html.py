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
from typing import Any

import jinja2
from markupsafe import Markup

from honne.report import _pages, _svg
from honne.report._accounts_page import accounts
from honne.report._attacks import folded
from honne.report._blocks import arrange, labels
from honne.report._calibration_page import calibrations
from honne.report._digest import MANY
from honne.report._facts import facts, flags
from honne.report._overview import leads
from honne.report._reading import reading, title
from honne.report._room import Room
from honne.report._sentences import Sentence, Strong
from honne.report._text import clean, count
from honne.report._ties import Tests
from honne.report._values_page import values
from honne.report._words import STATUS
from honne.report.model import RunReport

__all__ = ["asset", "policy", "render", "template"]

_MOST = 2_950_000
# What hardly depends on the number of runs, and how many runs a page begins with at most.
_FIXED = 500_000
_RUNS = 60
# On a tight page, of how many runs the data and prompts are listed.
_LISTED = 3


def asset(name: str) -> str:
    """The text of a file among the templates."""
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def policy(css: str, js: str) -> str:
    """What the page may do: run this script in this style, and nothing else."""
    only = f"script-src {_hash(js)}; style-src {_hash(css)}"
    return f"default-src 'none'; {only}; img-src data:; base-uri 'none'; form-action 'none'"


def _clean(value: object) -> object:
    """What every value passes on its way out, before it is escaped: no control character reaches the page."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def template(name: str) -> jinja2.Template:
    """A page that escapes every value."""
    loader = jinja2.FunctionLoader(asset)
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
    return env.get_template(name)


def render(runs: Sequence[RunReport], tests: Tests | None = None, frame: str | None = None) -> str:
    """The page, of one run or of several side by side; under 3 MB whatever their size (what is left out is said).

    What is too large is told again more tightly, then with the first of the runs; of one run, with its first sections.
    """
    sentences, blocks = reading(runs, tests), arrange(runs)
    several, sections = min(len(runs), _RUNS), sum(not folded(b, blocks) for b in blocks)
    tight = several < len(runs)
    profile = values(runs[:several], labels(runs)[:several], frame)
    while True:
        text = _page(runs, several, sections, tight, sentences, tests, profile)
        size = len(text.encode())
        if size <= _MOST or (tight and several <= 1 and sections <= 1):
            return text
        fit = (_MOST - _FIXED) / (size - _FIXED)
        if not tight:
            tight = True
        elif several > 1:
            several = max(1, min(several - 1, int(several * 0.95 * fit)))
        else:
            sections = max(1, min(sections - 1, int(sections * fit)))


def _cut(runs: int, of: int, sections: int, sections_of: int, tight: bool) -> list[str]:
    """What a page too large for everything leaves out."""
    rest = "; all numbers are in the other formats (--format csv or json)"
    out = []
    if tight:
        out.append(f"answers, further measures, accounting and provenance are brief, to keep this file small{rest}")
    if runs < of:
        shown = f"the sections of the benchmarks show the first {count(runs)} of {count(of)} runs"
        out.append(f"{shown}, the sentences are about all{rest}")
    if sections < sections_of:
        out.append(f"the first {count(sections)} of {count(sections_of)} sections are shown{rest}")
    return out


def _page(
    every: Sequence[RunReport],
    several: int,
    sections: int,
    tight: bool,
    sentences: Sequence[Sentence],
    tests: Tests | None,
    profile: dict[str, Any] | None,
) -> str:
    """The page with the first `several` of the runs and the first `sections` sections."""
    css, js = asset("report.css").strip(), asset("report.js").strip()
    runs, named = every[:several], labels(every)[:several]
    room = Room.tight() if tight else Room()
    blocks = arrange(runs)
    titles = {name: text for run in runs for name, text in facts(run).titles}
    counted = [accounts(name, run, tight) for name, run in zip(named, runs, strict=True) if run.accounts]
    apart = [(i, b) for i, b in enumerate(blocks) if not folded(b, blocks)]
    pages = [_pages.block(b, i, len(every) > 1, tests, room, titles, blocks, runs) for i, b in apart[:sections]]
    many = len(leads(blocks)) >= MANY
    leading = [page for page in pages if not page["minor"]]
    return template("report.html.j2").render(
        title=title(every),
        several=len(every) > 1,
        many=many,
        cut=_cut(several, len(every), sections, len(apart), tight),
        policy=policy(css, js),
        css=Markup(css),
        js=Markup(js),
        defs=_svg.defs(),
        runs=[
            {"name": name, "glyph": _svg.glyph(i), "facts": facts(run), "flags": flags(run), "model": _model(run, name)}
            for i, (name, run) in enumerate(zip(named, runs, strict=True))
        ],
        sentences=sentences,
        overview=_pages.summary(blocks, room, {page["id"] for page in pages}),
        values=profile,
        glance=_pages.glance([b for _, b in apart], len(every) > 1, many),
        blocks=pages,
        nav=leading if len(leading) < MANY else [],
        calibrations=calibrations(runs, named),
        accounts=counted,
        status={s: STATUS[s] for s in dict.fromkeys(s for a in counted for s in a["used"])},
        left_out=room.left_out,
        listed=_LISTED if tight else len(runs),
    )


def _model(run: RunReport, name: str) -> str:
    """The model's name, unless the run's own name says it already."""
    model = facts(run).model
    return "" if model == name else model
