"""What the end-to-end tests share: the command line, as a process and in this one, and small files of questions."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from honne.__main__ import main

HONNE = [sys.executable, "-m", "honne"]


def environment(**more: str) -> dict[str, str]:
    """The test's environment without the user's own honne and key settings."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HONNE_", "OPENAI_"))}
    if "HONNE_DATA" in os.environ:
        clean["HONNE_DATA"] = os.environ["HONNE_DATA"]
    return {**clean, "COLUMNS": "120", **more}


def honne(*args: str | Path, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [*HONNE, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment(**env), timeout=300)


def here(*args: str | Path, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """The same in this process, for tests of what a command says and does: to start one often costs more than it."""
    argv = ["honne", *map(str, args)]
    out, error = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with (
        patch.dict(os.environ, environment(**env), clear=True),
        patch.object(sys, "argv", argv),
        chdir(cwd or Path.cwd()),
        redirect_stdout(out),
        redirect_stderr(error),
    ):
        try:
            main()
            raise AssertionError("it ended without an exit code")
        except SystemExit as ended:
            code = ended.code
    told = []
    for stream in (out, error):
        stream.flush()
        told.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(argv, int(code or 0), *told)


def start(*args: str | Path, **env: str) -> subprocess.Popen[str]:
    """Start a command that the test will end."""
    return subprocess.Popen(
        [*HONNE, *map(str, args)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(**env),
    )


def ok(result: subprocess.CompletedProcess[str], code: int = 0) -> subprocess.CompletedProcess[str]:
    assert result.returncode == code, f"exit {result.returncode}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    return result


def questions(path: Path, n: int) -> str:
    """Write `n` harmless prompts in three categories and return the benchmark's SPEC."""
    rows = ({"question": f"What is {i} plus {i + 1}?", "topic": f"sums/{i % 3}"} for i in range(n))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return f"file/{path}?prompt=question&category=topic"


def rows(result: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The objects that a `--format json` printed."""
    found: list[dict[str, Any]] = json.loads(ok(result).stdout)
    return found
