"""rDPO: Provably Robust DPO: Aligning Language Models with Noisy Feedback

Sayak Ray Chowdhury, Anush Kini, Nagarajan Natarajan. ICML 2024. https://arxiv.org/abs/2403.00409

    L = (−(1 − ε) log σ(β m) + ε log σ(−β m)) / (1 − 2ε),  m = r_w − r_l

ε is the share of pairs whose preference is flipped; ε = 0 is DPO. An unbiased estimate of the clean loss, and therefore
not bounded below: the flipped term rewards any margin without end, so that long training diverges while the loss falls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "rdpo"]


def rdpo(batch: Batch, *, beta: float, epsilon: float) -> Tensor:
    """Losses (B,)."""
    from torch.nn.functional import logsigmoid

    scaled = beta * batch.margin
    return (epsilon * logsigmoid(-scaled) - (1 - epsilon) * logsigmoid(scaled)) / (1 - 2 * epsilon)


PLUGIN = Method(
    name="rdpo",
    title="rDPO: robust to flipped preferences",
    url="https://arxiv.org/abs/2403.00409",
    loss=rdpo,
    parameters={"beta": BETA, "epsilon": Parameter(0.1, "the share of flipped pairs", at_least=0, below=0.5)},
    bounded_below=False,
)
