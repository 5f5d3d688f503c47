"""Speed is a promise: 10,000 items cost at most twice the CPU time of a bare aiohttp loop with the same requests."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "perf" / "engine.py"


def test_a_run_costs_at_most_twice_a_bare_loop() -> None:
    ratios = []
    for _ in range(3):  # whatever else the machine is doing can only make a ratio worse
        command = [sys.executable, str(SCRIPT), "--repeats", "1", "--kinds", "bare,run"]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"run: .* ratio to bare ([\d.]+)", out)
        assert found is not None, out
        ratios.append(float(found[1]))
        if ratios[-1] <= 2.0:
            return
    raise AssertionError(f"ratios to a bare loop: {ratios}")
