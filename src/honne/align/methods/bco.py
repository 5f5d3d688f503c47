"""BCO: Binary Classifier Optimization for Large Language Model Alignment

Seungjae Jung, Gunsoo Han, Daniel Wontae Nam, Kyoung-Woon On. ACL 2025. https://arxiv.org/abs/2404.04656

    L = −log σ(β r_w − δ) − log σ(−(β r_l − δ)),  δ = ½ (E[β r_w] + E[β r_l]),  r = log π/π_ref

Departures: the expectations in δ are over all data; here δ is the running mean over the batches before this one
(exponential, with `decay`; 0 at the first), without gradient. The paper's weights that correct for prompts which differ
between good and bad answers are left out. Without a shift (`shift=false`) it is TRL's `bco_pair`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "bco", "running_shift"]


def bco(batch: Batch, *, beta: float, shift: bool, decay: float) -> Tensor:
    """Losses (B,); a row with one answer has that answer's term."""
    from torch.nn.functional import logsigmoid

    delta = batch.shift.detach() if shift and batch.shift is not None else 0.0
    won = -logsigmoid(beta * batch.chosen_ratio - delta)
    lost = -logsigmoid(delta - beta * batch.rejected_ratio)
    return batch.present(won, "chosen") + batch.present(lost, "rejected")


def running_shift(previous: Tensor | None, batch: Batch, *, beta: float, shift: bool, decay: float) -> Tensor:
    """δ after this batch: the mean of the mean reward of either kind of answer, moved from `previous` by 1 − decay.

    A kind that the batch has no answer of leaves δ to the other one.
    """
    import torch

    kinds = ((batch.chosen_ratio, batch.has_chosen), (batch.rejected_ratio, batch.has_rejected))
    found = [ratio.detach() if mask is None else ratio.detach()[mask] for ratio, mask in kinds]
    means = [beta * ratio.mean() for ratio in found if ratio.numel()]
    mean = torch.stack(means).mean() if means else batch.chosen.new_zeros(())
    return mean if previous is None else decay * previous.detach() + (1 - decay) * mean


PLUGIN = Method(
    name="bco",
    title="BCO: a binary classifier with a shifted reward",
    url="https://arxiv.org/abs/2404.04656",
    loss=bco,
    parameters={
        "beta": BETA,
        "shift": Parameter(True, "subtract the running mean reward"),
        "decay": Parameter(0.9, "how much of the running mean is kept at each step", at_least=0, below=1),
    },
    paired=False,
    shift=running_shift,
)
