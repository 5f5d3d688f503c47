"""`honne judge`: runs that exist are judged again, without their model, by any number of judges; nothing paid twice."""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import honne as api
from honne.engine import journal
from honne.engine.store import RunFolder, judgment_key, open_run
from honne.records import Judgment
from run_parts import here as honne
from run_parts import ok, questions, rows, start
from server import Server


def verdicts(folder: Path) -> dict[tuple[str, str], tuple[str, str | None]]:
    return {(j.judge, j.item_id): (j.status, j.label) for js in open_run(folder).judgments().values() for j in js}


def answered(server: Server) -> Counter[str]:
    return Counter(e["hash"] for e in server.log() if e.get("answer") and e.get("sent"))


def logged(server: Server) -> int:
    """Bytes in the server's log, without waiting for it to settle."""
    return server.log_path.stat().st_size if server.log_path.exists() else 0


def whole(found: list[dict[str, Any]]) -> dict[str, Any]:
    """The one headline number of slice `all`."""
    (one,) = [r for r in found if r["slice"] == "all" and r["headline"]]
    return one


def info(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


@pytest.fixture(scope="module")
def unjudged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unjudged")
    with Server() as server:
        spec = questions(folder / "q.jsonl", 60)
        ok(honne("run", spec, "--model", server.spec("m"), "-o", folder / "run", "-q"))
    (folder / "q.jsonl").unlink()
    return folder / "run"


@pytest.fixture
def run(unjudged: Path, tmp_path: Path) -> Path:
    """Sixty answers that nobody has judged; the model's server is gone and the file of questions too."""
    return Path(shutil.copytree(unjudged, tmp_path / "run"))


def test_judging_later_gives_the_bytes_of_judging_at_once(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 40)
    with Server() as server:
        judges = [x for lang in ("en", "ja") for x in ("--judge", f"llm/{server.spec('j')}&judge.lang={lang}")]
        ok(honne("run", spec, "--model", server.spec("m"), *judges, "-o", tmp_path / "at-once", "-q"))
        ok(honne("run", spec, "--model", server.spec("m"), "-o", tmp_path / "later", "-q"))
        told = ok(honne("judge", tmp_path / "later", *judges, "-q"))
        assert "safe_rate" in told.stdout and "llm/openai/j" in told.stdout
        asked = len(server.log())
        ok(honne("judge", tmp_path / "later", *judges, "-q"))
        assert len(server.log()) == asked, "the same command again asks nothing"
    one, two = ((tmp_path / name / "estimates.json").read_bytes() for name in ("at-once", "later"))
    assert one == two and len(json.loads(one)) > 4
    first, second = info(tmp_path / "at-once"), info(tmp_path / "later")
    for part in ("prompts", "judges_served", "tokens", "cost", "state", "notes", "counts"):
        assert first[part] == second[part], part
    assert first["spec"]["judges"] == second["spec"]["judges"] and len(second["judges_served"]) == 2


def test_the_model_and_its_questions_are_not_needed(run: Path, tmp_path: Path) -> None:
    assert "have no judge" in info(run)["notes"][0]
    before = (run / "responses" / journal.PARQUET).read_bytes(), (run / "items.parquet").read_bytes()
    with Server() as server:
        judges = [f"llm/{server.spec('a')}", f"llm/{server.spec('b', temperature=1)}", "refusal"]
        ok(honne("judge", run, *(x for j in judges for x in ("--judge", j)), "-q", cwd=tmp_path))
        assert len(answered(server)) == 120
    assert ((run / "responses" / journal.PARQUET).read_bytes(), (run / "items.parquet").read_bytes()) == before
    assert Counter(status for status, _ in verdicts(run).values()) == {"scored": 180}
    assert info(run)["state"] == "done" and info(run)["notes"] == [] and len(info(run)["spec"]["judges"]) == 3
    found = rows(honne("report", run, "-f", "json"))
    assert {r["judge"].partition("@")[0] for r in found} == {"llm/openai/a", "llm/openai/b", "refusal"}
    assert not any(r["headline"] for r in found if r["judge"] == "refusal@2")


def test_killed_at_six_moments(run: Path, tmp_path: Path) -> None:
    """kill -9: no judgment that was recorded is asked for again; the end is the undisturbed one's."""
    rng = random.Random(3)
    with Server("--latency", "0.15") as server:
        judge = f"llm/{server.spec('j', concurrency=3)}"
        command = ["judge", run, "--judge", judge, "-q"]
        recorded: set[str] = set()
        for _ in range(6):
            process = start(*command)
            size = server.log_path.stat().st_size if server.log_path.exists() else 0
            while (
                process.poll() is None and (server.log_path.stat().st_size if server.log_path.exists() else 0) == size
            ):
                time.sleep(0.005)
            time.sleep(rng.random() * 0.3)
            assert process.poll() is None, "it ended before it could be killed"
            process.send_signal(signal.SIGKILL)
            process.wait()
            folders = list((run / "judgments").iterdir()) if (run / "judgments").is_dir() else []
            now = {key[0] for folder in folders for key in journal.read_all(folder, Judgment, judgment_key)}
            assert recorded <= now, "a recorded judgment was lost"
            recorded = now
        assert whole(rows(honne("report", run, "-f", "json")))["n_missing"] == 60 - len(recorded)
        assert 3 < len(recorded) < 60
        ok(honne(*command))
        again = answered(server)
        assert len(again) == 60 and sum(again.values()) - 60 <= 6 * 3, "more than what was in flight was repeated"
    assert Counter(status for status, _ in verdicts(run).values()) == {"scored": 60}
    assert [p.name for p in next((run / "judgments").iterdir()).iterdir()] == [journal.PARQUET]
    killed = (run / "estimates.json").read_bytes()
    with Server() as calm:
        other = tmp_path / "other" / "run"
        ok(honne("run", questions(tmp_path / "q.jsonl", 60), "--model", calm.spec("m"), "-o", other, "-q"))
        ok(honne("judge", other, "--judge", f"llm/{calm.spec('j')}", "-q"))
    assert (other / "estimates.json").read_bytes() == killed


def test_a_wrong_key_is_exit_2_and_leaves_the_run_as_it_was(run: Path) -> None:
    before = info(run)
    with Server("--key", "right") as server:
        failed = ok(honne("judge", run, "--judge", f"llm/{server.spec('j')}", "-q", OPENAI_API_KEY="wrong"), 2)
    assert "401" in failed.stderr and "Traceback" not in failed.stderr
    assert {**info(run), "damage": []} == {**before, "damage": []} or info(run)["spec"] == before["spec"]
    assert verdicts(run) == {} and info(run)["prompts"] == before["prompts"]


def test_a_server_that_dies_is_exit_3_and_the_same_command_goes_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with Server() as server:
        ok(honne("run", questions(tmp_path / "q.jsonl", 150), "--model", server.spec("m"), "-o", run, "-q"))
    with Server("--fail-after", "30") as server:
        stopped = ok(honne("judge", run, "--judge", f"llm/{server.spec('j')}", "-q"), 3)
        assert sum(answered(server).values()) == 30
    assert "The same command goes on" in stopped.stderr and "Traceback" not in stopped.stderr
    assert Counter(status for status, _ in verdicts(run).values())["scored"] == 30
    assert info(run)["state"] == "done", "the answers are all there"
    rate = whole(rows(honne("report", run, "-f", "json")))
    assert (rate["n"], rate["n_missing"], rate["withheld"]) == (150, 120, True)
    with Server() as server:
        ok(honne("judge", run, "--judge", f"llm/{server.spec('j')}", "-q"))
        assert sum(answered(server).values()) == 120
    assert Counter(status for status, _ in verdicts(run).values()) == {"scored": 150}


def test_a_server_that_is_not_there_is_exit_2(run: Path) -> None:
    with Server() as server:
        judge = f"llm/{server.spec('j')}"
    failed = ok(honne("judge", run, "--judge", judge, "-q"), 2)
    assert len(failed.stderr.strip().splitlines()) == 1 and info(run)["spec"]["judges"] == []


def test_several_runs_and_their_parent(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 10)
    with Server() as server:
        models = [x for name in "ab" for x in ("--model", server.spec(name))]
        ok(honne("run", spec, *models, "-o", tmp_path / "runs", "-q"))
        ok(honne("judge", tmp_path / "runs", "--judge", f"llm/{server.spec('j')}", "--judge", "refusal", "-q"))
    children = sorted(p for p in (tmp_path / "runs").iterdir())
    assert len(children) == 2 and all(len(verdicts(child)) == 20 for child in children)


def test_a_judge_of_the_models_own_family_is_warned_about(run: Path) -> None:
    with Server() as server:
        told = ok(honne("judge", run, "--judge", f"llm/{server.spec('m')}", "-q"))
    assert "same family" in told.stderr
    assert any("same family" in note for note in info(run)["notes"])


def imported(tmp_path: Path) -> Path:
    lines = ({"q": f"Question {i}", "a": f"Answer {i}", "l": "good" if i % 3 else "bad"} for i in range(12))
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ok(honne("import", tmp_path / "a.jsonl", "--map", "prompt=q,response=a,label=l", "--model", "x", "-o", tmp_path))
    return tmp_path / "x"


def test_an_import_is_judged_by_criteria_of_ones_own(tmp_path: Path) -> None:
    folder = imported(tmp_path)
    (tmp_path / "mine.txt").write_text("labels: good, bad\nGood answers say something.\n")
    (tmp_path / "bare.txt").write_text("Good answers say something.\n")
    with Server() as server:
        failed = ok(honne("judge", folder, "--judge", f"llm/{server.spec('j')}", "-q"), 2)
        assert "no rubric" in failed.stderr and len(failed.stderr.strip().splitlines()) == 1
        for name in ("mine", "bare"):
            own = f"llm/{server.spec('j')}&judge.rubric={tmp_path / name}.txt"
            ok(honne("judge", folder, "--judge", own, "-q"))
    given = open_run(folder).judgments()
    assert [key.partition("@")[0] for key in given] == ["labels", "llm/openai/j", "llm/openai/j"]
    assert all(j.status == "scored" and j.label in ("good", "bad") for js in given.values() for j in js)
    found = rows(honne("report", folder, "-f", "json"))
    assert {r["metric"] for r in found} >= {"cohen_kappa", "krippendorff_alpha", "agreement", "label_share:good"}
    ok(honne("judge", folder, "--judge", "labels", "-q"), 2)


def test_a_benchmark_that_cannot_be_built_is_left_out_with_a_note(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with Server() as server:
        specs = [questions(tmp_path / f"{name}.jsonl", 10).replace("?", f"?id=id{name}&", 1) for name in "ab"]
        for name in "ab":
            lines = (tmp_path / f"{name}.jsonl").read_text().splitlines()
            kept = [{**json.loads(line), f"id{name}": f"{name}{i}"} for i, line in enumerate(lines)]
            (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept))
        ok(honne("run", *specs, "--model", server.spec("m"), "-o", run, "-q"))
        told = info(run)
        told["spec"]["benchmarks"][1]["spec"] = "gone-with-its-package"
        (run / "run.json").write_text(json.dumps(told))
        judged = ok(honne("judge", run, "--judge", f"llm/{server.spec('j')}", "-q"))
        assert "file-b is not judged by" in judged.stderr and "not at hand" in judged.stderr
        assert Counter(judge.partition("@")[0] for judge, _ in verdicts(run)) == {"llm/openai/j": 10}
        (tmp_path / "mine.txt").write_text("labels: good, bad\nGood answers say something.\n")
        own = f"llm/{server.spec('k')}&judge.rubric={tmp_path / 'mine.txt'}"
        ok(honne("judge", run, "--judge", own, "-q"))
        told["spec"]["benchmarks"][0]["spec"] = "gone-too"
        (run / "run.json").write_text(json.dumps(told))
        failed = ok(honne("judge", run, "--judge", f"llm/{server.spec('j')}", "--judge", "refusal", "-q"), 2)
        assert "no rubric" in failed.stderr, "a judge that can judge nothing is an error, whoever else can"
    found = Counter(judge.partition("@")[0] for judge, _ in verdicts(run))
    assert found == {"llm/openai/j": 10, "llm/openai/k": 20}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing-here", "--judge", "refusal"], "no run folder"),
        (["RUN"], "name at least one judge"),
        (["RUN", "--judge", "refusl"], "Did you mean 'refusal'"),
        (["RUN", "--judge", "openai/gpt-4.1"], "write llm/openai/gpt-4.1"),
        (["RUN", "--judge", "refusal?strict=1"], "unknown option 'strict'"),
        (["RUN", "--judge", "refusal", "--judge", "refusal"], "same judge twice"),
        (["RUN", "--judge", "panel"], "at least two judges"),
        (["RUN", "--judge", "panel/refusal+llm/openai/x"], "different scales"),
        (["RUN", "--judge", "panel/refusal+choice"], "judges its own forms"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    before = (run / "run.json").read_bytes()
    failed = ok(honne("judge", *[str(run) if a == "RUN" else a for a in arguments], "-q", cwd=tmp_path), 2)
    assert said in failed.stderr and len(failed.stderr.strip().splitlines()) == 1
    assert (run / "run.json").read_bytes() == before


def test_choices_alone_are_nothing_to_judge(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text(json.dumps({"q": "1 + 1?", "o": ["1", "2"], "t": "B"}) + "\n")
    with Server() as server:
        spec = f"file/{tmp_path / 'c.jsonl'}?prompt=q&options=o&target=t"
        ok(honne("run", spec, "--model", server.spec("m"), "-o", tmp_path / "r", "-q"))
        assert "no open answers" in ok(honne("judge", tmp_path / "r", "--judge", "refusal"), 2).stderr


def test_a_run_in_use_is_left_alone(run: Path) -> None:
    from honne.engine.store import locked

    with locked(run):
        assert "in use" in ok(honne("judge", run, "--judge", "refusal"), 2).stderr
    assert verdicts(run) == {}


def test_fixed_judges_stay_and_choices_are_not_lost(tmp_path: Path, honne_data: Path) -> None:
    with Server() as server:
        ok(honne("run", "fine", "--limit", "10", "--model", server.spec("m"), "-o", tmp_path / "r", "-q"))
        before = open_run(tmp_path / "r").judgments()["choice@1"]
        rate = [r for r in rows(honne("report", tmp_path / "r", "-f", "json")) if r["metric"] == "choice_rate"]
        ok(honne("judge", tmp_path / "r", "--judge", "refusal", "-q"))
    run = open_run(tmp_path / "r")
    assert run.judgments()["choice@1"] == before and len(run.judgments()["refusal@2"]) == 10
    found = rows(honne("report", tmp_path / "r", "-f", "json"))
    assert [r for r in found if r["metric"] == "choice_rate"] == rate and rate
    assert "choice@1" in ok(honne("report", tmp_path / "r")).stdout


def test_refusals_alone_are_no_score(run: Path) -> None:
    text = " ".join(ok(honne("judge", run, "--judge", "refusal", "-q")).stdout.split())
    assert "give no headline" in text and "refusal_rate" in text


def test_from_python(run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    judged = api.judge(run, judge="refusal")
    assert judged.judgments.num_rows == 60
    with Server() as server:
        again = api.judge(judged, judge=["refusal", f"llm/{server.spec('j')}"])
        assert len(server.log()) == 60
    assert again.judgments.num_rows == 120 and len(again.info["spec"]["judges"]) == 2


def test_a_stopped_run_stays_stopped(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 150)
    with Server("--fail-after", "60") as server:
        ok(honne("run", spec, "--model", server.spec("m"), "-o", tmp_path / "r", "-q"), 3)
    before = info(tmp_path / "r")
    ok(honne("judge", tmp_path / "r", "--judge", "refusal", "-q"))
    after = info(tmp_path / "r")
    assert (after["state"], after["why"], after["counts"]) == (before["state"], before["why"], before["counts"])
    with Server() as server:
        ok(honne("run", spec, "--model", server.spec("m"), "--judge", "refusal", "-o", tmp_path / "r", "-q"))
    folder: RunFolder = open_run(tmp_path / "r")
    assert len(folder.judgments()["refusal@2"]) == 150 and info(tmp_path / "r")["state"] == "done"
