"""`replay/FILE`: answers recorded earlier, by item id or by exact prompt."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from honne.errors import ConfigError, DataError, ModelError, unknown
from honne.models._chat import cleaned, whole
from honne.plugins import Reply, Request
from honne.records import RESPONSE_STATUSES, Message, counted
from honne.rows import read_bytes, recorded_rows
from honne.spec import Spec, read_options

__all__ = ["PLUGIN", "Replay"]

_ANSWER = ("response", "text", "answer")
_ENCODER = msgspec.json.Encoder()


class _Recorded(NamedTuple):
    sample: int | None
    reply: Reply


class Replay:
    """Recorded answers. The rule, exactly:

    1. A record names its item by `id` (or `item_id`), its prompt by `prompt` (text) or `messages` (a list of
       `{"role", "content"}`; `prompt` may be such a list too), or both. Its answer is `response`, `text` or `answer`
       (null: not asked), or a `status` that needs none. Optional: `sample`, `reasoning`, `finish`, `status`, `error`,
       `model` or `served_model`, `tokens_in`, `tokens_out`, `cost`, `logprobs`.
    2. An item is answered by the records with its id; if there are none, by those with exactly its messages; if there
       are none, by those whose prompt is exactly the text of its last user message.
    3. Records that state a `sample` answer that sample; the others count in the order of the file. By id, the j-th
       record is sample j. By prompt, the k-th record goes to the k-th item with that prompt (`Request.occurrence`),
       and with n such items, records n … 2n-1 are their sample 1, and so on.
    4. What has no record is `not_asked`. A recorded status `error` stays that item's error.

    Option `model=NAME` reads only the records of that model, `name=LABEL` names the model in the results (default: the
    file's name without its folder), `encoding=NAME` that of a file which is not UTF-8. FILE is JSONL, JSON, CSV, TSV
    or Parquet, also `.gz`. The sha256 of its uncompressed bytes is among the `settings`: another recording under the
    same name is another model. `notes` says, once the file was read, when an item has more records than samples.
    """

    concurrency = 8

    def __init__(self, spec: Spec) -> None:
        if not spec.name:
            raise ConfigError("replay needs a file: replay/FILE")
        given = read_options(spec, {"encoding": str, "model": str, "name": str})
        self.name = given.pop("name", f"{spec.provider}/{Path(spec.name).name}")
        self._only: str | None = given.get("model")
        self._encoding: str | None = given.get("encoding")
        self._path = Path(spec.name).expanduser()
        self._data: bytes | None = read_bytes(self._path)
        self.settings: Mapping[str, Any] = {**given, "sha256": hashlib.sha256(self._data).hexdigest()}
        self._by_id: dict[str, list[_Recorded]] = {}
        self._by_prompt: dict[str, list[_Recorded]] = {}
        self._by_messages: dict[bytes, list[_Recorded]] = {}
        self._samples = 1

    async def open(self) -> None:
        """Parse the file; opening twice is harmless. Raises DataError for a record that cannot be used."""
        if self._data is None:
            return
        for where, fields in recorded_rows(self._data, self._path, self._encoding, "encoding="):
            try:
                self._add(where, cleaned(fields))
            except RecursionError:
                raise DataError(f"{where} is nested too deeply to be read") from None
        self._data = None
        if not (self._by_id or self._by_prompt or self._by_messages):
            which = f" of model {self._only!r}" if self._only else ""
            raise DataError(f"{self._path} holds no recorded answers{which}")

    @property
    def notes(self) -> Sequence[str]:
        """Whether there are records that the samples asked for so far may not have reached."""
        kinds: tuple[Mapping[Any, list[_Recorded]], ...] = (self._by_id, self._by_prompt, self._by_messages)
        counts = [len(records) for kind in kinds for records in kind.values()]
        several = sum(n > self._samples for n in counts)
        if not several:
            return ()
        return (
            f"{self._path.name}: {several} of {len(counts)} ids or prompts have more than {self._samples} recorded "
            f"answers (at most {max(counts)}): further ones go to further items with the same prompt, and to --samples",
        )

    async def close(self) -> None:
        return

    def sent(self, messages: Sequence[Message]) -> tuple[Message, ...] | None:
        return None

    def body(self, request: Request) -> bytes:
        return _ENCODER.encode(request.messages)

    async def ask(self, request: Request, body: bytes) -> Reply:
        await self.open()
        self._samples = max(self._samples, request.sample + 1)
        found = self._find(request)
        if found is None:
            return Reply(status="not_asked")
        if found.status == "error":
            raise ModelError(found.error or "recorded as an error", kind="recorded", item_fault=True)
        return found

    def price(self, tokens_in: int, tokens_out: int) -> float | None:
        return None

    def _find(self, request: Request) -> Reply | None:
        records = self._by_id.get(request.item_id)
        index = request.sample
        if records is None:
            last = next((m.content for m in reversed(request.messages) if m.role == "user"), None)
            records = self._by_messages.get(_ENCODER.encode(request.messages))
            if records is None and last is not None:
                records = self._by_prompt.get(last)
            if records is None:
                return None
            # the run's items with this prompt: at least those up to this one
            items = max(request.occurrences, request.occurrence + 1)
            index = request.occurrence + request.sample * items
            stated = [r for r in records if r.sample == request.sample]
            if stated:
                return stated[request.occurrence].reply if request.occurrence < len(stated) else None
        else:
            stated = [r for r in records if r.sample == request.sample]
            if stated:
                return stated[-1].reply  # the last record of a key wins, as in a run folder
        plain = [r for r in records if r.sample is None]
        return plain[index].reply if index < len(plain) else None

    def _add(self, where: str, record: Mapping[str, Any]) -> None:
        name = record.get("served_model") or record.get("model")
        if self._only is not None and record.get("model") != self._only:
            return
        item = record.get("id", record.get("item_id"))
        prompt = record.get("prompt")
        messages = record.get("messages") or (prompt if isinstance(prompt, list) else None)
        if item is None and not isinstance(prompt, str) and not messages:
            raise DataError(f"{where} has neither an id (id, item_id) nor a prompt (prompt, messages)")
        one = _Recorded(self._int(where, record, "sample"), self._reply(where, record, name))
        if item is not None:
            self._by_id.setdefault(str(item), []).append(one)
        if messages:
            try:
                said = msgspec.convert(messages, tuple[Message, ...])
            except msgspec.ValidationError as e:
                raise DataError(f"{where}: messages must be a list of role and content: {e}") from None
            self._by_messages.setdefault(_ENCODER.encode(said), []).append(one)
        elif isinstance(prompt, str):
            self._by_prompt.setdefault(prompt, []).append(one)

    def _reply(self, where: str, record: Mapping[str, Any], name: Any) -> Reply:
        answered = next((k for k in _ANSWER if k in record), None)
        text = record[answered] if answered else None
        status = record.get("status") or ("ok" if text is not None else "not_asked")
        if status not in RESPONSE_STATUSES:
            raise DataError(f"{where}: {unknown('status', str(status), RESPONSE_STATUSES)}")
        if answered is None and not record.get("status"):
            raise DataError(f"{where} has no answer (one of {', '.join(_ANSWER)})")
        if text is not None and not isinstance(text, str):
            raise DataError(f"{where}: {answered} must be text")
        logprobs = record.get("logprobs")
        if logprobs is not None and not isinstance(logprobs, str):
            logprobs = _ENCODER.encode(logprobs).decode()
        return Reply(
            status=status,
            text=None if text is None else whole(text),
            reasoning=_text(record.get("reasoning")),
            finish=_text(record.get("finish")),
            served_model=_text(name),
            tokens_in=self._int(where, record, "tokens_in"),
            tokens_out=self._int(where, record, "tokens_out"),
            cost=_cost(where, record.get("cost")),
            logprobs=logprobs,
            error=_text(record.get("error")),
        )

    def _int(self, where: str, record: Mapping[str, Any], field: str) -> int | None:
        value = record.get(field)
        if value is None or value == "":
            return None
        try:
            found = counted(float(value) if isinstance(value, str) else value)
        except (TypeError, ValueError):
            found = None
        if found is None:
            raise DataError(f"{where}: {field}={str(value)[:80]!r} must be a whole number, 0 or more")
        return found


def _cost(where: str, value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not 0 <= value <= sys.float_info.max:
        raise DataError(f"{where}: cost={str(value)[:80]!r} must be a finite number, 0 or more")
    return float(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


PLUGIN = Replay
