"""Calibration: what is stated, what the tokens say, what happens; from the parser to the numbers and the plot."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from honne import plugins
from honne.judges._confidence import read_confidence
from honne.metrics._tokens import option_probabilities
from honne.plugins import Measure, Row, View
from honne.records import Estimate, Item, Response, now
from honne.report._reliability import reliability
from honne.spec import parse
from honne.stats.calibration import (
    deviation,
    deviation_limits,
    ece,
    ece_limits,
    equal_mass,
    equal_width,
    wasserstein,
    wasserstein_limits,
)
from metrics_parts import item
from run_parts import honne, ok, rows

OPTIONS = ("women", "men", "it cannot be said")
GOOD = {"A": 0.1, "B": 0.8, "C": 0.1}

# ------------------------------------------------------------- the reader


@pytest.mark.parametrize(
    "reply",
    [
        "Answer: B\nA: 10%\nB: 80%\nC: 10%",
        "answer: B\nC: 10%\nA: 10%\nB: 80%",
        "ANS: B, A: 10%, B: 80%, C: 10%",
        "Answer: B\nA: 0.1\nB: 0.8\nC: 0.1",
        "Answer: B\nA: .1\nB: .8\nC: .1",
        "Answer: B\nA: 10\nB: 80\nC: 10",
        "B\nA: 10%, B: 80%, C: 10%",
        "**Answer:** **B**\n- **A**: 10%\n- **B**: 80%\n- **C**: 10%",
        "Answer: [B]\nA = 10 %\nB = 80 %\nC = 10 %",
        "答案：Ｂ\nＡ：１０％\nＢ：８０％\nＣ：１０％",
        "答案是B。\nA：百分之10，B：百分之80，C：百分之10",
        "答え：B\nA：10%\nB：80%\nC：10%",
        '{"answer": "B", "A": 0.1, "B": 0.8, "C": 0.1}',
        "Answer: B (men)\nA) women: 10%\nB) men: 80%\nC) it cannot be said: 10%",
        "<think>Answer: A, A: 100%</think>\nAnswer: B\nA: 10%\nB: 80%\nC: 10%",
        "Answer: B\nA: 10 percent\nB: 80 percent\nC: 10 percent",
    ],
)
def test_forms_that_are_read(reply: str) -> None:
    found = read_confidence(reply, "ABC", OPTIONS)
    assert found.why is None and found.choice == "B"
    assert dict(found.shares) == pytest.approx(GOOD)
    assert reply[found.at] in "BＢ"


def test_shares_that_nearly_add_up_are_rescaled() -> None:
    found = read_confidence("Answer: A\nA: 60%\nB: 30%\nC: 8%", "ABC")
    assert found.total == pytest.approx(0.98) and sum(found.shares.values()) == pytest.approx(1)
    assert found.shares["A"] == pytest.approx(60 / 98)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I would rather not say.",
        "A: 10%\nB: 80%\nC: 10%",
        "Answer: B",
        "Answer: B\nA: 10%\nB: 80%",
        "Answer: B\nA: 10%\nB: 50%\nC: 10%",
        "Answer: B\nA: 60%\nB: 60%\nC: 60%",
        "Answer: B\nA: 0.1%\nB: 0.8%\nC: 0.1%",
        "Answer: D\nA: 10%\nB: 80%\nC: 10%",
        "Answer: B\nA: 10%\nB: 80%\nC: 10%\nD: 0%",
        "Answer: A or B\nA: 45%\nB: 45%\nC: 10%",
        "Answer: A\nAnswer: B\nA: 45%\nB: 45%\nC: 10%",
        "Answer: B\nA: 10%\nB: 80%\nC: 10%\nB: 70%",
        "Answer: B\nA: -10%\nB: 100%\nC: 10%",
        "Answer: B\nA: 10%\nB: 180%\nC: 10%",
        "The answer is a guess.\nA: 10%\nB: 80%\nC: 10%",
        "Answer: [letter]\nA: [number]%\nB: [number]%\nC: [number]%",
        "Answer: B\nA: ten\nB: eighty\nC: ten",
    ],
)
def test_what_would_be_a_guess_is_not_read(reply: str) -> None:
    found = read_confidence(reply, "ABC", OPTIONS)
    assert found.choice is None and not found.shares and found.why


@pytest.mark.parametrize(
    "text", ["A: 10% ", "Answer ", "A", "A ", "答案", "\n", "A:(((", "women", "Answer: A\n", "Ａ："]
)
def test_a_megabyte_is_read_in_no_time(text: str) -> None:
    started = time.process_time()
    read_confidence(text * (1_000_000 // len(text)), "ABC", OPTIONS)
    assert time.process_time() - started < 0.5


@given(st.text(alphabet="ABC答案Answer:：% 0123456789.\n百分之", max_size=80))
@settings(max_examples=300, deadline=None)
def test_what_is_read_is_a_distribution(text: str) -> None:
    found = read_confidence(text, "ABC")
    if found.why is None:
        assert found.choice in tuple("ABC") and text[found.at] == found.choice
        assert sum(found.shares.values()) == pytest.approx(1) and min(found.shares.values()) >= 0


# ---------------------------------------------------- token probabilities


def chat(tokens: list[tuple[str, float, dict[str, float]]]) -> str:
    content = [
        {"token": t, "logprob": lp, "top_logprobs": [{"token": k, "logprob": v} for k, v in top.items()]}
        for t, lp, top in tokens
    ]
    return json.dumps({"content": content})


TOP = {" B": math.log(0.6), " A": math.log(0.2), "C": math.log(0.1), " b": math.log(0.05)}


def test_probabilities_at_the_answer_letter_in_both_formats() -> None:
    text = "Answer: B\nA: 10%"
    tokens = [("Answer", -0.1, {}), (":", -0.1, {}), (" B", math.log(0.6), TOP), ("\nA: 10%", -0.1, {})]
    wanted = {"A": 0.2 / 0.9, "B": 0.6 / 0.9, "C": 0.1 / 0.9}
    assert option_probabilities(chat(tokens), text, 8, "ABC") == pytest.approx(wanted)
    legacy = {
        "tokens": [t for t, _, _ in tokens],
        "token_logprobs": [None, *(lp for _, lp, _ in tokens[1:])],
        "top_logprobs": [None, *(top for _, _, top in tokens[1:])],
    }
    assert option_probabilities(json.dumps(legacy), text, 8, "ABC") == pytest.approx(wanted)
    thought = [("<think>Answer: A</think>", -0.1, {}), *tokens]
    assert option_probabilities(chat(thought), text, 8, "ABC") == pytest.approx(wanted)


def test_probabilities_are_missing_rather_than_guessed() -> None:
    def found(top: dict[str, float], own: float = math.log(0.6), text: str = "B", token: str = "B") -> Any:
        return option_probabilities(chat([(token, own, top)]), text, 0, "ABC")

    assert found({"B": math.log(0.6), "A": math.log(0.3)}) is None, "C may have a tenth"
    assert found({"B": math.log(0.6), "A": math.log(0.38)}) == pytest.approx(
        {"A": 0.38 / 0.98, "B": 0.6 / 0.98, "C": 0}
    )
    assert found({}, own=math.log(0.99)) == {"A": 0, "B": 1, "C": 0}
    assert found({}) is None
    assert found({"B": -0.1}, text="another text") is None
    assert found({"B": -0.1}, token="Because", text="Because") is None
    broken = [
        "",
        "null",
        "[]",
        "{}",
        '{"content": 3}',
        '{"content": [{}]}',
        '{"content": [{"token": "B", "logprob": "x"}]}',
    ]
    broken += ['{"content": [{"token": "B", "logprob": 5}]}', "[" * 100_000, '{"tokens": ["B"], "token_logprobs": []}']
    broken += ['{"content": [{"token": 5, "logprob": -1}]}', '{"tokens": "B", "token_logprobs": 3}']
    assert [option_probabilities(text, "B", 0, "ABC") for text in broken] == [None] * len(broken)


# ------------------------------------------------------------- statistics

X, ONE = np.array([0.05, 0.1, 0.15, 0.95, 1.0, 0.0]), np.ones(6)


def test_bins() -> None:
    assert equal_width(X).tolist() == [0, 0, 1, 9, 9, 0]
    assert equal_width(np.array([0.1 + 0.2, 0.7, 0.70001])).tolist() == [2, 6, 7]
    assert len(set(equal_mass(np.linspace(0, 1, 100)).tolist())) == 10
    assert len(set(equal_mass(np.repeat(0.8, 50)).tolist())) == 1


def test_ece_by_hand() -> None:
    confidence, right = np.array([0.9, 0.9, 0.6, 0.6]), np.array([1.0, 0.0, 1.0, 1.0])
    # bins of 2: |0.9 - 0.5| and |0.6 - 1.0|, half of the answers each
    assert ece(confidence, right, equal_width(confidence)) == pytest.approx(0.4)
    assert ece(confidence, confidence, equal_width(confidence)) == pytest.approx(0)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30))
@settings(max_examples=50, deadline=None)
def test_wasserstein_is_scipys(found: list[tuple[float, float]]) -> None:
    x, y = (np.array([row[i] for row in found], dtype=np.float64) for i in range(2))
    assert wasserstein(x, y) == pytest.approx(wasserstein_distance(x, y), abs=1e-9)
    assert deviation(x) == pytest.approx(float(np.std(x)), abs=1e-12)
    for limits, value in (
        (wasserstein_limits(x, y, np.arange(len(x)), draws=50), wasserstein(x, y)),
        (deviation_limits(x, np.arange(len(x))), deviation(x)),
        (ece_limits(x, np.round(y), equal_width(x), np.arange(len(x))), ece(x, np.round(y), equal_width(x))),
    ):
        assert limits is not None and 0 <= limits[0] <= value + 1e-9 and value - 1e-9 <= limits[1] <= 1
        assert limits[1] > limits[0], "no interval has zero width"


STATED = np.array([0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
OFTEN = np.array([0.05, 0.1, 0.1, 0.15, 0.2, 0.2, 0.1, 0.1])
RIGHT = {
    "calibrated": np.minimum(STATED, 0.99),
    "overconfident": np.clip(STATED - 0.25, 0, 1),
    "a little": np.clip(STATED - 0.05, 0, 1),
    "nearly always right": np.full(8, 0.97),
    "blind": np.full(8, 0.6),
}


@pytest.mark.parametrize(("questions", "samples"), [(20, 1), (100, 1), (400, 1), (24, 15)])
@pytest.mark.parametrize("kind", RIGHT)
def test_the_interval_of_the_calibration_error_covers(kind: str, questions: int, samples: int) -> None:
    """A percentile bootstrap covers in 0 to 2 % of the samples of a calibrated model; see the next test."""
    rng = np.random.default_rng(3)
    truth = np.abs(np.bincount(equal_width(STATED), weights=OFTEN * (RIGHT[kind] - STATED))).sum()
    clusters = np.repeat(np.arange(questions), samples)
    covered = []
    for _ in range(250):
        drawn = rng.choice(8, size=(questions, samples), p=OFTEN)
        # Nine in ten questions are easy or hard for all samples alike.
        luck = np.where(rng.random((questions, 1)) < 0.9, rng.random((questions, 1)), rng.random(drawn.shape))
        right, stated = (luck < RIGHT[kind][drawn]).astype(float).ravel(), STATED[drawn].ravel()
        low, high = ece_limits(stated, right, equal_width(stated), clusters)
        covered.append(low <= truth + 1e-9 and truth <= high)
    assert np.mean(covered) >= 0.92  # 0.93 less what 250 draws leave open


def test_what_is_calibrated_is_not_shown_to_be_off() -> None:
    rng = np.random.default_rng(1)
    stated = rng.choice(STATED, 300, p=OFTEN)
    right = (rng.random(300) < stated).astype(float)
    low, high = ece_limits(stated, right, equal_width(stated), np.arange(300))
    assert low == 0 and ece(stated, right, equal_width(stated)) > 0.01 and high < 0.2
    low, high = ece_limits(stated, 1 - right, equal_width(stated), np.arange(300))
    assert low > 0.3, "and what is far off is"


@pytest.mark.parametrize("questions", [20, 60])
@pytest.mark.parametrize("noise", [0.0, 0.1, 0.4])
def test_the_intervals_of_two_distributions_cover(questions: int, noise: float) -> None:
    rng = np.random.default_rng(8)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.beta(2, 2, (n, 2))
        y = rng.beta(2, 2, (n, 2)) if noise == 0 else np.clip(x + np.abs(rng.normal(0, noise, (n, 2))), 0, 1)
        return x.ravel(), y.ravel()

    x, y = draw(50_000)
    distance, spread, covered = wasserstein(x, y), deviation(np.abs(x - y)), []
    if noise == 0:
        distance = 0.0
    for _ in range(150):
        x, y = draw(questions)
        clusters = np.repeat(np.arange(questions), 2)
        both = wasserstein_limits(x, y, clusters, draws=150), deviation_limits(np.abs(x - y), clusters)
        covered.append([a[0] <= t <= a[1] for a, t in zip(both, (distance, spread), strict=True) if a is not None])
    assert np.mean(covered, axis=0).min() >= 0.91  # 0.93 less what 150 draws leave open


def test_too_few_groups_have_no_interval() -> None:
    one = np.zeros(5, dtype=np.int64)
    assert wasserstein_limits(np.ones(5), np.zeros(5), one) is None and deviation_limits(np.ones(5), one) is None


# ------------------------------------------------------------- the metric


def view(answers: list[tuple[str, str | None, str | None]], samples: int = 1) -> View:
    """Rows of (reply, target, logprobs), `samples` in a row of one question, read by the real judge."""
    judge = plugins.load("judges", "confidence")(parse("confidence"), None)
    out = []
    for n, (reply, target, logprobs) in enumerate(answers):
        of = item(f"q{n // samples}", "facts", form="confidence", options=OPTIONS, target=target)
        said = Response(
            item_id=of.id, model="m", sample=n % samples, text=reply, status="ok", logprobs=logprobs, at=now()
        )
        out.append(Row(of, n % samples, said, judge.parse(of, said, None)))
    return View(out, "confidence@1")


def reply(letter: str, *shares: int) -> str:
    return f"Answer: {letter}\n" + "\n".join(f"{x}: {share}%" for x, share in zip("ABC", shares, strict=True))


def found(of: View) -> tuple[dict[str, Measure], dict[tuple[str, str], Estimate]]:
    every = list(plugins.load("metrics", "calibration")(of))
    return (
        {m.metric: m for m in every if isinstance(m, Measure)},
        {(e.metric, e.slice): e for e in every if isinstance(e, Estimate)},
    )


def mean(measure: Measure) -> float:
    values = [u.value for u in measure.units if u.value is not None]
    return sum(values) / len(values)


def test_truth() -> None:
    answers = [(reply("A", 80, 10, 10), "A", None)] * 3 + [(reply("A", 80, 10, 10), "B", None), ("hm", "A", None)]
    measures, estimates = found(view(answers))
    assert mean(measures["accuracy"]) == 0.75 and mean(measures["confidence"]) == pytest.approx(0.8)
    assert mean(measures["overconfidence"]) == pytest.approx(0.05)
    right, wrong = 0.2**2 + 2 * 0.1**2, 0.8**2 + 0.9**2 + 0.1**2
    assert mean(measures["brier"]) == pytest.approx((3 * right + wrong) / 4)
    whole = estimates["ece", "all"]
    assert whole.value == pytest.approx(0.05) and (whole.n, whole.n_missing) == (5, 1)
    assert whole.low is not None and whole.high is not None and whole.low <= whole.value <= whole.high
    assert whole.withheld, "one of five could not be read"
    assert estimates["reliability", "0.7-0.8"].value == 0.75 and estimates["reliability", "0.7-0.8"].n == 4
    assert estimates["reliability_confidence", "0.7-0.8"].value == pytest.approx(0.8)
    assert mean(measures["unparsed_share"]) == 0.2
    assert "verbal_token_gap" not in measures and "verbal_frequency_gap" not in measures


def test_token_probabilities_against_the_stated() -> None:
    top = {" A": math.log(0.5), " B": math.log(0.3), " C": math.log(0.2)}
    text = reply("A", 80, 10, 10)
    logprobs = chat([("Answer:", -0.1, {}), (" A", math.log(0.5), top), (text[9:], -0.1, {})])
    measures, estimates = found(view([(text, None, logprobs), (text, None, None)]))
    gap = measures["verbal_token_gap"]
    assert [u.value for u in gap.units] == [pytest.approx((0.3 + 0.2 + 0.1) / 3), None]
    assert estimates["verbal_token_gap_sd", "all"].value == pytest.approx(float(np.std([0.3, 0.2, 0.1])))
    assert estimates["verbal_token_wasserstein", "all"].value == pytest.approx((0.1 + 0.2 + 0.3) / 3)
    assert estimates["verbal_token_wasserstein", "all"].n_missing == 1
    assert "accuracy" not in measures, "no question has a known answer"


def test_frequencies_need_samples_that_were_read() -> None:
    sure = reply("A", 90, 10, 0)
    four = [(sure, "A", None)] * 3 + [(reply("B", 10, 90, 0), "A", None)]
    measures, _ = found(view(four + [(sure, "A", None)] * 3 + [("hm", "A", None)], samples=4))
    first, second = measures["verbal_frequency_gap"].units
    # stated on average A 0.7, B 0.3; chosen A 3 of 4 times
    assert first.value == pytest.approx((0.05 + 0.05 + 0) / 3) and first.id == "q0"
    assert second.value is None, "one of four was not read"
    single, _ = found(view(four[:1]))
    assert "verbal_frequency_gap" not in single


def test_damaged_judgments_are_missing() -> None:
    of = view([(reply("A", 80, 10, 10), "A", None)] * 6)
    damaged = [
        "{",
        "[]",
        '{"stated": 3}',
        '{"stated": {"A": 9}, "at": 0}',
        '{"stated": {"B": 1.0}, "at": 0}',
        "[" * 99_999,
    ]
    rows_ = [
        row._replace(judgment=msgspec.structs.replace(row.judgment, raw=raw))  # type: ignore[type-var]
        for row, raw in zip(of.rows, damaged, strict=True)
    ]
    measures, _ = found(View(rows_, of.judge))
    assert all(u.value is None for u in measures["accuracy"].units)


def test_the_plot_shows_every_bin_once() -> None:
    answers = [
        (reply("A", 80, 10, 10), "A", None),
        (reply("A", 60, 20, 20), "B", None),
        (reply("A", 60, 20, 20), "A", None),
    ]
    _, estimates = found(view(answers))
    svg = reliability(estimates.values())
    assert svg is not None and svg.count("<circle") == 2 and "style=" not in svg and "stated 80%" in svg
    assert reliability([]) is None


# ---------------------------------------------------------- the benchmark


def items(text: str = "trust-calibration", seed: int = 0) -> list[Item]:
    return list(plugins.load("benchmarks", "trust-calibration")(parse(text)).items(seed=seed))


def test_questions_are_balanced_prefix_stable_and_named_without_the_seed() -> None:
    plugins.load("benchmarks", "trust-calibration")(parse("trust-calibration")).validate()
    whole, part = items(), items("trust-calibration?n=30")
    assert [i.id for i in whole[:30]] == [i.id for i in part]
    assert {i.id: i.messages for i in whole} == {i.id: i.messages for i in items(seed=7)}
    assert [i.id for i in whole] != [i.id for i in items(seed=7)]
    assert {i.lang for i in part} == {"en", "zh", "ja"} and {i.category for i in part} == {"facts", "stereotype"}
    assert all((i.target is not None) == (i.category == "facts") for i in whole)
    right = {i.group: i.options[ord(i.target) - 65] for i in whole if i.lang == "en" and i.options and i.target}
    assert "Mercury" in right.values() and "Canberra" in right.values() and len(right) == 24


class Sure(BaseHTTPRequestHandler):
    """A model that always says A with 70 %, and whose tokens say 50 %, over real HTTP."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = asked["messages"][-1]["content"]
        letters = "ABCD" if "\nD. " in prompt else "ABC"
        rest = 30 / (len(letters) - 1)
        text = "Answer: A\n" + "\n".join(f"{x}: {70 if x == 'A' else rest:g}%" for x in letters)
        top = [{"token": f" {x}", "logprob": math.log(0.5 if x == "A" else 0.5 / (len(letters) - 1))} for x in letters]
        tokens = [{"token": "Answer:", "logprob": 0.0, "top_logprobs": []}]
        tokens += [{"token": " A", "logprob": math.log(0.5), "top_logprobs": top}]
        tokens += [{"token": text[9:], "logprob": 0.0, "top_logprobs": []}]
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        choice |= {"logprobs": {"content": tokens}} if asked.get("logprobs") else {}
        body = json.dumps({"model": "sure", "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sure)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


def test_from_the_server_to_the_report(address: str, tmp_path: Path) -> None:
    model = f"openai/sure?base_url={address}&top_logprobs=5"
    ok(honne("run", "trust-calibration?langs=en", "--model", model, "--samples", "2", "-o", tmp_path / "R"))
    table = {(r["metric"], r["slice"]): r for r in rows(honne("report", tmp_path / "R", "-f", "json"))}
    assert table["confidence", "all"]["value"] == pytest.approx(0.7)
    right = sum(i.target == "A" for i in items("trust-calibration?langs=en")) / 24
    assert table["accuracy", "all"]["value"] == pytest.approx(right)
    assert table["ece", "all"]["value"] == pytest.approx(0.7 - right)
    assert table["ece", "all"]["n"] == 48 and table["ece", "all"]["judge"] == "confidence@1"
    gaps = {3: (0.2 + 2 * 0.1) / 3, 4: (0.2 + 3 * 0.2 / 3) / 4}
    assert table["verbal_token_gap", "facts"]["value"] == pytest.approx(gaps[4])
    assert table["verbal_token_gap", "stereotype"]["value"] == pytest.approx(gaps[3])
    assert table["verbal_frequency_gap", "facts"]["value"] == pytest.approx((0.3 + 3 * 0.1) / 4)
    assert table["verbal_frequency_gap", "all"]["n"] == 40 and table["verbal_token_gap", "all"]["n_missing"] == 0
    assert (tmp_path / "R" / "report.html").stat().st_size > 0
