"""What the browser tests of annotation share: a real server on 127.0.0.1, and watched pages of real Chromium."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from annotate_parts import PASSWORD
from honne.annotate.database import Database
from honne.annotate.server.app import create_app
from honne.annotate.server.settings import Settings

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


class Site:
    """A server of its own in a thread; `stop` and `start` it again at the same address."""

    def __init__(self, database: Database, **settings: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
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
        end = time.monotonic() + 20
        while not self.server.started:
            assert time.monotonic() < end and self.thread.is_alive(), "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()


class Person:
    """Somebody at a browser of their own: signed in, and whatever their pages complain about is kept in `errors`."""

    def __init__(self, browser: Any, site: Site, login: str | None = None, **context: Any) -> None:
        self.site = site
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.context = browser.new_context(**{"locale": "en-US", "viewport": {"width": 1360, "height": 850}, **context})
        self.context.set_default_timeout(15000)
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

    def sign_in(self, login: str, password: str = PASSWORD) -> None:
        self.go("/login")
        self.page.fill("#f-login", login)
        self.page.fill("#f-password", password)
        self.page.click("main button.primary")
        self.page.wait_for_url(re.compile(r"^(?!.*/login)"))

    def go(self, path: str) -> None:
        self.page.goto(self.site.url + path)

    def press(self, *keys: str) -> None:
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
        self.page.wait_for_function(
            "was => document.querySelector('#label-form input[name=key]')?.value !== was", arg=was
        )
