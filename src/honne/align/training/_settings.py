"""What decides the outcome of a training, checked before anything is loaded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from honne import plugins
from honne.align.method import Method
from honne.errors import ConfigError, unknown
from honne.spec import Spec, parse

__all__ = ["PRECISIONS", "Lora", "Settings", "method_of"]

PRECISIONS = ("auto", "float32", "bfloat16")
_PROVIDERS = ("hf", "organism")


@dataclass(frozen=True)
class Lora:
    """A low-rank adapter on every linear layer (Hu et al. 2021, arXiv 2106.09685): W + (alpha / rank) B A."""

    rank: int
    alpha: float

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ConfigError(f"--lora {self.rank}: the rank must be at least 1")
        if not self.alpha > 0 or not math.isfinite(self.alpha):
            raise ConfigError(f"--lora-alpha {self.alpha} must be above 0")


@dataclass(frozen=True)
class Settings:
    """One training.

    `batch` is the number of pairs of one optimizer step over all processes; `steps` of them are taken, or as many as
    `epochs` need. The learning rate `lr` rises over the first `warmup` (a share of the steps) and falls to 0 in a
    straight line. `sft_weight` times the negative log-likelihood of the chosen answers is added to the method's loss.
    With `tuning` pairs the loss on them is measured every `every` steps, the weights of the best measurement are kept,
    and after `patience` measurements without a better one the training ends (0: never early). `tokens` bounds one
    forward pass; it, `device` and `checkpointing` change no result but in the last digits.
    """

    model: Spec
    pairs: Path
    method: Method
    lr: float
    parameters: Mapping[str, float | bool] = field(default_factory=dict)
    sft_weight: float = 0.0
    batch: int = 32
    epochs: float | None = None
    steps: int | None = None
    warmup: float = 0.1
    seed: int = 0
    lora: Lora | None = None
    tuning: Path | None = None
    patience: int = 3
    every: int | None = None
    reference: Spec | None = None
    precision: str = "auto"
    drop_long: bool = False
    device: str | None = None
    tokens: int | None = None
    checkpointing: bool | None = None

    def __post_init__(self) -> None:
        for spec, what in ((self.model, "the model"), (self.reference, "--reference")):
            if spec is not None and spec.provider not in _PROVIDERS:
                raise ConfigError(
                    f"{what} {spec.label} cannot be trained: hf/FOLDER, hf/ORG/NAME or organism/kitsune can"
                    if what == "the model"
                    else f"--reference {spec.label}: {unknown('provider', spec.provider, _PROVIDERS)}"
                )
        if self.lora is not None and "adapter" in self.model.options:
            raise ConfigError(
                f"--lora on {self.model.public}: a new adapter would fit these merged weights alone; "
                "train all weights, or an adapter of the model without adapter=…"
            )
        checks: tuple[tuple[str, Any, bool, str], ...] = (
            ("--lr", self.lr, 0 < self.lr < math.inf, "above 0"),
            ("--sft-weight", self.sft_weight, 0 <= self.sft_weight < math.inf, "0 or more"),
            ("--batch", self.batch, self.batch >= 1, "at least 1"),
            ("--epochs", self.epochs, self.epochs is None or 0 < self.epochs < math.inf, "above 0"),
            ("--steps", self.steps, self.steps is None or self.steps >= 1, "at least 1"),
            ("--warmup", self.warmup, 0 <= self.warmup < 1, "a share of the steps, 0 or more and below 1"),
            ("--patience", self.patience, self.patience >= 0, "0 or more"),
            ("--every", self.every, self.every is None or self.every >= 1, "at least 1"),
            ("--tokens", self.tokens, self.tokens is None or self.tokens >= 1, "at least 1"),
        )
        for option, value, fine, allowed in checks:
            if not fine:
                raise ConfigError(f"{option} {value} must be {allowed}")
        if self.steps is not None and self.epochs is not None:
            raise ConfigError("--steps and --epochs both say how long to train: leave one out")
        if self.precision not in PRECISIONS:
            raise ConfigError(unknown("--precision", self.precision, PRECISIONS))
        # every parameter by its value, so that what is recorded is whole
        object.__setattr__(self, "parameters", self.method.settings(self.parameters))

    def steps_for(self, n: int) -> int:
        """The number of optimizer steps over `n` pairs."""
        return self.steps if self.steps is not None else max(1, math.ceil((self.epochs or 1.0) * n / self.batch))

    @property
    def total_sft(self) -> float:
        """The weight of the chosen answers' NLL: the method's own and what was asked for."""
        return self.method.sft_weight + self.sft_weight

    def identity(self) -> dict[str, Any]:
        """What decides the weights that come out, as JSON: the same for a run and for what goes on with it."""
        return {
            "model": self.model.public,
            "method": self.method.name,
            "parameters": dict(self.parameters),
            "sft_weight": self.sft_weight,
            "lr": self.lr,
            "batch": self.batch,
            "epochs": self.epochs,
            "steps": self.steps,
            "warmup": self.warmup,
            "seed": self.seed,
            "lora": None if self.lora is None else {"rank": self.lora.rank, "alpha": self.lora.alpha},
            "patience": self.patience,
            "every": self.every,
            "reference": None if self.reference is None else self.reference.public,
            "precision": self.precision,
            "drop_long": self.drop_long,
        }


def method_of(text: str) -> tuple[Method, dict[str, float | bool]]:
    """A method and its parameters from `dpo?beta=0.2`. Raises ConfigError, naming what is near or allowed."""
    spec = parse(text)
    if spec.name:
        raise ConfigError(f"--method {spec.label}: a method has no name after a slash; {spec.provider}?beta=0.2")
    method: Method = plugins.load("methods", spec.provider)
    return method, method.settings(spec.options)
