"""The questions of a finished `fine-build` run whose two options are as wanted, and why the others are not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec

from honne.benchmarks._questions import Question
from honne.data import RecordedRun, pick_judge, read_run
from honne.errors import DataError
from honne.metrics.built_rate import WANTED, failure
from honne.records import Item, category_parts

__all__ = ["Built", "built_questions"]


class Built(NamedTuple):
    """The questions, in the order of the run, and notes on those that are missing."""

    questions: list[Question]
    notes: list[str]


def built_questions(path: Path, judge: str | None) -> Built:
    """Read a run of `fine-build`. Of several samples the first good pair counts. Raises DataError where the run is of
    another kind, or no question has a pair as wanted."""
    run = read_run(path)
    groups: dict[str, dict[str, Item]] = {}
    for item in run.items:
        if item.form in WANTED and item.attack is None:
            groups.setdefault(item.group, {})[item.form] = item
    if not groups or any(set(forms) != set(WANTED) for forms in groups.values()):
        raise DataError(
            f"{path}: not a run of fine-build: its items are not positive and negative options of questions"
        )
    key = pick_judge(run, judge)
    samples = sorted({sample for _, sample in run.responses}) or [0]
    questions: list[Question] = []
    why: Counter[str] = Counter()
    for forms in groups.values():
        tried = [_failures(run, key, forms, sample) for sample in samples]
        good = next((sample for sample, failed in zip(samples, tried, strict=True) if not failed), None)
        if good is None:
            why.update(tried[0])
        else:
            questions.append(_question(run, forms, good))
    notes = [
        f"options by {run.model}, checked by {key}: {len(questions)} of {len(groups)} questions have both as wanted"
    ]
    notes += [f"{n} options failed: {reason}" for reason, n in sorted(why.items())]
    if not questions:
        raise DataError(f"{path}: {'; '.join(notes)}")
    return Built(questions, notes)


def _failures(run: RecordedRun, judge: str, forms: dict[str, Item], sample: int) -> list[str]:
    """What keeps a pair from being used, one entry for each bad option."""
    out = []
    for form, item in forms.items():
        at = (item.id, sample)
        failed = failure(form, run.responses.get(at), run.judgments[judge].get(at))
        if failed is None or failed:
            out.append(f"{form}, {failed or 'no answer or no verdict'}")
    if not out and len({(run.responses[item.id, sample].text or "").strip() for item in forms.values()}) == 1:
        out.append("negative, the same text as the positive one")
    return out


class _About(msgspec.Struct):
    question: str
    id: str


def _question(run: RecordedRun, forms: dict[str, Item], sample: int) -> Question:
    item = forms["positive"]
    try:
        about = msgspec.json.decode(item.meta, type=_About)
    except (msgspec.DecodeError, RecursionError) as e:
        raise DataError(f"{run.path}: item {item.id!r} does not hold its question ({e})") from None
    good, bad = (run.responses[forms[form].id, sample].text or "" for form in WANTED)
    return Question(about.id, item.lang, category_parts(item.category), about.question, good.strip(), bad.strip())
