"""How far projects are: their list, and one at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from honne.annotate import people
from honne.annotate.tables import Answer, Decision, Label, Membership, Project, Run, Slot, User

__all__ = ["Overview", "Progress", "ProjectRow", "overview", "projects_of"]


@dataclass(frozen=True)
class ProjectRow:
    """A project as its list shows it."""

    id: int
    name: str
    guide: str
    role: str
    answers: int
    places: int
    done: int


@dataclass(frozen=True)
class Progress:
    """What one annotator did: counts by state, median seconds a label, unblurred texts."""

    user_id: int
    name: str
    submitted: int
    drafts: int
    discarded: int
    seconds: float | None
    exposures: int


@dataclass(frozen=True)
class Overview:
    """A project at a glance. `places` are the plan's slots (answers drawn times overlap; none of gold items) by state;
    `population` and `left_out` say from how many answers was drawn, and how many had nothing to label, by status."""

    project: Project
    runs: list[Run]
    members: list[people.Member]
    answers: int
    population: int
    left_out: Mapping[str, int]
    places: Mapping[str, int]
    labels: Mapping[str, int]
    decided: int
    gold: int
    annotators: list[Progress] = field(default_factory=list)


def projects_of(s: Session, user_id: int) -> list[ProjectRow]:
    """The projects in which a user has a role, by name."""
    rows = s.execute(
        select(Project, Membership.role)
        .join(Membership, Membership.project_id == Project.id)
        .where(Membership.user_id == user_id)
        .order_by(Project.name, Project.id)
    ).all()
    here = [p.id for p, _ in rows]
    answers = _counts(
        s, select(Answer.project_id, func.count()).where(Answer.project_id.in_(here)).group_by(Answer.project_id)
    )
    planned = _planned(Slot.project_id, func.count()).where(Slot.project_id.in_(here)).group_by(Slot.project_id)
    places = _counts(s, planned)
    done = _counts(s, planned.where(Slot.state == "done"))
    return [
        ProjectRow(p.id, p.name, p.guide, role, answers.get(p.id, 0), places.get(p.id, 0), done.get(p.id, 0))
        for p, role in rows
    ]


def overview(s: Session, project_id: int) -> Overview:
    """Counts by state, and what each annotator did."""
    project = s.get_one(Project, project_id)
    mine = Label.project_id == project_id
    labels = _counts(s, select(Label.state, func.count()).where(mine).group_by(Label.state))
    planned = _planned(Slot.state, func.count()).where(Slot.project_id == project_id)
    places = _counts(s, planned.group_by(Slot.state))
    return Overview(
        project=project,
        runs=list(s.scalars(select(Run).where(Run.project_id == project_id).order_by(Run.id))),
        members=people.members(s, project_id),
        answers=s.scalar(select(func.count()).where(Answer.project_id == project_id)) or 0,
        population=int(project.plan.get("population", 0)),
        left_out=dict(project.plan.get("left_out", {})),
        places={state: places.get(state, 0) for state in ("open", "leased", "done")},
        labels={state: labels.get(state, 0) for state in ("pending", "draft", "submitted", "discarded")},
        decided=s.scalar(select(func.count()).where(Decision.project_id == project_id)) or 0,
        gold=s.scalar(select(func.count()).where(Answer.project_id == project_id, Answer.gold.is_not(None))) or 0,
        annotators=_progress(s, project_id),
    )


def _progress(s: Session, project_id: int) -> list[Progress]:
    rows = s.execute(
        select(User.id, User.name, Label.state, Label.seconds, Label.exposed)
        .join(Label, Label.user_id == User.id)
        .where(Label.project_id == project_id)
        .order_by(User.id)
    )
    by_user: dict[tuple[int, str], list[Any]] = {}
    for row in rows:
        by_user.setdefault((row.id, row.name), []).append(row)
    out = []
    for (user_id, name), given in by_user.items():
        submitted = [row for row in given if row.state == "submitted"]
        seconds = [row.seconds for row in submitted if row.seconds is not None]
        out.append(
            Progress(
                user_id=user_id,
                name=name,
                submitted=len(submitted),
                drafts=sum(row.state == "draft" for row in given),
                discarded=sum(row.state == "discarded" for row in given),
                seconds=median(seconds) if seconds else None,
                exposures=sum(row.exposed for row in given),
            )
        )
    return out


def _planned(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Of the places that the plan made. Those of gold items come with each annotator: their number has no end."""
    drawn = Answer.design.is_distinct_from("gold")
    return select(*columns).select_from(Slot).join(Answer, Answer.id == Slot.answer_id).where(drawn)


def _counts(s: Session, query: Select[*tuple[Any, ...]]) -> dict[Any, int]:
    return {row[0]: row[1] for row in s.execute(query)}
