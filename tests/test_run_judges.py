"""Several judges of one run: what each of them read is told once and under its own name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guard_parts import GuardServer
from honne.engine.estimate import reworded
from honne.engine.store import RunFolder, open_run
from honne.metrics import agreement
from honne.plugins import View
from honne.report._blocks import arrange, face_slices
from honne.report.model import build
from honne.report.output import pairwise
from metrics_parts import item, judgment, row
from run_parts import here as honne
from run_parts import ok, rows
from server import Server


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models on the demo, open answers judged by three judges; and one judged by a rubric with its own labels."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "kind.txt").write_text("labels: kind, neutral, unkind\nKind means that nobody is hurt.\n")
    with Server() as server:
        for model in ("m", "n"):
            judges = [part for name in "abc" for part in ("--judge", "llm/" + server.spec(name))]
            ok(
                honne(
                    "run", "demo", "--model", server.spec(model), *judges, "--limit", "20", "-o", folder / model, "-q"
                )
            )
        own = f"llm/{server.spec('a')}&judge.rubric={folder / 'kind.txt'}"
        spec = f"file/{folder / 'q.jsonl'}?prompt=q&id=id"
        (folder / "q.jsonl").write_text("".join(json.dumps({"id": i, "q": f"What is {i}?"}) + "\n" for i in range(20)))
        ok(honne("run", spec, "--model", server.spec("m"), "--judge", own, "-o", folder / "kind", "-q"))
    return folder


def whole(found: list[dict[str, Any]], metric: str) -> list[dict[str, Any]]:
    return [r for r in found if r["metric"] == metric and r["slice"] == "all"]


def test_choices_are_counted_once_whoever_judges_the_rest(runs: Path) -> None:
    found = rows(honne("report", runs / "m", "-f", "json"))
    for metric, n in (("choice_rate", 20), ("unparsed_share", 40)):
        (one,) = whole(found, metric)
        assert (one["judge"], one["n"]) == ("choice@1", n)
        assert one["buckets"]["scored"] + one["buckets"]["unparsed"] == 40
    assert len(whole(found, "open_rate")) == len(whole(found, "cs")) == 3


def test_choices_are_compared_once(runs: Path) -> None:
    found = rows(honne("compare", runs / "m", runs / "n", "-f", "json"))
    assert len(whole(found, "choice_rate")) == len(whole(found, "unparsed_share")) == 1
    assert len(whole(found, "open_rate")) == 3


def test_choices_stand_beside_the_first_judges_open_answers(runs: Path) -> None:
    folders = [open_run(runs / name) for name in "mn"]
    blocks = [b for b in arrange([build(run) for run in folders]) if b.judge]
    assert [(b.judge or "").partition("@")[0] for b in blocks] == [f"llm/openai/{name}" for name in "abc"]
    assert [[face.slice for face in face_slices(b, 1)][:1] for b in blocks] == [["all"], [], []]
    assert {row.metric for row in pairwise(folders)[0, 1]} >= {"choice_rate", "open_rate"}
    assert "choice_rate" in ok(honne("report", runs / "m", runs / "n", "-f", "md")).stdout


def test_a_rubric_with_its_own_labels_gets_their_shares(runs: Path) -> None:
    found = {r["metric"]: r for r in rows(honne("report", runs / "kind", "-f", "json")) if r["slice"] == "all"}
    assert set(found) == {"mean_score", "label_share:kind", "label_share:neutral", "label_share:unkind"}
    for one in found.values():
        assert (one["n"], one["n_missing"], one["withheld"], one["buckets"]["scored"]) == (20, 0, False, 20)
    shares = [found[f"label_share:{label}"]["value"] for label in ("kind", "neutral", "unkind")]
    assert sum(shares) == pytest.approx(1)
    assert found["mean_score"]["value"] == pytest.approx(shares[0] + shares[1] / 2)


def test_rewordings_are_found_in_one_reading(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = runs / "other"
    (runs / "r.jsonl").write_text("".join(json.dumps({"id": i, "q": f"What's {i}?"}) + "\n" for i in range(20)))
    with Server() as server:
        spec = f"file/{runs / 'r.jsonl'}?prompt=q&id=id"
        ok(honne("run", spec, "--model", server.spec("m"), "-o", other, "-q"))
    read, calls = RunFolder.responses, []

    def counted(run: RunFolder) -> Any:
        calls.append(run.name)
        return read(run)

    monkeypatch.setattr(RunFolder, "responses", counted)
    a, b = open_run(runs / "kind"), open_run(other)
    assert len(reworded(a, b)) == 20
    assert sorted(calls) == ["kind", "other"]


def test_a_judges_labels_are_read_once_for_all_its_comparisons() -> None:
    class Counted(dict[tuple[str, int], Any]):
        reads = 0

        def get(self, *key: Any) -> Any:
            self.reads += 1
            return super().get(*key)

    items = [item(f"i{n}") for n in range(10)]
    by_judge = {name: Counted({(i.id, 0): judgment(i, "x", judge=name) for i in items}) for name in "abcde"}
    found = list(agreement.PLUGIN(View([row(i, by_judge["a"][i.id, 0]) for i in items], "a", by_judge)))
    assert len(found) == 4 * 3 + 1, "three numbers a pair, and the alpha of all"
    assert [given.reads for given in by_judge.values()] == [10] * 5


def test_a_judge_that_cannot_judge_one_benchmark_is_left_out_there(tmp_path: Path) -> None:
    """A guard says safe or unsafe, which is no answer to whether misuse was refused: there the panel cannot vote."""
    with Server() as server, GuardServer("llama-guard-3") as guard:
        judges = ("--judge", f"llm/{server.spec('j')}", "--judge", guard.spec(), "--judge", "panel")
        rest = ("--model", server.spec("m"), "--limit", "3", "-q", *judges)
        done = ok(honne("run", "trust-safety", "trust-misuse", *rest, "-o", tmp_path / "both"))
        assert "trust-misuse is not judged by panel: " in done.stderr and "different scales" in done.stderr
        found = rows(honne("report", tmp_path / "both", "-f", "json"))
        judged = {(r["benchmark"], (r["judge"] or "").partition("@")[0]) for r in found}
        assert ("trust-safety", "panel") in judged and ("trust-misuse", "panel") not in judged
        assert ("trust-misuse", "guard/llama-guard-3") in judged
        alone = ok(honne("run", "trust-misuse", *rest, "-o", tmp_path / "alone"), 2)
        assert "different scales" in alone.stderr and not (tmp_path / "alone").exists()
