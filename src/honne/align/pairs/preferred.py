"""What people preferred, of two answers to one prompt. `preferred/FILE`

FILE is what `honne annotate export --text` wrote of a project by the guide `preference` (JSONL, CSV or Parquet; also
.gz). Chosen is the answer that the reference of the two names: the adjudicator's word, else what all who labelled them
say. Where people disagree and nobody has decided, and where neither is better, there is no pair; both are counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from honne.align.pairs._base import Account, JudgeUsed, PairSource, key_of, sound
from honne.align.pairs._shapes import Bad, listed, sides_of
from honne.errors import ConfigError, DataError, unknown
from honne.records import Message, Pair
from honne.rows import DataRow, read_bytes, recorded_rows
from honne.spec import Spec, read_options
from honne.text import restore, uncell

__all__ = ["PLUGIN", "Preferred"]

_COMPARED = ("project", "run", "run_b", "item_id", "sample", "sample_b")
_NEEDED = (*_COMPARED, "kind", "label", "judge", "model", "model_b")
_TEXTS = ("messages", "answer", "answer_b")
_PREFERENCES = ("a", "b", "tie")


class Preferred:
    def __init__(self, spec: Spec) -> None:
        read_options(spec, {})
        if not spec.name:
            raise ConfigError("preferred: which file? Write preferred/PATH (preferred//home/… for an absolute path)")
        self._path = Path(spec.name)

    def pairs(self, *, seed: int, account: Account) -> Iterator[Pair]:
        """The pairs, in the order of the file."""
        from hashlib import sha256

        raw = read_bytes(self._path)
        account.inputs.append({"file": str(self._path), "sha256": sha256(raw).hexdigest()})
        rows = [self._mended(row) for row in recorded_rows(raw, self._path)]
        self._check(rows)
        people: Counter[tuple[str, ...]] = Counter()
        decided: set[tuple[str, ...]] = set()
        for row in rows:
            if row.optional("kind") == "decision":
                decided.add(_compared(row))
            elif row.optional("kind") == "label" and row.optional("label") is not None:
                people[_compared(row)] += 1
        for row in rows:
            if row.optional("kind") != "reference":
                continue
            label = row.optional("label")
            if label is None:
                account.out("people disagree, and nobody has decided", row.where)
            elif label not in _PREFERENCES:
                raise DataError(f"{row.where}: {unknown('label', label, _PREFERENCES)}")
            elif label == "tie":
                account.out("neither answer is better", row.where)
            else:
                why = "an adjudicator's word" if (key := _compared(row)) in decided else f"all of {people[key]} people"
                try:
                    yield self._pair(row, label == "a", why, account)
                except Bad as e:
                    account.out(str(e), row.where)

    def _mended(self, row: DataRow) -> DataRow:
        """A row without what a spreadsheet or a file needed."""
        bare = uncell if self._path.name.removesuffix(".gz").endswith((".csv", ".tsv")) else str
        return DataRow(row.where, {k: restore(bare(v)) if isinstance(v, str) else v for k, v in row.fields.items()})

    def _check(self, rows: list[DataRow]) -> None:
        there = {column for row in rows for column in row.fields}
        if lacking := [column for column in _NEEDED if column not in there]:
            raise DataError(
                f"{self._path}: no column {lacking[0]!r}: it is no export of a project by the guide preference "
                "(honne annotate export)"
            )
        if lacking := [column for column in _TEXTS if column not in there]:
            raise DataError(
                f"{self._path}: no column {lacking[0]!r}: export with questions and answers (honne annotate export "
                "--text)"
            )

    def _pair(self, row: DataRow, first: bool, why: str, account: Account) -> Pair:
        messages: Any = row.fields["messages"]
        if isinstance(messages, str):
            try:
                messages = json.loads(messages)
            except ValueError:
                messages = None
        if not isinstance(messages, list):
            raise DataError(f"{row.where}: column 'messages' is no list of messages")
        answers = [sound(row.optional(column) or "") for column in ("answer", "answer_b")]
        sources = [(row.optional(f"run{x}"), row.optional(f"model{x}"), _sample(row, f"sample{x}")) for x in ("", "_b")]
        if not first:
            answers.reverse()
            sources.reverse()
        prompt = tuple(Message(m.role, sound(restore(m.content))) for m in listed(row, "messages", messages))
        sides = sides_of(prompt, *answers)
        (run, model, sample), (other_run, other_model, other_sample) = sources
        account.judged_by(JudgeUsed(row.text("judge")))
        return Pair(
            prompt=sides.prompt,
            chosen=sides.chosen,
            rejected=sides.rejected,
            source="preferred",
            judge=row.text("judge"),
            why=why,
            item=row.text("item_id"),
            group=key_of(*(m.content for m in prompt)),
            benchmark=row.optional("benchmark"),
            category=row.optional("category") or "",
            lang=row.optional("lang") or "",
            run=run,
            model=model,
            sample=sample,
            rejected_run=other_run,
            rejected_model=other_model,
            rejected_sample=other_sample,
        )


def _compared(row: DataRow) -> tuple[str, ...]:
    """Which two answers a row is about."""
    return tuple(row.optional(name) or "" for name in _COMPARED)


def _sample(row: DataRow, column: str) -> int | None:
    found = row.optional(column)
    if found is None:
        return None
    try:
        return int(found)
    except ValueError:
        raise DataError(f"{row.where}: {column} is {found[:40]!r}, not a whole number") from None


PLUGIN: Callable[[Spec], PairSource] = Preferred
