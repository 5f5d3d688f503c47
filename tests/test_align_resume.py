"""Broken off at any instant and begun again by the same command: a training ends with the same weights."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import align_parts as parts
import local_parts
from honne.align.training import Lora, Settings, _checkpoint
from honne.engine import journal
from honne.errors import ConfigError, Stopped, StoreError, TrainingError
from run_parts import HONNE, environment

torch = parts.torch
# What a break may hit: a running mean, a sort over the whole batch, an adapter, an early end with the best kept.
METHODS: dict[str, dict[str, Any]] = {
    "bco": {},
    "aot": {"lora": Lora(4, 8.0)},
    "kto": {"sft_weight": 0.5},
    "dpo": {"tuning": "tuning.jsonl", "every": 1, "patience": 2, "lr": 0.05, "batch": 8, "steps": 30},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, pairs to learn from, and pairs to tune on."""
    made = tmp_path_factory.mktemp("resume")
    local_parts.save(made / "base", "llama")
    parts.pairs(made / "pairs.jsonl")
    parts.pairs(made / "tuning.jsonl", parts.rows(6, first=70))
    return made


def how_to(folder: Path, method: str, **more: Any) -> Settings:
    found = {**METHODS[method], **more}
    tuning = {"tuning": folder / found["tuning"]} if "tuning" in found else {}
    return parts.settings(
        folder / "base", folder / "pairs.jsonl", method, **{"steps": 10, "batch": 4, **found, **tuning}
    )


def command(out: Path) -> list[str]:
    """The command line of `how_to("bco")` with 40 steps."""
    what = ["align", "hf/base", "pairs.jsonl", "-o", str(out), "--method", "bco", "--lr", "1e-3"]
    return [*HONNE, *what, "--steps", "40", "--batch", "4"]


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "progress.jsonl").read_text().splitlines()]


def told(out: Path) -> dict[str, Any]:
    return dict(json.loads((out / "align.json").read_text()))


class Killed(BaseException):
    """Stands for a kill at an exact place: nothing catches it."""


def same(whole: Path, broken: Path) -> None:
    """Two trainings left the same, but for what the clock says."""
    assert parts.apart(whole, broken) == 0
    one, other = ([{**r, "answer_tokens_per_second": 0} for r in rows(out)] for out in (whole, broken))
    assert one == other
    assert {**told(whole), "seconds": 0, "reference_scored": 0} == {**told(broken), "seconds": 0, "reference_scored": 0}
    assert sorted(p.name for p in whole.iterdir()) == sorted(p.name for p in broken.iterdir())


def test_killed_several_times_and_finished(tmp_path: Path, folder: Path) -> None:
    env, kills = environment(OMP_NUM_THREADS="1", HONNE_CACHE=str(tmp_path / "cache")), 0
    while True:
        child = subprocess.Popen(command(tmp_path / "broken"), cwd=folder, env=env, stdout=subprocess.DEVNULL)
        if kills < 2:
            kills += _killed(child, tmp_path / "broken", after=3 + 15 * kills)
        if child.wait(timeout=600) != -signal.SIGKILL:
            break
    assert child.returncode == 0 and kills == 2
    subprocess.run(command(tmp_path / "whole"), cwd=folder, env=env, stdout=subprocess.DEVNULL, check=True, timeout=600)
    same(tmp_path / "whole", tmp_path / "broken")


def _killed(child: subprocess.Popen[bytes], out: Path, after: int) -> int:
    """Kill it once it has logged `after` rows; 0 where it ended by itself before."""
    end = time.monotonic() + 300
    while child.poll() is None and time.monotonic() < end:
        log = out / "progress.jsonl"
        if log.exists() and log.read_bytes().count(b"\n") >= after:
            child.kill()
            return int(child.wait() == -signal.SIGKILL)
        time.sleep(0.002)
    return 0


@pytest.mark.parametrize("method", METHODS)
def test_broken_off_several_times(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setattr("honne.align.training._loop._SHARE", 1e9)  # a checkpoint after every step
    how = how_to(folder, method)
    whole, _ = parts.trained(tmp_path / "whole", how)
    for last in (1, 2, 4):

        def stop(what: str, row: Any, last: int = last) -> None:
            if (what, row.get("step")) == ("step", last):
                raise Killed

        with pytest.raises(Killed):
            parts.train(how, tmp_path / "broken", stop)
    parts.trained(tmp_path / "broken", how)
    same(tmp_path / "whole", tmp_path / "broken")
    if how.tuning is not None:
        assert 0 < whole["kept"] < whole["taken"] < whole["steps"]


def test_killed_at_every_write(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The n-th file is never put in its place; what is there then is gone on with, to the same end."""
    how = how_to(folder, "dpo", steps=3, every=1, lr=1e-3)
    monkeypatch.setattr("honne.align.training._loop._SHARE", 1e9)
    parts.trained(tmp_path / "whole", how)
    real, left = Path.replace, [0]

    def replace(self: Path, target: Any) -> Path:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    for number in range(1, 40):
        out, left[0] = tmp_path / f"at{number}", number
        try:
            parts.trained(out, how)
            break
        except Killed:
            parts.trained(out, how)
            same(tmp_path / "whole", out)
    assert number > 10


def test_warnings_survive_a_break(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how = parts.settings(folder / "base", folder / "pairs.jsonl", "simpo", steps=8, every=2, lr=0.1)
    monkeypatch.setattr("honne.align.training._loop._SHARE", 1e9)
    whole, heard = parts.trained(tmp_path / "whole", how)
    assert whole["warnings"] == [row["text"] for row in heard.of("warning")] and whole["warnings"]

    def stop(what: str, row: Any) -> None:
        if what == "step" and row["step"] == 7:
            raise KeyboardInterrupt

    with pytest.raises(Stopped, match="the same command goes on"):
        parts.train(how, tmp_path / "broken", stop)
    again, heard = parts.trained(tmp_path / "broken", how)
    assert again["warnings"] == whole["warnings"]
    assert heard.of("note")[0]["text"] == "going on after step 6" and heard.of("step")[0]["step"] == 7
    assert parts.apart(tmp_path / "whole", tmp_path / "broken") == 0


def broken_off(out: Path, how: Any, monkeypatch: pytest.MonkeyPatch, step: int = 3) -> None:
    """A training that ended after its checkpoint of step `step`."""
    monkeypatch.setattr("honne.align.training._loop._SHARE", 1e9)

    def stop(what: str, row: Any) -> None:
        if what == "step" and row["step"] == step + 1:
            raise KeyboardInterrupt

    with pytest.raises(Stopped):
        parts.train(how, out, stop)
    standing = _checkpoint.read_standing(out)
    assert standing is not None and standing.step == step


def test_torn_files_are_named(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how, out = parts.settings(folder / "base", folder / "pairs.jsonl", steps=6), tmp_path / "out"
    broken_off(out, how, monkeypatch)
    state, tensors = out / "checkpoint.json", out / "checkpoint-3.safetensors"
    kept = {path: path.read_bytes() for path in (state, tensors)}
    for path in (state, tensors):
        for torn in (b"", kept[path][:-9], kept[path][: len(kept[path]) // 2]):
            path.write_bytes(torn)
            with pytest.raises(TrainingError, match=r"checkpoint.* cannot be read .*: delete .* to begin again"):
                parts.trained(out, how)
        path.write_bytes(kept[path])
    tensors.unlink()
    with pytest.raises(TrainingError, match="cannot be read"):
        parts.trained(out, how)
    state.unlink()  # as the message says
    with (out / "progress.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    parts.trained(out, how)
    parts.trained(tmp_path / "whole", how)
    assert parts.apart(tmp_path / "whole", out) == 0
    assert [r["step"] for r in rows(out) if "step" in r] == [1, 2, 3, 4, 5, 6]


def test_another_training_is_not_gone_on_with(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs, out = folder / "pairs.jsonl", tmp_path / "out"
    base = local_parts.save(tmp_path / "base", "llama")
    how = parts.settings(base, pairs, steps=6, tuning=folder / "tuning.jsonl")
    broken_off(out, how, monkeypatch)
    for more, named in (
        ({"lr": 2e-3}, "lr: was 0.001, now 0.002"),
        ({"seed": 1}, "seed: was 0, now 1"),
        ({"tuning": None}, "tuning pairs: was"),
        ({"tuning": parts.pairs(tmp_path / "t.jsonl", parts.rows(3, first=40))}, "tuning pairs: was"),
        ({"method": "ipo"}, "method: was dpo, now ipo"),
    ):
        with pytest.raises(ConfigError, match=named):
            parts.trained(out, parts.settings(base, pairs, **{"steps": 6, "tuning": folder / "tuning.jsonl", **more}))
    local_parts.save(base, "llama", seed=1)  # other weights under the same name
    with pytest.raises(ConfigError, match="weights: was"):
        parts.trained(out, how)


def test_a_full_disk_stops_and_the_same_command_finishes(tmp_path: Path, folder: Path) -> None:
    """A process whose files may hold 120 kB: a checkpoint of the moments needs more."""
    env = environment(OMP_NUM_THREADS="1", HONNE_CACHE=str(tmp_path / "cache"))
    small = (
        "import resource, runpy, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (120_000,) * 2); runpy.run_module('honne', run_name='__main__')"
    )
    found = subprocess.run(
        [sys.executable, "-c", small, *command(tmp_path / "out")[3:]],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
    )
    (line,) = found.stderr.splitlines()
    assert found.returncode == 3 and "File too large" in line and "run it again" in line
    again = subprocess.run(command(tmp_path / "out"), cwd=folder, env=env, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert told(tmp_path / "out")["done"]


@pytest.mark.parametrize("error", ["os", "safetensors"])
def test_no_room_for_the_model_itself(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    import safetensors
    import transformers

    how, out = parts.settings(folder / "base", folder / "pairs.jsonl"), tmp_path / "out"
    full = OSError(errno.ENOSPC, "No space left on device")
    raised = full if error == "os" else safetensors.SafetensorError("I/O error: No space left on device (os error 28)")

    def fail(*args: Any, **how: Any) -> None:
        raise raised

    with monkeypatch.context() as patched:
        patched.setattr(transformers.PreTrainedModel, "save_pretrained", fail)
        with pytest.raises(Stopped, match="No space left"):
            parts.trained(out, how)
    assert not told(out)["done"]
    parts.trained(out, how)
    assert told(out)["done"]


def test_an_interrupt_is_one_line_and_resumable(tmp_path: Path, folder: Path) -> None:
    env = environment(OMP_NUM_THREADS="1", HONNE_CACHE=str(tmp_path / "cache"))
    child = subprocess.Popen(
        [*command(tmp_path / "out"), "--steps", "4000"],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    log, end = tmp_path / "out" / "progress.jsonl", time.monotonic() + 300
    while time.monotonic() < end and not (log.exists() and log.stat().st_size > 2000):
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, error = child.communicate(timeout=300)
    assert child.returncode == 3 and error == "honne: interrupted; the same command goes on from the last checkpoint\n"
    assert _checkpoint.read_standing(tmp_path / "out") is not None


def test_one_process_a_folder(tmp_path: Path, folder: Path) -> None:
    from honne.engine.store import locked

    with locked(tmp_path / "out"), pytest.raises(StoreError, match="in use by another"):
        parts.trained(tmp_path / "out", parts.settings(folder / "base", folder / "pairs.jsonl"))


def test_what_a_kill_leaves_half_written_is_swept_up(tmp_path: Path) -> None:
    for name in ("checkpoint-7.safetensors", "best-3.safetensors"):
        journal.temporary(tmp_path / name).write_bytes(os.urandom(9))
        (tmp_path / name).write_bytes(b"")
    _checkpoint.clear(tmp_path)
    assert not list(tmp_path.iterdir())
