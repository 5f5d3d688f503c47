"""The answers of one head as matrices: their hashed n-grams to learn from, and those of the answers alone, by which it
is known how new an answer is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from honne.judges._scorer._features import ANSWER, BLOCKS, grams
from honne.judges._scorer._light import SCRIPTS, script
from honne.scorer.data import Row

__all__ = ["BINS", "Table"]

BINS, _MET = 18, 22  # as powers of two
_BATCH = 512
# A fuller table of n-grams met would take too many new ones for known.
_FULL = 0.25
# Of held-out answers to prompts like those learnt from, the share that is not "far".
_NEAR = 0.99
Array = NDArray[Any]


class Table:
    """`matrix` is rows x bins (scipy CSR, float32), from the blocks that the head `reads`."""

    def __init__(self, rows: Sequence[Row], reads: Sequence[str]) -> None:
        from scipy.sparse import csr_matrix, vstack

        self._rows = rows
        parts, places, of = [], [], []
        wanted = np.array([block in reads for block in BLOCKS])
        for at in range(0, len(rows), _BATCH):
            found = grams([(row.prompt, row.answer) for row in rows[at : at + _BATCH]])
            read, answer = wanted[found.blocks], found.blocks == ANSWER
            bins = (found.hashes[read] >> np.uint32(32 - BINS)).astype(np.int32)
            entries = (found.weights[read], (found.rows[read], bins))
            parts.append(csr_matrix(entries, shape=(found.n, 1 << BINS), dtype=np.float32))
            places.append((found.hashes[answer] >> np.uint32(32 - _MET)).astype(np.int32))
            of.append((found.rows[answer] + at).astype(np.int32))
        self.matrix = vstack(parts, format="csr")
        self._places, self._of = np.concatenate(places), np.concatenate(of)

    def met(self, among: Array) -> Array:
        """Whether an n-gram, by the upper bits of its hash, is in any answer of the rows `among` (booleans), or, where
        those are too many to tell apart, in so many that they are few enough."""
        counts = np.bincount(self._places[among[self._of]], minlength=1 << _MET)
        least = 1
        while (counts >= least).mean() > _FULL:
            least += 1
        return counts >= least

    def distances(self, part: Array) -> tuple[Array, dict[str, float]]:
        """How new each answer is to the rows of the other parts, in units of what is usual for its script; and that:
        the share of new n-grams that 99 of 100 held-out answers do not exceed."""
        each = np.maximum(np.bincount(self._of, minlength=len(self._rows)), 1)
        new = np.zeros(len(self._rows))
        for one in np.unique(part):
            mine = (part == one)[self._of]
            fresh = ~self.met(part != one)[self._places[mine]]
            new += np.bincount(self._of[mine], fresh, len(self._rows))
        share = new / each
        scripts = np.array([script(row.answer) for row in self._rows])
        found = {s: max(float(np.quantile(share[scripts == s], _NEAR)), 0.01) for s in SCRIPTS if (scripts == s).any()}
        usual = {s: round(value, 4) for s, value in found.items()}
        return share / np.array([usual[s] for s in scripts.tolist()]), usual
