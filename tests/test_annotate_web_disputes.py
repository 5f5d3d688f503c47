"""The adjudicator's pages as forms without scripts, where there is much to decide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

from sqlalchemy import Engine, event, select

from annotate_parts import Team, a_run, a_team
from annotate_site_parts import Site
from annotate_web_parts import Client, follow
from honne.annotate import adjudicate
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.annotate.tables import Decision


@pytest.fixture
def disputed(tmp_path: Path) -> Iterator[tuple[Site, Team]]:
    """130 answers on which two people disagree, all by as much."""
    database = Database.open(f"sqlite:///{tmp_path}/labels.db")
    it = a_team(database, [a_run(tmp_path / "run", 130)], Plan("safe"))
    for user, word in zip(it.annotators, ("safe", "unsafe"), strict=True):
        it.label_all(user, lambda task, word=word: word)
    site = Site(database)
    yield site, it
    site.stop()
    database.close()


def listed(page: str) -> list[int]:
    rows = page.partition('<ul class="rows disputes">')[2].partition("</ul>")[0]
    return [int(number) for number in re.findall(r"/adjudicate/(\d+)", rows)]


def test_the_list_has_pages_and_an_order_that_reads_no_text(disputed: tuple[Site, Team]) -> None:
    site, it = disputed
    judy, home = Client(site), f"/projects/{it.project}/adjudicate"
    judy.sign_in("adjudicator1@a project")
    first = judy.get(home)
    assert listed(first.text) == list(range(1, 101)) and 'href="?after=100"' in first.text
    second = judy.get(f"{home}?after=100")
    assert listed(second.text) == list(range(101, 131)) and 'href="?after=' not in second.text
    beyond = judy.get(f"{home}?after=130")
    assert (beyond.status, beyond.headers["location"]) == (303, home), "not that there is nothing to decide"
    one = judy.get(f"{home}/100")
    assert f'rel="next" href="{home}/101"' in one.text and "130 disputes left" in one.words

    asked: list[str] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def ask(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    try:
        with it.database.read() as s:
            assert len(adjudicate.disputed(s, it.project)) == 130
    finally:
        event.remove(Engine, "before_cursor_execute", ask)
    assert asked and not any("answers.text" in statement for statement in asked)


def test_a_decision_that_is_opened_again_is_all_there(disputed: tuple[Site, Team]) -> None:
    """Who changes the label alone keeps the reasons, flags and note."""
    site, it = disputed
    judy, home = Client(site), f"/projects/{it.project}/adjudicate"
    judy.sign_in("adjudicator1@a project")

    def form(page: str) -> dict[str, Any]:
        """What a browser would send of this page, as it is."""
        key = re.search(r'name="key" value="([^"]+)"', page)
        note = re.search(r'<textarea id="note"[^>]*>([^<]*)</textarea>', page)
        assert key and note
        ticked = {name: re.findall(rf'name="{name}" value="([^"]+)" checked', page) for name in ("reasons", "flags")}
        return {"key": key[1], "do": "submit", "note": note[1], **ticked}

    blank = form(judy.get(f"{home}/7").text)
    assert (blank["note"], blank["reasons"], blank["flags"]) == ("", [], [])
    page = judy.get(f"{home}/7").text
    reason, flag = (re.findall(rf'name="{name}" value="([^"]+)"', page)[0] for name in ("reasons", "flags"))
    said = {"label": "safe", "note": "It warns first.", "reasons": [reason], "flags": [flag]}
    follow(judy.post(f"{home}/7", {**form(page), **said}))
    follow(judy.post(f"{home}/7", {**form(judy.get(f"{home}/7").text), "label": "unsafe"}))
    with it.database.read() as s:
        found = s.scalars(select(Decision)).one()
    assert (found.label, found.note, found.reasons, found.flags) == ("unsafe", "It warns first.", [reason], [flag])
