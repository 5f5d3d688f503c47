"""`honne run` end to end against a real server: faults, kills, resumes; nothing lost, nothing asked twice."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from honne import demo as demo_files
from honne.engine import journal
from honne.engine.store import open_run, response_key
from honne.records import Response
from run_parts import HONNE, environment, honne, ok, questions, rows, start
from server import Server


def answers(folder: Path) -> dict[tuple[str, int], tuple[str, str | None]]:
    return {(r.item_id, r.sample): (r.status, r.text) for r in open_run(folder).responses()}


def verdicts(folder: Path) -> dict[tuple[str, str], tuple[str, str | None]]:
    return {(j.judge, j.item_id): (j.status, j.label) for js in open_run(folder).judgments().values() for j in js}


def logged(server: Server) -> int:
    """Bytes in the server's log, without waiting for it to settle."""
    return server.log_path.stat().st_size if server.log_path.exists() else 0


def test_faults_change_nothing(tmp_path: Path, honne_data: Path) -> None:
    """1,000 + 270 + 450 items and their judgments, with 5 % of the requests failing: the same bytes as without."""
    faults = ["--rate-429", "0.02", "--rate-500", "0.015", "--rate-drop", "0.01", "--rate-truncate", "0.005"]
    for name, options in (("clean", []), ("faulty", faults)):
        with Server(*options) as server:
            command = ["run", "flames", "fine", "xstest", "--model", server.spec("m"), "-o", tmp_path / name]
            ok(honne(*command, "--judge", "llm/" + server.spec("j"), "-q"))
            log = server.log()
        answered = Counter(entry["hash"] for entry in log if entry.get("answer") and entry.get("sent"))
        assert set(answered.values()) == {1}, "an answered request was asked again"
        assert len(answered) == 1720 + 1000 + 90 + 450
        bad = sum(entry["status"] != 200 for entry in log) / len(log)
        assert bad == 0 if name == "clean" else 0.03 < bad < 0.07
    clean, faulty = (answers(tmp_path / name) for name in ("clean", "faulty"))
    assert len(clean) == 1720 and clean == faulty
    assert {status for status, _ in clean.values()} == {"ok"}
    assert verdicts(tmp_path / "clean") == verdicts(tmp_path / "faulty")
    one, two = ((tmp_path / name / "estimates.json").read_bytes() for name in ("clean", "faulty"))
    assert one == two and len(json.loads(one)) > 50


def test_items_that_always_fail_are_counted(tmp_path: Path, honne_data: Path) -> None:
    """A permanent 500 on 6 % of the items is not a dead server, however late those items complete."""
    with Server("--broken", "0.06") as server:
        result = ok(honne("run", "flames", "xstest", "--model", server.spec("m"), "-o", tmp_path / "run", "-q"))
    statuses = Counter(status for status, _ in answers(tmp_path / "run").values())
    assert statuses["ok"] + statuses["error"] == 1450
    assert 50 < statuses["error"] < 130
    assert "error" in result.stdout
    accounted = json.loads((tmp_path / "run" / "run.json").read_text())
    assert accounted["counts"]["error"] == statuses["error"] and accounted["state"] == "done"


def test_killed_at_ten_moments(tmp_path: Path) -> None:
    """kill -9: whatever was recorded stays and is never asked again; the end is the undisturbed run's."""
    spec = questions(tmp_path / "q.jsonl", 2000)
    run, rng = tmp_path / "run", random.Random(7)
    with Server("--latency", "0.1") as server:
        command = ["run", spec, "--model", server.spec("m", concurrency=32), "-o", run, "-q"]
        recorded: set[str] = set()
        kills = 0
        while kills < 10:
            process = start(*command)
            asked = logged(server)
            while process.poll() is None and logged(server) == asked:
                time.sleep(0.005)
            time.sleep(rng.random() * 0.6)
            assert process.poll() is None, "the run ended before it could be killed ten times"
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            time.sleep(0.1)
            found = journal.read_all(run / "responses", Response, response_key)
            hashes = {r.request_hash for r in found.values() if r.request_hash}
            assert recorded <= hashes, "a recorded answer was lost"
            recorded = hashes
        assert 50 < len(recorded) < 2000
        before = Counter(entry["hash"] for entry in server.log())
        ok(honne(*command))
        after = Counter(entry["hash"] for entry in server.log())
        assert not [h for h in recorded if after[h] != before[h]], "a recorded answer was asked again"
        assert sum(after.values()) - 2000 <= kills * 32
        calm = tmp_path / "calm"
        ok(honne(*command[:-2], calm, "-q"))
    assert answers(run) == answers(calm) and len(answers(run)) == 2000
    assert (run / "estimates.json").read_bytes() == (calm / "estimates.json").read_bytes()
    assert sorted(p.name for p in (run / "responses").iterdir()) == [journal.PARQUET]


def test_a_finished_run_asks_nothing_again(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 30)
    with Server() as server:
        command = ["run", spec, "--model", server.spec("m"), "--judge", "llm/" + server.spec("j"), "-o", tmp_path / "r"]
        ok(honne(*command))
        asked, first = len(server.log()), (tmp_path / "r" / "estimates.json").read_bytes()
        ok(honne(*command))
        assert len(server.log()) == asked == 60
    assert (tmp_path / "r" / "estimates.json").read_bytes() == first


def test_another_judge_is_added_and_the_first_kept(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 20)
    with Server() as server:
        command = ["run", spec, "--model", server.spec("m"), "-o", tmp_path / "r"]
        for judge in ("first", "second"):
            ok(honne(*command, "--judge", "llm/" + server.spec(judge)))
        assert len(server.log()) == 60
    judges = {j.partition("@")[0] for j in open_run(tmp_path / "r").judgments()}
    assert judges == {"llm/openai/first", "llm/openai/second"}
    metrics = {(r["metric"], r["judge"].partition("@")[0]) for r in rows(honne("report", tmp_path / "r", "-f", "json"))}
    assert ("safe_rate", "llm/openai/first") in metrics and ("safe_rate", "llm/openai/second") in metrics


def test_a_changed_option_is_refused_by_name(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 5)
    with Server() as server:
        ok(honne("run", spec, "--model", server.spec("m", temperature=0), "-o", tmp_path / "r"))
        result = ok(honne("run", spec, "--model", server.spec("m", temperature=1), "-o", tmp_path / "r"), 2)
        assert "temperature: was 0.0, now 1.0" in result.stderr
        ok(honne("run", spec, "--model", server.spec("m", temperature=0, concurrency=3), "-o", tmp_path / "r"))


def test_a_dying_server_stops_the_run_which_then_goes_on(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 400)
    server = Server("--fail-after", "150")
    with server:
        command = ["run", spec, "--model", server.spec("m"), "-o", tmp_path / "r", "-q"]
        result = ok(honne(*command), 3)
        assert "50 failed items in a row" in result.stderr and "same command goes on" in result.stderr
        assert json.loads((tmp_path / "r" / "run.json").read_text())["state"] == "stopped"
    got = answers(tmp_path / "r")
    assert sum(status == "ok" for status, _ in got.values()) == 150
    with Server() as healthy:
        ok(honne("run", spec, "--model", healthy.spec("m"), "-o", tmp_path / "r", "-q"))
        assert len(healthy.log()) == 250
    assert {status for status, _ in answers(tmp_path / "r").values()} == {"ok"}


def test_an_interrupt_is_resumable(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 500)
    with Server("--latency", "0.1") as server:
        command = [*HONNE, "run", spec, "--model", server.spec("m", concurrency=8), "-o", str(tmp_path / "r"), "-q"]
        process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment()
        )
        while logged(server) < 5000:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 3 and "interrupted" in err
    assert json.loads((tmp_path / "r" / "run.json").read_text())["counts"]["ok"] >= 20


def test_samples_and_their_clusters(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 20)
    with Server() as server:
        model = server.spec("m", seed=1)
        ok(
            honne(
                "run",
                spec,
                "--model",
                model,
                "--judge",
                "llm/" + server.spec("j"),
                "--samples",
                "3",
                "-o",
                tmp_path / "r",
            )
        )
    got = answers(tmp_path / "r")
    assert len(got) == 60 and {sample for _, sample in got} == {0, 1, 2}
    assert len({text for (item, _), (_, text) in got.items() if item == next(iter(got))[0]}) > 1
    (row,) = [
        r
        for r in rows(honne("report", tmp_path / "r", "-f", "json"))
        if r["metric"] == "safe_rate" and r["slice"] == "all"
    ]
    assert row["n"] == 60 and "clustered" in row["method"]


def test_several_models_below_one_parent(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 10)
    with Server() as server:
        ok(honne("run", spec, "-m", server.spec("a"), "-m", server.spec("b"), "-o", tmp_path / "both"))
    assert sorted(p.name for p in (tmp_path / "both").iterdir()) == ["openai-a", "openai-b"]
    ok(honne("report", tmp_path / "both"))


def test_dry_run_asks_nothing(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 10)
    with Server() as server:
        model = server.spec("m", price_in=2, price_out=8)
        result = ok(honne("run", spec, "-m", model, "-j", "llm/" + server.spec("j"), "--dry-run", cwd=tmp_path))
        assert server.log() == []
    assert "What is 0 plus 1?" in result.stdout and "unknown" in result.stdout and "10" in result.stdout
    assert not (tmp_path / "runs").exists()


def test_a_changed_served_model_is_flagged(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 40)
    with Server("--served", "real-name", "--served-change", "20") as server:
        result = ok(honne("run", spec, "--model", server.spec("m"), "-o", tmp_path / "r"))
    assert "served model changed" in result.stdout
    assert json.loads((tmp_path / "r" / "run.json").read_text())["served_models"] == ["real-name", "real-name-new"]


def test_the_default_folder_is_found_again(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 10)
    with Server() as server:
        for _ in range(2):
            ok(honne("run", spec, "--model", server.spec("m"), cwd=tmp_path))
        assert len(server.log()) == 10
    assert len(list((tmp_path / "runs").iterdir())) == 1


def test_the_key_is_nowhere(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 5)
    secret = "sk-honne-test-5f2c"
    with Server("--key", secret) as server:
        model = server.spec("m").replace("http://", "http://user:pass-91ab@") + "?key=query-91ab"
        result = honne("run", spec, "--model", model, "-o", tmp_path / "r", OPENAI_API_KEY=secret)
        # a login takes the place of the key, which is refused: this one is let in, and all of its run is looked through
        whole = f"openai/m?base_url={server.url}?key=query-91ab"
        ok(honne("run", spec, "--model", whole, "-o", tmp_path / "whole", OPENAI_API_KEY=secret))
        ok(honne("report", tmp_path / "whole", "--format", "html", "-o", tmp_path / "report.html"))
    for text in (
        result.stdout,
        result.stderr,
        *(p.read_bytes().decode(errors="replace") for p in tmp_path.rglob("*.*") if p.is_file()),
    ):
        assert secret not in text and "pass-91ab" not in text and "query-91ab" not in text
    assert "?key=***" in (tmp_path / "report.html").read_text()


def test_names_and_defaults_from_toml(tmp_path: Path) -> None:
    questions(tmp_path / "q.jsonl", 5)
    with Server() as server:
        (tmp_path / "honne.toml").write_text(
            f'[models.small]\nspec = "openai/m"\nbase_url = "{server.url}"\ntemperature = 0\n'
            f'[judges.strict]\nspec = "llm/openai/j"\nbase_url = "{server.url}"\n'
            f'[benchmarks.sums]\nspec = "file/q.jsonl"\nprompt = "question"\n'
            '[run]\nmodel = "small"\njudge = "strict"\n'
        )
        ok(honne("run", "sums", "-o", "r", cwd=tmp_path))
    info = json.loads((tmp_path / "r" / "run.json").read_text())
    assert info["spec"]["model"]["settings"]["temperature"] == 0
    assert [j["name"] for j in info["spec"]["judges"]] == ["llm/openai/j"]


def test_errors_are_asked_again_and_judged_then(tmp_path: Path) -> None:
    """A failed answer is skipped by the judge, a failed judgment is an error; the same command mends both."""
    spec = questions(tmp_path / "q.jsonl", 100)
    run = tmp_path / "r"
    with Server("--broken", "0.1") as server:
        judge = "llm/" + server.spec("j")
        ok(honne("run", spec, "--model", server.spec("m"), "--judge", judge, "-o", run, "-q"))
    first = Counter(status for status, _ in verdicts(run).values())
    assert first["skipped"] == Counter(status for status, _ in answers(run).values())["error"] > 0
    assert first["error"] > 0 and first.total() == 100
    with Server() as server:
        judge = "llm/" + server.spec("j")
        ok(honne("run", spec, "--model", server.spec("m"), "--judge", judge, "-o", run, "-q"))
        assert len(server.log()) == 2 * first["skipped"] + first["error"]
    assert Counter(status for status, _ in verdicts(run).values()) == {"scored": 100}
    assert Counter(status for status, _ in answers(run).values()) == {"ok": 100}


def test_killed_while_judging(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 300)
    run = tmp_path / "r"
    with Server("--latency", "0.05") as server:
        command = ["run", spec, "--model", server.spec("m"), "--judge", "llm/" + server.spec("j"), "-o", run, "-q"]
        process = start(*command)
        while not list(run.glob("judgments/*/*.jsonl")):
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
        process.wait()
        ok(honne(*command))
        assert 600 <= len(server.log()) <= 600 + 64
    assert Counter(status for status, _ in verdicts(run).values()) == {"scored": 300}
    assert not list(run.rglob("*.jsonl"))


def test_answers_are_judged_while_others_are_asked(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 200)
    with Server("--latency", "0.05") as model, Server() as judge:
        command = ["run", spec, "--model", model.spec("m", concurrency=8), "--judge", "llm/" + judge.spec("j")]
        ok(honne(*command, "-o", tmp_path / "r", "-q"))
        asked, judged = model.log(), judge.log()
    assert len(asked) == len(judged) == 200
    assert judged[50]["at"] < asked[-50]["at"]


def test_a_judge_that_cannot_work_ends_the_asking_at_once(tmp_path: Path) -> None:
    """A wrong key of the judge is found before the whole run is paid for; what was answered is kept."""
    spec = questions(tmp_path / "q.jsonl", 1000)
    run = tmp_path / "r"
    with Server("--latency", "0.1") as model, Server("--key", "right") as judge:
        command = ["run", spec, "--model", model.spec("m", concurrency=8), "-o", run, "-q", "--judge"]
        result = ok(honne(*command, "llm/" + judge.spec("j"), OPENAI_API_KEY="wrong"), 2)
        assert "401" in result.stderr and "llm" not in result.stdout
        early = len(model.log())
        assert early < 300
        kept = answers(run)
        assert kept and {status for status, _ in kept.values()} == {"ok"}
        ok(honne(*command, "llm/" + judge.spec("j"), OPENAI_API_KEY="right"))
        assert len(model.log()) <= 1000 + 16
    assert Counter(status for status, _ in verdicts(run).values()) == {"scored": 1000}


def test_the_recorded_demo_ends_with_its_verdict(tmp_path: Path) -> None:
    """Two invented models: alike when asked openly, apart when they must choose; and the report's path."""
    out = tmp_path / "demo"
    result = ok(honne("demo", "--recorded", "-o", out, HOME=str(tmp_path / "home")))
    text = " ".join(result.stdout.split())
    assert "omote" in text and "talks more safely than it chooses" in text
    assert "open_rate" in text and "not separated" in text and "choice_rate" in text and "kagami is higher" in text
    assert str(out / "report.html") in result.stdout and (out / "report.html").stat().st_size > 50_000
    expected = json.loads((Path(demo_files.__file__).parent / "expected.json").read_text())
    for name in ("kagami", "omote"):
        found = {
            r["metric"]: r["value"] for r in rows(honne("report", out / name, "-f", "json")) if r["slice"] == "all"
        }
        for metric in ("cs", "css", "open_rate", "choice_rate"):
            assert found[metric] == pytest.approx(expected[name][metric][0] / expected[name][metric][1])


def test_a_category_that_always_fails_is_not_a_dead_server(tmp_path: Path) -> None:
    """As many failures in a row of the file as would stop the run, at its end."""
    lines = [{"q": f"{'[[broken]] ' if i >= 840 else ''}question {i}"} for i in range(900)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Server() as server:
        ok(honne("run", f"file/{tmp_path}/q.jsonl?prompt=q", "-m", server.spec("m"), "-o", tmp_path / "r", "-q"))
    assert Counter(status for status, _ in answers(tmp_path / "r").values()) == {"ok": 840, "error": 60}
