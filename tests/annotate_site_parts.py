"""What the browser tests of annotation share: a real server on 127.0.0.1, and watched pages of real Chromium."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy import select

from annotate_parts import PASSWORD, Team, a_run, a_team
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.annotate.server.app import create_app
from honne.annotate.server.settings import Settings
from honne.annotate.tables import Label
from run_parts import HONNE, environment

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Any]:
    """Headless Chromium, or a skip that says so."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser: {CHROMIUM} is not installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


# What somebody at an annotator's page sees of its state.
SEEN = """() => { const $ = (selector) => document.querySelector(selector); return {
  path: location.pathname, title: $('#item-title')?.innerText, said: $('#said')?.textContent,
  chosen: $('input[name=label]:checked')?.value, looked: $('#exposed')?.checked, busy: $('#work')?.className,
  focus: document.activeElement?.outerHTML.slice(0, 80) }; }"""


class At(Protocol):
    """Something at an address."""

    url: str


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class Site:
    """A server of its own in a thread; `stop` and `start` it again at the same address."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.app = create_app(database, Settings(url=self.url, secret=b"a secret of the test", **settings))
        self.start()

    def start(self) -> None:
        import uvicorn

        config = uvicorn.Config(
            self.app, port=self.port, log_level="error", lifespan="off", timeout_graceful_shutdown=1
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        end = time.monotonic() + 60
        while not self.server.started:
            assert time.monotonic() < end and self.thread.is_alive(), "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()


class Served:
    """`honne annotate serve` as a process of its own; what it printed is in `said`."""

    def __init__(self, folder: Path, *args: str | Path, port: int = 0) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [*HONNE, "annotate", "serve", *map(str, args), "--port", str(self.port)]
        env = environment(XDG_STATE_HOME=str(folder / "state"), PYTHONUNBUFFERED="1")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, env=env
        )
        self.said = ""
        ready = threading.Event()

        def read() -> None:
            assert self.process.stdout is not None
            for line in self.process.stdout:
                self.said += line
                if line.startswith("serving "):
                    ready.set()
            ready.set()

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        assert ready.wait(60) and self.process.poll() is None, self.said
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            threading.Event().wait(0.05)

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(120)
        self.reader.join(10)
        return code


class Person:
    """Somebody at a browser of their own: signed in, and whatever their pages complain about is kept in `errors`."""

    def __init__(self, browser: Any, site: At, login: str | None = None, **context: Any) -> None:
        self.site = site
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.context = browser.new_context(**{"locale": "en-US", "viewport": {"width": 1360, "height": 850}, **context})
        self.context.set_default_timeout(60000)
        self.page = self.watched()
        if login is not None:
            self.sign_in(login)

    def watched(self) -> Any:
        page = self.context.new_page()
        page.on("request", lambda r: self.foreign.append(r.url) if not r.url.startswith(self.site.url) else None)
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        page.on("console", lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("dialog", lambda d: (self.errors.append(f"dialog {d.message}"), d.dismiss()))
        return page

    def sign_in(self, login: str) -> None:
        answer = self.context.request.get(self.site.url + "/login")
        token = re.search(r'name="csrf" value="([^"]+)"', answer.text())
        assert token
        sent = {"csrf": token[1], "login": login, "password": PASSWORD, "next": "/static/icon.svg"}
        assert self.context.request.post(self.site.url + "/login", form=sent).ok

    def go(self, path: str) -> None:
        self.page.goto(self.site.url + path)

    def press(self, *keys: str) -> None:
        # An element that is there does not mean that the page's scripts are: a key before them goes nowhere.
        self.page.wait_for_load_state()
        for key in keys:
            self.page.keyboard.press(key)

    def item(self) -> str:
        """The title of the item at hand."""
        found: str = self.page.inner_text("#item-title")
        return found

    def label(self, key: str) -> None:
        """Look at the text, choose by key, submit, and wait for the next item."""
        was = self.page.input_value("#label-form input[name=key]")
        self.press("b", key, "Enter")
        self.until("was => document.querySelector('#label-form input[name=key]')?.value !== was", was)

    def until(self, true: str, arg: Any = None) -> None:
        """Wait until a function of the page is true; what the page shows instead is in the failure."""
        from playwright.sync_api import TimeoutError as Waited

        try:
            self.page.wait_for_function(true, arg=arg, polling=50)
        except Waited:
            said = self.page.evaluate(SEEN)
            raise AssertionError(f"never true: {true} with {arg!r}; the page: {said}; {self.errors}") from None


class Ground:
    """One database, server and browser for the projects of several tests."""

    def __init__(self, folder: Path, browser: Any, url: str | None = None) -> None:
        self.folder, self.browser = folder, browser
        self.database = Database.open(url or f"sqlite:///{folder / 'labels.db'}")
        self.site = Site(self.database)
        self.count = 0

    def close(self) -> None:
        self.site.stop()
        self.database.close()


DIMENSIONS = ("Fairness/Toxic language", "Safety", "Legality")


class Place:
    """A project of its own with its people; whatever is no part of the plan is told to `a_run`."""

    def __init__(self, ground: Ground, guide: str, annotators: int = 2, n: int = 6, **more: Any) -> None:
        ground.count += 1
        self.ground, self.database, self.site = ground, ground.database, ground.site
        self.name = f"Pilot{ground.count}"
        plan = Plan(guide, **{k: more.pop(k) for k in ("suggestions", "without_suggestion", "overlap") if k in more})
        folder = ground.folder / self.name
        made = {"category": lambda i: DIMENSIONS[i % 3], **more}
        self.runs = [a_run(folder / "run", n, **made)]
        if guide == "preference":
            self.runs.append(
                a_run(folder / "other", n, model="acme/other", text=lambda i: f"Another answer {i}.", **more)
            )
        self.team: Team = a_team(self.database, self.runs, plan, annotators, name=self.name)
        self.home = f"/projects/{self.team.project}/label"
        self.people: list[Person] = []

    def person(self, who: str = "annotator3", **context: Any) -> Person:
        found = Person(self.ground.browser, self.site, f"{who}@{self.name}", **context)
        self.people.append(found)
        return found

    def annotator(self, **context: Any) -> Person:
        """The first annotator, with the first item before them."""
        found = self.person(**context)
        found.go(self.home)
        return found

    def labels(self, *columns: Any, state: str = "submitted") -> list[Any]:
        """What the database has of this project's labels in one state, in their order."""
        mine = select(*columns).where(Label.project_id == self.team.project, Label.state == state)
        with self.database.read() as s:
            return list(s.execute(mine.order_by(Label.at)))

    def close(self) -> None:
        """Close the browsers; nobody's page may have complained, or asked anything of another address."""
        for person in self.people:
            person.context.close()
        for person in self.people:
            assert not person.errors and not person.foreign, (person.errors, person.foreign)
