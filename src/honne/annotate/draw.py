"""Which answers are labelled, and with what probability each was drawn.

- `random`: a simple random sample; every answer has the probability n / N.
- `stratified`: a simple random sample in each stratum (model, benchmark and category); n_h / N_h.
- `active`: answers on which the judges disagree come more often. The probability is proportional to the share of pairs
  of judges that disagree, but never under a tenth (`FLOOR`) of that of an answer that all of them disagree on, so that
  no answer has none and no weight 1 / probability is more than ten times another one by design. The sample is drawn
  systematically from a shuffled list (Madow 1949), which has a fixed size and exactly these probabilities.

Labels of an active sample are no picture of the answers unless they are weighted: where judges disagree, good judges
look bad.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Mapping, Sequence
from math import floor

from honne.errors import ConfigError

__all__ = ["DRAWS", "FLOOR", "active", "disagreement", "simple", "stratified"]

DRAWS = ("random", "stratified", "active")
FLOOR = 0.1
"""The least inclusion probability, as a share of the greatest, that a weight is made of."""


def simple(size: int, n: int | None, seed: int) -> dict[int, float]:
    """Of `size` answers `n` (None, or more than there are: all), as index -> inclusion probability."""
    if n is None or n >= size:
        return dict.fromkeys(range(size), 1.0)
    return dict.fromkeys(sorted(random.Random(f"{seed}/simple").sample(range(size), n)), n / size)


def stratified(strata: Sequence[Hashable], n: int | None, each: int | None, seed: int) -> dict[int, float]:
    """A simple random sample in each stratum: `each` of it (or all it has), else its share of `n`, at least one.

    Shares are by the largest remainder. Raises ConfigError where `n` is less than the number of strata.
    """
    members: dict[Hashable, list[int]] = {}
    for i, stratum in enumerate(strata):
        members.setdefault(stratum, []).append(i)
    sizes = {stratum: len(listed) for stratum, listed in members.items()}
    if each is not None:
        wanted: Mapping[Hashable, int] = {stratum: min(each, size) for stratum, size in sizes.items()}
    else:
        wanted = _shares(sizes, len(strata) if n is None else min(n, len(strata)))
    drawn: dict[int, float] = {}
    for stratum, listed in members.items():
        picked = random.Random(f"{seed}/stratum/{stratum!r}").sample(listed, wanted[stratum])
        drawn |= dict.fromkeys(picked, wanted[stratum] / len(listed))
    return dict(sorted(drawn.items()))


def _shares(sizes: Mapping[Hashable, int], n: int) -> dict[Hashable, int]:
    if n < len(sizes):
        raise ConfigError(f"{n} labels are fewer than the {len(sizes)} strata: ask for more, or draw at random")
    total = sum(sizes.values())
    exact = {stratum: n * size / total for stratum, size in sizes.items()}
    out = {stratum: max(1, floor(share)) for stratum, share in exact.items()}

    def over(stratum: Hashable) -> tuple[float, str]:
        return out[stratum] - exact[stratum], str(stratum)

    # By the remainder: up where labels are left over, down where the smallest strata took one too many.
    while sum(out.values()) < n:
        out[min((s for s in sizes if out[s] < sizes[s]), key=over)] += 1
    while sum(out.values()) > n:
        out[max((s for s in sizes if out[s] > 1), key=over)] -= 1
    return out


def active(disputed: Sequence[float | None], n: int | None, seed: int) -> dict[int, float]:
    """`n` answers, by the share of judges' pairs that disagree (0 to 1; None, nobody knows, counts as 0)."""
    size = len(disputed)
    if n is None or n >= size:
        return dict.fromkeys(range(size), 1.0)
    chances = _chances([max(share or 0.0, FLOOR) for share in disputed], n)
    rng = random.Random(f"{seed}/active")
    order = list(range(size))
    rng.shuffle(order)
    mark, passed = rng.random(), 0.0
    drawn: dict[int, float] = {}
    for i in order:
        passed += chances[i]
        # Sums of fractions end a hair beside the integer: the last answer takes what is left.
        if passed > mark or (i == order[-1] and len(drawn) < n):
            drawn[i] = chances[i]
            mark += 1
    return dict(sorted(drawn.items()))


def _chances(sizes: Sequence[float], n: int) -> list[float]:
    """Probabilities proportional to `sizes` that sum to `n`, none over 1."""
    sure: set[int] = set()
    while True:
        scale = (n - len(sure)) / sum(size for i, size in enumerate(sizes) if i not in sure)
        more = {i for i, size in enumerate(sizes) if i not in sure and size * scale >= 1}
        if not more:
            return [1.0 if i in sure else size * scale for i, size in enumerate(sizes)]
        sure |= more


def disagreement(labels: Sequence[str]) -> float | None:
    """The share of pairs of judges that disagree on one answer; None where fewer than two have a verdict."""
    n = len(labels)
    if n < 2:
        return None
    alike = sum(labels.count(label) * (labels.count(label) - 1) for label in set(labels))
    return 1 - alike / (n * (n - 1))
