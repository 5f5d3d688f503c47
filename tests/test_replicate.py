"""`honne replicate`: every published cell comes out of the real files, and one that does not is told."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from honne import plugins
from honne.replications import Cell
from run_parts import environment, honne, ok

DOCS = Path(__file__).parent.parent / "docs" / "replicated.md"


def rows(*args: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(ok(honne("replicate", *args, "--format", "json")).stdout)
    return found


def test_every_published_cell_is_equal(honne_data: Path) -> None:
    found = rows()
    assert all(row["equal"] is True for row in found), [row for row in found if not row["equal"]]
    assert all(list(row) == ["source", "table", "row", "column", "published", "ours", "equal"] for row in found)
    assert {row["source"] for row in found} >= set(plugins.names("replications"))
    assert len(found) >= 250


def test_the_published_side_is_the_expected_one(honne_data: Path) -> None:
    """The numbers that honne calls published are those of the independent recomputation."""
    expected = json.loads((honne_data / "EXPECTED.json").read_text(encoding="utf-8"))
    cells = {(r["source"], r["row"], r["column"]): r["published"] for r in rows()}
    for model, share in expected["llm_eval_fairness"].items():
        assert cells["llm-eval-fairness", model, "%"] == round(share["pct"], 1)
    for model, numbers in expected["llm_eval_causal"].items():
        mine = [v for (source, row, _), v in cells.items() if (source, row) == ("llm-eval-causal", model)]
        assert mine == numbers["published"]
    for model, counts in expected["llm_eval_typo_rule_vs_gpt4"].items():
        assert cells["llm-eval-typos", model, "pairs it reads"] == counts["both_parse"]
        assert cells["llm-eval-typos", model, "of these like GPT-4"] == counts["agree"]
    for model, share in expected["gsm8k"].items():
        if model != "n":
            assert cells["gsm8k", model, "%"] == share
    for name, numbers in expected.items():
        if name.startswith("bbq_race_"):
            category = name.removeprefix("bbq_race_")
            assert cells["bbq", category, "ambig"] == numbers["ambig_acc"]
            assert cells["bbq", category, "disambig"] == numbers["disambig_acc"]


def test_a_changed_answer_is_not_equal(tmp_path: Path, honne_data: Path) -> None:
    (tmp_path / "gsm8k").mkdir()
    text = gzip.decompress((honne_data / "gsm8k" / "example_model_solutions.jsonl.gz").read_bytes()).decode()
    lines = text.splitlines()
    changed = [json.loads(line) for line in lines[:4]]
    for row in changed:
        row["6b_finetuning"]["solution"] = "no final answer"
        row["175b_finetuning"]["solution"] = row["ground_truth"]
    lines[:4] = map(json.dumps, changed)
    (tmp_path / "gsm8k" / "example_model_solutions.jsonl").write_text("\n".join(lines))
    result = honne("replicate", "gsm8k", "--format", "csv", HONNE_DATA=str(tmp_path))
    assert result.returncode == 1
    found = {r["row"]: r["equal"] for r in csv.DictReader(io.StringIO(result.stdout))}
    assert found["175b_finetuning"] == "False" and found["175b_verification"] == "True"
    shown = honne("replicate", "gsm8k", HONNE_DATA=str(tmp_path))
    assert shown.returncode == 1 and "34.72 ≠ " in shown.stdout and "differs from the published file" in shown.stdout


def test_without_the_files_it_says_what_to_fetch(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = honne("replicate", "bbq", HONNE_DATA=str(tmp_path / "empty"), HONNE_CACHE=str(tmp_path / "cache"))
    assert result.returncode == 2 and "honne data fetch bbq" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    some = honne("replicate", "flames", "bbq", HONNE_DATA=str(tmp_path / "empty"), HONNE_CACHE=str(tmp_path / "cache"))
    assert some.returncode == 0 and "not recomputed: bbq/" in some.stdout
    wrong = honne("replicate", "flame")
    assert wrong.returncode == 2 and "Did you mean 'flames'?" in wrong.stderr


@pytest.mark.parametrize(
    ("published", "ours", "digits", "equal"),
    [(96.4, 96.44, 1, True), (96.4, 96.46, 1, False), (815, 815, 0, True), (815, 814, 0, False), (1.0, None, 2, None)],
)
def test_equal_means_equal_as_printed(published: float, ours: float | None, digits: int, equal: bool | None) -> None:
    assert Cell("t", "r", "c", published, ours, digits).equal is equal


def test_the_docs_hold_the_table(honne_data: Path) -> None:
    made = ok(honne("replicate", "--format", "md")).stdout
    assert made.strip() in DOCS.read_text(encoding="utf-8")


def test_a_source_from_outside(tmp_path: Path) -> None:
    """An installed package adds a table of its own through the entry point."""
    info = tmp_path / "own-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[honne.replications]\nown-table = own:PLUGIN\n")
    (tmp_path / "own.py").write_text(
        "from honne.replications import Cell, Replication\n"
        "PLUGIN = Replication('Own', 'https://example.org', (), lambda: [Cell('t', 'r', 'c', 2, 1 + 1)], 'here')\n"
    )
    env = {**environment(), "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    made = subprocess.run(
        [sys.executable, "-m", "honne", "replicate", "own-table", "-f", "json"], capture_output=True, text=True, env=env
    )
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)[0]["equal"] is True
