"""AOT: Distributional Preference Alignment of LLMs via Optimal Transport (paired)

Igor Melnyk, Youssef Mroueh, Brian Belgodere, Mattia Rigotti, Apoorva Nitsure, Mikhail Yurochkin, Kristjan Greenewald,
Jiri Navratil, Jerret Ross. NeurIPS 2024. https://arxiv.org/abs/2406.05882

    d = sort(log π(y_w|x) − log π(y_l|x)) − sort(log π_ref(y_w|x) − log π_ref(y_l|x))        (sorted over the batch)
    L = −(1 − ε) log σ(β d) − ε log σ(−β d)

The distribution of the model's margins is to dominate that of the reference's: i-th smallest against i-th smallest. The
sort sees the whole batch: in parts it is another, weaker loss. ε is label smoothing, 0 by default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "aot"]


def aot(batch: Batch, *, beta: float, epsilon: float) -> Tensor:
    """Losses (B,), in the order of the sorted margins."""
    from torch.nn.functional import logsigmoid

    assert batch.ref_chosen is not None and batch.ref_rejected is not None
    model = (batch.chosen - batch.rejected).sort().values
    scaled = beta * (model - (batch.ref_chosen - batch.ref_rejected).sort().values)
    return -(1 - epsilon) * logsigmoid(scaled) - epsilon * logsigmoid(-scaled)


PLUGIN = Method(
    name="aot",
    title="AOT: optimal transport between margins",
    url="https://arxiv.org/abs/2406.05882",
    loss=aot,
    parameters={"beta": BETA, "epsilon": Parameter(0.0, "label smoothing", at_least=0, below=0.5)},
    whole_batch=True,
)
