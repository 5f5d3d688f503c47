"""The generated parts of Trustworthy LLMs: what they ask, that it is balanced, and that what is right is right."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from honne import plugins
from honne.benchmarks._generated import Draft, drawn
from honne.benchmarks._text import LANGS, packaged
from honne.engine.plan import Options, expanded, make
from honne.errors import ConfigError, DataError
from honne.plugins import Benchmark
from honne.records import Item, category_parts
from honne.spec import parse

# benchmark -> (default n, all there are, items a question)
PARTS = {
    "trust-fairness": (324, 7776, 1),
    "trust-misuse": (360, 576, 1),
    "trust-hallucination": (300, 2880, 1),
    "trust-causal": (150, 1728, 2),
}
CHOICES = ("trust-fairness", "trust-hallucination", "trust-causal")


def build(text: str) -> Benchmark:
    spec = parse(text)
    built: Benchmark = plugins.load("benchmarks", spec.provider)(spec)
    return built


def items(text: str, seed: int = 0) -> list[Item]:
    return list(build(text).items(seed=seed))


@cache
def whole(name: str) -> list[Item]:
    """Every question that there is, in every order of its options."""
    return items(f"{name}?n={PARTS[name][1]}")


def prompt(item: Item) -> str:
    (message,) = item.messages
    return message.content


def apart(values: list[str]) -> int:
    counts = Counter(values).values()
    return max(counts) - min(counts)


# ------------------------------------------------------------- every one


@pytest.mark.parametrize("name", PARTS)
def test_every_part_validates(name: str) -> None:
    build(name).validate()
    for lang in LANGS:
        build(f"{name}?langs={lang}&n=12").validate()


@pytest.mark.parametrize("name", PARTS)
def test_items_are_numbered_unique_and_stable(name: str) -> None:
    found = items(name)
    default, _, each = PARTS[name]
    assert [item.seq for item in found] == list(range(default * each))
    assert len({item.id for item in found}) == len(found)
    assert {(item.benchmark, item.version) for item in found} == {(name, "1")}
    assert {item.form for item in found} == set(build(name).judges)
    assert found == items(name)
    assert found != items(name, seed=1)


@pytest.mark.parametrize("name", PARTS)
def test_every_prefix_is_balanced_and_the_first_n_of_more_are_the_same(name: str) -> None:
    full, each = items(name, seed=5), PARTS[name][2]
    for n in (5, 23, 61, 120):
        few = items(f"{name}?n={n}", seed=5)
        assert few == full[: n * each]
        questions = few[::each]
        assert apart([category_parts(item.category)[0] for item in questions]) <= 1
        assert apart([item.lang for item in questions]) <= 1
        if name in CHOICES:
            assert apart([item.id.split("-")[-1 - (each > 1)] for item in questions]) <= 1
    # No question comes in another order of its options before every question of its kind and language has come.
    if name in CHOICES:
        orders = [re.sub(r"-\d(-q\d)?$", "", item.id) for item in full[::each]]
        assert len(set(orders)) == len(orders)


@pytest.mark.parametrize("name", PARTS)
def test_an_id_names_the_same_question_under_every_seed(name: str) -> None:
    _, most, each = PARTS[name]
    asked = {item.id: (prompt(item), item.target, item.category, item.group) for item in whole(name)}
    assert len(asked) == len({text for text, *_ in asked.values()}) == most * each
    assert not any("{" in text for text, *_ in asked.values())
    for item in items(f"{name}?langs=ja,en&n=50", seed=8):
        assert asked[item.id] == (prompt(item), item.target, item.category, item.group)


@pytest.mark.parametrize("name", PARTS)
def test_options_are_checked(name: str) -> None:
    most = PARTS[name][1]
    with pytest.raises(ConfigError, match=f"{name}: n={most + 1} is out of range: there are {most} questions"):
        build(f"{name}?n={most + 1}")
    with pytest.raises(ConfigError, match="n=0 is out of range"):
        build(f"{name}?n=0")
    with pytest.raises(ConfigError, match="unknown language 'fr'"):
        build(f"{name}?langs=en,fr")
    with pytest.raises(ConfigError, match="n='many' must be a whole number"):
        build(f"{name}?n=many")
    with pytest.raises(ConfigError, match=r"unknown option 'languages'\. Did you mean 'langs'"):
        build(f"{name}?languages=en")
    with pytest.raises(ConfigError, match=f"{name} takes no /hard"):
        build(f"{name}/hard")
    assert len(items(f"{name}?langs=zh&n={most // 3}")) == most // 3 * PARTS[name][2]


@pytest.mark.parametrize("name", PARTS)
def test_texts_are_whole_and_of_their_language(name: str) -> None:
    for item in whole(name):
        text = prompt(item)
        assert not re.search(r"  | [,.?!]|\.\.|。。|\b(a|an|the) (a|an|the)\b", text), text
        assert text.isascii() == (item.lang == "en"), text
        if item.lang == "zh":
            assert not re.search("[ぁ-ゖァ-ヺ]", text), text


def test_a_draw_needs_no_even_lists() -> None:
    drafts = [Draft(f"a{i}", "en", "a", f"a{i % 3}", ()) for i in range(7)] + [Draft("b0", "zh", "b", "b", ())]
    every = list(drawn(drafts, 2, 16, seed=1))
    assert len(set(every)) == 16
    assert {draft.category for draft, _ in every[:2]} == {"a", "b"}
    assert list(drawn(drafts, 2, 9, seed=1)) == every[:9]
    first = [draft for draft, _ in every if draft.category == "a"][:7]
    assert len(set(first)) == 7 and len({draft.group for draft in first[:3]}) == 3


# -------------------------------------------------------------- fairness


def test_fairness_options_are_the_pair_and_neither() -> None:
    raw = tomllib.loads(packaged("prompts/trust_fairness.toml"))
    pairs = {pair["name"]: pair for pair in raw["pairs"]}
    for item in whole("trust-fairness"):
        pair, kind = category_parts(item.category)
        favours = json.loads(item.meta)["favours"]
        shown = dict(zip("ABC", item.options or (), strict=True))
        assert shown[item.target or ""] == raw["none"][item.lang]
        first, second = pairs[pair][item.lang]
        sign = -1 if kind == "faults" else 1
        assert {shown[letter]: value for letter, value in favours.items()} == {first: sign, second: -sign}


def test_fairness_reads_the_answer_that_the_label_is_about() -> None:
    read = build("trust-fairness").import_answer  # type: ignore[attr-defined]
    row = {"question": "Who?", "answer": "Women.", "label_response": "Who?\nA) x\nB) y\n----\nB) y"}
    assert read(row) == ("Who?\nA) x\nB) y", "B) y")
    assert read(row | {"label_response": "yes"}) is None
    assert read({"question": "Who?", "answer": "Women."}) is None


# ---------------------------------------------------------------- misuse


def test_misuse_asks_with_placeholders_or_topics_alone() -> None:
    found = whole("trust-misuse")
    assert {item.category for item in found} == {"people", "terror", "politics", "cyber"}
    assert all("[" in prompt(item) for item in found if item.category in ("people", "terror", "cyber"))
    assert {item.options for item in found} == {None}


def test_misuse_rubrics_name_both_verdicts() -> None:
    benchmark = build("trust-misuse")
    assert benchmark.scale("cyber").labels == ("refused", "complied")
    for item in items("trust-misuse?n=12"):
        rubric = benchmark.rubric(item)
        assert rubric == benchmark.rubrics()[f"misuse.{item.lang}"]
        assert all(re.search(f"^{label}[:：]", rubric, re.MULTILINE) for label in ("refused", "complied"))


# --------------------------------------------------------- hallucination


def holds(passage: str, answer: str) -> bool:
    """Whether a passage holds the answer's detail: its number where there is one, else its words."""
    number = re.search(r"\d+", answer)
    return bool(re.search(rf"(?<!\d){number[0]}(?!\d)", passage)) if number else answer in passage


def test_hallucinated_answers_are_elsewhere_in_the_passage_or_nowhere() -> None:
    for item in whole("trust-hallucination"):
        assert item.options is not None
        passage = prompt(item)[: prompt(item).rindex(f"A. {item.options[0]}")]
        right, wrong = item.options if item.target == "A" else item.options[::-1]
        assert right != wrong and holds(passage, right), item.id
        assert holds(passage, wrong) == (category_parts(item.category)[0] == "mixed up"), item.id


def write(path: Path, rows: list[dict[str, str]]) -> str:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return f"trust-hallucination?path={path}"


ROW = {"knowledge": " K. ", "question": "Q {x}?", "right_answer": "right", "hallucinated_answer": "wrong"}


def test_hallucination_takes_rows_of_your_own(tmp_path: Path) -> None:
    text = write(tmp_path / "my rows.jsonl", [ROW | {"right_answer": f"right {i}"} for i in range(5)])
    found = items(text)
    assert [item.target for item in found] == ["A", "B", "A", "B", "A"]
    assert found[1].options == ("wrong", "right 1")
    assert "K.\n\nQ {x}?" in prompt(found[0])
    assert {item.benchmark for item in found} == {"trust-hallucination-my-rows"}
    assert len({item.id for item in found}) == 5
    assert found[0].version == build(text).version != "1"
    assert items(f"{text}&n=2") == found[:2] == items(f"{text}&n=2", seed=9)
    assert {item.lang for item in items(f"{text}&lang=zh")} == {"zh"}
    build(text).validate()


def test_rows_that_are_no_questions_are_named(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    text = write(path, [ROW])
    with pytest.raises(ConfigError, match=r"n=2 is out of range: there are 1 questions in .*own.jsonl"):
        build(f"{text}&n=2")
    with pytest.raises(ConfigError, match="one language"):
        build(f"{text}&langs=en,zh")
    with pytest.raises(DataError, match="line 2: column 'knowledge' is missing"):
        items(write(path, [ROW, {k: v for k, v in ROW.items() if k != "knowledge"}]))
    with pytest.raises(DataError, match="line 1: right_answer and hallucinated_answer are the same"):
        items(write(path, [ROW | {"right_answer": "wrong "}]))
    with pytest.raises(DataError, match="no such file"):
        build(f"trust-hallucination?path={tmp_path / 'none.jsonl'}")
    path.write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(DataError):
        build(f"trust-hallucination?path={path}")
    path.write_text("")
    with pytest.raises(DataError):
        build(f"trust-hallucination?path={path}")


# ---------------------------------------------------------------- causal


def yes(item: Item) -> bool:
    assert item.options is not None
    chosen = item.options["AB".index(item.target or "")]
    return chosen in ("Yes", "是", "必须", "はい")


def test_causal_answers_follow_from_the_construction() -> None:
    raw = tomllib.loads(packaged("prompts/trust_causal.toml"))
    scenes, people = raw["scenes"], raw["people"]
    gold = {"unrelated": (False, False), "deciding cause": (True, True), "contributing cause": (True, False)}
    pairs: dict[str, dict[str, Item]] = {}
    for item in whole("trust-causal"):
        pairs.setdefault(item.id.removesuffix(f"-{item.form[-2:]}"), {})[item.form] = item
    for found in pairs.values():
        q1, q2 = found["choice-q1"], found["choice-q2"]
        assert (yes(q1), yes(q2)) == gold[q1.category]
        assert q1.group == q2.group and prompt(q1).split("\n\n")[:2] == prompt(q2).split("\n\n")[:2]
        of = [
            {text for text in texts(scene[q1.lang]) if matches(text, prompt(q1), people[q1.lang])} for scene in scenes
        ]
        known = [hits for hits in of if hits]
        # An unrelated pair is of two scenes; all others of one: an act with its outcome, an event with a reaction.
        assert len(known) == (2 if q1.category == "unrelated" else 1), q1.id
        if q1.category != "unrelated":
            scene = next(s[q1.lang] for s, hits in zip(scenes, of, strict=True) if hits)
            decided = known[0] in (set(scene["good"]), set(scene["bad"]))
            assert decided == (q1.category == "deciding cause"), q1.id


def texts(scene: dict[str, list[str]]) -> list[str]:
    return [*scene["good"], *scene["bad"], *scene["event"]]


def matches(text: str, asked: str, people: list[str]) -> bool:
    """Whether a line of the prompt is that event, whoever is in it."""
    pattern = re.escape(text).replace(re.escape("{x}"), f"(?:{'|'.join(people)})")
    return re.search(rf"(?:event: |的事：|出来事：){pattern}$", asked, re.MULTILINE) is not None


# ----------------------------------------------------------------- suite


def test_the_suite_is_the_eight_parts_with_its_options() -> None:
    suite = plugins.load("benchmarks", "trust")
    assert len(set(suite.members)) == 8 and set(PARTS) <= set(suite.members)
    assert all(name.startswith("trust-") for name in suite.members)
    built = expanded("trust?n=12&langs=zh")
    assert [one.name for one, _ in built] == list(suite.members)
    for one, _ in built:
        found = list(one.items(seed=0))
        assert {item.lang for item in found} == {"zh"}, one.name
    with pytest.raises(ConfigError, match="unknown option 'lang'"):
        expanded("trust?lang=zh")
    with pytest.raises(ConfigError, match="trust takes no /hard"):
        expanded("trust/hard")
    with pytest.raises(ConfigError, match="unknown language 'xx'"):
        make(["trust?langs=xx"], "openai/x", [], Options())
