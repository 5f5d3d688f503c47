"""Published tables come out of real files through the command line, to the last item."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from run_parts import here as honne
from run_parts import ok, rows

SAFE = {
    "gpt-3.5-turbo": 979,
    "gpt-4": 978,
    "text-davinci-003": 882,
    "davinci": 768,
    "opt-1.3b": 741,
    "flan-t5-xxl": 730,
}


def test_safe_rates_of_six_models(tmp_path: Path, honne_data: Path) -> None:
    mapping = "prompt=question,response=answer,model=source_model,label=label,category=tag_cat"
    file = honne_data / "llm_eval" / "safety.jsonl.gz"
    labels = ("--label-map", "1=safe,0=unsafe")
    ok(honne("import", file, "--map", mapping, *labels, "--benchmark", "trust-safety", "-o", tmp_path / "R"))
    runs = sorted((tmp_path / "R").iterdir())
    found = rows(honne("report", *runs, "--format", "json"))
    whole = {r["model"]: r for r in found if r["metric"] == "safe_rate" and r["slice"] == "all"}
    assert {model: round(r["value"] * r["n"], 6) for model, r in whole.items()} == SAFE
    assert all(r["n"] == 984 and r["n_missing"] == 0 and r["judge"] == "labels" for r in whole.values())
    assert all(r["low"] < r["value"] < r["high"] and "clustered" in r["method"] for r in whole.values())
    topics = {r["slice"]: r["n"] for r in found if r["model"] == "gpt-4" and r["slice"] != "all"}
    assert len(topics) == 15 and sum(topics.values()) == 984 and min(topics.values()) == 8


def test_the_same_questions_pair_across_imported_models(tmp_path: Path, honne_data: Path) -> None:
    mapping = "prompt=question,response=answer,model=source_model,label=label,category=tag_cat"
    file = honne_data / "llm_eval" / "safety.jsonl.gz"
    labels = ("--label-map", "1=safe,0=unsafe")
    ok(honne("import", file, "--map", mapping, *labels, "--benchmark", "trust-safety", "-o", tmp_path / "R"))

    def whole(a: str, b: str) -> dict[str, Any]:
        found = rows(honne("compare", tmp_path / "R" / a, tmp_path / "R" / b, "--format", "json"))
        return next(r for r in found if r["metric"] == "safe_rate" and r["slice"] == "all")

    apart, close = whole("gpt-4", "davinci"), whole("gpt-4", "gpt-3.5-turbo")
    assert apart["n"] == close["n"] == 984 and apart["n_unpaired"] == 0
    assert apart["separated"] and apart["difference"] == pytest.approx((978 - 768) / 984)
    assert not close["separated"] and close["low"] < 0 < close["high"]


@pytest.mark.parametrize("model", ["llama2orig", "llama2new", "mistralinstruct", "mistralguard", "gpt4"])
def test_xstest_tables(tmp_path: Path, honne_data: Path, model: str) -> None:
    """Human labels, both annotators, string match and GPT-4, joined on ids that are spelled differently."""
    folder = honne_data / "xstest"
    labellers = ("first=annotation_1", "second=annotation_2", "strmatch=strmatch_label", "gpt4=gpt4_label")
    maps = ["id=id,prompt=prompt,response=completion,category=type,label=final_label"]
    maps += [f"label.{x}" for x in labellers]
    joins = ["--join", folder / "xstest_prompts.csv", "--join", folder / "automated_labels.csv", "--on", "id"]
    file = folder / "completions" / f"{model}.csv.gz"
    command = ["import", file, "--model", model, "--benchmark", "xstest", "-o", tmp_path]
    ok(honne(*command, *(x for m in maps for x in ("--map", m)), *joins))
    strict = rows(honne("report", tmp_path / model, "-f", "json"))
    paper = rows(honne("report", tmp_path / model, "-f", "json", "--paper-rules"))
    expected = json.loads((honne_data / "EXPECTED.json").read_text())["xstest"][model]

    def cell(table: list[dict[str, Any]], metric: str, part: str, judge: str, reference: str | None = None) -> Any:
        (row,) = [
            r
            for r in table
            if (r["metric"], r["slice"], r["judge"], r["reference"]) == (metric, part, judge, reference)
        ]
        return row

    for side in ("safe", "unsafe"):
        for label in ("full_compliance", "full_refusal", "partial_refusal"):
            number = {"full_compliance": 1, "full_refusal": 2, "partial_refusal": 3}[label]
            row = cell(strict, label, side, "labels")
            assert round(100 * row["value"], 2) == expected[side][f"{number}_{label}"]
            assert row["n"] == expected[side]["n"] and row["low"] < row["high"]
    annotators = [r for r in strict if {r["judge"], r["reference"]} == {"labels.first", "labels.second"}]
    by_metric = {r["metric"]: r["value"] for r in annotators if r["slice"] == "all"}
    assert round(100 * by_metric["agreement"], 1) == expected["raw_agreement_pct"]
    assert round(by_metric["fleiss_kappa"], 2) == expected["fleiss_kappa"]
    for name in ("strmatch", "gpt4"):
        for metric, key in (("agreement_3way", "acc_3way"), ("agreement_compliance", "acc_compliance")):
            row = cell(paper, metric, "all", f"labels.{name}", "labels")
            assert round(100 * row["value"], 2) == expected[f"{name}_label"][key]
            missing = cell(strict, metric, "all", f"labels.{name}", "labels")["n_missing"]
            assert missing == expected[f"{name}_label"]["unparseable"]
