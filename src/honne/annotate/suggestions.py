"""Suggestions: a judge's verdicts that annotators see, where the owner has switched them on.

Run folders are read before the transaction: while that is open, nobody else's label is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from honne.annotate import guides, log
from honne.annotate.database import Database
from honne.annotate.tables import Answer, Project, Run
from honne.engine.store import RunFolder, open_run
from honne.errors import ConfigError, unknown

__all__ = ["Verdicts", "suggest", "switch", "verdicts"]

Verdicts = Mapping[tuple[str, str, int], str]
"""A judge's labels, by the path of the run folder, the item and the sample."""


def switch(database: Database, project_id: int, by: int, judge: str | None) -> None:
    """Show a judge's verdicts to annotators from now on, or nobody's (None).

    Raises ConfigError for a judge that the project's runs do not have, or in a pairwise project, StoreError where a run
    folder is gone.
    """
    found: Verdicts = {}
    if judge is not None:
        with database.read() as s:
            paths = list(s.scalars(select(Run.path).where(Run.project_id == project_id).order_by(Run.id)))
        found = verdicts([open_run(path) for path in paths], judge)
    database.write(lambda s: suggest(s, project_id, by, judge, found))


def verdicts(runs: Iterable[RunFolder], judge: str) -> Verdicts:
    """What a judge said of these runs' answers. Raises ConfigError where it is none of theirs."""
    given = {str(run.path.resolve()): run.judgments() for run in runs}
    known = {key for judgments in given.values() for key in judgments}
    if judge not in known:
        raise ConfigError(unknown("judge", judge, known))
    return {
        (path, one.item_id, one.sample): one.label
        for path, judgments in given.items()
        for one in judgments.get(judge, ())
        if one.status == "scored" and one.label is not None
    }


def suggest(s: Session, project_id: int, by: int, judge: str | None, found: Verdicts) -> None:
    """Show the verdicts `found` of a judge from now on, or nobody's (None). Raises ConfigError in pairwise projects."""
    project = s.get_one(Project, project_id)
    if judge is not None:
        if project.kind == "pairwise":
            raise ConfigError("a pairwise project has no suggestions: judges score answers one by one")
        guide = guides.load(project.guide)
        rows = s.execute(
            select(Answer.id, Answer.item_id, Answer.sample, Answer.category, Answer.suggestion, Run.path)
            .join(Run, Run.id == Answer.run_id)
            .where(Answer.project_id == project_id)
        )
        changed: list[dict[str, Any]] = []
        for row in rows:
            label = found.get((row.path, row.item_id, row.sample))
            # A verdict that the form does not offer is no suggestion.
            label = label if label in guides.part(guide, row.category).values else None
            if label != row.suggestion:
                changed.append({"id": row.id, "suggestion": label})
        if changed:
            s.execute(update(Answer), changed)
    before, project.suggestions = project.suggestions, judge
    log.add(s, project_id, by, "suggestions", f"project {project_id}", {"judge": before}, {"judge": judge})
