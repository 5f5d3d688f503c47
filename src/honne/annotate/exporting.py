"""Labels out of a project: as rows of a file, and as judgments of the run folders.

A row is one label (`kind` is `label`), one adjudicator's word (`decision`), or the `reference` of an answer: the
adjudicator's word where there is one, else the label on which all annotators agree, else none (`status` is `skipped`).
Texts that no UTF-8 file can hold are escaped as in the database (`text.escape`), and `importing` restores them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from honne.annotate import guides, log
from honne.annotate.database import Database
from honne.annotate.queue import whole
from honne.annotate.tables import Answer, Decision, Label, Log, Project, Run, User
from honne.annotate.text import escape
from honne.engine.human import attach
from honne.engine.journal import os_failure
from honne.engine.store import RunFolder
from honne.errors import ConfigError, StoreError, unknown
from honne.plugins import Verdict
from honne.records import Comparison, Judgment
from honne.spec import slug
from honne.text import cell

__all__ = ["COLUMNS", "KINDS", "PAIRWISE", "comparisons", "flow_back", "rows", "stream", "write"]

KINDS = ("jsonl", "csv", "parquet")
COLUMNS = (
    "run",
    "model",
    "item_id",
    "sample",
    "benchmark",
    "category",
    "lang",
    "judge",
    "annotator",
    "kind",
    "label",
    "score",
    "raw_score",
    "status",
    "design",
    "inclusion",
    "reasons",
    "flags",
    "note",
    "suggestion",
    "suggestion_judge",
    "gold",
    "seconds",
    "exposed",
    "at",
    "project",
    "guide",
    "guide_version",
)
PAIRWISE = ("run_b", "model_b", "sample_b", "order")
"""Of a comparison also the second answer, and the order in which the annotator saw the two (`ab` or `ba`)."""
_TEXT = ("prompt", "answer", "answer_b")
_DISAGREE = "labels disagree, not adjudicated"


@dataclass(frozen=True)
class _Given:
    """One row before it is one: who said what of which answer."""

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


def rows(s: Session, project_id: int, *, text: bool = False) -> Iterator[dict[str, Any]]:
    """The rows of a project, answer by answer: labels, decision, reference. `text` adds the prompt and the answer.

    Raises StoreError where `text` is asked for and a long text's run folder is gone.
    """
    project = s.get_one(Project, project_id)
    guide = guides.load(project.guide)
    runs = {run.id: run for run in s.scalars(select(Run).where(Run.project_id == project_id))}
    for given in _given(s, project):
        answer, source = given.answer, given.source
        run = runs[answer.run_id]
        verdict = _verdict(guide, answer, given.label)
        label = source if isinstance(source, Label) else None
        row: dict[str, Any] = {
            "run": run.name,
            "model": run.model,
            "item_id": answer.item_id,
            "sample": answer.sample,
            "benchmark": answer.benchmark,
            "category": answer.category,
            "lang": answer.lang,
            "judge": given.judge,
            "annotator": given.annotator,
            "kind": given.kind,
            "label": given.label,
            "score": verdict.score,
            "raw_score": verdict.raw_score,
            "status": given.status,
            "design": given.design,
            "inclusion": given.inclusion,
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
            other = runs[answer.other_run_id or answer.run_id]
            row |= {"run_b": other.name, "model_b": other.model, "sample_b": answer.other_sample}
            row["order"] = None if label is None else "ba" if label.swapped else "ab"
        if text:
            question, texts = whole(s, answer)
            row["prompt"] = "\n\n".join(message.content for message in question)
            row |= dict(zip(_TEXT[1:], texts, strict=False))
        yield {name: escape(value) if isinstance(value, str) else value for name, value in row.items()}


def comparisons(s: Session, project_id: int) -> Iterator[Comparison]:
    """The labels of a pairwise project as comparisons of two responses; discarded ones are none."""
    project = s.get_one(Project, project_id)
    if project.kind != "pairwise":
        raise ConfigError(f"the project {project.name!r} labels answers one by one: it has no comparisons")
    runs = {run.id: run for run in s.scalars(select(Run).where(Run.project_id == project_id))}
    for given in _given(s, project):
        if given.kind != "reference" and given.label is not None and given.source is not None and given.source.at:
            answer = given.answer
            yield Comparison(
                item_id=answer.item_id,
                model_a=runs[answer.run_id].model,
                sample_a=answer.sample,
                model_b=runs[answer.other_run_id or answer.run_id].model,
                sample_b=answer.other_sample or 0,
                judge=given.judge,
                author=given.annotator,
                verdict=given.label,
                at=given.source.at,
            )


# ------------------------------------------------------------------- who said


def _given(s: Session, project: Project) -> Iterator[_Given]:
    names = _names(s, project.id)
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
            name, key = names[label.user_id, label.annotator]
            scored = label.state == "submitted"
            yield _Given(
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
            name, key = names[decision.user_id, decision.adjudicator]
            judge = f"{reference}.{key}"
            yield _Given(answer, "decision", judge, name, decision.label, "scored", None, "adjudicated", None, decision)
        said = {label.label for label in labels if label.state == "submitted"}
        if decision is None and not said:
            continue
        # Labels that came from a file without the draw of this answer were not made because it was drawn.
        drawn = answer.design, answer.inclusion
        made = any((label.design, label.inclusion) == drawn for label in labels if label.state == "submitted")
        design, inclusion = drawn if made else (None, None)
        word = decision.label if decision is not None else said.pop() if len(said) == 1 else None
        yield _Given(
            answer=answer,
            kind="reference",
            judge=reference,
            annotator=None if decision is None else names[decision.user_id, decision.adjudicator][0],
            label=word,
            status="scored" if word is not None else "skipped",
            error=None if word is not None else _DISAGREE,
            design=design,
            inclusion=inclusion,
            # Labels that agree have no reasons, note or time in common: only a decision has its own.
            source=decision,
        )


def _names(s: Session, project_id: int) -> dict[tuple[int | None, str | None], tuple[str, str]]:
    """Everybody who labelled or decided: their name, and what stands for it in a judge's key, each its own."""
    users = {user.id: user.name for user in s.scalars(select(User))}
    said = select(Label.user_id, Label.annotator).where(Label.project_id == project_id)
    settled = select(Decision.user_id, Decision.adjudicator).where(Decision.project_id == project_id)
    people = {(user_id, name) for query in (said, settled) for user_id, name in s.execute(query)}
    out: dict[tuple[int | None, str | None], tuple[str, str]] = {}
    taken: set[str] = set()
    for user_id, imported in sorted(people, key=lambda one: (one[0] is None, one[0] or 0, one[1] or "")):
        name = users[user_id] if user_id is not None else imported or ""
        wanted = slug(name).replace(".", "-").lower()
        key = next(k for n in range(len(people)) if (k := wanted if not n else f"{wanted}-{n + 1}") not in taken)
        taken.add(key)
        out[user_id, imported] = (name, key)
    return out


def _verdict(guide: guides.Guide, answer: Answer, label: str | None) -> Verdict:
    return Verdict("") if label is None else guides.verdict(guide, answer.category, label)


# ------------------------------------------------------------------- as a file


def write(path: Path, kind: str, given: Iterable[Mapping[str, Any]]) -> int:
    """Write rows to a new file; their number. Raises StoreError where the file exists or cannot be written."""
    if path.exists() or path.is_symlink():
        raise StoreError(f"{path} exists already: name another file, or remove it")
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as out:
            n = stream(out, kind, given)
        temporary.rename(path)
    except OSError as e:
        raise os_failure(e, path, "write") from None
    finally:
        temporary.unlink(missing_ok=True)
    return n


def stream(out: IO[bytes], kind: str, given: Iterable[Mapping[str, Any]]) -> int:
    """Write rows to an open file as `jsonl`, `csv` (text that a spreadsheet would run gets an apostrophe) or `parquet`;
    their number. Raises ConfigError for another kind."""
    if kind not in KINDS:
        raise ConfigError(unknown("format", kind, KINDS))
    if kind == "parquet":
        return _parquet(out, list(given))
    n = 0
    columns: list[str] | None = None
    for row in given:
        if kind == "jsonl":
            out.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        else:
            if columns is None:
                columns = list(row)
                out.write(_line(columns))
            out.write(_line([cell(row[name]) for name in columns]))
        n += 1
    if kind == "csv" and columns is None:
        out.write(_line(COLUMNS))
    return n


def _line(cells: Sequence[Any]) -> bytes:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode()


def _parquet(out: IO[bytes], given: Sequence[Mapping[str, Any]]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds: dict[str, Any] = dict.fromkeys(("score", "raw_score", "inclusion", "seconds"), pa.float64())
    kinds |= dict.fromkeys(("sample", "sample_b"), pa.int64()) | dict.fromkeys(("gold", "exposed"), pa.bool_())
    kinds |= dict.fromkeys(("reasons", "flags"), pa.list_(pa.string()))
    names = list(dict.fromkeys([*COLUMNS, *(name for row in given for name in row)]))
    schema = pa.schema([pa.field(name, kinds.get(name, pa.string())) for name in names])
    pq.write_table(pa.Table.from_pylist([dict(row) for row in given], schema=schema), out, compression="zstd")
    return len(given)


# ------------------------------------------------------------- as judgments


def flow_back(database: Database, project_id: int, by: int | None = None) -> list[RunFolder]:
    """Put the labels into the project's run folders, as judges `labels.PROJECT.ANNOTATOR` and `labels.PROJECT`.

    The same again changes nothing but what has changed. Raises ConfigError for a pairwise project, StoreError where a
    run folder is gone or in use.
    """
    with database.read() as s:
        project = s.get_one(Project, project_id)
        if project.kind == "pairwise":
            raise ConfigError("preferences are comparisons of two runs: export them as a file")
        guide = guides.load(project.guide)
        runs = list(s.scalars(select(Run).where(Run.project_id == project_id).order_by(Run.id)))
        created = project.created
        # Slugs are unique in one database; a run may meet the projects of several.
        whose = hashlib.sha256(f"{project.slug}/{created.isoformat()}".encode()).hexdigest()[:16]
        written = s.scalars(select(Log.after).where(Log.project_id == project_id, Log.what == "flow back"))
        before = {str(key) for after in written for key in (after or {}).get("judges", ())}
        found: dict[int, dict[str, list[Judgment]]] = {run.id: {} for run in runs}
        for given in _given(s, project):
            answer, source = given.answer, given.source
            verdict = _verdict(guide, answer, given.label)
            about: dict[str, Any] = (
                {} if source is None else {"reasons": source.reasons or [], "flags": source.flags or []}
            )
            if isinstance(source, Label) and source.suggestion_judge is not None:
                about |= {"suggestion": source.suggestion, "suggestion_judge": source.suggestion_judge}
            row = Judgment(
                item_id=answer.item_id,
                model=next(run.model for run in runs if run.id == answer.run_id),
                sample=answer.sample,
                judge=given.judge,
                author=None if given.annotator is None else escape(given.annotator),
                status=given.status,
                label=given.label,
                score=verdict.score,
                raw_score=verdict.raw_score,
                refused=verdict.refused,
                rationale=escape(source.note) if source is not None and source.note else None,
                raw=json.dumps(about, sort_keys=True) if any(about.values()) else None,
                error=given.error,
                seconds=source.seconds if source is not None else None,
                design=given.design,
                inclusion=given.inclusion,
                at=(source.at if source is not None else None) or created,
            )
            found[answer.run_id].setdefault(given.judge, []).append(row)
    out = [
        attach(Path(run.path), found[run.id], project=whose, gone=before - found[run.id].keys())
        for run in runs
        if found[run.id] or before
    ]
    names = {"runs": [run.name for run in runs], "judges": sorted({key for keys in found.values() for key in keys})}
    database.write(lambda s: log.add(s, project_id, by, "flow back", f"project {project_id}", None, names))
    return out
