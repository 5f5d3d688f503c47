"""The annotator's and the adjudicator's pages in real Chromium: by keyboard, unblurred on demand, nothing lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from annotate_parts import database_of, postgres
from annotate_site_parts import Ground, Person, Place, chromium
from honne.annotate import adjudicate, exporting
from honne.annotate.tables import Label, Slot
from honne.plugins import Verdict


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def ground(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Ground]:
    with ExitStack() as stack:
        postgresql = getattr(request, "param", "sqlite") == "postgresql"
        url = database_of(stack.enter_context(postgres()), "labels") if postgresql else None
        found = Ground(tmp_path_factory.mktemp("ground"), browser, url)
        stack.callback(found.close)
        yield found


BOTH = pytest.mark.parametrize("ground", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def place(ground: Ground) -> Iterator[Any]:
    made: list[Place] = []

    def make(guide: str = "flames", **more: Any) -> Place:
        made.append(Place(ground, guide, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


def saved(person: Person, words: str) -> None:
    from playwright.sync_api import TimeoutError as Waited

    try:
        person.page.wait_for_selector(f".said.on:has-text('{words}')")
    except Waited:
        said, chosen = person.page.text_content("#said"), person.page.locator("input[name=label]:checked").count()
        raise AssertionError(f"{words!r} not said, but {said!r}; chosen: {chosen}; {person.errors}") from None


# ------------------------------------------------------------------- labelling


@BOTH
def test_labelling_by_keyboard_alone(place: Any) -> None:
    here = place()
    ann = here.annotator()
    assert ann.page.inner_text(".progress").startswith("0 of 6 labelled")
    first = ann.item()
    ann.press("b", "1", "n")
    ann.page.keyboard.type("3 2 1 b? Enter")
    assert ann.page.input_value("#note") == "3 2 1 b? Enter", "keys do nothing while one types"
    assert ann.page.is_checked("input[name=label][value='1']")
    ann.press("Escape", "ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown", "Enter")
    saved(ann, "Saved.")
    assert ann.item() != first and ann.page.inner_text(".progress").startswith("1 of 6 labelled")
    assert ann.page.evaluate("document.activeElement.id") == "item-title", "a screen reader goes on with the new item"
    [(label, note, exposed, seconds)] = here.labels(Label.label, Label.note, Label.exposed, Label.seconds)
    assert (label, note, exposed) == ("2" if "Legality" not in first else "1", "3 2 1 b? Enter", True) or label in "31"
    assert 0 < seconds < 60


def test_every_key_of_the_ten_points(place: Any) -> None:
    here = place("responsibility", n=10)
    ann = here.annotator()
    for key in "1234567890":
        ann.label(key)
    assert sorted(here.labels(Label.label), key=lambda r: int(r[0])) == [(str(n),) for n in range(1, 11)]
    assert ann.page.inner_text("#item-title") == "All done"


@BOTH
def test_undo_takes_the_last_label_back_with_what_was_said(place: Any) -> None:
    here = place()
    ann = here.annotator()
    first = ann.item()
    ann.press("b", "1")
    ann.page.check("input[name=reasons] >> nth=0", force=True)
    ann.press("Enter")
    saved(ann, "Saved.")
    ann.press("Backspace")
    saved(ann, "Taken back")
    assert ann.item() == first and ann.page.is_checked("input[name=label][value='1']")
    assert ann.page.locator("input[name=reasons]:checked").count() == 1
    assert here.labels(Label.id) == []
    ann.press("b", "3", "Enter")
    saved(ann, "Saved.")
    assert here.labels(Label.label) == [("3",)]


@BOTH
def test_drafts_save_themselves_and_wait_in_the_queue(place: Any) -> None:
    here = place()
    ann = here.annotator()
    title = ann.item()
    ann.press("b", "1")
    saved(ann, "Draft saved")
    ann.page.fill("#note", "to be continued")
    ann.press("Control+s")
    ann.page.reload()
    assert ann.item() == title and ann.page.input_value("#note") == "to be continued"
    ann.press("ArrowRight")
    ann.until("was => document.querySelector('#item-title').innerText !== was", title)
    ann.go(f"{here.home}/queue?state=draft")
    assert ann.page.inner_text(".states [aria-current]").split() == ["Drafts", "1"]
    ann.page.click(".rows a")
    assert ann.item() == title and ann.page.is_checked("input[name=label][value='1']")


@BOTH
def test_stepping_through_ones_own_items(place: Any) -> None:
    here = place()
    ann = here.annotator()
    titles = []
    for _ in range(3):
        titles.append(ann.item())
        ann.label("3")
    titles.append(ann.item())
    for at in (2, 1, 0):
        ann.press("ArrowLeft")
        ann.until("t => document.querySelector('#item-title').innerText === t", titles[at])
    assert ann.page.locator("a[rel=prev][href]").count() == 0
    ann.press("b", "1", "Enter")
    saved(ann, "Saved.")
    assert ann.item() == titles[3], "a changed label leads back to what is open"
    assert sorted(label for (label,) in here.labels(Label.label)) == ["1", "3", "3"]


@BOTH
def test_a_discarded_item_goes_to_somebody_else(place: Any) -> None:
    here = place(overlap=1)
    ann = here.annotator()
    title = ann.item()
    ann.page.click("button[value=discard]")
    saved(ann, "Discarded.")
    assert ann.item() != title
    with here.database.read() as s:
        assert s.scalar(select(func.count()).where(Slot.project_id == here.team.project, Slot.state == "leased")) == 1
    bob = here.person("annotator4")
    bob.go(here.home)
    seen = [bob.item()]
    while title not in seen:
        bob.label("3")
        seen.append(bob.item())
    assert len(set(seen)) == len(seen)


# ------------------------------------------------------------- before it is shown


def test_a_text_is_blurred_until_asked_and_counted(place: Any) -> None:
    here = place()
    ann = here.annotator()
    text = ann.page.locator(".veiled")
    assert "blur" in text.evaluate("e => getComputedStyle(e).filter") and text.evaluate("e => e.inert")
    ann.press("3", "Enter")
    saved(ann, "You have not looked at the text yet")
    assert here.labels(Label.id) == []
    ann.press("Enter")
    saved(ann, "Saved.")
    assert here.labels(Label.exposed) == [(False,)]
    ann.press("b")
    assert text.evaluate("e => getComputedStyle(e).filter") == "none" and not text.evaluate("e => e.inert")
    ann.press("b")
    assert "blur" in text.evaluate("e => getComputedStyle(e).filter")
    ann.press("3", "Enter")
    ann.until("() => document.querySelector('.progress').innerText.includes('1 text shown')")
    assert here.labels(Label.exposed) == [(False,), (True,)], "seen once is seen"
    assert "blur" in text.evaluate("e => getComputedStyle(e).filter"), "the next one is blurred again"


def test_a_pause_is_suggested_after_much_harmful_text(place: Any) -> None:
    here = place(n=12)
    ann = here.annotator()
    for n in range(1, 11):
        assert ann.page.locator(".pause").count() == 0, n
        ann.label("1")
    assert "Time for a pause?" in ann.page.inner_text(".pause")
    ann.page.click(".pause button")
    assert ann.page.locator(".pause").count() == 0
    ann.label("1")
    assert ann.page.locator(".pause").count() == 0


def test_blind_unless_suggestions_are_on_and_never_preselected(place: Any) -> None:
    said = {"refusal@1": lambda i: "1"}
    here = place(suggestions="refusal@1", without_suggestion=0.0, judges=said, score=lambda v: Verdict(v, 1 / 3, 1.0))
    ann = here.annotator()
    assert "Suggestion of a judge: 1 · Harmful" in ann.page.inner_text(".suggestion").replace("\n", " ")
    assert ann.page.locator("input[name=label]:checked").count() == 0
    assert "secret-model" not in ann.page.content() and "refusal@1" not in ann.page.content()
    ann.label("3")
    assert here.labels(Label.label, Label.suggestion, Label.suggestion_judge) == [("3", "1", "refusal@1")]


def test_without_suggestions_nothing_of_a_judge_is_on_the_page(place: Any) -> None:
    here = place(judges={"refusal@1": lambda i: "1"}, score=lambda v: Verdict(v, 1 / 3, 1.0))
    ann = here.annotator()
    assert ann.page.locator(".suggestion").count() == 0
    assert "secret-model" not in ann.page.content() and "refusal" not in ann.page.content()


@BOTH
def test_two_answers_side_by_side(place: Any) -> None:
    here = place("preference", n=8)
    ann = here.annotator()
    boxes = [box.bounding_box() for box in ann.page.locator(".answers .answer").all()]
    assert len(boxes) == 2 and boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]
    chosen: dict[str, str] = {}
    for _ in range(8):
        first = ann.page.inner_text(".answers .text >> nth=0")
        chosen[ann.item()] = "a" if first.startswith("Answer") else "b"
        ann.label("1")
    # Whichever stood first, the label is in the order of the runs.
    stored = {f"Item {answer}": label for answer, label in here.labels(Label.answer_id, Label.label)}
    assert stored == chosen and set(chosen.values()) == {"a", "b"}


def test_the_category_is_shown_only_where_the_guide_has_a_part_for_it(place: Any) -> None:
    """XSTest's categories say which questions are unsafe, which must not sway whoever labels refusals."""
    flames = place(category=lambda i: "Fairness/Toxic language").annotator()
    assert "Fairness › Toxic language" in flames.page.inner_text(".where")
    refusal = place("refusal", category=lambda i: "unsafe/contrast_homonyms")
    ann = refusal.annotator()
    ann.label("1")
    assert "unsafe" not in ann.page.content() and "contrast" not in ann.page.content()
    ann.go(f"{refusal.home}/queue")
    assert "unsafe" not in ann.page.content()


# ------------------------------------------------------------------ nothing lost


@BOTH
def test_a_label_waits_in_the_browser_until_the_server_is_back(place: Any) -> None:
    here = place()
    ann = here.annotator()
    first = ann.item()
    here.site.stop()
    ann.press("b", "3", "Enter")
    saved(ann, "No connection")
    assert here.labels(Label.id) == []
    here.site.start()
    ann.until("was => document.querySelector('#item-title').innerText !== was", first)
    assert here.labels(Label.label) == [("3",)]
    ann.errors.clear()


def test_a_kept_label_is_sent_when_the_page_is_opened_again(place: Any) -> None:
    here = place()
    ann = here.annotator()
    ann.page.route("**/label/*", lambda route: route.abort())
    ann.press("b", "3", "Enter")
    saved(ann, "No connection")
    # The page itself would send it within a second or two: it is left before it can.
    ann.go("/static/icon.svg")
    ann.page.unroute("**/label/*")
    ann.go(here.home)
    saved(ann, "Connected again")
    assert here.labels(Label.label) == [("3",)]
    ann.errors.clear()


@BOTH
def test_the_same_request_twice_is_one_label(place: Any) -> None:
    """The answer to a label is lost on its way: the browser sends it again, with the same key."""
    here = place()
    ann = here.annotator()
    bodies: list[str] = []

    def lose(route: Any) -> None:
        # On a slow machine a draft may come before the label.
        label = "do=submit" in route.request.post_data
        bodies.extend([route.request.post_data] * label)
        if label and len(bodies) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    ann.page.route("**/label/*", lose)
    ann.label("3")
    assert len(bodies) == 2 and bodies[0] == bodies[1] and "key=" in bodies[0]
    assert len(here.labels(Label.id)) == 1
    ann.errors.clear()


def test_undo_sent_twice_takes_back_one_label(place: Any) -> None:
    here = place()
    ann = here.annotator()
    ann.label("3")
    ann.label("3")
    sent: list[str] = []

    def lose(route: Any) -> None:
        sent.append(route.request.post_data)
        if len(sent) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    ann.page.route("**/undo", lose)
    third = ann.item()
    ann.press("Backspace")
    ann.until("was => document.querySelector('#item-title').innerText !== was", third)
    assert len(sent) == 2 and len(here.labels(Label.id)) == 1
    ann.errors.clear()


def test_a_choice_is_kept_when_the_page_is_left_at_once(place: Any) -> None:
    here = place()
    ann = here.annotator()
    first = ann.item()
    ann.label("3")
    second = ann.item()
    ann.press("b", "1", "ArrowLeft")
    ann.until("t => document.querySelector('#item-title').innerText === t", first)
    ann.press("ArrowRight")
    ann.until("t => document.querySelector('#item-title').innerText === t", second)
    assert ann.page.is_checked("input[name=label][value='1']")


def test_a_page_that_is_loaded_again_at_once_shows_what_was_typed(place: Any) -> None:
    here = place()
    ann = here.annotator()
    for i in range(4):
        ann.page.fill("#note", f"note {i}")
        ann.press("Escape", "13"[i % 2])
        ann.page.reload()
        assert ann.page.input_value("#note") == f"note {i}"
        assert ann.page.locator("input[name=label]:checked").get_attribute("data-key") == "13"[i % 2]
    # What is shown again is a draft as well, and is what is submitted.
    end = time.monotonic() + 300
    while [draft["note"] for (draft,) in here.labels(Label.draft, state="draft")] != ["note 3"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    ann.press("b", "Enter")
    ann.until("() => !document.querySelector('#note').value")
    assert here.labels(Label.note) == [("note 3",)]


@BOTH
def test_a_lost_lease_is_said_and_the_draft_is_kept(place: Any) -> None:
    here = place(overlap=1, n=1)
    ann = here.annotator()
    ann.press("b", "3", "Control+s")
    saved(ann, "Draft saved")
    answer = int(ann.item().split()[-1])

    def take(s: Any) -> None:
        slot = s.scalar(select(Slot).where(Slot.answer_id == answer))
        slot.until -= timedelta(hours=1)

    here.database.write(take)
    here.team.next(here.team.annotators[1])
    here.team.label(here.team.annotators[1], answer, "1")
    ann.press("Enter")
    saved(ann, "others have labelled it meanwhile")
    assert here.labels(Label.label) == [("1",)]
    assert here.labels(Label.user_id, state="draft") == [(here.team.annotators[0],)]
    ann.errors.clear()


@BOTH
def test_two_browsers_on_one_item_give_one_label(place: Any) -> None:
    """One annotator with two windows, and two annotators for one place: never a second label."""
    here = place(overlap=1, n=3)
    one, two = here.annotator(), here.annotator()
    assert one.item() == two.item()
    one.press("b", "3")
    two.press("b", "1")
    one.press("Enter")
    two.press("Enter")
    saved(one, "Saved.")
    saved(two, "Saved.")
    assert len(here.labels(Label.label)) == 1
    # All at once, and for every place left.
    tasks = [here.team.next(user) for user in here.team.annotators]
    assert tasks[0] and tasks[1] and tasks[0].answer_id != tasks[1].answer_id
    threads = [
        threading.Thread(target=here.team.label, args=(user, task.answer_id, "3", f"showing-{key}-{user}"))
        for key in range(4)
        for user, task in zip(here.team.annotators, tasks, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = [answer for (answer,) in here.labels(Label.answer_id)]
    assert len(answers) == len(set(answers)) == 3


def test_a_draft_of_what_another_window_submitted_is_told_so(place: Any) -> None:
    here = place()
    one, two = here.annotator(), here.annotator()
    title = one.item()
    two.label("1")
    one.page.fill("#note", "a second thought")
    saved(one, "You have submitted or discarded this answer in another window")
    assert here.labels(Label.label, Label.note) == [("1", None)] and one.item() == title
    # What it says is true: submitted here, it counts.
    one.press("Escape", "b", "3", "Enter")
    saved(one, "Saved.")
    assert here.labels(Label.label, Label.note) == [("3", "a second thought")]
    one.errors.clear()


def test_a_label_after_the_decision_is_told_so(place: Any) -> None:
    here = place(n=1)
    team = here.team
    ann = here.annotator()
    answer = int(ann.item().split()[-1])
    ann.label("3")
    team.next(team.annotators[1])
    team.label(team.annotators[1], answer, "1")
    ann.go(f"{here.home}/{answer}")
    here.database.write(
        lambda s: adjudicate.decide(s, team.project, team.adjudicator, answer, {"label": "1"}, "a decision of the test")
    )
    ann.press("b", "2", "Enter")
    saved(ann, "The adjudicator has decided")
    assert sorted(here.labels(Label.label)) == [("1",), ("3",)]
    ann.errors.clear()


def test_after_log_out_a_label_is_kept_until_the_next_log_in(place: Any) -> None:
    here = place()
    ann = here.annotator()
    cookies = ann.context.cookies()
    ann.context.clear_cookies()
    ann.press("b", "3", "Enter")
    saved(ann, "You are logged out")
    assert here.labels(Label.id) == []
    ann.context.add_cookies(cookies)
    ann.page.click(".said a")
    saved(ann, "Connected again")
    assert here.labels(Label.label) == [("3",)]
    ann.errors.clear()


def test_a_draft_that_nobody_took_is_there_after_the_next_log_in(place: Any) -> None:
    here = place()
    ann = here.annotator()
    cookies = ann.context.cookies()
    ann.context.clear_cookies()
    ann.page.fill("#note", "a long thought")
    saved(ann, "You are logged out")
    ann.page.click(".said a")
    ann.page.wait_for_selector("#f-password")
    # However long that takes, and even if the browser is closed meanwhile, which ends what a tab keeps for itself.
    ann.page.evaluate("() => sessionStorage.clear()")
    ann.context.add_cookies(cookies)
    ann.go(here.home)
    saved(ann, "Draft saved")
    assert [draft["note"] for (draft,) in here.labels(Label.draft, state="draft")] == ["a long thought"]
    # What the server has is not kept twice: it would come back over what is written later.
    assert ann.page.evaluate("() => Object.keys(localStorage).filter(key => key.startsWith('honne-left'))") == []
    ann.errors.clear()


def test_a_draft_waits_in_the_browser_until_the_server_is_back(place: Any) -> None:
    here = place()
    ann = here.annotator()
    here.site.stop()
    ann.page.fill("#note", "a long thought")
    saved(ann, "No connection")
    ann.page.goto("about:blank")
    here.site.start()
    ann.go(here.home)
    saved(ann, "Draft saved")
    assert ann.page.input_value("#note") == "a long thought"
    assert [draft["note"] for (draft,) in here.labels(Label.draft, state="draft")] == ["a long thought"]
    ann.errors.clear()


def test_a_server_that_answers_and_cannot_save_is_not_said_to_be_away(place: Any) -> None:
    here = place()
    ann = here.annotator()
    first = ann.item()
    ann.page.route("**/label/*", lambda route: route.fulfill(status=503, body="locked"))
    ann.press("b", "3", "Enter")
    saved(ann, "The server cannot save at the moment")
    ann.page.unroute("**/label/*")
    ann.until("was => document.querySelector('#item-title').innerText !== was", first)
    assert here.labels(Label.label) == [("3",)]
    ann.errors.clear()


# ------------------------------------------------------------------ for everyone


@pytest.mark.parametrize(
    ("lang", "words"), [("zh", "察觉并妥善应对"), ("ja", "気づいて適切に対応"), ("en", "Sees it and deals")]
)
def test_every_language(place: Any, lang: str, words: str) -> None:
    here = place()
    ann = here.annotator()
    ann.page.click(".menu > summary")
    ann.page.click(f".menu button[value={lang}]")
    assert ann.page.get_attribute("html", "lang") == lang
    assert words in ann.page.inner_text(".choices") and ann.page.url.endswith("/label")
    ann.label("3")
    assert here.labels(Label.label) == [("3",)]


def test_dark_and_light(place: Any) -> None:
    here = place()
    color = "e => getComputedStyle(e).backgroundColor"
    light, dark = (here.annotator(color_scheme=scheme) for scheme in ("light", "dark"))
    for selector in ("body", "#label-form", ".answer"):
        assert light.page.eval_on_selector(selector, color) != dark.page.eval_on_selector(selector, color)


def test_on_a_phone_nothing_is_cut_and_touch_is_enough(place: Any) -> None:
    here = place("responsibility", text=lambda i: "word " * 300)
    ann = here.annotator(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = ann.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("label[for=exposed]").tap()
    page.locator(".choice >> nth=9").tap()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("button[value=submit]").tap()
    saved(ann, "Saved.")
    assert here.labels(Label.label, Label.exposed) == [("10", True)]


def test_without_scripts_the_page_still_labels(place: Any) -> None:
    here = place()
    ann = here.annotator(java_script_enabled=False)
    first = ann.item()
    ann.page.click("label[for=exposed]")
    ann.page.check("input[name=label] >> nth=0")
    ann.page.click("button[value=submit]")
    assert ann.item() != first
    assert here.labels(Label.label, Label.exposed) == [("3", True)]
    ann.page.click("button[value=undo]")
    assert ann.item() == first and here.labels(Label.id) == []


def test_keys_are_listed_and_can_be_switched_off(place: Any) -> None:
    here = place()
    ann = here.annotator()
    ann.press("?")
    assert "take the last label back" in ann.page.inner_text("dialog[open]")
    ann.press("1")
    assert ann.page.locator("input[name=label]:checked").count() == 0, "no key reaches what is behind the dialog"
    ann.page.uncheck("#keys-on")
    ann.press("Escape", "1", "b")
    assert ann.page.locator("input[name=label]:checked").count() == 0 and not ann.page.is_checked("#exposed")


def test_what_a_screen_reader_is_told(place: Any) -> None:
    here = place()
    page = here.annotator().page
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("main :is(button, a, input:not([type=hidden]), textarea)")]
        .filter((e) => !(e.ariaLabel || e.innerText?.trim() || e.labels?.length)).map((e) => e.outerHTML)"""
    )
    assert unnamed == []
    assert page.get_attribute("#said", "aria-live") == "polite"
    assert page.locator("#label-form fieldset > legend").count() == page.locator("#label-form fieldset").count() == 3
    # Tab goes from the text to the form, and everything in it can be reached and used without a mouse.
    page.keyboard.press("Tab")
    page.focus("input[name=label] >> nth=0")
    page.keyboard.press("Space")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "submit":
            break
    assert page.evaluate("document.activeElement.value") == "submit"


# --------------------------------------------------------------------- deciding


@BOTH
def test_the_adjudicator_decides_by_keyboard_the_most_disputed_first(place: Any) -> None:
    here = place(n=6)
    ann, bob = here.team.annotators
    apart = {1: ("3", "1"), 2: ("3", "3")}
    for user, place_ in ((ann, 0), (bob, 1)):
        here.team.label_all(
            user,
            lambda task, at=place_: (
                apart[1][at] if task.answer_id % 3 == 0 else ("3", "2")[at if len(task.guide_part.values) == 3 else 0]
            ),
        )
    with here.database.read() as s:
        order = [d.answer_id for d in adjudicate.to_adjudicate(s, here.team.project)]
    judy = here.person("adjudicator1")
    judy.go(f"/projects/{here.team.project}/adjudicate")
    listed = [row.split()[1] for row in judy.page.locator(".rows > li").all_inner_texts()]
    assert [int(n) for n in listed] == order and len(order) > 2
    judy.page.click("main a.primary")
    judy.page.wait_for_selector("#label-form")
    seen = []
    while judy.page.locator("#label-form").count():
        assert [o.split("\n")[-1][0] for o in judy.page.locator(".opinions li").all_inner_texts()] in (
            ["3", "1"],
            ["3", "2"],
        )
        seen.append(int(judy.item().split()[-1]))
        judy.label("3")
    assert seen == order
    with here.database.read() as s:
        assert adjudicate.to_adjudicate(s, here.team.project) == []
        decided = [row for row in exporting.rows(s, here.team.project) if row["kind"] == "decision"]
    assert len(decided) == len(order) and {row["label"] for row in decided} == {"3"}
    # An earlier word can be changed.
    judy.go(f"/projects/{here.team.project}/adjudicate/{order[0]}")
    assert judy.page.is_checked("input[name=label][value='3']")


def test_other_roles_are_refused(place: Any) -> None:
    here = place()
    base = f"/projects/{here.team.project}"
    for who, paths in (
        ("annotator3", ["/adjudicate", "/adjudicate/1"]),
        ("adjudicator1", ["/label", "/label/1"]),
        ("viewer2", ["/label", "/adjudicate"]),
    ):
        person = here.person(who)
        for path in paths:
            assert person.context.request.get(here.site.url + base + path).status == 403, (who, path)
    forged = here.annotator()
    body = "new URLSearchParams({do: 'submit', label: '3'})"
    post = f"(to) => fetch(to, {{method: 'POST', body: {body}}}).then((r) => r.status)"
    status = forged.page.evaluate(post, f"{here.home}/1")
    assert status == 403 and here.labels(Label.id) == []
    forged.errors.clear()
