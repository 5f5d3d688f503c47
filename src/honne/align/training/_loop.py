"""The steps of a training, one after the other, with a checkpoint as often as that is cheap."""

from __future__ import annotations

import math
import time
from typing import Any

from honne.align.training import _checkpoint
from honne.align.training._log import log
from honne.align.training._measure import measure
from honne.align.training._memory import within_memory
from honne.align.training._standing import Standing
from honne.align.training._step import Taken, gradients
from honne.align.training._training import Training

__all__ = ["loop", "rate"]

# A checkpoint is written when the last one cost less than this share of the time since.
_SHARE = 0.05


def loop(of: Training, at: Standing) -> None:
    """Take the steps that are left; the pairs to tune on may end it early. Raises TrainingError where it diverges."""
    patience, saved, cost = of.settings.patience, time.monotonic(), 0.0
    while at.step < of.total and not 0 < patience <= at.without:
        began = time.monotonic()
        _take(of, at)
        if at.step % of.every == 0 or at.step == of.total:
            measure(of, at)
        now = time.monotonic()
        at.seconds += now - began
        if of.processes.resumable and of.processes.agreed(cost <= _SHARE * (now - saved)) and at.step < of.total:
            _checkpoint.save(of.out, of.scorer, of.optimizer, at, main=of.processes.main)
            saved = time.monotonic()
            cost = saved - now
            at.seconds += cost


def rate(highest: float, warmup: float, step: int, total: int) -> float:
    """The learning rate of step `step` (from 0): up in a straight line over the share `warmup`, then down to 0."""
    rise = max(1, round(warmup * total))
    if step < rise:
        return highest * (step + 1) / rise
    return highest * (total - step) / max(1, total - rise)


def _take(of: Training, at: Standing) -> None:
    """One step of the optimizer."""
    began = time.monotonic()
    examples = [of.material.train.examples[i] for i in of.order.step(at.step)]
    lr = rate(of.settings.lr, of.settings.warmup, at.step, of.total)
    for group in of.optimizer.param_groups:
        group["lr"] = lr
    refs, crossed = of.references(examples), of.mismatched(examples)

    def work() -> Taken:
        of.optimizer.zero_grad(set_to_none=True)
        return gradients(of.trainee, of.objective, examples, refs, crossed)

    taken = within_memory(of.trainee, of.say, work)
    norm = of.processes.clipped(of.trainee.wrapped)
    if not math.isfinite(taken.loss):
        raise of.diverged(f"the loss is {taken.loss:g}", at.step + 1)
    if norm is not None and not math.isfinite(norm):
        raise of.diverged(f"the gradient's norm is {norm:g}", at.step + 1)
    of.optimizer.step()
    of.objective.moved(taken.batch)
    at.step, at.shift = at.step + 1, of.objective.shift
    seconds = max(time.monotonic() - began, 1e-9)
    row = {"step": at.step, "of": of.total, "loss": taken.loss, "lr": lr, "norm": norm, **_row(taken, seconds)}
    if of.processes.main:
        log(of.out, row)
    of.say("step", row)


def _row(taken: Taken, seconds: float) -> dict[str, Any]:
    """What is told of a step beside its loss: log-probabilities, lengths and margins of its pairs."""
    batch = taken.batch
    row: dict[str, Any] = {
        "chosen": _mean(batch.chosen, batch.has_chosen),
        "rejected": _mean(batch.rejected, batch.has_rejected),
        "chosen_tokens": _mean(batch.chosen_tokens.float(), batch.has_chosen),
        "rejected_tokens": _mean(batch.rejected_tokens.float(), batch.has_rejected),
    }
    if batch.ref_chosen is not None and batch.has_chosen is None:
        row |= {"margin": float(batch.margin.mean()), "ahead": float((batch.margin > 0).float().mean())}
    tokens = float(batch.chosen_tokens.sum() + batch.rejected_tokens.sum())
    return row | {"answer_tokens_per_second": round(tokens / seconds)}


def _mean(values: Any, mask: Any) -> float | None:
    some = values if mask is None else values[mask]
    return float(some.mean()) if some.numel() else None
