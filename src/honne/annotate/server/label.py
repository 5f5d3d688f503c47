"""The annotator's page: one answer to label, one's own items, drafts, discards and undo.

A page asks for a task and sends what was made of it. Its script sends with `X-Part` and gets the next task as a
fragment; without scripts the same forms work and lead back to the page.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from sqlalchemy.orm import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from honne.annotate import guides, queue, reading, submit
from honne.annotate.errors import AlreadyGiven, BadForm, Decided, LeaseLost, NoSuchAnswer, NotShown, NotYours
from honne.annotate.server import own, pause
from honne.annotate.server.item import View, category_name, gone, whole_text
from honne.annotate.server.pages import language, page
from honne.annotate.server.security import Member, form, member, see
from honne.annotate.server.settings import database
from honne.annotate.server.words import translator
from honne.annotate.tables import Project
from honne.errors import StoreError
from honne.records import now

__all__ = ["fields", "key_rows", "part_only", "router"]

router = APIRouter(prefix="/projects/{project_id}/label")
Labeller = Annotated[Member, Depends(member("annotator", "owner"))]
Sent = Annotated[FormData, Depends(form)]

_PAGE = 100
_KEYS = (
    ("1 … 9, 0", "choice"),
    ("↑ ↓", "updown"),
    ("← →", "leftright"),
    ("enter", "enter"),
    ("Ctrl enter", "note_enter"),
    ("Ctrl S", "draft"),
    ("backspace", "undo"),
    ("b", "blur"),
    ("n", "note"),
    ("g", "guideline"),
    ("?", "help"),
)


@router.get("")
def next_one(request: Request, who: Labeller) -> Response:
    """The answer at hand, or the next one."""
    return _show(request, who, database(request).write(lambda s: _shown(s, who, _next(s, who))))


@router.get("/queue")
def listed(
    request: Request, who: Labeller, state: str = "submitted", after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0
) -> Response:
    """One's own items in one state."""
    if state not in queue.STATES:
        raise HTTPException(404)
    lang = language(request)
    with database(request).read() as s:
        counts = queue.counts(s, who.project_id, who.id)
        found = queue.queue(s, who.project_id, who.id, state, after, _PAGE + 1)
        guide = _guide(s, who.project_id)
    rows = [
        {
            "answer_id": row.answer_id,
            "category": category_name(guides.part(guide, row.dimension), row.dimension),
            "label": row.label,
            "words": _words(guide, row.dimension, row.label, lang),
            "at": row.at,
        }
        for row in found[:_PAGE]
    ]
    known: dict[str, Any] = {"home": _home(who), "rows": rows, "state": state, "states": counts.items()}
    more = after + _PAGE if len(found) > _PAGE else None
    return page(request, "label_queue.html", after=after, more=more, **known)


@router.get("/after/{answer_id}")
def another(request: Request, who: Labeller, answer_id: int) -> Response:
    """The next answer after this one, which stays a draft; one's drafts where there is none."""
    task = database(request).write(lambda s: queue.another(s, who.project_id, who.id, answer_id))
    return see(f"{_home(who)}/queue?state=draft" if task is None else f"{_home(who)}/{task.answer_id}")


@router.post("/undo")
def undo(request: Request, who: Labeller, sent: Sent) -> Response:
    """Take back the last label or discard, if it still is the one that the page names: a request sent again must not
    take back one more."""
    t = translator(language(request))

    def work(s: Session) -> tuple[bool, queue.Task | None, _Shown | None]:
        named = str(own.last(s, who.project_id, who.id) or "") == sent.get("last")
        task = submit.undo(s, who.project_id, who.id) if named else None
        return named, task, _shown(s, who, task or _next(s, who)) if part_only(request) else None

    named, task, shown = database(request).write(work)
    if shown is None:
        return see(f"{_home(who)}/{task.answer_id}" if task else _home(who))
    said = t("label.undone") if task else t("label.nothing_to_undo") if named else ""
    return _show(request, who, shown, said=said)


@router.get("/{answer_id}")
def given(request: Request, who: Labeller, answer_id: int) -> Response:
    """One of one's own answers."""
    try:
        shown = database(request).write(lambda s: _shown(s, who, queue.task(s, who.project_id, who.id, answer_id)))
    except NotYours as e:
        raise _refusal(e) from None
    except LeaseLost:
        return _refused(request, who, 409, translator(language(request))("label.lease_lost"))
    return _show(request, who, shown)


@router.get("/{answer_id}/text/{which}")
def text(request: Request, who: Labeller, answer_id: int, which: str) -> Response:
    """What the page left out of a long text; all of it as plain text where no script asks."""
    try:
        with database(request).read() as s:
            found = reading.full_text(s, who.project_id, who.id, answer_id)
    except NotYours as e:
        raise _refusal(e) from None
    except StoreError:
        return gone(request)
    return whole_text(request, found, which)


@router.post("/{answer_id}")
def send(request: Request, who: Labeller, answer_id: int, sent: Sent) -> Response:
    """Submit, draft or discard."""
    t = translator(language(request))
    what, key = str(sent.get("do")), str(sent.get("key"))
    if what not in _ACTS:
        raise HTTPException(400)
    onward = what != "draft" and part_only(request)

    def work(s: Session) -> _Shown | None:
        # The address names the project, and the role was checked for that one.
        _ACTS[what](s, who.id, answer_id, fields(sent), key, project_id=who.project_id)
        return _shown(s, who, _next(s, who), watch=what == "submit") if onward else None

    try:
        shown = database(request).write(work)
    except BadForm as e:
        return _refused(request, who, 422, t(f"label.wrong_{e.field}"))
    except LeaseLost:
        return _refused(request, who, 409, t("label.lease_lost"))
    except (NoSuchAnswer, NotShown) as e:
        raise _refusal(e) from None
    except AlreadyGiven:
        return _refused(request, who, 409, t("label.already_given"))
    except Decided:
        return _refused(request, who, 409, t("label.decided"))
    except NotYours:
        return _refused(request, who, 409, t("label.not_yours"))
    if not part_only(request):
        return see(f"{_home(who)}/{answer_id}" if what == "draft" else _home(who))
    if shown is None:
        return Response(status_code=204)
    return _show(request, who, shown, said=t("label.sent") if what == "submit" else t("label.discarded"))


def fields(sent: FormData) -> dict[str, Any]:
    """The form as the store takes it; what is no number of seconds is an unknown time."""
    try:
        seconds: float | None = float(str(sent.get("seconds")))
    except ValueError:
        seconds = None
    return {
        "label": sent.get("label"),
        "reasons": sent.getlist("reasons"),
        "flags": sent.getlist("flags"),
        "note": sent.get("note"),
        "exposed": "exposed" in sent,
        "seconds": seconds,
    }


def part_only(request: Request) -> bool:
    """Whether the page's script asks, which takes a fragment."""
    return "x-part" in request.headers


def key_rows(request: Request, without: Sequence[str] = ()) -> list[tuple[list[str], str]]:
    """The keys with what they do, in the reader's language."""
    t = translator(language(request))
    named = {"enter": t("label.enter"), "backspace": t("label.backspace")}
    return [
        ([named.get(key, key) for key in (names.split(" ") if "…" not in names else [names])], t(f"label.key_{what}"))
        for names, what in _KEYS
        if what not in without
    ]


_ACTS = {"submit": submit.submit, "draft": submit.save_draft, "discard": submit.discard}


def _refusal(why: NotYours) -> HTTPException:
    """The answer to one who asks for what is not theirs: whether it exists is for the project's people to know."""
    return HTTPException(404 if isinstance(why, NoSuchAnswer) else 403)


def _home(who: Member) -> str:
    return f"/projects/{who.project_id}/label"


def _guide(s: Session, project_id: int) -> guides.Guide:
    return guides.load(s.get_one(Project, project_id).guide)


def _words(guide: guides.Guide, category: str, value: str | None, lang: str) -> str | None:
    found = next((c for c in guides.part(guide, category).choices if c.value == value), None)
    return None if found is None else found.words[lang]


@dataclass(frozen=True)
class _Shown:
    """What a page shows: the task (None: nothing is free, `waiting`: others hold some), the answers before and after
    it and the one whose label undo would take back, and whether a pause is due."""

    task: queue.Task | None
    last: int | None
    before: int | None
    after: int | None
    waiting: bool
    pause: bool


def _next(s: Session, who: Member) -> queue.Task | None:
    return queue.next_task(s, who.project_id, who.id)


def _shown(s: Session, who: Member, task: queue.Task | None, *, watch: bool = False) -> _Shown:
    """All of a page, in the transaction that found the task; `watch`: look whether a pause is due."""
    mine = (who.project_id, who.id)
    around = own.around(s, *mine, task.answer_id if task else 0)
    tired = False
    if watch:
        tired = pause.due(own.seen(s, *mine, task.guide if task else _guide(s, who.project_id)), now())
    return _Shown(task, *around, waiting=task is None and own.waiting(s, *mine), pause=tired)


def _show(request: Request, who: Member, shown: _Shown, *, status: int = 200, said: str = "") -> Response:
    """The page with a task, or the fragment of it that the script replaces."""
    lang, home, task = language(request), _home(who), shown.task
    known: dict[str, Any] = {"home": home, "said": said, "task": task, "pause": shown.pause, "last": shown.last or ""}
    known |= {"fragment": "label_task.html", "finished": not shown.waiting}
    if task is not None:
        draft = {"label": None, "reasons": [], "flags": [], "note": "", "seconds": None, **(task.draft or {})}
        onward = {"submitted": home, "draft": f"{home}/after/{task.answer_id}"}.get(task.state)
        known |= {
            "view": View.of(task, f"{home}/{task.answer_id}/text"),
            "guide": task.guide,
            "part": task.guide_part,
            "draft": {**draft, "seconds": draft["seconds"] or 0},
            "key": secrets.token_urlsafe(16),
            "suggested": _words(task.guide, task.dimension, task.suggestion, lang) or task.suggestion,
            "before": f"{home}/{shown.before}" if shown.before else None,
            "after": f"{home}/{shown.after}" if shown.after else onward,
        }
    if part_only(request):
        return page(request, known["fragment"], status=status, **known)
    return page(request, "label.html", status=status, key_rows=key_rows(request), **known)


def _refused(request: Request, who: Member, status: int, why: str) -> Response:
    if part_only(request):
        return PlainTextResponse(why, status)
    shown = database(request).write(lambda s: _shown(s, who, _next(s, who)))
    return _show(request, who, shown, status=status, said=why)
