"""`litellm/PROVIDER/NAME` through litellm itself, against a real server. Skipped where litellm is not installed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine_parts import ask_for
from honne.errors import ConfigError, MissingExtra, ModelError
from honne.models.litellm import LiteLLM
from honne.plugins import Reply, Request
from honne.spec import parse
from run_parts import environment, honne, ok, questions
from server import Server

HERE = importlib.util.find_spec("litellm") is not None
needs_litellm = pytest.mark.skipif(not HERE, reason="litellm is not installed: pip install 'honne[interop]'")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("--key", "right-key", "--models", "test") as running:
        yield running


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "right-key")


def spec(server: Server, name: str = "test", **options: object) -> str:
    return f"litellm/openai/{name}?base_url={server.url}" + "".join(f"&{k}={v}" for k, v in options.items())


async def ask(text: str, request: Request | str) -> Reply:
    model = LiteLLM(parse(text))
    request = ask_for(request) if isinstance(request, str) else request
    await model.open()
    try:
        return await model.ask(request, model.body(request))
    finally:
        await model.close()


async def failing(text: str, request: Request | str = "hello") -> ModelError:
    with pytest.raises(ModelError) as caught:
        await ask(text, request)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.skipif(HERE, reason="litellm is installed")
def test_without_the_extra_the_pip_line_is_printed() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'honne\[litellm\]'"):
        LiteLLM(parse("litellm/openai/test"))


def test_it_needs_a_provider_and_a_model() -> None:
    with pytest.raises(ConfigError, match="litellm/PROVIDER/NAME"):
        LiteLLM(parse("litellm/gpt-4"))


@needs_litellm
@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("temprature=1", "Did you mean 'temperature'"),
        ("timeout=0", "above 0"),
        ("temperature=nan", "finite"),
        ("body.messages=[]", "honne's own"),
        ("key_env=NO_SUCH_VARIABLE", "not set"),
    ],
)
def test_options_are_checked(option: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        LiteLLM(parse(f"litellm/openai/test?{option}"))


@needs_litellm
def test_several_stops_are_a_list_as_for_openai() -> None:
    assert LiteLLM(parse('litellm/openai/test?stop=["a","b"]')).settings == {"stop": ["a", "b"]}
    assert LiteLLM(parse("litellm/openai/test?stop=a")).settings == {"stop": "a"}


@needs_litellm
async def test_an_answer(server: Server) -> None:
    reply = await ask(spec(server, logprobs="true", price_in=1, price_out=2), "hello")
    assert reply.status == "ok" and reply.text and reply.text.startswith("Answer ")
    assert reply.served_model == "test" and reply.finish == "stop"
    assert reply.tokens_in and reply.tokens_out
    assert reply.cost == pytest.approx((reply.tokens_in + 2 * reply.tokens_out) / 1e6)
    assert json.loads(reply.logprobs or "")["content"][0]["logprob"] == -0.25


@needs_litellm
async def test_a_cost_that_is_not_known_is_none(server: Server) -> None:
    assert (await ask(spec(server), "hello")).cost is None


@needs_litellm
def test_the_list_of_prices_is_used_for_the_provider_itself() -> None:
    assert (LiteLLM(parse("litellm/openai/gpt-4o")).price(1000, 1000) or 0) > 0
    assert LiteLLM(parse("litellm/openai/no-such-model")).price(1000, 1000) is None


@needs_litellm
@pytest.mark.parametrize(
    ("marker", "status"),
    [
        ("[[filter]]", "filtered"),
        ("[[inspection]]", "filtered"),
        ("[[blocked]]", "filtered"),
        ("[[length]]", "truncated"),
        ("[[think-open]]", "truncated"),
        ("[[surrogate]]", "ok"),
        ("[[null]]", "ok"),
    ],
)
async def test_what_became_of_an_answer(server: Server, marker: str, status: str) -> None:
    assert (await ask(spec(server), f"hello {marker}")).status == status


@needs_litellm
async def test_reasoning_is_kept_apart(server: Server) -> None:
    for marker in ("[[think]]", "[[reasoning]]"):
        reply = await ask(spec(server), f"hello {marker}")
        assert reply.reasoning == "Let me see." and "see" not in (reply.text or "")


@needs_litellm
async def test_failures_have_the_kinds_of_the_engine(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = await failing(spec(server), "[[bad]]")
    assert bad.kind == "http_400" and bad.item_fault and not bad.retryable
    assert (await failing(spec(server), "[[broken]]")).retryable
    unknown = await failing(spec(server, "other"))
    assert unknown.fatal and unknown.kind == "http_404"
    gone = await failing("litellm/openai/test?base_url=http://127.0.0.1:9/v1")
    assert gone.retryable and not gone.fatal and gone.kind == "unreachable"
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-key-wrong-key")
    wrong = await failing(spec(server))
    assert wrong.fatal and wrong.kind == "http_401" and "wrong-key" not in str(wrong)
    monkeypatch.setenv("OPENAI_API_KEY", "right-key")
    assert "right-key" not in str(await failing(spec(server), "[[leak]]"))


@needs_litellm
async def test_a_rate_limit_says_when_to_come_back() -> None:
    with Server("--rate-429", "1", "--retry-after", "7") as limiting:
        failed = await failing(spec(limiting))
        assert failed.retryable and failed.kind == "http_429" and failed.retry_after == 7
        # the engine retries, and litellm and its clients do not
        assert len(limiting.log()) == 1


@needs_litellm
async def test_a_silent_server_is_a_timeout() -> None:
    with Server("--latency", "30") as slow:
        assert (await failing(spec(slow, timeout=0.5))).kind == "timeout"


@needs_litellm
async def test_a_schema_that_the_server_refuses_is_left_out() -> None:
    schema = {"type": "object", "properties": {"verdict": {"enum": ["safe", "unsafe"]}}, "required": ["verdict"]}
    with Server("--no-schema") as old:
        request = Request(item_id="a", messages=ask_for("hello").messages, schema=schema)
        assert (await ask(spec(old), request)).status == "ok"


@needs_litellm
def test_settings_hold_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret-indeed")
    model = LiteLLM(parse("litellm/openai/test?key_env=MY_KEY&base_url=http://u:pw123456@h/v1&temperature=0"))
    assert dict(model.settings) == {"temperature": 0.0}
    assert b"secret" not in model.body(ask_for("hello"))


@needs_litellm
def test_a_run_through_litellm_is_quiet_and_complete(tmp_path: Path) -> None:
    with Server("--rate-429", "0.1", "--rate-500", "0.1") as faulty:
        asked = questions(tmp_path / "q.jsonl", 20)
        done = ok(honne("run", asked, "-m", spec(faulty), "-o", tmp_path / "run", OPENAI_API_KEY="none"))
    told = [line for line in done.stderr.replace("\r", "\n").splitlines() if "litellm/openai/test" not in line]
    assert not [line for line in told if "litellm" in line.lower() or "Error" in line or "unclosed" in line], told
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["counts"]["ok"] == 20 and info["state"] == "done"


@needs_litellm
def test_loading_it_does_not_read_a_dotenv_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HONNE_PROBE=seen\n")
    code = "import os; from honne.models.litellm import _litellm; _litellm(); print(os.environ.get('HONNE_PROBE'))"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["None"]


@needs_litellm
async def test_many_at_once(server: Server) -> None:
    model = LiteLLM(parse(spec(server)))
    await model.open()
    requests = [ask_for(f"question {i}") for i in range(40)]
    replies = await asyncio.gather(*(model.ask(r, model.body(r)) for r in requests))
    await model.close()
    assert len({reply.text for reply in replies}) == 40
