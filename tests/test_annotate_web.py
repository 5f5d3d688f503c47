"""The web application: accounts, sessions, who may see what, and what no page or form may do."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, update
from sqlalchemy.exc import OperationalError
from starlette.requests import Request

from annotate_parts import PASSWORD, Team, a_run, a_team, database_of, postgres
from annotate_site_parts import Site
from annotate_web_parts import Client, follow
from honne.annotate import log, people
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.annotate.server.accounts import Door, _address
from honne.annotate.server.app import ROOMS
from honne.annotate.server.limits import Failures
from honne.annotate.server.security import local
from honne.annotate.server.words import LANGUAGES, negotiate, words
from honne.annotate.tables import Invitation, Label, User
from honne.records import now

HOSTILE = "<script>alert(1)</script>\x00\u202eevil =1+1"
NAME = "Secret project"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Team]]:
    """A server with one project and a member of each role; tests that change accounts make their own."""
    folder = tmp_path_factory.mktemp("web")
    run = a_run(
        folder / "run", 6, text=lambda i: f"Answer {i} {HOSTILE}", question=lambda i: f"<b>Question</b> {i}",
        judges={"llm/one": lambda i: "safe" if i % 2 else "unsafe", "labels": lambda i: "safe"},
    )  # fmt: skip
    database = Database.open(f"sqlite:///{folder}/labels.db")
    team = a_team(database, [run], Plan("safe"), name=NAME)
    site = Site(database, runs=(run.path,))
    yield site, team
    site.stop()
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A server without any account."""
    if request.param == "sqlite":
        database = Database.open(f"sqlite:///{tmp_path}/labels.db")
    else:
        database = Database.open(database_of(request.getfixturevalue("server"), f"web{abs(hash(tmp_path))}"))
    site = Site(database)
    site.app.state.door = Door("the-key")
    yield site
    site.stop()
    database.close()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as address:
        yield address


def signed_in(site: Site, login: str) -> Client:
    client = Client(site)
    follow(client.sign_in(login))
    return client


LOGINS = {
    "owner": f"owner0@{NAME}",
    "adjudicator": f"adjudicator1@{NAME}",
    "viewer": f"viewer2@{NAME}",
    "annotator": f"annotator3@{NAME}",
}

# ------------------------------------------------------------------- accounts


def test_the_first_account_is_made_once_and_owns_the_server(fresh: Site) -> None:
    ada = Client(fresh)
    assert ada.get("/first/wrong").status == 404
    assert ada.get("/first/the-key").status == 200
    account = {"name": "Ada Lovelace", "login": "ada@example.org", "password": "nine char"}
    refused = ada.post("/first/the-key", account)
    assert refused.status == 422 and "At least 10 characters" in refused.words
    assert "nine char" not in refused.text, "a password is never shown again"
    assert follow(ada.post("/first/the-key", {**account, "password": PASSWORD})) == "/"
    home = ada.get("/")
    assert "Ada Lovelace" in home.words and 'href="/projects/new"' in home.text
    late = Client(fresh)
    assert late.get("/first/the-key").status == 404
    late.get("/login")
    assert late.post("/first/the-key", {**account, "login": "eve", "password": PASSWORD}).status == 404
    with fresh.app.state.database.read() as s:
        assert list(s.scalars(select(User.login))) == ["ada@example.org"]


def test_an_invitation_is_used_once(fresh: Site, tmp_path: Path) -> None:
    database: Database = fresh.app.state.database
    team = a_team(database, [a_run(tmp_path / "run")], Plan("safe"))
    owner = signed_in(fresh, "owner0@A project")
    owner.get(f"/projects/{team.project}/people")
    made = owner.post(f"/projects/{team.project}/people", {"role": "annotator"})
    link = re.search(rf"{fresh.url}(/invitation/[\w-]+)", made.text)
    assert link is not None
    path = link[1]
    assert path not in owner.get(f"/projects/{team.project}/people").text, "a link is shown once"
    with database.read() as s:
        stored = [row.token_hash for row in s.scalars(select(Invitation))]
    assert path.rpartition("/")[2] not in stored

    mei = Client(fresh)
    page = mei.get(path)
    assert page.status == 200 and "A project" in page.words and "Annotator" in page.words
    fields = {"name": "李梅", "login": "mei", "password": PASSWORD}
    database.write(lambda s: people.create_user(s, "taken", "Somebody", PASSWORD) and None)
    taken = mei.post(path, {**fields, "login": "Taken"})
    assert taken.status == 422 and "is taken" in taken.words, "and the invitation still holds"
    where = follow(mei.post(path, fields))
    assert where == f"/projects/{team.project}"
    assert follow(mei.get(where)) == f"/projects/{team.project}/label"

    again = Client(fresh)
    assert again.get(path).status == 404
    again.get("/login")
    assert again.post(path, {**fields, "login": "eve"}).status == 404
    with database.read() as s:
        assert s.scalar(select(User).where(User.login == "eve")) is None, "no account without an invitation"


def test_an_invitation_ends(fresh: Site, tmp_path: Path) -> None:
    database: Database = fresh.app.state.database
    team = a_team(database, [a_run(tmp_path / "run")], Plan("safe"))
    token = database.write(lambda s: people.invite(s, team.project, "viewer", team.owner))
    database.write(lambda s: s.execute(update(Invitation).values(expires=now() - timedelta(seconds=1))) and None)
    assert Client(fresh).get(f"/invitation/{token}").status == 404


def test_an_account_joins_by_a_link_without_a_new_password(kept: tuple[Site, Team]) -> None:
    site, team = kept
    other = a_team(site.app.state.database, [a_run(Path(site.app.state.settings.runs[0]).parent / "two")], Plan("safe"),
                   name="Second")  # fmt: skip
    token = site.app.state.database.write(lambda s: people.invite(s, other.project, "viewer", other.owner))
    vera = signed_in(site, LOGINS["viewer"])
    assert "Join as" in vera.get(f"/invitation/{token}").words
    follow(vera.post(f"/invitation/{token}"))
    with site.app.state.database.read() as s:
        assert people.role_of(s, team.viewer, other.project) == "viewer"


def test_log_in_gives_a_new_session_and_log_out_ends_it(kept: tuple[Site, Team]) -> None:
    site, _ = kept
    client = Client(site)
    client.get("/login")
    planted = dict(client.cookies)
    wrong = client.post("/login", {"login": LOGINS["viewer"], "password": "wrong password"})
    assert wrong.status == 401 and "wrong" in wrong.words
    got = client.post("/login", {"login": LOGINS["viewer"].upper(), "password": PASSWORD})
    assert follow(got) == "/"
    cookie = next(line for line in got.headers["set-cookie"].splitlines() if "_session_" in line)
    assert "HttpOnly" in cookie and "samesite=lax" in cookie.lower() and "Path=/" in cookie
    assert not set(planted.values()) & set(client.cookies.values()), "what was there before the log-in is worth nothing"
    assert client.get("/").status == 200

    tampered = Client(site)
    tampered.cookies = {k: v[:-2] + "xx" for k, v in client.cookies.items()}
    assert tampered.get("/").status == 303

    copied = Client(site)
    copied.cookies = dict(client.cookies)
    follow(client.post("/logout"))
    assert not [k for k in client.cookies if "_session_" in k]
    assert copied.get("/").status == 303, "the session has ended on the server, too"


def test_a_second_log_in_ends_the_first_session_of_the_browser(kept: tuple[Site, Team]) -> None:
    site, _ = kept
    client = signed_in(site, LOGINS["viewer"])
    before = dict(client.cookies)
    client.get("/")
    follow(client.post("/login", {"login": LOGINS["annotator"], "password": PASSWORD}))
    old = Client(site)
    old.cookies = before
    assert old.get("/").status == 303


def test_log_in_is_limited_by_account_and_by_address(kept: tuple[Site, Team]) -> None:
    site, _ = kept
    client = Client(site)
    client.get("/login")
    site.app.state.door = Door()
    site.app.state.door.accounts.most, site.app.state.door.addresses.most = 3, 5
    try:
        tries = [client.post("/login", {"login": "Mallory", "password": "x" * 12}).status for _ in range(3)]
        assert tries == [401, 401, 401]
        held = client.post("/login", {"login": " ｍａｌｌｏｒｙ", "password": "x" * 12})
        assert held.status == 429 and 0 < int(held.headers["retry-after"]) <= 900
        # The account is held back even with the right password; another one from here soon is, too.
        follow(client.post("/login", {"login": LOGINS["viewer"], "password": PASSWORD}))
        client = Client(site)
        client.get("/login")
        codes = [client.post("/login", {"login": f"m{i}", "password": "x" * 12}).status for i in range(6)]
        # Three failures, one refused, and no log-in of one's own makes the address new.
        assert codes == [401] + [429] * 5
    finally:
        site.app.state.door = Door()


def test_an_address_of_a_site_counts_as_one() -> None:
    def key(host: str) -> str:
        return _address(Request({"type": "http", "client": (host, 1), "headers": []}))

    assert key("2001:db8::1") == key("2001:db8::ffff:2") != key("2001:db8:0:1::1") and key("::1") == "::/64"
    assert key("192.0.2.1") != key("192.0.2.2")


def test_failures_are_forgotten_in_time_and_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("honne.annotate.server.limits.time", SimpleNamespace(monotonic=lambda: now))
    failures = Failures(2, 60, keys=3)
    assert failures.wait("a") == failures.wait("a") == 0
    now += 20
    assert failures.wait("a") == 40
    now += 40
    assert failures.wait("a") == 0
    for key in "bcd":
        failures.wait(key)
    assert len(failures._at) == 3


# ------------------------------------------------------------------- who sees what

ANYONE = {"owner", "annotator", "adjudicator", "viewer"}
READERS = {"owner", "viewer"}
# What each route is for; a route that is not here fails the test, so that nobody forgets to say.
ROLES: dict[tuple[str, str], set[str] | None] = {
    ("GET", "/login"): None,
    ("POST", "/login"): None,
    ("POST", "/logout"): None,
    ("POST", "/look"): None,
    ("GET", "/invitation/{token}"): None,
    ("POST", "/invitation/{token}"): None,
    ("GET", "/first/{key}"): None,
    ("POST", "/first/{key}"): None,
    ("GET", "/password/{token}"): None,
    ("POST", "/password/{token}"): None,
    ("GET", "/account"): ANYONE,
    ("POST", "/account"): ANYONE,
    ("GET", "/"): ANYONE,
    ("GET", "/projects/new"): {"owner"},
    ("POST", "/projects"): {"owner"},
    ("GET", "/projects/{project_id}"): ANYONE,
    ("GET", "/projects/{project_id}/overview"): READERS,
    ("GET", "/projects/{project_id}/agreement"): READERS,
    ("GET", "/projects/{project_id}/items"): READERS,
    ("GET", "/projects/{project_id}/items/{answer_id}"): READERS,
    ("POST", "/projects/{project_id}/items/{answer_id}/gold"): {"owner"},
    ("GET", "/projects/{project_id}/people"): {"owner"},
    ("POST", "/projects/{project_id}/people"): {"owner"},
    ("POST", "/projects/{project_id}/people/{user_id}/password"): {"owner"},
    ("POST", "/projects/{project_id}/people/{user_id}/remove"): {"owner"},
    ("POST", "/projects/{project_id}/suggestions"): {"owner"},
    ("GET", "/projects/{project_id}/log"): {"owner"},
    ("GET", "/projects/{project_id}/exports"): READERS,
    ("GET", "/projects/{project_id}/exports/labels"): READERS,
    ("POST", "/projects/{project_id}/exports/runs"): {"owner"},
}
LABELLERS, DECIDERS = {"owner", "annotator"}, {"owner", "adjudicator"}


def routes() -> list[tuple[str, str]]:
    return [(m, r.path) for room in ROOMS for r in room.router.routes for m in sorted(r.methods)]  # type: ignore[attr-defined]


def allowed(method: str, path: str) -> set[str] | None:
    if path.startswith("/projects/{project_id}/label"):
        return LABELLERS
    if path.startswith("/projects/{project_id}/adjudicate"):
        return DECIDERS
    return ROLES[method, path]


def address(path: str, project: int, answer: int) -> str:
    places = {
        "project_id": project,
        "answer_id": answer,
        "token": "nothing",
        "key": "nothing",
        "which": "a0",
        "user_id": 1,
    }
    return re.sub(r"{(\w+)}", lambda m: str(places[m[1]]), path)


def test_every_route_says_whom_it_is_for() -> None:
    ours = {(m, p) for m, p in routes() if "/label" not in p.split("/exports")[0] and "/adjudicate" not in p}
    assert ours == set(ROLES)


def test_without_a_log_in_nothing_is_readable(kept: tuple[Site, Team]) -> None:
    site, team = kept
    stranger = Client(site)
    for method, path in routes():
        if allowed(method, path) is None:
            continue
        where = address(path, team.project, 1)
        if method == "GET":
            got = stranger.get(where)
            assert got.status == 303 and got.headers["location"].startswith("/login?next=/"), (path, got.status)
            assert stranger.get(where, Accept="application/json").status == 401
            htmx = stranger.get(where, HX_Request="true")
            assert htmx.status == 401 and htmx.headers["hx-redirect"] == "/login" and not htmx.data
        else:
            stranger.get("/login")
            got = stranger.post(where)
            assert got.status == 401, (path, got.status)
        assert NAME not in got.text and "Answer" not in got.text


@pytest.mark.parametrize("role", sorted(ANYONE))
def test_another_roles_pages_answer_403(kept: tuple[Site, Team], role: str) -> None:
    site, team = kept
    client = signed_in(site, LOGINS[role])
    for method, path in routes():
        roles = allowed(method, path)
        if roles is None or (method == "POST" and role in roles):
            continue
        at_hand = client.get(f"/projects/{team.project}/label").text if role in LABELLERS else ""
        mine = re.search(r'action="/projects/\d+/label/(\d+)"', at_hand)
        where = address(path, team.project, int(mine[1]) if mine else 1)
        if method == "POST":
            client.get("/")
        got = client.get(where) if method == "GET" else client.post(where)
        if role in roles:
            assert got.status in (200, 303), (role, path, got.status)
        else:
            assert got.status == 403, (role, path, got.status)
            assert "Answer 1" not in got.text


def test_a_project_of_others_is_as_one_that_does_not_exist(kept: tuple[Site, Team], tmp_path: Path) -> None:
    site, _ = kept
    theirs = a_team(site.app.state.database, [a_run(tmp_path / "run")], Plan("safe"), name="Theirs")
    owner = signed_in(site, LOGINS["owner"])
    for method, path in routes():
        if "{project_id}" not in path:
            continue
        for project in (theirs.project, 99_999):
            owner.get("/")
            where = address(path, project, 1)
            got = owner.get(where) if method == "GET" else owner.post(where)
            assert got.status == 403 and "Theirs" not in got.text, (path, got.status)


def test_a_forged_form_answers_403_and_changes_nothing(kept: tuple[Site, Team]) -> None:
    site, team = kept
    other = Client(site)
    other.get("/login")
    for role, login in LOGINS.items():
        client = signed_in(site, login)
        client.get("/")
        for method, path in routes():
            roles = allowed(method, path)
            if method != "POST" or (roles is not None and role not in roles):
                continue
            where = address(path, team.project, 1)
            fields = {"role": "owner", "judge": "llm/one", "label": "safe", "lang": "ja", "do": "submit", "key": "k"}
            for token in ("", "0" * 64, other.token):
                assert client.post(where, fields, token=token).status == 403, path
            # The token is right, and the browser says that another site's page sent it.
            for said in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
                assert client.post(where, fields, headers=said).status == 403, (path, said)
    with site.app.state.database.read() as s:
        assert s.scalar(select(Invitation).where(Invitation.role == "owner")) is None


def test_the_token_may_come_in_a_header(kept: tuple[Site, Team]) -> None:
    site, team = kept
    owner = signed_in(site, LOGINS["owner"])
    owner.get("/")
    path = f"/projects/{team.project}/people"
    assert owner.post(path, {"role": "viewer"}, token="", headers={"X-CSRF-Token": owner.token}).status == 200
    assert owner.post(path, {"role": "viewer"}, token="", headers={"X-CSRF-Token": "0"}).status == 403


# ------------------------------------------------------------------- what every answer carries


def test_headers_are_on_every_answer(kept: tuple[Site, Team]) -> None:
    site, team = kept
    owner, stranger = signed_in(site, LOGINS["owner"]), Client(site)
    answers = {
        200: owner.get(f"/projects/{team.project}/overview"),
        303: stranger.get("/"),
        401: stranger.get("/", Accept="application/json"),
        403: signed_in(site, LOGINS["viewer"]).get(f"/projects/{team.project}/log"),
        404: owner.get("/nothing"),
        405: owner.send("PUT", "/login", headers={"X-CSRF-Token": "x"}),
        413: owner.send("POST", "/login", headers={"Content-Length": str(1 << 30)}),
        421: stranger.get("/login", Host="evil.example"),
    }
    for status, got in answers.items():
        assert got.status == status
        policy = got.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert got.headers["x-frame-options"] == "DENY" and got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["referrer-policy"] == "same-origin" and "camera=()" in got.headers["permissions-policy"]
        assert got.headers["cache-control"] == "no-store"


def test_a_fault_of_the_server_is_a_page_that_tells_nothing(
    kept: tuple[Site, Team], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    site, team = kept
    viewer = signed_in(site, LOGINS["viewer"])

    def broken(*_: object) -> None:
        raise RuntimeError("the details")

    monkeypatch.setattr("honne.annotate.browse.counts", broken)
    got = viewer.get(f"/projects/{team.project}/items")
    assert got.status == 500 and "fault of this server" in got.words and "the details" not in got.text
    assert "default-src 'none'" in got.headers["content-security-policy"] and got.headers["cache-control"] == "no-store"


def test_a_database_that_fails_is_a_fault_of_the_server_and_keeps_its_address(
    kept: tuple[Site, Team], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page of an annotator gives up a label on a 4xx, and sends it again after a 5xx."""
    site, team = kept
    viewer = signed_in(site, LOGINS["annotator"])
    home = f"/projects/{team.project}/label"
    page = viewer.get(home)
    action = re.search(r'action="(/projects/\d+/label/\d+)"', page.text)
    key = re.search(r'name="key" value="([^"]+)"', page.text)
    assert action and key
    kind = type(site.app.state.database)
    engine = "honne.annotate.database._attempt"

    def full(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    assert kind is Database
    with monkeypatch.context() as broken:
        broken.setattr(engine, full)
        got = viewer.post(action[1], {"do": "submit", "key": key[1], "label": "safe"}, headers={"X-Part": "1"})
    assert got.status == 503 and "labels.db" not in got.text and "disk" not in got.text
    again = viewer.post(action[1], {"do": "submit", "key": key[1], "label": "safe"}, headers={"X-Part": "1"})
    assert again.status == 200
    follow(viewer.post(f"{home}/undo", {"last": action[1].rpartition("/")[2]}))


def test_a_submission_asks_the_database_little(fresh: Site, tmp_path: Path) -> None:
    """Each statement is a way to a server: how long fifty people wait is how many of them a request makes."""
    database: Database = fresh.app.state.database
    team = a_team(database, [a_run(tmp_path / "run", 6)], Plan("safe"))
    one = signed_in(fresh, "annotator3@A project")
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement.split()[0])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        page = one.get(f"/projects/{team.project}/label")
        for do, most in (("draft", 6), ("submit", 13)):
            action = re.search(r'action="(/projects/\d+/label/\d+)"', page.text)
            assert action
            asked.clear()
            form = {"do": do, "key": f"the key of a {do}", "label": "safe", "exposed": "1"}
            got = one.post(action[1], form, headers={"X-Part": "1"})
            assert got.status in (200, 204)
            # What begins and ends a transaction is not counted: two ways more for the one that writes.
            asks = [word for word in asked if word in ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")]
            assert 0 < len(asks) <= most, asks
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_an_answer_is_labelled_in_its_own_project_only(fresh: Site, tmp_path: Path) -> None:
    """Also by somebody who may label in both, and has it before them."""
    database: Database = fresh.app.state.database
    run = a_run(tmp_path / "run", 3)
    first, second = (a_team(database, [run], Plan("safe"), name=name) for name in ("One", "Two"))
    both = first.annotators[0]
    database.write(lambda s: people.join(s, second.project, both, "annotator", second.owner))
    client = signed_in(fresh, "annotator3@One")
    task = first.next(both)
    assert task is not None and client.get(f"/projects/{second.project}/label").status == 200
    form = {"do": "submit", "key": "a key of this test", "label": "safe"}
    home = f"/projects/{second.project}/label"
    assert client.post(f"{home}/{task.answer_id}", form, headers={"X-Part": "1"}).status == 404
    with database.read() as s:
        assert s.scalars(select(Label.state).where(Label.answer_id == task.answer_id)).all() == ["pending"]
    home = f"/projects/{first.project}/label"
    assert client.post(f"{home}/{task.answer_id}", form, headers={"X-Part": "1"}).status == 200


def test_a_charset_in_a_form_is_refused_before_anything_is_decoded_by_it(kept: tuple[Site, Team]) -> None:
    """A megabyte of punycode takes minutes, in which nobody else is answered."""
    site, _ = kept
    client = Client(site)
    client.get("/login")
    part = b'--x\r\nContent-Disposition: form-data; name="login"\r\n\r\n-' + b"b" * 900_000 + b"\r\n--x--\r\n"
    began = time.process_time()
    for charset in ("punycode", "PunyCode", "undefined", '"punycode"'):
        kind = f"multipart/form-data; boundary=x; CharSet={charset}"
        got = client.send("POST", "/login", part, {"Content-Type": kind, "X-CSRF-Token": client.token})
        assert got.status == 400, (charset, got.status)
    assert time.process_time() - began < 10


def test_the_log_says_who_wrote_labels_into_the_runs(kept: tuple[Site, Team]) -> None:
    site, team = kept
    owner = signed_in(site, LOGINS["owner"])
    owner.get(f"/projects/{team.project}/exports")
    assert owner.post(f"/projects/{team.project}/exports/runs").status == 200
    with site.app.state.database.read() as s:
        entry = next(e for e in log.entries(s, team.project, 20) if e.what == "flow back")
    assert entry.user_id == team.owner


def test_numbers_beyond_any_row_are_not_found(kept: tuple[Site, Team]) -> None:
    site, team = kept
    owner = signed_in(site, LOGINS["owner"])
    for number in (2**31, 2**63, 10**40):
        for method, path in routes():
            if "{answer_id}" not in path and "{user_id}" not in path:
                continue
            owner.get("/")
            beyond = address(path.replace("{user_id}", str(number)), team.project, number)
            for where in (beyond, address(path, number, 1)):
                got = owner.get(where) if method == "GET" else owner.post(where)
                assert got.status == 404, (where, got.status)
        # Numbers that a check of the first digits, or of digits only, would let through to the database.
        sly = (f"{'0' * 25}{number}", f"+{number}", f"{number}.0", f"%20{number}", "0" * 25 + "9" * 5000)
        for odd in ("%C2%B2", "%D9%A3", "-1", "1.5", "%00", "1%0d%0aX:y", "0x1", *sly):
            assert owner.get(f"/projects/{team.project}/items/{odd}").status == 404, odd
            assert owner.get(f"/projects/{odd}/items").status in (403, 404), odd
        for path in (f"items?after={number}", f"log?before={number}", "log?before=-1"):
            assert owner.get(f"/projects/{team.project}/{path}").status == 404


def test_head_is_answered_as_get_is_but_without_a_body(kept: tuple[Site, Team]) -> None:
    """As proxies and those who watch over servers ask; another method is still none of ours."""
    client = Client(kept[0])
    for path, status in (("/login", 200), ("/", 303), ("/static/base.css", 200), ("/nothing-here", 404)):
        got, head = client.send("GET", path), client.send("HEAD", path)
        assert (got.status, head.status) == (status, status) and head.data == b""
        same = ("content-type", "content-length", "location", "content-security-policy", "cache-control")
        assert [head.headers.get(name) for name in same] == [got.headers.get(name) for name in same]
    assert client.send("PUT", "/login").status == 405
    foreign = client.send("HEAD", "/login", headers={"Host": "elsewhere.example"})
    assert (foreign.status, foreign.data) == (421, b"")


def test_pages_have_no_inline_script_or_style(kept: tuple[Site, Team]) -> None:
    site, team = kept
    owner = signed_in(site, LOGINS["owner"])
    for method, path in routes():
        if method == "GET" and allowed(method, path) is not None and "/text/" not in path:
            text = owner.get(address(path, team.project, 1)).data.decode(errors="replace")
            assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>|<style|\sstyle=|\son\w+=|javascript:", text), path


def test_only_the_files_that_ship_are_served(kept: tuple[Site, Team]) -> None:
    client = Client(kept[0])
    got = client.get("/static/base.css")
    assert got.status == 200 and got.headers["content-type"].startswith("text/css")
    for name in ("nothing.css", "..%2fapp.py", "%2e%2e/app.py", "htmx.LICENCE.txt", "__init__.py"):
        assert client.get(f"/static/{name}").status == 404, name
    licence = files("honne.annotate").joinpath("static", "htmx.LICENCE.txt").read_text()
    assert "htmx 2.0.10" in licence and "Zero-Clause BSD" in licence
    assert b'version:"2.0.10"' in files("honne.annotate").joinpath("static", "htmx.min.js").read_bytes()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "a@127.0.0.1", "127.0.0.1:x", "", "[::1"])
def test_another_host_is_not_answered(kept: tuple[Site, Team], host: str) -> None:
    assert Client(kept[0]).get("/login", Host=host).status in (400, 421)


def test_a_body_that_is_too_large_is_refused_however_it_comes(kept: tuple[Site, Team]) -> None:
    client = Client(kept[0])
    client.get("/login")
    body = f"csrf={client.token}&login=a&password=".encode() + b"x" * (2 << 20)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.send("POST", "/login", body, kind).status == 413
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    chunked = {**kind, "Transfer-Encoding": "chunked", "Content-Length": ""}
    del chunked["Content-Length"]
    try:
        got = client.send("POST", "/login", chunk, {**chunked})
        assert got.status in (400, 413)
    except (ConnectionError, OSError):
        pass  # the server closed the connection while the rest was on its way
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    file = b'--b\r\nContent-Disposition: form-data; name="login"; filename="x"\r\n\r\nx\r\n--b--\r\n'
    assert client.send("POST", "/login", file, form).status == 400


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
     "/ok\r\nSet-Cookie: a=b", "/\t/evil.example", "", "evil", "/日本"],
)  # fmt: skip
def test_after_a_log_in_nobody_is_sent_elsewhere(kept: tuple[Site, Team], target: str) -> None:
    assert local(target) == "/"
    client = Client(kept[0])
    client.get("/login")
    got = client.post("/login", {"login": LOGINS["viewer"], "password": PASSWORD, "next": target})
    assert follow(got) == "/"


def test_where_one_wanted_to_go_is_kept_over_the_log_in(kept: tuple[Site, Team]) -> None:
    site, team = kept
    client = Client(site)
    wanted = f"/projects/{team.project}/items?show=disputed"
    asked = client.get(client.get(wanted).headers["location"])
    value = re.findall(r'name="next" value="([^"]+)"', asked.text)[-1]
    got = client.post("/login", {"login": LOGINS["viewer"], "password": PASSWORD, "next": value})
    assert follow(got) == wanted


# ------------------------------------------------------------------- hostile texts, languages


def test_hostile_texts_are_shown_as_text(kept: tuple[Site, Team]) -> None:
    site, team = kept
    answer = team.next(team.annotators[0])
    assert answer is not None
    team.label(team.annotators[0], answer.answer_id, "safe", note=f"={HOSTILE}\ud800")
    owner = signed_in(site, LOGINS["owner"])
    for path in ("items", f"items/{answer.answer_id}", "log", "agreement", "overview"):
        text = owner.get(f"/projects/{team.project}/{path}").text
        assert "<script>alert" not in text and "\u202e" not in text and "\x00" not in text, path
    assert "&lt;script&gt;alert" in owner.get(f"/projects/{team.project}/items/{answer.answer_id}").text
    table = owner.get(f"/projects/{team.project}/exports/labels?kind=csv&text=true")
    assert table.headers["content-type"].startswith("text/csv")
    assert not re.search(r"(^|,)\"?[=@+]", table.text, re.M), "a spreadsheet would run it"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_page_is_there_in_every_language(kept: tuple[Site, Team], lang: str) -> None:
    site, team = kept
    owner = signed_in(site, LOGINS["owner"])
    owner.get("/")
    back = owner.post("/look", {"lang": lang, "theme": "dark", "next": "/projects/new"})
    assert follow(back) == "/projects/new"
    for method, path in routes():
        if method == "GET" and allowed(method, path) is not None and "/text/" not in path and "labels" not in path:
            got = owner.get(address(path, team.project, 1))
            if got.status == 200:
                assert f'<html lang="{lang}" data-theme="dark"' in got.text, path
    owner.post("/look", {"lang": "en", "theme": "auto"})
    assert "data-theme" not in owner.get("/").text


def test_the_browsers_language_is_taken_where_none_is_chosen(kept: tuple[Site, Team]) -> None:
    assert '<html lang="ja"' in Client(kept[0]).get("/login", Accept_Language="fr, ja;q=0.8, en;q=0.5").text
    assert negotiate("zh-TW,en;q=0.9") == "zh" and negotiate("de") == "en" and negotiate("ja;q=x, zh;q=0") == "en"
    assert negotiate(None) == "en" and negotiate(";;,=" * 1000) == "en"


def test_all_languages_have_the_same_words_with_the_same_places() -> None:
    def places(text: Any) -> set[str]:
        return set(re.findall(r"{(\w+)}", text if isinstance(text, str) else text["other"]))

    for lang in LANGUAGES:
        assert set(words(lang)) == set(words("en"))
        for key, text in words(lang).items():
            assert places(text) == places(words("en")[key]), (lang, key)
            assert text if isinstance(text, str) else text["other"], (lang, key)
    for entry in files("honne.annotate").joinpath("words").iterdir():
        tomllib.loads(entry.read_text(encoding="utf-8"))
