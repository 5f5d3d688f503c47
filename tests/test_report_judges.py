"""Several judges of the same answers, and metrics that are never pooled: both must be easy to find in every report."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from honne.records import Estimate
from honne.report import compare, html, markdown
from honne.report._blocks import arrange
from honne.report._reading import reading
from honne.report._sentences import plain
from honne.report._text import broken
from honne.report.model import RunReport
from test_report_formats import one, paired
from test_report_html import browser, opened  # noqa: F401
from test_report_samples import estimate

SHARES = {"full_compliance": (0.812, 0.035), "full_refusal": (0.096, 0.875), "partial_refusal": (0.092, 0.09)}


def judged(judge: str, headline: float, **over: Any) -> list[Estimate]:
    """One judge's numbers of a benchmark like XSTest: a headline, and three shares per side that are never pooled."""
    common: dict[str, Any] = {"benchmark": "xstest", "form": None, "judge": judge, "better": None, **over}
    rows = [estimate("over_refusal_rate", headline, 250, **{**common, "better": "lower"})]
    for metric, (safe, unsafe) in SHARES.items():
        rows += [
            estimate(metric, safe, 250, slice="safe", headline=False, **common),
            estimate(metric, safe, 25, slice="safe/homonyms", headline=False, **common),
            estimate(metric, unsafe, 200, slice="unsafe", headline=False, **common),
        ]
    return rows


def agreed(judge: str, reference: str, share: float, kappa: float, *, humans: bool = False, missing: int = 0) -> Any:
    common: dict[str, Any] = {
        "benchmark": "xstest", "form": None, "judge": judge, "reference": reference, "headline": False,
        "missing": missing,
    }  # fmt: skip
    rows = [
        estimate("agreement", share, 450, **common),
        estimate("agreement", share, 25, slice="safe/homonyms", **{**common, "missing": 0}),
        estimate("cohen_kappa", kappa, 450, unit="kappa", low=kappa - 0.05, high=kappa + 0.04, **common),
    ]
    return rows + ([estimate("agreement_compliance", share + 0.01, 450, **common)] if humans else [])


def xstest(name: str = "mistralguard", **over: Any) -> RunReport:
    rows = [
        *judged("labels", 0.188),
        *agreed("labels.first", "labels", 0.98, 0.97, humans=True),
        *agreed("labels.strmatch", "labels", 0.76, 0.56, humans=True, missing=7),
        *judged("labels.first", 0.172),
        *agreed("labels.strmatch", "labels.first", 0.74, 0.53),
        *judged("labels.strmatch", 0.152),
    ]
    return one(*rows, name=name, **over)


def printed(*runs: RunReport, width: int = 140) -> str:
    out = io.StringIO()
    from honne.report.terminal import print_report

    print_report(runs, Console(file=out, width=width, color_system=None))
    return out.getvalue()


def lines(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip().startswith(start)]


def test_metrics_without_an_overall_value_are_in_the_terminal() -> None:
    text = printed(xstest())
    (safe,), (unsafe,) = (lines(text, f"{side} ") for side in ("safe", "unsafe"))
    assert [x for x in safe.split() if "%" in x] == ["81.2%", "9.6%", "9.2%"] and "75.9–85.6" in safe
    assert [x for x in unsafe.split() if "%" in x] == ["3.5%", "87.5%", "9.0%"]
    assert text.count("full compliance") == 1, "further judges are shown briefly"
    assert "homonyms" not in text


def test_metrics_without_an_overall_value_have_a_row_for_every_run() -> None:
    text = printed(xstest("a"), xstest("b"))
    table = text[text.index("by top category") : text.index("agreement between judges")]
    assert table.count("81.2%") == 2 and table.count("87.5%") == 2
    assert len(lines(table, "a ")) == 2 and len(lines(table, "b ")) == 2


def test_agreement_between_judges_is_in_the_terminal() -> None:
    text = printed(xstest())
    table = text[text.index("agreement between judges") :]
    (first,) = lines(table, "labels.first vs labels ")
    assert "98.0% 9" in first and "0.97 0.92–1.01" in first and "99.0%" in first
    (against,) = lines(table, "labels.strmatch vs labels ")
    assert "76.0%" in against and "?7" in against and "?7: " not in against and "are missing" in table
    (others,) = lines(table, "labels.strmatch vs labels.first ")
    assert "74.0%" in others and others.rstrip().endswith("–"), "what a pair lacks is said"
    assert text.count("vs labels ") == 2, "each pair stands once"


PEOPLE = [
    "labels.autumn-pilot",
    *(f"labels.autumn-pilot.{name}" for name in ("anna-maria-gonzalez", "bertrand-du-val")),
]


def people(metric: str = "full_compliance_rate", name: str = "m") -> RunReport:
    """A judge and people with long names, all of whom are compared."""
    first = "llm/openai/gpt-4.1@1#0123abcd"
    common: dict[str, Any] = {"benchmark": "xstest", "form": None, "headline": False, "unit": "kappa"}
    rows = [estimate(metric, 0.8, 450, benchmark="xstest", form=None, judge=judge) for judge in (first, *PEOPLE)]
    rows += [row for judge in PEOPLE for row in agreed(first, judge, 0.76, 0.56, missing=7)]
    rows += [
        estimate("krippendorff_alpha", 0.61, 450, judge=PEOPLE[0], reference=which, **common)
        for which in ("its 2 judges", "all 3 judges")
    ]
    return one(*rows, name=name)


@pytest.mark.parametrize("several", [False, True])
def test_names_are_whole_in_a_terminal_of_80_columns(several: bool) -> None:
    text = printed(people(), *([people(name="n")] if several else []), width=80)
    assert max(cell_len(line) for line in text.splitlines()) <= 80
    table = text[text.index("agreement between judges") :]
    for letter, judge in zip("ABCD", ("llm/openai/gpt-4.1@1#0123abcd", *PEOPLE), strict=True):
        assert [line.strip() for line in lines(table, f"{letter}  ")] == [f"{letter}  {judge}"]
    assert len(lines(table, "A vs B")) == len(lines(table, "B, its 2 judges")) == len(lines(table, "all 3 judges")) == 1


@pytest.mark.parametrize(
    ("name", "width", "shown"),
    [
        ("safe_rate", 20, ["safe_rate"]),
        ("label_share:full_compliance", 21, ["label_share:", "full_compliance"]),
        ("labels.autumn-pilot.anna-maria-gonzalez", 30, ["labels.autumn-pilot.", "anna-maria-gonzalez"]),
        ("labels.autumn-pilot.anna-maria-gonzalez", 14, ["labels.", "autumn-pilot.", "anna-maria-", "gonzalez"]),
        ("田中さくら/安全な答え", 11, ["田中さくら/", "安全な答え"]),
        ("unbreakable", 4, ["unbreakable"]),
    ],
)
def test_a_name_is_broken_where_its_words_part(name: str, width: int, shown: list[str]) -> None:
    assert broken(name, width).split("\n") == shown


@pytest.mark.parametrize("width", [50, 60, 80, 100, 160])
@pytest.mark.parametrize("several", [False, True])
def test_the_tables_fit_their_console_and_lose_no_number(width: int, several: bool) -> None:
    text = printed(xstest("a"), *([xstest("b" * 70)] if several else []), width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    words = text.split()
    for number in ("81.2%", "87.5%", "98.0%", "0.56", "74.0%", "0.53", "77.0%"):
        assert words.count(number) >= 1 + several


def test_the_summary_says_how_far_the_judges_agree() -> None:
    said = [plain(s) for s in reading([xstest()])]
    assert "By 2 other judges of the same answers, over-refusal is 15.2% to 17.2%." in said
    assert "They agree with labels on 76.0% to 98.0% of the answers (Cohen's kappa 0.56 to 0.97)." in said


def test_markdown_has_both_tables_and_is_brief_about_further_judges() -> None:
    text = markdown.render([xstest()])
    assert "| category | full_compliance | full_refusal | partial_refusal | n | missing |" in text
    assert "| judge | against | agreement | cohen_kappa | agreement_compliance | n | missing |" in text
    (row,) = lines(text, "| labels.strmatch | labels |")
    assert row.endswith("| 450 | 7 |") and "76.0% (" in row
    assert "agreement (against labels)" not in text
    several = markdown.render([xstest("a"), xstest("b")])
    assert "| judge | against | run |" in several and "| category | run |" in several


def test_the_page_shows_both_tables_without_a_click(opened: Any) -> None:  # noqa: F811
    page = opened(html.render([xstest(), xstest("gpt4")])).page
    assert page.get_by_role("heading", name="Do the judges agree?").is_visible()
    assert page.get_by_text("98.0%").locator("visible=true").count() >= 1, "the matrix of the judges"
    rows = page.locator("table.matrix").nth(1).locator("tbody tr")
    assert rows.count() == 6 and rows.first.is_visible() and "98.0%" in rows.first.inner_text()
    assert "81.2%" in page.locator("table.matrix").first.inner_text()
    assert page.locator("nav a", has_text="Agreement").get_attribute("href") == "#b0-agreement"
    assert page.locator("#b0-agreement").count() == 1
    phone = opened(html.render([xstest(), xstest("gpt4")]), viewport={"width": 390, "height": 844}).page
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


# ------------------------------------------- runs that were judged by different judges


def test_runs_with_judges_of_their_own_are_no_second_opinions_of_each_other() -> None:
    runs = [one(*judged(f"judge-{name}", 0.2), name=name) for name in "ab"]
    assert [block.minor for block in arrange(runs)] == [False, False]
    said = " ".join(plain(s) for s in reading(runs))
    assert "same answers" not in said
    assert "On xstest, judged by judge-a, " in said and "On xstest, judged by judge-b, " in said
    both = [one(*judged("judge-a", 0.2), *judged("judge-b", 0.3), name=name) for name in "ab"]
    assert [block.minor for block in arrange(both)] == [False, True]


def test_one_judge_is_named_last_and_only_once() -> None:
    runs = [one(estimate("cs", 0.5, 90, benchmark="fine"), estimate("safe_rate", 0.5, 90, benchmark="ts"))]
    said = [plain(s) for s in reading(runs)]
    assert sum("judge" in s for s in said) == 1 and "the judge is llm/openai/judge-m@1" in said[2]
    mixed = one(estimate("cs", 0.5, 90, benchmark="fine"), estimate("accuracy", 0.5, 9, benchmark="mc", judge="c@1"))
    said = [plain(s) for s in reading([mixed])]
    assert said[2].endswith("the judges are llm/openai/judge-m@1-ab12cd34 (fine), c@1 (mc).")


def test_different_judges_never_make_one_run_higher() -> None:
    row = paired(judge_a="labels", judge_b="llm/x@1")
    assert row.separated
    said = compare.verdict(row, ("kitsune", "tanuki"))
    assert "different judges" in said and "mixes model and judge" in said and "is higher" not in said
    out = io.StringIO()
    compare.print_compare([row, paired(judge_a="labels", judge_b="llm/x@1", slice="Legality")],
                          Console(file=out, width=120, color_system=None))  # fmt: skip
    (legality,) = lines(out.getvalue(), "Legality")
    assert legality.rstrip().endswith("different judges") and "B is higher" not in out.getvalue()
    assert compare.markdown([row]).count("different judges") == 2 and "| separated" not in compare.markdown([row])


def test_a_withheld_headline_gets_no_verdict_and_shows_no_number() -> None:
    row = paired(withheld=True, n=63, n_missing=27, separated=False)
    said = compare.verdict(row, ("kitsune", "tanuki"))
    assert said.endswith("withheld (only 70.0% of 90 pairs judged in both runs)") and "higher" not in said
    out = io.StringIO()
    rows = [row, paired(metric="css", headline=False, withheld=True)]
    compare.print_compare(rows, Console(file=out, width=120, color_system=None))
    for text in (out.getvalue(), compare.markdown(rows)):
        assert "withheld" in text and "51.0%" not in text and "26.0" not in text and "separated" not in text


def test_differences_of_metrics_without_an_overall_value_are_shown() -> None:
    rows = [paired(), *(paired(metric="full_refusal", slice=s, headline=False) for s in ("safe", "unsafe"))]
    out = io.StringIO()
    compare.print_compare(rows, Console(file=out, width=120, color_system=None))
    text = out.getvalue()
    assert "fine · full_refusal" in text and lines(text, "safe ") and lines(text, "unsafe ")
