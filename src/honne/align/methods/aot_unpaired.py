"""AOT unpaired: Distributional Preference Alignment of LLMs via Optimal Transport (unpaired)

Igor Melnyk et al. NeurIPS 2024. https://arxiv.org/abs/2406.05882

    d = sort(r_w) − sort(r_l),  r = log π/π_ref                                              (sorted over the batch)
    L = −(1 − ε) log σ(β d) − ε log σ(−β d)

The distribution of the chosen answers' rewards is to dominate that of the rejected ones', whichever prompts they belong
to. (TRL called it `aot_pair` once.) The sort sees the whole batch; as many rejected answers as chosen ones are needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "aot_unpaired"]


def aot_unpaired(batch: Batch, *, beta: float, epsilon: float) -> Tensor:
    """Losses (B,), in the order of the sorted rewards."""
    from torch.nn.functional import logsigmoid

    scaled = beta * (batch.chosen_ratio.sort().values - batch.rejected_ratio.sort().values)
    return -(1 - epsilon) * logsigmoid(scaled) - epsilon * logsigmoid(-scaled)


PLUGIN = Method(
    name="aot-unpaired",
    title="AOT unpaired: optimal transport between rewards",
    url="https://arxiv.org/abs/2406.05882",
    loss=aot_unpaired,
    parameters={"beta": BETA, "epsilon": Parameter(0.0, "label smoothing", at_least=0, below=0.5)},
    whole_batch=True,
)
