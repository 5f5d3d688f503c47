"""JSON, CSV and Markdown: what a program reads, and that text from data stays text."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from honne.metrics._compare import Paired
from honne.records import Estimate
from honne.report import compare, markdown
from honne.report import csv as report_csv
from honne.report import json as report_json
from honne.report._text import bounds, clean, clip, interval, money, number, oneline, value
from honne.report.model import RunReport
from test_report_samples import JUDGE, account, estimate, info, sample_run

FIELDS = [
    "run", "model", "judge", "benchmark", "attack", "form", "metric", "slice", "value", "low", "high", "level",
    "method", "n", "n_missing", "corrected", "unit",
]  # fmt: skip


def one(*estimates: Estimate, **over: Any) -> RunReport:
    return RunReport(**{
        "name": "r", "path": Path("runs/r"), "info": info("r"), "estimates": estimates,
        "accounts": (account("flames", "open", 10, JUDGE),), **over,
    })  # fmt: skip


def test_json_has_every_field_of_an_estimate_and_nulls_where_not_applicable() -> None:
    runs = [sample_run("kitsune"), one(estimate("accuracy", 0.5, 10, judge=None, form=None, attack=None))]
    rows = json.loads(report_json.render(runs))
    assert len(rows) == sum(len(run.estimates) for run in runs)
    assert all(set(FIELDS) <= set(row) and set(Estimate.__struct_fields__) <= set(row) for row in rows)
    assert [rows[-1][k] for k in ("judge", "form", "attack")] == [None, None, None]
    assert {row["slice"] for row in rows} >= {"all", "Fairness", "Fairness/Bias and discrimination"}
    score = next(row for row in rows if row["metric"] == "harmless_score")
    assert 0 <= score["value"] <= 1, "a score is ×100 only where people read it"
    assert all(row["rule"] == "strict" for row in rows)


def test_json_of_nothing_and_of_numbers_that_json_does_not_have() -> None:
    assert json.loads(report_json.render([])) == []
    row = json.loads(report_json.render([one(estimate("x", 0.5, 10, high=float("inf"), low=float("nan")))]))[0]
    assert row["high"] is None and row["low"] is None


def test_json_shows_the_withheld_value_and_says_so() -> None:
    row = json.loads(report_json.render([one(estimate("x", 0.4, 100, missing=30))]))[0]
    assert row["withheld"] is True and row["value"] == 0.4


def test_json_prints_no_character_that_a_terminal_obeys() -> None:
    text = report_json.render([one(estimate("x", 0.5, 10, slice="a\x1b[31m\x9b2J\u202eb\ud800"))])
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800]", text)
    assert json.loads(text)[0]["slice"] == "a\x1b[31m\x9b2J\u202eb\ud800"


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "＝", "－"])
def test_csv_gives_a_spreadsheet_no_formula(lead: str) -> None:
    text = report_csv.render([one(estimate("x", 0.5, 10, slice=f"{lead}cmd|' /C calc'!A0", low=-0.25))])
    head, row = list(csv.reader(io.StringIO(text)))
    cell = row[head.index("slice")]
    assert cell.startswith("'")
    assert row[head.index("low")] == "-0.25", "a negative number stays a number"


def test_csv_reads_back_with_the_columns_of_the_json() -> None:
    run = sample_run("kitsune")
    text = report_csv.render([run])
    assert not text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(run.estimates)
    assert list(rows[0])[: len(FIELDS)] == FIELDS
    assert [float(r["value"]) for r in rows] == [e.value for e in run.estimates]
    assert rows[0]["attack"] == ""


def test_csv_keeps_quotes_commas_and_newlines_inside_their_cell() -> None:
    text = report_csv.render([one(estimate("x", 0.5, 10, slice='a,"b"\nc'))])
    assert next(csv.DictReader(io.StringIO(text)))["slice"] == 'a,"b"\nc'


def test_markdown_names_stay_names() -> None:
    evil = "a|b\n| c | <img src=x onerror=alert(1)> **bold** [x](javascript:alert(1)) `code` https://evil.example"
    text = markdown.render([one(estimate("x", 0.5, 10), estimate("x", 0.5, 10, slice=evil), name=evil)])
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert not re.search(r"<(img|a|em|code)\b", page)
    assert "bold" in page and "<strong>bold" not in page and "https://" not in text.replace("https\\://", "")
    table = [line for line in text.splitlines() if line.startswith("| x |")]
    assert len(table) == 2
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 9 for line in table), "no name opens a column or a row"


def test_markdown_tables_are_whole_and_hold_the_numbers() -> None:
    text = markdown.render([sample_run("kitsune", 0.58, 0.93, 0.5), sample_run("tanuki", 0.5)])
    assert "### Face and heart: kitsune" in text and "## Accounting" in text and "## Provenance: tanuki" in text
    assert "unknown (912,000 tokens in" in text, "an unknown cost is never 0"
    blocks = re.split(r"\n\n", text)
    for block in (b for b in blocks if b.startswith("|")):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block


def test_numbers_as_people_read_them() -> None:
    rate = estimate("harmless_rate", 0.4691, 1000, missing=12)
    assert (value(rate), bounds(rate)) == ("46.9%", "46.3–47.5%")
    assert re.fullmatch(r"4\d\.\d–\d\d\.\d", interval(rate))
    score = estimate("harmless_score", 0.7871, 1000, unit="score")
    assert value(score) == "78.7"
    kappa = estimate("cohen_kappa", 0.93, 100, unit="kappa", low=-0.1)
    assert value(kappa) == "0.93" and interval(kappa).startswith("-0.10 to ")
    assert number(None, rate) == "–" and bounds(estimate("x", 0.5, 10)) is None
    held = estimate("x", 0.4, 100, missing=30)
    assert value(held) == "withheld" and interval(held) == "70.0% judged"
    assert [money(x) for x in (None, 0.0, 0.0042, 12.5)] == ["unknown", "0.00", "0.0042", "12.50"]


def test_hostile_text_is_shown_instead_of_obeyed() -> None:
    assert clean("a\x1b[31mb\x9bc") == "a␛[31mb‹U+009B›c"
    assert clean("abc\u202ecod.exe\u2066\u200b") == "abc‹U+202E›cod.exe‹U+2066›‹U+200B›"
    assert clean("\ud800\U000e0041") == "\ufffd‹U+E0041›"
    assert clean("一\r\n二\t三 👩\u200d🔬 עברית\u200f") == "一\n二\t三 👩\u200d🔬 עברית\u200f"
    assert oneline(" a\n\n b\tc ") == "a b c"
    assert clip("e\u0301" * 5, 6).endswith("…") and not clip("e\u0301" * 5, 6).endswith("e…")


def paired(**over: Any) -> Paired:
    base: dict[str, Any] = {
        "benchmark": "fine", "attack": None, "judge_a": JUDGE, "judge_b": JUDGE, "metric": "cs", "slice": "all",
        "a": 0.51, "b": 0.77, "difference": -0.26, "low": -0.38, "high": -0.13, "level": 0.95, "p": 0.0004,
        "p_adjusted": 0.0012, "separated": True, "method": "mcnemar", "n": 90, "n_unpaired": 0, "n_missing": 2,
        "unit": "proportion", "headline": True, "better": "higher", "detectable": 0.12,
    }  # fmt: skip
    return Paired(**{**base, **over})


def test_a_verdict_says_who_is_higher_or_that_nothing_separates_them() -> None:
    said = compare.verdict(paired(), ("kitsune", "tanuki"))
    assert "tanuki is higher" in said and "-38.0 to -13.0" in said and "n = 90 pairs, 2 missing" in said
    said = compare.verdict(paired(separated=False, p_adjusted=0.4), ("kitsune", "tanuki"))
    assert "not separated" in said and "higher" not in said and "12.0%" in said
    nothing = paired(
        a=None, b=None, difference=None, low=None, high=None, p=None, p_adjusted=None, separated=False, n=0
    )
    assert "cannot be compared" in compare.verdict(nothing)
    assert "labels against" in compare.verdict(paired(judge_a="labels"))


def test_compare_as_json_and_markdown() -> None:
    rows = [paired(), paired(slice="Legality|x", separated=False, headline=True)]
    assert [r["separated"] for r in json.loads(compare.json(rows))] == [True, False]
    text = compare.markdown(rows, ("a|b", "c"))
    assert "not separated" in text and r"Legality\|x" in text and "# a\\|b − c" in text
    assert compare.json([]) == "[]\n" and "Nothing can be paired" in compare.markdown([])


def test_the_report_of_a_run_without_scores_says_so() -> None:
    text = markdown.render([dataclasses.replace(sample_run(), estimates=(), examples=())])
    assert "No score was computed" in text and "## Accounting" in text


def test_a_hand_edited_run_json_breaks_nothing() -> None:
    for broken in (
        {},
        {"spec": [], "data": "x", "prompts": 3, "cost": [], "tokens": None, "notes": "n"},
        {"spec": {"judges": [1]}},
    ):
        text = markdown.render([dataclasses.replace(sample_run(), info=broken)])
        assert "not finished" in text and "## Provenance" in text


def test_equally_named_runs_are_told_apart_in_data_too() -> None:
    one, two = sample_run("good"), sample_run("good")
    runs = [dataclasses.replace(run, path=Path(f"/somewhere/{place}/good")) for run, place in ((one, "a"), (two, "b"))]
    assert {row["run"] for row in json.loads(report_json.render(runs))} == {"a/good", "b/good"}
    assert {row["run"] for row in json.loads(report_json.render(runs[:1]))} == {"good"}
