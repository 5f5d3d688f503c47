"""Training of the light scorer: for each head a multinomial logistic regression on the shared hashed n-grams.

The rows of a head are cut into five parts that share no prompt, and each part is scored by a model of the other four.
These held-out scores decide everything that must not be decided on what was learnt: after how many rounds to stop (the
round with the least log loss), the temperature and the shift of each label (bias-corrected temperature scaling,
Alexandari et al. 2020, arXiv 1901.06852: classes are weighted in training, and probabilities are to be those of the
data as they come), and how new an answer may be before it counts as far. The weights that are kept are then learnt from
all rows in as many rounds, and stored as int8.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from honne.errors import DataError, MissingExtra
from honne.judges._scorer._features import ANSWER, BLOCKS, SCHEME, Grams, grams
from honne.judges._scorer._light import SCRIPTS, WEIGHTS, logits, script, softmax, unmet
from honne.judges._scorer._tensors import pack
from honne.judges._scorer._folder import FORMAT, About, Head
from honne.scorer.data import Row
from honne.scorer.split import components, folds

__all__ = ["LEAST", "PROMPTS", "Held", "ordered", "too_little", "train"]

# What a head needs of every label: answers, and different prompts that they answer.
LEAST, PROMPTS = 20, 5
_FOLDS = 5
_BINS, _MET = 18, 22  # as powers of two
_ROUNDS, _STEPS, _PATIENCE = 30, 4, 3
_STRENGTH = 10.0  # inverse of the L2 penalty
_BATCH = 512
# Of held-out answers to prompts like those learnt from, the share that is nearer than "far".
_NEAR = 0.99
Array = NDArray[Any]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Held:
    """What the held-out scores say of one head: for each of its rows the probabilities given without its prompt."""

    rows: tuple[Row, ...]
    labels: tuple[str, ...]
    probabilities: Array
    distances: Array
    rounds: int


def ordered(labels: Sequence[str]) -> tuple[str, ...]:
    """The different labels: numbers by size, others by name."""
    found = set(labels)
    if all(label.lstrip("-").isdigit() for label in found):
        return tuple(sorted(found, key=int))
    return tuple(sorted(found))


def too_little(rows: Sequence[Row]) -> str | None:
    """Why the rows of one head are too few to learn from, with how many would do; None where they will do."""
    counts = Counter(row.label for row in rows)
    prompts = {label: set() for label in counts}  # type: dict[str, set[str]]
    for row, name in zip(rows, components(rows), strict=True):
        prompts[row.label].add(name)
    if len(counts) < 2:
        return f"all {len(rows)} answers are labelled {next(iter(counts), '')!r}: there is nothing to tell apart"
    short = [
        f"{n} labelled {label!r} (to {len(prompts[label])} prompts)"
        for label, n in sorted(counts.items())
        if n < LEAST or len(prompts[label]) < PROMPTS
    ]
    return f"{', '.join(short)}: {LEAST} answers to {PROMPTS} prompts of each label would do" if short else None
