"""Accounts: log-in and log-out, invitations, the first account, language and appearance."""

from __future__ import annotations

import hmac
import ipaddress
import math
import re
import threading
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from honne.annotate import people
from honne.annotate.errors import BadForm, NotYours
from honne.annotate.server.limits import Failures
from honne.annotate.server.pages import THEMES, language, page
from honne.annotate.server.security import end, form, local, public, see, session_token, start, visitor
from honne.annotate.server.settings import database, settings
from honne.annotate.server.words import LANGUAGES, translator
from honne.annotate.tables import Project, User

__all__ = ["HASHING", "Door", "count_users", "door", "enter", "hashed", "later", "router", "wrong_password"]

router = APIRouter()
Form = Annotated[FormData, Depends(form)]
_LOGIN = re.compile(r"[\w.@+-]{3,100}", re.ASCII)
_PASSWORD = (10, 256)
# argon2 takes 64 MB for each check: whoever sends many log-ins at once waits in line.
HASHING = threading.BoundedSemaphore(2)


class Door:
    """What guards the log-in of one server: failures per account and per address, and the key of the first account."""

    def __init__(self, first: str | None = None) -> None:
        self.first = first
        self.accounts = Failures(10, 900)
        self.addresses = Failures(40, 900)


def count_users(s: Session) -> int:
    """How many accounts there are."""
    return s.scalar(select(func.count()).select_from(User)) or 0


def door(request: Request) -> Door:
    """What guards the log-in of this server."""
    found: Door = request.app.state.door
    return found


def _address(request: Request) -> str:
    """Whose failures are counted together: an IPv4 address, or the 64 bits of an IPv6 one that a site is given."""
    host = request.client.host if request.client else ""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host
    return host if found.version == 4 else str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))


# ---------------------------------------------------------------- log in, log out


@router.get("/login")
@public
def login_page(request: Request, next: str = "/") -> Response:
    if visitor(request):
        return see(next)
    return page(request, "login.html", next=local(next), login="", wrong="")


@router.post("/login")
@public
def login(request: Request, form: Form) -> Response:
    guard, t = door(request), translator(language(request))
    name, password, after = str(form.get("login", ""))[:200], str(form.get("password", ""))[:1000], form.get("next")
    account, address = people.login_key(name), _address(request)
    wait = guard.addresses.wait(address) or guard.accounts.wait(account)
    if wait:
        wrong = t("account.login_wait", n=math.ceil(wait / 60))
        response = page(request, "login.html", status=429, next=local(after), login=name, wrong=wrong)
        return later(response, wait)
    with HASHING, database(request).read() as s:
        user = people.check_password(s, name, password)
    if user is None:
        wrong = t("account.login_wrong")
        return page(request, "login.html", status=401, next=local(after), login=name, wrong=wrong)
    guard.accounts.forget(account)
    # Of the address only this attempt: who has an account of their own must not try those of others without end.
    guard.addresses.take_back(address)
    return enter(request, user.id, local(after))


def later(response: Response, wait: float) -> Response:
    """The answer to one who failed too often, with the seconds to wait."""
    response.headers["Retry-After"] = str(math.ceil(wait))
    return response


def enter(request: Request, user_id: int, after: str) -> Response:
    """A new session for this browser; one that it had before ends."""
    old = session_token(request)

    def work(s: Session) -> str:
        if old is not None:
            people.close_session(s, old)
        return people.open_session(s, user_id)

    token = database(request).write(work)
    response = see(after)
    start(request, response, token)
    return response


@router.post("/logout")
@public
def logout(request: Request, form: Form) -> Response:
    token = session_token(request)
    if token is not None:
        database(request).write(lambda s: people.close_session(s, token))
    after = local(form.get("next", "/login"))
    response = see(after)
    end(request, response)
    return response


@router.post("/look")
@public
def look(request: Request, form: Form) -> Response:
    """Language and appearance, kept in cookies of this browser."""
    response = see(local(form.get("next")))
    kept: dict[str, Any] = {"max_age": 31536000, "samesite": "lax", "httponly": True}
    kept["secure"] = settings(request).https
    lang, theme = form.get("lang"), form.get("theme")
    if lang in LANGUAGES:
        response.set_cookie("honne_lang", str(lang), **kept)
        who = visitor(request)
        if who is not None:
            database(request).write(lambda s: people.set_language(s, who.id, str(lang)))
    if theme in THEMES:
        response.set_cookie("honne_theme", str(theme), **kept)
    elif theme == "auto":
        response.delete_cookie("honne_theme")
    return response


# ---------------------------------------------------------------- new accounts


class _Wrong(Exception):
    """A new account's form that cannot be taken: field -> key of the words that say why."""

    def __init__(self, **wrong: str) -> None:
        self.wrong = wrong


_EMPTY = {"name": "", "login": "", "password": ""}


def _checked(form: FormData) -> tuple[str, str, str]:
    name, login, password = (str(form.get(field, "")) for field in ("name", "login", "password"))
    name, login = " ".join(name.split()), login.strip()
    wrong = {}
    if not 1 <= len(name) <= 100 or not name.isprintable():
        wrong["name"] = "wrong_name"
    if not _LOGIN.fullmatch(login):
        wrong["login"] = "wrong_login"
    refused = wrong_password(password, login)
    if refused:
        wrong["password"] = refused
    if wrong:
        raise _Wrong(**wrong)
    return name, login, password


def wrong_password(password: str, login: str) -> str | None:
    """The key of the words that say why a password cannot be taken; None where it can."""
    least, most = _PASSWORD
    if len(password) < least:
        return "wrong_short"
    if len(password) > most:
        return "wrong_long"
    return "wrong_same" if password.casefold() == login.casefold() else None


def _told(request: Request, form: FormData, wrong: _Wrong) -> dict[str, dict[str, str]]:
    """What a refused form shows again: all but the password, and what is wrong with which field."""
    t = translator(language(request))
    fields = {**_EMPTY, "name": str(form.get("name", "")), "login": str(form.get("login", ""))}
    return {"fields": fields, "wrong": {**_EMPTY, **{k: t(f"account.{v}") for k, v in wrong.wrong.items()}}}


def hashed(password: str) -> str:
    """The hash of a password, made in line with all others."""
    with HASHING:
        return people.hashed(password)


@router.get("/invitation/{token}")
@public
def invited(request: Request, token: str) -> Response:
    return _invitation_page(request, token, {"fields": _EMPTY, "wrong": _EMPTY})


def _invitation_page(request: Request, token: str, told: dict[str, dict[str, str]], status: int = 200) -> Response:
    who = visitor(request)

    def work(s: Session) -> tuple[str, str, str | None] | None:
        # In a transaction that may lock the row, as accepting does.
        found = people.invitation(s, token)
        if found is None:
            return None
        role = people.role_of(s, who.id, found.project_id) if who else None
        return s.get_one(Project, found.project_id).name, found.role, role

    found = database(request).write(work)
    t = translator(language(request))
    if found is None:
        return page(
            request,
            "error.html",
            status=404,
            code="404",
            title=t("account.invited_gone_title"),
            text=t("account.invited_gone"),
        )
    project, role, now = found
    if now in (role, "owner"):
        text = t("account.invited_member", role=t(f"base.role_{now}"))
        return page(request, "error.html", code="", title=project, text=text)
    return page(request, "invitation.html", status=status, project=project, role=role, **told)


@router.post("/invitation/{token}")
@public
def accept(request: Request, token: str, form: Form) -> Response:
    who, lang = visitor(request), language(request)
    if who is None:
        try:
            name, login, password = _checked(form)
        except _Wrong as e:
            return _invitation_page(request, token, _told(request, form, e), 422)
        hash = hashed(password)

    def work(s: Session) -> tuple[int, int]:
        if people.invitation(s, token) is None:
            raise NotYours("")
        user_id = who.id if who else people.create_user(s, login, name, "", lang, hash=hash).id
        return user_id, people.accept(s, token, user_id).project_id

    try:
        user_id, project_id = database(request).write(work)
    except NotYours:
        return _invitation_page(request, token, {"fields": _EMPTY, "wrong": _EMPTY})
    except BadForm as e:
        wrong = _Wrong(**{e.field: "wrong_taken" if e.field == "login" else f"wrong_{e.field}"})
        return _invitation_page(request, token, _told(request, form, wrong), 422)
    after = f"/projects/{project_id}"
    return see(after) if who else enter(request, user_id, after)


@router.get("/first/{key}")
@public
def first_page(request: Request, key: str) -> Response:
    _first(request, key)
    return page(request, "first.html", fields=_EMPTY, wrong=_EMPTY)


@router.post("/first/{key}")
@public
def first(request: Request, key: str, form: Form) -> Response:
    """The account that owns the server; there is no second one by this way."""
    _first(request, key)
    try:
        name, login, password = _checked(form)
    except _Wrong as e:
        return page(request, "first.html", status=422, **_told(request, form, e))
    hash, lang = hashed(password), language(request)

    def work(s: Session) -> int:
        if count_users(s):
            raise NotYours("")
        return people.create_user(s, login, name, "", lang, hash=hash).id

    try:
        user_id = database(request).write(work)
    except NotYours:
        raise HTTPException(404) from None
    door(request).first = None
    return enter(request, user_id, "/")


def _first(request: Request, key: str) -> None:
    wanted = door(request).first
    if wanted is None or not hmac.compare_digest(wanted.encode(), key.encode(errors="replace")):
        raise HTTPException(404)
