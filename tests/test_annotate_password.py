"""`honne annotate password`: the way back in for who has the database, and nothing of a password where others look."""

from __future__ import annotations

import os
import pty
import select as waiting
import subprocess
import time
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from sqlalchemy import select

from annotate_parts import PASSWORD, Team, a_run, a_team
from honne.annotate import passwords, people
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.annotate.tables import Log
from run_parts import HONNE, environment

NEW = "quite another one"


@pytest.fixture
def team(database: Database, tmp_path: Path) -> Team:
    return a_team(database, [a_run(tmp_path / "run", 2)], Plan("safe"), name="Team")


def password(url: str, typed: str, login: str = "owner0@Team") -> subprocess.CompletedProcess[str]:
    command = [*HONNE, "annotate", "password", login, "--database", url]
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=120, env=environment())


def test_the_first_account_gets_in_again(database: Database, url: str, team: Team) -> None:
    token = database.write(lambda s: people.open_session(s, team.owner))
    got = password(url, f"{NEW}\n", "OWNER0@team ")
    assert (got.returncode, got.stdout) == (0, ""), got.stderr
    assert got.stderr.count("\n") == 1 and NEW not in got.stderr
    with database.read() as s:
        assert people.check_password(s, "owner0@Team", PASSWORD) is None
        found = people.check_password(s, "owner0@Team", NEW)
        assert found is not None and found.id == team.owner
        assert people.session_user(s, token) is None, "whoever was logged in is not any more"
        entry = s.scalars(select(Log).order_by(Log.id.desc())).first()
        assert entry is not None and (entry.what, entry.user_id, entry.before, entry.after) == (
            "set password at the console", None, None, None,
        )  # fmt: skip
        assert people.check_password(s, "annotator3@Team", PASSWORD) is not None


def test_a_link_that_was_made_before_ends(database: Database, url: str, team: Team) -> None:
    user = team.annotators[0]
    token = database.write(lambda s: passwords.link(s, team.project, user, team.owner))
    assert password(url, f"{NEW}\n", "annotator3@team").returncode == 0
    assert database.write(lambda s: passwords.for_link(s, token)) is None


def test_what_cannot_be_taken_is_one_line_and_changes_nothing(database: Database, url: str, team: Team) -> None:
    for typed, login, says in (
        ("short\n", "owner0@team", "At least 10 characters"),
        ("", "owner0@team", "At least 10 characters"),
        ("owner0@team\n", "owner0@team", "must not be the account name"),
        ("x" * 300 + "\n", "owner0@team", "At most 256 characters"),
        (f"{NEW}\n", "owner@team", "Did you mean 'owner0@team'?"),
    ):
        got = password(url, typed, login)
        assert got.returncode == 2 and says in got.stderr and got.stderr.count("\n") == 1, got.stderr
    with database.read() as s:
        assert people.check_password(s, "owner0@team", PASSWORD) is not None


def test_no_database_is_made(tmp_path: Path) -> None:
    got = password(f"sqlite:///{tmp_path}/none.db", f"{NEW}\n")
    assert got.returncode == 2 and "no database" in got.stderr
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(("again", "code"), [(NEW, 0), ("and not the same", 2)])
def test_a_terminal_asks_twice_and_shows_nothing(
    database: Database, url: str, team: Team, again: str, code: int
) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(environment())
        os.execv(HONNE[0], [*HONNE, "annotate", "password", "owner0@team", "--database", url])
    seen = _read(terminal, b"owner0@team: ")
    os.write(terminal, f"{NEW}\n".encode())
    seen += _read(terminal, b"Once more: ")
    os.write(terminal, f"{again}\n".encode())
    seen += _read(terminal, None)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == code, seen
    assert NEW.encode() not in seen and again.encode() not in seen
    with database.read() as s:
        assert (people.check_password(s, "owner0@team", NEW) is not None) == (code == 0)


def _read(terminal: int, until: bytes | None) -> bytes:
    """What a terminal shows until these bytes, or its end."""
    seen, end = b"", time.monotonic() + 300
    while until is None or until not in seen:
        assert time.monotonic() < end, seen
        if not waiting.select([terminal], [], [], 1)[0]:
            continue
        try:
            block = os.read(terminal, 4096)
        except OSError:  # Linux says so when the other side has closed
            block = b""
        if not block:
            return seen
        seen += block
    return seen
