"""What a training tells while it runs, and `progress.jsonl`: a line for every step and every measurement."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from honne.engine.journal import os_failure, write_atomic

__all__ = ["PROGRESS", "Say", "cut", "log"]

# `start`, `step`, `measured`, `warning`, `note`, `end`, each with its fields.
Say = Callable[[str, Mapping[str, Any]], None]
PROGRESS = "progress.jsonl"


def log(folder: Path, row: Mapping[str, Any]) -> None:
    """Append one row. Raises Stopped where the disk is full, StoreError where it cannot be written."""
    path = folder / PROGRESS
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    except OSError as e:
        raise os_failure(e, path, "write") from None


def cut(folder: Path, step: int) -> None:
    """Leave out what was logged after `step`, which will be done again, and a line that was torn."""
    path = folder / PROGRESS
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return
    write_atomic(path, b"".join(line for line in lines if _step_of(line) <= step))


def _step_of(line: bytes) -> float:
    try:
        row = json.loads(line)
        return float(row.get("measured", row)["step"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return float("inf")
