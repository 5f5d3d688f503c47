"""`openai/NAME` against real servers on 127.0.0.1: what is sent, and what each reply means."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from email.utils import formatdate
from time import time
from typing import Any

import pytest
from aiohttp import web

from engine_parts import ask_for
from honne.errors import ConfigError
from honne.models.openai import OpenAI
from honne.plugins import Request
from honne.records import Message
from honne.spec import parse
from openai_parts import answering, ask, completion, failing
from server import Server

SCHEMA = {"type": "object", "properties": {"verdict": {"enum": ["harmless", "harmful"]}}, "required": ["verdict"]}


@pytest.fixture(autouse=True)
def _no_ambient_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as s:
        yield s


# ------------------------------------------------------------------ what is sent


def test_the_body_is_stable_and_has_every_option() -> None:
    spec = (
        "openai/org/name?base_url=http://x/v1&temperature=0.5&top_p=0.9&max_tokens=7&seed=3&system=Be brief.&stop=%0A"
        '&top_logprobs=2&body.top_k=20&body.chat_template_kwargs={"enable_thinking":false}&body.user=a b'
    )
    model = OpenAI(parse(spec))
    request = ask_for("hello", sample=2, schema=SCHEMA)
    body = json.loads(model.body(request))
    assert body["model"] == "org/name"
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello"},
    ]
    assert (body["temperature"], body["top_p"], body["max_tokens"], body["stop"]) == (0.5, 0.9, 7, "\n")
    assert body["seed"] == 5, "sample k has a seed of its own"
    assert (body["logprobs"], body["top_logprobs"], body["top_k"], body["user"]) == (True, 2, 20, "a b")
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert model.body(request) == OpenAI(parse(spec)).body(request)
    assert model.settings["seed"] == 3 and model.settings["system"] == "Be brief."
    assert not {"base_url", "concurrency", "timeout", "price_in"} & set(model.settings)
    assert model.name == "openai/org/name"


def test_a_system_prompt_joins_the_items_own() -> None:
    model = OpenAI(parse("openai/x?system=Be brief."))
    request = Request(item_id="i", messages=(Message("system", "Be kind."), Message("user", "hi")))
    whole = (Message("system", "Be brief.\n\nBe kind."), Message("user", "hi"))
    assert json.loads(model.body(request))["messages"] == [{"role": m.role, "content": m.content} for m in whole]
    assert model.sent(request.messages) == whole
    assert model.sent(request.messages[1:]) == (Message("system", "Be brief."), Message("user", "hi"))
    assert OpenAI(parse("openai/x")).sent(request.messages) is None, "the item's own were sent"


def test_a_prompt_with_a_lone_surrogate_can_be_sent() -> None:
    body = OpenAI(parse("openai/x")).body(ask_for("a\ud800b\x00c"))
    assert json.loads(body)["messages"][0]["content"] == "a\ufffdb\x00c"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("openai", "needs the model's name"),
        ("openai/x?temprature=1", "Did you mean 'temperature'"),
        ("openai/x?temperature=warm", "must be a number"),
        ("openai/x?temperature=nan", "finite"),
        ("openai/x?timeout=0", "above 0"),
        ("openai/x?concurrency=0", "above 0"),
        ("openai/x?price_in=-1", "negative"),
        ("openai/x?body.stream=true", "honne's own"),
        ("openai/x?body.temperature=1&temperature=2", "honne's own"),
        ("openai/x?base_url=localhost:8000", "must be like http://"),
        ("openai/x?base_url=ftp://host/v1", "must be like http://"),
        ("openai/x?ca_file=/nowhere.pem", "ca_file=/nowhere.pem"),
        ("openai/x?logprobs=perhaps", "true or false"),
    ],
)
def test_a_wrong_option_is_one_clear_line(spec: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        OpenAI(parse(spec))
    assert "\n" not in str(caught.value)


# -------------------------------------------------------------- what a reply means


async def test_an_answer_with_tokens_cost_and_logprobs(server: Server) -> None:
    reply = await ask(server.spec(price_in=2, price_out=8, logprobs="true"), "hello")
    assert reply.status == "ok" and reply.text and reply.text.startswith("Answer ")
    assert reply.served_model == "test" and reply.finish == "stop"
    assert reply.tokens_in == 2 and reply.tokens_out
    assert reply.cost == pytest.approx((2 * 2 + reply.tokens_out * 8) / 1e6)
    assert json.loads(reply.logprobs or "")["content"][0]["logprob"] == -0.25
    without = await ask(server.spec(price_in=2), "hello")
    assert without.cost is None and without.logprobs is None


@pytest.mark.parametrize(
    ("marker", "status", "text", "reasoning"),
    [
        ("[[filter]]", "filtered", None, None),
        ("[[inspection]]", "filtered", None, None),
        ("[[moderation]]", "filtered", None, None),
        ("[[blocked]]", "filtered", "Answer", None),
        ("[[refuse]]", "refused_by_provider", "I will not", None),
        ("[[length]]", "truncated", "Answer", None),
        ("[[think]]", "ok", "Answer", "Let me see."),
        ("[[think-bare]]", "ok", "Answer", "Let me see."),
        ("[[think-open]]", "truncated", "", "Let me see, and"),
        ("[[reasoning]]", "ok", "Answer", "Let me see."),
        ("[[null]]", "ok", "", None),
        ("[[surrogate]]", "ok", "before \ufffd middle \x00 after", None),
    ],
)
async def test_statuses(server: Server, marker: str, status: str, text: str | None, reasoning: str | None) -> None:
    reply = await ask(server.spec(), f"hello {marker}")
    assert reply.status == status
    assert (reply.text is None) if text is None else (reply.text == text if not text else text in (reply.text or ""))
    assert (reply.reasoning is None) if reasoning is None else reasoning in (reply.reasoning or "")
    assert "think>" not in (reply.text or "")
    (reply.text or "").encode()


@pytest.mark.parametrize(
    ("status", "traits"),
    [
        (400, "item_fault"),
        (413, "item_fault"),
        (422, "item_fault"),
        (401, "fatal"),
        (402, "fatal"),
        (403, "fatal"),
        (404, "fatal"),
        (301, "fatal"),
        (408, "retryable"),
        (409, "retryable"),
        (429, "retryable"),
        (500, "retryable"),
        (502, "retryable"),
        (503, "retryable"),
        (529, "retryable"),
    ],
)
async def test_http_statuses(status: int, traits: str) -> None:
    headers = {"Location": "http://elsewhere/"} if status == 301 else None
    body = {"error": {"message": f"reason\nfor {status}"}}
    async with answering(lambda r: web.json_response(body, status=status, headers=headers)) as url:
        error = await failing(f"openai/x?base_url={url}")
    assert error.kind == f"http_{status}" and f"reason for {status}" in str(error) and url in str(error)
    assert {t for t in ("item_fault", "fatal", "retryable") if getattr(error, t)} == {traits}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "Retry-After": "1"}, 0.25),
        ({"Retry-After": lambda: formatdate(time() + 60, usegmt=True)}, 60.0),
        ({"Retry-After": lambda: formatdate(time() - 60, usegmt=True)}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "-3"}, 0.0),
        ({}, None),
    ],
)
async def test_retry_after(headers: dict[str, str | Callable[[], str]], seconds: float | None) -> None:
    # a date is made when it is sent: one made at collection would age while other tests run
    def limited(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={k: v if isinstance(v, str) else v() for k, v in headers.items()})

    async with answering(limited) as url:
        error = await failing(f"openai/x?base_url={url}")
    assert error.retry_after == (None if seconds is None else pytest.approx(seconds, abs=5))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"code": "content_policy_violation", "message": "no"}),
        (400, {"code": None, "innererror": {"code": "ResponsibleAIPolicyViolation"}, "message": "no"}),
        (400, {"code": "invalid_request_error", "message": "Content Exists Risk"}),
        (400, {"code": "DataInspectionFailed", "message": "no"}),
        (400, {"code": "InputTextSensitiveContentDetected", "message": "no"}),
        (400, {"code": "InputTextRiskDetection", "message": "no"}),
        (400, {"code": "1301", "message": "no"}),
        (400, {"code": "invalid_prompt", "message": "flagged as potentially violating our usage policy"}),
        (403, {"code": 403, "message": "flagged", "metadata": {"reasons": ["violence"]}}),
        (200, {"code": 400, "message": "no", "type": "content_filter"}),
    ],
)
async def test_filters_of_many_providers(status: int, error: dict[str, Any]) -> None:
    async with answering(lambda r: web.json_response({"error": error}, status=status)) as url:
        assert (await ask(f"openai/x?base_url={url}", "hello")).status == "filtered"


async def test_a_rejected_parameter_is_no_filter() -> None:
    for message in ("max_tokens is too large", "Unsupported parameter: 'content'", "invalid_prompt"):
        error = {"code": "invalid_prompt" if "_prompt" in message else "invalid_value", "message": message}
        async with answering(lambda r, e=error: web.json_response({"error": e}, status=400)) as url:  # type: ignore[misc]
            assert (await failing(f"openai/x?base_url={url}")).item_fault


@pytest.mark.parametrize(
    ("body", "kind", "retryable"),
    [
        ({"error": {"code": "rate_limit_exceeded", "message": "x"}}, "error_in_reply", True),
        ({"error": {"code": 502, "message": "x"}}, "http_502", True),
        ({"error": {"code": "429", "message": "x"}}, "http_429", True),
        ({"error": {"type": "server_error", "message": "x"}}, "error_in_reply", True),
        ({"error": {"code": "strange", "message": "x"}}, "error_in_reply", False),
        ({"error": "out of luck"}, "error_in_reply", False),
        ({"choices": [{"finish_reason": "error", "error": {"code": 503, "message": "x"}}]}, "http_503", True),
        ({"choices": []}, "bad_reply", True),
        ({"choices": None}, "bad_reply", True),
        ({"choices": [{"message": {"content": ""}, "finish_reason": "abort"}]}, "bad_reply", True),
        (["no", "object"], "bad_reply", True),
    ],
)
async def test_errors_inside_a_reply(body: Any, kind: str, retryable: bool) -> None:
    async with answering(lambda r: web.json_response(body)) as url:
        error = await failing(f"openai/x?base_url={url}")
    assert (error.kind, error.retryable) == (kind, retryable)


@pytest.mark.parametrize(
    "raw", [b"", b"<html>busy</html>", b'{"choices": [{"mess', b"[" * 100_000, b'data: {"choices": []}\n\n']
)
async def test_what_is_no_completion_is_retried(raw: bytes) -> None:
    async with answering(lambda r: web.Response(body=raw, content_type="application/json")) as url:
        error = await failing(f"openai/x?base_url={url}")
    assert error.kind == "bad_reply" and error.retryable


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab", None),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"text": "a"}]},
            "a",
            "hm",
        ),
        ({"content": "a", "reasoning": "hm"}, "a", "hm"),
        ({"content": "a", "reasoning": {"odd": 1}, "refusal": ""}, "a", None),
        ({"content": 5}, "", None),
    ],
)
async def test_shapes_of_content(message: dict[str, Any], text: str, reasoning: str | None) -> None:
    async with answering(lambda r: web.json_response(completion(**message))) as url:
        reply = await ask(f"openai/x?base_url={url}", "hello")
    assert (reply.status, reply.text, reply.reasoning) == ("ok", text, reasoning)


async def test_bytes_that_are_not_utf_8_and_a_compressed_body() -> None:
    raw = json.dumps(completion(content="caf@"), ensure_ascii=False).encode().replace(b"@", b"\xe9")
    async with answering(lambda r: web.Response(body=raw, content_type="application/json")) as url:
        assert (await ask(f"openai/x?base_url={url}", "hello")).text == "caf\ufffd"
    packed = gzip.compress(json.dumps(completion(content="long " * 100_000)).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    async with answering(lambda r: web.Response(body=packed, headers=headers)) as url:
        assert len((await ask(f"openai/x?base_url={url}", "hello")).text or "") == 500_000


async def test_an_endless_reply_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honne.models.openai._REPLY_LIMIT", 2**20)
    body = json.dumps(completion(content="x" * 2**21)).encode()
    async with answering(lambda r: web.Response(body=body, content_type="application/json")) as url:
        assert (await failing(f"openai/x?base_url={url}")).kind == "too_large"
    # a few kilobytes that unpack to megabytes come as one piece
    packed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    async with answering(lambda r: web.Response(body=gzip.compress(body), headers=packed)) as url:
        assert (await failing(f"openai/x?base_url={url}")).kind == "too_large"


async def test_a_slow_server_times_out() -> None:
    with Server("--latency", "5") as slow:
        error = await failing(slow.spec(timeout=0.2))
    assert error.kind == "timeout" and error.retryable and "0.2 s" in str(error)


async def test_a_dropped_and_a_truncated_reply_are_retried() -> None:
    for fault in ("--rate-drop", "--rate-truncate"):
        with Server(fault, "1") as faulty:
            error = await failing(faulty.spec())
        assert (error.kind, error.retryable) == ("dropped", True)


# ------------------------------------------------------------------------ schema


async def test_a_schema_is_followed_where_the_server_knows_it(server: Server) -> None:
    reply = await ask(server.spec(), ask_for("Judge this.", schema=SCHEMA))
    assert json.loads(reply.text or "")["verdict"] in ("harmless", "harmful")


async def test_a_server_without_schemas_is_asked_without_from_then_on() -> None:
    with Server("--no-schema") as plain:
        model = OpenAI(parse(plain.spec()))
        for k in range(3):
            request = ask_for(f"Judge {k}.", schema=SCHEMA)
            assert (await model.ask(request, model.body(request))).status == "ok"
            assert b"response_format" in model.body(request), "the hash of a request does not depend on the server"
        await model.close()
        assert [e["status"] for e in plain.log()] == [400, 200, 200, 200]
