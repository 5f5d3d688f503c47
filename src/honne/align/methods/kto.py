"""KTO: Model Alignment as Prospect Theoretic Optimization

Kawin Ethayarajh, Winnie Xu, Niklas Muennighoff, Dan Jurafsky, Douwe Kiela. ICML 2024. https://arxiv.org/abs/2402.01306

    L = λ_D (1 − σ(β (r − z)))  for a desirable answer,  λ_U (1 − σ(β (z − r)))  for an undesirable one  (equation 7)
    z = max(0, mean over the batch of log π/π_ref of completions under other prompts), without gradient

Departures: the paper adds the constant λ_y, which changes no gradient, and 1 here keeps the loss at least 0, as in TRL.
The mean is over answers, so a pair counts twice. A batch of one row has no other prompt, and no estimate of z.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "kto"]


def kto(batch: Batch, *, beta: float, desirable_weight: float, undesirable_weight: float) -> Tensor:
    """Losses of the answers that are there, desirable ones first: (2B,) for pairs, fewer for unpaired rows."""
    import torch

    assert batch.mismatched is not None
    kl = batch.mismatched.detach().mean().clamp(min=0)
    desirable, undesirable = batch.chosen_ratio, batch.rejected_ratio
    if batch.has_chosen is not None:
        desirable = desirable[batch.has_chosen]
    if batch.has_rejected is not None:
        undesirable = undesirable[batch.has_rejected]
    # 1 − σ(x) is σ(−x), without the rounding of a difference
    return torch.cat(
        (
            desirable_weight * torch.sigmoid(-beta * (desirable - kl)),
            undesirable_weight * torch.sigmoid(-beta * (kl - undesirable)),
        )
    )


PLUGIN = Method(
    name="kto",
    title="KTO: gains and losses against a reference point",
    url="https://arxiv.org/abs/2402.01306",
    loss=kto,
    parameters={
        "beta": BETA,
        "desirable_weight": Parameter(1.0, "λ_D, the weight of desirable answers", at_least=0),
        "undesirable_weight": Parameter(1.0, "λ_U, the weight of undesirable answers", at_least=0),
    },
    paired=False,
    whole_batch=True,
    needs_mismatched=True,
)
