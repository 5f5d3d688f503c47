"""An annotator's work: which answer comes next, and what of it is shown.

Nothing here tells the model's name, what other people said, or what a judge said, except the suggestion that the owner
has switched on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.orm import Session, defer

from honne.annotate import guides, leases, people
from honne.annotate.errors import LeaseLost, NoSuchAnswer, NotShown, NotYours
from honne.annotate.reading import messages
from honne.annotate.tables import Answer, Label, Project, Slot
from honne.errors import unknown
from honne.records import Message, now

__all__ = [
    "ASIDE",
    "STATES",
    "QueueRow",
    "Task",
    "another",
    "counts",
    "form_of",
    "next_task",
    "queue",
    "shown_label",
    "task",
    "turned",
]

STATES = ("pending", "draft", "submitted", "discarded")
ASIDE = 10
"""So many answers may be begun and put aside: who could put all of them aside would choose which to label."""
_TRIED = 20
_BEGINNING = 120

# What was shown, not begun, and taken by others since is nobody's work any more.
_LISTED = or_(Label.state != "pending", Label.slot_id.is_not(None))
_BEGUN = select(Label.answer_id, Label.state).where(
    Label.project_id == bindparam("project"),
    Label.user_id == bindparam("user"),
    Label.state.in_(("pending", "draft")),
    Label.slot_id.is_not(None),
)


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
    return _fresh(s, leases.begin(s, project_id, user_id), user_id, at or now())


def another(s: Session, project_id: int, user_id: int, answer_id: int, at: datetime | None = None) -> Task | None:
    """The next free answer, where this one is a draft that is put aside; else what `next_task` gives.

    None where there is no other one, and where `ASIDE` are begun. Call it within `Database.write`. Raises NotYours
    without the role.
    """
    at = at or now()
    project = leases.begin(s, project_id, user_id)
    begun = {row.answer_id: row.state for row in s.execute(_BEGUN, {"project": project_id, "user": user_id})}
    if begun.get(answer_id) != "draft":
        return _fresh(s, project, user_id, at)
    pending = [other for other, state in begun.items() if state == "pending"]
    if pending:
        return task(s, project_id, user_id, pending[0], at)
    return None if len(begun) >= ASIDE else _fresh(s, project, user_id, at, begun)


def _fresh(s: Session, project: Project, user_id: int, at: datetime, but: Collection[int] = ()) -> Task | None:
    """The answer at hand, else the next free one in the annotator's order, but for these; None where there is none."""
    # Others may take every one of these in this moment; then there are new ones, or none.
    while True:
        ahead = leases.ahead(s, project, user_id, at, _TRIED + len(but))
        candidates = [answer_id for answer_id in ahead.answers if answer_id not in but]
        for answer_id in candidates:
            place = leases.place(s, answer_id, user_id, at)
            if place is not None:
                label = leases.take(s, project, place, user_id, at)
                return _shown(project, place.answer, label, place.slot, ahead)
        if not candidates:
            return None


def task(s: Session, project_id: int, user_id: int, answer_id: int, at: datetime | None = None) -> Task:
    """One of the answers that were given to this annotator, again. Call it within `Database.write`.

    Raises NotYours without the role, NoSuchAnswer for one that the project does not have, NotShown for one that was
    not given to them, and LeaseLost where others have taken every place of it since.
    """
    at = at or now()
    project = leases.begin(s, project_id, user_id)
    answer = s.get(Answer, answer_id)
    if answer is None or answer.project_id != project_id:
        raise NoSuchAnswer("no such answer in this project")
    label = s.scalar(select(Label).where(Label.answer_id == answer_id, Label.user_id == user_id))
    if label is None:
        raise NotShown("this answer was not given to you")
    if label.state == "submitted":
        slot = s.get(Slot, label.slot_id) if label.slot_id else None
    else:
        place = leases.place(s, answer_id, user_id, at)
        if place is None:
            raise LeaseLost("the time for this answer was over, and others have taken every place of it since")
        label, slot = leases.take(s, project, place, user_id, at), place.slot
    return _shown(project, answer, label, slot, leases.ahead(s, project, user_id, at, 1))


def counts(s: Session, project_id: int, user_id: int) -> dict[str, int]:
    """How many answers of an annotator are in each of `STATES`."""
    mine = (Label.project_id == project_id, Label.user_id == user_id)
    found = s.execute(select(Label.state, func.count()).where(*mine, _LISTED).group_by(Label.state))
    return {**dict.fromkeys(STATES, 0), **{row[0]: row[1] for row in found}}


def queue(
    s: Session, project_id: int, user_id: int, state: str, after: int = 0, most: int | None = None
) -> list[QueueRow]:
    """An annotator's answers in one state, the last first; `pending` are those that they hold and have not begun.

    `most` of them, from the one after the first `after` on.
    """
    if state not in STATES:
        raise NotYours(unknown("state", state, STATES))
    people.need_role(s, user_id, project_id, people.LABELLERS)
    rows = s.execute(
        select(Answer, Label)
        .join(Label, Label.answer_id == Answer.id)
        .where(Label.project_id == project_id, Label.user_id == user_id, Label.state == state, _LISTED)
        .order_by(func.coalesce(Label.at, Label.opened).desc(), Label.id.desc())
        .offset(after)
        .limit(most)
        # They are long, and a list does without them.
        .options(defer(Answer.text), defer(Answer.other_text))
    )
    return [_row(answer, state, shown_label(label), label.at or label.opened) for answer, label in rows]


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
