"""A scorer that answers in batches, as a model that the engine asks: for those that are slow one by one.

Batches form by themselves: whatever is asked while a batch is computed makes up the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from honne.errors import ModelError
from honne.judges._scorer import Asked, Loaded, Prediction
from honne.plugins import Reply, Request
from honne.records import Message

__all__ = ["Batches", "request"]

_BATCH = 32
_ENCODER = msgspec.json.Encoder()


def request(item_id: str, sample: int, asked: Asked) -> Request:
    """What `Batches` is asked for one answer."""
    text = _ENCODER.encode(asked).decode()
    return Request(item_id=item_id, sample=sample, messages=(Message("user", text),), prompt=text)


class Batches:
    """Replies are `Prediction`s as JSON."""

    concurrency = 4 * _BATCH
    settings: Mapping[str, Any] = {}

    def __init__(self, loaded: Loaded) -> None:
        self.name = f"scorer/{loaded.about.name}"
        self._loaded = loaded
        self._waiting: list[tuple[Asked, asyncio.Future[Prediction]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """It is loaded already."""

    async def close(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None

    def sent(self, messages: Sequence[Message]) -> tuple[Message, ...] | None:
        return None

    def body(self, request: Request) -> bytes:
        return (request.prompt or "").encode("utf-8", "replace")

    async def ask(self, request: Request, body: bytes) -> Reply:
        asked = msgspec.json.decode(request.prompt or "", type=tuple[str, str, str])
        done: asyncio.Future[Prediction] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return Reply(text=_ENCODER.encode(await done).decode(), served_model=self.name)

    def price(self, tokens_in: int, tokens_out: int) -> float | None:
        return None

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(0)  # let those that are about to ask join this batch
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            try:
                found = await asyncio.to_thread(self._loaded.probabilities, [asked for asked, _ in batch])
            except Exception as e:  # of memory, say; every one of the batch must hear of it, or wait for ever
                for _, done in batch:
                    if not done.done():
                        done.set_exception(
                            ModelError(f"the scorer failed on a batch of {len(batch)}: {e}", kind="scorer")
                        )
                continue
            for (_, done), prediction in zip(batch, found, strict=True):
                if not done.done():
                    done.set_result(prediction)
