"""What people see in a terminal: widths with CJK names, narrow consoles, and text that tries to be mark-up."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from honne.records import category_path
from honne.report._text import axis
from honne.report.model import RunReport
from honne.report.terminal import bar, print_compare, print_report
from test_report_formats import one, paired
from test_report_samples import estimate, info, sample_run


def printed(*runs: RunReport, width: int = 80, tests: Any = None) -> str:
    out = io.StringIO()
    print_report(runs, Console(file=out, width=width, color_system=None), tests)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_wider_than_the_console(width: int) -> None:
    long = dataclasses.replace(sample_run("a-very-long-name-of-a-run-" * 4, 0.4), name="a-very-long-name-of-a-run-" * 4)
    text = printed(sample_run("kitsune"), sample_run("tanuki", 0.6), long, width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_cjk_category_names_keep_the_columns_aligned() -> None:
    names = ["公平性", "安全", "データ保護", "Legality", "隐私与个人信息"]
    rows = [estimate("harmless_rate", 0.5, 40, slice=category_path(name, "部分")) for name in names]
    text = printed(one(estimate("harmless_rate", 0.5, 200), *rows), width=80)
    starts = {cell_len(line[: line.index("50.0%")]) for line in text.splitlines() if "部分" in line and "50.0%" in line}
    assert len(starts) == 1
    assert all(name in text for name in names)


def test_one_run_says_its_numbers_with_interval_n_missing_method_and_judge() -> None:
    text = printed(sample_run("kitsune", 0.58, 0.93, 0.5))
    assert "57.3%  53.9–60.9" in text and "1,000" in text and "12" in text
    assert "macro-mover-wilson (harmless_rate)" in text and "judge llm/openai/judge-m@1-ab12cd34" in text
    assert "56.6–57.8%" in text, "the bounds stand beside a number with missing units"
    assert "talks more safely than it chooses" in text
    assert "= 988 scored + 4 unparsed + 8 skipped" in text and "= 992 ok + 4 filtered + 4 error" in text


def test_every_run_has_a_sentence_of_its_own() -> None:
    text = printed(sample_run("kitsune", 0.58, 0.93, 0.5), sample_run("tanuki", 0.55, 0.86, 0.84), width=400)
    said = [line for line in text.splitlines() if line.lstrip().startswith("•")]
    assert sum("kitsune's open answers are safe in" in line for line in said) == 1
    assert not [line for line in said if "kitsune's" in line and "tanuki's" in line]


def test_a_withheld_headline_of_every_run_is_a_sentence() -> None:
    text = " ".join(printed(*[one(estimate("harmless_rate", 0.4, 100, missing=30))] * 2).split())
    assert "the share of harmless answers is withheld for r, r (2): too few judged." in text
    assert "Brackets" not in text


def test_short_category_names_leave_room_for_their_heading() -> None:
    runs = [one(estimate("safe_rate", 0.5, 90), *(estimate("safe_rate", 0.5, 30, slice=c) for c in "xyz"))] * 2
    assert "  category   n  r " in printed(*runs)


def test_a_withheld_headline_shows_its_judged_share_and_no_number() -> None:
    text = printed(one(estimate("harmless_rate", 0.4321, 100, missing=30)))
    assert "withheld" in text and "70.0% judged" in text and "43.2" not in text


def test_unknown_cost_is_unknown() -> None:
    text = printed(sample_run())
    assert any("judge llm" in line and "unknown" in line for line in text.splitlines())


def test_flags_stand_above_the_numbers() -> None:
    bad = info("kitsune", state="stopped", why="50 failures in a row", served_models=["m-1", "m-2"])
    bad["data"][0] |= {"matches": False}
    bad["spec"] |= {"paper_rules": True}
    text = printed(dataclasses.replace(sample_run(), info=bad, paper=True))
    head = text[: text.index("flames ·")]
    for said in ("paper rules", "stopped early: 50 failures in a row", "served model changed", "data differ"):
        assert said in head


def test_text_from_data_is_neither_markup_nor_escape_codes() -> None:
    evil = "[bold red]x[/] [link=https://evil.example]y[/link] \x1b]8;;https://evil.example\x07z\x1b[2J\x9b31m\u202e"
    run = one(
        estimate("harmless_rate", 0.5, 100, judge=evil, benchmark=evil, method=evil),
        estimate("harmless_rate", 0.5, 50, slice=category_path(evil), judge=evil, benchmark=evil),
        name=evil,
        info=info("x", notes=[evil], served_models=[evil, "b"]),
    )
    out = io.StringIO()
    print_report([run, run], Console(file=out, width=300, force_terminal=True, color_system=None))
    text = out.getvalue()
    assert "\x1b]8" not in text and "\x1b[2J" not in text and "\x9b" not in text and "\x07" not in text
    assert "\u202e" not in text and "[bold red]x[/]" in text


def test_ranks_come_from_paired_tests_only() -> None:
    runs = [one(estimate("harmless_rate", p, 100)) for p in (0.9, 0.5, 0.48)]
    assert " (a)" not in printed(*runs)
    row: dict[str, Any] = {"benchmark": "flames", "metric": "harmless_rate", "form": "open", "attack": None}
    tests = {(i, j): [paired(**row, separated=i == 0)] for i, j in ((0, 1), (0, 2), (1, 2))}
    text = printed(*runs, tests=tests)
    assert "(a)" in text and text.count("(b)") == 2
    assert "the paired tests separate 2; the others are tied" in " ".join(text.split())
    del tests[1, 2]
    assert " (a)" not in printed(*runs, tests=tests), "a pair without a test is no ground for a rank"


def test_overlapping_runs_are_not_called_different() -> None:
    text = printed(one(estimate("harmless_rate", 0.5, 100)), one(estimate("harmless_rate", 0.55, 100)))
    assert "this alone does not separate them" in " ".join(text.split())


def test_the_bar_keeps_its_width_and_its_dot_in_place() -> None:
    e = estimate("x", 0.0, 100)
    scale = axis([e])
    for value, low, high, at in ((0.0, 0.0, 0.04, 0), (1.0, 0.96, 1.0, 20), (0.5, 0.4, 0.6, 10)):
        drawn = bar(estimate("x", value, 100, low=low, high=high), scale, 21).plain
        assert cell_len(drawn) == 21 and drawn[at] == "●"
    assert bar(estimate("x", 0.5, 100), scale, 21, plain=True).plain.isascii()


def test_compare_fits_80_columns_and_says_not_separated() -> None:
    rows = [
        paired(),
        *(paired(slice=s, separated=False, difference=0.02, p_adjusted=0.7) for s in ("公平性", "Civic Virtue")),
    ]
    out = io.StringIO()
    print_compare(rows, Console(file=out, width=80, color_system=None), ("kitsune", "[red]tanuki[/]"))
    text = out.getvalue()
    assert max(cell_len(line) for line in text.splitlines()) <= 80
    assert "[red]tanuki[/] is higher" in " ".join(text.split()) and text.count("not separated") == 2
    out = io.StringIO()
    print_compare([], Console(file=out, width=80), ("a", "b"))
    assert "Nothing can be paired" in out.getvalue()
