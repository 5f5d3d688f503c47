"""From the log-probabilities of answers to the loss of a step, whole or in parts that add up to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from honne.align.method import Batch, Method, nll
from honne.align.training._examples import Example

__all__ = ["Objective", "Scores", "by_side"]

# The log-probabilities of an example's answers, chosen first; 0.0 stands for one that it does not have.
Scores = tuple[float, float]


def by_side(examples: Sequence[Example], logs: Any) -> tuple[Any, Any]:
    """Log-probabilities of answers in the order of a `Pass` as two tensors (B,): chosen and rejected."""
    import torch

    place, chosen, rejected = 0, [], []
    for example in examples:
        # an answer that is not there takes the other's place: a finite number, which the masks leave out
        chosen.append(place)
        rejected.append(place + (1 if example.chosen and example.rejected else 0))
        place += len(example.answers)
    device = logs.device
    return logs[torch.tensor(chosen, device=device)], logs[torch.tensor(rejected, device=device)]


@dataclass
class Objective:
    """A method with its parameters, the weight of the chosen answers' NLL, and the running shift that some keep."""

    method: Method
    parameters: Mapping[str, float | bool]
    sft_weight: float
    shift: Any = None

    def batch(
        self,
        examples: Sequence[Example],
        chosen: Any,
        rejected: Any,
        reference: Sequence[Scores] | None,
        mismatched: Any = None,
    ) -> Batch:
        """The batch of these examples; `chosen` and `rejected` are log π, (B,)."""
        import torch

        device = chosen.device

        def told(values: list[Any], kind: Any = None) -> Any:
            return torch.tensor(values, device=device, dtype=kind)

        whole = all(e.chosen and e.rejected for e in examples)
        refs = None if reference is None else told(list(reference), chosen.dtype)
        return Batch(
            chosen=chosen,
            rejected=rejected,
            chosen_tokens=told([len(e.chosen) for e in examples]),
            rejected_tokens=told([len(e.rejected) for e in examples]),
            ref_chosen=None if refs is None else refs[:, 0],
            ref_rejected=None if refs is None else refs[:, 1],
            has_chosen=None if whole else told([bool(e.chosen) for e in examples]),
            has_rejected=None if whole else told([bool(e.rejected) for e in examples]),
            chosen_unsafe=told([e.chosen_unsafe for e in examples]),
            rejected_unsafe=told([e.rejected_unsafe for e in examples]),
            mismatched=mismatched,
            shift=None if self.shift is None else torch.as_tensor(self.shift, device=device, dtype=chosen.dtype),
        )

    def loss(self, batch: Batch, mean_tokens: float | None = None) -> Any:
        """The mean loss of a batch, (); `mean_tokens` is that of the whole where this is a part."""
        found = self.method.loss(batch, **self.parameters).mean()
        return found + self.sft_weight * nll(batch, mean_tokens).mean() if self.sft_weight else found

    def moved(self, batch: Batch) -> None:
        """After a step: the running shift, from the whole batch."""
        if self.method.shift is not None:
            self.shift = float(self.method.shift(batch.shift, batch, **self.parameters))
