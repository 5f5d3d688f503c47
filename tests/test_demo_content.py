"""The demo's content: complete, balanced in style, and read by honne's own judges as its authors meant it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honne import plugins
from honne.benchmarks._base import Base
from honne.benchmarks._text import packaged
from honne.benchmarks.demo import Demo
from honne.demo import MODELS, files
from honne.metrics.fine_style import opens_like_refusal
from honne.plugins import Measure, Reply, Row, View
from honne.records import Item, Judgment, Response, category_parts, now
from honne.spec import Spec, parse

LANGS = ("en", "zh", "ja")
PARTS = {
    "Fairness": {"Bias and discrimination", "Toxic language"},
    "Safety": {"Non-anthropomorphism", "Physical harm", "Property safety", "Mental harm"},
    "Morality": {"Chinese values", "Disobey social norm", "Non-environmental friendly"},
    "Legality": {"Law violation"},
    "Data protection": {"Personal data", "Sensitive information"},
}
WITHHELD = {"kagami": "filtered", "omote": "refused_by_provider"}
FILES = files()
EXPECTED: dict[str, Any] = json.loads(FILES.expected.read_text(encoding="utf-8"))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


QUESTIONS = [json.loads(line) for line in packaged("prompts/demo.jsonl").splitlines()]
ANSWERS = {model: {r["id"]: r for r in lines(FILES.answers(model))} for model in MODELS}
JUDGED = {model: {r["id"]: r for r in lines(FILES.judge(model))} for model in MODELS}
DEMO = Demo(parse("demo"))
ITEMS = {item.id: item for item in DEMO.items(seed=0)}


def response(model: str, item: Item) -> Response:
    record = ANSWERS[model][item.id]
    return Response(
        item_id=item.id, model=model, text=record["text"], status=record.get("status", "ok"), attempts=1, at=now()
    )


def choice_judgments(model: str) -> Iterator[tuple[Item, Judgment]]:
    judge = plugins.load("judges", "choice")(Spec("choice", ""), DEMO)
    for item in ITEMS.values():
        if item.form != "open":
            yield item, judge.parse(item, response(model, item), None)


def open_judgments(model: str) -> Iterator[tuple[Item, Judgment]]:
    judge = plugins.load("judges", "llm")(parse(f"llm/replay/{FILES.judge(model)}"), DEMO)
    for item in ITEMS.values():
        if item.form == "open":
            recorded = JUDGED[model].get(item.id)
            reply = Reply(text=recorded["text"]) if recorded else None
            yield item, judge.parse(item, response(model, item), reply)


# ------------------------------------------------------------------ questions


def test_five_questions_of_every_dimension_in_every_language() -> None:
    found = Counter((q["lang"], category_parts(q["category"])[0]) for q in QUESTIONS)
    assert found == {(lang, dimension): 5 for lang in LANGS for dimension in PARTS}
    parts = {category_parts(q["category"]) for q in QUESTIONS}
    assert parts == {(dimension, part) for dimension, names in PARTS.items() for part in names}
    assert {q["lang"] for q in QUESTIONS if q["category"].endswith("Chinese values")} == {"zh"}


def test_questions_are_written_in_their_language_and_none_twice() -> None:
    kana, han = re.compile("[ぁ-ヿ]"), re.compile("[一-鿿]")
    for q in QUESTIONS:
        assert set(q) == {"id", "lang", "category", "question", "positive", "negative"}
        assert q["id"].startswith(q["lang"] + "-")
        for text in (q["question"], q["positive"], q["negative"]):
            assert text == text.strip() and len(text) >= 10
            script = "ja" if kana.search(text) else "zh" if han.search(text) else "en"
            assert script == q["lang"], text
    texts = [q[field] for q in QUESTIONS for field in ("id", "question", "positive", "negative")]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("lang", LANGS)
def test_length_does_not_give_the_positive_answer_away(lang: str) -> None:
    mine = [q for q in QUESTIONS if q["lang"] == lang]
    shorter = sum(len(q["positive"]) < len(q["negative"]) for q in mine)
    fewer_words = sum(len(q["positive"].split()) < len(q["negative"].split()) for q in mine)
    assert 10 <= shorter <= 15
    assert lang != "en" or 10 <= fewer_words <= 15


def test_refusal_style_does_not_give_the_positive_answer_away() -> None:
    good = sum(opens_like_refusal(q["positive"]) for q in QUESTIONS)
    bad = sum(opens_like_refusal(q["negative"]) for q in QUESTIONS)
    assert 5 <= good <= len(QUESTIONS) // 3
    assert abs(good - bad) <= 5


# -------------------------------------------------------------------- answers


@pytest.mark.parametrize("model", MODELS)
def test_every_item_has_one_answer_and_every_answered_open_item_a_judge_reply(model: str) -> None:
    assert list(ANSWERS[model]) == list(ITEMS)
    assert len(lines(FILES.answers(model))) == len(ITEMS)
    withheld = {i: r["status"] for i, r in ANSWERS[model].items() if "status" in r}
    assert list(withheld.values()) == [WITHHELD[model]]
    assert {ITEMS[i].form for i in withheld} == {"open"}
    assert list(JUDGED[model]) == [i for i, item in ITEMS.items() if item.form == "open" and i not in withheld]


def test_no_answer_is_copied_from_an_option_or_from_the_other_model() -> None:
    texts = [r["text"] for model in MODELS for i, r in ANSWERS[model].items() if ITEMS[i].form == "open" and r["text"]]
    assert len(set(texts)) == len(texts) == 148
    options = {q[side] for q in QUESTIONS for side in ("positive", "negative")}
    assert not options & set(texts)
    for text in texts:
        assert 2 <= len(re.findall(r"[.!?。！？]+[\"”」]?(?=\s|$)|[。！？]", text)) <= 7, text


@pytest.mark.parametrize("model", MODELS)
def test_the_accounting_has_something_to_show(model: str) -> None:
    empty = [i for i, r in ANSWERS[model].items() if r["text"] == ""]
    assert len(empty) == 1
    readings = Counter(r["intended"] for i, r in ANSWERS[model].items() if ITEMS[i].form != "open")
    assert 1 <= readings["unparsed"] <= 3 and 1 <= readings["refused"] <= 2
    assert readings["both"] + readings["neither"] >= 1
    assert Counter(r["intended"] for r in JUDGED[model].values())["unparsed"] == 1
    assert sum(r["text"].startswith("```") for r in JUDGED[model].values()) == 3


# ------------------------------------------------------- the readings of honne


@pytest.mark.parametrize("model", MODELS)
def test_choice_replies_are_read_as_intended(model: str) -> None:
    wrong = []
    for item, judgment in choice_judgments(model):
        intended = ANSWERS[model][item.id]["intended"]
        if judgment.status != "scored":
            read = judgment.status
        else:
            read = judgment.choice or judgment.label or ""
            assert judgment.refused is True or intended != "refused"
        if read != intended:
            wrong.append(f"{item.id}: {read!r}, not {intended!r}: {ANSWERS[model][item.id]['text']!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("model", MODELS)
def test_judge_replies_are_read_as_intended(model: str) -> None:
    for item, judgment in open_judgments(model):
        recorded = JUDGED[model].get(item.id)
        if recorded is None:
            assert judgment.status == "skipped"
        elif recorded["intended"] == "unparsed":
            assert judgment.status == "unparsed"
        else:
            assert (judgment.status, judgment.label) == ("scored", recorded["intended"]), item.id
            assert judgment.rationale and len(judgment.rationale) >= 8
            # The recorded judge tells the truth about the answer.
            assert recorded["intended"] == ANSWERS[model][item.id]["intended"]


@pytest.mark.parametrize("model", MODELS)
def test_expected_results_follow_from_the_intended_readings(model: str) -> None:
    table = dict.fromkeys(("safe_right", "safe_wrong", "unsafe_right", "unsafe_wrong", "missing"), 0)
    for q in QUESTIONS:
        verdict = JUDGED[model].get(f"demo-{q['id']}-open", {"intended": "missing"})["intended"]
        chosen = [ANSWERS[model][f"demo-{q['id']}-{form}"]["intended"] for form in ("choice", "choice-swapped")]
        if verdict not in ("safe", "unsafe") or "unparsed" in chosen:
            table["missing"] += 1
        else:
            table[f"{verdict}_{'right' if chosen == ['A', 'B'] else 'wrong'}"] += 1
    assert table == EXPECTED[model]["table"]


@pytest.mark.parametrize("model", MODELS)
def test_the_metrics_give_the_expected_results(model: str) -> None:
    judged = {item.id: judgment for item, judgment in (*open_judgments(model), *choice_judgments(model))}
    rows = [Row(item, 0, response(model, item), judged[item.id]) for item in ITEMS.values()]
    found = {}
    for name in ("fine", "safe_rate"):
        for measure in plugins.load("metrics", name)(View(rows, "llm")):
            assert isinstance(measure, Measure)
            known = [unit.value for unit in measure.units if unit.value is not None]
            found[measure.metric] = [sum(known), len(known)]
            if measure.headline:  # a headline is withheld below nine in ten
                assert len(known) >= 0.9 * len(measure.units)
    want = EXPECTED[model]
    assert {name: found[name] for name in ("cs", "css", "open_rate", "choice_rate")} == {
        name: want[name] for name in ("cs", "css", "open_rate", "choice_rate")
    }
    assert found["safe_rate"] == want["open_rate"]


def test_only_the_choices_separate_the_two_models() -> None:
    def rate(model: str, name: str) -> float:
        good, n = EXPECTED[model][name]
        return float(good / n)

    assert abs(rate("kagami", "open_rate") - rate("omote", "open_rate")) < 0.03
    assert rate("kagami", "choice_rate") > 0.9 > 0.5 > rate("omote", "choice_rate")
    assert rate("kagami", "css") - rate("omote", "css") > 0.4
    # Not a caricature: kagami misses some, omote gets some right, in every language.
    for lang in LANGS:
        mine = [q["id"] for q in QUESTIONS if q["lang"] == lang]
        for model, most in (("kagami", True), ("omote", False)):
            right = sum(
                ANSWERS[model][f"demo-{i}-choice"]["intended"] == "A"
                and ANSWERS[model][f"demo-{i}-choice-swapped"]["intended"] == "B"
                for i in mine
            )
            assert 20 <= right <= 24 if most else 8 <= right <= 12


# ------------------------------------------------------------------ benchmark


def test_the_benchmark_is_whole() -> None:
    assert plugins.load("benchmarks", "demo") is Demo
    DEMO.validate()
    assert len(ITEMS) == 225 and [item.seq for item in ITEMS.values()] == list(range(225))
    assert isinstance(DEMO, Base) and DEMO.sources == ()
    rubrics = set()
    for item in ITEMS.values():
        assert len(category_parts(item.category)) == 2
        rubric = DEMO.rubric(item)
        assert rubric and "safe" in rubric and rubric in DEMO.rubrics().values()
        rubrics.add((item.lang, rubric))
    assert len(rubrics) == 3
