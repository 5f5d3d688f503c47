"""`honne import` as a user sees it: which items, answers and judgments come out of a file, and what is refused."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from honne import plugins
from honne.errors import JudgeError
from honne.importers import read_import
from honne.importers._reader import language
from honne.judges.labels import PLUGIN as LABELS
from honne.spec import parse
from import_parts import benchmark, judged, one, refused, rows

# ----------------------------------------------------------------------- items


def test_without_ids_the_same_questions_pair_across_models_and_repeats_are_kept(tmp_path: Path) -> None:
    path = rows(
        tmp_path / "x.jsonl",
        *({"m": m, "q": q, "a": f"{m}{n}"} for m in ("one", "two") for n, q in enumerate(["p", "q", "p"])),
    )
    first, second = read_import(path, mapping=["prompt=q,response=a,model=m"])
    digest = hashlib.sha256(b"p").hexdigest()[:16]
    assert [item.id for item in first.items][::2] == [f"{digest}-1", f"{digest}-2"]
    assert first.items == second.items
    assert [item.seq for item in first.items] == [0, 1, 2]
    assert first.items[0].group == first.items[2].group == digest
    assert [r.text for r in second.responses] == ["two0", "two1", "two2"]
    assert {(i.benchmark, i.version, i.form, i.category) for i in first.items} == {("import", "import", "open", "")}


def test_a_repeated_id_is_a_further_sample(tmp_path: Path) -> None:
    path = rows(
        tmp_path / "x.jsonl", *({"i": i, "q": f"q{i}", "a": a, "l": a} for i, a in [(7, "x"), (8, "y"), (7, "z")])
    )
    run = one(path, "prompt=q,response=a,id=i,label=l")
    assert [item.id for item in run.items] == ["7", "8"]
    assert [(r.item_id, r.sample, r.text) for r in run.responses] == [("7", 0, "x"), ("8", 0, "y"), ("7", 1, "z")]
    assert [(j.item_id, j.sample, j.label) for j in run.judgments["labels"]] == [
        ("7", 0, "x"),
        ("8", 0, "y"),
        ("7", 1, "z"),
    ]
    assert "3 answers to 2 items: some have several samples" in run.notes


def test_a_repeated_id_with_another_prompt_is_refused_with_both_lines(tmp_path: Path) -> None:
    path = rows(tmp_path / "x.jsonl", {"i": 1, "q": "a"}, {"i": 2, "q": "b"}, {"i": 1, "q": "c"})
    said = refused(path, "prompt=q,id=i")
    assert said == f"{path} line 1 and line 3: id '1' is there twice for model 'x', with another prompt"


def test_mapped_columns_win_over_what_is_guessed(tmp_path: Path) -> None:
    record = {"q": "p", "g": "G", "l": "ja", "f": "chat", "c1": "A/B", "c2": " C "}
    (item,) = one(rows(tmp_path / "x.jsonl", record), "prompt=q,group=g,lang=l,form=f,category=c1,category=c2").items
    assert (item.group, item.lang, item.form, item.category) == ("G", "ja", "chat", "A%2FB/C")


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("How are you?", "en"),
        ("你好吗？", "zh"),
        ("お元気ですか", "ja"),
        ("日本の首都", "ja"),
        ("What does 你好 mean in English?", "en"),
        ("请写一个Python程序来计算", "zh"),
        ("Où est la gare ?", "en"),
    ],
)
def test_language_by_script(text: str, lang: str) -> None:
    assert language(text) == lang


# ---------------------------------------------------------------------- models


def test_the_model_is_the_column_the_option_or_the_file_name(tmp_path: Path) -> None:
    path = rows(tmp_path / "gpt-4.1.jsonl", {"q": "p", "m": " b "}, {"q": "p", "m": "a"}, {"q": "q", "m": "b"})
    assert [run.model for run in read_import(path, mapping=["prompt=q,model=m"])] == ["b", "a"]
    assert one(path, "prompt=q", model="mine").model == "mine"
    assert one(path, "prompt=q").model == "gpt-4.1"
    assert "given twice" in refused(path, "prompt=q,model=m", model="mine")
    path = rows(tmp_path / "x.jsonl", {"q": "p", "m": "b"}, {"q": "p", "m": ""})
    assert refused(path, "prompt=q,model=m") == f"{path} line 2: the model (column 'm') is blank"


# --------------------------------------------------------------------- answers


def test_an_empty_answer_is_an_answer_and_a_null_one_is_not(tmp_path: Path) -> None:
    path = rows(
        tmp_path / "x.jsonl", {"q": "a", "a": "", "l": 1}, {"q": "b", "a": None, "l": 1}, {"q": "c", "l": 0}, {"q": "d"}
    )
    run = one(path, "prompt=q,response=a,label=l", label_map=["1=safe,0=unsafe"])
    assert [r.status for r in run.responses] == ["ok", "not_asked", "not_asked", "not_asked"]
    assert [r.text for r in run.responses] == ["", None, None, None]
    # A label beside no answer judges nothing, but its text is kept.
    assert judged(run) == [
        ("scored", "safe", "1"),
        ("skipped", None, "1"),
        ("skipped", None, "0"),
        ("skipped", None, None),
    ]
    assert "1 of 4 answers are empty" in run.notes


def test_labels_alone_are_labels_of_answers_that_exist(tmp_path: Path) -> None:
    run = one(rows(tmp_path / "x.jsonl", {"q": "a", "l": "safe"}), "prompt=q,label=l")
    assert (run.responses[0].status, run.responses[0].text) == ("ok", None)
    assert judged(run) == [("scored", "safe", "safe")]
    assert any("answers are not recorded" in note for note in run.notes)


# ---------------------------------------------------------------------- labels


def test_labels_compare_as_text(tmp_path: Path) -> None:
    labels = [1, 1.0, "1", " 1 ", "1.00", True, "x", "", None, 0, [1]]
    path = rows(tmp_path / "x.jsonl", *({"q": f"q{n}", "a": "r", "l": label} for n, label in enumerate(labels)))
    run = one(path, "prompt=q,response=a,label=l", label_map=["1=safe,0=unsafe"])
    assert judged(run) == [
        ("scored", "safe", "1"),
        ("scored", "safe", "1"),
        ("scored", "safe", "1"),
        ("scored", "safe", " 1 "),
        ("scored", "safe", "1.00"),
        ("unparsed", None, "true"),
        ("unparsed", None, "x"),
        ("skipped", None, ""),
        ("skipped", None, None),
        ("scored", "unsafe", "0"),
        ("unparsed", None, "[1]"),
    ]
    assert any(note.startswith("labels: 3 of 11 unparsed, outside the label map: 'true', 'x'") for note in run.notes)
    assert "labels: 2 of 11 skipped (blank label, or no answer)" in run.notes
    assert {j.score for j in run.judgments["labels"] if j.label == "safe"} == {1.0}


def test_true_and_false(tmp_path: Path) -> None:
    path = rows(tmp_path / "x.jsonl", {"q": "a", "l": True}, {"q": "b", "l": False})
    run = one(path, "prompt=q,label=l", label_map=["true=safe,false=unsafe"])
    assert [j.label for j in run.judgments["labels"]] == ["safe", "unsafe"]


@pytest.mark.parametrize(
    ("labels", "metrics", "first"),
    [
        (["safe", "unsafe"], ("safe_rate",), ("safe", 1.0, None)),
        (["safe"], ("safe_rate",), ("safe", 1.0, None)),
        ([3, 1, 2.5], ("label_share",), ("3", None, 3.0)),
        (["good", "1"], ("label_share",), ("good", None, None)),
        (["safe", "unclear"], ("label_share",), ("safe", None, None)),
        ([], (), None),
    ],
)
def test_what_labels_mean_without_a_benchmark(
    tmp_path: Path, labels: list[Any], metrics: tuple[str, ...], first: tuple[str, float | None, float | None] | None
) -> None:
    records = [{"q": f"q{n}", "l": label} for n, label in enumerate(labels)] or [{"q": "q", "l": None}]
    run = one(rows(tmp_path / "x.jsonl", *records), "prompt=q,label=l")
    assert run.benchmark.metrics == metrics
    judgment = run.judgments["labels"][0]
    assert (judgment.label, judgment.score, judgment.raw_score) == (first or (None, None, None))


def test_a_column_of_reasons_is_no_label(tmp_path: Path) -> None:
    path = rows(tmp_path / "x.jsonl", *({"q": "q", "l": f"because {n}", "s": n / 7} for n in range(101)))
    assert "column 'l' has 101 different values" in refused(path, "prompt=q,label=l")
    assert one(path, "prompt=q,label=s").judgments["labels"][1].raw_score == pytest.approx(1 / 7)


def test_a_benchmarks_scale_depends_on_the_category(tmp_path: Path) -> None:
    flames = benchmark("flames")
    path = rows(tmp_path / "x.jsonl", *({"q": d, "a": "r", "d": d, "l": 2} for d in ("Legality", "Morality")))
    run = one(path, "prompt=q,response=a,category=d,label=l", benchmark=flames)
    assert [status for status, _, _ in judged(run)] == ["unparsed", "scored"]
    assert {item.benchmark for item in run.items} == {"flames"}
    assert run.benchmark is flames


def test_a_dimension_spelled_otherwise_is_refused_and_not_scored_on_another_scale(tmp_path: Path) -> None:
    flames = benchmark("flames")
    given = [
        {"q": "p", "d": "Legality", "s": "", "l": 3},
        {"q": "q", "d": "Data Protection", "s": "Personal data", "l": 2},
    ]
    path = rows(tmp_path / "x.jsonl", *given)
    for category in ("category=d", "category=d,category=s"):
        said = refused(path, f"prompt=q,{category},label=l", benchmark=flames)
        assert f"{path} line 2: flames: unknown dimension 'Data Protection'. Did you mean 'Data protection'?" in said
    path = rows(tmp_path / "y.jsonl", {"q": "q", "s": "Personal data", "l": 2})
    run = one(path, "prompt=q,category=s,label=l", benchmark=flames)
    assert run.items[0].category == "Data protection/Personal data"
    assert judged(run) == [("unparsed", None, "2")]


def test_a_label_map_to_labels_that_the_benchmark_lacks_is_refused(tmp_path: Path) -> None:
    path = rows(tmp_path / "x.jsonl", {"q": "p", "a": "r", "c": "homonyms", "l": 1})
    said = refused(
        path, "prompt=q,response=a,category=c,label=l", label_map=["1=full_complience"], benchmark=benchmark("xstest")
    )
    assert "Did you mean 'full_compliance'?" in said
    assert "needs a label column" in refused(path, "prompt=q", label_map=["1=safe"])


def test_a_category_or_form_that_the_benchmark_lacks_names_the_line(tmp_path: Path) -> None:
    path = rows(tmp_path / "x.jsonl", {"q": "p", "c": "homonyms", "f": ""}, {"q": "q", "c": "homonims", "f": "opn"})
    xstest = benchmark("xstest")
    assert f"{path} line 2: xstest: unknown type 'homonims'. Did you mean 'homonyms'?" in refused(
        path, "prompt=q,category=c", benchmark=xstest
    )
    assert f"{path} line 2: unknown form 'opn'. Did you mean 'open'?" in refused(
        path, "prompt=q,form=f", benchmark=xstest
    )


def test_the_judge_labels_cannot_judge_a_run() -> None:
    with pytest.raises(JudgeError, match="honne import"):
        LABELS(parse("labels"), benchmark("xstest"))


# ----------------------------------------------------------------- determinism


def test_the_same_import_gives_the_same_records(tmp_path: Path) -> None:
    path = rows(tmp_path / "x.jsonl", {"q": "p", "a": "r", "l": "safe"})
    mapping = ["prompt=q,response=a,label=l"]
    first, second = (one(path, *mapping) for _ in range(2))
    for name in ("items", "responses", "judgments", "notes", "sources"):
        assert msgspec.json.encode(getattr(first, name)) == msgspec.json.encode(getattr(second, name))
    assert first.responses[0].at == datetime.fromtimestamp(path.stat().st_mtime, UTC)


# --------------------------------------------------------------------- metrics


def test_label_share_of_labels_without_a_meaning(tmp_path: Path) -> None:
    labels = ["good", "bad", "good", None]
    path = rows(tmp_path / "x.jsonl", *({"q": f"q{n}", "l": label, "o": "odd"} for n, label in enumerate(labels)))
    run = one(path, "prompt=q,label=l,label.other=o")
    by_judge = {key: {(j.item_id, j.sample): j for j in found} for key, found in run.judgments.items()}
    given = by_judge["labels"]
    seen = [
        plugins.Row(item, 0, response, given[item.id, 0])
        for item, response in zip(run.items, run.responses, strict=True)
    ]
    (name,) = run.benchmark.metrics
    found = plugins.load("metrics", name)(plugins.View(seen, "labels", by_judge))
    values = {measure.metric: [unit.value for unit in measure.units] for measure in found}
    assert values == {
        "label_share:bad": [0.0, 1.0, 0.0, None],
        "label_share:good": [1.0, 0.0, 1.0, None],
        "label_share:odd": [0.0, 0.0, 0.0, None],
    }
