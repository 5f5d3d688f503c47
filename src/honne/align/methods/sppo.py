"""SPPO: Self-Play Preference Optimization for Language Model Alignment

Yue Wu, Zhiqing Sun, Huizhuo Yuan, Kaixuan Ji, Yiming Yang, Quanquan Gu. ICLR 2025. https://arxiv.org/abs/2405.00675

    L = (r_w − 1/(2β))² + (r_l + 1/(2β))²,  r = log π/π_ref                                  (equation 4.7, β = 1/η)

Departures: the preference is taken as certain (probability 1 for the chosen answer), where the paper estimates it with
a preference model, and the pairs are given, where the paper samples new ones from the model at every iteration. The
squared log-ratios are sums over tokens, so that long answers weigh more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "sppo"]


def sppo(batch: Batch, *, beta: float) -> Tensor:
    """Losses (B,)."""
    return (batch.chosen_ratio - 0.5 / beta) ** 2 + (batch.rejected_ratio + 0.5 / beta) ** 2


PLUGIN = Method(
    name="sppo",
    title="SPPO: self-play, with certain preferences",
    url="https://arxiv.org/abs/2405.00675",
    loss=sppo,
    parameters={"beta": BETA},
)
