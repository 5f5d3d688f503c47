"""ORPO: Monolithic Preference Optimization without Reference Model

Jiwoo Hong, Noah Lee, James Thorne. EMNLP 2024. https://arxiv.org/abs/2403.07691

    L = NLL(y_w) − β log σ(log odds(y_w|x) − log odds(y_l|x)),  odds = p / (1 − p)           (equations 4, 6, 7; β = λ)
    log p = the mean of the answer's token log-probabilities

The loss here is the second term; the NLL is the method's `sft_weight` (1). Departure: the NLL is over the answer alone,
where the authors' code and TRL count the prompt too. Without a reference nothing but the NLL holds the model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import Batch, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "orpo"]

# An answer that is certain has infinite odds: the largest mean log-probability that is told from 0.
_CERTAIN = -1e-6


def orpo(batch: Batch, *, beta: float) -> Tensor:
    """Losses (B,), without the NLL."""
    from torch.nn.functional import logsigmoid

    won = _log_odds(batch.chosen / batch.chosen_tokens.clamp(min=1))
    lost = _log_odds(batch.rejected / batch.rejected_tokens.clamp(min=1))
    return -beta * logsigmoid(won - lost)


def _log_odds(mean: Tensor) -> Tensor:
    """log p − log(1 − p) of log p."""
    import torch

    low = mean.clamp(max=_CERTAIN)
    return low - torch.log(-torch.expm1(low))


PLUGIN = Method(
    name="orpo",
    title="ORPO: odds ratio, no reference model",
    url="https://arxiv.org/abs/2403.07691",
    loss=orpo,
    parameters={"beta": Parameter(0.1, "the weight of the odds ratio (the paper's λ)", above=0)},
    needs_reference=False,
    sft_weight=1.0,
)
