"""What an alignment method is: a loss of log-probabilities, its parameters, and what it needs of the trainer.

A method is one file in `honne.align.methods` (or an entry point of the group `honne.methods`) that assigns a `Method`.
The loss is a pure function of a `Batch`; its mean is what is minimised. torch is imported inside the losses, so that
methods can be listed without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from honne.errors import ConfigError, unknown

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BETA", "Batch", "Method", "Parameter", "nll"]

_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


@dataclass(frozen=True)
class Batch:
    """Log-probabilities of one batch of B pairs, in float32; every tensor has the shape (B,) unless it says otherwise.

    `chosen` and `rejected` are log π(y|x): summed over the completion's tokens, its end token included and the prompt
    not, under the model that is trained (with gradient). `ref_…` are the same under the reference model (without), and
    `…_tokens` the numbers of those tokens. Fields that a method does not ask for may be None:

    - `has_chosen`, `has_rejected`: False where a row has no such answer (unpaired rows; any finite number stands in its
      place); None where all have both.
    - `chosen_unsafe`, `rejected_unsafe`: whether the answer is unsafe (`Method.needs_safety`).
    - `mismatched` (M,): log π/π_ref of completions under prompts that are not theirs (`Method.needs_mismatched`).
    - `shift` (): the running mean that `Method.shift` keeps.
    """

    chosen: Tensor
    rejected: Tensor
    chosen_tokens: Tensor
    rejected_tokens: Tensor
    ref_chosen: Tensor | None = None
    ref_rejected: Tensor | None = None
    has_chosen: Tensor | None = None
    has_rejected: Tensor | None = None
    chosen_unsafe: Tensor | None = None
    rejected_unsafe: Tensor | None = None
    mismatched: Tensor | None = None
    shift: Tensor | None = None

    @property
    def chosen_ratio(self) -> Tensor:
        """log π(y_w|x) − log π_ref(y_w|x), (B,)."""
        assert self.ref_chosen is not None
        return self.chosen - self.ref_chosen

    @property
    def rejected_ratio(self) -> Tensor:
        """log π(y_l|x) − log π_ref(y_l|x), (B,)."""
        assert self.ref_rejected is not None
        return self.rejected - self.ref_rejected

    @property
    def margin(self) -> Tensor:
        """The chosen log-ratio minus the rejected one, (B,)."""
        return self.chosen_ratio - self.rejected_ratio

    def present(self, losses: Tensor, which: str) -> Tensor:
        """`losses` (B,) with 0 where a row has no `chosen` or no `rejected` answer."""
        mask = self.has_chosen if which == "chosen" else self.has_rejected
        return losses if mask is None else losses.where(mask, losses.new_zeros(()))


@dataclass(frozen=True)
class Parameter:
    """A parameter of a loss: its default (a float or a bool), what it is, and the open or closed range allowed."""

    default: float | bool
    about: str
    above: float = -math.inf
    at_least: float = -math.inf
    below: float = math.inf
    at_most: float = math.inf

    def read(self, where: str, value: Any) -> float | bool:
        """A value as given (text or number). Raises ConfigError for one of another kind or out of range."""
        if isinstance(self.default, bool):
            word = str(value).strip().lower()
            if word not in _TRUE + _FALSE:
                raise ConfigError(f"{where}={value} must be true or false")
            return word in _TRUE
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        inside = self.above < number < self.below and self.at_least <= number <= self.at_most
        if not math.isfinite(number) or not inside:
            raise ConfigError(f"{where}={value} must be {self.allowed}")
        return number

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if isinstance(self.default, bool):
            return "true or false"
        bounds = [("above", self.above), ("at least", self.at_least), ("below", self.below), ("at most", self.at_most)]
        said = [f"{word} {bound:g}" for word, bound in bounds if math.isfinite(bound)]
        return f"a number {' and '.join(said)}" if said else "a number"


BETA = Parameter(0.1, "how strongly the model is held to the reference", above=0)


@dataclass(frozen=True)
class Method:
    """One alignment method.

    `loss(batch, **parameters)` returns losses (one a pair, or one an answer) whose mean is minimised. `paired` says
    that every row needs both answers. `needs_reference`: the reference model's log-probabilities are read.
    `whole_batch`: a row's loss depends on the other rows, so that the rows of all processes and accumulated steps have
    to be given at once. `bounded_below`: False where the loss has no lower bound, so that it may diverge while it
    falls. `sft_weight` is the weight of `nll` that belongs to the method; the trainer adds it, as it adds the user's
    to any other. `shift(previous, batch, **parameters)` is called after each step with the whole batch and returns the
    running mean (a scalar without gradient) that is the next batch's `Batch.shift`; `previous` is None after the first.
    """

    name: str
    title: str
    url: str
    loss: Callable[..., Tensor]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    paired: bool = True
    needs_reference: bool = True
    whole_batch: bool = False
    bounded_below: bool = True
    needs_mismatched: bool = False
    needs_safety: bool = False
    sft_weight: float = 0.0
    shift: Callable[..., Tensor] | None = None

    def settings(self, given: Mapping[str, Any]) -> dict[str, float | bool]:
        """Every parameter's value: as given, else its default.

        Raises ConfigError for an unknown one (with the nearest match) or a value that is not allowed.
        """
        for key in given:
            if key not in self.parameters:
                raise ConfigError(f"{self.name}: {unknown('parameter', key, self.parameters)}")
        return {
            key: parameter.read(f"{self.name}: {key}", given[key]) if key in given else parameter.default
            for key, parameter in self.parameters.items()
        }


def nll(batch: Batch, mean_tokens: float | Tensor | None = None) -> Tensor:
    """The negative log-likelihood of the chosen answers, (B,); its mean is the mean over their tokens.

    `mean_tokens` is the mean number of tokens of a chosen answer, for a batch that is only a part (of one process or
    accumulated step): with that of the whole, the mean over all parts is the mean over all tokens.
    """
    tokens = batch.present(batch.chosen_tokens.to(batch.chosen.dtype), "chosen")
    mean = tokens.mean().clamp(min=1.0 / max(1, tokens.numel())) if mean_tokens is None else mean_tokens
    return batch.present(-batch.chosen, "chosen") / mean
