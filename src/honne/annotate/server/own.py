"""What an annotator's page asks about their own items: which come before and after, what undo would take back, what
others hold, and what was read of late."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, exists, or_, select
from sqlalchemy.orm import Session

from honne.annotate import guides
from honne.annotate.leases import OPEN
from honne.annotate.tables import Decision, Label, Slot
from honne.records import now

__all__ = ["around", "last", "seen", "waiting"]

# Made once: to build a query costs more than to run it.
_MINE = (Label.project_id == bindparam("project"), Label.user_id == bindparam("user"))
_HERE = select(Label.id).where(Label.answer_id == bindparam("answer"), *_MINE).scalar_subquery()
_BEFORE = select(Label.answer_id).where(*_MINE, Label.id < _HERE).order_by(Label.id.desc()).limit(1)
_AFTER = select(Label.answer_id).where(*_MINE, Label.id > _HERE).order_by(Label.id).limit(1)
_LAST = (
    select(Label.answer_id)
    .outerjoin(Decision, Decision.answer_id == Label.answer_id)
    .where(*_MINE, Label.state.in_(("submitted", "discarded")), Decision.answer_id.is_(None))
    # As `submit.undo`: a discarded answer whose places others have since is passed over.
    .where(or_(Label.slot_id.is_not(None), exists().where(Slot.answer_id == Label.answer_id, OPEN)))
    .order_by(Label.at.desc(), Label.id.desc())
    .limit(1)
)
_AROUND = select(_LAST.scalar_subquery(), _BEFORE.scalar_subquery(), _AFTER.scalar_subquery())
_READ = (
    select(Label.at, Label.label)
    .where(*_MINE, Label.state == "submitted", Label.exposed)
    .order_by(Label.at.desc())
    .limit(100)
)
_HELD = (
    select(Slot.id)
    .where(Slot.project_id == bindparam("project"), Slot.state == "leased", Slot.user_id != bindparam("user"))
    .where(Slot.answer_id.not_in(select(Label.answer_id).where(*_MINE, Label.state.in_(("submitted", "discarded")))))
    .limit(1)
)


def around(s: Session, project_id: int, user_id: int, answer_id: int) -> tuple[int | None, int | None, int | None]:
    """The answer whose label undo would take back, and those before and after this one, in the order of their first
    showing."""
    here = {"project": project_id, "user": user_id, "answer": answer_id, "at": now()}
    last, before, after = s.execute(_AROUND, here).one()
    return last, before, after


def last(s: Session, project_id: int, user_id: int) -> int | None:
    """The answer whose label undo would take back."""
    return s.scalar(_LAST, {"project": project_id, "user": user_id, "at": now()})


def waiting(s: Session, project_id: int, user_id: int) -> bool:
    """Whether others hold places of answers that this annotator has not labelled."""
    return s.scalar(_HELD, {"project": project_id, "user": user_id}) is not None


def seen(s: Session, project_id: int, user_id: int, guide: guides.Guide) -> list[tuple[datetime, bool]]:
    """When this annotator read which texts of late, and whether their label calls them harmful."""
    bad = {choice.value for part in guide.parts for choice in part.choices if choice.tone == "bad"}
    rows = s.execute(_READ, {"project": project_id, "user": user_id})
    return [(at, label in bad) for at, label in rows if at is not None]
