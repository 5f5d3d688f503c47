"""The adjudicator's pages: what annotators disagree on, the most disputed first, and the one that settles an answer."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from honne.annotate import adjudicate
from honne.annotate.errors import BadForm, NotYours
from honne.annotate.server.item import View, category_name, gone, whole_text
from honne.annotate.server.label import fields, key_rows, part_only
from honne.annotate.server.pages import language, page
from honne.annotate.server.security import Member, form, member, see
from honne.annotate.server.settings import database
from honne.annotate.server.shown import marked
from honne.annotate.server.words import translator
from honne.annotate.tables import Decision
from honne.errors import StoreError

__all__ = ["router"]

router = APIRouter(prefix="/projects/{project_id}/adjudicate")
Adjudicator = Annotated[Member, Depends(member("adjudicator", "owner"))]
Sent = Annotated[FormData, Depends(form)]

_PAGE = 100
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Opinion:
    """An annotator's label in words; `who` is a letter in a blind project."""

    who: str
    label: str
    words: str
    tone: str
    reasons: list[str]
    flags: list[str]
    note: Markup | None


@router.get("")
def disputes(request: Request, who: Adjudicator, after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0) -> Response:
    """The answers to decide on, the most disputed first."""
    lang = language(request)
    with database(request).read() as s:
        rows = adjudicate.to_adjudicate(s, who.project_id, after, _PAGE + 1)
        decided = list(s.execute(select(Decision.answer_id, Decision.label).where(*_mine(who)).order_by(Decision.at)))
    if after and not rows:
        # All that stood here is decided: "nothing to decide" would be said of the pages before it, too.
        return see(_home(who))
    listed = [
        {
            "answer_id": d.answer_id,
            "category": category_name(d.guide_part, d.dimension),
            "opinions": _opinions(d, lang),
            "distance": d.distance,
        }
        for d in rows[:_PAGE]
    ]
    more = after + _PAGE if len(rows) > _PAGE else None
    known: dict[str, Any] = {"home": _home(who), "rows": listed, "decided": decided[::-1]}
    return page(request, "adjudicate.html", after=after, more=more, **known)


@router.get("/{answer_id}")
def one(request: Request, who: Adjudicator, answer_id: int) -> Response:
    """One answer with its labels."""
    return _show(request, who, answer_id)


@router.get("/{answer_id}/text/{which}")
def text(request: Request, who: Adjudicator, answer_id: int, which: str) -> Response:
    """What the page left out of a long text."""
    try:
        with database(request).read() as s:
            found = adjudicate.full_text(s, who.project_id, who.id, answer_id)
    except NotYours:
        raise HTTPException(403) from None
    except StoreError:
        return gone(request)
    return whole_text(request, found, which)


@router.post("/{answer_id}")
def decide(request: Request, who: Adjudicator, answer_id: int, sent: Sent) -> Response:
    """Settle an answer; then comes the most disputed of those that are left."""
    t = translator(language(request))
    key = str(sent.get("key"))
    try:
        database(request).write(lambda s: adjudicate.decide(s, who.project_id, who.id, answer_id, fields(sent), key))
    except BadForm as e:
        return _refused(request, who, answer_id, 422, t(f"label.wrong_{e.field}"))
    except NotYours:
        return _refused(request, who, answer_id, 409, t("adjudicate.not_yours"))
    with database(request).read() as s:
        left = adjudicate.disputed(s, who.project_id)
    if not part_only(request):
        return see(f"{_home(who)}/{left[0]}" if left else _home(who))
    return _show(request, who, left[0] if left else None, said=t("label.sent"))


def _home(who: Member) -> str:
    return f"/projects/{who.project_id}/adjudicate"


def _mine(who: Member) -> tuple[Any, ...]:
    return Decision.project_id == who.project_id, Decision.user_id == who.id


def _opinions(found: adjudicate.Dispute, lang: str) -> list[Opinion]:
    choices = {choice.value: choice for choice in found.guide_part.choices}
    out = []
    for opinion in found.opinions:
        choice = choices.get(opinion.label)
        out.append(
            Opinion(
                who=opinion.annotator or _LETTERS[(opinion.number - 1) % len(_LETTERS)],
                label=opinion.label,
                words=choice.words[lang] if choice else "",
                tone=choice.tone if choice else "plain",
                reasons=[found.guide.reasons[code][lang] for code in opinion.reasons if code in found.guide.reasons],
                flags=[found.guide.flags[code][lang] for code in opinion.flags if code in found.guide.flags],
                note=marked(opinion.note) if opinion.note else None,
            )
        )
    return out


def _show(request: Request, who: Member, answer_id: int | None, *, status: int = 200, said: str = "") -> Response:
    """The page of an answer, or the fragment of it that the script replaces; None: nothing is left to decide."""
    lang, home = language(request), _home(who)
    known: dict[str, Any] = {"home": home, "said": said, "found": None, "fragment": "adjudicate_one.html"}
    with database(request).read() as s:
        if answer_id is not None:
            try:
                found = adjudicate.dispute(s, who.project_id, who.id, answer_id)
            except NotYours:
                raise HTTPException(403) from None
            known |= {
                "found": found,
                "view": View.of(found, f"{home}/{answer_id}/text"),
                "guide": found.guide,
                "part": found.guide_part,
                "opinions": _opinions(found, lang),
                "key": secrets.token_urlsafe(16),
            }
            known |= _neighbours(s, who, answer_id)
    if part_only(request):
        return page(request, known["fragment"], status=status, **known)
    rows = key_rows(request, without=("draft", "undo"))
    return page(request, "adjudicate_page.html", status=status, key_rows=rows, **known)


def _neighbours(s: Session, who: Member, answer_id: int) -> dict[str, Any]:
    """Where the arrows lead: through the disputes in their order, before them the answers that one has decided on."""
    mine = s.scalars(select(Decision.answer_id).where(*_mine(who)).order_by(Decision.at)).all()
    open_ones = adjudicate.disputed(s, who.project_id)
    row = [*mine, *open_ones]
    at = row.index(answer_id) if answer_id in row else None
    home = _home(who)
    return {
        "before": f"{home}/{row[at - 1]}" if at else None,
        "after": f"{home}/{row[at + 1]}" if at is not None and at + 1 < len(row) else None,
        "left": len(open_ones),
        "decided": len(mine),
    }


def _refused(request: Request, who: Member, answer_id: int, status: int, why: str) -> Response:
    if part_only(request):
        return PlainTextResponse(why, status)
    return _show(request, who, answer_id, status=status, said=why)
