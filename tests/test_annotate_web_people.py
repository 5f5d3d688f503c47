"""The pages for passwords and for who is in a project, over plain HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from annotate_parts import PASSWORD, Team, a_run, a_team
from annotate_site_parts import Site
from annotate_web_parts import Answer, Client, follow
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.annotate.server.accounts import Door

NEW = "quite another one"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[tuple[Site, Team]]:
    database = Database.open(f"sqlite:///{tmp_path}/labels.db")
    team = a_team(database, [a_run(tmp_path / "run", 6)], Plan("safe"), name="Labels")
    site = Site(database)
    yield site, team
    site.stop()
    database.close()


def signed_in(site: Site, login: str, password: str = PASSWORD) -> Client:
    client = Client(site)
    follow(client.sign_in(login, password))
    return client


def test_a_changed_password_keeps_this_browser_and_ends_the_others(here: tuple[Site, Team]) -> None:
    site, _ = here
    mei, elsewhere = (signed_in(site, "viewer2@Labels") for _ in range(2))
    before = dict(mei.cookies)
    assert 'href="/account"' in mei.get("/").text
    mei.get("/account")
    for fields, says in (
        ({"old": "not this one", "new": NEW}, "not your present password"),
        ({"old": PASSWORD, "new": "short"}, "At least 10"),
        ({"old": PASSWORD, "new": "Viewer2@labels"}, "must not be the account name"),
        ({}, "At least 10"),
    ):
        refused = mei.post("/account", fields)
        assert refused.status == 422 and says in refused.words
        assert NEW not in refused.text and PASSWORD not in refused.text, "a password is never shown again"
    assert elsewhere.get("/").status == 200
    assert "is changed" in mei.get(follow(mei.post("/account", {"old": PASSWORD, "new": NEW}))).words
    assert elsewhere.get("/").status == 303
    copied = Client(site)
    copied.cookies = before
    assert copied.get("/").status == 303, "the token of before is worth nothing"
    assert Client(site).sign_in("viewer2@Labels").status == 401
    signed_in(site, "viewer2@Labels", NEW)


def test_passwords_are_not_tried_at_an_open_page(here: tuple[Site, Team]) -> None:
    site, _ = here
    site.app.state.door = Door()
    site.app.state.door.accounts.most = 3
    client = signed_in(site, "viewer2@Labels")
    client.get("/account")
    tries = [client.post("/account", {"old": f"guess number {i}", "new": NEW}) for i in range(4)]
    assert [got.status for got in tries] == [422, 422, 422, 429]
    assert int(tries[-1].headers["retry-after"]) > 0
    assert client.post("/account", {"old": PASSWORD, "new": NEW}).status == 429, "the right one waits, too"


def link_in(site: Site, got: Answer) -> str:
    found = re.search(rf"{site.url}(/password/[\w-]+)", got.text)
    assert found is not None, got.words
    return found[1]


def test_a_member_sets_a_new_password_by_the_owners_link(here: tuple[Site, Team]) -> None:
    site, team = here
    owner, lost = signed_in(site, "owner0@Labels"), signed_in(site, "annotator3@Labels")
    people = f"/projects/{team.project}/people"
    assert owner.get(people).text.count("/password") == 4, "for everybody but themselves"
    path = link_in(site, owner.post(f"{people}/{team.annotators[0]}/password"))
    assert path not in owner.get(people).text, "a link is shown once"
    assert owner.post(f"{people}/{team.owner}/password").status == 422

    client = Client(site)
    assert "annotator3@labels" in client.get(path).words
    refused = client.post(path, {"new": "short"})
    assert refused.status == 422 and "At least 10" in refused.words
    assert follow(client.post(path, {"new": NEW})) == "/"
    assert "Annotator 3" in client.get("/").words
    assert lost.get("/").status == 303
    assert Client(site).get(path).status == 404
    assert client.post(path, {"new": "and yet another"}).status == 404
    signed_in(site, "annotator3@Labels", NEW)
    log = owner.get(f"/projects/{team.project}/log").words
    assert "password link" in log and "set password by link" in log and path.rpartition("/")[2] not in log


def test_an_owner_removes_a_member_and_the_last_owner_stays(here: tuple[Site, Team]) -> None:
    site, team = here
    owner, viewer = signed_in(site, "owner0@Labels"), signed_in(site, "viewer2@Labels")
    base = f"/projects/{team.project}"
    page = owner.get(f"{base}/people")
    assert page.text.count("/remove") == 4 and "keeps one owner" in page.words
    refused = owner.post(f"{base}/people/{team.owner}/remove")
    assert refused.status == 422 and "keeps one owner" in refused.words
    assert follow(owner.post(f"{base}/people/{team.viewer}/remove")) == f"{base}/people"
    assert viewer.get(f"{base}/overview").status == 403
    assert "Labels" not in viewer.get("/").words
    again = owner.post(f"{base}/people/{team.viewer}/remove")
    assert again.status == 422 and "not in the project" in again.words
    assert "Viewer 2" not in owner.get(f"{base}/people").words
    assert "remove" in owner.get(f"{base}/log").words
