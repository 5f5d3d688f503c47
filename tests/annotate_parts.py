"""What the tests of annotation share: databases of both kinds, runs to label, and a project with its people."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from honne.annotate import guides, people, projects, queue, submit
from honne.annotate.database import Database
from honne.engine import imported
from honne.engine.store import RunFolder
from honne.plugins import Verdict
from honne.records import Item, Judgment, Message, Response, now

PASSWORD = "a long password"
NO_POSTGRES = "PostgreSQL not found: install it to test annotation on it"
MODEL = "acme/secret-model"


# ---------------------------------------------------------------- databases


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server of its own, on a free port of 127.0.0.1; its databases end with it."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip(NO_POSTGRES)
    # PostgreSQL refuses to run as root.
    user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
    more: dict[str, Any] = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="honne-pg-") as name:
        folder = Path(name)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        env = {**os.environ, "LC_ALL": "C", "HOME": name}
        make = [binaries / "initdb", "-D", folder / "data", "-U", "honne", "--auth=trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(make, check=True, capture_output=True, cwd=folder, env=env, **more)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [binaries / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "fsync=off"]
        with (folder / "log").open("wb") as out:
            server = subprocess.Popen(command, cwd=folder, env=env, stdout=out, stderr=out, **more)
        try:
            _ready(binaries, port, server)
            yield f"postgresql://honne@127.0.0.1:{port}/"
        finally:
            # SIGTERM would wait for every client to leave, and nothing of it is to be kept.
            server.send_signal(signal.SIGQUIT)
            server.wait(60)


def _ready(binaries: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "PostgreSQL did not start"
        ask = [binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "honne", "-d", "postgres"]
        if subprocess.run(ask, check=False).returncode == 0:
            return
        time.sleep(0.05)
    raise AssertionError("PostgreSQL did not start in time")


def database_of(server: str, name: str) -> str:
    """A new, empty database on this server."""
    import psycopg

    with psycopg.connect(f"{server}postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
    return f"{server}{name}"


# --------------------------------------------------------------------- runs


def a_run(
    folder: Path,
    n: int = 12,
    *,
    model: str = MODEL,
    judges: Mapping[str, Callable[[int], str]] | None = None,
    text: Callable[[int], str] = lambda i: f"Answer {i} to the question.",
    question: Callable[[int], str] = lambda i: f"What is {i} plus {i}?",
    category: Callable[[int], str] = lambda i: f"topic-{i % 3}",
    benchmark: str = "import",
    score: Callable[[str], Verdict] = lambda label: Verdict(label, float(label == "safe")),
) -> RunFolder:
    """A finished run of `n` answers; `judges` say what each judge's label of answer i is (`-`: none)."""
    items = [
        Item(
            seq=i,
            id=f"q{i}",
            benchmark=benchmark,
            version="1",
            lang="en",
            category=category(i),
            group=f"q{i}",
            messages=(Message("user", question(i)),),
        )
        for i in range(n)
    ]
    answers = [Response(item_id=f"q{i}", model=model, text=text(i), status="ok", at=now()) for i in range(n)]
    judgments = {
        key: [_judgment(model, key, i, score(label)) for i in range(n) if (label := says(i)) != "-"]
        for key, says in (judges or {}).items()
    }
    about = {"name": benchmark, "version": "1", "spec": None, "judges": {"open": "rubric"}, "metrics": ["safe_rate"]}
    return imported.write(
        folder,
        model=model,
        items=items,
        responses=answers,
        judgments=judgments,
        benchmarks=[about],
        how={"test": str(n)},
        notes=[],
    )


def _judgment(model: str, key: str, i: int, verdict: Verdict) -> Judgment:
    return Judgment(
        item_id=f"q{i}",
        model=model,
        judge=key,
        status="scored",
        label=verdict.label,
        score=verdict.score,
        raw_score=verdict.raw_score,
        at=now(),
    )


# ------------------------------------------------------------------- people


@dataclass
class Team:
    """A project with an owner, annotators, an adjudicator and a viewer, by the ids of their accounts."""

    database: Database
    project: int
    owner: int
    adjudicator: int
    viewer: int
    annotators: list[int] = field(default_factory=list)

    def next(self, user: int) -> queue.Task | None:
        return self.database.write(lambda s: queue.next_task(s, self.project, user))

    def label(self, user: int, answer: int, label: str, key: str = "", **form: Any) -> submit.Receipt:
        key = key or f"submit/{user}/{answer}/{label}"
        return self.database.write(lambda s: submit.submit(s, user, answer, {"label": label, **form}, key))

    def label_all(self, user: int, says: Callable[[queue.Task], str]) -> list[queue.Task]:
        """Label until nothing is left; the tasks in their order."""
        seen = []
        while (task := self.next(user)) is not None:
            self.label(user, task.answer_id, says(task))
            seen.append(task)
        return seen


@cache
def _hashed() -> str:
    """One hash for everybody: it takes its time by design."""
    return people.hashed(PASSWORD)


def a_team(
    database: Database, runs: Sequence[RunFolder], plan: projects.Plan, annotators: int = 2, name: str = "A project"
) -> Team:
    """A project of these runs, with its people."""
    guide = guides.load(plan.guide)

    def make(s: Any) -> Team:
        roles = ["owner", "adjudicator", "viewer", *["annotator"] * annotators]
        users = [
            people.create_user(s, f"{role}{i}@{name}", f"{role.title()} {i}", PASSWORD, hash=_hashed()).id
            for i, role in enumerate(roles)
        ]
        project = projects.create_project(s, name, runs, plan, guide, users[0]).id
        for user, role in zip(users[1:], roles[1:], strict=True):
            people.accept(s, people.invite(s, project, role, users[0]), user)
        return Team(database, project, users[0], users[1], users[2], users[3:])

    return database.write(make)
