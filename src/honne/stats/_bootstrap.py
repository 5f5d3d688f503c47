"""The cluster bootstrap of a mean, seeded and vectorised."""

from __future__ import annotations

import numpy as np

from honne.stats._clusters import Floats, Ints

__all__ = ["bootstrap_means", "types"]


def types(sums: Floats, sizes: Floats) -> tuple[Floats, Floats, Ints]:
    """The distinct (total, size) pairs of clusters, and how many clusters have each: sorted, so order never matters."""
    pairs, counts = np.unique(np.stack([np.round(sums, 12), sizes]), axis=1, return_counts=True)
    return pairs[0], pairs[1], counts.astype(np.int64)


def bootstrap_means(sums: Floats, sizes: Floats, counts: Ints, draws: int, seed: int) -> Floats:
    """`draws` bootstrap means from the cluster types of `types`.

    Clusters of one type are interchangeable, so a multinomial over the types is the same bootstrap as drawing clusters
    one by one, at a cost that does not grow with their number.
    """
    m = int(counts.sum())
    drawn = np.random.default_rng(seed).multinomial(m, counts / m, size=draws)
    return np.asarray((drawn @ sums) / (drawn @ sizes), dtype=np.float64)
