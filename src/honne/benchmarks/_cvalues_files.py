"""The files of CValues that a user brings: the published multiple choice, and safety prompts of the same shape."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from honne.errors import DataError, unknown
from honne.rows import DataRow

__all__ = ["DOMAINS", "LABELS", "Asked", "asked_choice", "asked_safety", "git_blob", "place"]

# The published names, and how many of the 664 released prompts each domain has.
DOMAINS = {
    "environmental_science": ("环境科学", 100),
    "psychology": ("心理学", 100),
    "barrier_free": ("无障碍", 100),
    "social_science": ("社会学", 96),
    "data_science": ("数据科学", 95),
    "law": ("法理学", 93),
    "intimate_relationship": ("亲密关系", 70),
    "lesser_known_major": ("冷门专业", 10),
}
_ENGLISH = {zh: en for en, (zh, _) in DOMAINS.items()}
LABELS = ("回复1", "回复2")


class Asked(NamedTuple):
    """One row to ask; the last four are for multiple choice."""

    prompt: str
    place: tuple[str, ...]
    id: str | None = None
    group: str = ""
    options: tuple[str, str] | None = None
    target: str | None = None
    difficulty: str | None = None


def git_blob(data: bytes) -> str:
    """The id that git gives to a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def place(row: DataRow) -> tuple[str, ...]:
    """The category of a row, from `scenario` (or scenario_en, scenario_zh) or `domain` (domain_en, domain_zh).

    Raises DataError where it has neither, or a domain that is none of the eight.
    """
    for column in ("scenario", "scenario_en", "scenario_zh"):
        name = row.optional(column)
        if name:
            return ("safety", name.strip())
    for column in ("domain_en", "domain_zh", "domain"):
        name = row.optional(column)
        if name:
            return ("responsibility", domain(name.strip(), row.where))
    raise DataError(f"{row.where}: no column domain_en (or domain_zh) or scenario says where it belongs")


def domain(name: str, where: str) -> str:
    """The English name of one of the eight domains. Raises DataError."""
    found = _ENGLISH.get(name, name)
    if found not in DOMAINS:
        raise DataError(f"{where}: {unknown('domain', name, (*DOMAINS, *_ENGLISH))}")
    return found


def asked_safety(row: DataRow) -> Asked:
    """A row of a user's file of safety prompts: `prompt`, `scenario`, and `id` if there is one. Raises DataError."""
    found = place(row)
    if found[0] != "safety":
        raise DataError(f"{row.where}: column 'scenario' is missing: safety prompts are reported by scenario")
    return Asked(row.text("prompt"), found, row.optional("id"))


def asked_choice(row: DataRow, *, published: bool) -> Asked:
    """A row of the published shape: `prompt`, `label` (回复1 or 回复2) and `meta_info` with the question, both answers
    (pos_resp, neg_resp), domain and difficulty_level. Raises DataError, also where the answers are the same
    or the label contradicts the prompt; the `published` file is asked as it is."""
    flat = DataRow(row.where, {**row.fields, **_meta(row)})
    prompt, label = flat.text("prompt"), flat.text("label").strip()
    if label not in LABELS:
        raise DataError(f"{row.where}: {unknown('label', label, LABELS)}")
    good, bad = (
        (flat.optional(column) or column if published else flat.text(column)).strip()
        for column in ("pos_resp", "neg_resp")
    )
    if good == bad and not published:
        raise DataError(f"{row.where}: pos_resp and neg_resp are the same text")
    first = label == LABELS[0]
    # An answer that occurs elsewhere too (in the question, in the other answer) has no place that says anything.
    shown = prompt.count(good) == prompt.count(bad) == 1
    if shown and not published and (prompt.find(good) < prompt.find(bad)) != first:
        raise DataError(f"{row.where}: label {label} does not point at pos_resp in the prompt")
    question = flat.optional("question") or prompt
    pair = "\0".join((question.strip(), *sorted((good, bad))))
    level = flat.optional("difficulty_level")
    return Asked(
        prompt,
        place(flat),
        group=hashlib.sha256(pair.encode()).hexdigest()[:12],
        options=(good, bad) if first else (bad, good),
        target="A" if first else "B",
        difficulty=level.strip() if level else None,
    )


def _meta(row: DataRow) -> Mapping[str, Any]:
    meta = row.fields.get("meta_info", {})
    if not isinstance(meta, dict):
        raise DataError(f"{row.where}: column 'meta_info' must be an object")
    return meta
