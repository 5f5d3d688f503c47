"""The HTML report in a real browser: it loads nothing, obeys nothing that is in the data, and can be read by anyone."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honne.records import Message, category_path
from honne.report import html
from honne.report._text import clean
from honne.report.model import Example, Part, RunReport, Worst
from test_report_formats import one, paired
from test_report_samples import FLAMES, JUDGE, account, estimate, info, sample_run

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser: {CHROMIUM} is not installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


class Opened:
    """A page with everything it did: requests beyond its own file, script errors, refusals of its policy."""

    def __init__(self, browser: Any, path: Path, **context: Any) -> None:
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.context = browser.new_context(**context)
        self.page = self.context.new_page()
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("dialog", lambda d: (self.errors.append(f"dialog {d.message}"), d.dismiss()))
        self.page.goto(path.as_uri())

    def color(self, selector: str, property: str = "backgroundColor") -> str:
        found: str = self.page.eval_on_selector(selector, f"e => getComputedStyle(e).{property}")
        return found


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Any]:
    pages: list[Opened] = []

    def open_page(text: str, **context: Any) -> Opened:
        path = tmp_path / f"report{len(pages)}.html"
        path.write_text(text, encoding="utf-8")
        pages.append(Opened(browser, path, **context))
        return pages[-1]

    yield open_page
    for page in pages:
        page.context.close()


def pair() -> str:
    return html.render([sample_run("kitsune", 0.58, 0.93, 0.5), sample_run("tanuki", 0.55, 0.86, 0.84)])


def test_the_page_loads_nothing_and_logs_nothing(opened: Any) -> None:
    for text in (html.render([sample_run()]), pair(), html.render([])):
        page = opened(text)
        assert [url for url in page.requests if not url.startswith("file://")] == [] and len(page.requests) == 1
        assert page.errors == []


def test_an_example_is_blurred_until_it_is_clicked(opened: Any) -> None:
    page = opened(html.render([sample_run()])).page
    text = page.locator(".veiled").first
    assert "blur" in text.evaluate("e => getComputedStyle(e).filter") and text.evaluate("e => e.inert")
    page.locator(".veil > label").first.click()
    assert text.evaluate("e => getComputedStyle(e).filter") == "none" and not text.evaluate("e => e.inert")
    assert "blur" in page.locator(".veiled").nth(1).evaluate("e => getComputedStyle(e).filter"), "only the one"
    page.locator(".veil > label").first.click()
    assert "blur" in text.evaluate("e => getComputedStyle(e).filter")


@pytest.mark.parametrize("key", ["Enter", " "])
def test_an_example_opens_by_keyboard(opened: Any, key: str) -> None:
    page = opened(html.render([sample_run()])).page
    page.locator(".veil > input").first.focus()
    page.keyboard.press(key)
    assert page.locator(".veiled").first.evaluate("e => getComputedStyle(e).filter") == "none"
    assert page.locator(".veil > input").first.evaluate("e => e.checked")


def test_without_scripts_examples_stay_blurred_and_still_open(opened: Any) -> None:
    page = opened(html.render([sample_run()]), java_script_enabled=False).page
    box = page.locator(".veil").first
    before = box.screenshot()
    page.locator(".veil > label").first.click()
    assert page.locator(".veil > input").first.is_checked() and box.screenshot() != before


def test_all_answers_of_a_section_open_and_close_with_one_button(opened: Any) -> None:
    page = opened(html.render([sample_run()])).page
    page.locator("button.all").first.click()
    first = page.locator(".answers").first.locator(".veil > input")
    assert first.evaluate_all("all => all.every(e => e.checked)") and first.count() == 6
    assert page.locator("button.all").first.inner_text() == "Hide all answers"
    page.locator("button.all").first.click()
    assert first.evaluate_all("all => all.every(e => !e.checked)")


def test_dark_mode_follows_the_system_and_the_button_overrides_it(opened: Any) -> None:
    light, dark = (opened(html.render([sample_run()]), color_scheme=scheme) for scheme in ("light", "dark"))
    assert light.color("body") != dark.color("body")
    assert light.color("body", "color") != dark.color("body", "color")
    was = light.color("body")
    light.page.click("#theme")
    assert light.color("body") == dark.color("body")
    assert light.page.get_attribute("#theme", "aria-pressed") == "true"
    light.page.click("#theme")
    assert light.color("body") == was


EVIL = [
    "<script>window.pwned=1;alert(1)</script>",
    '<img src=x onerror="window.pwned=1;alert(1)">',
    "</script><script>window.pwned=1</script>",
    "</style><style>body{display:none}</style><svg onload=window.pwned=1>",
    '" onmouseover="window.pwned=1" style="display:none" x="',
    "' onfocus='window.pwned=1' autofocus='",
    "javascript:window.pwned=1",
    "{{ 7*7 }}{% raw %}{{ config }}",
    "--><!-- <![CDATA[ ]]> &lt;b&gt; \u202egnp.exe\u2066 \x00\x1b[31m \ud800",
    "</title></textarea><iframe src=https://evil.example></iframe><base href=https://evil.example>",
    "<link rel=stylesheet href=https://evil.example/x.css><meta http-equiv=refresh content='0;url=https://evil.example'>",
]


def hostile(text: str) -> RunReport:
    """A run in which every text that can come from elsewhere is `text`."""
    where: dict[str, Any] = {"benchmark": text, "attack": text, "judge": text, "method": text, "model": text}
    top = estimate("open_rate", 0.9, 50, **where, missing=2)
    leaf = estimate("open_rate", 0.4, 20, slice=category_path(text, text), **where, form=text)
    part = Part(text, text, 1, (text, text), text, text, text, text, text)
    spec: dict[str, Any] = {
        "benchmarks": [{"name": text, "version": text, "title": text, "url": text}],
        "model": {"name": text, "spec": text, "settings": {text: text}}, "limit": text,
        "judges": [{"key": text, "name": text, "spec": text}],
    }  # fmt: skip
    data = [{"dataset": text, "file": text, "url": text, "licence": text, "sha256": text, "matches": False}]
    return RunReport(
        name=text,
        path=Path("runs/x"),
        info=info("x", spec=spec, data=data, notes=[text], served_models=[text, "other"], why=text, state="stopped",
                  started=text, finished=text, honne=text, prompts={text: {text: text}},
                  cost={"model": None, "judges": {text: None}}, tokens={"model": [text, text]}),
        estimates=(
            top,
            leaf,
            estimate("choice_rate", 0.5, 50, **where),
            estimate(text, 0.5, 50, **where, reference=text),
        ),
        accounts=(dataclasses.replace(account(text, text, 10, text), attack=text),),
        examples=(Worst(leaf, 3, (Example(text, text, 0.0, (Message(text, text),), (part,)),)),),
        damage=(text,),
    )  # fmt: skip


def test_text_from_data_is_only_ever_text(opened: Any) -> None:
    """All attacks on one page, a run each: nothing runs, loads, links or hides, and each is shown as it is."""
    opening = opened(html.render([hostile(text) for text in EVIL]), color_scheme="light")
    page = opening.page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    page.evaluate("document.querySelectorAll('.veil > label').forEach(label => label.click())")
    page.locator("h1").hover()
    assert opening.errors == [] and len(opening.requests) == 1
    assert page.evaluate("window.pwned") is None
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, object, embed, base, link, form, textarea").count() == 0
    attributes = page.evaluate("[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())")
    assert not [name for name in attributes if name == "style" or name.startswith("on")]
    assert page.evaluate("[...document.querySelectorAll('a')].every(a => /^(#|https?:)/.test(a.getAttribute('href')))")
    assert page.locator("footer").is_visible()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2066]", page.content())
    shown = page.locator(".veiled .answer").all_text_contents()
    assert shown == [clean(text) for text in EVIL]


def test_the_policy_stops_what_escaping_would_miss(opened: Any) -> None:
    text = html.render([sample_run()])
    evil = "<script>window.pwned=1</script><img src='https://evil.example/x' onerror='window.pwned=1'>"
    evil += "<style>h1{color:red}</style>"
    page = opened(text.replace("<h1>", evil + "<h1>"))
    assert page.page.evaluate("window.pwned") is None
    assert page.color("h1", "color") != "rgb(255, 0, 0)"
    assert any("Content Security Policy" in e for e in page.errors), "the injection was real"


def test_ten_thousand_items_stay_under_3_mb() -> None:
    answer = "<答え> " * 4000
    runs = []
    for k in range(6):
        leaves = [
            estimate("harmless_rate", 0.3, 10, slice=category_path(f"top {i % 50}", f"a category with a long name {i}"))
            for i in range(1000)
        ]
        examples = tuple(
            Worst(e, 9, tuple(
                Example(f"item-{i}", "ja", 0.0, (Message("user", answer),),
                        tuple(Part(f"i{i}", f, 0, (answer, answer), "A", "ok", answer, "1", answer) for f in "abc"))
                for i in range(5)))
            for e in leaves[:40]
        )  # fmt: skip
        whole = estimate("harmless_rate", 0.3, 10_000)
        runs.append(
            one(
                whole, *leaves, name=f"run {k}", examples=examples, accounts=(account("flames", "open", 10_000, JUDGE),)
            )
        )
    text = html.render(runs)
    assert len(text.encode()) < 3_000_000
    assert "more categories are in the CSV and JSON reports" in text and "further example answers are left out" in text


def test_it_fits_a_phone(opened: Any) -> None:
    page = opened(pair(), viewport={"width": 390, "height": 844}).page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_long_unbroken_name_does_not_widen_a_phone(opened: Any) -> None:
    page = opened(html.render([hostile("x" * 300)]), viewport={"width": 390, "height": 844}).page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_print_hides_what_was_not_opened_and_the_controls(opened: Any) -> None:
    opening = opened(html.render([sample_run()]), color_scheme="light")
    page = opening.page
    page.locator(".veil > label").first.click()
    page.click("#theme")
    page.emulate_media(media="print")
    assert opening.color("body") == "rgb(255, 255, 255)", "a page read in the dark prints on white"
    assert page.locator(".veiled").first.is_visible() and not page.locator(".veiled").nth(1).is_visible()
    assert not page.locator("#theme").is_visible() and page.locator("h1").is_visible()


def test_every_picture_speaks_and_every_control_has_a_name(opened: Any) -> None:
    page = opened(pair()).page
    silent = page.evaluate("""[...document.querySelectorAll('svg')].filter(
        s => !(s.getAttribute('aria-hidden') === 'true' || s.getAttribute('aria-label')?.length > 10)).length""")
    assert silent == 0
    stack = page.locator("svg.stack").first.get_attribute("aria-label")
    assert stack == "1,000 in all: 992 ok, 4 filtered, 4 error"
    assert "says 90.0%" in page.locator("svg.dumbbell").get_attribute("aria-label")
    unnamed = "[...document.querySelectorAll('input')].filter(i => !i.labels.length).length"
    assert page.evaluate(unnamed) == 0
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_shapes_tell_runs_apart_without_colour() -> None:
    text = pair()
    first, second = (re.search(rf'<use href="#m{k}"', text) for k in (0, 1))
    assert first and second


def test_both_themes_have_enough_contrast(opened: Any) -> None:
    ratio = """([a, b]) => { const l = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number)
        .map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126*r + .7152*g + .0722*b; };
        const [x, y] = [l(a), l(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); }"""
    for scheme in ("light", "dark"):
        page = opened(html.render([sample_run()]), color_scheme=scheme)
        for selector in ("body", ".how", "dd a", ".role .verdict", ".range"):
            found = page.page.evaluate(ratio, [page.color(selector, "color"), page.color("body")])
            assert found >= 4.5, f"{scheme} {selector}: {found:.2f}"


def test_the_face_is_set_against_the_heart(opened: Any) -> None:
    page = opened(pair()).page
    says = page.locator("#says").inner_text()
    assert "it talks more safely than it chooses" in says and "no gap between face and heart is shown" in says
    square = page.locator("table.square").first.inner_text()
    assert "46.7%" in square and "43.3%" in square
    assert page.locator("svg.scatter g.whole").count() == 2 and page.locator("svg.scatter g.part").count() == 10


def test_withheld_paper_rules_and_differing_data_are_said(opened: Any) -> None:
    bad = info("kitsune")
    bad["data"][0] |= {"matches": False, "sha256": "d" * 64}
    held = one(estimate("harmless_rate", 0.4321, 100, missing=30), info=bad, paper=True)
    text = opened(html.render([held])).page.locator("main").inner_text()
    assert "withheld" in text and "70.0% judged" in text and "43.2" not in text
    assert "aper rules" in text and "✗ differs" in text and "expected " + "a" * 64 in text


def test_ties_are_letters_from_the_paired_tests(opened: Any) -> None:
    runs = [sample_run("kitsune", 0.5), sample_run("tanuki", 0.5)]
    row: dict[str, Any] = {"benchmark": "flames", "metric": "harmless_rate", "form": "open", "attack": None}
    page = opened(html.render(runs, {(0, 1): [paired(**row, separated=False)]})).page
    assert page.locator(".tie").all_inner_texts() == ["a", "a"]
    assert "not separated by the paired test" in page.locator("#says").inner_text()
    assert opened(html.render(runs)).page.locator(".tie").count() == 0


def test_categories_of_every_flames_part_are_there(opened: Any) -> None:
    text = opened(html.render([sample_run()])).page.locator("main").inner_text()
    for top, parts in FLAMES.items():
        assert top in text and all(part in text for part in parts)


def test_many_runs_stay_under_3_mb_and_what_is_left_out_is_said() -> None:
    def run(k: int) -> RunReport:
        rows = [estimate(f"m{j}", 0.5, 50, benchmark=f"b{i}", form=None) for i in range(6) for j in range(10)]
        return one(*rows, name=f"run {k}", accounts=tuple(account(f"b{i}", "open", 50, JUDGE) for i in range(6)))

    text = html.render([run(k) for k in range(150)])
    assert len(text.encode()) < 3_000_000
    cut = re.search(r"the first (\d+) of 150 runs", text)
    assert cut and int(cut.group(1)) >= 10
    assert "shortened" not in html.render([run(0), run(1)])
