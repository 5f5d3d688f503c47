"""The table of leading numbers that comes first where a report is about many benchmarks."""

from __future__ import annotations

import pytest

from honne.report import markdown
from honne.report._blocks import arrange
from honne.report._overview import overview
from honne.report.model import RunReport
from test_report_formats import one
from test_report_samples import estimate
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
