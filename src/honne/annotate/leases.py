"""Places for labels, and who holds them.

An answer has as many slots as people label it. A slot is leased to one person for half an hour, longer with every
draft; when the lease is over, somebody else may take it, and until somebody does it is still theirs. Nobody gets an
answer twice. Everybody has an order of their own, and gold items, which everybody labels, are mixed in evenly.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, Integer, and_, bindparam, case, func, or_, select, true, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from honne.annotate import people
from honne.annotate.errors import NotYours
from honne.annotate.tables import Answer, Decision, Label, Membership, Moment, Project, Slot

__all__ = ["LEASE", "OPEN", "Ahead", "Place", "ahead", "begin", "hold", "place", "take"]

LEASE = timedelta(minutes=30)
_PRIME = 2**31 - 1

# The statements of every request are built once: to build them costs more than to run them.
_PROJECT, _USER = bindparam("project", type_=Integer), bindparam("user", type_=Integer)
_AT = bindparam("at", type_=Moment)
OPEN = or_(
    Slot.state == "open",
    and_(Slot.state == "leased", or_(Slot.until < _AT, Slot.user_id == _USER)),
)
_MINE = and_(Label.project_id == _PROJECT, Label.user_id == _USER)
_DONE = Label.state.in_(("submitted", "discarded"))
# Of several the one that was shown last.
_HELD = (
    select(Slot.answer_id)
    .join(Label, Label.slot_id == Slot.id)
    .where(Slot.project_id == _PROJECT, Slot.user_id == _USER, Slot.state == "leased")
    .order_by(Label.opened.desc(), Slot.id)
    .limit(1)
)
# The answers that a user may still label, in the user's order, each with the number of all of them. An affine map
# modulo a prime, of random places, is for every user another shuffled order, made in the database.
_FREE = (
    select(
        Answer.id,
        func.count().over().label("left"),
        ((Answer.place * bindparam("turn", type_=BigInteger) + bindparam("shift", type_=BigInteger)) % _PRIME).label(
            "rank"
        ),
    )
    .where(
        Answer.project_id == _PROJECT,
        Answer.id.not_in(select(Label.answer_id).where(_MINE, _DONE)),
        # Who decides on an answer knows what the others said of it.
        Answer.id.not_in(select(Decision.answer_id).where(Decision.project_id == _PROJECT, Decision.user_id == _USER)),
        or_(Answer.design == "gold", Answer.id.in_(select(Slot.answer_id).where(Slot.project_id == _PROJECT, OPEN))),
    )
    .order_by("rank")
    .limit(bindparam("most", type_=Integer))
    .subquery()
)
_COUNTS = (
    select(
        func.count().filter(_DONE).label("done"),
        func.count().filter(Label.exposed).label("exposures"),
        _HELD.scalar_subquery().label("held"),
    )
    .where(_MINE)
    .subquery()
)
_AHEAD = select(_COUNTS, _FREE.c.id, _FREE.c.left).outerjoin(_FREE, true()).order_by(_FREE.c.rank)
# A place that the user has comes before one that is free. Of a gold item everybody has one of their own.
_PLACE = (
    select(Answer, Slot, Label)
    .join(Slot, Slot.answer_id == Answer.id)
    .outerjoin(Label, and_(Label.answer_id == Answer.id, Label.user_id == _USER))
    .where(
        Answer.id == bindparam("answer"),
        case((Answer.design == "gold", Slot.number == _USER), else_=OPEN),
    )
    .order_by(case((Slot.user_id == _USER, 0), else_=1), Slot.number)
    .limit(1)
    .with_for_update(of=Slot, skip_locked=True)
)
_BEGIN = (
    select(Project, Membership.role)
    .join(Membership, Membership.project_id == Project.id)
    .where(Project.id == _PROJECT, Membership.user_id == _USER)
    .with_for_update(of=Membership)
)


@dataclass(frozen=True)
class Ahead:
    """What a user has done and unblurred, how many answers are `left` to them, and the next ones in their order, of
    which the first is the one that they hold, if any."""

    done: int
    exposures: int
    left: int
    answers: tuple[int, ...]


class Place(NamedTuple):
    """A slot of an answer, locked, and the user's row of the answer, which is not there before the first time."""

    answer: Answer
    slot: Slot
    label: Label | None


def begin(s: Session, project_id: int, user_id: int) -> Project:
    """The project, for one who labels in it; one request of a user at a time, so that two pages take one slot.

    Raises NotYours without the role.
    """
    known: dict[tuple[int, int], Project] = s.info.setdefault("begun", {})
    if (project_id, user_id) not in known:
        found = s.execute(_BEGIN, {"project": project_id, "user": user_id}).first()
        if found is None or found[1] not in people.LABELLERS:
            raise NotYours(f"this needs the role {' or '.join(people.LABELLERS)} in the project")
        # The lock is held until the transaction ends, and the session with it.
        known[project_id, user_id] = found[0]
    return known[project_id, user_id]


def ahead(s: Session, project: Project, user_id: int, at: datetime, most: int) -> Ahead:
    """What a user has done, and the next `most` answers that they may label."""
    mine = {
        "project": project.id,
        "user": user_id,
        "at": at,
        "turn": 1 + int(_unit(project, user_id, "turn") * (_PRIME - 2)),
        "shift": int(_unit(project, user_id, "shift") * (_PRIME - 1)),
        "most": most,
    }
    rows = s.execute(_AHEAD, mine).all()
    done, exposures, held, _, left = rows[0]
    answers = dict.fromkeys(i for i in (held, *(row[3] for row in rows)) if i is not None)
    return Ahead(done, exposures, left or 0, tuple(answers))


def place(s: Session, answer_id: int, user_id: int, at: datetime) -> Place | None:
    """A slot of this answer that the user holds or may take, locked; None where others have them all."""
    found = s.execute(_PLACE, {"answer": answer_id, "user": user_id, "at": at}).first()
    if found is not None:
        return Place(*found)
    answer = s.get_one(Answer, answer_id)
    if answer.design != "gold":
        return None
    slot = Slot(project_id=answer.project_id, answer_id=answer_id, number=user_id, state="open")
    s.add(slot)
    s.flush()
    return Place(answer, slot, s.scalar(select(Label).where(Label.answer_id == answer_id, Label.user_id == user_id)))


def hold(s: Session, slot: Slot, label: Label, user_id: int, at: datetime) -> None:
    """Lease a slot to a user for the next half hour; who held it before keeps their draft, without a place."""
    if slot.user_id is not None and slot.user_id != user_id:
        s.execute(update(Label).where(Label.slot_id == slot.id, Label.user_id != user_id).values(slot_id=None))
    new = slot.user_id != user_id or slot.token is None
    if new:
        slot.token = secrets.token_urlsafe(16)
    slot.state, slot.user_id, slot.until = "leased", user_id, at + LEASE
    label.slot_id = slot.id
    if new:
        # Written also where it seems to be there: others may have emptied it since the row was read.
        flag_modified(label, "slot_id")


def take(s: Session, project: Project, place: Place, user_id: int, at: datetime) -> Label:
    """Lease a place to a user, with their row of its answer, which is made where it is the first time."""
    answer, slot, label = place
    if label is None:
        label = Label(
            project_id=project.id,
            answer_id=answer.id,
            user_id=user_id,
            state="pending",
            exposed=False,
            swapped=answer.other_text is not None and _unit(project, user_id, f"order/{answer.place}") < 0.5,
            design=answer.design,
            inclusion=answer.inclusion,
            opened=at,
        )
    elif label.state == "discarded":
        label.state, label.opened = ("draft" if label.draft else "pending"), at
    hold(s, slot, label, user_id, at)
    s.add(label)
    if project.suggestions is not None and not answer.held and answer.suggestion is not None:
        # Kept once seen, also where the owner switches suggestions off before the label is given.
        label.suggestion, label.suggestion_judge = answer.suggestion, project.suggestions
    s.flush()
    return label


def _unit(project: Project, user_id: int, what: str) -> float:
    """A number in [0, 1) that is this project's and user's own, and always the same."""
    seed = project.plan.get("seed", 0)
    digest = hashlib.sha256(f"{seed}/{project.id}/{user_id}/{what}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
