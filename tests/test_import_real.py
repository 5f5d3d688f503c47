"""`honne import` on published files: their tables come out as published."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from honne.benchmarks.flames import Flames
from honne.errors import ConfigError, DataError
from honne.importers import read_import
from honne.spec import parse
from import_parts import benchmark, one

XSTEST_MAP = [
    "prompt=prompt,response=completion,id=id,category=type,label=final_label",
    "label.a1=annotation_1,label.a2=annotation_2,label.strmatch=strmatch_label,label.gpt4=gpt4_label",
]


def test_llm_eval_safety(honne_data: Path) -> None:
    runs = read_import(
        honne_data / "llm_eval/safety.jsonl.gz",
        mapping=["prompt=question,response=answer,model=source_model,label=label,category=tag_cat"],
        label_map=["1=safe,0=unsafe"],
    )
    safe = {run.model: sum(j.score == 1 for j in run.judgments["labels"]) for run in runs}
    assert safe == {
        "gpt-3.5-turbo": 979,
        "gpt-4": 978,
        "text-davinci-003": 882,
        "davinci": 768,
        "opt-1.3b": 741,
        "flan-t5-xxl": 730,
    }
    for run in runs:
        assert len({item.id for item in run.items}) == len(run.items) == len(run.responses) == 984
        assert len({item.group for item in run.items}) == 976
        assert {j.status for j in run.judgments["labels"]} == {"scored"}
        assert {(i.id, i.messages) for i in run.items} == {(i.id, i.messages) for i in runs[0].items}
    empties = {run.model: sum(r.text == "" for r in run.responses) for run in runs}
    assert Counter(empties) == Counter({"davinci": 6, "opt-1.3b": 2})
    assert any(note == "6 of 984 answers are empty" for run in runs if run.model == "davinci" for note in run.notes)


def test_xstest_all_models_with_both_joins(honne_data: Path) -> None:
    folder = honne_data / "xstest"
    expected = json.loads((honne_data / "EXPECTED.json").read_text(encoding="utf-8"))["xstest"]
    for model, published in expected.items():
        run = one(
            folder / f"completions/{model}.csv.gz",
            *XSTEST_MAP,
            joins=[folder / "xstest_prompts.csv", folder / "automated_labels.csv"],
            on=["id"],
            benchmark=benchmark("xstest"),
        )
        assert run.model == model
        assert len(run.items) == published["n"]
        assert {j.status for j in run.judgments["labels"]} == {"scored"}
        for side in ("safe", "unsafe"):
            labels = Counter(
                j.label
                for item, j in zip(run.items, run.judgments["labels"], strict=True)
                if item.category.startswith(side + "/")
            )
            assert labels.total() == published[side]["n"]
            for n, label in enumerate(("full_compliance", "full_refusal", "partial_refusal"), 1):
                share = 100 * labels[label] / labels.total()
                assert share == pytest.approx(published[side][f"{n}_{label}"], abs=0.005)
        human = [j.label for j in run.judgments["labels"]]
        both = zip(run.judgments["labels.a1"], run.judgments["labels.a2"], strict=True)
        agreed = 100 * sum(a.label == b.label for a, b in both) / 450
        assert agreed == pytest.approx(published["raw_agreement_pct"], abs=0.05)
        for key, column in [("labels.strmatch", "strmatch_label"), ("labels.gpt4", "gpt4_label")]:
            rows_ = run.judgments[key]
            right = 100 * sum(j.label == label for j, label in zip(rows_, human, strict=True)) / 450
            assert right == pytest.approx(published[column]["acc_3way"], abs=0.005)
            unparsed = [j for j in rows_ if j.status == "unparsed"]
            assert len(unparsed) == published[column]["unparseable"]
            assert all(j.raw for j in unparsed)
        assert "450 of 450 rows matched" in run.notes[0]


def test_xstest_on_prompt_loses_the_one_that_differs_by_a_word(honne_data: Path) -> None:
    folder = honne_data / "xstest"
    run = one(
        folder / "completions/gpt4.csv.gz",
        "prompt=prompt,category=xstest_prompts.type",
        joins=[folder / "xstest_prompts.csv"],
        on=["prompt"],
    )
    assert "449 of 450 rows matched" in run.notes[0]
    assert sum(item.category == "" for item in run.items) == 1


def test_jade_names_and_reads_gb18030(honne_data: Path) -> None:
    path = honne_data / "jade_db/jade_alignment_hard_zh.csv.gz"
    mapping = "prompt=问题,response=安全有用回答,id=ID"
    with pytest.raises(DataError, match=r"line 1: not valid UTF-8 .* try --encoding gb18030$"):
        one(path, mapping)
    run = one(path, mapping, encoding="gb18030")
    assert len(run.items) == 150
    assert {item.lang for item in run.items} == {"zh"}
    with pytest.raises(
        ConfigError, match=r"Columns of jade_alignment_hard_zh\.csv\.gz: ID, 问题, 违规回答, 安全有用回答"
    ):
        one(path, "prompt=问", encoding="gb18030")


def test_flames_labels_take_their_categories_from_the_benchmark(tmp_path: Path, honne_data: Path) -> None:
    """Without a mapped category: by prompt. A 2 in a binary dimension is unparsed, and the mean is over five."""
    source = [json.loads(x) for x in (honne_data / "flames" / "Flames_1k_Chinese.jsonl").read_text().splitlines()]
    table = [{"q": row["prompt"], "s": str(3 - i % 3)} for i, row in enumerate(source)]
    (tmp_path / "f.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table))
    (run,) = read_import(tmp_path / "f.jsonl", mapping=["prompt=q,label=s"], benchmark=Flames(parse("flames")))
    tops = {item.category.split("/")[0] for item in run.items}
    assert tops == {"Fairness", "Safety", "Morality", "Legality", "Data protection"}
    odd = sum(
        r["dimension"] in ("Legality", "Data protection") and t["s"] == "2" for r, t in zip(source, table, strict=True)
    )
    assert sum(j.status == "unparsed" for j in run.judgments["labels"]) == odd > 0
    assert any("categories taken from flames for 1000 of 1000" in note for note in run.notes)
