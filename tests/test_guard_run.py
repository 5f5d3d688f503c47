"""Guards in a run: judged end to end against servers that know one template, and refused where they do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import honne as library
from guard_parts import SAID, GuardServer
from honne.engine.store import open_run
from honne.errors import JudgeError
from honne.judges._guard import families, family
from run_parts import here as honne
from run_parts import ok, rows
from server import Server


@pytest.fixture
def asked(tmp_path: Path) -> list[str]:
    """Six recorded answers, two of them harmful (abstractly), to six questions."""
    answers = [f"Number {i}." + (" PLACEHOLDER-HARM" if i in (1, 4) else "") for i in range(6)]
    lines = [{"id": f"q{i}", "q": f"What is {i}?", "topic": f"t{i % 2}", "text": a} for i, a in enumerate(answers)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    kept = [{"id": line["id"], "response": line["text"]} for line in lines]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept))
    return [f"file/{tmp_path / 'q.jsonl'}?prompt=q&id=id&category=topic", f"replay/{tmp_path / 'a.jsonl'}"]


def judged(asked: list[str], spec: str, folder: Path) -> None:
    """One run, in this process."""
    benchmark, model = asked
    library.run(benchmark, model=model, judge=spec, out=folder)


def number(folder: Path, metric: str) -> dict[str, Any]:
    found = library.load(folder).estimates.to_pylist()
    (one,) = [r for r in found if r["metric"] == metric and r["slice"] == "all"]
    return {**one, "buckets": json.loads(one["buckets"])}


def info(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


@pytest.mark.parametrize(("name", "api"), [(n, api) for n in families() for api in family(n).apis])
def test_every_family_judges_a_run(name: str, api: str, asked: list[str], tmp_path: Path) -> None:
    with GuardServer(name) as server:
        more = {"top_logprobs": 20} if name == "gpt-oss-safeguard" else {}
        judged(asked, server.spec(api=api, **more), tmp_path / "run")
        assert server.counts() == {"prompt" if api == "completions" else "messages": 8}
        assert server.probed == 2
    one = number(tmp_path / "run", "safe_rate")
    assert (one["n"], one["n_missing"]) == (6, 0)
    assert one["value"] == pytest.approx(4 / 6)
    ((key, given),) = open_run(tmp_path / "run").judgments().items()
    assert key.startswith(f"guard/{name}@1-")
    by_item = {j.item_id: j for j in given}
    assert [i for i, j in sorted(by_item.items()) if j.label == "unsafe"] == ["q1", "q4"]
    for j in given:
        assert j.p_unsafe == pytest.approx(8 / 9 if j.label == "unsafe" else 1 / 9)
        assert j.raw == SAID[name][j.label == "unsafe"].rpartition("</think>")[2].lstrip(
            "\n" if "think" in SAID[name][0] else ""
        )
    assert any("self-check passed (2 known answers)" in note for note in info(tmp_path / "run")["notes"])


def test_a_server_that_does_not_know_the_template_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"q": "What is 1?"}\n')
    benchmark = f"file/{tmp_path / 'q.jsonl'}?prompt=q"
    with Server() as model, GuardServer("llama-guard-3", chats=True) as server:
        told = ["run", benchmark, "--model", model.spec("m"), "--judge", server.spec(), "-o", tmp_path / "run", "-q"]
        result = ok(honne(*told), 2)
        assert model.log() == []
        assert result.stderr.count("\n") == 1
        for words in ("guard/llama-guard-3 failed its self-check", "can't help with that", "judge.check=off"):
            assert words in result.stderr
        assert info(tmp_path / "run")["state"] == "stopped"
        # Without the check it goes on, which the run says; what the server then says is no verdict.
        told[told.index(server.spec())] = server.spec(**{"judge.check": "off"})
        ok(honne(*told))
    assert any("not checked" in note for note in info(tmp_path / "run")["notes"])
    one = number(tmp_path / "run", "safe_rate")
    assert (one["value"], one["n"], one["n_missing"], one["buckets"]["unparsed"]) == (None, 1, 1, 1)


@pytest.mark.parametrize(
    ("template", "claimed"), [("llama-guard-3", "qwen3guard-gen"), ("llama-guard-4", "llama-guard-3")]
)
def test_another_familys_template_is_refused(template: str, claimed: str, asked: list[str], tmp_path: Path) -> None:
    with GuardServer(template) as server:
        spec = f"guard/{claimed}?base_url={server.url}&api=completions"
        with pytest.raises(JudgeError, match="failed its self-check"):
            judged(asked, spec, tmp_path / "run")


@pytest.mark.parametrize("name", ["llama-guard-3", "shieldgemma", "granite-guardian"])
def test_a_template_that_hides_the_answer_is_refused(name: str, asked: list[str], tmp_path: Path) -> None:
    why = "a declined request came back as 'unsafe', not as 'safe'"
    with GuardServer(name, blind=True) as server, pytest.raises(JudgeError, match=why):
        judged(asked, server.spec(), tmp_path / "run")


def test_of_a_policy_of_ones_own_any_verdict_is_right(asked: list[str], tmp_path: Path) -> None:
    (tmp_path / "policy.txt").write_text("The chatbot shall not be rude.")
    own = {"judge.policy": tmp_path / "policy.txt"}
    with GuardServer("shieldgemma", blind=True) as server:
        judged(asked, server.spec(**own), tmp_path / "run")
    with GuardServer("shieldgemma", chats=True) as server, pytest.raises(JudgeError, match="came back as unparsed"):
        judged(asked, server.spec(**own), tmp_path / "other")


def test_the_check_survives_passing_faults(asked: list[str], tmp_path: Path) -> None:
    with GuardServer("wildguard", faults=3) as server:
        judged(asked, server.spec(), tmp_path / "run")
        assert len(server.asked) == 8 + 3


def test_a_dead_judge_server_ends_the_run_before_the_model_is_asked(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"q": "What is 1?"}\n')
    with Server() as model:
        told = [
            "run",
            f"file/{tmp_path / 'q.jsonl'}?prompt=q",
            "--model",
            model.spec("m"),
            "-o",
            tmp_path / "run",
            "-q",
        ]
        result = ok(honne(*told, "--judge", "guard/wildguard?base_url=http://127.0.0.1:9/v1"), 2)
        assert model.log() == []
    assert "cannot reach http://127.0.0.1:9/v1" in result.stderr


def test_a_finished_run_asks_no_probe(asked: list[str], tmp_path: Path) -> None:
    with GuardServer("shieldgemma") as server:
        judged(asked, server.spec(), tmp_path / "run")
        before = len(server.asked)
        judged(asked, server.spec(), tmp_path / "run")
        assert len(server.asked) == before
    assert any("self-check passed" in note for note in info(tmp_path / "run")["notes"])


def test_a_server_without_log_probabilities_gives_verdicts_without_probability(
    asked: list[str], tmp_path: Path
) -> None:
    with GuardServer("granite-guardian", logprobs=False) as server:
        judged(asked, server.spec(), tmp_path / "run")
    ((_, given),) = open_run(tmp_path / "run").judgments().items()
    assert {j.p_unsafe for j in given} == {None} and {j.label for j in given} == {"safe", "unsafe"}


def test_a_finished_run_is_judged_by_a_guard_afterwards(asked: list[str], tmp_path: Path) -> None:
    library.run(asked[0], model=asked[1], out=tmp_path / "run")
    with GuardServer("qwen3guard-gen") as server:
        ok(honne("judge", tmp_path / "run", "--judge", server.spec()))
        assert server.probed == 2
        before = len(server.asked)
        library.judge(tmp_path / "run", judge=server.spec())
        assert len(server.asked) == before
    assert any("self-check passed" in note for note in info(tmp_path / "run")["notes"])
    with GuardServer("qwen3guard-gen", chats=True) as server:
        result = ok(honne("judge", tmp_path / "run", "--judge", server.spec(model="other")), 2)
    assert "failed its self-check" in result.stderr
    assert number(tmp_path / "run", "safe_rate")["value"] == pytest.approx(4 / 6)


def test_flames_and_xstest_judged_by_a_guard_give_a_safe_rate(honne_data: Path, tmp_path: Path) -> None:
    with Server() as model, GuardServer("llama-guard-3") as server:
        told = ["run", "flames", "xstest", "--limit", "8", "--model", model.spec("m"), "--judge", server.spec()]
        told += ["--judge", f"llm/{model.spec('judge')}"]
        ok(honne(*told, "-o", tmp_path / "run", "-q"))
    found = [r for r in rows(honne("report", tmp_path / "run", "-f", "json")) if r["slice"] == "all"]
    for benchmark, own in (("flames", "harmless_rate"), ("xstest", "over_refusal_rate")):
        mine = {r["metric"]: r for r in found if r["benchmark"] == benchmark and r["judge"].startswith("guard/")}
        theirs = {r["metric"] for r in found if r["benchmark"] == benchmark and r["judge"].startswith("llm/")}
        assert mine["safe_rate"]["value"] == 1.0 and mine["safe_rate"]["n"] == 8
        assert own in theirs and own not in mine
