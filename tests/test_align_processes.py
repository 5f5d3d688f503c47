"""Two real processes under Accelerate's launcher train as one does: DDP, and torch's own sharding on CPUs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import align_parts as parts
import local_parts
import process_parts as many
from honne.errors import Stopped

torch = parts.torch
psutil = pytest.importorskip("psutil", reason="the processes are looked at with psutil, which accelerate brings")
ALIGN = ["-m", "honne", "align", "hf/llama", "pairs.jsonl", "--method", "dpo", "--lr", "3e-4", "--batch", "7"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Models and pairs; what one process makes of every case is in `one-CASE`."""
    made = tmp_path_factory.mktemp("processes")
    for kind in ("llama", "qwen3"):
        local_parts.save(made / kind, kind)
    parts.pairs(made / "pairs.jsonl")
    parts.unpaired(made / "unpaired.jsonl")
    # the other way round than the pairs to learn from: the first measurement is the best
    swapped = [{**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in parts.rows(6, first=70)]
    parts.pairs(made / "tuning.jsonl", swapped)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HONNE_CACHE", str(made / "cache-of-one"))
        for case in many.CASES:
            parts.trained(made / f"one-{case}", many.how_to(made, case))
        yield made


class Made(NamedTuple):
    """What two processes made: `folder/WRAPPER-CASE`, and what each of them saw."""

    folder: Path
    wrapper: str
    seen: tuple[list[dict[str, Any]], list[dict[str, Any]]]


@pytest.fixture(scope="module", params=many.LAUNCHERS)
def made(request: pytest.FixtureRequest, folder: Path) -> Made:
    wrapper = request.param
    broken_off(folder / f"one-to-{wrapper}", many.how_to(folder, "dpo"))
    again = [
        {"case": "bco", "out": f"{wrapper}-to-{wrapper}", "breaks": 9},
        {"case": "bco", "out": f"{wrapper}-to-{wrapper}"},
        {"case": "dpo", "out": f"{wrapper}-to-one", "breaks": 9},
        {"case": "dpo", "out": f"one-to-{wrapper}"},
    ]
    jobs = folder / f"jobs-{wrapper}"
    jobs.write_text(json.dumps([{"case": case, "out": f"{wrapper}-{case}"} for case in many.CASES] + again))
    code, _, error = many.ended(many.started(many.LAUNCHERS[wrapper], folder, Path(many.__file__), jobs))
    assert code == 0, error
    first, second = (json.loads((folder / f"{jobs.name}-{rank}").read_text()) for rank in (0, 1))
    return Made(folder, wrapper, (first, second))


def broken_off(out: Path, how: Any) -> None:
    """A training by one process that ended after its checkpoint of step 9."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("honne.align.training._loop._SHARE", 1e9)

        def stop(what: str, row: Any) -> None:
            if (what, row.get("step")) == ("step", 10):
                raise KeyboardInterrupt

        with pytest.raises(Stopped):
            parts.train(how, out, stop)


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "progress.jsonl").read_text().splitlines()]


def told(out: Path) -> dict[str, Any]:
    return dict(json.loads((out / "align.json").read_text()))


def same(one: Path, other: Path) -> None:
    """Two trainings took the same steps to the same weights, up to the order in which sums are made."""
    mine, theirs = ([r for r in rows(out) if "step" in r] for out in (one, other))
    assert [r["step"] for r in mine] == [r["step"] for r in theirs] and mine
    for name in ("loss", "lr", "chosen", "rejected"):
        assert [r[name] for r in theirs] == pytest.approx([r[name] for r in mine], rel=1e-5), name
    losses = [[r["measured"].get("tuning_loss", 0.0) for r in rows(out) if "measured" in r] for out in (one, other)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    a, b = parts.weights(one), parts.weights(other)
    assert a.keys() == b.keys() and a
    for name in a:  # of weights stored in half precision the last digit may differ
        last = 0.0 if a[name].dtype == torch.float32 else torch.finfo(a[name].dtype).eps
        torch.testing.assert_close(b[name].float(), a[name].float(), rtol=last, atol=1e-5)
    assert sorted(p.name for p in one.iterdir()) == sorted(p.name for p in other.iterdir())
    same_of = ("steps", "taken", "kept", "scoring", "settings", "pairs", "start", "done")
    assert {k: told(one)[k] for k in same_of} == {k: told(other)[k] for k in same_of}


def test_two_processes_run_and_the_wrapper_is_in_force(made: Made) -> None:
    first, second = made.seen
    for one, other in zip(first, second, strict=True):
        assert one["pid"] != other["pid"] and os.getpid() not in (one["pid"], other["pid"])
        assert {one["class"], other["class"]} == {
            {"DDP": "DistributedDataParallel", "fully_shard": "FSDPScorer"}[made.wrapper]
        }
    full = sum(p.numel() for p in parts.loaded(made.folder / "llama").parameters())
    held = [of[0]["held"] for of in made.seen]
    assert held == [full, full] if made.wrapper == "DDP" else sum(held) == full and max(held) < 0.6 * full


@pytest.mark.parametrize("case", many.CASES)
def test_losses_and_weights_are_those_of_one_process(made: Made, case: str) -> None:
    out = made.folder / f"{made.wrapper}-{case}"
    assert told(out)["processes"] == {"count": 2, "wrapper": made.wrapper}
    assert told(made.folder / f"one-{case}")["processes"] == {"count": 1, "wrapper": "none"}
    same(made.folder / f"one-{case}", out)
    if case == "early":
        assert (told(out)["taken"], told(out)["kept"]) == (6, 2)
    else:
        losses = [r["loss"] for r in rows(out) if "step" in r]
        assert len(losses) == 20 and losses[-1] < 0.95 * losses[0]


def test_broken_off_and_gone_on_with_by_as_many_processes_or_others(made: Made) -> None:
    folder, wrapper = made.folder, made.wrapper
    broken = [job for job in made.seen[0] if "breaks" in job]
    assert len(broken) == 2 and all("goes on" in job["ended"] for job in broken)
    parts.trained(folder / f"{wrapper}-to-one", many.how_to(folder, "dpo"))
    same(folder / "one-bco", folder / f"{wrapper}-to-{wrapper}")
    same(folder / "one-dpo", folder / f"{wrapper}-to-one")
    same(folder / "one-dpo", folder / f"one-to-{wrapper}")
    for out in (f"{wrapper}-to-{wrapper}", f"one-to-{wrapper}"):
        notes = [job["notes"] for job in made.seen[0] if job["out"] == out]
        assert "going on after step 9" in notes[-1]


def test_what_a_wrapper_lacks_is_said_once(made: Made) -> None:
    first, second = made.seen
    expected = 1 if made.wrapper == "fully_shard" else 0
    assert all(sum("replies are not watched" in note for note in job["notes"]) == expected for job in first)
    assert all(job["notes"] == [] for job in second), "only the first process speaks"
    replies = [r["measured"]["replies"] for r in rows(made.folder / f"{made.wrapper}-dpo") if "measured" in r]
    assert [r is None for r in replies] == [made.wrapper == "fully_shard"]


def test_killed_twice_and_finished(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """First one of the two is killed, then both and their launcher; the third attempt finishes."""
    command = [*ALIGN, "--steps", "200", "--every", "200", "-o", "killed"]
    child = many.started(many.DDP, folder, *command)
    ranks = running(child, folder / "killed", after=8)
    ranks[1].kill()
    code, _, error = many.ended(child)
    assert code != 0 and "a bug in honne" not in error and not told(folder / "killed")["done"]

    child = many.started(many.DDP, folder, *command)
    for rank in running(child, folder / "killed", after=60):
        rank.kill()
    os.killpg(child.pid, signal.SIGKILL)
    many.ended(child)
    assert not told(folder / "killed")["done"]

    code, said, error = many.ended(many.started(many.DDP, folder, *command))
    assert code == 0 and "honne:" not in error, error
    assert "2 processes (DDP)" in said and "going on after step" in said and said.count("model:") == 1
    monkeypatch.chdir(folder)
    parts.trained(
        folder / "whole", parts.settings("hf/llama", Path("pairs.jsonl"), lr=3e-4, batch=7, steps=200, every=200)
    )
    same(folder / "whole", folder / "killed")


def running_of(child: subprocess.Popen[str]) -> list[Any]:
    """The processes that a launcher started, by rank."""
    try:
        found = [p for p in psutil.Process(child.pid).children(recursive=True) if "honne" in p.cmdline()]
        return sorted((p for p in found if "RANK" in p.environ()), key=lambda p: int(p.environ()["RANK"]))
    except psutil.Error:
        return []


def running(child: subprocess.Popen[str], out: Path, after: int) -> list[Any]:
    """The two processes, found while they start, once the training has logged `after` rows."""
    end, log, ranks = time.monotonic() + many.LONGEST, out / "progress.jsonl", list[Any]()
    while time.monotonic() < end and child.poll() is None:
        if len(ranks) < 2:
            ranks = running_of(child)
        elif log.exists() and log.read_bytes().count(b"\n") >= after:
            assert len({rank.pid for rank in ranks}) == 2
            return ranks
        time.sleep(0.005)
    raise AssertionError(f"the training ended before: {many.ended(child)}")


def lines(error: str) -> list[str]:
    """What honne said; a launcher adds its own lines about the processes that failed."""
    return [line for line in error.splitlines() if "honne:" in line]


def test_an_error_of_all_processes_is_told_once(folder: Path) -> None:
    (folder / "bad.jsonl").write_text('{"prompt": "a", "chosen": "b", "rejected": "b"}\n')
    command = [*ALIGN[:4], "bad.jsonl", *ALIGN[5:], "-o", "bad"]
    code, _, error = many.ended(many.started(many.DDP, folder, *command))
    assert code != 0 and len(lines(error)) == 1 and "bad.jsonl" in lines(error)[0], error


def test_an_error_of_the_first_process_ends_the_other(folder: Path) -> None:
    code, _, error = many.ended(many.started(many.DDP, folder, *ALIGN, "-o", "one-dpo"))
    assert code != 0 and len(lines(error)) == 1 and "holds a finished training" in lines(error)[0], error


def test_an_error_of_another_process_is_told(folder: Path) -> None:
    """As on a second machine that has other files than the first."""
    other = "import os, sys\nsys.argv[3] = ('pairs.jsonl', 'lost.jsonl')[int(os.environ['RANK'])]\n"
    (folder / "other.py").write_text(other + "from honne.__main__ import main\nmain()\n")
    code, _, error = many.ended(many.started(many.DDP, folder, "other.py", *ALIGN[2:], "-o", "other"))
    assert code != 0 and "lost.jsonl" in lines(error)[0] and "a bug in honne" not in error, error


@pytest.mark.parametrize(
    "launcher, env",
    [
        ([*many.LAUNCH, "--cpu", "--num_processes", "2"], {}),  # starts one process, without a word
        ([sys.executable], {"WORLD_SIZE": "2"}),
    ],
    ids=["accelerate --cpu", "no launcher"],
)
def test_a_launcher_that_joins_nothing_is_named(folder: Path, launcher: list[str], env: dict[str, str]) -> None:
    code, _, error = many.ended(many.started(launcher, folder, *ALIGN, "-o", "alone", **env))
    assert code != 0 and len(lines(error)) == 1, error
    assert "accelerate launch --multi_gpu --num_processes N" in lines(error)[0] and not (folder / "alone").exists()
