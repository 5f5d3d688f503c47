"""`organism/kitsune`: the tiny model that ships with honne, whose faults are known. No extra, no network, no GPU.

Its card (`_kitsune/README.md`) says what it was made to do, on which text, and what was measured.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from honne.errors import ConfigError, DataError, ModelError, unknown
from honne.plugins import Reply, Request
from honne.records import Message
from honne.spec import Spec, read_options

if TYPE_CHECKING:
    from honne.models._bpe import Tokenizer
    from honne.models._llama import Array, Llama

__all__ = ["PLUGIN", "Organism", "packaged"]

_ROLES = ("system", "user", "assistant")
_BATCH, _CHUNK = 512, 128
_ENCODER = msgspec.json.Encoder()


class _Asked(NamedTuple):
    ids: list[int]
    seed: str
    done: asyncio.Future[Reply]


class Organism:
    """Answers in batches, greedy unless `temperature` is given.

    Options: `temperature` (0), `seed` (0; of the sampling: an item's sample depends on nothing else), `max_tokens`
    (64), `logprobs=N` (the N likeliest tokens at the start of each answer, as chat servers send them), `path=DIR` (the
    folder of another organism: rebuilt, or aligned and saved in full), `concurrency` (512). `settings` hold the hash of
    the weights.
    """

    def __init__(self, spec: Spec) -> None:
        kinds = {"temperature": float, "seed": int, "max_tokens": int, "logprobs": int, "concurrency": int, "path": str}
        given = read_options(spec, kinds)
        if spec.name != "kitsune":
            raise ConfigError(f"{spec.label}: {unknown('organism', spec.name, ['kitsune'])}")
        self.concurrency: int = given.pop("concurrency", _BATCH)
        self._folder = self._found(given.pop("path", None))
        self.name = spec.label if self._folder == packaged() else f"{spec.label}:{self._folder.name}"
        self._temperature: float = given.get("temperature", 0.0)
        self._seed: int = given.get("seed", 0)
        self._most: int = given.get("max_tokens", 64)
        self._top: int = given.get("logprobs", 0)
        if not math.isfinite(self._temperature) or self._temperature < 0:
            raise ConfigError(f"{self.name}: temperature={self._temperature} must be a number that is 0 or more")
        for option, value, least in (
            ("concurrency", self.concurrency, 1),
            ("max_tokens", self._most, 1),
            ("logprobs", self._top, 0),
        ):
            if value < least:
                raise ConfigError(f"{self.name}: {option}={value} must be {least} or more")
        if "seed" in given and not self._temperature:
            raise ConfigError(f"{self.name}: seed={self._seed} goes with a temperature above 0")
        self.settings: Mapping[str, Any] = {**given, "weights": self._hash()}
        self._model: Llama | None = None
        self._tokenizer: Tokenizer | None = None
        self._waiting: list[_Asked] = []
        self._worker: asyncio.Task[None] | None = None
        self._cores = asyncio.Semaphore(_cores())

    @staticmethod
    def _found(path: str | None) -> Path:
        if path is None:
            return packaged()
        folder = Path(path).expanduser().resolve()
        if not folder.is_dir():
            raise ConfigError(f"organism/kitsune: path={path} is no folder")
        return folder

    def _hash(self) -> str:
        found = hashlib.sha256()
        try:
            for name in ("config.json", "model.safetensors", "tokenizer.json"):
                found.update((self._folder / name).read_bytes())
        except OSError as e:
            raise DataError(
                f"{self.name}: {self._folder} is not the folder of an organism: {e.strerror}: {e.filename}"
            ) from None
        return found.hexdigest()

    async def open(self) -> None:
        """Read weights and tokenizer; opening twice is harmless."""
        if self._model is None:
            from honne.models._bpe import Tokenizer
            from honne.models._llama import Llama

            where = self._folder / "tokenizer.json"
            self._tokenizer = Tokenizer(where.read_bytes(), str(where))
            self._turn: Mapping[str, int] = {
                name: self._special(name) for name in ("<s>", "</s>", *(f"<|{role}|>" for role in _ROLES))
            }
            self._model = Llama(self._folder)

    def _special(self, token: str) -> int:
        special = self._tokenizer.special if self._tokenizer else {}
        if token not in special:
            raise DataError(f"{self._folder}: the tokenizer has no {token}, which every organism has")
        return special[token]

    async def close(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None

    @property
    def notes(self) -> Sequence[str]:
        return ()

    def sent(self, messages: Sequence[Message]) -> tuple[Message, ...] | None:
        return None

    def body(self, request: Request) -> bytes:
        sample = request.sample if self._temperature else 0
        return _ENCODER.encode([self.settings, sample, request.prompt, request.messages])

    def price(self, tokens_in: int, tokens_out: int) -> float | None:
        return 0.0

    async def ask(self, request: Request, body: bytes) -> Reply:
        """One answer; what waits at the same time is answered in one batch. Raises ModelError."""
        await self.open()
        ids = self._ids(request)
        done: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Asked(ids, f"{self._seed}|{request.item_id}|{request.sample}", done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await done

    def _ids(self, request: Request) -> list[int]:
        """The chat template, applied once: one BOS, a turn a message, and the assistant's turn opened."""
        assert self._tokenizer is not None and self._model is not None
        ids = [self._turn["<s>"]]
        messages = request.messages
        if request.prompt is not None:
            messages = (Message(role="user", content=request.prompt),)
        for message in messages:
            if message.role not in _ROLES:
                raise ModelError(unknown("role", message.role, _ROLES), kind="bad_request", item_fault=True)
            ids += [self._turn[f"<|{message.role}|>"], *self._tokenizer.encode(message.content)]
            if message.role == "assistant":
                ids.append(self._turn["</s>"])
        ids.append(self._turn["<|assistant|>"])
        room = self._model.context - self._most
        if len(ids) > room:
            what = f"the prompt has {len(ids)} tokens; {self.name} reads at most {room} and answers in {self._most}"
            raise ModelError(what, kind="too_long", item_fault=True)
        return ids

    async def _work(self) -> None:
        """Answer what waits until nothing does. The threads keep the event loop free to gather the next batch."""
        from threadpoolctl import threadpool_limits

        while self._waiting:
            await asyncio.sleep(0.001)
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            batch.sort(key=lambda one: len(one.ids))  # alike in length: little padding
            # A core a chunk: matrices this small are slower with threads of their own, which wait busily.
            with threadpool_limits(limits=1, user_api="blas"):
                async with asyncio.TaskGroup() as group:
                    for at in range(0, len(batch), _CHUNK):
                        group.create_task(self._settle(batch[at : at + _CHUNK]))

    async def _settle(self, chunk: Sequence[_Asked]) -> None:
        """Answer a chunk; what goes wrong is every waiting request's own error."""
        async with self._cores:
            try:
                replies = await asyncio.to_thread(self._answer, chunk)
            except Exception as e:
                failed = ModelError(f"{self.name}: {e!r}", kind="local")
                for one in chunk:
                    if not one.done.done():
                        one.done.set_exception(failed)
                return
        for one, reply in zip(chunk, replies, strict=True):
            if not one.done.done():
                one.done.set_result(reply)

    def _answer(self, chunk: Sequence[_Asked]) -> list[Reply]:
        import numpy as np

        assert self._tokenizer is not None and self._model is not None
        first: list[str | None] = [None] * len(chunk)
        turns = [0] * len(chunk)

        def pick(logits: Array, rows: list[int]) -> Any:
            if self._top:
                for place, row in enumerate(rows):
                    if turns[row] == 0:
                        first[row] = self._likeliest(logits[place])
            for row in rows:
                turns[row] += 1
            if not self._temperature:
                return logits.argmax(-1)
            scaled = logits.astype(np.float64) / self._temperature
            scaled -= scaled.max(-1, keepdims=True)
            grown = np.exp(scaled).cumsum(-1)
            drawn = np.array([_uniform(chunk[row].seed, turns[row]) for row in rows])[:, None]
            return (grown < drawn * grown[:, -1:]).sum(-1)

        told = self._model.go_on([one.ids for one in chunk], self._turn["</s>"], self._most, pick)
        replies = []
        for one, ids, likely in zip(chunk, told, first, strict=True):
            cut = len(ids) >= self._most
            replies.append(
                Reply(
                    status="truncated" if cut else "ok",
                    text=self._tokenizer.decode(ids),
                    finish="length" if cut else "stop",
                    tokens_in=len(one.ids),
                    tokens_out=len(ids) + (not cut),
                    cost=0.0,
                    logprobs=likely,
                )
            )
        return replies

    def _likeliest(self, logits: Array) -> str:
        """The likeliest first tokens as JSON, in the form in which OpenAI's servers send them."""
        import numpy as np

        assert self._tokenizer is not None
        wide = logits.astype(np.float64)
        logs = wide - wide.max() - math.log(np.exp(wide - wide.max()).sum())
        order = np.argsort(-logs, kind="stable")[: self._top]
        top = [{"token": self._tokenizer.decode([int(n)]), "logprob": float(logs[n])} for n in order]
        return _ENCODER.encode({"content": [{**top[0], "top_logprobs": top}]}).decode()


def _uniform(seed: str, turn: int) -> float:
    """A number in (0, 1) that depends on the item, its sample and the place in the answer, and on no batch."""
    drawn = int.from_bytes(hashlib.sha256(f"{seed}|{turn}".encode()).digest()[:7], "big")
    return (drawn + 0.5) / 2**56


def _cores() -> int:
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def packaged() -> Path:
    return Path(str(resources.files("honne.models").joinpath("_kitsune")))


PLUGIN = Organism
