"""What the tests of `openai/NAME` share: one request, a server that answers as told, and completions."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from engine_parts import ask_for
from honne.errors import ModelError
from honne.models.openai import OpenAI
from honne.plugins import Reply, Request
from honne.spec import parse


async def ask(spec: str, request: Request | str) -> Reply:
    model = OpenAI(parse(spec))
    request = ask_for(request) if isinstance(request, str) else request
    try:
        return await model.ask(request, model.body(request))
    finally:
        await model.close()


async def failing(spec: str, request: Request | str = "hello") -> ModelError:
    with pytest.raises(ModelError) as caught:
        await ask(spec, request)
    assert "\n" not in str(caught.value)
    return caught.value


@contextlib.asynccontextmanager
async def answering(make: Callable[[web.Request], web.Response]) -> AsyncIterator[str]:
    """A server that answers every request with `make(request)`; yields its base URL."""

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return make(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def completion(**message: Any) -> dict[str, Any]:
    finish = message.pop("finish", "stop")
    return {"choices": [{"message": {"role": "assistant", **message}, "finish_reason": finish}], "model": "served"}
