"""`honne frontier`: the command, its formats and its page, on run folders written by hand."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from honne.engine.imported import write
from honne.engine.tradeoff import frontier
from honne.records import Item, Judgment, Message, Response, now
from honne.report import frontier as report
from run_parts import here as honne
from run_parts import ok
from test_report_html import CHROMIUM, FLAGS, Opened

HARM, BENIGN, SUMS = "harm", "benign", "sums"
METRICS = {HARM: ("safe_rate",), BENIGN: ("xstest",), SUMS: ("open_accuracy",)}
LABELS = {HARM: ("safe", "unsafe"), BENIGN: ("full_compliance", "full_refusal"), SUMS: ("right", "wrong")}


def made(
    folder: Path, model: str, judge: str = "labels", benchmarks: Sequence[str] = tuple(METRICS), **good: int
) -> Path:
    """A run of 400 items a benchmark, the first `good[benchmark]` of which have the better label."""
    items, responses, judgments = [], [], []
    for benchmark in benchmarks:
        for i in range(400):
            id = f"{benchmark}-{i}"
            category = "safe/x" if benchmark == BENIGN else ""
            asked = (Message("user", f"{benchmark} {i}"),)
            place = {"benchmark": benchmark, "version": "1", "lang": "en", "category": category}
            items.append(Item(seq=len(items), id=id, form="open", group=id, messages=asked, **place))
            responses.append(Response(item_id=id, model=model, sample=0, text="yes", status="ok", at=now()))
            label = LABELS[benchmark][i >= good.get(benchmark, 400)]
            judgments.append(
                Judgment(item_id=id, model=model, sample=0, judge=judge, status="scored", label=label, at=now())
            )
    about = [
        {"name": b, "version": "1", "title": b, "url": "", "judges": {"open": "rubric"}, "metrics": METRICS[b]}
        for b in benchmarks
    ]
    write(
        folder,
        model=model,
        items=items,
        responses=responses,
        judgments={judge: judgments},
        benchmarks=about,
        how={"by": f"{model} {good}"},
        notes=[],
    )
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("frontier")
    made(root / "base", "base", harm=200)
    for i in range(3):
        made(root / "good" / f"s{i}", f"good{i}", harm=380 + 4 * i)
    made(root / "twin", "twin", harm=386)
    made(root / "dear", "dear", harm=380, benign=200, sums=380)
    made(root / "poor", "poor", harm=300, benign=200, sums=360)
    made(root / "blind", "blind", harm=390, benchmarks=[HARM])
    made(root / "other", "other", judge="people", harm=390)
    made(root / "apart", "apart", benchmarks=[])
    return root


def test_the_terminal_says_what_is_proven_and_why_not(runs: Path) -> None:
    found = ok(honne("frontier", runs / "base", *(runs / n for n in ("good", "twin", "dear", "blind")), COLUMNS="130"))
    text = " ".join(found.stdout.split())
    assert "honne frontier 4 points against base" in text
    assert "good (3 seeds) proven Safety 50.0% (45.1–54.9) → 96.0% (" in text
    assert "dear not proven" in text and "over-refusal of benign rose by 50.0 points (at worst 5" in text
    assert "over-refusal was not measured; capability was not measured" in text
    assert "good and twin cannot be separated on any axis" in text
    assert "twin is beaten" not in text


def test_one_point_has_a_table_of_every_axis(runs: Path) -> None:
    text = ok(honne("frontier", runs / "base", runs / "twin", COLUMNS="130")).stdout
    assert "capability of sums" in text and "at worst" in text and "characters of an answer" in text
    assert max(len(line) for line in text.splitlines()) <= 130
    narrow = ok(honne("frontier", runs / "base", runs / "twin", COLUMNS="80")).stdout
    assert re.search(r"^ characters of .*\n an answer$", narrow, re.M) and "…" not in narrow, "names are whole"
    narrow += ok(honne("frontier", runs / "base", runs / "good", runs / "twin", COLUMNS="80")).stdout
    assert max(len(line) for line in narrow.splitlines()) <= 80


def test_the_formats_hold_the_same_numbers(runs: Path, tmp_path: Path) -> None:
    seeds = [runs / "good" / f"s{i}" for i in range(3)]
    found = frontier(runs / "base", {"trio": seeds, "dear": [runs / "dear"]})
    plain = json.loads(report.render("json", found))
    assert [point["name"] for point in plain["points"]] == ["trio", "dear"]
    safety = plain["points"][0]["axes"][0]
    assert (safety["role"], safety["lead"], safety["n"]) == ("safety", True, 400)
    assert safety["difference"] == pytest.approx(0.46) and safety["low"] < 0.46 < safety["high"]
    assert plain["points"][0]["sentence"].endswith("Proven.") and plain["points"][1]["verdict"]["proven"] is False
    assert {p["role"] for p in plain["pairings"]} == {"safety", "over-refusal", "capability"}
    rows = list(csv.DictReader(io.StringIO(report.render("csv", found))))
    assert float(rows[0]["difference"]) == safety["difference"] and rows[0]["point"] == "trio"
    trio = f"trio={','.join(map(str, seeds))}"
    ok(honne("frontier", runs / "base", trio, runs / "dear", "--margin", "60", "-f", "md", "-o", tmp_path / "f.md"))
    text = (tmp_path / "f.md").read_text()
    assert text.startswith(report.render("md", found)[:20]) and "**dear**" in text and "Not proven" not in text
    assert "| safety (nothing was attacked) | 50.0 | 96.0 | +46.0 |" in text


def test_other_judges_are_said_so(runs: Path) -> None:
    text = " ".join(ok(honne("frontier", runs / "base", runs / "other")).stdout.split())
    assert "was judged by labels before and by people after" in text and "other not proven" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["base"], "Missing argument 'RUN...'"),
        (["base", "base"], "is the base itself"),
        (["base", "tiwn"], "Did you mean"),
        (["base", "apart"], "share no benchmark"),
        (["base", "twin", "--margin", "0"], "out of range"),
        (["base", "twin", "--format", "htm"], "Did you mean 'html'"),
        (["base", "twin", "-o", "x.md"], "needs a --format"),
        (["base", "x="], "is no point"),
        (["base", "twin", "twin"], "two points are called twin"),
        (["base", "two=twin,twin"], "adds nothing to"),
        (["good", "twin"], "the base is one model"),
    ],
)
def test_bad_input_is_one_line(runs: Path, arguments: list[str], said: str) -> None:
    found = ok(honne("frontier", *arguments, cwd=runs), 2)
    assert found.stdout == "" and said in found.stderr and len(found.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser: {CHROMIUM} is not installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


def test_the_page_draws_ties_and_who_is_beaten(runs: Path, browser: Any, tmp_path: Path) -> None:
    good = sorted((runs / "good").iterdir())
    points = {"good": good, "twin": [runs / "twin"], "poor": [runs / "poor"], "<b>x</b>": [runs / "dear"]}
    path = tmp_path / "page.html"
    path.write_text(report.render("html", frontier(runs / "base", points)), encoding="utf-8")
    page = Opened(browser, path, viewport={"width": 1200, "height": 900})
    assert page.errors == [] and len(page.requests) == 1
    plots = page.page.locator("svg.tradeoff")
    assert plots.count() == 2
    first = plots.first
    assert "good: safety" in first.get_attribute("aria-label") and first.locator("text.point").count() == 5
    assert [t for t in first.locator(".beaten title").all_text_contents() if not t.startswith(("poor", "<b>x"))] == []
    assert first.locator(".beaten").count() == 2
    assert first.locator("path.tied").count() == 1, "good and twin; the base is separated from all in safety"
    assert page.page.locator("article.proven").count() == 2
    assert page.page.locator("bdi", has_text="<b>x</b>").count() >= 2, "names are text"
    page.page.set_viewport_size({"width": 390, "height": 800})
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
