"""Who is asking, and may they: sessions, the token of forms, roles.

A session is a random token in the database (its hash only); the cookie holds it signed. A new one is made at every
log-in, so one that somebody planted before is worth nothing. The token of forms is an HMAC of the session's, or, before
log-in, of a random cookie: another site can neither read nor make it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from itsdangerous import BadSignature, Signer
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from honne.annotate import people
from honne.annotate.people import Visitor
from honne.annotate.server.settings import Settings, database, settings

__all__ = [
    "Member",
    "NotSignedIn",
    "Visitor",
    "anyone",
    "csrf_token",
    "end",
    "forged",
    "form",
    "identify",
    "local",
    "member",
    "public",
    "see",
    "start",
    "visitor",
]

_F = TypeVar("_F", bound=Callable[..., Any])
_DAYS = 14
_MOST = 2**31 - 1
_SAFE = ("GET", "HEAD", "OPTIONS")


class NotSignedIn(Exception):
    """A page that needs a log-in, asked for without one."""


@dataclass(frozen=True)
class Member:
    """A signed-in person in one project, with the role there."""

    id: int
    name: str
    project_id: int
    project: str
    role: str


def public(endpoint: _F) -> _F:
    """Mark a route that is there without a log-in. Every other one refuses."""
    endpoint.public = True  # type: ignore[attr-defined]
    return endpoint


# ---------------------------------------------------------------- cookies


def cookie_name(settings: Settings, kind: str) -> str:
    """Cookies know no ports: the port is in the name, so that two servers of one machine keep theirs apart."""
    prefix = "__Host-" if settings.https else ""
    return f"{prefix}honne_{kind}_{urlsplit(settings.url).port or 'web'}"


def _signer(settings: Settings, kind: str) -> Signer:
    return Signer(settings.secret, salt=f"honne.{kind}", digest_method=hashlib.sha256)


def _read(request: Request, kind: str) -> str | None:
    raw = request.cookies.get(cookie_name(settings(request), kind))
    if raw is None:
        return None
    try:
        return _signer(settings(request), kind).unsign(raw.encode("utf-8", "replace")).decode()
    except (BadSignature, UnicodeDecodeError):
        return None


def _set(request: Request, response: Response, kind: str, value: str, days: int | None) -> None:
    told = settings(request)
    response.set_cookie(
        cookie_name(told, kind),
        _signer(told, kind).sign(value).decode(),
        max_age=None if days is None else days * 86400,
        httponly=True,
        samesite="lax",
        secure=told.https,
        path="/",
    )


def start(request: Request, response: Response, token: str) -> None:
    """Give the browser its session; the token of before the log-in ends here."""
    _set(request, response, "session", token, _DAYS)
    _drop(request, response, "visit")


def end(request: Request, response: Response) -> None:
    """Take the session from the browser; pages are not kept there (`no-store`)."""
    _drop(request, response, "session")


def _drop(request: Request, response: Response, kind: str) -> None:
    told = settings(request)
    response.delete_cookie(cookie_name(told, kind), path="/", httponly=True, samesite="lax", secure=told.https)


def session_token(request: Request) -> str | None:
    """The session's token of this request, its signature checked; whether it still holds the database says."""
    return _read(request, "session")


# ---------------------------------------------------------------- the token of forms


def csrf_token(request: Request) -> str:
    """What a form of this visitor must carry. Before log-in it belongs to a cookie that `remember` sets."""
    secret = session_token(request) if visitor(request) else None
    if secret is None:
        if not hasattr(request.state, "visit"):
            request.state.visit = _read(request, "visit") or secrets.token_urlsafe(24)
        secret = request.state.visit
    return hmac.new(settings(request).secret, f"csrf:{secret}".encode(), hashlib.sha256).hexdigest()


def remember(request: Request, response: Response) -> None:
    """Set the cookie to which the forms of somebody who is not signed in belong, if this page made one."""
    made = getattr(request.state, "visit", None)
    if made is not None and made != _read(request, "visit"):
        _set(request, response, "visit", made, None)


async def form(request: Request) -> FormData:
    """The fields of a POST; a file is refused, no page here sends one, and so is a charset: no browser names one, and
    to decode a megabyte by some (punycode) takes minutes, before anybody has logged in."""
    if "charset" in request.headers.get("content-type", "").lower().replace("charset=utf-8", ""):
        raise HTTPException(400)
    data = await request.form(max_files=0, max_fields=500, max_part_size=settings(request).most_bytes)
    if any(not isinstance(value, str) for _, value in data.multi_items()):
        raise HTTPException(400)
    return data


async def forged(request: Request) -> None:
    """Refuse whatever changes something and does not carry the token of this visitor's forms."""
    if request.method in _SAFE:
        return
    sent = request.headers.get("x-csrf-token") or (await form(request)).get("csrf")
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), csrf_token(request).encode()):
        raise HTTPException(403, "token")


# ---------------------------------------------------------------- who, and in which role


def identify(request: Request) -> None:
    """Find the visitor, and what they are in the route's project; without one only `public` routes are there."""
    request.state.visitor = None
    token, project = session_token(request), request.path_params.get("project_id", "")
    if token is not None:
        with database(request).read(single=True) as s:
            request.state.visitor = people.session_user(s, token, int(project) if _known(project) else None)
    endpoint = getattr(request.scope.get("route"), "endpoint", None)
    if request.state.visitor is None and not getattr(endpoint, "public", False):
        raise NotSignedIn


def visitor(request: Request) -> Visitor | None:
    """The person who is signed in, if any."""
    found: Visitor | None = getattr(request.state, "visitor", None)
    return found


def _known(number: str) -> bool:
    """Whether a part of an address is a number that a row can have."""
    return number.isascii() and number.isdigit() and len(number) <= 20 and int(number) <= _MOST


# Not plain functions: those are run in threads, and the way there and back takes longer than what these do.
async def anyone(request: Request) -> Visitor:
    """The person who is signed in, for routes that need no role."""
    found = visitor(request)
    if found is None:
        raise NotSignedIn
    return found


def member(*roles: str) -> Callable[[Request, int], Awaitable[Member]]:
    """A dependency: the visitor as a member of the route's `project_id` in one of these roles; anyone else gets 403.

    A project that does not exist answers as one of other people does: whether it exists is theirs to know.
    """

    async def check(request: Request, project_id: int) -> Member:
        who = await anyone(request)
        # No database counts so far: a larger number in an address is that of nothing.
        if any(name.endswith("_id") and not _known(part) for name, part in request.path_params.items()):
            raise HTTPException(404)
        if who.project is None or who.role is None or who.role not in roles:
            raise HTTPException(403)
        request.state.member = Member(who.id, who.name, project_id, who.project, who.role)
        found: Member = request.state.member
        return found

    return check


# ---------------------------------------------------------------- where to next


def local(path: object) -> str:
    """`path` if it is one of this server, else the start page: a link cannot send people elsewhere after log-in."""
    if not isinstance(path, str) or not path.startswith("/") or path.startswith("//") or "\\" in path:
        return "/"
    return path if path.isprintable() and path.isascii() else "/"


def see(path: str) -> RedirectResponse:
    """Go on with a GET of another page of this server."""
    return RedirectResponse(local(path), 303)
