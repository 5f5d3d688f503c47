"""An annotator's work: which answer comes next, and what of it is shown.

Nothing here tells the model's name, what other people said, or what a judge said, except the suggestion that the owner
has switched on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from honne.annotate import guides, leases, people
from honne.annotate.errors import NotYours
from honne.annotate.reading import messages
from honne.annotate.tables import Answer, Label, Project, Slot
from honne.errors import unknown
from honne.records import Message, now

__all__ = ["STATES", "QueueRow", "Task", "form_of", "next_task", "queue", "shown_label", "task", "turned"]

STATES = ("pending", "draft", "submitted", "discarded")
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
    project = leases.begin(s, project_id, user_id)
    # Others may take every one of these in this moment; then there are new ones, or none.
    while (ahead := leases.ahead(s, project, user_id, at, _TRIED)).answers:
        for answer_id in ahead.answers:
            place = leases.place(s, answer_id, user_id, at)
            if place is not None:
                label = leases.take(s, project, place, user_id, at)
                return _shown(project, place.answer, label, place.slot, ahead)
    return None


def task(s: Session, project_id: int, user_id: int, answer_id: int, at: datetime | None = None) -> Task:
    """A given answer: one of the annotator's own, or a free one. Call it within `Database.write`.

    Raises NotYours without the role, for an answer of another project, and where every place of it is taken.
    """
    at = at or now()
    project = leases.begin(s, project_id, user_id)
    answer = s.get(Answer, answer_id)
    if answer is None or answer.project_id != project_id:
        raise NotYours("no such answer in this project")
    label = s.scalar(select(Label).where(Label.answer_id == answer_id, Label.user_id == user_id))
    if label is not None and label.state == "submitted":
        slot = s.get(Slot, label.slot_id) if label.slot_id else None
    else:
        place = leases.place(s, answer_id, user_id, at)
        if place is None:
            raise NotYours("every place of this answer is taken")
        label, slot = leases.take(s, project, place, user_id, at), place.slot
    return _shown(project, answer, label, slot, leases.ahead(s, project, user_id, at, 1))


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
        ahead = [i for i in leases.ahead(s, project, user_id, at or now(), _AHEAD).answers if i not in seen]
        found = {answer.id: answer for answer in s.scalars(select(Answer).where(Answer.id.in_(ahead)))}
        out += [_row(found[answer_id], state, None, None) for answer_id in ahead]
    return out


def shown_label(label: Label) -> str | None:
    """A label as its annotator gave it: of a swapped pair, `a` is the second answer of the project's order."""
    return turned(label.label) if label.swapped else label.label


def turned(label: str | None) -> str | None:
    """The preference for the same answer when the two change places."""
    return {"a": "b", "b": "a"}.get(label or "", label)


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


def _shown(project: Project, answer: Answer, label: Label, slot: Slot | None, ahead: leases.Ahead) -> Task:
    guide = guides.load(project.guide)
    texts = (answer.text,) if answer.other_text is None else (answer.text, answer.other_text)
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
        progress=(ahead.done, ahead.done + ahead.left),
        exposures=ahead.exposures,
    )


def _row(answer: Answer, state: str, label: str | None, at: datetime | None) -> QueueRow:
    last = " ".join(answer.question[-1][1].split()) if answer.question else ""
    return QueueRow(answer.id, state, last[:_BEGINNING], answer.category, answer.lang, label, at)
