"""What only a project's owner does: people, the switch of suggestions, the log of changes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from honne.annotate import gold, log, passwords, people, suggestions
from honne.annotate.errors import BadForm, NotYours
from honne.annotate.server.pages import language, page
from honne.annotate.server.security import Member, form, member, see
from honne.annotate.server.settings import database, settings
from honne.annotate.server.words import translator
from honne.annotate.tables import User
from honne.errors import HonneError

__all__ = ["router"]

router = APIRouter()
Owner = Annotated[Member, Depends(member("owner"))]
Form = Annotated[FormData, Depends(form)]
Before = Annotated[int | None, Query(ge=0, le=2**31 - 1)]
_DAYS = 7
_ENTRIES = 100


@router.get("/projects/{project_id}/people")
def members(request: Request, owner: Owner) -> Response:
    return _people(request, owner)


@router.post("/projects/{project_id}/people")
def invite(request: Request, owner: Owner, form: Form) -> Response:
    """An invitation link. It is in this answer and nowhere else: only its hash is stored."""
    role = str(form.get("role", ""))
    if role not in people.ROLES:
        return _people(request, owner, status=422)
    token = database(request).write(lambda s: people.invite(s, owner.project_id, role, owner.id, _DAYS))
    return _people(request, owner, link=f"{settings(request).url}/invitation/{token}", role=role)


def _people(request: Request, owner: Member, status: int = 200, link: str = "", role: str = "annotator") -> Response:
    with database(request).read() as s:
        listed = people.members(s, owner.project_id)
        linkable = passwords.linkable(s, owner.project_id, owner.id)
    return page(
        request,
        "people.html",
        status=status,
        people=listed,
        linkable=linkable,
        owners=sum(one.role == "owner" for one in listed),
        roles=people.ROLES,
        link=link,
        role=role,
        days=_DAYS,
    )


@router.post("/projects/{project_id}/people/{user_id}/password")
def password_link(request: Request, owner: Owner, user_id: int) -> Response:
    """A link by which a member sets a new password, shown once as an invitation is."""
    try:
        token = database(request).write(lambda s: passwords.link(s, owner.project_id, user_id, owner.id))
    except NotYours:
        return _refused(request, owner, "password_refused")
    with database(request).read() as s:
        name = s.get_one(User, user_id).name
    return page(request, "password_link.html", link=f"{settings(request).url}/password/{token}", name=name)


@router.post("/projects/{project_id}/people/{user_id}/remove")
def remove(request: Request, owner: Owner, user_id: int) -> Response:
    try:
        database(request).write(lambda s: people.remove(s, owner.project_id, user_id, owner.id))
    except BadForm:
        return _refused(request, owner, "last_owner")
    except NotYours:
        return _refused(request, owner, "no_member")
    return see("/" if user_id == owner.id else f"/projects/{owner.project_id}/people")


def _refused(request: Request, owner: Member, why: str) -> Response:
    said = translator(language(request))(f"owner.{why}")
    return page(request, "refused.html", status=422, said=said, back=f"/projects/{owner.project_id}/people")


@router.post("/projects/{project_id}/suggestions")
def suggested(request: Request, owner: Owner, form: Form) -> Response:
    judge = str(form.get("judge", "")) or None
    try:
        suggestions.switch(database(request), owner.project_id, owner.id, judge)
    except HonneError as e:
        return page(request, "refused.html", status=422, said=str(e), back=f"/projects/{owner.project_id}/overview")
    return see(f"/projects/{owner.project_id}/overview")


@router.post("/projects/{project_id}/items/{answer_id}/gold")
def known(request: Request, owner: Owner, answer_id: int, form: Form) -> Response:
    """Say what the right label of an answer is, or that nobody knows."""
    label, back = str(form.get("label", "")) or None, f"/projects/{owner.project_id}/items/{answer_id}"
    try:
        database(request).write(lambda s: gold.mark(s, owner.project_id, owner.id, answer_id, label))
    except BadForm as e:
        return page(request, "refused.html", status=422, said=e.message, back=back)
    return see(back)


@router.get("/projects/{project_id}/log")
def changes(
    request: Request, owner: Owner, before: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None
) -> Response:
    with database(request).read() as s:
        entries = log.entries(s, owner.project_id, limit=_ENTRIES + 1, before=before)
    more = entries[_ENTRIES - 1].id if len(entries) > _ENTRIES else None
    return page(request, "log.html", entries=entries[:_ENTRIES], more=more, first=before is None)
