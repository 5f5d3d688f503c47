"""A project's answers with all that people made of them: what an owner or viewer looks through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, distinct, false, func, select, true
from sqlalchemy.orm import Session

from honne.annotate.tables import Answer, Decision, Label, Project, Run, User
from honne.errors import DataError, unknown

__all__ = ["STATES", "Found", "Given", "counts", "drawn", "find", "listed", "one"]

# Decided by an adjudicator; else with labels that differ (disputed), or all labels it needs and all alike (agreed).
STATES = ("disputed", "decided", "agreed", "waiting")


@dataclass(frozen=True)
class Given:
    """One person's word on an answer; `adjudicator` marks the decision."""

    who: str
    adjudicator: bool
    label: str
    reasons: list[str]
    flags: list[str]
    note: str | None
    seconds: float | None
    exposed: bool
    suggestion: str | None
    at: Any


@dataclass(frozen=True)
class Found:
    """An answer, where it comes from, its state and what was said about it."""

    answer: Answer
    run: Run
    other: Run | None
    state: str
    given: list[Given]


_AGG = (
    select(
        Label.answer_id,
        func.count().label("n"),
        func.count(distinct(Label.label)).label("kinds"),
    )
    .where(Label.state == "submitted")
    .group_by(Label.answer_id)
    .subquery()
)


def _state(state: str, overlap: int) -> ColumnElement[bool]:
    n, kinds = func.coalesce(_AGG.c.n, 0), func.coalesce(_AGG.c.kinds, 0)
    decided = Decision.answer_id.is_not(None)
    if state == "decided":
        return decided
    if state == "disputed":
        return and_(~decided, kinds > 1)
    agreed = and_(~decided, kinds == 1, n >= overlap)
    if state == "agreed":
        return agreed
    return and_(~decided, kinds <= 1, ~agreed) if state == "waiting" else false()


def _joined(*columns: Any) -> Any:
    return (
        select(*columns)
        .select_from(Answer)
        .outerjoin(_AGG, _AGG.c.answer_id == Answer.id)
        .outerjoin(Decision, Decision.answer_id == Answer.id)
    )


def counts(s: Session, project_id: int) -> Mapping[str, int]:
    """How many answers are in each state; `all` is their sum."""
    overlap = s.get_one(Project, project_id).overlap
    out = {}
    for state in STATES:
        query = _joined(func.count()).where(Answer.project_id == project_id, _state(state, overlap))
        out[state] = s.scalar(query) or 0
    return {"all": sum(out.values()), **out}


def find(s: Session, text: str) -> int:
    """The number of the project with this name, short name or number. Raises DataError for none, or for several."""
    rows = s.execute(select(Project.id, Project.slug, Project.name).order_by(Project.id)).all()
    found = [row.id for row in rows if text in (row.slug, str(row.id))] or [row.id for row in rows if text == row.name]
    if len(found) == 1:
        return int(found[0])
    if found:
        raise DataError(
            f"{len(found)} projects are called {text!r}: name one by its number, {', '.join(map(str, found))}"
        )
    raise DataError(unknown("project", text, [row.slug for row in rows]))


def drawn(s: Session, project_id: int) -> int:
    """How many answers the plan drew; gold items beside them are nobody's draw."""
    return s.scalar(select(func.count()).where(Answer.project_id == project_id, Answer.design != "gold")) or 0


def listed(s: Session, project_id: int, state: str = "all", after: int = 0, limit: int = 50) -> list[Found]:
    """Answers in one state (or `all`) by number, from the one after `after` on."""
    overlap = s.get_one(Project, project_id).overlap
    wanted = true() if state == "all" else _state(state, overlap)
    query = _joined(Answer).where(Answer.project_id == project_id, Answer.id > after, wanted)
    return _found(s, list(s.scalars(query.order_by(Answer.id).limit(limit))), overlap)


def one(s: Session, project_id: int, answer_id: int) -> Found | None:
    """One answer of a project; None where it has none of this number."""
    answer = s.get(Answer, answer_id)
    if answer is None or answer.project_id != project_id:
        return None
    return _found(s, [answer], s.get_one(Project, project_id).overlap)[0]


def _found(s: Session, answers: list[Answer], overlap: int) -> list[Found]:
    ids = [answer.id for answer in answers]
    runs = {
        run.id: run for run in s.scalars(select(Run).where(Run.id.in_({a.run_id for a in answers} | _others(answers))))
    }
    given: dict[int, list[Given]] = {i: [] for i in ids}
    decided = set()
    labels = select(Label, User.name).outerjoin(User, User.id == Label.user_id)
    for row, name in s.execute(labels.where(Label.answer_id.in_(ids), Label.state == "submitted").order_by(Label.at)):
        given[row.answer_id].append(_given(row, name or row.annotator or "?", False, row.suggestion))
    decisions = select(Decision, User.name).outerjoin(User, User.id == Decision.user_id)
    for word, name in s.execute(decisions.where(Decision.answer_id.in_(ids))):
        decided.add(word.answer_id)
        given[word.answer_id].append(_given(word, name or word.adjudicator or "?", True, None))
    out = []
    for answer in answers:
        said = [one.label for one in given[answer.id] if not one.adjudicator]
        state = "waiting"
        if answer.id in decided:
            state = "decided"
        elif len(set(said)) > 1:
            state = "disputed"
        elif said and len(said) >= overlap:
            state = "agreed"
        other = None if answer.other_run_id is None else runs[answer.other_run_id]
        out.append(Found(answer, runs[answer.run_id], other, state, given[answer.id]))
    return out


def _others(answers: list[Answer]) -> set[int]:
    return {a.other_run_id for a in answers if a.other_run_id is not None}


def _given(row: Label | Decision, who: str, adjudicator: bool, suggestion: str | None) -> Given:
    return Given(
        who=who,
        adjudicator=adjudicator,
        label=row.label or "",
        reasons=[str(r) for r in row.reasons or ()],
        flags=[str(f) for f in row.flags or ()],
        note=row.note,
        seconds=row.seconds,
        exposed=row.exposed,
        suggestion=suggestion,
        at=row.at,
    )
