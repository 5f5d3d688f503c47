"""What the tests of several processes share: launchers, and trainings that any number of processes can make.

Started by a launcher this file is one of the processes. It makes the trainings of a file of jobs one after the other,
since a start costs more than they do, and writes down what it saw.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import align_parts as parts
from honne.align.training import Lora, Settings, _loop, _train
from honne.errors import HonneError
from run_parts import environment

LAUNCH = [sys.executable, "-m", "accelerate.commands.launch"]
# with a free port; what is not named here the launcher warns about
ONE_MACHINE = ["--num_machines", "1", "--main_process_port", "0", "--mixed_precision", "no", "--dynamo_backend", "no"]
TWO = ["--num_processes", "2", *ONE_MACHINE]
DDP = [*LAUNCH, "--multi_gpu", *TWO]
LAUNCHERS = {"DDP": DDP, "fully_shard": [*LAUNCH, "--use_fsdp", "--fsdp_version", "2", *TWO]}
# A lost exchange waits for half an hour: whatever hangs is ended here.
LONGEST = 600

# Losses that add up over pairs, and losses that read the whole batch; all weights and adapters; `tokens` so few that a
# process has several parts, and not as many as the other.
CASES: dict[str, dict[str, Any]] = {
    "dpo": {"model": "llama", "tokens": 60},
    "ipo": {"model": "qwen3", "lora": Lora(4, 8.0), "sft_weight": 0.5},
    "kto": {"model": "organism/kitsune", "tokens": 60, "pairs": "unpaired"},
    "aot": {"model": "qwen3", "tokens": 60},
    "bco": {"model": "organism/kitsune", "lora": Lora(4, 8.0)},
    "early": {"model": "llama", "method": "dpo", "tuning": "tuning", "every": 2, "patience": 2},
}


def how_to(folder: Path, case: str) -> Settings:
    """20 steps of 7 pairs: no two processes have the same share."""
    what = {"steps": 20, "batch": 7, "lr": 3e-4, "every": 20, "method": case, "pairs": "pairs", **CASES[case]}
    model, data = what.pop("model"), folder / f"{what.pop('pairs')}.jsonl"
    if "tuning" in what:
        what["tuning"] = folder / f"{what['tuning']}.jsonl"
    return parts.settings(model if "/" in model else folder / model, data, **what)


def started(launcher: Sequence[str], folder: Path, *command: str | Path, **env: str) -> subprocess.Popen[str]:
    """A command under a launcher, in `folder`, as a group of processes of its own."""
    paths = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        [*launcher, *map(str, command)],
        cwd=folder,
        env=environment(OMP_NUM_THREADS="1", HONNE_CACHE=str(folder / "cache"), PYTHONPATH=paths, **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(child: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Its exit code, output and error output; all of its processes are ended if it takes too long."""
    try:
        out, error = child.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        raise
    return child.returncode, out, error


def work(folder: Path, jobs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make the trainings of `jobs` (`case`, `out`, and `breaks`: after which step) as one of the processes."""
    seen: list[dict[str, Any]] = []
    whole, share = _loop.gradients, _loop._SHARE

    class Watched(_train.Processes):
        def wrap(self, scorer: Any, optimizer_of: Any) -> tuple[Any, Any]:
            found = super().wrap(scorer, optimizer_of)
            held = sum(getattr(p, "_local_tensor", p).numel() for p in found[0].parameters())
            seen[-1] |= {"class": type(found[0]).__name__, "held": held}
            return found

    _train.Processes = Watched  # type: ignore[misc]
    for job in jobs:
        notes: list[str] = []
        seen.append({**job, "pid": os.getpid(), "notes": notes})
        left = [job.get("breaks", sys.maxsize)]

        def breaking(*args: Any, left: list[int] = left) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return whole(*args)

        def say(what: str, told: Any, notes: list[str] = notes) -> None:
            if what == "note":
                notes.append(told["text"])

        _loop.gradients = breaking
        _loop._SHARE = 1e9 if "breaks" in job else share  # then a checkpoint after every step
        try:
            _train.train(how_to(folder, job["case"]), folder / job["out"], say)
        except HonneError as e:
            seen[-1]["ended"] = str(e)
    return seen


if __name__ == "__main__":
    faulthandler.dump_traceback_later(LONGEST - 20, exit=True)
    jobs = Path(sys.argv[1])
    told = work(jobs.parent, json.loads(jobs.read_text()))
    Path(f"{jobs}-{os.environ['RANK']}").write_text(json.dumps(told))
