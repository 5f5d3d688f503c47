"""Labels out of a project: as rows of a file, and as judgments of the run folders.

A row is one label (`kind` is `label`), one adjudicator's word (`decision`), or the `reference` of an answer (`said`).
Those of a pairwise project say what is compared with what, and are what `honne pairs preferred/FILE` reads.
Texts that no UTF-8 file can hold are escaped as in the database (`text.escape`), and `importing` restores them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from honne.annotate import guides, log
from honne.annotate.database import Database
from honne.annotate.reading import same, whole
from honne.annotate.said import given
from honne.annotate.tables import Answer, Label, Project, Run
from honne.annotate.text import escape
from honne.engine.human import attach, holding
from honne.engine.store import RunFolder
from honne.errors import ConfigError, StoreError
from honne.plugins import Verdict
from honne.records import Judgment

__all__ = ["flow_back", "rows"]

_TEXT = ("prompt", "answer", "answer_b")


def rows(s: Session, project_id: int, *, text: bool = False) -> Iterator[dict[str, Any]]:
    """The rows of a project, answer by answer: labels, decision, reference. `text` adds the prompt and the answer.

    Raises StoreError where `text` is asked for and a long text's run folder is gone.
    """
    project = s.get_one(Project, project_id)
    guide = guides.load(project.guide)
    runs = {run.id: run for run in s.scalars(select(Run).where(Run.project_id == project_id))}
    opened: dict[int, RunFolder] = {}
    for one in given(s, project):
        answer, source = one.answer, one.source
        run = runs[answer.run_id]
        verdict = _verdict(guide, answer, one.label)
        label = source if isinstance(source, Label) else None
        row: dict[str, Any] = {
            "run": run.name,
            "model": run.model,
            "item_id": answer.item_id,
            "sample": answer.sample,
            "benchmark": answer.benchmark,
            "category": answer.category,
            "lang": answer.lang,
            "judge": one.judge,
            "annotator": one.annotator,
            "kind": one.kind,
            "label": one.label,
            "score": verdict.score,
            "raw_score": verdict.raw_score,
            "status": one.status,
            "design": one.design,
            "inclusion": one.inclusion,
            "reasons": (source and source.reasons) or [],
            "flags": (source and source.flags) or [],
            "note": source and source.note,
            "suggestion": label and label.suggestion,
            "suggestion_judge": label and label.suggestion_judge,
            "gold": answer.gold is not None,
            "seconds": source and source.seconds,
            "exposed": bool(source and source.exposed),
            "at": source.at.isoformat() if source is not None and source.at is not None else None,
            "project": project.slug,
            "guide": project.guide,
            "guide_version": (source and source.guide_version) or project.guide_version,
        }
        if project.kind == "pairwise":
            # Also the second answer, and the order in which the annotator saw the two.
            other = runs[answer.other_run_id or answer.run_id]
            row |= {"run_b": other.name, "model_b": other.model, "sample_b": answer.other_sample}
            row["order"] = None if label is None else "ba" if label.swapped else "ab"
        if text:
            question, texts = whole(s, answer, opened)
            row["prompt"] = "\n\n".join(message.content for message in question)
            if project.kind == "pairwise":
                # What honne pairs makes pairs of: who said what in the prompt must not be guessed there.
                row["messages"] = [{"role": m.role, "content": escape(m.content)} for m in question]
            row |= dict(zip(_TEXT[1:], texts, strict=False))
        yield {name: escape(value) if isinstance(value, str) else value for name, value in row.items()}


def flow_back(database: Database, project_id: int, by: int | None = None) -> list[RunFolder]:
    """Put the labels into the project's run folders, as judges `labels.PROJECT.ANNOTATOR` and `labels.PROJECT`.

    The same again changes nothing but what has changed. Raises ConfigError for a pairwise project, StoreError where a
    run folder is gone or in use, or where it has other texts now than those that were labelled.
    """
    with database.read() as s:
        project = s.get_one(Project, project_id)
        if project.kind == "pairwise":
            raise ConfigError("preferences are comparisons of two runs, no judgments of one: export them as a file")
        runs = list(s.scalars(select(Run).where(Run.project_id == project_id).order_by(Run.id)))
        # Slugs are unique in one database; a run may meet the projects of several.
        whose = hashlib.sha256(f"{project.slug}/{project.created.isoformat()}".encode()).hexdigest()[:16]
    # Labels are read once the runs are held: read before, they would be older than those of somebody who was faster.
    with holding([Path(run.path) for run in runs]) as folders:
        with database.read() as s:
            found = _judgments(s, project, runs)
            for folder, run in zip(folders, runs, strict=True):
                _unchanged(s, folder, run.id, {row.item_id for rows in found[run.id].values() for row in rows})
        rows = [(folder, found[run.id]) for folder, run in zip(folders, runs, strict=True)]
        written = attach(rows, project=whose)
        names = {"runs": [run.name for run in runs], "judges": sorted({key for rows in found.values() for key in rows})}
        database.write(lambda s: log.add(s, project_id, by, "flow back", f"project {project_id}", None, names))
    return written


def _unchanged(s: Session, folder: RunFolder, run_id: int, labelled: set[str]) -> None:
    """Raise StoreError where a run has other questions or answers now than those that people labelled: what they said
    would stand beside a text that they never saw."""
    items = {item.id: item for item in folder.items()}
    responses = {(response.item_id, response.sample): response for response in folder.responses()}
    changed = []
    for answer in s.scalars(select(Answer).where(Answer.run_id == run_id).order_by(Answer.id)):
        item, response = items.get(answer.item_id), responses.get((answer.item_id, answer.sample))
        # One that is not there at all is named by `attach`.
        if answer.item_id in labelled and item is not None and response is not None:
            question = item.messages if response.messages is None else response.messages
            if not same(answer, question, [response.text or ""]):
                changed.append(answer.item_id)
    if changed:
        raise StoreError(
            f"{folder.path} has another text of {len(changed):,} labelled answers now, such as {changed[0]}: their "
            "labels are of what was there before; export them as a file"
        )


def _judgments(s: Session, project: Project, runs: Sequence[Run]) -> dict[int, dict[str, list[Judgment]]]:
    """All that was said in a project as judgments, by run and by judge."""
    guide = guides.load(project.guide)
    found: dict[int, dict[str, list[Judgment]]] = {run.id: {} for run in runs}
    models = {run.id: run.model for run in runs}
    for one in given(s, project):
        answer, source = one.answer, one.source
        verdict = _verdict(guide, answer, one.label)
        about: dict[str, Any] = {} if source is None else {"reasons": source.reasons or [], "flags": source.flags or []}
        if isinstance(source, Label) and source.suggestion_judge is not None:
            about |= {"suggestion": source.suggestion, "suggestion_judge": source.suggestion_judge}
        row = Judgment(
            item_id=answer.item_id,
            model=models[answer.run_id],
            sample=answer.sample,
            judge=one.judge,
            author=None if one.annotator is None else escape(one.annotator),
            status=one.status,
            label=one.label,
            score=verdict.score,
            raw_score=verdict.raw_score,
            refused=verdict.refused,
            rationale=escape(source.note) if source is not None and source.note else None,
            raw=json.dumps(about, sort_keys=True) if any(about.values()) else None,
            error=one.error,
            seconds=source.seconds if source is not None else None,
            design=one.design,
            inclusion=one.inclusion,
            at=(source.at if source is not None else None) or project.created,
        )
        found[answer.run_id].setdefault(one.judge, []).append(row)
    return found


def _verdict(guide: guides.Guide, answer: Answer, label: str | None) -> Verdict:
    return Verdict("") if label is None else guides.verdict(guide, answer.category, label)
