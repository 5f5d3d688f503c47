"""Local models through `honne run`: killed and resumed, refused with other weights, choices scored two ways; vLLM."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

import honne
from honne.errors import MissingExtra, StoreError
from honne.metrics.choice_scoring import option_logprobs
from honne.plugins import Request, Row, View, load
from honne.records import Message, Response
from honne.spec import parse
from metrics_parts import AT, item, judgment, measured
from run_parts import honne as command
from run_parts import ok, questions, start

# ------------------------------------------------------------------------- metric


def scored_row(id: str, logprobs: dict[str, float] | None, written: str | None, target: str | None = "A") -> Row:
    of = item(id, form="choice", options=("x", "y"), target=target)
    noted = None if logprobs is None else json.dumps({"content": [], "options": logprobs})
    response = Response(item_id=id, model="m", text="…", status="ok", at=AT, logprobs=noted)
    return Row(of, 0, response, judgment(of, written and "right", choice=written, judge="choice@1"))


def test_choices_by_probability_beside_those_written() -> None:
    low, high = math.log(0.2), math.log(0.7)
    rows = [
        scored_row("agrees", {"A": high, "B": low}, "A"),
        scored_row("differs", {"A": low, "B": high}, "A"),
        scored_row("unread", {"A": high, "B": low}, None),
        scored_row("tied", {"A": low, "B": low}, "A"),
        scored_row("unknown", None, "B"),
        scored_row("partly", {"A": high}, "B"),
        scored_row("free", {"A": high, "B": low}, "B", target=None),
    ]
    found = {k: {u.id: u.value for u in m.units} for k, m in measured("choice_scoring", View(rows, "j")).items()}
    assert found["logprob_accuracy"] == {
        "agrees": 1, "differs": 0, "unread": 1, "tied": None, "unknown": None, "partly": None,
    }  # fmt: skip
    assert found["logprob_disagreement"] == {
        "agrees": 0, "differs": 1, "unread": None, "tied": None, "unknown": None, "partly": None, "free": 1,
    }  # fmt: skip
    assert found["logprob_mass"]["agrees"] == pytest.approx(0.9) and found["logprob_mass"]["unknown"] is None
    assert not measured("choice_scoring", View([scored_row("a", None, "A")], "j"))


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"options": {"A": "x"}}', '{"options": {"A": 5}}', '{"options": {}}', "[" * 9999]
)
def test_what_is_no_probability_is_missing(text: str) -> None:
    response = Response(item_id="a", model="m", status="ok", at=AT, logprobs=text)
    assert option_logprobs(response) is None


# --------------------------------------------------------------------------- runs


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch", reason="local models need torch")
    pytest.importorskip("transformers", reason="local models need transformers")
    import local_parts

    return local_parts.save(tmp_path_factory.mktemp("tiny"), "qwen3", positions=2048)


def texts(run: honne.Run) -> dict[str, str]:
    return {row["item_id"]: row["text"] for row in run.responses.to_pylist()}


def _recorded(run: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in run.glob("responses/*.jsonl"))


def test_killed_and_resumed_to_the_same_end(tmp_path: Path, tiny: Path) -> None:
    asked = questions(tmp_path / "q.jsonl", 120)
    spec = f"hf/{tiny}?max_tokens=40&batch=4&name=tiny&temperature=1"
    process = start("run", asked, "--model", spec, "-o", tmp_path / "killed")
    try:
        end = time.monotonic() + 120
        while _recorded(tmp_path / "killed") < 10 and time.monotonic() < end:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    assert 10 <= _recorded(tmp_path / "killed") < 120
    whole = texts(honne.run(asked, model=spec, out=tmp_path / "whole"))
    resumed = honne.run(asked, model=spec, out=tmp_path / "killed")
    assert texts(resumed) == whole and len(whole) == 120
    info = resumed.info
    assert info["state"] == "done" and info["loaded"]["dtype"] == "float32" and len(info["loaded"]["template"]) == 16
    assert info["loaded"]["first_prompt"]["ids"] and not [n for n in info["notes"] if "changed" in n]


def test_choices_are_scored_two_ways_and_other_weights_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="local models need torch")
    import local_parts

    model = local_parts.save(tmp_path / "model", "llama", positions=2048)
    exam = ({"q": f"What is {i} + 1?", "choices": [str(i), str(i + 1)], "answer": "B"} for i in range(5))
    (tmp_path / "exam.jsonl").write_text("".join(json.dumps(row) + "\n" for row in exam))
    asked, spec = f"file/{tmp_path}/exam.jsonl?prompt=q&options=choices&target=answer", f"hf/{model}?max_tokens=4"
    run = honne.run(asked, model=spec, out=tmp_path / "run")
    found = {e["metric"]: e for e in run.estimates.to_pylist() if e["slice"] == "all"}
    assert found["logprob_accuracy"]["n_missing"] == 0 and found["logprob_accuracy"]["n"] == 5
    assert {"logprob_disagreement", "logprob_mass", "accuracy"} <= set(found)
    local_parts.save(model, "llama", positions=2048, seed=1)
    with pytest.raises(StoreError, match=r"holds another run.*weights"):
        honne.run(asked, model=spec, out=tmp_path / "run")


def test_two_models_open_at_once_in_a_fresh_process(tiny: Path) -> None:
    """A model and its judge's do: the first import of transformers must not happen in two threads."""
    code = """
import asyncio, sys
from honne.models.hf import HF
from honne.spec import parse

async def go():
    await asyncio.gather(*(HF(parse(f"hf/{sys.argv[1]}?seed={i}")).open() for i in range(3)))

asyncio.run(go())
"""
    subprocess.run([sys.executable, "-c", code, str(tiny)], check=True, timeout=240)


def test_a_model_that_cannot_be_asked_ends_the_run_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="local models need torch")
    import local_parts

    base = local_parts.save(tmp_path / "base", template=False)
    asked = questions(tmp_path / "q.jsonl", 3)
    said = ok(command("run", asked, "--model", f"hf/{base}", "-o", tmp_path / "run"), 2).stderr
    assert "template=none" in said and "Traceback" not in said
    run = honne.run(asked, model=f"hf/{base}?template=none&max_tokens=3", out=tmp_path / "run")
    assert run.info["state"] == "done" and not run.info["counts"].get("error")


# --------------------------------------------------------------------------- vLLM

# A stand-in with the part of vLLM's documented interface that honne uses; it continues every prompt with " A".
ENGINE = """
from types import SimpleNamespace

__version__ = "0.0"
calls = []

class SamplingParams:
    def __init__(self, *, temperature, top_p, max_tokens, seed, stop, logprobs):
        self.__dict__.update(locals())

class LLM:
    def __init__(self, *, model, dtype, trust_remote_code, seed, max_logprobs, enable_lora=False, max_lora_rank=16,
                 revision=None, max_model_len=None, tensor_parallel_size=1):
        assert trust_remote_code is False
        self.llm_engine = SimpleNamespace(model_config=SimpleNamespace(max_model_len=max_model_len or 512))
        self.model = model

    def get_tokenizer(self):
        import transformers
        return transformers.AutoTokenizer.from_pretrained(self.model)

    def generate(self, prompts, sampling_params, *, use_tqdm, lora_request):
        calls.append((prompts, sampling_params, lora_request))
        tokenizer = self.get_tokenizer()
        (a,), (b,) = (tokenizer(x, add_special_tokens=False)["input_ids"] for x in "AB")
        out = []
        for params in sampling_params:
            listed = {a: SimpleNamespace(logprob=-0.1, decoded_token="A"), b: SimpleNamespace(logprob=-3.0,
                      decoded_token="B")}
            out.append(SimpleNamespace(outputs=[SimpleNamespace(
                text="A", token_ids=[a], finish_reason="stop", logprobs=[listed] if params.logprobs else None)]))
        return out
"""


def test_the_offline_engine_gets_finished_prompts(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "vllm").mkdir()
    (tmp_path / "vllm" / "__init__.py").write_text(ENGINE)
    monkeypatch.syspath_prepend(tmp_path)
    built = load("models", "vllm")(parse(f"vllm/{tiny}?max_tokens=9&temperature=0.5&max_model_len=100"))
    plain = Request(item_id="a", messages=(Message("user", "What?"),))
    choice = msgspec.structs.replace(plain, item_id="b", options=("x", "y"))
    long = msgspec.structs.replace(plain, item_id="c", messages=(Message("user", "blue " * 90),))

    async def go() -> list[Any]:
        await built.open()
        try:
            return await asyncio.gather(
                *(built.ask(r, built.body(r)) for r in (plain, choice, long)), return_exceptions=True
            )
        finally:
            await built.close()

    first, second, third = asyncio.run(go())
    assert (first.text, first.status, first.logprobs, first.tokens_out) == ("A", "ok", None, 1)
    assert json.loads(second.logprobs)["options"] == pytest.approx({"A": -0.1, "B": -3.0})
    assert "the model reads 100" in str(third)
    ((prompts, params, lora),) = sys.modules["vllm"].calls
    assert prompts[0] == {"prompt_token_ids": built.loaded["first_prompt"]["ids"]} and lora is None
    assert (params[0].temperature, params[0].max_tokens, params[0].stop) == (0.5, 9, None)
    del sys.modules["vllm"]


def test_vllm_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'honne\[vllm\]'"):
        load("models", "vllm")(parse("vllm/some/model"))
