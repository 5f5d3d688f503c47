"""The whole breadth in one command: seven benchmarks and suites, two attacks, a rubric judge and a guard."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import DATA, NO_DATA
from guard_parts import GuardServer
from honne import plugins
from honne.report._words import explain, phrase
from honne.values import framework
from run_parts import honne, ok, rows
from server import Server

ASKED = ("flames", "fine", "cvalues", "trust", "xstest", "gsm8k")
FRAMES = ("attacks", "cvalues", "flames", "risks", "trustworthy")
ATTACKS = ("prefix-injection", "role-play")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not DATA.is_dir():
        pytest.skip(NO_DATA)
    folder = tmp_path_factory.mktemp("breadth") / "run"
    with Server() as server, GuardServer("llama-guard-3") as guard:
        judges = ["--judge", f"llm/{server.spec('judge')}", "--judge", f"guard/llama-guard-3?base_url={guard.url}"]
        command = ["run", *ASKED, "--attack", ",".join(ATTACKS), "--limit", "50", "--model", server.spec("m"), *judges]
        ok(honne(*command, "-o", folder, "-q", HONNE_DATA=str(DATA)))
    return folder


@pytest.fixture(scope="module")
def found(run: Path) -> list[dict[str, Any]]:
    return rows(honne("report", run, "-f", "json"))


def test_every_benchmark_has_its_numbers(found: list[dict[str, Any]]) -> None:
    suite = plugins.load("benchmarks", "trust").members
    headlines = {r["benchmark"] for r in found if r["headline"] and r["slice"] == "all"}
    assert headlines >= ({*ASKED, *suite} - {"trust"})
    for r in found:
        assert r["n"] >= r["n_missing"] >= 0 and r["method"]
        if r["value"] is not None and r["level"] is not None:
            assert r["low"] <= r["value"] <= r["high"], r


def test_both_judges_stand_side_by_side(found: list[dict[str, Any]]) -> None:
    judged = {(r["benchmark"], r["judge"].partition("@")[0].partition("/")[0]) for r in found if r["judge"]}
    for benchmark in ("flames", "fine", "cvalues", "trust-safety", "xstest"):
        assert {(benchmark, "llm"), (benchmark, "guard")} <= judged
    assert any(r["metric"] == "krippendorff_alpha" for r in found)


def test_attacks_have_success_rates_and_a_global_safety(found: list[dict[str, Any]]) -> None:
    whole = [r for r in found if r["metric"] == "attack_success_rate" and r["slice"] == "all"]
    rate = {(r["benchmark"], r["attack"]) for r in whole}
    assert {(b, a) for b in ("flames", "fine", "trust-safety", "xstest") for a in ATTACKS} <= rate
    assert {r["benchmark"] for r in found if r["metric"] == "global_safety"} >= {"flames", "fine", "trust-safety"}
    assert not any(r["attack"] for r in found if r["benchmark"] == "gsm8k")


def test_the_report_shows_every_frame(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    for frame in FRAMES:
        assert re.search(rf"<label for=.vf\d.>{frame}<", page), frame
        shown = ok(honne("report", run, "--frame", frame)).stdout
        assert framework(frame).title.en.partition(":")[0] in shown


def test_a_gate_on_an_attack(run: Path) -> None:
    gate = "trust-safety:attack_success_rate[all, attack=role-play].value >= 0"
    assert honne("report", run, "--fail-if", gate, "-f", "github").returncode == 1
    assert json.loads((run / "run.json").read_text())["state"] == "done"


def test_every_metric_has_a_plain_name_and_is_explained(found: list[dict[str, Any]]) -> None:
    metrics = {row["metric"] for row in found}
    assert len(metrics) > 40
    assert [m for m in metrics if phrase(m) == m and m not in ("accuracy", "agreement", "preference")] == []
    assert [m for m in metrics if not explain(m)] == []


def test_the_summary_of_the_breadth_is_short_and_names_the_gap(run: Path) -> None:
    said = ok(honne("report", run, COLUMNS="400")).stdout.partition("\noverview\n")[0]
    lines = [line for line in said.splitlines() if line.strip().startswith("•")]
    assert len(lines) <= 10
    assert "On fine, the open answers are safe in" in said and "cost safety" in said
