"""Pairs that exist already, in any of the usual shapes. `given/FILE[?…]` (JSONL, JSON, CSV, TSV, Parquet; also .gz)

    prompt, chosen, rejected        texts, or lists of messages {"role": …, "content": …} (Hugging Face preference)
    chosen, rejected                whole conversations as lists of messages; the prompt is what they share
    chosen, rejected                whole transcripts "\\n\\nHuman: … \\n\\nAssistant: …" (HH-RLHF)
    prompt, completion, label       unpaired (KTO): label says whether the completion is wanted
    prompt, pos_resp, neg_resp      CValues-Comparison
    问题, 安全有用回答, 违规回答    JADE's triples (encoding=gb18030)

The shape is told by the columns of the first row, and every row must be of it. Options: `prompt`, `chosen`, `rejected`,
`completion` and `label` name other columns; `category`, `lang` and `id` name columns that are kept (where a file has
columns of these names, or is one of honne's own, they are kept anyway; `lang` may be en, zh or ja for all rows);
`judge` says who judged; `encoding` is that of the file.

Departures: space around the answers is dropped. Rows with an empty answer or equal sides are left out, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from honne.align.pairs._base import Account, JudgeUsed, PairSource, key_of, sound
from honne.align.pairs._shapes import Bad, Sides, shape_of
from honne.errors import ConfigError, DataError, unknown
from honne.records import Pair
from honne.rows import DataRow, read_bytes, recorded_rows
from honne.spec import Spec, read_options, slug

__all__ = ["PLUGIN", "Given"]

_SIDES = ("prompt", "chosen", "rejected", "completion", "label")
_KEPT = ("category", "lang", "id")
_LANGS = ("en", "zh", "ja")


class Given:
    def __init__(self, spec: Spec) -> None:
        self._options = read_options(spec, {**dict.fromkeys((*_SIDES, *_KEPT), str), "encoding": str, "judge": str})
        if not spec.name:
            raise ConfigError("given: which file? Write given/PATH (given//home/… for an absolute path)")
        self._path = Path(spec.name)

    def pairs(self, *, seed: int, account: Account) -> Iterator[Pair]:
        """The pairs, in the order of the file."""
        from hashlib import sha256

        raw = read_bytes(self._path)
        account.inputs.append({"file": str(self._path), "sha256": sha256(raw).hexdigest()})
        rows = recorded_rows(raw, self._path, self._options.get("encoding"), "encoding=")
        first = next(rows, None)
        if first is None:
            raise DataError(f"{self._path}: no rows")
        shape, columns = shape_of(first, {name: self._options[name] for name in _SIDES if name in self._options})
        kept = self._kept(first)
        if "judge" in self._options:
            account.judged_by(JudgeUsed(self._options["judge"]))
        name = slug(self._path.name.partition(".")[0])
        for number, row in enumerate(chain([first], rows), 1):
            for missing in (column for column in columns.values() if column not in row.fields):
                raise DataError(f"{row.where}: no column {missing!r}, which the first row has")
            try:
                sides = shape(row, columns)
            except Bad as e:
                account.out(str(e), row.where)
                continue
            yield self._pair(row, sides, kept, f"{name}-{number:05}", account)

    def _kept(self, first: DataRow) -> dict[str, str]:
        """The columns of the provenance that a file may have."""
        out = {name: self._options.get(name, name) for name in _KEPT}
        for name, column in out.items():
            if name in self._options and column not in first.fields and not (name == "lang" and column in _LANGS):
                also = _LANGS if name == "lang" else ()
                raise ConfigError(f"{first.where}: {name}=…: {unknown('column', column, (*first.fields, *also))}")
        return {**out, **{name: name for name in ("form", "attack", "group", "benchmark", "model", "why", "judge")}}

    def _pair(self, row: DataRow, sides: Sides, kept: dict[str, str], number: str, account: Account) -> Pair:
        told = {name: _text(row, column) for name, column in kept.items()}
        lang = kept["lang"] if kept["lang"] not in row.fields and kept["lang"] in _LANGS else told["lang"]
        judge = self._options.get("judge") or told["judge"]
        if judge:
            account.judged_by(JudgeUsed(judge))
        item = told["id"] or number
        return Pair(
            prompt=sides.prompt,
            chosen=sides.chosen,
            rejected=sides.rejected,
            chosen_safe=_flag(row, "chosen_safe") if sides.chosen_safe is None else sides.chosen_safe,
            rejected_safe=_flag(row, "rejected_safe") if sides.rejected_safe is None else sides.rejected_safe,
            source="given",
            judge=judge,
            why=told["why"] or "given",
            item=item,
            group=told["group"] or key_of(*(m.content for m in sides.prompt)),
            benchmark=told["benchmark"],
            category=told["category"] or "",
            lang=lang or "",
            form=told["form"] or "open",
            attack=told["attack"],
            model=told["model"],
        )


def _flag(row: DataRow, column: str) -> bool | None:
    value: Any = row.fields.get(column)
    return value if isinstance(value, bool) else None


def _text(row: DataRow, column: str) -> str | None:
    value = row.fields.get(column)
    if isinstance(value, bool | int | float):
        return str(value)
    return (sound(value) or None) if isinstance(value, str) else None


PLUGIN: Callable[[Spec], PairSource] = Given
