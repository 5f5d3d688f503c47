"""What the tests of pairs share: a real run with several judged samples, and pairs made in one call."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from honne.__main__ import main
from honne.align.pairs._make import Recipe, make
from honne.align.pairs._read import read
from honne.align.pairs._select import Selection
from honne.records import Pair
from run_parts import honne, ok
from server import Server

JUDGE = "llm/openai/judge"


class Made(NamedTuple):
    path: Path
    pairs: list[Pair]
    record: dict[str, Any]


def made(out: Path, *sources: str, attacks: Sequence[str] = (), **how: Any) -> Made:
    """The pairs of these sources, read back from the file, and the record."""
    record = make(Recipe(sources, tuple(attacks), Selection(**how)), out)
    return Made(out, list(read(out)), record)


def recorded_runs(folder: Path) -> None:
    """`base`: two benchmarks, three samples, one judge and the fixed ones. `guided`: its failures with a principle.
    `other`: another model on the same questions."""
    with Server() as server:
        env = {"OPENAI_BASE_URL": server.url}
        more = ["--judge", JUDGE, "-q"]
        both = ["run", "demo", "arithmetic?n=24", *more, "--limit", "24"]
        ok(honne(*both, "--model", "openai/m?temperature=1&seed=1", "--samples", "3", "-o", folder / "base", **env))
        again = [f"principle/{folder}/base", *more, "--samples", "2", "-o", folder / "guided"]
        ok(honne("run", *again, "--model", "openai/m?temperature=1&seed=9", **env))
        ok(honne(*both, "--model", "openai/n?seed=5", "-o", folder / "other", **env))


def refused(capsys: pytest.CaptureFixture[str], *args: str | Path) -> str:
    """The one line with which `honne pairs` refuses these arguments (exit 2)."""
    argv, sys.argv = sys.argv, ["honne", "pairs", *map(str, args)]
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.argv = argv
    said = capsys.readouterr()
    assert ended.value.code == 2 and said.out == "", said
    (line,) = said.err.splitlines()
    return line


def jsonl(path: Path, rows: Iterator[Any] | Sequence[Any], encoding: str = "utf-8") -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding=encoding)
    return path
