"""Runs with an automatic judge, and people's labels of them, for the tests of calibration."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from run_parts import here as honne
from run_parts import ok

N = 120


def truth(n: int = N, seed: int = 7) -> list[tuple[str, str]]:
    """(people's label, the judge's) of n answers: a judge of about 80 % accuracy, an event in four."""
    draw = random.Random(seed)
    people = ["unsafe" if draw.random() < 0.25 else "safe" for _ in range(n)]
    other = {"safe": "unsafe", "unsafe": "safe"}
    return [(label, label if draw.random() < 0.8 else other[label]) for label in people]


def imported(folder: Path, model: str = "m", seed: int = 7, n: int = N) -> Path:
    """A run whose answers a judge `labels.auto` has judged; people's labels are in no column of it."""
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / f"{model}.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "question", "answer", "topic", "auto"])
        for i, (_, judged) in enumerate(truth(n, seed)):
            writer.writerow([f"q{i}", f"Question {i}?", f"Answer {i} of {model}.", f"t{i % 2}", judged])
    columns = "id=id,prompt=question,response=answer,category=topic,label.auto=auto"
    ok(honne("import", table, "--model", model, "--map", columns, "-o", folder / "runs"))
    return folder / "runs" / model


def label(i: int, value: str | None, person: str = "ann", **more: Any) -> dict[str, Any]:
    """A row of the annotation server's export."""
    row = {"model": "m", "item_id": f"q{i}", "sample": 0, "annotator": person, "kind": "label", "label": value}
    return {**row, "status": "scored", "design": "random", "inclusion": 0.5, "judge": f"labels.p.{person}", **more}


def write(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def numbers(run: Path, **wanted: Any) -> list[dict[str, Any]]:
    """The stored estimates with these fields."""
    rows: list[dict[str, Any]] = json.loads((run / "estimates.json").read_text(encoding="utf-8"))
    return [row for row in rows if all(row[k] == v for k, v in wanted.items())]
