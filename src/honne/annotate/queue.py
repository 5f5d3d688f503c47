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

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from honne.annotate import guides, people
from honne.annotate.errors import NotYours
from honne.annotate.tables import Answer, Label, Membership, Project, Run, Slot
from honne.engine.store import open_run
from honne.errors import StoreError, unknown
from honne.records import Message, now

__all__ = ["LEASE", "STATES", "QueueRow", "Task", "full_text", "messages", "next_task", "queue", "task"]

LEASE = timedelta(minutes=30)
STATES = ("pending", "draft", "submitted", "discarded")
_PRIME = 2**31 - 1
_AHEAD = 50
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
    project = _begin(s, project_id, user_id)
    held = s.execute(
        select(Answer, Slot)
        .join(Slot, Slot.answer_id == Answer.id)
        .join(Label, Label.slot_id == Slot.id)
        .where(Slot.project_id == project_id, Slot.user_id == user_id, Slot.state == "leased")
        .order_by(Label.opened.desc(), Slot.id)
        .limit(1)
        .with_for_update(of=Slot)
    ).first()
    if held is not None:
        answer, slot = held
    else:
        done, ordinary, gold = _left(s, project, user_id, at)
        # So that gold items come evenly among the others, whatever there is of either.
        due = _unit(project, user_id, f"gold/{done}") < gold / max(gold + ordinary, 1)
        found = _next_gold(s, project, user_id) if due else _next(s, project, user_id, at)
        # Where others were quicker by a moment, what is left of the other kind is as good.
        found = found or (_next(s, project, user_id, at) if due else _next_gold(s, project, user_id))
        if found is None:
            return None
        answer, slot = found
    return _shown(s, project, answer, _take(s, project, answer, slot, user_id, at), slot, user_id, at)


def task(s: Session, project_id: int, user_id: int, answer_id: int, at: datetime | None = None) -> Task:
    """A given answer: one of the annotator's own, or a free one. Call it within `Database.write`.

    Raises NotYours without the role, for an answer of another project, and where every place of it is taken.
    """
    at = at or now()
    project = _begin(s, project_id, user_id)
    answer = s.get(Answer, answer_id)
    if answer is None or answer.project_id != project_id:
        raise NotYours("no such answer in this project")
    label = s.scalar(select(Label).where(Label.answer_id == answer_id, Label.user_id == user_id))
    if label is not None and label.state == "submitted":
        return _shown(s, project, answer, label, s.get(Slot, label.slot_id) if label.slot_id else None, user_id, at)
    slot = place(s, project, answer, user_id, at)
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
        seen = {row.answer_id for row in out}
        free = s.scalars(_free(project, user_id, at or now()).with_only_columns(Answer).limit(_AHEAD))
        out += [_row(answer, state, None, None) for answer in free.unique() if answer.id not in seen]
    return out


def full_text(s: Session, project_id: int, user_id: int, answer_id: int) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    """The whole question and answers from the run folder, in the order of `Task`, for one who has a label of it.

    Raises NotYours for anybody else, StoreError where the run folder is gone.
    """
    label = s.scalar(select(Label).where(Label.answer_id == answer_id, Label.user_id == user_id))
    answer = s.get(Answer, answer_id)
    if label is None or answer is None or answer.project_id != project_id:
        people.need_role(s, user_id, project_id, people.ADJUDICATORS)
    if answer is None or answer.project_id != project_id:
        raise NotYours("no such answer in this project")
    question, texts = whole(s, answer)
    return question, texts[::-1] if label is not None and label.swapped else texts


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


def place(s: Session, project: Project, answer: Answer, user_id: int, at: datetime) -> Slot | None:
    """A slot of this answer that the user holds or may take, locked; None where others have them all."""
    if answer.design == "gold":
        return _gold_slot(s, answer, user_id)
    return s.scalar(
        select(Slot)
        .where(Slot.answer_id == answer.id, or_(_open(at), and_(Slot.user_id == user_id, Slot.state == "leased")))
        .order_by((Slot.user_id == user_id).is_(True).desc(), Slot.number)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def hold(s: Session, slot: Slot, label: Label, user_id: int, at: datetime) -> None:
    """Lease a slot to a user for the next half hour; who held it before keeps their draft, without a place."""
    if slot.user_id is not None and slot.user_id != user_id:
        s.execute(update(Label).where(Label.slot_id == slot.id, Label.user_id != user_id).values(slot_id=None))
    if slot.user_id != user_id or slot.token is None:
        slot.token = secrets.token_urlsafe(16)
    slot.state, slot.user_id, slot.until = "leased", user_id, at + LEASE
    label.slot_id = slot.id
    s.flush()


# ----------------------------------------------------------------------- free


def _open(at: datetime) -> ColumnElement[bool]:
    return or_(Slot.state == "open", and_(Slot.state == "leased", Slot.until < at))


def _free(project: Project, user_id: int, at: datetime) -> Select[*tuple[Any, ...]]:
    """The free slots of answers that the user has not labelled, discarded or under lease, in the user's order."""
    # An affine map modulo a prime, of random places: for every user another shuffled order, made in the database.
    turn = 1 + int(_unit(project, user_id, "turn") * (_PRIME - 2))
    shift = int(_unit(project, user_id, "shift") * (_PRIME - 1))
    mine = aliased(Label)
    held = aliased(Slot)
    over = exists().where(
        mine.answer_id == Slot.answer_id, mine.user_id == user_id, mine.state.in_(("submitted", "discarded"))
    )
    at_hand = exists().where(held.answer_id == Slot.answer_id, held.user_id == user_id, held.state == "leased")
    return (
        select(Answer, Slot)
        .join(Answer, Answer.id == Slot.answer_id)
        .where(Slot.project_id == project.id, Answer.design != "gold", _open(at), ~over, ~at_hand)
        .order_by((Answer.place * turn + shift) % _PRIME, Slot.number)
    )


def _next(s: Session, project: Project, user_id: int, at: datetime) -> tuple[Answer, Slot] | None:
    row = s.execute(_free(project, user_id, at).limit(1).with_for_update(of=Slot, skip_locked=True)).first()
    return None if row is None else (row[0], row[1])


def _gold_left(project: Project, user_id: int) -> Select[*tuple[Any, ...]]:
    over = exists().where(
        Label.answer_id == Answer.id, Label.user_id == user_id, Label.state.in_(("submitted", "discarded"))
    )
    return select(Answer).where(Answer.project_id == project.id, Answer.design == "gold", ~over)


def _next_gold(s: Session, project: Project, user_id: int) -> tuple[Answer, Slot] | None:
    turn = 1 + int(_unit(project, user_id, "turn") * (_PRIME - 2))
    answer = s.scalar(_gold_left(project, user_id).order_by((Answer.place * turn) % _PRIME).limit(1))
    return None if answer is None else (answer, _gold_slot(s, answer, user_id))


def _gold_slot(s: Session, answer: Answer, user_id: int) -> Slot:
    """Everybody has a slot of their own of a gold item, with their user's number."""
    slot = s.scalar(select(Slot).where(Slot.answer_id == answer.id, Slot.number == user_id).with_for_update())
    if slot is None:
        slot = Slot(project_id=answer.project_id, answer_id=answer.id, number=user_id, state="open")
        s.add(slot)
        s.flush()
    return slot


def _left(s: Session, project: Project, user_id: int, at: datetime) -> tuple[int, int, int]:
    """How many answers the user has done, and how many ordinary and gold ones are free for them."""
    done = s.scalar(
        select(func.count()).where(
            Label.project_id == project.id, Label.user_id == user_id, Label.state.in_(("submitted", "discarded"))
        )
    )
    free = _free(project, user_id, at).with_only_columns(Slot.answer_id).order_by(None).distinct().subquery()
    gold = _gold_left(project, user_id).with_only_columns(Answer.id).subquery()
    return (
        done or 0,
        s.scalar(select(func.count()).select_from(free)) or 0,
        s.scalar(select(func.count()).select_from(gold)) or 0,
    )


# ---------------------------------------------------------------------- taking


def _begin(s: Session, project_id: int, user_id: int) -> Project:
    """The project, for one who labels in it; one request of a user at a time, so that two pages take one slot."""
    s.scalar(
        select(Membership).where(Membership.project_id == project_id, Membership.user_id == user_id).with_for_update()
    )
    people.need_role(s, user_id, project_id, people.LABELLERS)
    return s.get_one(Project, project_id)


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
        s.add(label)
    elif label.state == "discarded":
        label.state, label.opened = ("draft" if label.draft else "pending"), at
    hold(s, slot, label, user_id, at)
    if project.suggestions is not None and not answer.held and answer.suggestion is not None:
        # Kept once seen, also where the owner switches suggestions off before the label is given.
        label.suggestion, label.suggestion_judge = answer.suggestion, project.suggestions
    s.flush()
    return label


def _shown(
    s: Session, project: Project, answer: Answer, label: Label, slot: Slot | None, user_id: int, at: datetime
) -> Task:
    guide = guides.load(project.guide)
    texts = (answer.text,) if answer.other_text is None else (answer.text, answer.other_text)
    done, ordinary, gold = _left(s, project, user_id, at)
    # A gold item at hand is still among those left, an ordinary one is not.
    here = int(label.state in ("pending", "draft") and answer.design != "gold")
    exposed = select(func.count()).where(Label.project_id == project.id, Label.user_id == user_id, Label.exposed)
    draft = label.draft
    if label.state == "submitted":
        draft = form_of(label)
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
        progress=(done, done + ordinary + gold + here),
        exposures=s.scalar(exposed) or 0,
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
