"""Shared fixtures. Tests on real data read HONNE_DATA (default: ../shared/data beside the checkout)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly how many tests did not run for want of real data or of a system package."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = [str(r.longrepr[2]) if isinstance(r.longrepr, tuple) else str(r.longrepr) for r in skipped]
    data = sum(NO_DATA in r for r in reasons)
    if data:
        terminalreporter.write_line(f"!! {data} real-data tests were SKIPPED: {NO_DATA}", red=True, bold=True)
    if len(reasons) > data:
        terminalreporter.write_line(f"!! {len(reasons) - data} further tests were SKIPPED", yellow=True, bold=True)
