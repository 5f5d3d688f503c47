"""What the tests of `honne import` share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from honne import plugins
from honne.errors import HonneError
from honne.importers import ImportedRun, read_import
from honne.spec import parse


def benchmark(name: str) -> plugins.Benchmark:
    built: plugins.Benchmark = plugins.load("benchmarks", name)(parse(name))
    return built


def rows(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in records), encoding="utf-8")
    return path


def one(path: Path, *mapping: str, **options: Any) -> ImportedRun:
    (run,) = read_import(path, mapping=mapping, **options)
    return run


def refused(path: Path, *mapping: str, **options: Any) -> str:
    with pytest.raises(HonneError) as e:
        read_import(path, mapping=mapping, **options)
    assert "\n" not in str(e.value)
    return str(e.value)


def judged(run: ImportedRun, key: str = "labels") -> list[tuple[str, str | None, str | None]]:
    return [(j.status, j.label, j.raw) for j in run.judgments[key]]
