"""Adjudication: what annotators disagree on, the most disputed first, and the word that settles it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from honne.annotate import guides, log, people
from honne.annotate.errors import BadForm, NotYours
from honne.annotate.reading import messages, whole
from honne.annotate.submit import Receipt, again, check, receipt, store_receipt
from honne.annotate.tables import Answer, Decision, Label, Project, User
from honne.records import Message, now

__all__ = ["Dispute", "Opinion", "decide", "dispute", "disputed", "distance", "full_text", "to_adjudicate"]


@dataclass(frozen=True)
class Opinion:
    """One annotator's label; `annotator` is None in a blind project."""

    number: int
    annotator: str | None
    label: str
    reasons: list[str]
    flags: list[str]
    note: str | None


@dataclass(frozen=True)
class Dispute:
    """An answer whose labels disagree. `distance` is how far apart they are on the scale, 0 to 1; `differing` how many
    of them are not the most frequent one. `decision` is the adjudicator's label, where there is one, with its
    `reasons`, `flags` and `note`."""

    answer_id: int
    question: tuple[Message, ...]
    answers: tuple[str, ...]
    cut: bool
    dimension: str
    lang: str
    guide: guides.Guide
    guide_part: guides.Part
    opinions: list[Opinion]
    distance: float
    differing: int
    decision: str | None
    reasons: list[str]
    flags: list[str]
    note: str | None


def disputed(s: Session, project_id: int) -> list[int]:
    """The undecided answers whose labels disagree, by their distance on the scale, then by how many differ.

    Gold items are none of them: everybody labels them, and what is right is known.
    """
    decided = select(Decision.answer_id).where(Decision.project_id == project_id)
    # Columns, not rows: texts are long, and an order does without them.
    rows = s.execute(
        select(Answer.id, Answer.category, Label.label)
        .join(Label, Label.answer_id == Answer.id)
        .where(Label.project_id == project_id, Label.state == "submitted", Answer.id.not_in(decided))
        .where(Answer.design.is_distinct_from("gold"))
    )
    by_answer: dict[int, tuple[str, list[str]]] = {}
    for answer_id, category, label in rows:
        by_answer.setdefault(answer_id, (category, []))[1].append(label or "")
    guide = guides.load(s.get_one(Project, project_id).guide)

    @cache
    def place(category: str, labels: tuple[str, ...]) -> tuple[float, int]:
        return -distance(guides.part(guide, category), guide.kind, labels), -_differing(labels)

    found = [
        (place(category, tuple(sorted(labels))), answer_id)
        for answer_id, (category, labels) in by_answer.items()
        if len(set(labels)) > 1
    ]
    return [answer_id for _, answer_id in sorted(found)]


def to_adjudicate(s: Session, project_id: int, after: int = 0, most: int = 100) -> list[Dispute]:
    """The answers of `disputed` with their labels: `most` of them, from the one after the first `after` on."""
    wanted = disputed(s, project_id)[after : after + most]
    rows = s.execute(
        select(Answer, Label, User.name)
        .join(Label, Label.answer_id == Answer.id)
        .outerjoin(User, User.id == Label.user_id)
        .where(Answer.id.in_(wanted), Label.state == "submitted")
        .order_by(Label.at, Label.id)
    )
    by_answer: dict[int, tuple[Answer, list[tuple[Label, str | None]]]] = {}
    for answer, label, name in rows:
        by_answer.setdefault(answer.id, (answer, []))[1].append((label, name))
    project = s.get_one(Project, project_id)
    return [_dispute(project, *by_answer[answer_id], None) for answer_id in wanted]


def dispute(s: Session, project_id: int, user_id: int, answer_id: int) -> Dispute:
    """One answer with its labels, disputed or not, as an adjudicator sees it. Raises NotYours."""
    people.need_role(s, user_id, project_id, people.ADJUDICATORS)
    answer = s.get(Answer, answer_id)
    if answer is None or answer.project_id != project_id:
        raise NotYours("no such answer in this project")
    rows = s.execute(
        select(Label, User.name)
        .outerjoin(User, User.id == Label.user_id)
        .where(Label.answer_id == answer_id, Label.state == "submitted")
        .order_by(Label.at, Label.id)
    )
    decision = s.get(Decision, answer_id)
    project = s.get_one(Project, project_id)
    return _dispute(project, answer, [(label, name) for label, name in rows], decision)


def full_text(s: Session, project_id: int, user_id: int, answer_id: int) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    """The whole question and answers in the order of `Dispute`, whatever order this user may have labelled them in.

    Raises NotYours without the role, StoreError where the run folder is gone or has other texts now.
    """
    people.need_role(s, user_id, project_id, people.ADJUDICATORS)
    answer = s.get(Answer, answer_id)
    if answer is None or answer.project_id != project_id:
        raise NotYours("no such answer in this project")
    return whole(s, answer)


def decide(
    s: Session,
    project_id: int,
    user_id: int,
    answer_id: int,
    form: Mapping[str, Any],
    key: str,
    at: datetime | None = None,
) -> Receipt:
    """Settle an answer, or change one's earlier word on it.

    Raises BadForm for a form that is no label, NotYours without the role, for an answer that nobody has labelled, and
    for one that this user has labelled: nobody is the judge of their own label.
    """
    at = at or now()
    people.need_role(s, user_id, project_id, people.ADJUDICATORS)
    answer = s.get(Answer, answer_id, with_for_update=True)
    if answer is None or answer.project_id != project_id:
        raise NotYours("no such answer in this project")
    known = receipt(s, key, user_id, answer_id, "decide")
    if known is not None:
        return again(known, form, s.get(Decision, answer_id))
    labelled = s.scalars(select(Label.user_id).where(Label.answer_id == answer_id, Label.state == "submitted")).all()
    if not labelled:
        raise NotYours("nobody has labelled this answer yet")
    if user_id in labelled:
        raise NotYours("you have labelled this answer yourself: somebody else decides on it")
    project = s.get_one(Project, project_id)
    guide = guides.load(project.guide)
    checked = check(form, guide, answer.category)
    if checked.label is None:
        raise BadForm("label", "choose one")
    decision = s.get(Decision, answer_id)
    before = None if decision is None else _logged(decision)
    if decision is None:
        decision = Decision(answer_id=answer_id, project_id=project_id)
        s.add(decision)
    decision.user_id, decision.adjudicator, decision.source = user_id, None, None
    decision.label, decision.reasons, decision.flags, decision.note = (
        checked.label,
        checked.reasons,
        checked.flags,
        checked.note,
    )
    decision.exposed, decision.seconds, decision.guide_version, decision.at = (
        checked.exposed,
        checked.seconds,
        guide.version,
        at,
    )
    log.add(s, project_id, user_id, "decide", f"answer {answer_id}", before, _logged(decision))
    return store_receipt(s, key, user_id, answer_id, "decide", checked.label, at)


def distance(part: guides.Part, kind: str, labels: Sequence[str]) -> float:
    """How far apart labels are: the steps between the two farthest as a share of the scale where it is ordinal, else 1
    where any two differ."""
    if len(set(labels)) < 2:
        return 0.0
    if kind != "ordinal":
        return 1.0
    steps = [part.values.index(label) for label in labels if label in part.values]
    return (max(steps) - min(steps)) / (len(part.values) - 1) if len(steps) > 1 else 1.0


def _dispute(
    project: Project, answer: Answer, given: Sequence[tuple[Label, str | None]], decision: Decision | None
) -> Dispute:
    guide = guides.load(project.guide)
    part = guides.part(guide, answer.category)
    labels = [label.label or "" for label, _ in given]
    opinions = [
        Opinion(
            number=number,
            annotator=None if project.blind else name or label.annotator,
            label=label.label or "",
            reasons=label.reasons or [],
            flags=label.flags or [],
            note=label.note,
        )
        for number, (label, name) in enumerate(given, 1)
    ]
    return Dispute(
        answer_id=answer.id,
        question=messages(answer),
        answers=(answer.text,) if answer.other_text is None else (answer.text, answer.other_text),
        cut=answer.cut,
        dimension=answer.category,
        lang=answer.lang,
        guide=guide,
        guide_part=part,
        opinions=opinions,
        distance=distance(part, guide.kind, labels),
        differing=_differing(labels),
        decision=None if decision is None else decision.label,
        reasons=[] if decision is None else decision.reasons,
        flags=[] if decision is None else decision.flags,
        note=None if decision is None else decision.note,
    )


def _differing(labels: Sequence[str]) -> int:
    return len(labels) - max((labels.count(label) for label in labels), default=0)


def _logged(decision: Decision) -> dict[str, Any]:
    return {
        "label": decision.label,
        "reasons": decision.reasons,
        "flags": decision.flags,
        "note": decision.note,
        "exposed": decision.exposed,
        "seconds": decision.seconds,
        "by": decision.user_id or decision.adjudicator,
    }
