"""What is looked at every few steps: the loss on the pairs to tune on, replies, warnings; the best weights are kept."""

from __future__ import annotations

import math

import msgspec

from honne.align.training import _checkpoint
from honne.align.training._log import log
from honne.align.training._objective import Scores
from honne.align.training._standing import Standing
from honne.align.training._training import Training
from honne.align.training._watch import Replies, Watch, replies

__all__ = ["first_look", "measure"]


def first_look(of: Training) -> Watch:
    """What the model is like before the first step."""
    return Watch(_chosen(of, of.scores(of.material.watched)), _replies(of))


def measure(of: Training, at: Standing) -> None:
    """Look at the model after step `at.step`. Raises TrainingError where its numbers are none."""
    watched = of.material.watched
    found = of.scores(watched)
    if not all(math.isfinite(value) for pair in found for value in pair):
        raise of.diverged("the weights make log-probabilities that are no numbers", at.step)
    now = _replies(of)
    row = {"step": at.step, "replies": None if now is None else msgspec.to_builtins(now)}
    if of.material.tuning is not None:
        loss = float(of.objective.loss(of.tuning(watched, found)))
        row["tuning_loss"] = loss if math.isfinite(loss) else None
        _keep_the_best(of, at, loss)
    if of.processes.main:
        log(of.out, {"measured": row})
    of.say("measured", row)
    for text in at.watch.look(at.step, _chosen(of, found), now):
        of.say("warning", {"text": text})


def _chosen(of: Training, found: list[Scores]) -> list[float]:
    return [chosen for example, (chosen, _) in zip(of.material.watched, found, strict=True) if example.chosen]


def _replies(of: Training) -> Replies | None:
    """Greedy replies; None where the model is spread over processes, so that none of them can generate alone."""
    if not of.processes.whole:
        return None
    model, tokens = of.scorer.model, of.material.tokens
    found = replies(model, tokens, of.material.watched) if of.processes.main else None
    return of.processes.agreed(found)  # type: ignore[no-any-return]


def _keep_the_best(of: Training, at: Standing, loss: float) -> None:
    if not loss < (math.inf if at.best is None else at.best):
        at.without += 1
        return
    at.best, at.kept, at.without = loss, at.step, 0
    held = _checkpoint.weights(of.scorer)
    if of.processes.main:
        _checkpoint.save_best(of.out, at.step, held)
