"""A run as flat rows, streamed: what `honne export` writes.

`rows` joins the three tables: one row per item, sample and judgment. They are read in batches and put side by side in
the order of the items, so that a run larger than memory passes through; a table that is not in that order (of a run
under way, or imported) is sorted in memory, as Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from honne.engine import journal
from honne.engine.estimate import analyse
from honne.engine.store import RunFolder, judgment_key, response_key
from honne.errors import ConfigError, unknown
from honne.records import Estimate, Item, Judgment, Response, schema, table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KINDS", "batches", "columns"]

KINDS = ("rows", "items", "responses", "judgments", "estimates")
# Rows of a batch; smaller than the store's, since a joined row carries the texts of three.
_BATCH = 1024

_ITEM = {"messages": "prompt"} | {
    name: name
    for name in ("seq", "benchmark", "version", "lang", "category", "form", "attack", "parent", "group", "options")
}
_ITEM |= {"target": "target", "meta": "meta"}
_RESPONSE = {"status": "response_status", "text": "response", "error": "response_error", "at": "response_at"} | {
    name: name
    for name in ("reasoning", "finish", "attempts", "request_hash", "served_model", "tokens_in", "tokens_out")
}
_RESPONSE |= {"seconds": "seconds", "cost": "cost", "logprobs": "logprobs"}
_JUDGMENT = {
    "judge": "judge",
    "author": "author",
    "status": "judgment_status",
    "label": "label",
    "score": "score",
    "raw_score": "raw_score",
    "choice": "choice",
    "refused": "refused",
    "p_unsafe": "p_unsafe",
    "rationale": "rationale",
    "raw": "raw",
    "error": "judgment_error",
    "tokens_in": "judge_tokens_in",
    "tokens_out": "judge_tokens_out",
    "seconds": "judge_seconds",
    "cost": "judge_cost",
    "attempts": "judge_attempts",
    "design": "design",
    "inclusion": "inclusion",
    "at": "judged_at",
}


def columns(kind: str) -> pa.Schema:
    """The columns of one kind of table, in order; all but the estimates have the run's name before the record's own."""
    import pyarrow as pa

    if kind not in KINDS:
        raise ConfigError(unknown("table", kind, KINDS))
    if kind == "estimates":
        return schema(Estimate)
    run = pa.field("run", pa.string())
    if kind != "rows":
        record: dict[str, type[msgspec.Struct]] = {"items": Item, "responses": Response, "judgments": Judgment}
        return pa.schema([run, *(field.with_nullable(True) for field in schema(record[kind]))])
    fields = [run, pa.field("model", pa.string()), pa.field("item_id", pa.string()), pa.field("sample", pa.int64())]
    joined: list[tuple[type[msgspec.Struct], dict[str, str]]]
    joined = [(Item, _ITEM), (Response, _RESPONSE), (Judgment, _JUDGMENT)]
    for one, names in joined:
        fields += [pa.field(new, schema(one).field(old).type) for old, new in names.items()]
    return pa.schema(fields)


def batches(run: RunFolder, kind: str, paper: bool = False) -> Iterator[pa.RecordBatch]:
    """One run's rows of one kind, as record batches of `columns(kind)`. Raises StoreError."""
    import pyarrow as pa

    want = columns(kind)
    if kind == "rows":
        yield from _batched(_rows(run), want)
    elif kind == "estimates":
        yield from table(Estimate, analyse(run, paper).estimates).to_batches(max_chunksize=_BATCH)
    else:
        for batch in run.scan(kind):
            name = pa.array([run.name] * batch.num_rows, pa.string())
            yield pa.RecordBatch.from_arrays([name, *batch.columns], schema=want)


def _batched(rows: Iterable[dict[str, Any]], want: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    waiting: list[dict[str, Any]] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == _BATCH:
            yield pa.RecordBatch.from_pylist(waiting, schema=want)
            waiting = []
    if waiting:
        yield pa.RecordBatch.from_pylist(waiting, schema=want)


# --------------------------------------------------------------------- join


def _rows(run: RunFolder) -> Iterator[dict[str, Any]]:
    model = run.info["spec"]["model"].get("name")
    items = run.items()
    place = {item.id: i for i, item in enumerate(items)}
    responses = _Cursor(lambda: journal.scan(run.responses_folder, Response, response_key, _BATCH), place)
    root = run.path / "judgments"
    folders = [f for f in sorted(root.iterdir()) if f.is_dir()] if root.is_dir() else []
    judges = [_Cursor(_scanning(folder), place) for folder in folders]
    for i, item in enumerate(items):
        common = {"run": run.name, "model": model, "item_id": item.id}
        common |= {new: getattr(item, old) for old, new in _ITEM.items()}
        common["prompt"] = _messages(item.messages)
        answers = {row["sample"]: row for row in responses.at(i)}
        verdicts: dict[int, list[dict[str, Any]]] = {}
        for judge in judges:
            for row in judge.at(i):
                verdicts.setdefault(row["sample"], []).append(row)
        for sample in sorted({*answers, *verdicts}) or [0]:
            answer = answers.get(sample)
            row = {**common, "sample": sample, **_renamed(answer, _RESPONSE)}
            if answer is None:
                row["response_status"] = "not_asked"
            elif answer["messages"] is not None:
                row["prompt"] = answer["messages"]
            found: list[dict[str, Any] | None] = [*verdicts.get(sample, [])]
            for verdict in found or [None]:
                yield {**row, **_renamed(verdict, _JUDGMENT)}


def _scanning(folder: Any) -> Callable[[], Iterator[pa.RecordBatch]]:
    return lambda: journal.scan(folder, Judgment, judgment_key, _BATCH)


def _messages(messages: Iterable[Any]) -> list[dict[str, str]]:
    return [{"role": m.role, "content": m.content} for m in messages]


def _renamed(record: dict[str, Any] | None, names: dict[str, str]) -> dict[str, Any]:
    return {new: record[old] if record is not None else None for old, new in names.items()}


class _Cursor:
    """The records of one table by item, in the order of the items: each item is asked for once, in that order."""

    def __init__(self, scan: Callable[[], Iterator[pa.RecordBatch]], place: dict[str, int]) -> None:
        self._rows = _in_order(scan, place)
        self._place = place
        self._next = next(self._rows, None)

    def at(self, i: int) -> list[dict[str, Any]]:
        out = []
        while self._next is not None and self._where(self._next) <= i:
            # Records of items that the run does not hold come first; they belong to no row.
            if self._where(self._next) == i:
                out.append(self._next)
            self._next = next(self._rows, None)
        return out

    def _where(self, row: dict[str, Any]) -> int:
        return self._place.get(row["item_id"], -1)


def _in_order(scan: Callable[[], Iterator[pa.RecordBatch]], place: dict[str, int]) -> Iterator[dict[str, Any]]:
    import pyarrow as pa

    keys: list[tuple[int, int]] = []
    for batch in scan():
        ids, samples = batch.column("item_id").to_pylist(), batch.column("sample").to_pylist()
        keys += [(place.get(name, -1), sample) for name, sample in zip(ids, samples, strict=True)]
    if all(a <= b for a, b in pairwise(keys)):
        for batch in scan():
            yield from batch.to_pylist()
        return
    whole = pa.Table.from_batches(list(scan()))
    order = sorted(range(len(keys)), key=keys.__getitem__)
    for start in range(0, len(order), _BATCH):
        yield from whole.take(order[start : start + _BATCH]).to_pylist()
