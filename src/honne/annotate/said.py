"""Who said what of which answer: labels, adjudicators' decisions, and the reference that follows from them.

The reference of an answer is the adjudicator's word where there is one, else the label on which all annotators agree,
else none (`status` is `skipped`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from honne.annotate.people import LONGEST_NAME
from honne.annotate.tables import Answer, Decision, Label, Project, User
from honne.spec import slug

__all__ = ["Given", "given", "names"]

_DISAGREE = "labels disagree, not adjudicated"


@dataclass(frozen=True)
class Given:
    """One row: `kind` is `label`, `decision` or `reference`, `judge` its key in a run folder."""

    answer: Answer
    kind: str
    judge: str
    annotator: str | None
    label: str | None
    status: str
    error: str | None
    design: str | None
    inclusion: float | None
    source: Label | Decision | None


def given(s: Session, project: Project) -> Iterator[Given]:
    """All that was said in a project, answer by answer: labels, decision, reference."""
    known = names(s, project.id)
    found = s.execute(
        select(Answer, Label)
        .outerjoin(Label, (Label.answer_id == Answer.id) & Label.state.in_(("submitted", "discarded")))
        .where(Answer.project_id == project.id)
        .order_by(Answer.run_id, Answer.item_id, Answer.sample, Label.at, Label.id)
    )
    decisions = {d.answer_id: d for d in s.scalars(select(Decision).where(Decision.project_id == project.id))}
    by_answer: dict[int, tuple[Answer, list[Label]]] = {}
    for answer, label in found:
        by_answer.setdefault(answer.id, (answer, []))[1].extend([label] if label is not None else [])
    reference = f"labels.{project.slug}"
    for answer, labels in by_answer.values():
        for label in labels:
            name, key = known[label.user_id, label.annotator]
            scored = label.state == "submitted"
            yield Given(
                answer=answer,
                kind="label",
                judge=f"{reference}.{key}",
                annotator=name,
                label=label.label,
                status="scored" if scored else "skipped",
                error=None if scored else "discarded by the annotator",
                design=label.design,
                inclusion=label.inclusion,
                source=label,
            )
        decision = decisions.get(answer.id)
        if decision is not None:
            name, key = known[decision.user_id, decision.adjudicator]
            judge = f"{reference}.{key}"
            yield Given(answer, "decision", judge, name, decision.label, "scored", None, "adjudicated", None, decision)
        said = {label.label for label in labels if label.state == "submitted"}
        if decision is None and not said:
            continue
        # Labels that came from a file without the draw of this answer were not made because it was drawn.
        drawn = answer.design, answer.inclusion
        made = any((label.design, label.inclusion) == drawn for label in labels if label.state == "submitted")
        design, inclusion = drawn if made else (None, None)
        word = decision.label if decision is not None else said.pop() if len(said) == 1 else None
        yield Given(
            answer=answer,
            kind="reference",
            judge=reference,
            annotator=None if decision is None else known[decision.user_id, decision.adjudicator][0],
            label=word,
            status="scored" if word is not None else "skipped",
            error=None if word is not None else _DISAGREE,
            design=design,
            inclusion=inclusion,
            # Labels that agree have no reasons, note or time in common: only a decision has its own.
            source=decision,
        )


def names(s: Session, project_id: int) -> dict[tuple[int | None, str | None], tuple[str, str]]:
    """Everybody who labelled or decided: their name, and what stands for it in a judge's key, each its own. Accounts of
    one name are told apart by their logins."""
    users = {user.id: user for user in s.scalars(select(User))}
    said = select(Label.user_id, Label.annotator).where(Label.project_id == project_id)
    settled = select(Decision.user_id, Decision.adjudicator).where(Decision.project_id == project_id)
    people = {(user_id, name) for query in (said, settled) for user_id, name in s.execute(query)}
    often = Counter(users[user_id].name for user_id, _ in people if user_id is not None)
    out: dict[tuple[int | None, str | None], tuple[str, str]] = {}
    taken: set[str] = set()
    for user_id, imported in sorted(people, key=lambda one: (one[0] is None, one[0] or 0, one[1] or "")):
        name = users[user_id].name if user_id is not None else imported or ""
        wanted = slug(name).replace(".", "-").lower()
        key = next(k for n in range(len(people)) if (k := wanted if not n else f"{wanted}-{n + 1}") not in taken)
        taken.add(key)
        if user_id is not None and often[name] > 1:
            login = users[user_id].login
            name = f"{name[: max(1, LONGEST_NAME - len(login) - 3)]} ({login})"
        out[user_id, imported] = (name, key)
    return out
