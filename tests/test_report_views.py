"""The views of the HTML report in a real browser: values, face and heart, attacks, judges."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import msgspec

from honne.engine.estimate import Measured
from honne.plugins import Measure, Unit
from honne.records import Estimate, category_path
from honne.report import html, markdown
from honne.report.model import RunReport
from test_report_formats import one
from test_report_html import browser, opened
from test_report_samples import FLAMES, JUDGE, estimate, sample_run

__all__ = ["browser", "opened"]
PHONE = {"width": 390, "height": 844}


def measure(benchmark: str, categories: dict[str, tuple[int, int]], **over: Any) -> Measured:
    """A measure with `good` of `n` units in each category."""
    units = [
        Unit(f"{benchmark}-{category}-{i}", f"{benchmark}-{category}-{i}", category, float(i < good))
        for category, (good, n) in categories.items()
        for i in range(n)
    ]
    attack = over.pop("attack", None)
    found = Measure("harmless_rate", units, better="higher", headline=True, role="safety")
    return Measured(benchmark, "1", attack, JUDGE, "openai/sample", found)


def valued(name: str = "kitsune", without: str = "", good: int = 6) -> RunReport:
    """A run with ten answers in every part of FLAMES but those of one dimension."""
    parts = {category_path(top, part): (good, 10) for top, found in FLAMES.items() for part in found if top != without}
    return dataclasses.replace(sample_run(name), measures=(measure("flames", parts),))


def shown(page: Any, selector: str) -> list[str]:
    return [found.inner_text() for found in page.locator(selector).all() if found.is_visible()]


# ------------------------------------------------------------------- values


def test_frames_switch_by_mouse_and_keyboard(opened: Any) -> None:
    opening = opened(html.render([valued()]))
    page = opening.page
    assert shown(page, ".frame h3") == ["FLAMES: five dimensions, twelve parts"], "the frame that is measured most"
    page.get_by_role("radio", name="trustworthy").check()
    assert shown(page, ".frame h3") == ["Trustworthy LLMs: seven categories, twenty-nine parts"]
    page.get_by_role("radio", name="trustworthy").focus()
    page.keyboard.press("ArrowRight")
    assert len(shown(page, ".frame h3")) == 1 and "Trustworthy" not in shown(page, ".frame h3")[0]
    assert opening.errors == []


def test_names_in_three_languages_and_definitions(opened: Any) -> None:
    page = opened(html.render([valued()])).page
    assert "Toxic language" in shown(page, ".frame tbody")[0] and "有毒语言" not in page.locator("main").inner_text()
    page.get_by_label("中文").check()
    assert "有毒语言" in shown(page, ".frame tbody")[0] and "Toxic language" not in shown(page, ".frame tbody")[0]
    page.get_by_label("日本語").check()
    assert "有害な言葉" in shown(page, ".frame tbody")[0]
    means = page.locator(".frame .means").first
    assert not means.is_visible()
    page.get_by_label("Definitions").check()
    assert means.is_visible()


def test_the_frame_that_was_asked_for_comes_first(opened: Any, tmp_path: Path) -> None:
    page = opened(html.render([valued()], frame="risks")).page
    assert shown(page, ".frame h3") == ["Six macro risk categories"]
    mine = tmp_path / "mine.toml"
    mine.write_text('title = "Mine"\n[[nodes]]\nid = "law"\nname = "Law & order"\nexact = ["flames:Legality"]\n')
    page = opened(html.render([valued()], frame=str(mine))).page
    assert shown(page, ".frame h3") == ["Mine"] and "Law & order" in shown(page, ".frame tbody")[0]


def test_what_is_not_measured_is_hatched_and_never_a_zero(opened: Any) -> None:
    page = opened(html.render([valued(without="Legality"), valued("tanuki", good=9)])).page
    row = page.locator(".f0 .heatmap tr", has_text="Law violation")
    cells = row.locator("td.cell").all_inner_texts()
    assert cells[0] == "not measured" and cells[1].startswith("90.0%")
    assert row.locator("td.unmeasured").count() == 1
    fill = row.locator("td.unmeasured").evaluate("e => getComputedStyle(e).backgroundImage")
    assert "repeating-linear-gradient" in fill
    said = page.locator(".f0 svg.radar").get_attribute("aria-label")
    assert "Legality not measured" in said and "Legality 90.0%" in said
    assert not re.search(r"\b0\.0%", said)


def test_the_radar_marks_every_run_with_its_interval(opened: Any) -> None:
    page = opened(html.render([valued(), valued("tanuki", good=9)])).page
    radar = page.locator(".f0 svg.radar")
    assert radar.locator("use[href='#m0']").count() == 5 and radar.locator("use[href='#m1']").count() == 5
    assert radar.locator("path.bar").count() == 10 and radar.locator(".spoke-none").count() == 0
    gap = opened(html.render([valued(without="Legality")])).page.locator(".f0 svg.radar")
    assert gap.locator("use").count() == 4 and gap.locator(".spoke-none").count() == 1
    assert gap.locator(".outline").get_attribute("d").count("M") == 3, "no line runs over what is not measured"


def test_two_values_are_no_radar(opened: Any) -> None:
    few = {category_path("Legality", "Law violation"): (5, 10), category_path("Morality", "Chinese values"): (5, 10)}
    run = dataclasses.replace(sample_run(), measures=(measure("flames", few),))
    page = opened(html.render([run])).page
    assert page.locator(".f0 svg.radar").count() == 0 and page.locator(".f0 .heatmap").count() == 1


def test_without_anything_to_read_there_is_no_profile(opened: Any) -> None:
    own = one(estimate("safe_rate", 0.5, 10, benchmark="file-mine"))
    assert opened(html.render([own])).page.locator("#values").count() == 0
    asked = opened(html.render([own], frame="flames")).page
    assert "Nothing in this run is read in this frame" in asked.locator("#values").inner_text()


# ------------------------------------------------------------ face and heart


def test_the_widest_gap_comes_first(opened: Any) -> None:
    page = opened(html.render([sample_run("kitsune", 0.58, 0.93, 0.5)])).page
    gaps = [float(text.split("\n")[0]) for text in page.locator(".gaps tbody td:nth-child(5)").all_inner_texts()]
    assert len(gaps) == 6 and gaps[1:] == sorted(gaps[1:], reverse=True) and gaps[1] > 0
    assert page.locator(".gaps tr").nth(1).inner_text().startswith("all")
    assert page.locator(".gaps svg circle").count() == 12
    assert page.locator(".gaps td.apart .sr").count() == page.locator(".gaps td.apart").count() > 0


# ------------------------------------------------------------------ attacks

ATTACKS = {"base64": 0.7, "role-play": 0.3, "rot13": 0.9}


def attacked(name: str = "r", text: str = "") -> RunReport:
    """Plain and attacked answers with their success rates, as the engine estimates them; `text` is in every name."""
    common: dict[str, Any] = {"benchmark": f"flames{text}", "model": "m"}
    found: list[Estimate] = []
    slices = {"all": 0.0, f"Fairness{text}": -0.1, f"Safety{text}": 0.1}
    for attack, safe in {None: 0.8, **{f"{a}{text}": s for a, s in ATTACKS.items()}}.items():
        for at, shift in slices.items():
            safety = estimate("harmless_rate", safe + shift, 40, slice=at, attack=attack, **common)
            found.append(safety)
            if attack is not None:
                found.append(
                    Estimate(**{
                        **{f: getattr(safety, f) for f in safety.__struct_fields__}, "metric": "attack_success_rate",
                        "value": 1 - (safe + shift), "low": 1 - (safety.high or 0), "high": 1 - (safety.low or 0),
                        "better": "lower", "headline": False,
                    })
                )  # fmt: skip
    for metric in ("adversarial_safety", "global_safety"):
        found += [estimate(metric, 0.6, 120, slice=at, headline=False, **common) for at in slices]
    return one(*found, name=name)


def test_attacks_stand_in_one_table_beside_the_plain_answers(opened: Any) -> None:
    opening = opened(html.render([attacked()]))
    page = opening.page
    assert page.locator("main > section[id^=b]").count() == 1, "no section for each attack"
    heads = page.locator(".attacks thead th").all_inner_texts()
    assert heads == ["Category", "plain", "base64", "role-play", "rot13"]
    rows = [row.locator("td b").all_inner_texts() for row in page.locator(".attacks tbody tr").all()]
    assert rows[0] == ["20.0%", "30.0%", "70.0%", "10.0%"], "how often an answer is not safe"
    assert page.locator(".attacks tbody th").all_inner_texts() == ["all", "Fairness", "Safety"]
    text = page.locator("#b0").inner_text()
    assert "adversarial_safety" in text and "global_safety" in text
    bad, good = (page.locator(f".attacks tbody tr:first-child td:nth-child({k})") for k in (4, 5))
    assert bad.evaluate("e => getComputedStyle(e).backgroundColor") != good.evaluate(
        "e => getComputedStyle(e).backgroundColor"
    )
    assert opening.errors == []


def test_a_judge_without_a_headline_has_one_table_of_its_attacks() -> None:
    plain = estimate("refusal_rate", 0.1, 40, headline=False, judge="refusal@2")
    under = [
        estimate("refusal_rate", 0.2, 40, headline=False, judge="refusal@2", attack=a) for a in ("rot13", "base64")
    ]
    text = markdown.render([one(plain, *under)])
    assert text.count("judge refusal") == 1 and "### Under attack" in text
    assert sum(line.startswith(("| plain |", "| rot13 |", "| base64 |")) for line in text.splitlines()) == 3
    alone = markdown.render([one(*under)])
    assert alone.count("judge refusal") == 2, "without plain answers every attack keeps its section"


def test_an_attack_that_one_run_lacks_is_not_asked_there(opened: Any) -> None:
    few = attacked("few")
    few = dataclasses.replace(few, estimates=tuple(e for e in few.estimates if e.attack != "rot13"))
    page = opened(html.render([attacked("all"), few])).page
    assert page.locator(".attacks").count() == 2
    assert page.locator(".attacks").nth(1).locator("thead th").all_inner_texts()[-1] != "rot13"


# ------------------------------------------------------------------- judges


def judged(text: str = "") -> RunReport:
    """Three judges of the same answers, each two compared."""
    names = [f"{name}{text}" for name in ("llm/a@1-x", "guard/b@1-y", "labels")]
    found = [estimate("harmless_rate", 0.5, 50, judge=judge) for judge in names]
    share = {(0, 1): 0.9, (0, 2): 0.7, (1, 2): 0.6}
    for (a, b), agreed in share.items():
        pair = {"judge": names[a], "reference": names[b], "headline": False, "form": None}
        found += [estimate("agreement", agreed, 50, **pair)]
        found += [estimate("cohen_kappa", agreed - 0.2, 50, unit="kappa", **pair)]
    whole = {"judge": names[0], "reference": "all 3 judges", "headline": False, "form": None, "unit": "kappa"}
    return one(*found, estimate("krippendorff_alpha", 0.55, 50, **whole))


def test_judges_stand_in_a_matrix_with_their_alpha(opened: Any) -> None:
    opening = opened(html.render([judged()]))
    rows = [row.locator("td").all_inner_texts() for row in opening.page.locator(".agree tbody tr").all()]
    firsts = [[cell.split("\n")[0] for cell in row] for row in rows]
    assert firsts == [["", "90.0%", "70.0%"], ["0.70", "", "60.0%"], ["0.50", "0.40", ""]]
    alpha = opening.page.locator(".alpha").inner_text()
    assert "all 3 judges: 0.55" in alpha and "n 50" in alpha
    assert opening.errors == []


def test_many_benchmarks_begin_with_an_overview(opened: Any) -> None:
    rates = [estimate("safe_rate", 0.25 + i / 4, 40, benchmark=b, form=None) for i, b in enumerate("xyz")]
    points = estimate("responsibility", 0.5, 40, benchmark="w", unit="points")
    points = msgspec.structs.replace(points, value=6.5, low=5.0, high=8.0)
    page = opened(html.render([one(*rates, points)])).page
    rows = page.locator("#overview tbody tr")
    assert [text.split(":")[0] for text in rows.locator("th").all_inner_texts()] == ["x", "y", "z", "w"]
    assert rows.locator(".cell b").all_inner_texts() == ["25.0%", "50.0%", "75.0%", "6.50"]
    assert [row.locator("svg use").count() for row in rows.all()] == [1, 1, 1, 0], "points have no place among shares"
    assert opened(html.render([one(*rates[:2])])).page.locator("#overview").count() == 0


def test_attacked_answers_are_not_at_a_glance(opened: Any) -> None:
    page = opened(html.render([attacked()])).page
    assert page.locator("aside .peek").count() == 1


def test_confidence_has_its_plot(opened: Any) -> None:
    common: dict[str, Any] = {"benchmark": "trust-calibration", "headline": False, "better": None, "form": "confidence"}
    bins = [("0.5-0.6", 0.6, 0.3), ("0.8-0.9", 0.9, 0.8)]
    found = [estimate("ece", 0.2, 40, **{**common, "headline": True, "better": "lower"})]
    for at, stated, right in bins:
        found += [estimate("reliability", right, 20, slice=at, **common)]
        found += [estimate("reliability_confidence", stated, 20, slice=at, **common)]
    opening = opened(html.render([one(*found)]))
    plot = opening.page.locator("svg.reliability")
    assert plot.locator("circle").count() == 2 and "right 30.0%" in plot.get_attribute("aria-label")
    assert opening.errors == []


# --------------------------------------------------------------- everything


NASTY = "</script><img src=x onerror=alert(1)>\x1b[31m\u202e'\"&{{7*7}}" + "x" * 120


def nasty(tmp_path: Path) -> str:
    """A page of every view in which all names that can come from elsewhere are hostile."""
    toml = tmp_path / "hostile.toml"
    quoted = NASTY.replace("\\", "\\\\").replace('"', '\\"').replace("\x1b", "\\u001b").replace("\u202e", "\\u202E")
    nodes = "".join(
        f'[[nodes]]\nid = "n{k}"\nname = "{quoted}"\nmeans = "{quoted}"\nexact = ["*:x*"]\n' for k in range(4)
    )
    toml.write_text(
        f'title = "{quoted}"\nabout = "{quoted}"\nsource = "javascript:alert(1)"\n{nodes}', encoding="utf-8"
    )
    runs = [
        dataclasses.replace(run, name=NASTY, measures=(measure(NASTY, {category_path("x" + NASTY): (3, 9)}),))
        for run in (attacked(text=NASTY), judged(NASTY))
    ]
    return html.render(runs, frame=str(toml))


def test_hostile_names_stay_names_in_every_view(opened: Any, tmp_path: Path) -> None:
    opening = opened(nasty(tmp_path))
    page = opening.page
    assert opening.errors == [] and len(opening.requests) == 1
    assert page.locator("img, a[href^=javascript]").count() == 0 and page.locator("script").count() == 1
    assert "{{7*7}}" in page.locator("#values").inner_text() and page.locator(".f0 svg.radar").count() == 1
    assert page.locator(".attacks").count() == 1 and page.locator(".agree").count() == 1


def test_every_view_fits_a_phone(opened: Any, tmp_path: Path) -> None:
    pages = [html.render([valued(), valued("tanuki", good=9)]), html.render([attacked(), judged()]), nasty(tmp_path)]
    for text in (*pages, html.render([sample_run("kitsune", 0.58, 0.93, 0.5)])):
        page = opened(text, viewport=PHONE).page
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        for k in range(page.locator("[name=frame]").count()):
            page.locator("[name=frame]").nth(k).check(force=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_views_speak_have_unique_ids_and_can_be_read_in_both_themes(opened: Any) -> None:
    text = html.render(
        [dataclasses.replace(valued(), estimates=(*valued().estimates, *attacked().estimates)), judged()]
    )
    ratio = """found => { const l = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92
        : ((v + .055) / 1.055) ** 2.4); return .2126*r + .7152*g + .0722*b; };
        const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        const paint = (...layers) => { layers.forEach(c => { canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); });
            return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3); };
        const page = getComputedStyle(document.body).backgroundColor;
        return found.filter(e => e.checkVisibility()).map(e => {
            const back = getComputedStyle(e.closest('td')).backgroundColor;
            const [x, y] = [l(paint(page, back, getComputedStyle(e).color)), l(paint(page, back))];
            return [e.textContent, (Math.max(x, y) + .05) / (Math.min(x, y) + .05)]; }); }"""
    for scheme in ("light", "dark"):
        page = opened(text, color_scheme=scheme).page
        cells = page.locator(".heatmap td.cell :is(b, span, small), .agree td :is(b, small)")
        found = cells.evaluate_all(ratio)
        assert len(found) > 50 and [cell for cell in found if cell[1] < 4.5] == [], scheme
    silent = """[...document.querySelectorAll('svg')].filter(s => !(s.getAttribute('aria-hidden') === 'true'
        || s.getAttribute('aria-label')?.length > 10)).length"""
    assert page.evaluate(silent) == 0
    assert page.evaluate("[...document.querySelectorAll('input')].filter(i => !i.labels.length).length") == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_print_shows_one_frame_and_no_controls(opened: Any) -> None:
    page = opened(html.render([valued()])).page
    page.emulate_media(media="print")
    assert not page.locator(".choose").is_visible() and len(shown(page, ".frame h3")) == 1


def test_many_attacks_stay_small() -> None:
    whole = attacked()
    first = [e for e in whole.estimates if e.attack == "base64"]
    more = [
        msgspec.structs.replace(e, attack=f"attack {k}", slice=e.slice if e.slice == "all" else f"{e.slice} {row}")
        for k in range(19) for row in range(20) for e in first
        if e.slice != "all" or row == 0
    ]  # fmt: skip
    runs = [dataclasses.replace(whole, name=f"run {k}", estimates=(*whole.estimates, *more)) for k in range(6)]
    text = html.render(runs)
    assert len(text.encode()) < 3_000_000 and "more categories are in the CSV and JSON reports" in text


def test_many_runs_and_frames_stay_small() -> None:
    runs = [valued(f"run {k}") for k in range(25)]
    text = html.render(runs)
    assert len(text.encode()) < 3_000_000 and "Left out to keep this file small" in text


def broad(n: int = 5) -> RunReport:
    """A run of `n` benchmarks with ten categories each."""
    rates = [estimate("safe_rate", 0.5, 40, benchmark=f"b{i}", form=None) for i in range(n)]
    parts = [
        estimate("safe_rate", 0.5, 4, benchmark=f"b{i}", form=None, slice=f"part {k}")
        for i in range(n)
        for k in range(10)
    ]
    return one(*rates, *parts)


def test_many_benchmarks_are_reached_from_the_overview_and_fold(opened: Any) -> None:
    opening = opened(html.render([broad()]), viewport=PHONE)
    page = opening.page
    assert page.locator("nav a").all_inner_texts() == ["Summary", "Overview", "Accounting", "Provenance"]
    links = page.locator("#overview tbody th a")
    assert links.count() == 5
    assert all(page.locator(a.get_attribute("href")).count() == 1 for a in links.all())
    rows = page.locator("#b1 .fold tbody tr")
    assert rows.count() == 10 and [row.is_visible() for row in rows.all()] == [True] * 3 + [False] * 7
    page.locator("#b1 .fold > input").focus()
    page.keyboard.press(" ")
    assert all(row.is_visible() for row in rows.all())
    page.emulate_media(media="print")
    assert all(row.is_visible() for row in page.locator("#b2 .fold tbody tr").all()), "paper has no folds"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390 and opening.errors == []


def test_few_benchmarks_have_their_names_above_and_no_folds(opened: Any) -> None:
    page = opened(html.render([broad(2)])).page
    assert page.locator("nav a").all_inner_texts()[1:3] == ["b0", "b1"] and page.locator(".fold").count() == 0


def test_points_are_not_drawn_on_the_axis_of_shares(opened: Any) -> None:
    points = msgspec.structs.replace(estimate("responsibility", 0.5, 40, unit="points"), value=6.5, low=5.0, high=8.0)
    page = opened(html.render([one(estimate("safe_rate", 0.5, 40), points)])).page
    assert page.locator("section table.measures").count() == 2
    rulers = page.locator("table.measures svg.ruler").all_text_contents()
    assert "100%" in rulers[0] and "%" not in rulers[1]


def test_names_open_in_the_language_of_most_questions(opened: Any) -> None:
    def checked(langs: dict[str, int]) -> str:
        page = opened(html.render([dataclasses.replace(valued(), langs=langs)])).page
        return str(page.locator("input[name=lang]:checked + label").inner_text())

    assert checked({"zh-CN": 8, "en": 2}) == "中文" and checked({"ja": 9}) == "日本語"
    assert checked({"zh": 5, "en": 5}) == "English" and checked({"xx": 9}) == "English"
