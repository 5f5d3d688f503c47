"""Places for labels, and who holds them.

An answer has as many slots as people label it. A slot is leased to one person for half an hour, longer with every
draft; when the lease is over, somebody else may take it, and until somebody does it is still theirs. Nobody gets an
answer twice. Everybody has an order of their own, and gold items, which everybody labels, are mixed in evenly.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Integer, Row, and_, bindparam, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from honne.annotate import people
from honne.annotate.errors import NotYours
from honne.annotate.tables import Answer, Decision, Label, Membership, Moment, Project, Slot

__all__ = ["LEASE", "OPEN", "begin", "free", "held", "hold", "place", "take"]

LEASE = timedelta(minutes=30)
_PRIME = 2**31 - 1

# The statements of every request are built once: to build them costs more than to run them.
_USER, _AT = bindparam("user", type_=Integer), bindparam("at", type_=Moment)
OPEN = or_(
    Slot.state == "open",
    and_(Slot.state == "leased", or_(Slot.until < _AT, Slot.user_id == _USER)),
)
_HELD = (
    select(Answer, Slot)
    .join(Slot, Slot.answer_id == Answer.id)
    .join(Label, Label.slot_id == Slot.id)
    .where(Slot.project_id == bindparam("project"), Slot.user_id == _USER, Slot.state == "leased")
    .order_by(Label.opened.desc(), Slot.id)
    .limit(1)
    .with_for_update(of=Slot)
)
_PLACE = (
    select(Slot)
    .where(Slot.answer_id == bindparam("answer"), OPEN)
    .order_by(case((Slot.user_id == _USER, 0), else_=1), Slot.number)
    .limit(1)
    .with_for_update(skip_locked=True)
)
# The ids of answers that a user may still label, in the user's order, each with the number of all of them. An affine
# map modulo a prime, of random places, is for every user another shuffled order, made in the database.
_FREE = (
    select(Answer.id, func.count().over())
    .where(
        Answer.project_id == bindparam("project"),
        Answer.id.not_in(
            select(Label.answer_id).where(
                Label.project_id == bindparam("project"),
                Label.user_id == _USER,
                Label.state.in_(("submitted", "discarded")),
            )
        ),
        # Who decides on an answer knows what the others said of it.
        ~exists().where(Decision.answer_id == Answer.id, Decision.user_id == _USER),
        or_(Answer.design == "gold", exists().where(Slot.answer_id == Answer.id, OPEN)),
    )
    .order_by((Answer.place * bindparam("turn", type_=BigInteger) + bindparam("shift", type_=BigInteger)) % _PRIME)
    .limit(bindparam("most", type_=Integer))
)
_BEGIN = (
    select(Project, Membership.role)
    .join(Membership, Membership.project_id == Project.id)
    .where(Project.id == bindparam("project"), Membership.user_id == _USER)
    .with_for_update(of=Membership)
)


def begin(s: Session, project_id: int, user_id: int) -> Project:
    """The project, for one who labels in it; one request of a user at a time, so that two pages take one slot.

    Raises NotYours without the role.
    """
    found = s.execute(_BEGIN, {"project": project_id, "user": user_id}).first()
    if found is None or found[1] not in people.LABELLERS:
        raise NotYours(f"this needs the role {' or '.join(people.LABELLERS)} in the project")
    project: Project = found[0]
    return project


def held(s: Session, project_id: int, user_id: int) -> tuple[Answer, Slot] | None:
    """The answer that this user holds under lease, with its slot, locked; of several the last one that was shown."""
    found = s.execute(_HELD, {"project": project_id, "user": user_id}).first()
    return None if found is None else (found[0], found[1])


def free(s: Session, project: Project, user_id: int, at: datetime, most: int) -> Sequence[Row[int, int]]:
    """The next `most` answers that a user may still label, in their order: each id with the number of all of them."""
    mine = {
        "project": project.id,
        "user": user_id,
        "at": at,
        "turn": 1 + int(_unit(project, user_id, "turn") * (_PRIME - 2)),
        "shift": int(_unit(project, user_id, "shift") * (_PRIME - 1)),
        "most": most,
    }
    return s.execute(_FREE, mine).all()


def place(s: Session, answer: Answer, user_id: int, at: datetime) -> Slot | None:
    """A slot of this answer that the user holds or may take, locked; None where others have them all."""
    if answer.design == "gold":
        return _gold_slot(s, answer, user_id)
    return s.scalar(_PLACE, {"answer": answer.id, "user": user_id, "at": at})


def _gold_slot(s: Session, answer: Answer, user_id: int) -> Slot:
    """Everybody has a slot of their own of a gold item, with their user's number."""
    slot = s.scalar(select(Slot).where(Slot.answer_id == answer.id, Slot.number == user_id).with_for_update())
    if slot is None:
        slot = Slot(project_id=answer.project_id, answer_id=answer.id, number=user_id, state="open")
        s.add(slot)
        s.flush()
    return slot


def hold(s: Session, slot: Slot, label: Label, user_id: int, at: datetime) -> None:
    """Lease a slot to a user for the next half hour; who held it before keeps their draft, without a place."""
    if slot.user_id is not None and slot.user_id != user_id:
        s.execute(update(Label).where(Label.slot_id == slot.id, Label.user_id != user_id).values(slot_id=None))
    if slot.user_id != user_id or slot.token is None:
        slot.token = secrets.token_urlsafe(16)
    slot.state, slot.user_id, slot.until = "leased", user_id, at + LEASE
    label.slot_id = slot.id


def take(s: Session, project: Project, answer: Answer, slot: Slot, user_id: int, at: datetime) -> Label:
    """Lease a slot to a user, with their row of its answer, which is made where it is the first time."""
    label = s.scalar(select(Label).where(Label.answer_id == answer.id, Label.user_id == user_id))
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
