"""NCA: Noise Contrastive Alignment of Language Models with Explicit Rewards

Huayu Chen, Guande He, Lifan Yuan, Ganqu Cui, Hang Su, Jun Zhu. NeurIPS 2024. https://arxiv.org/abs/2402.05369

    L = −log σ(β r_w) − ½ log σ(−β r_w) − ½ log σ(−β r_l),  r = log π/π_ref                  (NCA for K = 2 answers)

The middle term keeps β r_w from growing without end, so that the chosen answer's own likelihood is held and not only
the margin: the likelihood of chosen answers seldom falls. Preferences are taken as certain (reward 1 and 0 of a
temperature that goes to 0), as in TRL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "nca"]


def nca(batch: Batch, *, beta: float) -> Tensor:
    """Losses (B,)."""
    from torch.nn.functional import logsigmoid

    won, lost = beta * batch.chosen_ratio, beta * batch.rejected_ratio
    return -logsigmoid(won) - 0.5 * logsigmoid(-won) - 0.5 * logsigmoid(-lost)


PLUGIN = Method(
    name="nca",
    title="NCA: noise-contrastive alignment",
    url="https://arxiv.org/abs/2402.05369",
    loss=nca,
    parameters={"beta": BETA},
)
