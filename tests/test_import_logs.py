"""`honne import` of other tools' logs: recorded ones, damaged ones, and fresh ones where the real packages are here."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honne.errors import HonneError
from honne.importers import ImportedRun, read_import
from honne.importers._zip import Archive
from honne.records import Judgment
from run_parts import environment, honne, ok, rows
from server import Server

CORPUS = Path(__file__).parent / "corpus" / "interop"
LM_EVAL = CORPUS / "lm-eval"
RESULTS = next(LM_EVAL.glob("results_*.json"))


def installed(package: str) -> Any:
    here = importlib.util.find_spec(package) is not None
    return pytest.mark.skipif(not here, reason=f"{package} is not installed: pip install 'honne[interop]'")


def read(path: Path, *mapping: str, **more: Any) -> ImportedRun:
    (run,) = read_import(path, mapping=mapping, **more)
    return run


def refused(path: Path, *mapping: str, **more: Any) -> str:
    with pytest.raises(HonneError) as e:
        read_import(path, mapping=mapping, **more)
    assert "\n" not in str(e.value)
    return str(e.value)


def scores(run: ImportedRun, judge: str) -> list[float | None]:
    return [j.score for j in run.judgments[judge]]


def mean(rows: list[Judgment]) -> float:
    values = [j.score for j in rows if j.score is not None]
    return sum(values) / len(values)


# --------------------------------------------------------------- Inspect AI


def check_sums(run: ImportedRun) -> None:
    assert run.model == "mockllm/model" and run.benchmark.name == "sums"
    assert [i.id for i in run.items] == [f"sums-{n}" for n in range(6)]
    assert [i.messages[0].content for i in run.items][2] == "What is 2 plus 1?"
    assert {i.form for i in run.items} == {"open"} and [i.target for i in run.items][:2] == ["1", "2"]
    assert [(r.item_id, r.sample) for r in run.responses][:3] == [("sums-0", 0), ("sums-0", 1), ("sums-1", 0)]
    first = [r for r in run.responses if r.sample == 0]
    assert [r.text for r in first] == ["1", "1", "3", "4", "5", "wrong"]
    assert [r.status for r in first] == ["ok", "truncated", "filtered", "ok", "ok", "ok"]
    assert [m.role for m in first[0].messages or ()] == ["system", "user"]
    assert (first[0].tokens_in, first[0].tokens_out, first[0].served_model) == (10, 2, "mockllm/model")
    match = {(j.item_id, j.sample): (j.label, j.score, j.raw) for j in run.judgments["inspect.match"]}
    assert match["sums-0", 0] == ("correct", 1.0, "C") and match["sums-1", 1] == ("incorrect", 0.0, "I")
    grades = [j for j in run.judgments["inspect.grades"] if j.sample == 0]
    assert [j.label for j in grades][:4] == ["correct", "incorrect", "partial", "no_answer"]
    assert [j.score for j in grades][:4] == [1.0, 0.0, 0.5, 0.0] and grades[1].rationale == "grade of 1"
    assert scores(run, "inspect.several.half") == [0.5] * 12
    assert scores(run, "inspect.several.count") == [None] * 12, "7 is on no 0-1 scale"
    assert {j.raw_score for j in run.judgments["inspect.several.count"]} == {7.0}
    told = run.judgments["inspect.several.told"]
    assert [j.status for j in told][:3] == ["unparsed", "unparsed", "scored"], "NaN is how a scorer says: cannot tell"
    assert any("kept raw" in note for note in run.notes)


def test_inspect_eval() -> None:
    check_sums(read(CORPUS / "sums.eval"))


def test_inspect_numbers_are_inspects_own(tmp_path: Path) -> None:
    with Archive(CORPUS / "sums.eval") as archive:
        header = json.loads(archive.read("header.json"))
    theirs = {
        s["name"]: s["metrics"]["accuracy"]["value"]
        for s in header["results"]["scores"]
        if s["name"] in ("match", "grades")
    }
    assert len(theirs) == 2
    ok(honne("import", CORPUS / "sums.eval", "-o", tmp_path))
    found = rows(honne("report", tmp_path / "mockllm-model", "--format", "json"))
    ours = {
        e["judge"].removeprefix("inspect."): e["value"]
        for e in found
        if e["metric"] == "mean_score" and e["slice"] == "all"
    }
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs)


def test_inspect_choices_are_the_same_in_both_formats() -> None:
    a, b = read(CORPUS / "choices.eval"), read(CORPUS / "choices.json")
    assert a.items == b.items and [r.text for r in a.responses] == [r.text for r in b.responses]
    assert a.items[0].options == ("0", "1") and a.items[0].form == "choice" and a.items[0].target == "B"
    assert [(j.choice, j.score) for j in a.judgments["inspect.choice"]] == [("B", 1), ("A", 0), ("B", 1), (None, 0)]


def test_inspect_long_text_and_several_targets() -> None:
    run = read(CORPUS / "chat.eval")
    (item,) = run.items
    assert [m.role for m in item.messages] == ["system", "user"]
    assert item.messages[1].content == "What is the sum of " + "1 and " * 200 + "1?"
    assert json.loads(item.target or "") == ["201", "two hundred and one"]


def test_inspect_category_from_metadata() -> None:
    run = read(CORPUS / "sums.eval", "category=topic.parity,group=topic.parity", model="renamed")
    assert [i.category for i in run.items] == ["0", "1"] * 3 == [i.group for i in run.items]
    assert run.model == "renamed"
    assert "Did you mean 'category'" in refused(CORPUS / "sums.eval", "categry=topic")


def changed(path: Path, to: Path, change: Callable[[str, Any], Any]) -> Path:
    """A log with its JSON members changed; None drops one. Written without compression."""
    with Archive(path) as archive, zipfile.ZipFile(to, "w") as out:
        for name in archive.names():
            value = change(name, json.loads(archive.read(name)))
            if value is not None:
                out.writestr(name, json.dumps(value))
    return to


def test_inspect_sample_with_an_error_or_a_limit(tmp_path: Path) -> None:
    def change(name: str, value: Any) -> Any:
        if name == "samples/q1_epoch_1.json":
            value |= {"error": {"message": "it broke\nhere", "traceback": ""}, "scores": {}}
        if name == "samples/q2_epoch_1.json":
            value |= {"limit": {"type": "token", "limit": 10}}
        return value

    run = read(changed(CORPUS / "choices.eval", tmp_path / "e.eval", change))
    assert [r.status for r in run.responses] == ["ok", "error", "truncated", "ok"]
    assert run.responses[1].error == "it broke here"
    assert [j.status for j in run.judgments["inspect.choice"]] == ["scored", "skipped", "scored", "scored"]


def test_inspect_log_of_an_interrupted_evaluation(tmp_path: Path) -> None:
    left = ("header.json", "summaries.json", "reductions.json", "samples/q3_epoch_1.json")
    path = changed(CORPUS / "choices.eval", tmp_path / "e.eval", lambda name, v: None if name in left else v)
    run = read(path)
    assert len(run.items) == 3 and "not of a complete evaluation" in run.notes[0] and "3 answers where" in run.notes[1]


def test_inspect_damage_is_one_line(tmp_path: Path) -> None:
    whole = (CORPUS / "sums.eval").read_bytes()
    (tmp_path / "cut.eval").write_bytes(whole[: len(whole) // 2])
    assert "not a complete zip archive" in refused(tmp_path / "cut.eval")
    middle = bytearray(whole)
    middle[5000:5200] = b"\0" * 200
    (tmp_path / "bad.eval").write_bytes(middle)
    assert "is damaged" in refused(tmp_path / "bad.eval")
    with zipfile.ZipFile(tmp_path / "other.eval", "w") as other:
        other.writestr("word/document.xml", "<x/>")
    assert "no Inspect log" in refused(tmp_path / "other.eval")
    none = changed(CORPUS / "sums.eval", tmp_path / "none.eval", lambda n, v: None if n.startswith("samples/") else v)
    assert "holds no samples" in refused(none)
    deep = changed(CORPUS / "choices.eval", tmp_path / "deep.eval", lambda n, v: v)
    with zipfile.ZipFile(deep, "a") as more:
        more.writestr("samples/x_epoch_1.json", "[" * 100_000)
        more.writestr("samples/y_epoch_1.json", '{"id": 1, "epoch": "one"}')
    assert "nested too deeply" in refused(deep) or "broken JSON" in refused(deep)
    no_model = changed(
        CORPUS / "choices.eval",
        tmp_path / "m.eval",
        lambda n, v: {**v, "eval": {"task": "x"}} if n == "header.json" else v,
    )
    assert "give it with --model" in refused(no_model)


def test_a_zip_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("header.json", " " * 1000)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(data)
    assert "the limit is" in refused(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 13_000), st.binary(min_size=1, max_size=8))
def test_no_damage_ends_in_a_traceback(tmp_path: Path, at: int, junk: bytes) -> None:
    data = bytearray((CORPUS / "choices.eval").read_bytes())
    data[at : at + len(junk)] = junk
    path = tmp_path / "x.eval"
    path.write_bytes(data)
    try:
        assert len(read(path).items) >= 1
    except HonneError as e:
        assert "\n" not in str(e)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = ["input", "target", "choices", "messages", "output", "scores", "metadata", "error", "limit", "model_usage"]
_FIELDS += ["completed_at", "attachments", "id", "epoch"]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(_FIELDS), _json)
def test_any_value_in_any_field_of_a_sample(tmp_path: Path, name: str, value: Any) -> None:
    log = json.loads((CORPUS / "choices.json").read_bytes())
    log["samples"][0][name] = value
    path = tmp_path / "x.json"
    path.write_text(json.dumps(log))
    try:
        run = read(path)
    except HonneError as e:
        assert "\n" not in str(e)
        return
    for record in (*run.items, *run.responses, *(j for judged in run.judgments.values() for j in judged)):
        msgspec.json.encode(record)


# ------------------------------------------------------- lm-evaluation-harness


def check_lm_eval(run: ImportedRun) -> None:
    assert {b.name for b in run.benchmarks} == {"toy_choice", "toy_generated", "toy_ending"}
    items = {i.id: i for i in run.items}
    choice = items["toy_choice-0"]
    assert choice.options == ("0", "1") and choice.target == "B" and choice.form == "choice"
    assert choice.messages[0].content == "Question: What is 0 plus 1?\nAnswer:"
    answers = {(r.item_id, r.sample): r for r in run.responses}
    for n in range(5):
        answer = answers[f"toy_choice-{n}", 0]
        ranked = sorted(json.loads(answer.logprobs or ""), key=lambda o: -o["logprob"])
        assert answer.text == ranked[0]["text"].strip()
        acc = next(j for j in run.judgments["lm-eval.acc"] if j.item_id == f"toy_choice-{n}")
        assert acc.score == float(acc.choice == "B") and (acc.choice == "B") == (answer.text == str(n + 1))
    assert {(r.sample, r.status) for r in run.responses if r.item_id == "toy_generated-3"} == {(0, "ok"), (1, "ok")}
    for name in ("strict", "loose"):
        judged = run.judgments[f"lm-eval.exact_match.{name}"]
        assert [j.item_id for j in judged] == [f"toy_generated-{n}" for n in range(5)]
    assert answers["toy_ending-0", 0].text is None and "logprob" in (answers["toy_ending-0", 0].logprobs or "")
    assert set(scores(run, "lm-eval.perplexity")) == {None}, "lower is better: no score of honne's"
    assert any("lower is better" in note for note in run.notes)


def test_lm_eval_results_and_folder() -> None:
    by_results, by_folder = read(RESULTS), read(LM_EVAL)
    check_lm_eval(by_results)
    assert by_results == by_folder or by_results.items == by_folder.items


def test_lm_eval_one_task_takes_the_model_from_the_results() -> None:
    run = read(next(LM_EVAL.glob("samples_toy_choice*")), "category=topic")
    assert run.model == json.loads(RESULTS.read_bytes())["model_name"]
    assert [i.category for i in run.items] == ["sums%2F0", "sums%2F1"] * 2 + ["sums%2F0"]
    assert [b.name for b in run.benchmarks] == ["toy_choice"]


def test_lm_eval_numbers_are_lm_evals_own(tmp_path: Path) -> None:
    run = read(RESULTS)
    theirs = json.loads(RESULTS.read_bytes())["results"]
    acc = [j for j in run.judgments["lm-eval.acc"] if j.item_id.startswith("toy_choice")]
    assert mean(acc) == pytest.approx(theirs["toy_choice"]["acc,none"])
    for name in ("strict", "loose"):
        assert mean(run.judgments[f"lm-eval.exact_match.{name}"]) == theirs["toy_generated"][f"exact_match,{name}"]
    ok(honne("import", LM_EVAL, "-o", tmp_path))
    (folder,) = tmp_path.iterdir()
    found = {
        (e["benchmark"], e["judge"]): e
        for e in rows(honne("report", folder, "--format", "json"))
        if e["metric"] == "mean_score"
    }
    strict = found["toy_generated", "lm-eval.exact_match.strict"]
    assert (strict["n"], strict["n_missing"]) == (5, 0), "repeats have one score together"
    assert ("toy_ending", "lm-eval.perplexity") not in found


def test_lm_eval_samples_alone(tmp_path: Path) -> None:
    copied = Path(shutil.copy(next(LM_EVAL.glob("samples_toy_choice*")), tmp_path))
    run = read(copied, model="mine")
    assert run.model == "mine" and "no results_" in run.notes[0]
    assert "no such file" in refused(tmp_path / "gone.jsonl")


def test_lm_eval_damage_is_one_line(tmp_path: Path) -> None:
    path = Path(shutil.copy(next(LM_EVAL.glob("samples_toy_choice*")), tmp_path))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], lines[3][:80]]))
    assert "line 4" in refused(path)
    path.write_text("\n".join([lines[0], '{"doc_id": 1}']))
    assert "line 2" in refused(path) and "no arguments" in refused(path)
    alone = Path(shutil.copy(RESULTS, tmp_path / "results_2020-01-01T00-00-00.0.json"))
    assert "--log_samples" in refused(alone)
    (tmp_path / "empty").mkdir()
    assert "without logs" in refused(tmp_path / "empty")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "acc", "doc_id"]),
    _json,
)
def test_any_value_in_any_field_of_lm_evals(tmp_path: Path, name: str, value: Any) -> None:
    row = json.loads(next(LM_EVAL.glob("samples_toy_choice*")).read_text().splitlines()[0])
    row[name] = value
    path = tmp_path / "samples_x_2020-01-01T00-00-00.0.jsonl"
    path.write_text(json.dumps(row))
    try:
        run = read(path)
    except HonneError as e:
        assert "\n" not in str(e)
        return
    assert len(run.items) == 1 and all(
        j.score is None or math.isfinite(j.score) for r in run.judgments.values() for j in r
    )


# -------------------------------------------------------------------- options


def test_options_that_do_not_go_with_a_log() -> None:
    assert "--label-map does not go" in refused(CORPUS / "sums.eval", label_map=["a=b"])
    assert "--encoding does not go" in refused(CORPUS / "sums.eval", encoding="gb18030")


def test_a_table_needs_a_map_and_says_what_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("q,a\nwhat,this\n")
    told = refused(path)
    assert "--map" in told and "Inspect AI" in told and "lm-evaluation-harness" in told
    assert "needs prompt=COLUMN" in refused(path, "response=a")
    assert len(read(path, "prompt=q,response=a").items) == 1


def test_samples_of_lm_eval_as_a_table_where_the_prompt_is_mapped() -> None:
    run = read(next(LM_EVAL.glob("samples_toy_choice*")), "prompt=doc.q,label=acc", model="m")
    assert run.benchmark.name == "import" and run.items[0].messages[0].content == "What is 0 plus 1?"


def test_the_same_import_again_replaces_it(tmp_path: Path) -> None:
    for _ in range(2):
        ok(honne("import", CORPUS / "sums.eval", "-o", tmp_path))
    again = honne("import", CORPUS / "choices.eval", "-o", tmp_path)
    assert again.returncode == 2 and "holds another run" in again.stderr


# --------------------------------------------------------- the real packages


def made(folder: Path, *args: str) -> Path:
    script = Path(__file__).parent / "interop_logs.py"
    done = subprocess.run(
        [sys.executable, script, *args[:1], folder, *args[1:]], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@installed("inspect_ai")
def test_logs_of_the_inspect_that_is_installed(tmp_path: Path) -> None:
    folder = made(tmp_path / "logs", "inspect")
    for format in ("eval", "json"):
        check_sums(read(folder / f"sums.{format}"))
        broken = read(folder / f"broken.{format}")
        assert [r.status for r in broken.responses] == ["ok", "error", "ok"]
        assert [(j.status, j.label) for j in broken.judgments["inspect.failing"]][1] == ("skipped", None)
        assert len(read(folder / f"chat.{format}").items[0].messages[1].content) > 1000


@installed("lm_eval")
def test_logs_of_the_lm_eval_that_is_installed(tmp_path: Path) -> None:
    check_lm_eval(read(made(tmp_path / "logs", "lm-eval") / "out"))


@installed("lm_eval")
def test_chat_logs_of_lm_eval(tmp_path: Path) -> None:
    with Server() as server:
        model = f"model=my/test,base_url={server.url}/chat/completions"
        told = ("--model", "local-chat-completions", "--model_args", model, "--apply_chat_template")
        folder = made(tmp_path / "logs", "lm-eval", *told, "--system_instruction", "Be brief.")
    run = read(folder / "out")
    assert run.model == "my/test"
    assert [m.role for m in run.items[0].messages] == ["system", "user"]
    assert run.responses[0].text and run.responses[0].text.startswith("Answer ")
