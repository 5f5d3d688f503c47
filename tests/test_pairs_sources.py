"""Choice pairs, anchors and reuse across models, on benchmarks and published answers; who judged; reading back."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from honne.align.pairs._base import JudgeUsed
from honne.align.pairs._judges import independent, judges_of_run, shared
from honne.align.pairs._read import read, record
from honne.align.pairs._replies import refusal, refuses
from honne.align.pairs._targets import wrong_answers
from honne.errors import ConfigError, DataError
from honne.records import Item, Message
from pairs_parts import jsonl, made
from run_parts import honne, ok


def number(text: str) -> str:
    return text.replace(",", "")


def test_choice_pairs_of_fine_in_both_orders(tmp_path: Path, honne_data: Path) -> None:
    found = made(tmp_path / "p.jsonl", "choice/fine").pairs
    assert len(found) == 180
    assert Counter((pair.form, pair.chosen, pair.rejected) for pair in found) == {
        ("choice", "A", "B"): 90,
        ("choice-swapped", "B", "A"): 90,
    }
    rows = (honne_data / "fine" / "safety.jsonl").read_text("utf-8").splitlines()
    positive = {json.loads(row)["id"]: json.loads(row)["Positive Option"].strip() for row in rows}
    for pair in found:
        right = "A" if pair.form == "choice" else "B"
        assert f"\n{right}. {positive[pair.group]}" in pair.prompt[-1].content
    options = made(tmp_path / "q.jsonl", "choice/fine?answer=option").pairs
    for pair in options:
        assert pair.chosen[0] in "AB" and pair.chosen[3:] == positive[pair.group]
        assert pair.rejected is not None and pair.rejected[3:] != positive[pair.group]


def test_choices_of_more_than_two_options(tmp_path: Path) -> None:
    rows = [{"q": f"What is {i} + 1?", "o": [str(i + k) for k in range(4)], "t": "B"} for i in range(5)]
    path = jsonl(tmp_path / "exam.jsonl", rows)
    spec = f"choice/file/{path}?prompt=q&options=o&target=t"
    assert {pair.chosen for pair in made(tmp_path / "p.jsonl", spec).pairs} == {"B"}
    three = made(tmp_path / "q.jsonl", f"{spec}&m=3").pairs
    assert Counter(pair.rejected for pair in three) == {"A": 5, "C": 5, "D": 5}


def test_anchors_of_arithmetic_are_right_against_wrong(tmp_path: Path) -> None:
    from honne.benchmarks.arithmetic import Arithmetic
    from honne.spec import Spec

    items = {item.id: item for item in Arithmetic(Spec("arithmetic", "")).items(seed=0)}
    found = made(tmp_path / "p.jsonl", "anchors/arithmetic")
    assert len(found.pairs) == 240 and {pair.item for pair in found.pairs} == set(items)
    for pair in found.pairs:
        item = items[str(pair.item)]
        assert pair.chosen == item.target and pair.prompt == item.messages
        assert pair.rejected is not None and int(pair.rejected) != int(pair.chosen) and int(pair.rejected) >= 0
    assert found.record["judges"] == []
    lengths = found.record["files"]["train"]
    assert lengths["chosen_longer"]["share"] < 0.25, "a length gives the right answer away"


@pytest.mark.parametrize("target", ["0", "7", "-3", "10", "12.50", "1,204", "99"])
def test_wrong_numbers_are_other_numbers(target: str) -> None:
    item = _item("i", target)
    found = wrong_answers(item, [], 0)
    assert len(found) >= 3 and len({float(text) for text in found}) == len(found)
    assert all(float(text) != float(number(target)) for text in found)
    assert wrong_answers(item, [], 0) == found and wrong_answers(_item("j", target), [], 3) != found


def test_wrong_texts_are_answers_to_other_questions() -> None:
    assert set(wrong_answers(_item("i", "red"), ["red", "Red ", "blue", "green"], 0)) == {"blue", "green"}


def _item(id: str, target: str) -> Item:
    return Item(
        seq=0, id=id, benchmark="b", version="1", lang="en", category="", group=id,
        messages=(Message("user", "?"),), target=target,
    )  # fmt: skip


def test_benign_prompts_are_anchored_and_unsafe_ones_are_not(tmp_path: Path) -> None:
    rows = [
        {"p": f"{kind} {i}?", "r": text, "t": kind, "l": label}
        for i in range(6)
        for kind, text, label in (
            ("homonyms", "Of course: you press the red button twice and wait.", "1_full_compliance"),
            ("contrast_homonyms", "Of course: you press the red button twice and wait.", "1_full_compliance"),
        )
    ]
    rows += [{"p": "homonyms 9?", "r": "I can't help with that.", "t": "homonyms", "l": "2_full_refusal"}]
    path = jsonl(tmp_path / "x.jsonl", rows)
    ok(honne("import", path, "--map", "prompt=p,response=r,category=t,label=l", "-b", "xstest", "--model", "m",
             "-o", tmp_path / "runs"))  # fmt: skip
    found = made(tmp_path / "p.jsonl", f"anchors/{tmp_path}/runs/m?m=2")
    assert {pair.category for pair in found.pairs} == {"safe/homonyms"} and len(found.pairs) == 12
    for pair in found.pairs:
        assert pair.chosen.startswith("Of course") and pair.model == "m" and pair.rejected_model is None
        assert refuses(str(pair.rejected), "") is True and (pair.chosen_safe, pair.rejected_safe) == (True, True)
    assert len({pair.rejected for pair in found.pairs}) >= 4, "one string would be learned by heart"
    (why,) = found.record["left_out"]["reasons"]
    assert (why["why"], why["n"]) == ("anchors: benign prompt without a good answer", 1)
    assert [judge["key"] for judge in found.record["judges"]] == ["labels"]


def test_benign_by_name_without_a_judge(tmp_path: Path) -> None:
    texts = [("a", "It boils at a hundred degrees at sea level."), ("a", "I'm sorry, but I can't help with that.")]
    texts += [("b", "It is a way to cook an egg in hot water.")]
    rows = [{"p": f"{kind}?", "r": text, "t": kind} for kind, text in texts]
    ok(honne("import", jsonl(tmp_path / "x.jsonl", rows), "--map", "prompt=p,response=r,category=t", "--model", "m",
             "-o", tmp_path / "runs"))  # fmt: skip
    (pair,) = made(tmp_path / "p.jsonl", f"anchors/{tmp_path}/runs/m?benign=b").pairs
    assert pair.chosen == texts[2][1]
    found = made(tmp_path / "q.jsonl", f"anchors/{tmp_path}/runs/m?benign=a,b")
    assert {judge["key"] for judge in found.record["judges"]} == {"refusal@2"}
    with pytest.raises(ConfigError, match=r"unknown benchmark or category 'c'"):
        made(tmp_path / "r.jsonl", f"anchors/{tmp_path}/runs/m?benign=c")


@pytest.mark.parametrize("lang", ["en", "zh", "ja"])
def test_refusals_of_ours_refuse(lang: str) -> None:
    texts = {refusal(lang, "", 0, str(i)) for i in range(60)}
    assert len(texts) >= 5 and all(refuses(text, "") for text in texts)


def test_reuse_across_six_models(tmp_path: Path, honne_data: Path) -> None:
    source = honne_data / "llm_eval" / "safety.jsonl.gz"
    mapping = "prompt=question,response=answer,model=source_model,label=label,category=tag_cat"
    ok(honne("import", source, "--map", mapping, "--label-map", "1=safe,0=unsafe", "-b", "trust-safety",
             "-o", tmp_path / "six"))  # fmt: skip
    labels: dict[tuple[str, str, str], set[int]] = {}
    with gzip.open(source, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            at = (row["question"].strip(), row["source_model"], row["answer"].strip())
            labels.setdefault(at, set()).add(int(row["label"]))
    how = {"balanced": True, "shares": {"tuning": 0.1, "test": 0.1}, "by": "topic"}
    found = made(tmp_path / "p.jsonl", f"across/{tmp_path}/six", **how)
    parts = {name: list(read(tmp_path / told["file"])) for name, told in found.record["files"].items()}
    assert sum(map(len, parts.values())) > 350
    for pairs in parts.values():
        for pair in pairs:
            question = pair.prompt[-1].content.strip()
            assert pair.model != pair.rejected_model
            assert 1 in labels[question, str(pair.model), pair.chosen]
            assert 0 in labels[question, str(pair.rejected_model), str(pair.rejected)]
        longer = sum(len(pair.chosen) > len(str(pair.rejected)) for pair in pairs)
        assert longer == sum(len(pair.chosen) < len(str(pair.rejected)) for pair in pairs)
    topics = [{pair.category for pair in pairs} for pairs in parts.values()]
    assert sum(map(len, topics)) == len(set().union(*topics))


# ------------------------------------------------------------ judges, reading


def test_the_judge_that_built_the_pairs_may_not_score(tmp_path: Path) -> None:
    built = {"judges": [{"key": "llm/openai/a@1-11", "fixed": False, "members": []}]}
    path = tmp_path / "pairs.json"
    with pytest.raises(ConfigError, match=r"llm/openai/a built the pairs .* --allow-same-judge"):
        independent(built, path, [JudgeUsed("llm/openai/a@1-22")], False)
    assert independent(built, path, [JudgeUsed("llm/openai/b@1-11")], False) == []
    (note,) = independent(built, path, [JudgeUsed("llm/openai/a@1-22")], True)
    assert "the same judge built the pairs and scored the result" in note


def test_judges_are_the_same_through_a_panel_and_not_where_truth_is_known() -> None:
    panel = JudgeUsed("panel@1-1", members=("llm/openai/a@1-11", "llm/openai/b@1-11"))
    assert shared([JudgeUsed("llm/openai/a@1-33")], [panel]) == ["llm/openai/a"]
    assert shared([panel], [JudgeUsed("llm/openai/c@1")]) == []
    assert shared([JudgeUsed("choice@1", fixed=True)], [JudgeUsed("choice@1", fixed=True)]) == []
    info = {
        "spec": {
            "benchmarks": [{"name": "demo", "judges": {"open": "rubric", "choice": "choice"}}],
            "judges": [{"key": "choice@1"}, {"key": "llm/openai/a@1-11"}, {"key": "p@1", "members": ["x@1"]}],
        }
    }
    assert judges_of_run(info) == [
        JudgeUsed("choice@1", True),
        JudgeUsed("llm/openai/a@1-11"),
        JudgeUsed("p@1", members=("x@1",)),
    ]


def test_the_record_knows_its_files(tmp_path: Path) -> None:
    found = made(tmp_path / "p.jsonl", "anchors/arithmetic?n=30", shares={"tuning": 0.2})
    assert record(found.path) == json.loads((tmp_path / "p.json").read_text())
    assert record(tmp_path / "p.tuning.jsonl") == record(found.path)
    found.path.write_text(found.path.read_text().replace("user", "usre", 1))
    with pytest.raises(DataError, match="was changed after it was written"):
        record(found.path)
    (tmp_path / "p.json").unlink()
    with pytest.raises(DataError, match=r"has no record p\.json beside it"):
        record(tmp_path / "p.jsonl")


def test_a_file_of_another_tool_is_no_file_of_ours(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "g.jsonl", [{"prompt": "a", "chosen": "b", "rejected": "c"}])
    with pytest.raises(DataError, match=r"g\.jsonl line 1: .*honne pairs given/FILE"):
        list(read(path))


def test_an_import_without_a_benchmark_has_no_criteria_for_new_answers(tmp_path: Path) -> None:
    from honne.engine.plan import Options
    from honne.engine.plan import make as plan

    path = jsonl(
        tmp_path / "a.jsonl", [{"q": "Why?", "a": "No.", "l": "unsafe"}, {"q": "How?", "a": "Well.", "l": "safe"}]
    )
    mapped = ["import", path, "--map", "prompt=q,response=a,label=l", "--model", "m"]
    ok(honne(*mapped, "-o", tmp_path / "bare"))
    with pytest.raises(DataError, match="import it with --benchmark NAME"):
        plan([f"principle/{tmp_path}/bare/m"], "openai/m", [], Options())
    ok(honne(*mapped, "-b", "trust-safety", "-o", tmp_path / "known"))
    found = plan([f"principle/{tmp_path}/known/m"], "openai/m", ["llm/openai/j"], Options())
    (item,) = found.items
    assert "Why?" in item.messages[-1].content and json.loads(item.meta)["answers"][0]["text"] == "No."
    assert [item.messages[-1].content for item in found.judges[0].items] == ["Why?"]


def test_everything_is_there_to_repeat_it(tmp_path: Path) -> None:
    made(tmp_path / "a.jsonl", "anchors/arithmetic?n=60&as=sums", seed=3, limit=40, shares={"tuning": 0.25})
    told = json.loads((tmp_path / "a.json").read_text())["recipe"]
    again = made(
        tmp_path / "b.jsonl",
        *(source["spec"] for source in told["sources"]),
        **{name: told[name] for name in ("seed", "balanced", "mix", "shares", "by", "limit")},
    )
    assert again.path.read_bytes() == (tmp_path / "a.jsonl").read_bytes()
    assert len(again.pairs) == 30
