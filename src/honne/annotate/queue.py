"""An annotator's work: which answer comes next, and what of it is shown.

An answer has as many slots as people label it. A slot is leased to one person for half an hour, longer with every
draft; when the lease is over, somebody else may take it, and until somebody does it is still theirs. Nobody gets an
answer twice. Everybody has an order of their own, and gold items, which everybody labels, are mixed in evenly.

Nothing here tells the model's name, what other people said, or what a judge said, except the suggestion that the owner
has switched on.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Integer, and_, bindparam, case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from honne.annotate import guides, people
from honne.annotate.errors import NotYours
from honne.annotate.tables import Answer, Label, Membership, Moment, Project, Run, Slot
from honne.engine.store import open_run
from honne.errors import StoreError, unknown
from honne.records import Message, now

__all__ = ["LEASE", "OPEN", "STATES", "QueueRow", "Task", "full_text", "messages", "next_task", "queue", "task"]

LEASE = timedelta(minutes=30)
STATES = ("pending", "draft", "submitted", "discarded")
_PRIME = 2**31 - 1
_AHEAD = 50
_TRIED = 20
_BEGINNING = 120


@dataclass(frozen=True)
class Task:
    """What an annotator sees of one answer.

    `answers` holds one text, or the two of a pairwise task in the order in which this annotator sees them (choice `a`
    is the first). `cut`: some text is longer than the database holds; `full_text` has it all. `suggestion` is a judge's
    verdict, where the owner has switched suggestions on and this answer is not kept without. `draft` is the form as it
    was last saved or submitted. `progress` is how many answers this annotator has done, of how many there are to do;
    `exposures` how many texts they have unblurred.
    """

    project_id: int
    answer_id: int
    slot: int | None
    lease_token: str | None
    until: datetime | None
    state: str
    question: tuple[Message, ...]
    answers: tuple[str, ...]
    cut: bool
    dimension: str
    lang: str
    guide: guides.Guide
    guide_part: guides.Part
    draft: dict[str, Any] | None
    suggestion: str | None
    progress: tuple[int, int]
    exposures: int


@dataclass(frozen=True)
class QueueRow:
    """A line of an annotator's list: the beginning of the question, and their own label if they gave one."""

    answer_id: int
    state: str
    beginning: str
    dimension: str
    lang: str
    label: str | None
    at: datetime | None


def next_task(s: Session, project_id: int, user_id: int, at: datetime | None = None) -> Task | None:
    """The answer that this annotator has before them, else the next free one in their order; None when all is done.

    Call it within `Database.write`: it takes a slot. Raises NotYours without the role.
    """
    at = at or now()
    project = begin(s, project_id, user_id)
    held = s.execute(_HELD, {"project": project_id, "user": user_id}).first()
    if held is not None:
        answer, slot = held
        return _shown(s, project, answer, _take(s, project, answer, slot, user_id, at), slot, user_id, at)
    # Others may take every one of these in this moment; then there are new ones, or none.
    while candidates := s.execute(_FREE, _mine(project, user_id, at, _TRIED)).all():
        for answer_id, left in candidates:
            answer = s.get_one(Answer, answer_id)
            free = place(s, answer, user_id, at)
            if free is not None:
                label = _take(s, project, answer, free, user_id, at)
                return _shown(s, project, answer, label, free, user_id, at, left)
    return None


def task(s: Session, project_id: int, user_id: int, answer_id: int, at: datetime | None = None) -> Task:
    """A given answer: one of the annotator's own, or a free one. Call it within `Database.write`.

    Raises NotYours without the role, for an answer of another project, and where every place of it is taken.
    """
    at = at or now()
    project = begin(s, project_id, user_id)
    answer = s.get(Answer, answer_id)
    if answer is None or answer.project_id != project_id:
        raise NotYours("no such answer in this project")
    label = s.scalar(select(Label).where(Label.answer_id == answer_id, Label.user_id == user_id))
    if label is not None and label.state == "submitted":
        return _shown(s, project, answer, label, s.get(Slot, label.slot_id) if label.slot_id else None, user_id, at)
    slot = place(s, answer, user_id, at)
    if slot is None:
        raise NotYours("every place of this answer is taken")
    return _shown(s, project, answer, _take(s, project, answer, slot, user_id, at), slot, user_id, at)


def queue(s: Session, project_id: int, user_id: int, state: str, at: datetime | None = None) -> list[QueueRow]:
    """An annotator's answers in one state, the last first; `pending` are the one at hand and the next free ones."""
    if state not in STATES:
        raise NotYours(unknown("state", state, STATES))
    project = s.get_one(Project, project_id)
    people.need_role(s, user_id, project_id, people.LABELLERS)
    rows = s.execute(
        select(Answer, Label)
        .join(Label, Label.answer_id == Answer.id)
        .where(Label.project_id == project_id, Label.user_id == user_id, Label.state == state)
        .order_by(func.coalesce(Label.at, Label.opened).desc(), Label.id.desc())
    )
    out = [_row(answer, state, shown_label(label), label.at or label.opened) for answer, label in rows]
    if state == "pending":
        seen = set(s.scalars(select(Label.answer_id).where(Label.project_id == project_id, Label.user_id == user_id)))
        ahead = [i for i, _ in s.execute(_FREE, _mine(project, user_id, at or now(), _AHEAD)) if i not in seen]
        found = {answer.id: answer for answer in s.scalars(select(Answer).where(Answer.id.in_(ahead)))}
        out += [_row(found[answer_id], state, None, None) for answer_id in ahead]
    return out


def full_text(s: Session, project_id: int, user_id: int, answer_id: int) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    """The whole question and answers from the run folder, in the order of `Task`, for one who has a label of it.

    Raises NotYours for anybody else, StoreError where the run folder is gone.
    """
    label = s.scalar(select(Label).where(Label.answer_id == answer_id, Label.user_id == user_id))
    answer = s.get(Answer, answer_id)
    if label is None or answer is None or answer.project_id != project_id:
        raise NotYours("this answer was not shown to you")
    question, texts = whole(s, answer)
    return question, texts[::-1] if label.swapped else texts


def whole(s: Session, answer: Answer) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    """The question and the answers as the run folders have them. Raises StoreError where they are gone."""
    if not answer.cut:
        texts = (answer.text,) if answer.other_text is None else (answer.text, answer.other_text)
        return messages(answer), texts
    question, text = _from_run(s, answer.run_id, answer.item_id, answer.sample)
    if answer.other_run_id is None:
        return question, (text,)
    asked, other = _from_run(s, answer.other_run_id, answer.item_id, answer.other_sample or 0)
    return asked, (text, other)


def shown_label(label: Label) -> str | None:
    """A label as its annotator gave it: of a swapped pair, `a` is the second answer of the project's order."""
    return turned(label.label) if label.swapped else label.label


def turned(label: str | None) -> str | None:
    """The preference for the same answer when the two change places."""
    return {"a": "b", "b": "a"}.get(label or "", label)


def place(s: Session, answer: Answer, user_id: int, at: datetime) -> Slot | None:
    """A slot of this answer that the user holds or may take, locked; None where others have them all."""
    if answer.design == "gold":
        return _gold_slot(s, answer, user_id)
    return s.scalar(_PLACE, {"answer": answer.id, "user": user_id, "at": at})


def hold(s: Session, slot: Slot, label: Label, user_id: int, at: datetime) -> None:
    """Lease a slot to a user for the next half hour; who held it before keeps their draft, without a place."""
    if slot.user_id is not None and slot.user_id != user_id:
        s.execute(update(Label).where(Label.slot_id == slot.id, Label.user_id != user_id).values(slot_id=None))
    if slot.user_id != user_id or slot.token is None:
        slot.token = secrets.token_urlsafe(16)
    slot.state, slot.user_id, slot.until = "leased", user_id, at + LEASE
    label.slot_id = slot.id


# ----------------------------------------------------------------------- free

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
        or_(Answer.design == "gold", exists().where(Slot.answer_id == Answer.id, OPEN)),
    )
    .order_by((Answer.place * bindparam("turn", type_=BigInteger) + bindparam("shift", type_=BigInteger)) % _PRIME)
    .limit(bindparam("most", type_=Integer))
)
_DONE = select(
    func.count().filter(Label.state.in_(("submitted", "discarded"))), func.count().filter(Label.exposed)
).where(Label.project_id == bindparam("project"), Label.user_id == _USER)
_BEGIN = (
    select(Project, Membership.role)
    .join(Membership, Membership.project_id == Project.id)
    .where(Project.id == bindparam("project"), Membership.user_id == _USER)
    .with_for_update(of=Membership)
)


def _mine(project: Project, user_id: int, at: datetime, most: int) -> dict[str, Any]:
    return {
        "project": project.id,
        "user": user_id,
        "at": at,
        "turn": 1 + int(_unit(project, user_id, "turn") * (_PRIME - 2)),
        "shift": int(_unit(project, user_id, "shift") * (_PRIME - 1)),
        "most": most,
    }


def _gold_slot(s: Session, answer: Answer, user_id: int) -> Slot:
    """Everybody has a slot of their own of a gold item, with their user's number."""
    slot = s.scalar(select(Slot).where(Slot.answer_id == answer.id, Slot.number == user_id).with_for_update())
    if slot is None:
        slot = Slot(project_id=answer.project_id, answer_id=answer.id, number=user_id, state="open")
        s.add(slot)
        s.flush()
    return slot


# ---------------------------------------------------------------------- taking


def begin(s: Session, project_id: int, user_id: int) -> Project:
    """The project, for one who labels in it; one request of a user at a time, so that two pages take one slot.

    Raises NotYours without the role.
    """
    found = s.execute(_BEGIN, {"project": project_id, "user": user_id}).first()
    if found is None or found[1] not in people.LABELLERS:
        raise NotYours(f"this needs the role {' or '.join(people.LABELLERS)} in the project")
    project: Project = found[0]
    return project


def _take(s: Session, project: Project, answer: Answer, slot: Slot, user_id: int, at: datetime) -> Label:
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


def _shown(
    s: Session,
    project: Project,
    answer: Answer,
    label: Label,
    slot: Slot | None,
    user_id: int,
    at: datetime,
    left: int | None = None,
) -> Task:
    guide = guides.load(project.guide)
    texts = (answer.text,) if answer.other_text is None else (answer.text, answer.other_text)
    done, exposures = s.execute(_DONE, {"project": project.id, "user": user_id}).one()
    if left is None:
        first = s.execute(_FREE, _mine(project, user_id, at, 1)).first()
        left = 0 if first is None else first[1]
    draft = form_of(label) if label.state == "submitted" else label.draft
    return Task(
        project_id=project.id,
        answer_id=answer.id,
        slot=None if slot is None else slot.number,
        lease_token=None if slot is None else slot.token,
        until=None if slot is None else slot.until,
        state=label.state,
        question=messages(answer),
        answers=texts[::-1] if label.swapped else texts,
        cut=answer.cut,
        dimension=answer.category,
        lang=answer.lang,
        guide=guide,
        guide_part=guides.part(guide, answer.category),
        draft=draft,
        suggestion=label.suggestion,
        progress=(done, done + left),
        exposures=exposures,
    )


def form_of(label: Label) -> dict[str, Any]:
    """A label as the form that its annotator sent."""
    return {
        "label": shown_label(label),
        "reasons": label.reasons or [],
        "flags": label.flags or [],
        "note": label.note or "",
        "exposed": label.exposed,
        "seconds": label.seconds,
    }


def _row(answer: Answer, state: str, label: str | None, at: datetime | None) -> QueueRow:
    last = " ".join(answer.question[-1][1].split()) if answer.question else ""
    return QueueRow(answer.id, state, last[:_BEGINNING], answer.category, answer.lang, label, at)


def messages(answer: Answer) -> tuple[Message, ...]:
    """The question as the database holds it."""
    return tuple(Message(role, content) for role, content in answer.question)


def _unit(project: Project, user_id: int, what: str) -> float:
    """A number in [0, 1) that is this project's and user's own, and always the same."""
    seed = project.plan.get("seed", 0)
    digest = hashlib.sha256(f"{seed}/{project.id}/{user_id}/{what}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _from_run(s: Session, run_id: int, item_id: str, sample: int) -> tuple[tuple[Message, ...], str]:
    row = s.get_one(Run, run_id)
    run = open_run(row.path)
    item = next((one for one in run.items() if one.id == item_id), None)
    response = next((one for one in run.responses() if one.item_id == item_id and one.sample == sample), None)
    if item is None or response is None or response.text is None:
        raise StoreError(f"{row.path} no longer has the answer to {item_id}")
    return item.messages if response.messages is None else response.messages, response.text
