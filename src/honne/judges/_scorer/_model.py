"""A scorer that answers in batches, as a model that the engine asks: for those that are slow one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from honne.judges._scorer import Asked, Loaded
from honne.models._batches import Batches
from honne.plugins import Reply, Request
from honne.records import Message

__all__ = ["Batched", "request"]

_BATCH = 32
_ENCODER = msgspec.json.Encoder()


def request(item_id: str, sample: int, asked: Asked) -> Request:
    """What `Batched` is asked for one answer."""
    text = _ENCODER.encode(asked).decode()
    return Request(item_id=item_id, sample=sample, messages=(Message("user", text),), prompt=text)


class Batched:
    """Replies are `Prediction`s as JSON."""

    concurrency = 4 * _BATCH
    settings: Mapping[str, Any] = {}

    def __init__(self, loaded: Loaded) -> None:
        self.name = f"scorer/{loaded.about.name}"
        self._batches = Batches(loaded.probabilities, _length, _BATCH)

    async def open(self) -> None:
        """It is loaded already."""

    async def close(self) -> None:
        await self._batches.close()

    def sent(self, messages: Sequence[Message]) -> tuple[Message, ...] | None:
        return None

    def body(self, request: Request) -> bytes:
        return (request.prompt or "").encode("utf-8", "replace")

    async def ask(self, request: Request, body: bytes) -> Reply:
        asked = msgspec.json.decode(request.prompt or "", type=tuple[str, str, str])
        found = await self._batches.ask(asked)
        return Reply(text=_ENCODER.encode(found).decode(), served_model=self.name)

    def price(self, tokens_in: int, tokens_out: int) -> float | None:
        return None


def _length(asked: Asked) -> int:
    return len(asked[0]) + len(asked[1])
