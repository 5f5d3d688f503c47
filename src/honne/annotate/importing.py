"""Labels into a project from a file: an export of `exporting`, or any table with item ids, labels and annotators.

Nothing is guessed. A label's design and inclusion are what the file states; where it states none they stay unknown, and
agreement and calibration leave such labels out. An imported label belongs to a name in the file, not to an account,
fills no place of the project's own work, and is never changed by a second file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from honne.annotate import guides, log, queue
from honne.annotate.people import LONGEST_NAME
from honne.annotate.projects import row_of
from honne.annotate.said import names
from honne.annotate.tables import Answer, Decision, Label, Project, Run, User
from honne.annotate.text import LONGEST, restore
from honne.engine.store import open_run
from honne.errors import DataError, unknown
from honne.records import DESIGNS, Item, Response, now
from honne.rows import DataRow, read_bytes, recorded_rows
from honne.text import clean, uncell

__all__ = ["Imported", "Labels", "load", "read"]

_KINDS = ("label", "decision", "reference")
_NEEDED = ("item_id", "label", "annotator")


@dataclass(frozen=True)
class Labels:
    """The rows of a file: its name, the sha256 of its bytes, and each row's place with its columns."""

    name: str
    sha256: str
    rows: tuple[DataRow, ...]


@dataclass(frozen=True)
class Imported:
    """What came in: labels and decisions, those that were there already, and references, which are made again here."""

    labels: int
    decisions: int
    known: int
    references: int
    unknown_design: int


def read(path: Path) -> Labels:
    """Read a JSONL, CSV or Parquet file of labels. Raises DataError for one that is none, naming the line."""
    data = read_bytes(path)
    found = list(recorded_rows(data, path))
    if not found:
        raise DataError(f"{path}: no rows")
    there = {column for row in found for column in row.fields}
    for name in _NEEDED:
        if name not in there:
            raise DataError(f"{path}: no column {name!r}; its columns: {', '.join(sorted(there))}")
    # In a CSV file a text that a spreadsheet would run has an apostrophe before it.
    mended = uncell if path.name.removesuffix(".gz").endswith((".csv", ".tsv")) else str
    rows = tuple(
        DataRow(row.where, {k: restore(mended(v)) if isinstance(v, str) else v for k, v in row.fields.items()})
        for row in found
    )
    return Labels(path.name, hashlib.sha256(data).hexdigest(), rows)


def load(
    s: Session, project_id: int, labels: Labels, by: int | None = None, label_map: Mapping[str, str] | None = None
) -> Imported:
    """Put the labels of a file into a project; `label_map` says what a label in the file means in the guide.

    In a pairwise project a row names two answers and, of a label, the order in which its annotator saw them.
    The same file again changes nothing. Raises DataError, naming the line, for an answer that the project's runs do not
    have, a label that the guide does not offer, and a label that contradicts one of the same annotator.
    """
    project = s.get_one(Project, project_id)
    answers = _Answers(s, project)
    source = f"{labels.name} sha256:{labels.sha256[:16]}"
    said = _said(s, project_id)
    counts = dict.fromkeys(("labels", "decisions", "known", "references", "unknown_design"), 0)
    for row in labels.rows:
        kind = row.optional("kind") or "label"
        if kind not in _KINDS:
            raise DataError(f"{row.where}: {unknown('kind', kind, _KINDS)}")
        if kind == "reference":
            counts["references"] += 1
            continue
        answer, turned = answers.of(row)
        read = _decision if kind == "decision" else _label
        made = read(row, answer, answers.guide, source, label_map or {})
        if answer.other_run_id is not None and isinstance(made, Label):
            made.swapped = _swapped(row) != turned
        if turned and made.label is not None:
            made.label = queue.turned(made.label) or ""
        if isinstance(made, Label) and made.design is None:
            counts["unknown_design"] += 1
        new = _store_label(s, row, made, said) if isinstance(made, Label) else _store_decision(s, row, made)
        counts["known" if not new else "labels" if kind == "label" else "decisions"] += 1
    s.flush()
    log.add(s, project_id, by, "import", source, None, counts)
    return Imported(**counts)


class _Answers:
    """The answers of a project's runs; those that were not drawn are added when a file has a label of them."""

    def __init__(self, s: Session, project: Project) -> None:
        self._s, self._project = s, project
        self.guide = guides.load(project.guide)
        self._runs = list(s.scalars(select(Run).where(Run.project_id == project.id).order_by(Run.id)))
        rows = s.scalars(select(Answer).where(Answer.project_id == project.id))
        self._known = {(a.run_id, a.item_id, a.sample): a for a in rows}
        self._folders: dict[int, tuple[dict[str, Item], dict[tuple[str, int], Response]]] = {}

    def of(self, row: DataRow) -> tuple[Answer, bool]:
        """The answer of a row; of a pair also whether the row has its two answers the other way round."""
        run, item_id, sample = self._run(row, self._runs), row.text("item_id"), _sample(row)
        other, turned = None, False
        if self.guide.kind == "pairwise":
            other = self._run(row, [one for one in self._runs if one is not run], "_b")
            if _number(row, "sample_b") not in (None, float(sample)):
                raise DataError(f"{row.where}: sample_b is not {sample}: a pair is of one sample")
            run, other, turned = (run, other, False) if run is self._runs[0] else (other, run, True)
        found = self._known.get((run.id, item_id, sample))
        if found is None:
            found = self._added(row, run, other, item_id, sample)
            self._known[run.id, item_id, sample] = found
        return found, turned

    def _run(self, row: DataRow, fitting: list[Run], suffix: str = "") -> Run:
        for column, field in ((f"run{suffix}", "name"), (f"model{suffix}", "model")):
            wanted = row.optional(column)
            if wanted is not None:
                names = [str(getattr(run, field)) for run in fitting]
                fitting = [run for run in fitting if getattr(run, field) == wanted or _ends(run, field, wanted)]
                if not fitting:
                    raise DataError(f"{row.where}: {unknown(column, wanted, names)}")
        if len(fitting) > 1:
            raise DataError(f"{row.where}: several runs fit; name it in the columns run or model")
        return fitting[0]

    def _added(self, row: DataRow, run: Run, other: Run | None, item_id: str, sample: int) -> Answer:
        item, response = self._answered(row, run, item_id, sample)
        pair = None if other is None else (other, self._answered(row, other, item_id, sample))
        if pair is not None and pair[1][0].messages != item.messages:
            raise DataError(f"{row.where}: {run.name} and {pair[0].name} ask {item_id} in other words: it is no pair")
        made = row_of(self._project.id, run, item, response, None if pair is None else (pair[0], pair[1][1]))
        made.design, made.inclusion = _design(row)
        self._s.add(made)
        self._s.flush()
        return made

    def _answered(self, row: DataRow, run: Run, item_id: str, sample: int) -> tuple[Item, Response]:
        """An item of a run, and what the model said."""
        if run.id not in self._folders:
            folder = open_run(run.path)
            answered = {(r.item_id, r.sample): r for r in folder.responses()}
            self._folders[run.id] = ({item.id: item for item in folder.items()}, answered)
        items, answered = self._folders[run.id]
        if item_id not in items:
            raise DataError(f"{row.where}: {run.name}: {_near('item', item_id, list(items))}")
        response = answered.get((item_id, sample))
        if response is None or not response.text:
            raise DataError(f"{row.where}: {run.name} has no answer to {item_id} (sample {sample})")
        return items[item_id], response


def _ends(run: Run, field: str, wanted: str) -> bool:
    """Whether a run goes by this name where other folders stand beside it: what tells it apart is more or less."""
    return field == "name" and f"/{run.path}".endswith(f"/{wanted}")


def _near(what: str, name: str, names: Sequence[str]) -> str:
    """`unknown`, without a list of a thousand items."""
    return unknown(what, name, names if len(names) <= 20 else []).replace(" Allowed: none.", "")


def _label(row: DataRow, answer: Answer, guide: guides.Guide, source: str, label_map: Mapping[str, str]) -> Label:
    discarded = row.optional("status") == "skipped"
    design, inclusion = _design(row)
    return Label(
        project_id=answer.project_id,
        answer_id=answer.id,
        user_id=None,
        annotator=_name(row),
        state="discarded" if discarded else "submitted",
        label=None if discarded else _word(row, answer, guide, label_map),
        reasons=_codes(row, "reasons", guide.reasons),
        flags=_codes(row, "flags", guide.flags),
        note=_note(row),
        exposed=_flag(row, "exposed"),
        seconds=_number(row, "seconds"),
        swapped=False,
        suggestion=row.optional("suggestion"),
        suggestion_judge=row.optional("suggestion_judge"),
        design=design,
        inclusion=inclusion,
        guide_version=row.optional("guide_version"),
        source=source,
        opened=now(),
        at=_moment(row),
    )


def _decision(row: DataRow, answer: Answer, guide: guides.Guide, source: str, label_map: Mapping[str, str]) -> Decision:
    return Decision(
        answer_id=answer.id,
        project_id=answer.project_id,
        user_id=None,
        adjudicator=_name(row),
        label=_word(row, answer, guide, label_map),
        reasons=_codes(row, "reasons", guide.reasons),
        flags=_codes(row, "flags", guide.flags),
        note=_note(row),
        exposed=_flag(row, "exposed"),
        seconds=_number(row, "seconds"),
        guide_version=row.optional("guide_version"),
        source=source,
        at=_moment(row),
    )


_Said = dict[tuple[int, str], set[tuple[str, str | None]]]


def _said(s: Session, project_id: int) -> _Said:
    """What each annotator of a project said of each answer. An account of the annotator's name is the annotator; where
    several have the name, a file that was made before there were several means one of them."""
    rows = s.execute(
        select(Label.answer_id, Label.user_id, Label.annotator, User.name, Label.state, Label.label)
        .outerjoin(User, User.id == Label.user_id)
        .where(Label.project_id == project_id, Label.state.in_(("submitted", "discarded")))
    )
    known = names(s, project_id)
    found: _Said = {}
    for row in rows:
        for name in {known[row.user_id, row.annotator][0], row.annotator or row.name or ""}:
            found.setdefault((row.answer_id, _spaced(name)), set()).add((row.state, row.label))
    return found


def _store_label(s: Session, row: DataRow, made: Label, said: _Said) -> bool:
    """Add a label unless it is there; whether it was added."""
    where = (made.answer_id, made.annotator or "")
    if where not in said:
        s.add(made)
        said[where] = {(made.state, made.label)}
        return True
    if (made.state, made.label) not in said[where]:
        state, label = min(said[where], key=str)
        raise DataError(
            f"{row.where}: {made.annotator!r} says {made.label!r} of an answer that they labelled {label or state!r}"
        )
    return False


def _store_decision(s: Session, row: DataRow, made: Decision) -> bool:
    old = s.get(Decision, made.answer_id)
    if old is None:
        s.add(made)
        return True
    if old.label != made.label:
        raise DataError(f"{row.where}: the decision is {made.label!r}, but this answer is decided as {old.label!r}")
    return False


def _word(row: DataRow, answer: Answer, guide: guides.Guide, label_map: Mapping[str, str]) -> str:
    given = row.text("label").strip()
    label = label_map.get(given, given)
    allowed = guides.part(guide, answer.category).values
    if label not in allowed:
        raise DataError(f"{row.where}: {unknown('label', label[:80], allowed)}")
    return label


def _swapped(row: DataRow) -> bool:
    """Whether an annotator saw the second of a row's two answers first: whoever reads labels of pairs asks for it, so
    where a file does not say it nothing is guessed."""
    order = row.text("order")
    if order not in ("ab", "ba"):
        raise DataError(f"{row.where}: {unknown('order', order[:80], ('ab', 'ba'))}")
    return order == "ba"


def _design(row: DataRow) -> tuple[str | None, float | None]:
    design, inclusion = row.optional("design"), _number(row, "inclusion")
    if design is not None and design not in DESIGNS:
        raise DataError(f"{row.where}: {unknown('design', design, DESIGNS)}")
    if inclusion is not None and not 0 < inclusion <= 1:
        raise DataError(f"{row.where}: inclusion is {inclusion:g}: a probability above 0 and up to 1")
    return design, inclusion


def _codes(row: DataRow, column: str, allowed: Mapping[str, Any]) -> list[str]:
    """Codes as a list, or as JSON or with commas in a cell. Raises DataError for one that the guide does not have."""
    given = row.fields.get(column)
    if isinstance(given, str) and given.strip():
        try:
            given = json.loads(given)
        except ValueError:
            given = [one.strip() for one in given.split(",")]
    if given in (None, ""):
        return []
    if not isinstance(given, list):
        raise DataError(f"{row.where}: {column} is no list")
    for code in given:
        if not isinstance(code, str) or code not in allowed:
            raise DataError(f"{row.where}: {unknown(column.removesuffix('s'), str(code)[:80], allowed)}")
    return [str(code) for code in given]


def _spaced(name: str) -> str:
    return " ".join(name.split())


def _name(row: DataRow) -> str:
    """Who labelled, by the rules for the name of an account: it stands on pages and in the keys of judges."""
    name = _spaced(row.text("annotator"))
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise DataError(f"{row.where}: annotator is {clean(name[:40])!r}: use 1 to {LONGEST_NAME} printable characters")
    return name


def _note(row: DataRow) -> str | None:
    note = row.optional("note")
    if note is not None and len(note.encode(errors="surrogatepass")) > LONGEST:
        raise DataError(f"{row.where}: a note is text of at most {LONGEST // 1024} KB")
    return note


def _sample(row: DataRow) -> int:
    found = _number(row, "sample") or 0.0
    if found != int(found):
        raise DataError(f"{row.where}: sample is {found:g}, not a whole number")
    return int(found)


def _flag(row: DataRow, column: str) -> bool:
    return (row.optional(column) or "").lower() in ("true", "1")


def _number(row: DataRow, column: str) -> float | None:
    given = row.optional(column)
    if given is None:
        return None
    try:
        value = float(given)
    except ValueError:
        raise DataError(f"{row.where}: {column} is {given[:40]!r}, not a number") from None
    if not abs(value) < float("inf"):
        raise DataError(f"{row.where}: {column} is {given[:40]!r}, not a finite number")
    return value


def _moment(row: DataRow) -> datetime:
    given = row.optional("at")
    if given is None:
        return now()
    try:
        found = datetime.fromisoformat(given)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise DataError(f"{row.where}: at is {given[:40]!r}, not a time (ISO 8601)") from None
