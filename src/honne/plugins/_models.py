"""What a model is: one request in, one reply out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from honne.records import Message

__all__ = ["Model", "Reply", "Request"]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request to a model. `schema` is a JSON schema that the answer should follow, where the server can do it.

    `occurrence` counts the items of the run with the same messages (0 for the first) and `occurrences` is their number,
    for models that answer from a recording. `prompt` is the same request as raw text, control tokens and all, for a
    model that is asked without a chat template; others go by `messages`.
    """

    item_id: str
    sample: int = 0
    messages: tuple[Message, ...]
    prompt: str | None = None
    schema: dict[str, Any] | None = None
    occurrence: int = 0
    occurrences: int = 1


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a model answered; `status` is one of `records.RESPONSE_STATUSES` (never `error`: that is a ModelError)."""

    status: str = "ok"
    text: str | None = None
    reasoning: str | None = None
    finish: str | None = None
    served_model: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    logprobs: str | None = None
    error: str | None = None


class Model(Protocol):
    """Where answers come from. Built from its Spec, which it validates (ConfigError), without touching the network.

    `concurrency` caps the requests in flight. `settings` are the options that change what is asked (they are stored,
    and compared when a run is resumed): transport options such as the address are not among them.
    """

    name: str
    concurrency: int
    settings: Mapping[str, Any]

    async def open(self) -> None:
        """Acquire connections or files. Raises ModelError (fatal) or DataError when nothing can be asked."""
        ...

    async def close(self) -> None: ...

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the run should know about this model, asked for at the end of a run. Optional."""
        ...

    def sent(self, messages: Sequence[Message]) -> tuple[Message, ...] | None:
        """The messages that are really sent for an item's own, or None where these are sent as they are. Optional."""
        ...

    def body(self, request: Request) -> bytes:
        """The bytes that determine the answer; their hash is the response's `request_hash`."""
        ...

    async def ask(self, request: Request, body: bytes) -> Reply:
        """One try, no retries. Raises ModelError."""
        ...

    def price(self, tokens_in: int, tokens_out: int) -> float | None:
        """The cost of so many tokens, or None when a price is unknown."""
        ...
