"""A training with everything that it needs in place: what the steps and the measurements share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honne.align.method import Batch
from honne.align.training._batches import Order, mismatched
from honne.align.training._examples import Example
from honne.align.training._load import Loaded
from honne.align.training._log import Say
from honne.align.training._material import Material
from honne.align.training._memory import within_memory
from honne.align.training._objective import Objective, Scores
from honne.align.training._processes import Processes
from honne.align.training._reference import Reference
from honne.align.training._settings import Settings
from honne.align.training._step import Trainee, scores
from honne.errors import TrainingError

__all__ = ["Diverged", "Training"]


class Diverged(TrainingError):
    """A training whose numbers are none any more; `why` says which, and in which step."""

    def __init__(self, why: str, step: int, lr: float) -> None:
        self.why = f"{why} in step {step}"
        super().__init__(f"the training diverged: {self.why}; a smaller --lr (it is {lr:g}) may hold it")


@dataclass(frozen=True)
class Training:
    """`total` steps over the pairs of `material`, measured `every` few. `out` is the folder that all is written to."""

    settings: Settings
    out: Path
    say: Say
    processes: Processes
    material: Material
    loaded: Loaded
    trainee: Trainee
    optimizer: Any
    objective: Objective
    order: Order
    reference: Reference
    total: int
    every: int

    @property
    def scorer(self) -> Any:
        """The model inside of what joins the processes."""
        return self.processes.plain(self.trainee.wrapped)

    def scores(self, examples: Sequence[Example]) -> list[Scores]:
        """(log π(chosen), log π(rejected)) of every example under the model as it is now."""
        return within_memory(self.trainee, self.say, lambda: scores(self.trainee, examples))

    def references(self, examples: Sequence[Example]) -> list[Scores] | None:
        """The same under the reference model, where the method reads it."""
        return self.reference.of(examples) if self.settings.method.needs_reference else None

    def mismatched(self, examples: Sequence[Example]) -> list[float] | None:
        """log π/π_ref of answers under prompts that are not theirs, where the method asks for it."""
        if not self.settings.method.needs_mismatched:
            return None
        crossed = mismatched(examples, self.material.tokens.context)
        pairs = zip(crossed, self.scores(crossed), self.reference.of(crossed), strict=True)
        ratios = [
            now - before
            for example, mine, theirs in pairs
            for answer, now, before in zip((example.chosen, example.rejected), mine, theirs, strict=True)
            if answer
        ]
        return ratios or [0.0]

    def tuning(self, examples: Sequence[Example], found: Sequence[Scores]) -> Batch:
        """The batch of these examples, of which `found` are the scores, without gradient."""
        import torch

        logs = torch.tensor(found, dtype=torch.float32)
        other = self.mismatched(examples)
        crossed = None if other is None else torch.tensor(other)
        return self.objective.batch(examples, logs[:, 0], logs[:, 1], self.references(examples), crossed)

    def diverged(self, why: str, step: int) -> Diverged:
        """The error for a training that cannot go on from step `step`."""
        return Diverged(why, step, self.settings.lr)
