"""Gold items: answers whose label is known, mixed in among the others to see how well each annotator does."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from honne.annotate import guides, log
from honne.annotate.errors import BadForm, NotYours
from honne.annotate.said import names
from honne.annotate.tables import Answer, Label, Project
from honne.errors import unknown
from honne.stats.intervals import Interval, rate

__all__ = ["Accuracy", "accuracy", "mark"]


@dataclass(frozen=True)
class Accuracy:
    """The share of an annotator's labels of gold items that are right, with its interval."""

    user_id: int | None
    name: str
    n: int
    right: Interval


def mark(s: Session, project_id: int, by: int, answer_id: int, label: str | None) -> None:
    """Say what the right label of an answer is, or that it is not known (None). Raises BadForm, NotYours.

    The answer keeps the design by which it was drawn: to know its label makes it no less random.
    """
    answer = s.get(Answer, answer_id)
    if answer is None or answer.project_id != project_id:
        raise NotYours("no such answer in this project")
    if answer.design == "gold" and label is None:
        raise BadForm("label", "this answer is there for its known label: it may be another one, not none")
    allowed = guides.part(guides.load(s.get_one(Project, project_id).guide), answer.category).values
    if label is not None and label not in allowed:
        raise BadForm("label", unknown("label", label[:80], allowed))
    before, answer.gold = answer.gold, label
    log.add(s, project_id, by, "gold", f"answer {answer_id}", {"label": before}, {"label": label})


def accuracy(s: Session, project_id: int) -> list[Accuracy]:
    """Each annotator's labels against the known ones, by name; annotators without any are left out."""
    rows = s.execute(
        select(Label.user_id, Label.annotator, Label.label, Answer.gold, Answer.cluster)
        .join(Answer, Answer.id == Label.answer_id)
        .where(Label.project_id == project_id, Label.state == "submitted", Answer.gold.is_not(None))
        .order_by(Label.id)
    )
    found: dict[tuple[int | None, str], list[tuple[float, str]]] = {}
    known = names(s, project_id)
    for user_id, annotator, label, gold, cluster in rows:
        found.setdefault((user_id, known[user_id, annotator][0]), []).append((float(label == gold), cluster))
    return [
        Accuracy(user_id, name, len(given), rate([x for x, _ in given], [c for _, c in given]))
        for (user_id, name), given in sorted(found.items(), key=lambda one: one[0][1])
    ]
