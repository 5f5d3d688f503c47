"""People's labels read from a file: the export of the annotation server as it is, or any table by `--map`.

One row a label. An answer is named by the item's id (or its prompt), the sample, and the model or run that gave it; the
label by the words of the benchmark's scale. Which labels can stand for an answer is decided in `reference`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from honne.engine.people import annotators
from honne.engine.store import RunFolder
from honne.errors import ConfigError, DataError, unknown
from honne.judges.labels import mapped
from honne.records import DESIGNS, Judgment
from honne.rows import DataRow, read_bytes, recorded_rows, text_of

__all__ = ["FIELDS", "KINDS", "RAREST", "Given", "Labels", "of_judge", "read"]

# What `--map` may name, and the column that the annotation server's export has for it.
FIELDS = {
    "item_id": "item_id",
    "prompt": "prompt",
    "label": "label",
    "run": "run",
    "model": "model",
    "sample": "sample",
    "author": "annotator",
    "kind": "kind",
    "design": "design",
    "inclusion": "inclusion",
    "score": "score",
    "raw_score": "raw_score",
    "status": "status",
    "judge": "judge",
    "suggested": "suggestion_judge",
}
# One label that stands for more answers than this is a slip of the pen, and its weight the whole number.
RAREST = 1e-9
KINDS = ("label", "decision", "reference")


@dataclass(frozen=True)
class Given:
    """One label as it was given, `kind` `label` (a person's), `decision` (an adjudicator's) or `reference` (settled).

    `label` is None where the row holds none. `suggested` is the judge whose verdict this person was shown.
    """

    where: str
    item_id: str | None
    prompt: str | None
    sample: int
    run: str | None
    model: str | None
    author: str | None
    kind: str
    label: str | None
    score: float | None
    raw_score: float | None
    design: str | None
    inclusion: float | None
    judge: str | None
    suggested: str | None


@dataclass(frozen=True)
class Labels:
    """All labels of one source. `name` is the file's name or `judge:KEY`; `sha256` is of its bytes."""

    name: str
    sha256: str
    rows: tuple[Given, ...]


def read(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    label_map: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> Labels:
    """Read a file of labels; `mapping` is field -> column, `label_map` a label in the file -> the label meant.

    Raises ConfigError for a field or column that is not there, DataError naming the line for a row that makes no sense.
    """
    data = read_bytes(path)
    rows = [row for row in recorded_rows(data, path, encoding) if any(v not in (None, "") for v in row.fields.values())]
    if not rows:
        raise DataError(f"{path}: no rows")
    columns = _columns(path, rows, mapping or {})
    given = tuple(_given(row, columns, label_map) for row in rows)
    return Labels(path.name, hashlib.sha256(data).hexdigest(), given)


def _columns(path: Path, rows: Sequence[DataRow], mapping: Mapping[str, str]) -> dict[str, str]:
    there = dict.fromkeys(column for row in rows for column in row.fields)
    for field, column in mapping.items():
        if field not in FIELDS:
            raise ConfigError(f"--map: {unknown('field', field, FIELDS)}")
        if column not in there:
            raise ConfigError(f"--map {field}={column}: {path}: {unknown('column', column, there)}")
    columns = {field: column for field, column in FIELDS.items() if column in there} | dict(mapping)
    if "label" not in columns:
        raise ConfigError(
            f"{path} has no column 'label': name it with --map label=COLUMN (columns: {', '.join(there)})"
        )
    if "item_id" not in columns and "prompt" not in columns:
        raise ConfigError(
            f"{path} has no column 'item_id': name it with --map item_id=COLUMN, or --map prompt=COLUMN "
            f"(columns: {', '.join(there)})"
        )
    if "label" in mapping and mapping["label"] != "label":
        # Scores that stand beside another column's labels say nothing of these.
        columns = {k: v for k, v in columns.items() if k not in ("score", "raw_score", "status") or k in mapping}
    return columns


def _given(row: DataRow, columns: Mapping[str, str], label_map: Mapping[str, str] | None) -> Given:
    cells = {field: (text_of(row.fields.get(column)) or "").strip() or None for field, column in columns.items()}
    label = cells.get("label")
    if cells.get("status") not in (None, "scored"):
        label = None
    if label is not None and label_map is not None:
        label = mapped(label_map, label)
        if label is None:
            raise DataError(f"{row.where}: {unknown('label', cells['label'] or '', label_map)} (--label-map)")
    kind = cells.get("kind") or "label"
    design = cells.get("design")
    if kind not in KINDS:
        raise DataError(f"{row.where}: {unknown('kind', kind, KINDS)}")
    if design is not None and design not in DESIGNS:
        raise DataError(f"{row.where}: {unknown('design', design, DESIGNS)}")
    inclusion = _number(row, "inclusion", cells.get("inclusion"))
    if inclusion is not None and not RAREST <= inclusion <= 1:
        least = f", and is {RAREST:g} at least" if 0 < inclusion < 1 else ""
        raise DataError(f"{row.where}: inclusion {inclusion:g} is no probability: it lies above 0 and up to 1{least}")
    sample = _number(row, "sample", cells.get("sample")) or 0.0
    if sample < 0 or not sample.is_integer():
        raise DataError(f"{row.where}: sample {sample:g} is no whole number from 0")
    return Given(
        where=row.where,
        item_id=cells.get("item_id"),
        prompt=text_of(row.fields.get(columns["prompt"])) if "prompt" in columns else None,
        sample=int(sample),
        run=cells.get("run"),
        model=cells.get("model"),
        author=cells.get("author"),
        kind=kind,
        label=label,
        score=_number(row, "score", cells.get("score")),
        raw_score=_number(row, "raw_score", cells.get("raw_score")),
        design=design,
        inclusion=inclusion,
        judge=cells.get("judge"),
        suggested=cells.get("suggested"),
    )


def _number(row: DataRow, field: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if value != value or value in (float("inf"), float("-inf")):
        raise DataError(f"{row.where}: {field} {text[:40]!r} is not a number")
    return value


def of_judge(run: RunFolder, key: str) -> Labels:
    """The judgments of `key` in the run as labels, with those of its annotators (`KEY.NAME`, each with an author).

    Where the key itself holds settled labels, those of the annotators serve for the noise ceiling alone.
    Raises ConfigError for a judge that the run does not have.
    """
    found = run.judgments()
    if key not in found:
        raise ConfigError(f"--labels judge:{key}: {run.name}: {unknown('judge', key, found)}")
    people = annotators(found, key)
    rows = [_judged(run, j, "reference") for j in found[key]]
    rows += [_judged(run, j, "label") for k in people for j in found[k]]
    digest = hashlib.sha256("\n".join(map(_line, rows)).encode()).hexdigest()
    return Labels(f"judge:{key}", digest, tuple(rows))


def _judged(run: RunFolder, j: Judgment, kind: str) -> Given:
    scored = j.status == "scored"
    return Given(
        where=f"{run.name}, judge {j.judge}, {j.item_id}",
        item_id=j.item_id,
        prompt=None,
        sample=j.sample,
        run=None,
        model=None,
        author=j.author if kind == "reference" else j.author or j.judge,
        kind=kind,
        label=j.label if scored else None,
        score=j.score if scored else None,
        raw_score=j.raw_score if scored else None,
        design=j.design,
        inclusion=j.inclusion,
        judge=j.judge,
        suggested=None,
    )


def _line(row: Given) -> str:
    told = (row.item_id, row.sample, row.judge, row.author, row.label, row.raw_score, row.design, row.inclusion)
    return "\t".join(map(str, told))
