"""What safety may cost: gsm8k, arithmetic, instructions; their items, judges and published numbers."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honne import plugins
from honne.errors import ConfigError
from honne.importers import read_import
from honne.judges._instructed import RULES, Malformed, check
from honne.plugins import Benchmark, Measure, View
from honne.records import Item, Judgment, Response, now
from honne.spec import parse
from metrics_parts import item, judgment, measured, row
from run_parts import here as honne
from run_parts import ok, rows
from server import Server


def build(text: str) -> Benchmark:
    built: Benchmark = plugins.load("benchmarks", parse(text).provider)(parse(text))
    return built


def items(text: str, seed: int = 0) -> list[Item]:
    return list(build(text).items(seed=seed))


# ------------------------------------------------------------ every set


@pytest.mark.parametrize("name", ["arithmetic", "instructions", "trust-typos", "trust-calibration", "trust-copyright"])
def test_drawn_sets(name: str) -> None:
    build(name).validate()
    whole = items(name)
    assert whole == items(name) and len({i.id for i in whole}) == len(whole)
    assert all(i.benchmark == name and i.form in build(name).judges for i in whole)
    part = items(f"{name}?n=12")
    assert [i.id for i in part] == [i.id for i in whole[: len(part)]]
    languages = Counter(i.lang for i in part)
    assert set(languages) == {i.lang for i in whole} and max(languages.values()) - min(languages.values()) <= 2
    assert {i.lang for i in items(f"{name}?langs=zh&n=3")} == {"zh"}
    other = {i.id: i.target for i in items(name, seed=3)}
    assert all(other.get(i.id, i.target) == i.target for i in whole)
    for wrong, why in (
        ("langs=fr", "unknown language 'fr'"),
        ("n=0", "n=0 is out of range"),
        ("x=1", "unknown option"),
    ):
        with pytest.raises(ConfigError, match=why):
            build(f"{name}?{wrong}")
    with pytest.raises(ConfigError, match="n=100000 is out of range: there are"):
        build(f"{name}?n=100000")


# ----------------------------------------------------------------- gsm8k


def test_gsm8k_is_the_published_test_set(honne_data: Path) -> None:
    build("gsm8k").validate()
    found = items("gsm8k")
    assert len(found) == 1319 and found[0].target == "18"
    assert found[0].messages[0].content.startswith("Janet") and "####" in found[0].messages[0].content
    assert sum("," in (i.target or "") for i in found) == 14


MODELS = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")


def columns(model: str) -> str:
    return f"prompt=question,response={model}.solution,label={model}.is_correct"


def test_published_solutions_give_the_published_accuracy(honne_data: Path) -> None:
    file = honne_data / "gsm8k" / "example_model_solutions.jsonl.gz"
    expected = json.loads((honne_data / "EXPECTED.json").read_text())["gsm8k"]
    for model in MODELS:
        (run,) = read_import(file, mapping=[columns(model)], model=model, benchmark=build("gsm8k"))
        judged = {j.item_id: j for j in run.judgments["labels"]}
        found = measured("open_accuracy", View([row(i, judged[i.id]) for i in run.items], "labels"))["accuracy"]
        values = [u.value for u in found.units]
        assert len(values) == expected["n"] and None not in values
        assert round(100 * sum(v or 0 for v in values) / len(values), 2) == expected[model]


def test_published_solutions_can_be_imported(tmp_path: Path, honne_data: Path) -> None:
    file, model = honne_data / "gsm8k" / "example_model_solutions.jsonl.gz", MODELS[3]
    ok(honne("import", file, "--map", columns(model), "--model", model, "--benchmark", "gsm8k", "-o", tmp_path))
    found = {(r["metric"], r["slice"]): r for r in rows(honne("report", tmp_path / model, "-f", "json"))}
    whole = found["accuracy", "all"]
    assert (round(whole["value"] * 1319), whole["n_missing"], whole["judge"]) == (742, 0, "labels")
    steps = {part: r for (metric, part), r in found.items() if metric == "accuracy" and part != "all"}
    assert sum(r["n"] for r in steps.values()) == 1319 and steps["2 steps"]["value"] > steps["6 steps"]["value"]


def test_missing_and_paper_rule() -> None:
    of = [item(f"i{n}") for n in range(4)]
    judged = [judgment(of[0], "right"), judgment(of[1], "wrong"), judgment(of[2], None), None]
    seen = [row(i, j) for i, j in zip(of, judged, strict=True)]
    strict = measured("open_accuracy", View(seen, "j"))["accuracy"]
    paper = measured("open_accuracy", View(seen, "j", paper=True))["accuracy"]
    assert [u.value for u in strict.units] == [1.0, 0.0, None, None] and strict.rule == "strict"
    assert [u.value for u in paper.units] == [1.0, 0.0, 0.0, None] and paper.rule == "paper"


# ------------------------------------------------------------ arithmetic


def test_arithmetic_is_right_in_every_language() -> None:
    found = items("arithmetic?n=2400")
    bare = [i for i in found if i.category != "stories"]
    for i in bare:
        a, sign, b = i.messages[0].content.replace("What is ", "").split()[:3]
        b = b.rstrip("?")
        wanted = {"+": int(a) + int(b), "-": int(a) - int(b), "×": int(a) * int(b)}[sign]
        assert i.target == str(wanted)
    assert len(bare) == 1800
    assert all(int(i.target or "-1") > 0 for i in found)
    by_group: dict[str, set[str | None]] = {}
    for i in found:
        by_group.setdefault(i.group, set()).add(i.target)
    assert all(len(targets) == 1 for targets in by_group.values()) and len(by_group) == 800


def test_arithmetic_from_recorded_answers_to_numbers(tmp_path: Path) -> None:
    """Every third answer right, every third wrong, every third two numbers at once."""
    said = []
    for n, i in enumerate(items("arithmetic?n=90")):
        target = int(i.target or 0)
        said.append(
            {"id": i.id, "response": (f"答案是{target}。", f"#### {target + 1}", f"{target} or {target + 1}")[n % 3]}
        )
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(s) + "\n" for s in said), encoding="utf-8")
    model = f"replay/{tmp_path}/a.jsonl"
    ok(honne("run", "arithmetic?n=90", "--model", model, "-o", tmp_path / "R"))
    table = {(r["metric"], r["slice"]): r for r in rows(honne("report", tmp_path / "R", "-f", "json"))}
    whole = table["accuracy", "all"]
    assert (whole["value"], whole["n"], whole["n_missing"], whole["withheld"]) == (0.5, 90, 30, True)
    assert table["unparsed_share", "all"]["value"] == pytest.approx(1 / 3)
    paper = {(r["metric"], r["slice"]): r for r in rows(honne("report", tmp_path / "R", "-f", "json", "--paper-rules"))}
    assert paper["accuracy", "all"]["value"] == pytest.approx(1 / 3) and paper["accuracy", "all"]["n_missing"] == 0


def test_a_real_server_is_asked_and_its_prose_is_not_guessed_at(tmp_path: Path) -> None:
    with Server() as server:
        ok(honne("run", "arithmetic?n=8", "instructions?n=8", "--model", server.spec(), "-o", tmp_path / "R"))
    found = rows(honne("report", tmp_path / "R", "-f", "json"))
    assert {(r["benchmark"], r["judge"]) for r in found} == {
        ("arithmetic", "number@1"),
        ("instructions", "instructions@1"),
    }
    assert all(r["n"] == 8 for r in found if r["slice"] == "all")


# ---------------------------------------------------------- instructions

TRUE, FALSE = True, False
CASES: list[tuple[str, list[Any], bool | None]] = [
    ("One two three four.", ["words", 4], TRUE),
    ("One two, three - four.", ["words", 4], TRUE),
    ("A well-known word", ["words", 3], TRUE),
    ("One—two three", ["words", 3], None),
    ("One two three", ["words", 4], FALSE),
    ("今天，天气很好。", ["characters", 6], TRUE),
    ("今天天气很好。", ["characters", 7], FALSE),
    ("今天是5号", ["characters", 4], FALSE),
    ("今日は晴れ。", ["characters", 5], TRUE),
    ("He slept. She read! Who won?", ["sentences", 3], TRUE),
    ("He slept. She read", ["sentences", 2], None),
    ("It costs 3.5 euros. Good.", ["sentences", 2], TRUE),
    ("Mr. Smith slept.", ["sentences", 1], None),
    ("Mr. Smith slept.", ["sentences", 4], FALSE),
    ("下雨了。我在家！", ["sentences", 2], TRUE),
    ("雨だ。「帰ろう。」", ["sentences", 2], TRUE),
    ("no full stop at all", ["sentences", 1], TRUE),
    ("a\n\nb\nc", ["lines", 3], TRUE),
    ("a\nb", ["lines", 3], FALSE),
    ("a\n\nb\n\nc", ["paragraphs", 2], FALSE),
    ("Quiet.", ["upper", None], FALSE),
    ("- a\n- b\n", ["bullets", 2], TRUE),
    ("Here:\n- a\n- b", ["bullets", 2], FALSE),
    ("-a\n-b", ["bullets", 2], FALSE),
    ("a\nb\n\nc", ["paragraphs", 2], TRUE),
    ("a\r\n \r\nb", ["paragraphs", 2], TRUE),
    ("A Silver spoon.", ["include", "silver"], TRUE),
    ("silvery", ["include", "silver"], FALSE),
    ("银色的月亮", ["include", "银色"], TRUE),
    ("sand and sea", ["exclude", "and"], FALSE),
    ("sand, sea", ["exclude", "and"], TRUE),
    ("Once more we went.", ["start", "Once more"], TRUE),
    ("Well, once more.", ["start", "Once more"], FALSE),
    ("We went. That is all.", ["end", "That is all."], TRUE),
    ("That is all. Bye.", ["end", "That is all."], FALSE),
    ("all small.", ["lower", None], TRUE),
    ("Not small.", ["lower", None], FALSE),
    ("LOUD 1!", ["upper", None], TRUE),
    ("no commas here", ["no_comma", None], TRUE),
    ("有，逗号", ["no_comma", None], FALSE),
    ('"All of it."', ["quoted", None], TRUE),
    ("「全部」", ["quoted", None], TRUE),
    ('"Half" of it', ["quoted", None], FALSE),
    ('{"title": "a", "text": "b"}', ["json", ["title", "text"]], TRUE),
    ('```json\n{"title": "a", "text": "b"}\n```', ["json", ["title", "text"]], TRUE),
    ('Sure: {"title": "a", "text": "b"}', ["json", ["title", "text"]], FALSE),
    ('{"title": "a"}', ["json", ["title", "text"]], FALSE),
    ('{"title": 1, "text": "b"}', ["json", ["title", "text"]], FALSE),
    ("[" * 50_000 + "a", ["json", ["title", "text"]], FALSE),
    ("今日は晴れです。", ["language", "ja"], TRUE),
    ("今天是晴天。", ["language", "zh"], TRUE),
    ("本日晴天", ["language", "ja"], None),
    ("It is sunny.", ["language", "en"], TRUE),
    ("It is sunny.", ["language", "zh"], FALSE),
    ("今日は晴れです。", ["language", "zh"], FALSE),
    ("", ["exclude", "and"], FALSE),
    ("...", ["no_comma", None], FALSE),
]


@pytest.mark.parametrize(("text", "rule", "wanted"), CASES, ids=[f"{c[1][0]}-{n}" for n, c in enumerate(CASES)])
def test_rules(text: str, rule: list[Any], wanted: bool | None) -> None:
    assert check(text, [rule])[rule[0]] is wanted


def test_every_rule_is_tested_both_ways() -> None:
    for name in RULES:
        outcomes = {wanted for _, rule, wanted in CASES if rule[0] == name}
        assert outcomes >= {True, False}, name


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_text_breaks_a_rule_itself(text: str) -> None:
    arguments: dict[type | None, Any] = {int: 3, str: "and", list: ["a"], None: None}
    for name, (kind, _) in RULES.items():
        assert check(text, [[name, arguments[kind]]])[name] in (True, False, None)


@pytest.mark.parametrize("text", ["a ", "。", "- a\n", "\n", '"', "```", "Mr. ", "A.", "…", "a—", "{", "—"])
def test_a_megabyte_is_checked_in_no_time(text: str) -> None:
    long = text * (1_000_000 // len(text))
    arguments: dict[type | None, Any] = {int: 3, str: "and", list: ["a"], None: None}
    started = time.thread_time()
    check(long, [[name, arguments[kind]] for name, (kind, _) in RULES.items()])
    # All sixteen rules together; a task has one or two.
    assert time.thread_time() - started < 4


@pytest.mark.parametrize(
    "rules", [None, [], "words", [["words"]], [["wrds", 3]], [["words", "3"]], [["words", True]], [3]]
)
def test_malformed_rules_are_an_error_of_the_item(rules: Any) -> None:
    with pytest.raises(Malformed):
        check("text", rules)
    of = item("i", meta=json.dumps({"rules": rules}))
    assert judged(of, "text").status == "error"


def judged(of: Item, text: str | None, status: str = "ok") -> Judgment:
    judge = plugins.load("judges", "instructions")(parse("instructions"), None)
    found: Judgment = judge.parse(of, Response(item_id=of.id, model="m", text=text, status=status, at=now()), None)
    return found


def test_judgments_of_instructions() -> None:
    of = item("i", meta=json.dumps({"rules": [["words", 3], ["lower", None]]}))
    right, half, broken = judged(of, "one two three"), judged(of, "One two three"), judged(of, "One two")
    assert (right.label, right.score, right.raw_score) == ("right", 1.0, 1.0)
    assert (half.label, half.score, half.raw_score, half.rationale) == ("wrong", 0.0, 0.5, "not followed: lower")
    assert (broken.label, broken.raw_score) == ("wrong", 0.0)
    assert judged(of, "one—two three").status == "unparsed", "it cannot be decided"
    assert judged(of, "One—two three").label == "wrong", "another rule is broken"
    assert judged(of, "one two three", "truncated").status == "unparsed"
    assert judged(of, None, "error").status == "skipped"
    assert judged(msgspec.structs.replace(of, meta="{"), "x").status == "error"
    share = measured("instructions", View([row(of, half), row(item("k"), right)], "j"))
    assert [u.value for u in share["followed_share"].units] == [0.5, 1.0]
    assert isinstance(share["accuracy"], Measure)


def test_every_task_can_be_followed_as_its_rules_say() -> None:
    """The words of a prompt name the argument that the judge checks."""
    names = {"en": "English", "zh": "Chinese", "ja": "Japanese"}
    for i in items("instructions?n=720"):
        for name, argument in json.loads(i.meta)["rules"]:
            prompt = i.messages[0].content
            if name == "language":
                assert i.lang != argument and (i.lang != "en" or names[argument] in prompt)
            elif name == "json":
                assert all(key in prompt for key in argument)
            elif argument is not None:
                assert str(argument) in prompt
