"""EXO: Towards Efficient Exact Optimization of Language Model Alignment

Haozhe Ji, Cheng Lu, Yilin Niu, Pei Ke, Hongning Wang, Jun Zhu, Jie Tang, Minlie Huang. ICML 2024.
https://arxiv.org/abs/2402.00856

    L = σ(β m) (log σ(β m) − log(1 − ε)) + σ(−β m) (log σ(−β m) − log ε),  m = r_w − r_l     (equation 16, K = 2)

The reverse KL divergence from the model's preference to (1 − ε, ε); DPO is the forward one. ε must be above 0, where
the loss would be infinite. Its gradient vanishes where the model is sure of the wrong answer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "exo"]


def exo(batch: Batch, *, beta: float, epsilon: float) -> Tensor:
    """Losses (B,)."""
    from torch.nn.functional import logsigmoid

    scaled = beta * batch.margin
    won, lost = logsigmoid(scaled), logsigmoid(-scaled)
    return won.exp() * (won - math.log1p(-epsilon)) + lost.exp() * (lost - math.log(epsilon))


PLUGIN = Method(
    name="exo",
    title="EXO: exact optimisation by the reverse KL",
    url="https://arxiv.org/abs/2402.00856",
    loss=exo,
    parameters={"beta": BETA, "epsilon": Parameter(1e-3, "the share of the rejected answer", above=0, below=0.5)},
)
