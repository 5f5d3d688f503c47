"""From what became of a request to the record of it."""

from __future__ import annotations

from typing import Any

from honne import plugins
from honne.engine.local import Outcome
from honne.records import Response, now

__all__ = ["response"]


def response(model: plugins.Model, outcome: Outcome) -> Response:
    """The response of `model`, whether it answered or failed."""
    reply, error = outcome.reply, outcome.error
    common: dict[str, Any] = {
        "item_id": outcome.request.item_id,
        "model": model.name,
        "sample": outcome.request.sample,
        "attempts": outcome.attempts,
        "request_hash": outcome.request_hash,
        "seconds": outcome.seconds,
        "at": now(),
    }
    if reply is None:
        return Response(status="error", error=str(error), **common)
    return Response(
        status=reply.status,
        text=reply.text,
        reasoning=reply.reasoning,
        finish=reply.finish,
        error=reply.error,
        served_model=reply.served_model,
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        cost=reply.cost,
        logprobs=reply.logprobs,
        **common,
    )
