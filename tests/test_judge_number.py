"""The judge `number`: which number a reply gives as its answer, and when that cannot be said."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honne import plugins
from honne.judges._number import gold, read_number, same
from honne.records import Judgment, Response, now
from honne.spec import parse
from metrics_parts import item

CORPUS = [json.loads(line) for line in (Path(__file__).parent / "corpus" / "number.jsonl").open(encoding="utf-8")]


@pytest.mark.parametrize("case", CORPUS, ids=lambda c: c["id"])
def test_the_corpus(case: dict[str, object]) -> None:
    found = read_number(str(case["reply"]))
    wanted = None if case["value"] is None else Fraction(str(case["value"]))
    assert found.value == wanted, found.why
    assert wanted is None or found.percent is case.get("percent", False)


def test_the_corpus_is_broad() -> None:
    langs = Counter(case["lang"] for case in CORPUS)
    assert len(CORPUS) >= 150 and set(langs) == {"en", "zh", "ja"}
    assert len({(case["lang"], case["reply"]) for case in CORPUS}) == len(CORPUS)
    assert sum(case["value"] is None for case in CORPUS) >= 60


@given(
    st.integers(-(10**12), 10**12),
    st.sampled_from(["{}", "#### {}", "The answer is {}.", "答案是{}。", "答えは{}です。"]),
)
@settings(max_examples=200, deadline=None)
def test_a_stated_number_is_read_as_it_is(n: int, form: str) -> None:
    for text in (form.format(n), form.format(f"{n:,}"), form.format(f"{n}.0")):
        assert read_number(text).value == n


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_not_but_never_fails(text: str) -> None:
    found = read_number(text)
    assert found.why
    assert read_number(text + " ").value == found.value


def test_a_cut_off_reply_counts_only_where_it_is_marked() -> None:
    assert read_number("3 + 4 = 7", complete=False).value is None
    assert read_number("So it is 7.\n#### 7", complete=False).value == 7


def test_percentages_are_the_number_or_its_hundredth() -> None:
    assert same(read_number("25%"), Fraction(25)) and same(read_number("25%"), Fraction(1, 4))
    assert not same(read_number("0.25"), Fraction(25)) and not same(read_number("25"), Fraction(1, 4))
    assert not same(read_number("5 or 6"), Fraction(5))


def test_gold_is_a_plain_number_or_none() -> None:
    assert gold("2,125") == 2125 and gold("-10") == -10 and gold("3/4") == Fraction(3, 4)
    assert gold("18 eggs") is None and gold("") is None


LONG = ["1,", "1/", "1 ", "1 1/", "1:", "1.", "-", "=", "**", "<<", "{", "\\boxed{", "\\frac{", "the answer is ", "~~a"]
LONG += ["answer to 1 ", "no answer to ", "第", "Question 1:\n", "²½", "\ufdfa", "minus ", "(1) ", "$", "9", "\u202f1"]


@pytest.mark.parametrize("text", LONG)
def test_a_megabyte_is_read_in_no_time(text: str) -> None:
    long = text * (1_000_000 // len(text))
    started = time.thread_time()
    read_number(long)
    read_number(long + "\n#### 42")
    # A tenth of a second each where nothing else runs; the machine of a test may be busy.
    assert time.thread_time() - started < 1.0


def test_the_end_of_a_long_answer_counts() -> None:
    working = "".join(f"step {i}: {i} + 1 = {i + 1}\n" for i in range(40_000))
    assert read_number(working + "#### 42").value == 42


def judged(target: str | None, text: str | None, status: str = "ok") -> Judgment:
    judge = plugins.load("judges", "number")(parse("number"), None)
    of = item("i", target=target)
    found: Judgment = judge.parse(of, Response(item_id="i", model="m", text=text, status=status, at=now()), None)
    return found


def test_judgments() -> None:
    right, wrong = judged("18", "#### 18"), judged("18", "#### 19")
    assert (right.status, right.label, right.score, right.raw) == ("scored", "right", 1.0, "18")
    assert (wrong.label, wrong.score) == ("wrong", 0.0)
    assert judged("18", "18 or 19").status == "unparsed"
    assert judged("18", None, "filtered").status == judged("18", "", "truncated").status == "skipped"
    assert judged("18", "3 + 15 = 18", "truncated").status == "unparsed"
    assert judged("many", "18").status == judged(None, "18").status == "error"


def test_published_solutions_are_read_as_their_authors_read_them(honne_data: Path) -> None:
    file = honne_data / "gsm8k" / "example_model_solutions.jsonl.gz"
    rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    unread = 0
    for model in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
        for row in rows:
            wanted = gold(row["ground_truth"].rpartition("A: ")[2])
            assert wanted is not None
            found = read_number(row[model]["solution"])
            unread += found.value is None
            assert same(found, wanted) == row[model]["is_correct"], row[model]["solution"]
    assert unread < 20


def test_shuffled_working_never_raises() -> None:
    parts = [
        "3",
        "+",
        "=",
        "$",
        "answer is",
        "####",
        "答案是",
        "7/8",
        "%",
        "\\boxed{",
        "}",
        "or",
        "-",
        ",",
        ".",
        "\n",
        "½",
    ]
    draw = random.Random(0)
    for _ in range(3000):
        read_number(" ".join(draw.choices(parts, k=draw.randrange(1, 25))))
