"""What makes a run the same run, and what must never be mixed, lost or repeated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import honne as library
from honne.engine.store import RunFolder, open_run
from run_parts import here as honne
from run_parts import ok, questions, rows
from server import Server


def test_changed_data_are_refused_by_item(tmp_path: Path, honne_data: Path) -> None:
    """Half of a run must not be asked with other questions than the other half."""
    changed = tmp_path / "data" / "fine"
    changed.mkdir(parents=True)
    text = (honne_data / "fine" / "safety.jsonl").read_text(encoding="utf-8")
    (changed / "safety.jsonl").write_text(text.replace("birthmark", "scar", 1), encoding="utf-8")
    with Server() as server:
        command = ["run", "fine", "-m", server.spec("m"), "-o", tmp_path / "r", "-q"]
        result = ok(honne(*command, HONNE_DATA=str(tmp_path / "data")))
        assert "differs" in result.stdout
        result = ok(honne(*command), 2)
        assert "'fine-2-open'" in result.stderr and "items have changed" in result.stderr


def test_two_recordings_of_one_name_do_not_share_a_run(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 3)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ans.jsonl").write_text(json.dumps({"prompt": "What is 0 plus 1?", "response": folder}))
    for folder in ("a", "b"):
        ok(honne("run", spec, "-m", f"replay/{tmp_path}/{folder}/ans.jsonl", cwd=tmp_path))
    said = {r.text for run in (tmp_path / "runs").iterdir() for r in open_run(run).responses() if r.text}
    assert said == {"a", "b"}


def test_judges_whose_names_differ_in_a_slash_are_both_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("q,x,y\none,1,0\ntwo,1,0\n")
    mapping = "prompt=q,label.a/b=x,label.a-b=y"
    ok(honne("import", tmp_path / "a.csv", "--map", mapping, "--label-map", "1=safe,0=unsafe", "-o", tmp_path / "R"))
    judged = open_run(tmp_path / "R" / "a").judgments()
    assert {key: {j.label for j in js} for key, js in judged.items()} == {
        "labels.a/b": {"safe"},
        "labels.a-b": {"unsafe"},
    }


def test_models_whose_names_differ_in_a_space_are_both_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("q,m,r\none,a b,x\none,a-b,y\n")
    ok(honne("import", tmp_path / "a.csv", "--map", "prompt=q,model=m,response=r", "-o", tmp_path / "R"))
    runs = [open_run(p) for p in (tmp_path / "R").iterdir()]
    assert sorted(r.text or "" for run in runs for r in run.responses()) == ["x", "y"]
    (tmp_path / "b.csv").write_text("q,r\none,x\n")
    ok(honne("import", tmp_path / "b.csv", "--map", "prompt=q,response=r", "--model", "c d", "-o", tmp_path / "S"))
    again = honne("import", tmp_path / "b.csv", "--map", "prompt=q,response=r", "--model", "c-d", "-o", tmp_path / "S")
    assert "another run" in ok(again, 2).stderr


@pytest.mark.parametrize("kind", ["[[bad]]", "[[broken]]"])
def test_the_same_command_never_spoils_a_finished_run(tmp_path: Path, kind: str) -> None:
    """Items that failed fail again: that says nothing about the server, and the run stays done."""
    lines = [{"q": f"{kind} {i}" if i % 4 == 0 else f"fine {i}"} for i in range(240)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Server() as server:
        command = ["run", f"file/{tmp_path}/q.jsonl?prompt=q", "-m", server.spec("m"), "-o", tmp_path / "r", "-q"]
        for _ in range(2):
            ok(honne(*command))
            info = json.loads((tmp_path / "r" / "run.json").read_text())
            assert info["state"] == "done" and info["counts"] == {"error": 60, "not_asked": 0, "ok": 180}


def test_two_specs_of_one_benchmark_are_refused(tmp_path: Path) -> None:
    result = honne("run", "trust-safety?langs=en", "trust-safety?langs=zh", "-m", "openai/x", "-o", tmp_path / "r")
    assert "'trust-safety'" in ok(result, 2).stderr


def test_a_misspelt_model_leaves_the_folder_free(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 3)
    with Server("--models", "right") as server:
        ok(honne("run", spec, "-m", server.spec("rihgt"), "-o", tmp_path / "r", "-q"), 2)
        ok(honne("run", spec, "-m", server.spec("right"), "-o", tmp_path / "r", "-q"))
    assert {r.model for r in open_run(tmp_path / "r").responses()} == {"openai/right"}


def test_one_counting_rule_for_a_report_and_its_tests(tmp_path: Path) -> None:
    """Runs made with --paper-rules are reported and compared by them."""
    lines = [{"q": f"q {i}", "options": ["yes", "no"], "t": "A"} for i in range(30)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name, answer in (("x", "A"), ("y", "hm")):
        told = [{"id": f"file-q-{i:05d}", "response": answer} for i in range(31)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))
        spec = f"file/{tmp_path}/q.jsonl?prompt=q&options=options&target=t"
        ok(honne("run", spec, "-m", f"replay/{tmp_path}/{name}.jsonl", "-o", tmp_path / name, "--paper-rules"))
    strict = library.compare(tmp_path / "x", tmp_path / "y")
    found = rows(honne("compare", tmp_path / "x", tmp_path / "y", "-f", "json"))
    assert [r["n"] for r in found] == [r.n for r in strict]
    reported = rows(honne("report", tmp_path / "x", tmp_path / "y", "-f", "json"))
    assert {r["n_missing"] for r in reported if r["metric"] == "accuracy"} == {0}


def test_deleted_estimates_are_made_again(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 12)
    with Server() as server:
        ok(honne("run", spec, "-m", server.spec("m"), "-j", "llm/" + server.spec("j"), "-o", tmp_path / "r", "-q"))
    path = tmp_path / "r" / "estimates.json"
    first = path.read_bytes()
    path.unlink()
    assert library.load(tmp_path / "r").estimates.num_rows > 0
    ok(honne("report", tmp_path / "r"))
    assert path.read_bytes() == first


def test_the_library_reads_honne_toml_with_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = questions(tmp_path / "q.jsonl", 3)
    monkeypatch.chdir(tmp_path)
    with Server() as server:
        (tmp_path / "honne.toml").write_text(
            f'[models.small]\nspec = "openai/m"\nbase_url = "{server.url}"\n[run]\nsamples = 1\n'
        )
        assert library.run(spec, model="small", out=tmp_path / "r").responses.num_rows == 3


def test_a_system_prompt_is_part_of_what_was_sent(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 2)
    with Server() as server:
        model = server.spec("m", system="Be brief.")
        ok(honne("run", spec, "-m", model, "-o", tmp_path / "r", "-q"))
        dry = ok(honne("run", spec, "-m", model, "--dry-run"))
    sent = [r.messages for r in open_run(tmp_path / "r").responses()]
    assert all(m is not None and [x.role for x in m] == ["system", "user"] for m in sent)
    assert "Be brief." in dry.stdout


def test_a_judge_that_changes_is_flagged(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 30)
    with Server() as model, Server("--served", "j-1", "--served-change", "10") as judge:
        command = ["run", spec, "-m", model.spec("m"), "-j", "llm/" + judge.spec("j"), "-o", tmp_path / "r", "-q"]
        assert "changed within the run: j-1, j-1-new" in ok(honne(*command)).stdout


def test_a_dead_judge_is_named_and_resumable(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 10)
    with Server() as gone:
        dead = gone.spec("j")
    with Server() as server:
        command = ["run", spec, "-m", server.spec("m"), "-j", "llm/" + dead, "-o", tmp_path / "r", "-q"]
        said = ok(honne(*command), 3).stderr
    assert "judge llm/openai/j" in said and "same command goes on" in said
    assert {r.status for r in RunFolder(tmp_path / "r").responses()} == {"ok"}


def test_a_run_folder_may_be_copied(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 5)
    with Server() as server:
        ok(honne("run", spec, "-m", server.spec("m"), "-o", tmp_path / "r", "-q"))
    shutil.copytree(tmp_path / "r", tmp_path / "elsewhere")
    (tmp_path / "q.jsonl").unlink()
    ok(honne("report", tmp_path / "elsewhere", "-f", "json"))


@pytest.mark.parametrize(
    "damage",
    [{"prompts": []}, {"served_models": 5}, {"judges_served": [1]}, {"damage": "x"}, {"notes": 3}, {"counts": []}],
)
def test_a_damaged_run_json_costs_no_answer(tmp_path: Path, damage: dict[str, object]) -> None:
    """What run.json says beside the spec can be made anew; the answers are not asked again."""
    spec = questions(tmp_path / "q.jsonl", 5)
    with Server() as server:
        command = ["run", spec, "-m", server.spec("m"), "-o", tmp_path / "r", "-q"]
        ok(honne(*command))
        path = tmp_path / "r" / "run.json"
        info = json.loads(path.read_text())
        info["spec"]["judges"] = [1]
        path.write_text(json.dumps({**info, **damage}))
        ok(honne(*command))
        assert len(server.log()) == 5
    path.write_text("[" * 100_000)
    assert "run.json" in ok(honne("report", tmp_path / "r"), 2).stderr
