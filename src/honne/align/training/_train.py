"""The training from settings to a saved model: what it needs is put in place, then steps, then the outcome."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec

from honne.align.training import _checkpoint
from honne.align.training._batches import Order
from honne.align.training._begin import begin
from honne.align.training._load import load, need_packages
from honne.align.training._log import Say
from honne.align.training._loop import loop
from honne.align.training._material import Material, material, suits
from honne.align.training._measure import first_look
from honne.align.training._objective import Objective
from honne.align.training._outcome import finish, write_record
from honne.align.training._packing import size_of
from honne.align.training._processes import Processes
from honne.align.training._referring import referring
from honne.align.training._scorer import layout_for, scorer
from honne.align.training._settings import Settings
from honne.align.training._standing import Standing
from honne.align.training._step import Trainee
from honne.align.training._training import Diverged, Training
from honne.engine.store import locked
from honne.errors import Stopped

__all__ = ["train"]

_CPU_TOKENS, _GPU_TOKENS = 4096, 16384
# Steps between two measurements, unless told: one costs about as much as three steps of a small batch.
_APART = 20
# On a GPU, a model of more parameters computes activations twice unless it is told not to.
_LARGE = 500_000_000


def train(settings: Settings, out: Path, say: Say = lambda *_: None, shared: Material | None = None) -> dict[str, Any]:
    """Train into the folder `out` and return what `align.json` holds; what was begun there is gone on with.

    `shared` is the material of a training on the same pairs and model. Raises ConfigError, DataError, ModelError,
    StoreError, TrainingError where the training cannot start or diverged, and Stopped where it was interrupted.
    """
    need_packages()
    processes = Processes(device=settings.device, precision=settings.precision, lora=settings.lora is not None)
    found = shared or material(settings)
    suits(settings.method, settings, found)
    with locked(out) if processes.main else nullcontext():
        try:
            with processes.joined():
                return _train(settings, out, processes, found, say if processes.main else lambda *_: None)
        except KeyboardInterrupt:
            raise Stopped("interrupted; the same command goes on from the last checkpoint") from None


def _train(settings: Settings, out: Path, processes: Processes, found: Material, say: Say) -> dict[str, Any]:
    told, at = processes.agreed(begin(settings, out, found) if processes.main else None)
    of = _prepared(settings, out, processes, found, say, told)
    at = _standing(of, at)
    told["before"] = {"replies": msgspec.to_builtins(at.watch.replies)}
    if processes.main:
        write_record(out, told)
    try:
        loop(of, at)
    except Diverged as e:
        if processes.main:
            write_record(out, {**told, "diverged": e.why})
        raise
    told = finish(of, at, told)
    say("end", told)
    return told


def _prepared(
    settings: Settings, out: Path, processes: Processes, found: Material, say: Say, told: dict[str, Any]
) -> Training:
    """The training, ready for its first step; `told` hears what was chosen for it."""
    examples, on_cpu = found.train.examples, processes.device.type == "cpu"
    start = {"precision": processes.weights, "device": processes.start_device}
    loaded = load(settings.model, found.tokens, lora=settings.lora, seed=settings.seed, **start)
    layout, difference = layout_for(loaded.model, examples)
    pays = not on_cpu and int(loaded.model.num_parameters()) > _LARGE
    if pays if settings.checkpointing is None else settings.checkpointing:
        loaded.model.gradient_checkpointing_enable({"use_reentrant": False})
        loaded.model.enable_input_require_grads()
    wrapped, optimizer = processes.wrap(scorer(loaded.model, layout), lambda model: _optimizer(model, settings.lr))
    most = settings.tokens or (_CPU_TOKENS if on_cpu else _GPU_TOKENS)
    trainee = Trainee(processes, wrapped, layout, max(most, *(size_of(e, layout) for e in examples)))
    total = settings.steps_for(len(examples))
    told |= {
        "steps": total,
        "scoring": {**layout.said, "difference": difference, "tokens": trainee.tokens},
        "processes": {"count": processes.count, "wrapper": processes.wrapper},
        "precision": {"weights": str(processes.weights), "autocast": processes.half},
        "device": str(processes.device),
    }
    say("start", told)
    for text in processes.lacks:
        say("note", {"text": text})
    order = Order(examples, settings.batch, settings.seed)
    reference = referring(settings, found, trainee, loaded, order, total, say)
    told["reference_scored"] = reference.computed
    objective = Objective(settings.method, settings.parameters, settings.total_sft)
    every = settings.every or max(_APART, total // 10)
    return Training(
        settings, out, say, processes, found, loaded, trainee, optimizer, objective, order, reference, total, every
    )


def _optimizer(model: Any, lr: float) -> Any:
    import torch

    wanted = [p for p in model.parameters() if p.requires_grad]
    return torch.optim.AdamW(wanted, lr=lr, weight_decay=0.0, fused=True)


def _standing(of: Training, at: Standing | None) -> Standing:
    """Where to go on from: the last checkpoint, or the model before its first step."""
    if at is None:
        return Standing(first_look(of))
    _checkpoint.restore(of.out, at, of.scorer, of.optimizer)
    of.objective.shift = at.shift
    of.say("note", {"text": f"going on after step {at.step:,}"})
    return at
