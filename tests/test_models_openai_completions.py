"""`api=completions`: raw prompts to the older endpoint, for base models and for judges with a template of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from engine_parts import ask_for
from honne.errors import ConfigError
from honne.models.openai import OpenAI
from honne.plugins import Request
from honne.records import Message
from honne.spec import parse
from openai_parts import answering, ask, failing
from run_parts import honne, ok, rows


def sent(options: str = "", request: Request | None = None) -> dict[str, Any]:
    model = OpenAI(parse(f"openai/base?api=completions{options}"))
    body: dict[str, Any] = json.loads(model.body(request or ask_for("Once upon a time")))
    return body


def test_the_prompt_is_the_text_of_the_messages_or_the_requests_own() -> None:
    assert sent() == {"model": "base", "prompt": "Once upon a time"}
    turns = (Message("user", "A"), Message("assistant", "B"), Message("user", "C"))
    assert sent("", Request(item_id="x", messages=turns))["prompt"] == "A\n\nB\n\nC"
    assert sent("&system=S", Request(item_id="x", messages=turns))["prompt"] == "S\n\nA\n\nB\n\nC"
    assert sent("", ask_for("ignored", prompt="<|raw|>"))["prompt"] == "<|raw|>"
    assert sent("", ask_for("ignored", prompt=""))["prompt"] == ""
    assert sent("", ask_for("a\ud800b"))["prompt"] == "a\ufffdb"


def test_log_probabilities_are_a_number_of_alternatives_here() -> None:
    assert "logprobs" not in sent("&logprobs=false")
    assert sent("&logprobs=true")["logprobs"] == 1
    body = sent("&top_logprobs=5&temperature=0&seed=3")
    assert (body["logprobs"], body["temperature"], body["seed"]) == (5, 0.0, 3)
    assert "top_logprobs" not in body


def test_a_chat_is_asked_as_before() -> None:
    model = OpenAI(parse("openai/m?top_logprobs=5"))
    assert json.loads(model.body(ask_for("x", prompt="<|raw|>"))) == {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
        "logprobs": True,
        "top_logprobs": 5,
    }
    assert "api" not in model.settings
    assert OpenAI(parse("openai/m?api=completions")).settings["api"] == "completions"


def test_the_api_is_one_of_two_and_the_prompt_is_honnes_own() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'completions'"):
        OpenAI(parse("openai/m?api=completion"))
    with pytest.raises(ConfigError, match=r"body\.prompt is honne's own"):
        OpenAI(parse("openai/m?body.prompt=x"))


async def test_the_completion_is_read_with_its_log_probabilities() -> None:
    given = {"tokens": [" there"], "token_logprobs": [-0.5], "top_logprobs": [{" there": -0.5, " a": -1.0}]}
    paths: list[str] = []

    def make(request: web.Request) -> web.Response:
        paths.append(request.path)
        choice = {"text": " there was", "finish_reason": "length", "logprobs": given, "index": 0}
        return web.json_response(
            {"choices": [choice], "model": "m", "usage": {"prompt_tokens": 4, "completion_tokens": 2}}
        )

    async with answering(make) as url:
        for base in (url, f"{url}/completions", f"{url}/chat/completions"):
            reply = await ask(f"openai/base?api=completions&base_url={base}", "Once")
    assert set(paths) == {"/v1/completions"}
    assert (reply.text, reply.status, reply.tokens_in, reply.tokens_out) == (" there was", "truncated", 4, 2)
    assert json.loads(reply.logprobs or "") == given


@pytest.mark.parametrize("choice", [{"text": None}, {"finish_reason": "stop"}, {"text": 3}])
async def test_a_reply_without_text_is_no_answer(choice: dict[str, Any]) -> None:
    async with answering(lambda r: web.json_response({"choices": [choice]})) as url:
        assert (await failing(f"openai/base?api=completions&base_url={url}")).kind == "bad_reply"


def test_a_base_model_runs(tmp_path: Path) -> None:
    from guard_parts import SAID, GuardServer, filled

    question = filled("wildguard", "What is 1?", "It is one.")
    (tmp_path / "q.jsonl").write_text(json.dumps({"q": question}) + "\n")
    with GuardServer("wildguard") as server:
        model = f"openai/base?api=completions&base_url={server.url}"
        ok(honne("run", f"file/{tmp_path / 'q.jsonl'}?prompt=q", "--model", model, "-o", tmp_path / "run", "-q"))
        assert server.asked == [{"model": "base", "prompt": question}]
    shown = ok(honne("show", tmp_path / "run", "file-q-00001")).stdout
    assert SAID["wildguard"][0].splitlines()[0] in shown
    assert rows(honne("report", tmp_path / "run", "-f", "json")) == []
