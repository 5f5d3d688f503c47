"""The nouns: what is asked, what was answered, what a judge made of it, and the number that follows.

Frozen structs whose fields are Arrow types only. Every other module speaks these; on disk they are Parquet (or JSON
lines while a run is under way), so a run can be read with DuckDB, pandas or polars and without honne.
"""

from __future__ import annotations

import types
import typing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "BUCKETS",
    "DESIGNS",
    "JUDGMENT_STATUSES",
    "RESPONSE_STATUSES",
    "SETTLED",
    "Estimate",
    "Item",
    "Judgment",
    "Message",
    "Pair",
    "Response",
    "category_parts",
    "category_path",
    "counted",
    "now",
    "schema",
    "table",
    "tabled",
]

# How an item was picked for a person's label.
DESIGNS = ("random", "stratified", "active", "gold", "adjudicated")
RESPONSE_STATUSES = ("ok", "refused_by_provider", "filtered", "truncated", "error", "not_asked")
JUDGMENT_STATUSES = ("scored", "unparsed", "judge_refused", "error", "skipped")
# More tokens than any answer has; the sum over a run still fits 64 bits.
_MOST = 2**40
# Statuses that a resumed run never asks again: the model did answer, or the provider did.
SETTLED = frozenset({"ok", "refused_by_provider", "filtered", "truncated"})
# A judgment missing altogether (its response is missing, or the judge has not run) is counted in a bucket of its own.
BUCKETS = (*JUDGMENT_STATUSES, "not_judged")


class Message(msgspec.Struct, frozen=True):
    """One chat message; `role` is system, user or assistant."""

    role: str
    content: str


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing asked. `seq` is the order in the run; `group` is the cluster for standard errors."""

    seq: int
    id: str
    benchmark: str
    version: str
    lang: str
    category: str
    form: str = "open"
    attack: str | None = None
    parent: str | None = None
    group: str
    messages: tuple[Message, ...]
    options: tuple[str, ...] | None = None
    target: str | None = None
    meta: str = "{}"


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What a model said. Key: `item_id, model, sample`. `messages` is null when the item's own were sent.

    `seconds` is the wall time of the last try, `attempts` the number of tries, `cost` in the currency of the prices
    given (null when a price is unknown, never 0), `logprobs` the JSON text the server sent.
    """

    item_id: str
    model: str
    sample: int = 0
    messages: tuple[Message, ...] | None = None
    text: str | None = None
    reasoning: str | None = None
    finish: str | None = None
    status: str
    error: str | None = None
    attempts: int = 0
    request_hash: str | None = None
    served_model: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float | None = None
    cost: float | None = None
    logprobs: str | None = None
    at: datetime


class Judgment(msgspec.Struct, frozen=True, kw_only=True):
    """What a judge made of a response. Key: `item_id, model, sample, judge, author`.

    `score` is on honne's 0–1 scale (1 is best), `raw_score` on the benchmark's own; `label` is the verdict's name;
    all three are null unless `status` is `scored`. A person's label also says how its item was picked: `design` is
    `random`, `stratified`, `active`, `gold` or `adjudicated`, and `inclusion` the probability that the design gave this
    item a label (0–1); both are null for a model's judgment, and where nobody recorded them.
    """

    item_id: str
    model: str
    sample: int = 0
    judge: str
    author: str | None = None
    status: str
    label: str | None = None
    score: float | None = None
    raw_score: float | None = None
    choice: str | None = None
    refused: bool | None = None
    p_unsafe: float | None = None
    rationale: str | None = None
    raw: str | None = None
    error: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float | None = None
    cost: float | None = None
    attempts: int = 0
    design: str | None = None
    inclusion: float | None = None
    at: datetime


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its doubt: `value` in [`low`, `high`] at `level`, by `method`, from `n` units of which `n_missing`
    have no value.

    `worst` and `best` bound the value had every missing unit counted as the worst or the best it can be. `withheld`
    marks a headline whose judged share (`judged`; of a macro mean, the smallest of its parts) is too small to be
    stated. `rule` is how missing values were counted, `strict` or as the `paper` does. `reference` names the judge that
    a judge is compared with. `buckets` is JSON text: how many judgments of the slice have each status. A `corrected`
    one is the judge's number corrected for its errors by `n_labels` labels of people; the raw one stands beside it.
    """

    run: str
    model: str
    judge: str | None = None
    benchmark: str
    attack: str | None = None
    form: str | None = None
    metric: str
    slice: str
    value: float | None
    low: float | None
    high: float | None
    level: float | None
    method: str
    n: int
    n_missing: int
    corrected: bool = False
    unit: str
    worst: float | None = None
    best: float | None = None
    withheld: bool = False
    headline: bool = False
    better: str | None = None
    reference: str | None = None
    buckets: str | None = None
    judged: float | None = None
    rule: str = "strict"
    n_labels: int | None = None


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A preference: one prompt as it was sent, with the answer to prefer and the one to avoid.

    Where `rejected` is null the row is unpaired: `chosen` is the completion, and `chosen_safe` says whether it is a
    wanted one. `source` is the plug-in that made the pair, `part` the name under which the user counts it. `item`,
    `group`, `benchmark`, `category`, `lang`, `form` and `attack` are those of the item asked; `run` and `model` say
    where the chosen answer comes from, `rejected_run` and `rejected_model` the other one (null: made by honne, or given
    in a file). `judge` is the key of the judge whose scores (0 to 1) tell the two apart; null where no judge did.
    """

    id: str = ""
    prompt: tuple[Message, ...]
    chosen: str
    rejected: str | None = None
    chosen_safe: bool | None = None
    rejected_safe: bool | None = None
    source: str
    part: str = ""
    judge: str | None = None
    why: str | None = None
    item: str | None = None
    group: str | None = None
    benchmark: str | None = None
    category: str = ""
    lang: str = ""
    form: str = "open"
    attack: str | None = None
    run: str | None = None
    model: str | None = None
    sample: int | None = None
    rejected_run: str | None = None
    rejected_model: str | None = None
    rejected_sample: int | None = None
    chosen_score: float | None = None
    rejected_score: float | None = None
    split: str = "train"


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


def category_path(*names: str) -> str:
    """Join category names into one value path; `%` and `/` inside a name become `%25` and `%2F`."""
    return "/".join(name.replace("%", "%25").replace("/", "%2F") for name in names)


def category_parts(path: str) -> tuple[str, ...]:
    """The names of a value path, undoing `category_path`."""
    if not path:
        return ()
    return tuple(part.replace("%2F", "/").replace("%25", "%") for part in path.split("/"))


_schemas: dict[type, Any] = {}


def schema(record: type[msgspec.Struct]) -> pa.Schema:
    """The Arrow schema of a record class, derived from its annotations."""
    if record not in _schemas:
        import pyarrow as pa

        hints = typing.get_type_hints(record)
        fields = [pa.field(name, *_arrow(hints[name])) for name in record.__struct_fields__]
        _schemas[record] = pa.schema(fields)
    return _schemas[record]


def _arrow(hint: Any) -> tuple[pa.DataType, bool]:
    import pyarrow as pa

    nullable = False
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        nullable = True
        (hint,) = (arg for arg in typing.get_args(hint) if arg is not type(None))
    if typing.get_origin(hint) is tuple:
        return pa.list_(_arrow(typing.get_args(hint)[0])[0]), nullable
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        members = typing.get_type_hints(hint)
        return pa.struct([pa.field(n, *_arrow(members[n])) for n in hint.__struct_fields__]), nullable
    plain = {
        int: pa.int64(),
        float: pa.float64(),
        str: pa.string(),
        bool: pa.bool_(),
        datetime: pa.timestamp("us", tz="UTC"),
    }
    return plain[hint], nullable


def counted(value: object) -> int | None:
    """A count of tokens as a server or a file states it; None for what is none (negative, infinite, a text)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
        return None
    return int(value)


def table(record: type[msgspec.Struct], rows: typing.Iterable[msgspec.Struct]) -> pa.Table:
    """Rows of one record class as an Arrow table."""
    import pyarrow as pa

    want = schema(record)
    names = record.__struct_fields__
    listed = list(rows)
    columns = []
    for name, field in zip(names, want, strict=True):
        values = [getattr(row, name) for row in listed]
        if pa.types.is_nested(field.type):
            values = msgspec.to_builtins(values)
        columns.append(pa.array(values, type=field.type))
    return pa.Table.from_arrays(columns, schema=want)


_R = typing.TypeVar("_R", bound=msgspec.Struct)


def tabled(record: type[_R], source: pa.Table | pa.RecordBatch) -> list[_R]:
    """The rows of an Arrow table as records; columns that the record does not know are ignored."""
    return msgspec.convert(source.to_pylist(), list[record])  # type: ignore[valid-type]
