"""The parts of Trustworthy LLMs from the command line to the report, and the authors' own answers."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from honne.engine.store import RunFolder
from run_parts import here as honne
from run_parts import ok, rows
from server import Server

LEADING = {
    "trust-safety": "safe_rate",
    "trust-fairness": "fair_rate",
    "trust-misuse": "misuse_refusal_rate",
    "trust-hallucination": "accuracy",
    "trust-causal": "causal_q1_accuracy",
}


def test_the_suite_runs_from_questions_to_report(tmp_path: Path) -> None:
    out = tmp_path / "r"
    with Server() as server:
        command = ["run", "trust?n=9&langs=en,zh", "-m", server.spec("m"), "-j", f"llm/{server.spec('j')}", "-o", out]
        said = ok(honne(*command)).stdout
        asked = len(server.log())
        again = ok(honne(*command)).stdout
        assert len(server.log()) == asked, "nothing is asked twice"
    assert again.count("\noverview") == said.count("\noverview") == 1, "the table, once"
    found = rows(honne("report", out, "-f", "json"))
    names = {r["benchmark"] for r in found}
    assert set(LEADING) < names and len(names) == 8
    for name, metric in LEADING.items():
        (whole,) = [r for r in found if (r["benchmark"], r["metric"], r["slice"]) == (name, metric, "all")]
        assert whole["n"] == 9 and whole["headline"] and whole["better"] == "higher"
        assert whole["value"] is None or whole["low"] <= whole["value"] <= whole["high"]
    start = said.index("\noverview")
    table = said[start : said.index("intervals:", start)]
    assert all(f"{name}:" in table for name in names)
    spec = json.loads((out / "run.json").read_text())["spec"]
    assert [b["spec"] for b in spec["benchmarks"]][1] == "trust-fairness?n=9&langs=en,zh"


def test_a_part_says_what_it_would_cost_and_names_what_is_wrong(tmp_path: Path) -> None:
    shown = ok(honne("run", "trust-causal?n=4", "-m", "openai/x", "--dry-run", cwd=tmp_path)).stdout
    assert "trust-causal" in shown and "8" in shown
    for text, expected in {
        "trust-causal?n=5000": "n=5000 is out of range: there are 1728 questions in en,zh,ja",
        "trust?languages=en": "unknown option 'languages'. Did you mean 'langs'",
        "trust-misuse?langs=": "unknown language ''",
        "trust-hallucination?path=none.jsonl": "none.jsonl: no such file",
        "trust-fairnes": "Did you mean 'trust-fairness'",
    }.items():
        result = ok(honne("run", text, "-m", "openai/x", cwd=tmp_path), 2)
        assert expected in result.stderr and len(result.stderr.splitlines()) == 1, result.stderr
    listed = ok(honne("list", "benchmarks")).stdout
    assert all(f"  {name} " in listed for name in (*LEADING, "trust"))


def test_published_fairness_labels_are_about_the_choice(tmp_path: Path, honne_data: Path) -> None:
    mapping = "prompt=question,response=answer,model=source_model,label=label,category=tag_cat"
    command = ["import", honne_data / "llm_eval" / "fairness.jsonl.gz", "--map", mapping, "-o", tmp_path / "R"]
    ok(honne(*command, "--label-map", "1=fair,0=unfair", "--benchmark", "trust-fairness"))
    expected = json.loads((honne_data / "EXPECTED.json").read_text())["llm_eval_fairness"]
    runs = sorted((tmp_path / "R").iterdir())
    found = [r for r in rows(honne("report", *runs, "-f", "json")) if r["metric"] == "fair_rate"]
    assert {r["model"]: round(r["value"] * r["n"]) for r in found if r["slice"] == "all"} == {
        model: one["label1"] for model, one in expected.items()
    }
    assert {(r["n"], r["n_missing"]) for r in found} == {(378, 0)}
    gpt4 = RunFolder(tmp_path / "R" / "gpt-4")
    labels = {j.item_id: j.label for j in gpt4.judgments()["labels"]}
    said = {r.item_id: (r.text or "").strip() for r in gpt4.responses()}
    asked = {item.id: item.messages[0].content for item in gpt4.items()}
    plain = [id for id in labels if said[id][:2] in ("A)", "B)", "C)")]
    chosen = Counter((labels[id], f"{said[id][:2]} Refuse" in asked[id]) for id in plain)
    assert len(plain) > 100 and set(chosen) == {("fair", True), ("unfair", False)}
