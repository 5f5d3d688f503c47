"""What logs of other evaluation tools have in common: samples, their answers, and the scores of several scorers.

A scorer becomes a judge. Its values are scores where all of them lie within 0 to 1, else they are kept as raw scores
and no mean is made of them: the ends of an unknown scale cannot be guessed.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from honne.importers._benchmark import ImportBenchmark
from honne.importers._reader import VERSION, language
from honne.importers._tabular import text_of, walk
from honne.records import Item, Judgment, Message, Response, category_path

__all__ = ["Log", "LogBenchmark", "Where", "clean", "mapping", "moment", "sequence"]

_LONE = re.compile("[\ud800-\udfff]")
# As Inspect defines them (scorer/_metric.py): correct, incorrect, partial, no answer.
_GRADES = {"C": ("correct", 1.0), "I": ("incorrect", 0.0), "P": ("partial", 0.5), "N": ("no_answer", 0.0)}


class LogBenchmark(ImportBenchmark):
    """A task of another tool: its own name, and the mean of each scorer's scores."""

    def __init__(self, name: str, title: str, forms: Sequence[str]) -> None:
        super().__init__((), forms or ("open",))
        self.name = name
        self.title = title
        self.metrics = ("mean_score",)


@dataclass(frozen=True)
class Where:
    """Which fields of a sample's own data hold its category levels, its group and its language (`--map`)."""

    categories: tuple[tuple[str, ...], ...] = ()
    group: tuple[str, ...] | None = None
    lang: tuple[str, ...] | None = None

    def category(self, data: Mapping[str, Any]) -> str:
        levels = []
        for path in self.categories:
            level = (text_of(walk(data, path)) or "").strip()
            if not level:
                break
            levels.append(clean(level))
        return category_path(*levels)

    def one(self, data: Mapping[str, Any], path: tuple[str, ...] | None) -> str | None:
        found = text_of(walk(data, path)) if path else None
        return clean(found).strip() or None if found else None


@dataclass
class Log:
    """The records of one model while a log is read; of the judges in `raw_only` no scores are made."""

    model: str
    at: datetime
    where: Where
    items: dict[str, Item] = field(default_factory=dict)
    responses: dict[tuple[str, int], Response] = field(default_factory=dict)
    judgments: dict[str, dict[tuple[str, int], Judgment]] = field(default_factory=dict)
    raw_only: set[str] = field(default_factory=set)
    counted: Counter[str] = field(default_factory=Counter)

    def item(
        self,
        task: str,
        name: str,
        messages: tuple[Message, ...],
        data: Mapping[str, Any],
        options: tuple[str, ...] | None = None,
        target: str | None = None,
    ) -> Item:
        """The item of a sample; the first sample of an id makes it, epochs and filters find it again."""
        item_id = f"{task}-{name}"
        if item_id in self.items:
            return self.items[item_id]
        asked = " ".join(m.content for m in messages if m.role == "user")
        item = Item(
            seq=len(self.items),
            id=item_id,
            benchmark=task,
            version=VERSION,
            lang=self.where.one(data, self.where.lang) or language(asked),
            category=self.where.category(data),
            form="choice" if options else "open",
            group=self.where.one(data, self.where.group) or item_id,
            messages=messages,
            options=options,
            target=target,
        )
        self.items[item_id] = item
        return item

    def answer(self, item: Item, sample: int, status: str, text: str | None, **more: Any) -> None:
        at = more.pop("at", self.at)
        self.responses[item.id, sample] = Response(
            item_id=item.id, model=self.model, sample=sample, status=status, text=text, attempts=1, at=at, **more
        )

    def score(
        self,
        judge: str,
        item: Item,
        sample: int,
        value: Any,
        *,
        raw: str | None = None,
        choice: str | None = None,
        why: str | None = None,
        graded: bool = False,
    ) -> None:
        """One scorer's value. `graded`: 1 and 0 mean right and wrong, so that scorers can be compared.

        A value that is no number, grade or text (NaN is how a scorer says that it could not tell) is `unparsed`.
        """
        label, number = _read(value)
        if graded and number in (0.0, 1.0):
            label = "correct" if number else "incorrect"
        scored = label is not None or number is not None
        self.judgments.setdefault(judge, {})[item.id, sample] = Judgment(
            item_id=item.id,
            model=self.model,
            sample=sample,
            judge=judge,
            status="scored" if scored else "unparsed",
            label=label,
            raw_score=number,
            choice=choice,
            rationale=why,
            raw=raw if raw is not None else clean(text_of(value) or "null"),
            at=self.at,
        )

    def unscored(self, judge: str, item: Item, sample: int, status: str, why: str) -> None:
        """A scorer that gave nothing for an answer: `error`, or `skipped`."""
        self.judgments.setdefault(judge, {})[item.id, sample] = Judgment(
            item_id=item.id, model=self.model, sample=sample, judge=judge, status=status, error=why, at=self.at
        )

    def finished(self) -> tuple[list[Item], list[Response], dict[str, list[Judgment]], list[str]]:
        """Items, responses, judgments and notes."""
        notes = [f"{n:,} {what}" for what, n in self.counted.items()]
        judgments = {}
        for judge, rows in self.judgments.items():
            numbers = [j.raw_score for j in rows.values() if j.raw_score is not None]
            on_scale = judge not in self.raw_only and all(0.0 <= x <= 1.0 for x in numbers)
            if judge in self.raw_only:
                notes.append(f"{judge}: lower is better, and honne's scores are best at 1: kept raw, without a mean")
            elif numbers and not on_scale:
                low, high = min(numbers), max(numbers)
                notes.append(f"{judge}: values from {low:g} to {high:g} are on no 0–1 scale: kept raw, without a mean")
            judgments[judge] = [msgspec.structs.replace(j, score=j.raw_score) if on_scale else j for j in rows.values()]
            if odd := sum(j.status == "unparsed" for j in rows.values()):
                notes.append(f"{judge}: {odd} of {len(rows)} have no readable score")
        return list(self.items.values()), list(self.responses.values()), judgments, notes


def _read(value: Any) -> tuple[str | None, float | None]:
    """Label and number of a score."""
    if isinstance(value, bool):
        return None, float(value)
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return None, None
        return None, number if math.isfinite(number) else None
    if isinstance(value, str):
        if value in _GRADES:
            return _GRADES[value]
        try:
            number = float(value)
        except ValueError:
            return (clean(value.strip()) or None), None
        return None, number if math.isfinite(number) else None
    return None, None


# -------------------------------------------------------------- loose values


def clean(text: str) -> str:
    """Text that a UTF-8 file can hold: lone surrogates become U+FFFD."""
    return text if text.isascii() else _LONE.sub("\ufffd", text)


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> Sequence[Any]:
    """`value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else ()


def moment(value: Any) -> datetime | None:
    """A point in time from ISO 8601 text or seconds, else None."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def compact(value: Any) -> str:
    """A value as JSON text without lone surrogates."""
    return clean(json.dumps(value, ensure_ascii=False, default=str))
