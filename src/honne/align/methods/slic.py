"""SLiC: Sequence Likelihood Calibration with Human Feedback (the rank loss, as RSO writes it)

Yao Zhao, Rishabh Joshi, Tianqi Liu, Misha Khalman, Mohammad Saleh, Peter J. Liu. 2023. https://arxiv.org/abs/2305.10425
Tianqi Liu et al., Statistical Rejection Sampling Improves Preference Optimization. ICLR 2024.
https://arxiv.org/abs/2309.06657

    L = max(0, 1 − β m),  m = r_w − r_l                                                      (RSO, the hinge-norm loss)

Departures: SLiC's own loss has no reference (max(0, δ − log π(y_w|x) + log π(y_l|x))) and holds the model with an NLL
term instead: that is `--sft-weight`. Pairs beyond the margin have no gradient at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "slic"]


def slic(batch: Batch, *, beta: float) -> Tensor:
    """Losses (B,)."""
    return (1 - beta * batch.margin).clamp(min=0)


PLUGIN = Method(
    name="slic",
    title="SLiC: hinge on the margin",
    url="https://arxiv.org/abs/2305.10425",
    loss=slic,
    parameters={"beta": BETA},
)
