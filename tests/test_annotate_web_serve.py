"""`honne annotate` as people start it: a real process, its terminal, its end, and the files it exports and imports."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotate_parts import PASSWORD, a_run, a_team
from annotate_site_parts import Served, free_port
from annotate_web_parts import Client, follow
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.engine.store import open_run
from run_parts import here as honne
from run_parts import ok


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    a_run(tmp_path / "runs" / "one", 6)
    a_run(tmp_path / "runs" / "two", 6, model="other")
    yield tmp_path / "runs"


def test_first_start_to_last_word(tmp_path: Path, runs: Path) -> None:
    server = Served(tmp_path, runs, "--guide", "safe")
    try:
        link = re.search(rf"http://127\.0\.0\.1:{server.port}(/first/[\w-]+)", server.said)
        assert link is not None and "2 run folders" in server.said
        ada = Client(server)  # type: ignore[arg-type]
        page = ada.get(link[1])
        assert page.status == 200 and "server" not in page.headers
        follow(ada.post(link[1], {"name": "Ada", "login": "ada", "password": PASSWORD}))
        ada.get("/projects/new")
        form = {"name": "P", "guide": "safe", "run": ["0", "1"], "overlap": "1", "design": "random"}
        assert follow(ada.post("/projects", form)) == "/projects/1/overview"
        ada.get("/projects/1/people")
        invited = ada.post("/projects/1/people", {"role": "viewer"}).text
        token = re.search(rf"http://127\.0\.0\.1:{server.port}/invitation/([\w-]+)", invited)
        assert token is not None
        Client(server).get(f"/invitation/{token[1]}")  # type: ignore[arg-type]
    finally:
        code = server.end()
    assert code == 0 and "the same command goes on" in server.said
    assert token[1] not in server.said and PASSWORD not in server.said and "Traceback" not in server.said
    key = tmp_path / "state" / "honne" / "annotate.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and len(key.read_bytes()) == 32

    again = Served(tmp_path, runs)
    try:
        assert "/first/" not in again.said, "there is an account"
        # Cookies of another port are others; the session itself has outlived the restart.
        ada.cookies = {k.replace(str(server.port), str(again.port)): v for k, v in ada.cookies.items()}
        ada.site = again  # type: ignore[assignment]
        assert "P" in ada.get("/").words
    finally:
        assert again.end(signal.SIGTERM) == 0


def test_a_taken_port_is_one_line_and_exit_2(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        got = ok(honne("annotate", "serve", "--port", str(port), cwd=tmp_path), 2)
    assert got.stderr.count("\n") == 1 and "in use" in got.stderr and "--port" in got.stderr
    assert not (tmp_path / "honne-annotate.db").exists()


def test_without_an_account_only_this_machine_is_served(tmp_path: Path) -> None:
    wide = ("annotate", "serve", "--port", str(free_port()), "--host", "0.0.0.0")
    got = ok(honne(*wide, cwd=tmp_path), 2)
    assert "--url" in got.stderr
    got = ok(honne(*wide, "--url", "http://labels.example.org", cwd=tmp_path), 2)
    assert "no account yet" in got.stderr and got.stderr.count("\n") == 1
    for url in ("labels.example.org", "ftp://x", "https://a@b", "https://x/y", "http://[::1"):
        got = ok(honne(*wide, "--url", url, cwd=tmp_path), 2)
        assert "--url" in got.stderr and got.stderr.count("\n") == 1


def test_https_makes_cookies_secure_and_names_the_host(tmp_path: Path) -> None:
    server = Served(tmp_path, "--url", "https://labels.example.org")
    try:
        client = Client(server)  # type: ignore[arg-type]
        got = client.get("/login", Host="labels.example.org")
        assert got.status == 200 and "max-age" in got.headers["strict-transport-security"]
        cookie = got.headers["set-cookie"]
        assert cookie.startswith("__Host-") and "Secure" in cookie and "Path=/" in cookie
        assert client.get("/login", Host="other.example.org").status == 421
    finally:
        server.end()


def test_bad_arguments_are_one_line(tmp_path: Path, runs: Path) -> None:
    for args, says in {
        ("nothing",): "no run folder",
        (str(runs), "--guide", "flame"): "Did you mean 'flames'",
        ("--database", "mysql://root:hunter2@h/x"): "not the address of a database",
        ("--database", "postgresql://root:hunter2@127.0.0.1:1/x"): "cannot open the database",
    }.items():
        got = ok(honne("annotate", "serve", *args, "--port", str(free_port()), cwd=tmp_path), 2)
        assert says in got.stderr and got.stderr.count("\n") == 1 and "hunter2" not in got.stderr


def test_labels_travel_as_a_file(tmp_path: Path, runs: Path) -> None:
    here, there = (f"sqlite:///{tmp_path}/{name}.db" for name in ("here", "there"))
    plan, folders = Plan("safe"), [open_run(runs / "one")]
    database = Database.open(here)
    team = a_team(database, folders, plan, name="One by one")
    team.label_all(team.annotators[0], lambda t: "safe" if t.answer_id % 2 else "unsafe")
    database.close()
    other = Database.open(there)
    a_team(other, folders, plan, annotators=0, name="One by one")
    other.close()

    for project in ("one-by-one", "One by one", "1"):
        got = ok(honne("annotate", "export", project, "--database", here))
        rows = [json.loads(line) for line in got.stdout.splitlines()]
        assert len(rows) == 12 and {row["annotator"] for row in rows if row["kind"] == "label"} == {"Annotator 3"}
    for kind in ("jsonl", "csv", "parquet"):
        file = tmp_path / f"labels.{kind}"
        ok(honne("annotate", "export", "1", "--database", here, "-o", str(file)))
        got = ok(honne("annotate", "import", "1", str(file), "--database", there))
        first = kind == "jsonl"
        assert f"{6 if first else 0} labels" in got.stderr and f"{0 if first else 6} were there" in got.stderr
    back = ok(honne("annotate", "export", "1", "--database", there)).stdout
    assert {
        (r["item_id"], r["label"], r["at"]) for r in map(json.loads, back.splitlines()) if r["kind"] == "label"
    } == {(r["item_id"], r["label"], r["at"]) for r in rows if r["kind"] == "label"}

    for args, says in {
        ("export", "one-by-on", "--database", here): "unknown project 'one-by-on'. Did you mean 'one-by-one'",
        ("export", "1", "--database", here, "-o", "labels.xlsx"): "unknown format 'xlsx'",
        ("export", "1", "--database", f"sqlite:///{tmp_path}/none.db"): "no database",
        ("import", "1", str(runs), "--database", there): "",
        ("import", "1", str(tmp_path / "none.csv"), "--database", there): "none.csv",
    }.items():
        got = ok(honne("annotate", *args, cwd=tmp_path), 2)
        assert says in got.stderr and got.stderr.count("\n") == 1, got.stderr
