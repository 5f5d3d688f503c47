"""What a training is made from: pairs in token ids, the records they came with, and the reference's numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honne.align.method import Method
from honne.align.pairs._read import read, record
from honne.align.training._examples import Example, Read, examples
from honne.align.training._load import Tokens, tokens_of
from honne.align.training._settings import Settings
from honne.errors import ConfigError, DataError

__all__ = ["Material", "material", "suits"]


@dataclass(frozen=True)
class Material:
    """Pairs to learn from and to tune on, for one tokenizer; shared by every method that is tried on them."""

    tokens: Tokens
    train: Read
    tuning: Read | None
    files: dict[str, Any]

    @property
    def watched(self) -> list[Example]:
        """Pairs that are looked at during the training: those to tune on, else some of those to learn from."""
        if self.tuning is not None:
            return self.tuning.examples
        step = max(1, len(self.train.examples) // 32)
        return self.train.examples[::step][:32]


def material(settings: Settings) -> Material:
    """Read the pairs and turn them into ids. Raises ConfigError, DataError, ModelError or TrainingError."""
    told = {"train": settings.pairs, **({"tuning": settings.tuning} if settings.tuning else {})}
    records = {what: record(path) for what, path in told.items()}
    if settings.tuning is not None and settings.tuning.resolve() == settings.pairs.resolve():
        raise ConfigError(f"--tuning {settings.tuning} is the file to train on: make a part with honne pairs --split")
    tokens = tokens_of(settings.model)
    found = {what: _read(path, tokens, settings.drop_long) for what, path in told.items()}
    if settings.tuning is not None:
        _no_leak(settings, found["train"], found["tuning"])
    files = {
        what: {
            "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "pairs": len(found[what].examples),
            "too_long": found[what].too_long,
            "judges": records[what]["judges"],
            "recipe": records[what].get("recipe"),
        }
        for what, path in told.items()
    }
    return Material(tokens, found["train"], found.get("tuning"), files)


def _read(path: Path, tokens: Tokens, drop_long: bool) -> Read:
    model = (tokens.prompter, tokens.answers, tokens.context, tokens.vocabulary)
    return examples(path, read(path), *model, drop_long=drop_long)


def _no_leak(settings: Settings, train: Read, tuning: Read) -> None:
    seen = {e.prompt for e in train.examples}
    both = [line for line, e in zip(tuning.lines, tuning.examples, strict=True) if e.prompt in seen]
    if both:
        raise DataError(
            f"{settings.tuning} line {both[0]}: its prompt is in {settings.pairs} as well ({len(both):,} such pairs): "
            "make the parts with honne pairs --split"
        )


def suits(method: Method, settings: Settings, found: Material) -> None:
    """Raises ConfigError or DataError where the pairs lack what the method reads."""
    for path, one in ((settings.pairs, found.train), (settings.tuning, found.tuning)):
        if one is None:
            continue
        if method.paired:
            bare = next((n for n, e in zip(one.lines, one.examples, strict=True) if len(e.answers) < 2), None)
            if bare is not None:
                raise DataError(
                    f"{path} line {bare} has one answer only, and {method.name} compares two: "
                    "kto, bco, apo-zero and sft read such rows"
                )
        if method.needs_safety and not _told(one.pairs):
            raise ConfigError(
                f"no pair of {path} says whether its answers are safe, which {method.name} is about: "
                "pairs of runs say so (honne pairs own/RUN)"
            )


def _told(pairs: Sequence[Any]) -> bool:
    return any(p.chosen_safe is not None or p.rejected_safe is not None for p in pairs)
