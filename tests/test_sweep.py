"""`honne sweep`: what is tried, the rule, what is refused before anything is trained, and a whole sweep with a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console

pytest.importorskip("torch", reason="training needs torch: pip install 'honne[align]'")
pytest.importorskip("accelerate", reason="pip install 'honne[align]'")

from honne.align.sweep import Exam, Wanted, on_each, recipes, sweep
from honne.align.sweep._cell import endless
from honne.align.sweep._choice import chosen, too_few
from honne.align.sweep._wanted import prepared
from honne.align.training import Lora, Settings, asked, method_of
from honne.engine.attacking import listed
from honne.engine.plan import Options
from honne.errors import ConfigError, DataError
from honne.report.sweep import print_sweep, render
from honne.spec import parse
from run_parts import honne, ok, start
from sweep_parts import MODEL, TEST, TUNE, axis, frontier_of, given_of, options, pairs_of, safety_of, stored

SKIPPED = ("sft",)


@pytest.fixture(scope="module")
def safety(pairs: Path) -> Path:
    return safety_of(pairs)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pairs_of(tmp_path_factory.mktemp("pairs"))


def wanted(pairs: Path, methods: str = "nca", grid: tuple[str, ...] = (), **how: object) -> Wanted:
    tried = recipes(methods, grid, 1e-3, 1.0)
    settings = Settings(model=parse(MODEL), pairs=pairs, method=tried[0].method, lr=1e-3, batch=4, steps=2)
    one = Wanted(
        settings, tried, 1, Exam("--tune-on", TUNE, [], Options()), Exam("--test-on", TEST, [], Options()), 0.02
    )
    return replace(one, **how)  # type: ignore[arg-type]


# ---------------------------------------------------------------- what is tried


def test_all_are_the_ten_and_plain_sft_which_comes_first_and_takes_no_more_nll() -> None:
    found = recipes("all", (), 1e-4, 3.0)
    assert [r.name for r in found][:2] == ["sft", "dpo"] and len(found) == 11
    assert found[0].sft_weight == 0.0 and {r.sft_weight for r in found[1:]} == {3.0}


def test_a_grid_multiplies_the_methods_that_have_the_parameter_and_leaves_what_was_named() -> None:
    found = recipes("dpo,nca?beta=0.2,bco", ("beta=0.05,0.1,lr=1e-4,3e-4",), 1.0, 0.0)
    assert [r.name for r in found] == [
        *("sft?lr=1e-4", "sft?lr=3e-4"),
        *(f"dpo?beta={b}&lr={lr}" for b in ("0.05", "0.1") for lr in ("1e-4", "3e-4")),
        *(f"nca?beta=0.2&lr={lr}" for lr in ("1e-4", "3e-4")),
        *(f"bco?beta={b}&lr={lr}" for b in ("0.05", "0.1") for lr in ("1e-4", "3e-4")),
    ]
    assert found[2].parameters["beta"] == 0.05 and found[2].lr == 1e-4
    assert found[2].folder == "dpo-beta-0.05-lr-1e-4"


@pytest.mark.parametrize(
    ("methods", "grid", "told"),
    [
        ("dppo", (), "Did you mean 'dpo'"),
        ("", (), "--methods names none"),
        ("dpo", ("beta=abc",), "dpo: beta=abc must be a number above 0"),
        ("dpo", ("betta=0.1",), "Did you mean 'beta'"),
        ("sft", ("beta=0.1",), "unknown parameter 'beta'"),
        ("dpo", ("0.1",), "is not of the form"),
        ("dpo", ("lr=0",), "lr=0 must be a number above 0"),
        ("dpo", ("beta=0.1", "beta=0.2"), "named twice"),
    ],
)
def test_a_bad_method_or_grid_is_one_line(methods: str, grid: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError, match=told.replace("(", r"\(")):
        recipes(methods, grid, 1e-4, 0.0)


def test_the_same_configuration_is_tried_once() -> None:
    assert [r.name for r in recipes("dpo,dpo?beta=0.1", (), 1e-4, 0.0)] == ["sft", "dpo"]


def test_several_sets_multiply_the_configurations_and_are_told_apart_by_their_files() -> None:
    tried = recipes("nca?beta=0.2", (), 1e-4, 0.0)
    found = on_each(tried, [Path("a/full.jsonl"), Path("b/only safety.jsonl")])
    assert [r.name for r in found] == [
        *("full · sft", "full · nca?beta=0.2"),
        *("only safety · sft", "only safety · nca?beta=0.2"),
    ]
    assert [r.folder for r in found][1::2] == ["full/nca-beta-0.2", "only-safety/nca-beta-0.2"]
    assert on_each(tried, [Path("a/full.jsonl")]) == tried


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ("a/full.jsonl", "named twice"),
        ("b/full.jsonl", "named like a/full.jsonl"),
        ("b/Full.jsonl", "named like a/full.jsonl"),
    ],
)
def test_sets_of_one_name_are_refused(second: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        on_each(recipes("nca", (), 1e-4, 0.0), [Path("a/full.jsonl"), Path(second)])


# --------------------------------------------------------------------- the rule


def test_the_safest_that_pass_tie_and_the_smallest_loss_among_them_is_taken() -> None:
    found = frontier_of(
        {"a": 0.95, "b": 0.96, "far": 0.90, "spent": 0.99}, {"a": 0.0, "b": 0.005, "far": 0.0, "spent": 0.3}
    )
    choice = chosen(found, SKIPPED, 3)
    assert (choice.recommended, choice.best, choice.ties, choice.passing) == ("a", "b", ("a", "b"), ("a", "b", "far"))
    assert choice.ranked and "2 cannot be separated in safety" in choice.words


def test_plain_sft_is_taken_where_nothing_is_beyond_doubt_safer() -> None:
    lost = {"sft": 0.005, "nca": 0.0}
    assert chosen(frontier_of({"sft": 0.95, "nca": 0.96}, lost), SKIPPED, 3).recommended == "sft"
    assert chosen(frontier_of({"sft": 0.90, "nca": 0.96}, lost), SKIPPED, 3).recommended == "nca"


def test_one_seed_ranks_nothing() -> None:
    found = frontier_of({"sft": 0.80, "nca": 0.96}, {"sft": 0.0, "nca": 0.0})
    choice = chosen(found, SKIPPED, 1)
    assert choice.recommended == "sft" and choice.ties == ("sft", "nca")
    assert not choice.ranked and "One seed supports no ranking" in choice.words


def test_nothing_is_recommended_where_nothing_passes_or_all_is_broken() -> None:
    assert chosen(frontier_of({"nca": 0.99}, {"nca": 0.3}), SKIPPED, 3).recommended is None
    assert "broken" in chosen(None, SKIPPED, 3).words


def test_what_keeps_everything_from_passing_is_said_first() -> None:
    fine = [axis("safety", 0.5, 0.5), axis("over-refusal", 0.0, 0.0), axis("capability", 0.9, 0.9)]
    assert not [*too_few(fine, 0.02)]
    assert "does not measure capability" in next(too_few(fine[:2], 0.02))
    assert "asks too few questions" in next(too_few([*fine[:2], axis("capability", 0.9, 0.9, half=0.05)], 0.02))


def test_a_loss_without_a_bound_that_fell_while_the_chosen_answers_did_is_diverging(tmp_path: Path) -> None:
    def steps(*rows: tuple[float, float]) -> None:
        told = (json.dumps({"step": i, "loss": loss, "chosen": c}) for i, (loss, c) in enumerate(rows))
        (tmp_path / "progress.jsonl").write_text("\n".join(told))

    settings = wanted(tmp_path).settings
    rdpo, dpo = (replace(settings, method=method_of(name)[0]) for name in ("rdpo", "dpo"))
    steps((0.7, -20.0), (-5.0, -60.0))
    assert "fell to -5.00" in (endless(rdpo, tmp_path) or "") and endless(dpo, tmp_path) is None
    steps((0.7, -20.0), (-5.0, -10.0))
    assert endless(rdpo, tmp_path) is None


# ------------------------------------------------- refused before anything is trained


def test_the_judge_of_the_pairs_is_refused_or_recorded(pairs: Path) -> None:
    harm = ("organism-harm?judge=rubric&split={}&n=14&langs=en&forms=open",)
    exams = [
        Exam(o, [harm[0].format(s)], ["organism-rule"], Options(attacks=listed(["role-play"])))
        for o, s in (("--tune-on", "tune"), ("--test-on", "test"))
    ]
    one = wanted(pairs, tune=exams[0], test=exams[1])
    with pytest.raises(ConfigError, match="organism-rule built the pairs"):
        prepared(one)
    notes = prepared(replace(one, allow_same_judge=True)).notes
    assert any("--allow-same-judge" in note for note in notes)


def test_what_cannot_be_measured_fairly_is_refused(pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exam = wanted(pairs).tune
    with pytest.raises(ConfigError, match="of --test-on are in --tune-on as well"):
        prepared(wanted(pairs, test=replace(exam, option="--test-on")))
    with pytest.raises(ConfigError, match=r"--tune-on: .* have no judge"):
        prepared(
            wanted(pairs, tune=replace(exam, benchmarks=["organism-harm?judge=rubric&split=tune&n=14&forms=open"]))
        )
    with pytest.raises(DataError, match="are prompts of"):
        prepared(wanted(pairs, tune=replace(exam, benchmarks=["organism-harm?split=train&n=42&langs=en&forms=open"])))
    with pytest.raises(ConfigError, match="reads no adapter"):
        wanted(pairs, settings=replace(wanted(pairs).settings, lora=Lora(4, 8)))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="one process"):
        prepared(wanted(pairs))


def test_every_set_is_checked_before_anything_is_trained(pairs: Path, safety: Path, tmp_path: Path) -> None:
    def of(second: Path, methods: str = "nca", **how: object) -> Wanted:
        one = wanted(pairs, **how)
        return replace(one, recipes=on_each(recipes(methods, (), 1e-3, 0.0), [pairs, second]))

    assert [*prepared(of(safety)).materials] == [pairs, safety]
    bare = given_of(tmp_path, {"prompt": "1+1", "completion": "2", "label": True}, name="bare")
    with pytest.raises(DataError, match=r"bare\.jsonl line 1 has one answer only, and nca compares two"):
        prepared(of(bare))
    asked_there = wanted(pairs).tune.plan(MODEL).items[0].messages[-1].content
    learnt = given_of(tmp_path, {"prompt": asked_there, "chosen": "a", "rejected": "b"}, name="learnt")
    with pytest.raises(DataError, match=r"1 questions of --tune-on are prompts of .*learnt\.jsonl"):
        prepared(of(learnt))
    harm = "organism-harm?judge=rubric&split={}&n=14&langs=en&forms=open"
    exams = [Exam(f"--{s}-on", [harm.format(s)], ["organism-rule"], Options()) for s in ("tune", "test")]
    unjudged = given_of(tmp_path, {"prompt": "1+1", "chosen": "2", "rejected": "3"})
    one = of(safety, tune=exams[0], test=exams[1])
    first_fine = [replace(r, pairs=unjudged if r.pairs == pairs else r.pairs) for r in one.recipes]
    with pytest.raises(ConfigError, match=r"organism-rule built the pairs of .*safety\.jsonl"):
        prepared(replace(one, recipes=first_fine, settings=replace(one.settings, pairs=unjudged)))


def test_how_an_aligned_model_is_asked(pairs: Path) -> None:
    settings = wanted(pairs).settings
    folder = Path("a b/model")
    assert asked(settings, folder) == "organism/kitsune?path=a%20b/model"
    base = replace(settings, model=parse("hf/some/base?revision=abc&template.x=1"), device="cpu")
    assert asked(base, folder) == "hf/a b/model?template.x=1&device=cpu"
    lora = replace(base, lora=Lora(4, 8))
    assert asked(lora, folder) == "hf/some/base?revision=abc&template.x=1&adapter=a%20b/model&device=cpu"


# ---------------------------------------------------------------- a whole sweep


class Swept(NamedTuple):
    out: Path
    command: list[str]
    first: tuple[float, float]
    printed: str


def stamps(out: Path) -> tuple[float, float]:
    """When the first cell was trained and measured."""
    cell = out / "cells" / "sft" / "seed-0"
    return (cell / "model" / "align.json").stat().st_mtime, (cell / "tune" / "run.json").stat().st_mtime


@pytest.fixture(scope="module")
def swept(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """SFT, one preference loss, and one that falls apart; killed in the second cell and gone on with."""
    out = tmp_path_factory.mktemp("sweep") / "o"
    how = ["--methods", "nca,rdpo?epsilon=0.49", "--lr", "6e-3", "--steps", "24", "--batch", "8", "--margin", "95"]
    command = ["sweep", MODEL, str(pairs), *how, *options(out)]
    running = start(*command)
    second = out / "cells" / "nca" / "seed-0" / "model" / "progress.jsonl"
    until = time.monotonic() + 900
    while not second.exists() and running.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert second.exists() and stored(out)["state"] == "running"
    first = stamps(out)
    result: subprocess.CompletedProcess[str] = ok(honne(*command))
    return Swept(out, command, first, result.stdout)


def test_a_killed_sweep_goes_on_with_what_was_done(swept: Swept) -> None:
    assert stamps(swept.out) == swept.first
    found = stored(swept.out)
    assert found["state"] == "done" and found["configurations"] == 3 and found["trainings"] == 3
    assert [row["name"] for row in found["rows"]] == ["sft", "nca", "rdpo?epsilon=0.49"]


def test_a_broken_row_is_marked_and_in_no_comparison(swept: Swept) -> None:
    found = stored(swept.out)
    row = found["rows"][2]
    assert row["broken"] and row["broken"][0].startswith("seed 0: ")
    assert [point["name"] for point in found["tuning"]["points"]] == ["sft", "nca"]
    assert "broken" in swept.printed and row["name"] not in found["choice"]["passing"]


def test_the_choice_is_made_on_the_tuning_runs_and_tested_once(swept: Swept) -> None:
    found = stored(swept.out)
    assert found["choice"]["recommended"] == "sft" and not found["choice"]["ranked"]
    assert [point["name"] for point in found["test"]["points"]] == ["sft"]
    assert not (swept.out / "cells" / "nca" / "seed-0" / "test").exists()
    for frontier in (found["tuning"], found["test"]):
        for one in (a for point in frontier["points"] for a in point["axes"] if a["difference"] is not None):
            assert one["low"] <= one["difference"] <= one["high"] and one["n"] > 0 and one["method"]
    assert "One seed: no ranking is supported" in swept.printed and "3 trainings" in swept.printed


def test_other_options_are_refused_by_name(swept: Swept) -> None:
    changed = [*swept.command, "--warmup", "0.2", "--seeds", "2"]
    result = honne(*changed)
    assert result.returncode == 2
    assert "warmup: was 0.1, now 0.2" in result.stderr and "seeds: was 1, now 2" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_finished_sweep_shows_the_same_again(swept: Swept, pairs: Path) -> None:
    before = stored(swept.out)
    tried = recipes("nca,rdpo?epsilon=0.49", (), 6e-3, 0.0)
    one = wanted(pairs, recipes=tried, margin=0.95)
    found = sweep(replace(one, settings=replace(one.settings, lr=6e-3, steps=24, batch=8)), swept.out)
    assert stored(swept.out) == before
    page = render(found)
    assert page.count("<svg") >= 3 and "rdpo?epsilon=0.49" in page and "no ranking is supported" in page
    screen = Console(file=StringIO(), width=100)
    print_sweep(found, screen)
    assert isinstance(screen.file, StringIO) and "recommended" in screen.file.getvalue()


def test_a_sweep_of_two_sets(pairs: Path, safety: Path, tmp_path: Path) -> None:
    """SFT on each: what is learnt, measured and shown is each set's own, and the order of the sets is part of it."""
    out = tmp_path / "o"
    how = ["--methods", "sft", "--lr", "2e-3", "--steps", "8", "--batch", "8", *options(out)]
    printed = ok(honne("sweep", MODEL, str(pairs), str(safety), *how)).stdout
    found = stored(out)
    assert [(row["name"], row["pairs"]) for row in found["rows"]] == [
        ("pairs · sft", "pairs"),
        ("safety · sft", "safety"),
    ]
    sets = {one["name"]: one for one in found["sets"]}
    for name, path in (("pairs", pairs), ("safety", safety)):
        told = json.loads((out / "cells" / name / "sft" / "seed-0" / "model" / "align.json").read_text())
        assert told["pairs"]["train"]["sha256"] == sets[name]["sha256"] and told["pairs"]["train"]["file"] == path.name
    assert sets["safety"]["sources"] == ["own"] and sets["safety"]["pairs"] < sets["pairs"]["pairs"]
    assert "safety · sft" in printed and "Against plain SFT on safety: " in printed and "of own." in printed
    page = (out / "sweep.html").read_text(encoding="utf-8")
    assert "safety · sft" in page and "2 sets of pairs" in page
    result = honne("sweep", MODEL, str(safety), str(pairs), *how)
    assert result.returncode == 2 and "holds another sweep (pairs: was" in result.stderr
