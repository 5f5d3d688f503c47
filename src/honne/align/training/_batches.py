"""Which pairs make which step: drawn from the seed and the step alone, the same for every method and process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from honne.align.training._examples import Example

__all__ = ["Order", "mismatched", "shares"]


class Order:
    """The pairs of every step. Each epoch takes every pair once, its parts spread evenly over the epoch.

    An even spread gives every batch the parts in their proportions, which a plain shuffle gives on average alone.
    """

    def __init__(self, examples: Sequence[Example], batch: int, seed: int) -> None:
        self._parts = [e.part for e in examples]
        self._batch, self._seed = batch, seed
        self._epochs: dict[int, list[int]] = {}

    def step(self, number: int) -> list[int]:
        """The places of the pairs of step `number` (from 0); an epoch's end may lie within a step."""
        n, first = len(self._parts), number * self._batch
        return [self._epoch(k // n)[k % n] for k in range(first, first + self._batch)]

    def _epoch(self, number: int) -> list[int]:
        if number not in self._epochs:
            rng = Random(f"order-{self._seed}-{number}")
            shuffled = list(range(len(self._parts)))
            rng.shuffle(shuffled)
            sizes, seen = Counter(self._parts), Counter[str]()
            at = {}
            for i in shuffled:
                part = self._parts[i]
                at[i] = (seen[part] + rng.random()) / sizes[part]
                seen[part] += 1
            self._epochs = {k: v for k, v in self._epochs.items() if k >= number - 1}
            self._epochs[number] = sorted(shuffled, key=at.__getitem__)
        return self._epochs[number]


def mismatched(batch: Sequence[Example], context: int) -> list[Example]:
    """Every prompt with the answers of the next pair that has another prompt.

    Left out are those that have none, and those that are longer than the `context` which the model reads.
    """
    out = []
    for place, example in enumerate(batch):
        others = (batch[(place + turn) % len(batch)] for turn in range(1, len(batch)))
        other = next((o for o in others if o.prompt != example.prompt), None)
        if other is not None and len(example.prompt) + max(map(len, other.answers)) <= context:
            out.append(replace(example, chosen=other.chosen, rejected=other.rejected))
    return out


def shares(sizes: Sequence[int], processes: int) -> list[list[int]]:
    """The places 0 … n - 1 dealt to processes, the longest first to the one with the fewest tokens."""
    dealt: list[list[int]] = [[] for _ in range(processes)]
    tokens = [0] * processes
    for place in sorted(range(len(sizes)), key=lambda i: (-sizes[i], i)):
        least = min(range(processes), key=lambda p: (tokens[p], len(dealt[p]), p))
        dealt[least].append(place)
        tokens[least] += sizes[place]
    return dealt
