"""SimPO: Simple Preference Optimization with a Reference-Free Reward

Yu Meng, Mengzhou Xia, Danqi Chen. NeurIPS 2024. https://arxiv.org/abs/2405.14734

    L = −log σ(β log π(y_w|x)/|y_w| − β log π(y_l|x)/|y_l| − γ)                              (equation 6)

No departure; β is of the order of 2, not 0.1. Without a reference nothing holds the model to where it came from: a
small learning rate does, or `--sft-weight`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import Batch, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "simpo"]


def simpo(batch: Batch, *, beta: float, gamma: float) -> Tensor:
    """Losses (B,)."""
    from torch.nn.functional import logsigmoid

    won = batch.chosen / batch.chosen_tokens.clamp(min=1)
    lost = batch.rejected / batch.rejected_tokens.clamp(min=1)
    return -logsigmoid(beta * (won - lost) - gamma)


PLUGIN = Method(
    name="simpo",
    title="SimPO: mean log-probability as reward, no reference model",
    url="https://arxiv.org/abs/2405.14734",
    loss=simpo,
    parameters={
        "beta": Parameter(2.0, "the scale of the reward", above=0),
        "gamma": Parameter(1.0, "the margin wanted between the rewards", at_least=0),
    },
    needs_reference=False,
)
