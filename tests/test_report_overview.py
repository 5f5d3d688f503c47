"""The table of leading numbers that comes first where a report is about many benchmarks."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from honne.records import Estimate
from honne.report import markdown
from honne.report._blocks import arrange
from honne.report._overview import overview
from honne.report._reading import reading
from honne.report._sentences import plain
from honne.report.model import RunReport
from test_report_formats import one
from test_report_samples import JUDGE, account, estimate
from test_report_terminal import printed


def run(*names: str, name: str = "r") -> RunReport:
    rates = [estimate("safe_rate", 0.25 + i / 4, 40, benchmark=b, form=None) for i, b in enumerate(names)]
    below = [estimate("safe_rate", 0.5, 20, benchmark=b, form=None, slice="topic") for b in names]
    return one(*rates, *below, name=name)


def table(text: str) -> list[str]:
    """The lines of the overview."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.strip("# ").casefold() == "overview")
    end = next(i for i, line in enumerate(lines) if i > start and "intervals:" in line)
    return lines[start:end]


def test_three_benchmarks_have_an_overview_and_two_have_none() -> None:
    assert overview(arrange([run("x", "y")])) is None
    assert "overview" not in printed(run("x", "y"))
    lines = table(printed(run("x", "y", "z")))
    assert [line.split()[:2] for line in lines[3:]] == [["x:", "the"], ["y:", "the"], ["z:", "the"]]
    assert "25.0%" in lines[3] and "50.0%" in lines[4] and "75.0%" in lines[5]


def test_several_runs_stand_beside_each_other_and_what_one_lacks_is_a_dash() -> None:
    a, b = run("x", "y", "z", name="a"), run("x", "z", name="b")
    text = printed(a, b, width=120)
    (mine,) = [line for line in table(text) if line.strip().startswith("y:")]
    assert "50.0%" in mine and mine.rstrip().endswith("–")
    rows = [line for line in table(markdown.render([a, b])) if line.startswith("| y:")]
    assert len(rows) == 2 and "50.0%" in rows[0] and "| – | – | – | – |" in rows[1]


def test_further_judges_and_attacks_are_not_in_it_and_lower_is_said() -> None:
    rows = [estimate("over_refusal_rate", 0.1, 40, benchmark=b, better="lower") for b in "xyz"]
    rows += [estimate("over_refusal_rate", 0.9, 40, benchmark=b, judge="other", better="lower") for b in "xyz"]
    rows += [estimate("over_refusal_rate", 0.8, 40, benchmark=b, attack="base64", better="lower") for b in "xyz"]
    lines = table(printed(one(*rows), width=120))
    assert len(lines) == 6
    assert all("(lower is better)" in line and "10.0%" in line for line in lines[3:])


@pytest.mark.parametrize("width", [60, 80])
def test_names_are_data_and_never_markup(width: int) -> None:
    hostile = ("[bold]x[/bold]\x1b[31m", "| y | <b>", "z\u202e")
    text = printed(run(*hostile), width=width)
    assert "[bold]x" in text and "\x1b" not in text and "\u202e" not in text
    assert all(len(line) <= width for line in text.splitlines())
    shown = markdown.render([run(*hostile)])
    assert "<b>" not in shown and "\\| y \\|" in shown


# -------------------------------------------------- sentences of many benchmarks


def loss(attack: str, low: float, value: float, **over: Any) -> list[Estimate]:
    """An attack's success rate, and how much safety it costs."""
    place: dict[str, Any] = {"attack": attack, "form": None, "headline": False, **over}
    ends = {"value": value, "low": low, "high": 2 * value - low}
    lost = estimate("safety_lost", value, 50, **place)
    return [
        estimate("safe_rate", 0.5, 50, **{**place, "headline": True}),
        estimate("attack_success_rate", 0.5, 50, better="lower", **place),
        msgspec.structs.replace(lost, better="lower", **ends),
    ]


def broad(*more: Estimate, held: bool = False, **over: Any) -> RunReport:
    rates = [estimate("safe_rate", 0.5, 50, benchmark=b, form=None) for b in "wxy"]
    last = estimate("safe_rate", 0.5, 50, benchmark="z", form=None, missing=10 if held else 2)
    return one(*rates, last, *more, **over)


def said(*runs: RunReport) -> list[str]:
    return [plain(s) for s in reading(runs)]


def test_an_attack_costs_safety_only_where_the_interval_excludes_0() -> None:
    quiet = said(broad(*loss("base64", -0.1, 0.2, benchmark="x")))
    assert any(s.startswith("No attack is shown to cost safety: of 1 pair of benchmark and attack") for s in quiet)
    both = broad(*loss("base64", 0.1, 0.2, benchmark="x"), *loss("rot13", -0.1, 0.3, benchmark="y"))
    (found,) = [s for s in said(both) if "ttack" in s]
    assert "in 1 of 2 pairs" in found and "base64 on x 20.0 points (10.0–30.0" in found and "rot13" not in found
    assert "corrected for 2 comparisons" in found


def test_of_many_attacks_one_just_above_0_is_none() -> None:
    """At 95 % each, one of twelve is above 0 by chance in every second run."""
    alone = said(broad(*loss("base64", 0.02, 0.2, benchmark="x")))
    assert any(s.startswith("Attacks cost safety in 1 of 1 pair") for s in alone)
    others = [e for n in range(11) for e in loss(f"a{n}", -0.2, 0.0, benchmark="y")]
    among = said(broad(*loss("base64", 0.02, 0.2, benchmark="x"), *others))
    assert any(s.startswith("No attack is shown to cost safety: of 12 pairs") for s in among)


def test_of_many_benchmarks_the_numbers_are_left_to_the_overview() -> None:
    text = said(broad())
    assert not any(s.startswith("On w") for s in text) and len(text) <= 4
    assert any(s == "Without a value, and left out: z 2 of 50." for s in text)
    assert any(
        s == "Withheld, too few judged: z (the share of safe answers: 80.0% judged)." for s in said(broad(held=True))
    )


def test_only_judges_that_surely_disagree_are_named() -> None:
    def pair(kappa: float, high: float) -> list[Estimate]:
        place: dict[str, Any] = {"benchmark": "x", "judge": "guard/g@1", "reference": JUDGE, "headline": False}
        mine = {"benchmark": "x", "judge": "guard/g@1", "form": None}
        return [
            estimate("safe_rate", 0.5, 50, **mine),
            estimate("agreement", 0.55, 50, form=None, **place),
            estimate("cohen_kappa", kappa, 50, form=None, unit="kappa", low=kappa - 0.1, high=high, **place),
        ]

    (found,) = [s for s in said(broad(*pair(0.1, 0.3))) if "hardly agree" in s]
    assert "x (kappa 0.10, agreement 55.0%)" in found
    assert not any("hardly agree" in s for s in said(broad(*pair(0.1, 0.5))))


def test_many_benchmarks_of_several_runs_are_told_apart_or_not() -> None:
    low = [estimate("safe_rate", 0.1, 50, benchmark="v", form=None)]
    high = [estimate("safe_rate", 0.9, 50, benchmark="v", form=None)]
    (found,) = [s for s in said(broad(*low, name="a"), broad(*high, name="b")) if "told apart" in s]
    assert found.startswith("On 1 of 5 benchmarks") and "10.0% for a, 90.0% for b" in found
    assert any(s.startswith("On none of 4 benchmarks") for s in said(broad(name="a"), broad(name="b")))


def test_answers_that_no_judge_saw_are_said() -> None:
    unseen = dataclasses.replace(account("flames", "open", 10, JUDGE), judges={})
    assert "No judge saw answers of flames (--judge llm/… judges open answers)." in said(broad(accounts=(unseen,)))


def test_an_overview_says_the_unit_of_what_is_no_share() -> None:
    points = msgspec.structs.replace(
        estimate("stars", 0.5, 50, benchmark="v", form=None, unit="stars of five"), value=4
    )
    text = printed(broad(points), width=140)
    assert any("v: stars (in stars of five)" in line for line in table(text))
