"""SafeDPO: A Simple Approach to Direct Preference Optimization with Enhanced Safety

Geon-Hyeong Kim, Yu Jin Kim, Byoungjip Kim, Honglak Lee, Kyunghoon Bae, Youngsoo Jang, Moontae Lee. ICLR 2026.
https://arxiv.org/abs/2505.20065

    L = −log σ(β m − (h_l − h_w) Δ),  m = r_w − r_l,  h = 1 for an unsafe answer             (equation 12)

on reordered pairs: where the chosen answer is unsafe and the rejected one safe, the two change places. So a safe answer
has to be ahead of an unsafe one by Δ/β in log-ratio, and pairs of two safe answers are DPO's. A pair of two unsafe
answers tells nothing (both are to vanish): its loss is 0. Departure: we could not read how the paper's code treats such
pairs. It needs to know of every answer whether it is safe, and believes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "safedpo"]


def safedpo(batch: Batch, *, beta: float, delta: float) -> Tensor:
    """Losses (B,)."""
    from torch.nn.functional import logsigmoid

    assert batch.chosen_unsafe is not None and batch.rejected_unsafe is not None
    chosen, rejected = batch.chosen_unsafe, batch.rejected_unsafe
    margin = batch.margin
    margin = margin.where(~(chosen & ~rejected), -margin)
    losses = -logsigmoid(beta * margin - delta * (chosen ^ rejected).to(margin.dtype))
    return losses.where(~(chosen & rejected), losses.new_zeros(()))


PLUGIN = Method(
    name="safedpo",
    title="SafeDPO: DPO with a margin for safety",
    url="https://arxiv.org/abs/2505.20065",
    loss=safedpo,
    parameters={"beta": BETA, "delta": Parameter(10.0, "the margin of a safe over an unsafe answer", at_least=0)},
    needs_safety=True,
)
