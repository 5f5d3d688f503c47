"""`honne run --attack` end to end against a real server: attacked items, kills, resumes, translation by a model."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import honne as library
from honne.engine.store import open_run
from honne.records import Estimate, Item
from run_parts import here as honne
from run_parts import ok, questions, rows, start
from server import Server


def items(folder: Path) -> list[Item]:
    return open_run(folder).items()


def numbers(folder: Path, metric: str, name: str = "all") -> dict[tuple[str, str | None], Estimate]:
    found = [e for e in open_run(folder).estimates() if e.metric == metric and e.slice == name]
    return {(e.benchmark, e.attack): e for e in found}


def kill(process: subprocess.Popen[str], folder: Path, seconds: float) -> None:
    """kill -9, so long after the first record below `folder`."""
    while not list(folder.rglob("*.jsonl")):
        assert process.poll() is None, "it ended before it recorded anything"
        time.sleep(0.02)
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_the_main_job_under_attack(tmp_path: Path, honne_data: Path) -> None:
    """Killed while asking and resumed, the run ends with the bytes of one that was left alone."""
    attack = ["--attack", "prefix-injection,role-play", "--limit", "10"]
    with Server("--latency", "0.2") as server:
        command = ["run", "flames", "xstest", *attack, "--model", server.spec("m", concurrency=4), "-q"]
        command += ["--judge", "llm/" + server.spec("j", concurrency=4)]
        alone = ok(honne(*command, "-o", tmp_path / "alone"))
        process = start(*command, "-o", tmp_path / "killed")
        kill(process, tmp_path / "killed" / "responses", 0.3)
        received = len(open_run(tmp_path / "killed").responses())
        assert received < 60, "the run ended before it could be killed"
        ok(honne(*command, "-o", tmp_path / "killed"))
        log = [entry for entry in server.log() if entry.get("answer") and entry.get("sent")]
        assert len(log) <= 2 * 120 + 4 + 4, "more than what was in flight was asked again"
        changed = honne(*command[:3], "--attack", "role-play", *command[5:], "-o", tmp_path / "killed")
        assert (
            changed.returncode == 2 and 'attacks: was "prefix-injection, role-play", now "role-play"' in changed.stderr
        )
    one, two = ((tmp_path / name / "estimates.json").read_bytes() for name in ("alone", "killed"))
    assert one == two

    found = items(tmp_path / "alone")
    assert Counter((i.benchmark, i.attack) for i in found) == {
        (b, a): 10 for b in ("flames", "xstest") for a in (None, "prefix-injection", "role-play")
    }
    plain = {i.id: i for i in found if i.attack is None}
    for item in found:
        if item.attack is not None:
            parent = plain[item.parent or ""]
            assert item.id == f"{parent.id}@{item.attack}"
            assert (item.group, item.category, item.lang, item.form) == (
                parent.group, parent.category, parent.lang, parent.form,
            )  # fmt: skip
            assert parent.messages[-1].content in item.messages[-1].content
    assert [i.seq for i in found] == list(range(60))
    for benchmark in ("flames", "xstest"):
        for under in ("prefix-injection", "role-play"):
            assert numbers(tmp_path / "alone", "attack_success_rate")[benchmark, under].n > 0
        assert (benchmark, None) in numbers(tmp_path / "alone", "global_safety")
    assert ("xstest", "role-play") in numbers(tmp_path / "alone", "over_refusal_rate")
    assert alone.stdout.count("under attack") == 2
    assert "attack role-play" not in alone.stdout, "attacked sections stand in the table"
    assert "over refusal rate" in alone.stdout
    report = ok(honne("report", tmp_path / "alone", "--format", "md")).stdout
    assert "### Attack success rate by category" in report and "global_safety" in report
    shown = ok(honne("show", tmp_path / "alone", next(i.id for i in found if i.attack == "role-play")))
    assert "role-play" in shown.stdout
    fields = {(e["metric"], e["attack"]) for e in rows(honne("report", tmp_path / "alone", "--format", "json"))}
    assert ("safety_lost", "role-play") in fields and ("adversarial_safety", None) in fields


def test_two_runs_side_by_side(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 12)
    with Server() as server:
        models = ["--model", server.spec("a"), "--model", server.spec("b"), "--judge", "llm/" + server.spec("j")]
        printed = ok(honne("run", spec, *models, "--attack", "base64", "--attack", "rot13", "-o", tmp_path / "r", "-q"))
        md = ok(honne("report", tmp_path / "r", "--format", "md")).stdout
    assert "global_safety" in printed.stdout and printed.stdout.count("openai-a") > 3
    assert md.count("### Attack success rate by category") == 2
    compared = rows(honne("compare", tmp_path / "r" / "openai-a", tmp_path / "r" / "openai-b", "--format", "json"))
    assert {row["attack"] for row in compared} == {None, "base64", "rot13"}


def test_where_attacks_are_named(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 3)
    (tmp_path / "honne.toml").write_text('[run]\nattack = ["rot13", "base64"]\nmodel = "replay/none.jsonl"\n')
    (tmp_path / "none.jsonl").write_text('{"prompt": "x", "response": "y"}\n')
    toml = ok(honne("run", spec, "--dry-run", cwd=tmp_path)).stdout
    assert "rot13 on file-q: 3" in toml and "base64 on file-q: 3" in toml and "first attacked prompt" in toml
    env = ok(honne("run", spec, "--dry-run", cwd=tmp_path, HONNE_ATTACK="leetspeak,many-shot")).stdout
    assert "leetspeak on file-q: 3" in env and "many-shot on file-q: 3" in env and "rot13" not in env
    typed = ok(honne("run", spec, "--dry-run", "--attack", "past-tense", cwd=tmp_path, HONNE_ATTACK="base64")).stdout
    assert "past-tense on file-q: 3" in typed and "base64" not in typed
    with Server() as server:
        run = library.run(spec, model=server.spec("m"), attack="full-width,rot13", out=tmp_path / "api")
    assert {a for a in run.items["attack"].to_pylist() if a} == {"full-width", "rot13"}


def test_wrong_names_and_nothing_to_attack(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 3)
    model = ["--model", "openai/m?base_url=http://127.0.0.1:9/v1", "-o", tmp_path / "r"]
    wrong = honne("run", spec, *model, "--attack", "roleplay")
    assert wrong.returncode == 2 and "Did you mean 'role-play'?" in wrong.stderr and not (tmp_path / "r").exists()
    exam = tmp_path / "exam.jsonl"
    exam.write_text('{"q": "1 + 1?", "o": ["1", "2"], "t": "B"}\n')
    none = honne("run", f"file/{exam}?prompt=q&options=o&target=t", *model, "--attack", "base64")
    assert (
        none.returncode == 2
        and "nothing to attack: not attacked" in none.stderr
        and "file-exam" in none.stderr
        and "Traceback" not in none.stderr
    )
    assert none.stderr.count("\n") == 1
    untold = honne("run", spec, *model, "--attack", "translate:sw")
    assert untold.returncode == 2 and "--translator" in untold.stderr


# ---------------------------------------------------------------- translation


def test_translation_killed_and_resumed(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 60)
    run = tmp_path / "run"
    with Server("--latency", "0.05") as server:
        command = ["run", spec, "--model", server.spec("m"), "--attack", "translate:sw,rot13", "-o", run, "-q"]
        command += ["--translator", server.spec("t", concurrency=3)]
        process = start(*command)
        kill(process, run / "attacked", 0.25)
        assert not (run / "items.parquet").exists(), "the run ended its translation before it could be killed"
        ok(honne(*command))
        answered = len([e for e in server.log() if e.get("answer") and e.get("sent")])
        assert 60 + 180 <= answered <= 60 + 180 + 3
        translated = {i.parent: i for i in items(run) if i.attack == "translate:sw"}
        assert len(translated) == 60 and {i.lang for i in translated.values()} == {"sw"}
        assert all(i.messages[-1].content.startswith("Answer ") for i in translated.values())
        before = (run / "items.parquet").read_bytes()
        ok(honne(*command))
        for kept in (run / "attacked").rglob("*.parquet"):
            kept.unlink()
        ok(honne(*command))
        assert (run / "items.parquet").read_bytes() == before
        assert len([e for e in server.log() if e.get("answer") and e.get("sent")]) == answered
        other = honne(*command[:-1], server.spec("another"))
        assert other.returncode == 2 and 'translator.name: was "openai/t", now "openai/another"' in other.stderr
    info = json.loads((run / "run.json").read_text())
    assert info["state"] == "done" and info["counts"]["ok"] == 180


def test_an_item_that_was_not_translated_is_not_asked(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    marks = ["", " [[bad]]", " [[null]]", " [[blocked]]", " [[length]]"]
    path.write_text("".join(json.dumps({"q": f"What is {i}?{marks[i % 5]}"}) + "\n" for i in range(10)))
    run = tmp_path / "run"
    with Server() as server, Server() as judge:
        command = ["run", f"file/{path}?prompt=q", "--attack", "translate:zh", "-o", run, "-q"]
        command += ["--translator", server.spec("t"), "--judge", "llm/" + judge.spec("j")]
        command += ["--model", judge.spec("m")]
        printed = ok(honne(*command))
        first = len(server.log())
        ok(honne(*command))
        again = [e["status"] for e in server.log()[first:]]
        assert again and set(again) == {400}, "only what failed is tried again"
    assert "8 of 10 items are not asked" in printed.stdout
    responses = open_run(run).responses()
    assert sum("@" in r.item_id for r in responses) == 2
    info = json.loads((run / "run.json").read_text())
    assert info["counts"]["not_asked"] == 8
    success = numbers(run, "attack_success_rate")["file-q", "translate:zh"]
    assert (success.n, success.n_missing, success.withheld) == (10, 8, True)
    assert numbers(run, "global_safety")["file-q", None].withheld


def test_a_translation_that_failed_is_made_up_for(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text("".join(json.dumps({"q": f"What is {i}?" + " [[bad]]" * (i == 3)}) + "\n" for i in range(6)))
    run = tmp_path / "run"
    command = ["run", f"file/{path}?prompt=q", "--attack", "translate:zh", "-o", run, "-q"]
    with Server() as server:
        models = ["--translator", server.spec("t"), "--model", server.spec("m")]
        ok(honne(*command, *models))
    assert json.loads((run / "run.json").read_text())["counts"] == {"error": 1, "not_asked": 1, "ok": 10}
    with Server("--no-markers") as server:
        models = ["--translator", server.spec("t"), "--model", server.spec("m")]
        ok(honne(*command, *models))
    assert json.loads((run / "run.json").read_text())["counts"] == {"not_asked": 0, "ok": 12}
    assert all(i.messages[-1].content.startswith("Answer") for i in items(run) if i.attack)


def test_a_translator_that_is_not_there(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 5)
    run = tmp_path / "run"
    with Server() as server:
        command = ["run", spec, "--model", server.spec("m"), "--attack", "translate:zh", "-o", run, "-q"]
        dead = honne(*command, "--translator", "openai/t?base_url=http://127.0.0.1:9/v1")
        assert dead.returncode == 2 and "Traceback" not in dead.stderr and not server.log()
        ok(honne("report", run))
        ok(honne(*command, "--translator", server.spec("t")))
    assert json.loads((run / "run.json").read_text())["counts"]["ok"] == 10


def test_another_translation_is_not_paired_and_spoils_nothing_else(tmp_path: Path) -> None:
    with Server() as server:
        for name, seed in (("a", 1), ("b", 2)):
            command = ["run", "demo", "--limit", "6", "--attack", "translate:sw,base64", "-q"]
            command += ["--translator", server.spec("t", seed=seed), "--model", server.spec(name)]
            ok(honne(*command, "--judge", "llm/" + server.spec("j"), "-o", tmp_path / name))
    compared = rows(honne("compare", tmp_path / "a", tmp_path / "b", "--format", "json"))
    pairs = {(r["metric"], r["attack"]): (r["n"], r["n_unpaired"]) for r in compared if r["slice"] == "all"}
    assert pairs["open_rate", None] == pairs["cs", None] == pairs["open_rate", "base64"] == (6, 0)
    assert pairs["open_rate", "translate:sw"][0] == 0
