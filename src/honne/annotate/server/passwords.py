"""New passwords: one's own, and by the link of an owner (`annotate.passwords`)."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from honne.annotate import passwords, people
from honne.annotate.errors import NotYours
from honne.annotate.server.accounts import HASHING, door, enter, hashed, later, wrong_password
from honne.annotate.server.pages import language, page
from honne.annotate.server.security import Visitor, anyone, form, public, see, start
from honne.annotate.server.settings import database
from honne.annotate.server.words import translator

__all__ = ["router"]

router = APIRouter()
Form = Annotated[FormData, Depends(form)]
Who = Annotated[Visitor, Depends(anyone)]


@router.get("/account")
def account(request: Request, who: Who, changed: str = "") -> Response:
    return page(request, "account.html", changed=changed == "1", wrong={})


@router.post("/account")
def change(request: Request, who: Who, form: Form) -> Response:
    """Change one's password; every other session of this account ends."""
    t, guard, key = translator(language(request)), door(request), people.login_key(who.login)
    old, new = str(form.get("old", ""))[:1000], str(form.get("new", ""))

    def told(status: int, **wrong: str) -> Response:
        return page(request, "account.html", status=status, changed=False, wrong=wrong)

    refused = wrong_password(new, who.login)
    if refused is not None:
        return told(422, new=t(f"account.{refused}"))
    # Counted as log-ins are: a page that somebody left open is no place to try passwords at.
    wait = guard.accounts.wait(key)
    if wait:
        return later(told(429, old=t("account.login_wait", n=math.ceil(wait / 60))), wait)
    with HASHING, database(request).read() as s:
        user = people.check_password(s, who.login, old)
    if user is None:
        return told(422, old=t("account.wrong_old"))
    guard.accounts.forget(key)
    seen, hash = user.password_hash, hashed(new)

    def work(s: Session) -> str:
        passwords.change(s, who.id, seen, hash)
        return people.open_session(s, who.id)

    token = database(request).write(work)
    response = see("/account?changed=1")
    start(request, response, token)
    return response


@router.get("/password/{token}")
@public
def by_link(request: Request, token: str) -> Response:
    return _by_link(request, token)


@router.post("/password/{token}")
@public
def set_by_link(request: Request, token: str, form: Form) -> Response:
    """Set the password of the account that the link is for, and log in."""
    login, new = _login(request, token), str(form.get("new", ""))
    refused = None if login is None else wrong_password(new, login)
    if login is None or refused is not None:
        wrong = translator(language(request))(f"account.{refused}") if refused else ""
        return _by_link(request, token, wrong)
    hash = hashed(new)
    try:
        user_id = database(request).write(lambda s: passwords.set_by_link(s, token, hash))
    except NotYours:
        return _by_link(request, token)
    door(request).accounts.forget(people.login_key(login))
    return enter(request, user_id, "/")


def _login(request: Request, token: str) -> str | None:
    """The account of a link; None where it does not hold."""

    def work(s: Session) -> str | None:
        # In a transaction that may lock the row, as using it does.
        user = passwords.for_link(s, token)
        return None if user is None else user.login

    return database(request).write(work)


def _by_link(request: Request, token: str, wrong: str = "") -> Response:
    login, t = _login(request, token), translator(language(request))
    if login is None:
        title, text = t("account.invited_gone_title"), t("account.invited_gone")
        return page(request, "error.html", status=404, code="404", title=title, text=text)
    return page(request, "password.html", status=422 if wrong else 200, login=login, wrong=wrong)
