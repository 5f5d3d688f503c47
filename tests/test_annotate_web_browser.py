"""The owner's pages in real Chromium: live numbers under the strict policy, phone width, no scripts, both themes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from annotate_parts import Team, a_run, a_team
from annotate_site_parts import Person, Site, chromium
from honne.annotate.database import Database
from honne.annotate.projects import Plan

LONG = "a-very-long-name-without-any-place-to-break-it-" * 3
PAGES = ("overview", "agreement", "items", "items/1", "people", "log", "exports")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Team]]:
    folder = tmp_path_factory.mktemp("browser")
    run = a_run(folder / "run", 8, category=lambda i: f"{LONG}/{i % 2}", text=lambda i: f"{LONG * 3} {i}")
    database = Database.open(f"sqlite:///{folder}/labels.db")
    team = a_team(database, [run], Plan("safe"), name="Phone")
    for number, user in enumerate(team.annotators):
        for _ in range(5):
            task = team.next(user)
            assert task is not None
            team.label(user, task.answer_id, "unsafe" if number and task.answer_id % 2 else "safe")
    site = Site(database, runs=(run.path,))
    yield site, team
    site.stop()
    database.close()


def test_numbers_renew_themselves_under_the_policy(browser: Any, kept: tuple[Site, Team]) -> None:
    site, team = kept
    owner = Person(browser, site, "owner0@Phone")
    owner.page.clock.install()
    owner.go(f"/projects/{team.project}/overview")
    before = owner.page.inner_text("#live .card b")
    task = team.next(team.annotators[0])
    assert task is not None
    team.label(team.annotators[0], task.answer_id, "safe")
    owner.page.clock.fast_forward(21_000)
    owner.until("was => document.querySelector('#live .card b').innerText !== was", before)
    done = int(before.split()[0])
    assert owner.page.inner_text("#live .card b").startswith(f"{done + 1} of")
    # A second time: what was put in place renews itself as well.
    task = team.next(team.annotators[0])
    assert task is not None
    team.label(team.annotators[0], task.answer_id, "safe")
    owner.page.clock.fast_forward(21_000)
    owner.until(f"() => document.querySelector('#live .card b').innerText.startsWith('{done + 2} of')")
    assert owner.errors == [] and owner.foreign == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-US", "zh-CN", "ja-JP"])
def test_pages_fit_a_phone_without_scripts(browser: Any, kept: tuple[Site, Team], scheme: str, locale: str) -> None:
    site, team = kept
    phone = {"viewport": {"width": 390, "height": 800}, "color_scheme": scheme, "locale": locale}
    owner = Person(browser, site, "owner0@Phone", java_script_enabled=False, **phone)
    owner.context.add_cookies([{"name": "honne_lang", "value": locale[:2], "url": site.url}])
    for path in ("/", "/projects/new", *(f"/projects/{team.project}/{page}" for page in PAGES)):
        owner.go(path)
        assert owner.page.get_attribute("html", "lang") == locale[:2]
        # Playwright can measure a page whose own scripts are off.
        wide = owner.page.locator("body").bounding_box()["width"], owner.page.locator("main").bounding_box()["width"]
        assert max(wide) <= 390, path
        for part in owner.page.locator("main > *, main > form > *, #live > *").all():
            box = part.bounding_box()
            assert box is None or box["x"] + box["width"] <= 391, (path, part.inner_text()[:80])
    dark = owner.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 27)"
    assert dark == (scheme == "dark") and owner.errors == [] and owner.foreign == []


def test_language_and_appearance_are_chosen_from_the_menu(browser: Any, kept: tuple[Site, Team]) -> None:
    site, team = kept
    viewer = Person(browser, site, "viewer2@Phone", color_scheme="light")
    viewer.go(f"/projects/{team.project}/items?show=disputed")
    viewer.page.locator(".menu > summary").focus()
    viewer.press("Enter", "Tab", "Tab", "Tab", "Enter")
    viewer.page.wait_for_selector("html[lang=ja]")
    assert viewer.page.url.endswith("/items?show=disputed"), "one stays where one was"
    viewer.page.locator(".menu > summary").click()
    viewer.page.click(".menu button[value=dark]")
    viewer.page.wait_for_selector("html[data-theme=dark]")
    assert viewer.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 27)"
    viewer.page.locator(".menu > summary").click()
    viewer.page.click("#logout")
    viewer.page.wait_for_url("**/login")
    viewer.page.go_back()
    assert "Phone" not in viewer.page.content(), "nothing is left in the browser's history"
    assert viewer.errors == []


def test_every_control_has_a_name_and_a_text_stays_hidden_until_asked(
    browser: Any, kept: tuple[Site, Team], tmp_path: Path
) -> None:
    site, team = kept
    owner = Person(browser, site, "owner0@Phone")
    for path in ("/projects/new", *(f"/projects/{team.project}/{page}" for page in PAGES)):
        owner.go(path)
        nameless = owner.page.evaluate(
            """() => [...document.querySelectorAll("button, a, input:not([type=hidden]), select, textarea")]
            .filter(e => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).map(e => e.outerHTML)"""
        )
        assert nameless == [], path
    owner.go(f"/projects/{team.project}/items/1")
    assert not owner.page.locator(".text").first.is_visible()
    owner.page.locator("details.more > summary").click()
    assert owner.page.locator(".text").first.is_visible()
    assert owner.errors == []
