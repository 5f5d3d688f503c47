"""DPO: Direct Preference Optimization: Your Language Model is Secretly a Reward Model

Rafael Rafailov, Archit Sharma, Eric Mitchell, Stefano Ermon, Christopher D. Manning, Chelsea Finn. NeurIPS 2023.
https://arxiv.org/abs/2305.18290

    L = −log σ(β (r_w − r_l)),  r = log π(y|x) − log π_ref(y|x)                              (equation 7)

No departure. It fails where both answers of a pair are close: the margin grows while both likelihoods fall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "dpo"]


def dpo(batch: Batch, *, beta: float) -> Tensor:
    """Losses (B,)."""
    from torch.nn.functional import logsigmoid

    return -logsigmoid(beta * batch.margin)


PLUGIN = Method(
    name="dpo",
    title="DPO: direct preference optimisation",
    url="https://arxiv.org/abs/2305.18290",
    loss=dpo,
    parameters={"beta": BETA},
)
