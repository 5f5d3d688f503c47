"""APO-zero: Anchored Preference Optimization and Contrastive Revisions

Karel D'Oosterlinck, Winnie Xu, Chris Develder, Thomas Demeester, Amanpreet Singh, Christopher Potts, Douwe Kiela,
Shikib Mehri. 2024. https://arxiv.org/abs/2408.06266

    L = (1 − σ(β r_w)) + σ(β r_l),  r = log π/π_ref                                          (equation 7)

No departure. Raises the likelihood of chosen answers and lowers that of rejected ones, each against the reference: for
chosen answers that are better than what the model says by itself. Its gradient vanishes at both ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "apo_zero"]


def apo_zero(batch: Batch, *, beta: float) -> Tensor:
    """Losses (B,); a row with one answer has that answer's term."""
    import torch

    won = torch.sigmoid(-beta * batch.chosen_ratio)
    lost = torch.sigmoid(beta * batch.rejected_ratio)
    return batch.present(won, "chosen") + batch.present(lost, "rejected")


PLUGIN = Method(
    name="apo-zero",
    title="APO-zero: anchored, up and down",
    url="https://arxiv.org/abs/2408.06266",
    loss=apo_zero,
    parameters={"beta": BETA},
    paired=False,
)
