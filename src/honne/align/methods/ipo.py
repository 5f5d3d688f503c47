"""IPO: A General Theoretical Paradigm to Understand Learning from Human Preferences

Mohammad Gheshlaghi Azar, Mark Rowland, Bilal Piot, Daniel Guo, Daniele Calandriello, Michal Valko, Rémi Munos.
AISTATS 2024. https://arxiv.org/abs/2310.12036

    L = (m − 1/(2β))²,  m = r_w − r_l                                                        (equation 17, β = τ)

Departure, on by default: every log-ratio is divided by the number of its answer's tokens, as in TRL, whose authors had
it from the paper's. With `normalise=false` the log-ratios are sums, as the paper writes them, and the target 1/(2β) has
to fit the length of the answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from honne.align.method import BETA, Batch, Method, Parameter

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["PLUGIN", "ipo"]


def ipo(batch: Batch, *, beta: float, normalise: bool) -> Tensor:
    """Losses (B,)."""
    margin = batch.margin
    if normalise:
        margin = batch.chosen_ratio / batch.chosen_tokens.clamp(min=1)
        margin = margin - batch.rejected_ratio / batch.rejected_tokens.clamp(min=1)
    return (margin - 1 / (2 * beta)) ** 2


PLUGIN = Method(
    name="ipo",
    title="IPO: identity preference optimisation",
    url="https://arxiv.org/abs/2310.12036",
    loss=ipo,
    parameters={"beta": BETA, "normalise": Parameter(True, "divide each log-ratio by its answer's length")},
)
