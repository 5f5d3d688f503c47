"""SFT: supervised fine-tuning on the chosen answers, the baseline that every preference loss has to beat.

    L = −log π(y_w|x) / tokens,  the mean over all tokens of the batch

The rejected answers are not looked at. Nothing holds what the chosen answers do not show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import Batch, Method

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "sft"]


def sft(batch: Batch) -> Tensor:
    """Zeros (B,): the negative log-likelihood itself is the method's `sft_weight`, which the trainer adds once."""
    import torch

    return torch.zeros_like(batch.chosen)


PLUGIN = Method(
    name="sft",
    title="SFT: fine-tuning on the chosen answers",
    url="https://arxiv.org/abs/2203.02155",
    loss=sft,
    paired=False,
    needs_reference=False,
    sft_weight=1.0,
)
