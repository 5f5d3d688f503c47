"""The audit log: every change, with who made it, and what was before and after.

Written in the transaction of the change itself, so that neither is ever without the other. A draft is no label yet and
is not logged; what becomes of it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from honne.annotate.tables import Base, Log, User
from honne.records import now

__all__ = ["Entry", "add", "entries"]


# Nothing reads a new entry in its transaction: no object is made of it, and its id is not asked for.
_ADD = insert(Base.metadata.tables[Log.__tablename__]).inline()


@dataclass(frozen=True)
class Entry:
    """One change. `who` is the user's name, None where honne itself made it."""

    id: int
    at: datetime
    user_id: int | None
    who: str | None
    what: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def add(
    s: Session,
    project_id: int | None,
    user_id: int | None,
    what: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write a change down; `what` is a verb such as `submit`, `subject` what it was done to, such as `answer 7`."""
    row = {
        "project_id": project_id,
        "user_id": user_id,
        "at": now(),
        "what": what,
        "subject": subject,
        "before": None if before is None else dict(before),
        "after": None if after is None else dict(after),
    }
    s.connection().execute(_ADD, row)


def entries(s: Session, project_id: int, limit: int = 100, before: int | None = None) -> list[Entry]:
    """The changes of a project, the last first; `before` is the id of the entry after which (in time) to go on."""
    query = select(Log, User.name).outerjoin(User, User.id == Log.user_id).where(Log.project_id == project_id)
    if before is not None:
        query = query.where(Log.id < before)
    rows = s.execute(query.order_by(Log.id.desc()).limit(limit))
    return [Entry(r.id, r.at, r.user_id, who, r.what, r.subject, r.before, r.after) for r, who in rows]
