"""Shared fixtures. Tests on real data read HONNE_DATA (default: ../shared/data beside the checkout)."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from honne.annotate.database import Database

ROOT = Path(__file__).resolve().parent.parent
_DEFAULT = ROOT.parent / "shared" / "data"
DATA = Path(os.environ["HONNE_DATA"]) if os.environ.get("HONNE_DATA") else _DEFAULT
NO_DATA = "real data not found: set HONNE_DATA"

# A shell starts what it runs in the background with interrupts ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def honne_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of real benchmark files, also exported as HONNE_DATA; skips where there is none."""
    if not DATA.is_dir():
        pytest.skip(NO_DATA)
    monkeypatch.setenv("HONNE_DATA", str(DATA))
    return DATA


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server for all tests of annotation; skips where PostgreSQL is not installed."""
    from annotate_parts import postgres

    with postgres() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database for labels, of either kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'labels.db'}"
    from annotate_parts import database_of

    return database_of(request.getfixturevalue("postgres_server"), f"t{uuid.uuid4().hex}")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """An open, empty database for labels, of either kind in turn."""
    from honne.annotate.database import Database

    opened = Database.open(url)
    yield opened
    opened.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly how many tests did not run for want of real data or of a system package."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [str(r.longrepr[2]) if isinstance(r.longrepr, tuple) else str(r.longrepr) for r in skipped]
    data = sum(NO_DATA in r for r in reasons)
    if data:
        terminalreporter.write_line(f"!! {data} real-data tests were SKIPPED: {NO_DATA}", red=True, bold=True)
    if len(reasons) > data:
        terminalreporter.write_line(f"!! {len(reasons) - data} further tests were SKIPPED", yellow=True, bold=True)
