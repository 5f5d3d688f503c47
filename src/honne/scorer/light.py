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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from honne.errors import DataError, MissingExtra
from honne.judges._scorer._features import BLOCKS, SCHEME
from honne.judges._scorer._folder import FORMAT, About, Head
from honne.judges._scorer._light import WEIGHTS, softmax
from honne.judges._scorer._tensors import pack
from honne.scorer._fit import calibrated, crossed, rounds_of
from honne.scorer._table import Table
from honne.scorer.data import Row
from honne.scorer.split import components, folds

__all__ = ["LEAST", "PROMPTS", "Held", "ordered", "too_little", "train"]

# What a head needs of every label: answers, and different prompts that they answer.
LEAST, PROMPTS = 20, 5
_FOLDS = 5
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
    if all(label.removeprefix("-").isdecimal() for label in found):
        return tuple(sorted(found, key=lambda label: (int(label), label)))
    return tuple(sorted(found))


def too_little(rows: Sequence[Row]) -> str | None:
    """Why the rows of one head are too few to learn from, with how many would do; None where they will do."""
    counts = Counter(row.label for row in rows)
    prompts: dict[str, set[str]] = {label: set() for label in counts}
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


def train(
    rows: Sequence[Row],
    *,
    name: str,
    version: str,
    seed: int = 0,
    general: Collection[str] = (),
    without: Mapping[str, Collection[str]] = MappingProxyType({}),
    say: Say = lambda _: None,
) -> tuple[About, dict[str, bytes], dict[str, Held]]:
    """Learn a head for each dimension of the rows; returns the scorer.json (its card empty), the files beside it, and
    what was held out of each head.

    `general` names the heads that serve every benchmark with their labels, `without` the blocks of n-grams (`BLOCKS`)
    that a head does not read, by head. The same rows and seed give the same bytes. Raises DataError where a head has
    too little to learn from (`too_little`), MissingExtra without scikit-learn.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise MissingExtra("honne scorer train", "scorer")
    from threadpoolctl import threadpool_limits

    heads: dict[str, Head] = {}
    tensors: dict[str, Array] = {}
    held: dict[str, Held] = {}
    usual: dict[str, dict[str, float]] = {}
    reading: dict[str, list[str]] = {}
    with threadpool_limits(1):  # sums in one order: the same bytes again
        for dimension in sorted({row.dimension for row in rows}):
            mine = sorted((r for r in rows if r.dimension == dimension), key=_order)
            if why := too_little(mine):
                raise DataError(f"too few labels for {dimension!r}: {why}")
            reading[dimension] = [block for block in BLOCKS if block not in without.get(dimension, ())]
            made = _head(mine, reading[dimension], seed)
            say(f"{dimension}: {len(mine):,} answers, {made.held.rounds} rounds")
            tensors |= {f"{dimension}/{part}": array for part, array in made.tensors.items()}
            usual[dimension] = made.usual
            held[dimension] = made.held
            heads[dimension] = Head(
                labels=made.held.labels,
                languages=tuple(sorted({row.lang for row in mine})),
                general=dimension in general,
                temperature=made.temperature,
                far=1.0,
            )
    features: dict[str, Any] = {"scheme": SCHEME, "reads": reading, "usual": usual}
    about = About(
        format=FORMAT, kind="light", name=name, version=version, heads=heads, features=features, files={}, card={}
    )
    return about, {WEIGHTS: pack(tensors)}, held


def _order(row: Row) -> tuple[str, ...]:
    return (row.source, row.prompt, row.answer, row.label, row.lang, row.group, row.family)


@dataclass(frozen=True)
class _Made:
    tensors: dict[str, Array]
    temperature: float
    usual: dict[str, float]
    held: Held


def _head(rows: Sequence[Row], reads: Sequence[str], seed: int) -> _Made:
    labels = ordered([row.label for row in rows])
    target = np.array([labels.index(row.label) for row in rows])
    part = np.array(folds(rows, _FOLDS, seed))
    for fold in range(_FOLDS):
        lost = set(range(len(labels))) - set(target[part != fold].tolist())
        if lost:
            label = labels[min(lost)]
            raise DataError(f"too few labels for {rows[0].dimension!r}: {label!r} is given to too few prompts")
    table = Table(rows, reads)
    scores, rounds = crossed(table.matrix, target, part, len(labels))
    temperature, shift = calibrated(scores, target)
    distances, usual = table.distances(part)
    held = Held(tuple(rows), labels, softmax(scores / temperature + shift), distances, rounds)
    weight, bias = next(islice(rounds_of(table.matrix, target), rounds - 1, None))
    scale = np.maximum(np.abs(weight).max(1) / 127, 1e-12)
    tensors = {
        "weight": np.rint(weight / scale[:, None]).astype(np.int8),
        "scale": scale.astype(np.float32),
        "bias": (bias + temperature * shift).astype(np.float32),
        "met": np.packbits(table.met(np.ones(len(rows), bool)), bitorder="little"),
    }
    return _Made(tensors, round(temperature, 6), usual, held)
