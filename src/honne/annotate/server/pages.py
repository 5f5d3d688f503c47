"""Pages: the templates, what every one of them knows, and its answer.

Every value is cleaned of what a screen would obey and escaped on its way out; a name that a template does not get is an
error. There is no inline script or style: the policy of `shield.py` forbids them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from honne.annotate.server.security import Member, csrf_token, remember, visitor
from honne.annotate.server.shown import marked
from honne.annotate.server.words import LANGUAGES, negotiate, translator
from honne.records import category_parts
from honne.stats.intervals import wilson
from honne.text import clean

__all__ = ["TABS", "THEMES", "asset", "kind", "language", "page", "static", "theme"]

# The pages of a project in the order of the tabs: the words' key, the path below the project, who sees it.
TABS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("label", "label", ("annotator", "owner")),
    ("adjudicate", "adjudicate", ("adjudicator", "owner")),
    ("overview", "overview", ("owner", "viewer")),
    ("agreement", "agreement", ("owner", "viewer")),
    ("items", "items", ("owner", "viewer")),
    ("people", "people", ("owner",)),
    ("log", "log", ("owner",)),
    ("exports", "exports", ("owner", "viewer")),
)
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
THEMES = ("light", "dark")


@cache
def _shipped() -> frozenset[str]:
    return frozenset(entry.name for entry in files("honne.annotate").joinpath("static").iterdir())


def kind(name: str) -> str | None:
    """The media type of a file that ships with the pages; None where there is none of this name."""
    return _KINDS.get(f".{name.rpartition('.')[2]}") if name in _shipped() else None


@cache
def asset(name: str) -> bytes:
    """The bytes of a file that ships with the pages."""
    return files("honne.annotate").joinpath("static", name).read_bytes()


@cache
def static(name: str) -> str:
    """The address of such a file; it changes with the file's content, so that browsers may keep it."""
    return f"/static/{name}?v={hashlib.sha256(asset(name)).hexdigest()[:12]}"


def _out(value: object) -> object:
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _templates() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("honne.annotate", "templates"),
        autoescape=True,
        finalize=_out,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals["static"] = static
    env.filters["count"] = lambda n: f"{n:,}"
    env.filters["pair"] = lambda value: (value, value)
    env.filters["moment"] = _moment
    env.filters["brief"] = _brief
    env.filters["category"] = lambda path: " › ".join(category_parts(path)) or "–"
    env.filters["share"] = _share
    env.filters["coefficient"] = lambda v: "–" if v is None else f"{v:.2f}".replace("-", "−")
    env.filters["facts"] = _facts
    env.filters["marked"] = marked
    return env


def _moment(at: datetime) -> Markup:
    """A time in UTC, as people and programs read it."""
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(utc.isoformat(timespec="seconds"), f"{utc:%Y-%m-%d %H:%M}")


def _brief(value: object) -> str:
    """Any value on one line of at most 120 characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 120 else f"{text[:119]}…"


def _facts(values: Mapping[str, object] | None) -> str:
    """What a log entry says, on one line: what is empty is left out."""
    kept = {k: v for k, v in (values or {}).items() if v not in (None, "", [], {}, False)}
    return " · ".join(f"{k.replace('_', ' ')}: {_brief(v)}" for k, v in kept.items()) or "–"


def _share(k: int, n: int) -> str:
    """k of n with its percentage and the Wilson interval at 95 %."""
    if not n:
        return "–"
    low, high = wilson(k / n, n)
    return f"{k} / {n} = {100 * k / n:.0f} % [{100 * float(low):.0f}, {100 * float(high):.0f}]"


def language(request: Request) -> str:
    """The language chosen here, else the person's own, else the browser's."""
    who = visitor(request)
    for code in (request.cookies.get("honne_lang"), who.language if who else None):
        if code in LANGUAGES:
            return str(code)
    return negotiate(request.headers.get("accept-language"))


def theme(request: Request) -> str:
    """`light` or `dark` where chosen; empty: as the system has it."""
    chosen = request.cookies.get("honne_theme", "")
    return chosen if chosen in THEMES else ""


def _tabs(request: Request, member: Member | None) -> list[Mapping[str, object]]:
    if member is None:
        return []
    t = translator(language(request))
    out: list[Mapping[str, object]] = []
    for key, path, roles in TABS:
        href = f"/projects/{member.project_id}/{path}"
        here = request.url.path == href or request.url.path.startswith(f"{href}/")
        if member.role in roles:
            out.append({"href": href, "name": t(f"base.tab_{key}"), "here": here})
    return out


def page(request: Request, name: str, /, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template as the answer. It also knows lang, t, theme, csrf, visitor, member, tabs, languages, here."""
    lang = language(request)
    member = getattr(request.state, "member", None)
    query = f"?{request.url.query}" if request.url.query else ""
    known = {
        "lang": lang,
        "t": translator(lang),
        "theme": theme(request),
        "csrf": csrf_token(request),
        "visitor": visitor(request),
        "member": member,
        "tabs": _tabs(request, member),
        "languages": list(LANGUAGES.items()),
        "here": request.url.path + query if request.method == "GET" else "/",
    }
    response = HTMLResponse(_templates().get_template(name).render({**known, **values}), status)
    response.headers["Vary"] = "Cookie, Accept-Language"
    remember(request, response)
    return response
