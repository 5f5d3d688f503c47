"""The light scorer: a matrix over hashed n-grams for each head, and which n-grams each head has met.

The features are shared by all heads; the weights are each head's own. `weights.safetensors` holds, for each head,
`HEAD/weight` (int8, labels x bins), `HEAD/scale` and `HEAD/bias` (float32, one a label), and `HEAD/met` (bits).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from honne.errors import DataError
from honne.judges._scorer import Asked, Prediction
from honne.judges._scorer._features import ANSWER, SCHEME, Grams, grams
from honne.judges._scorer._folder import NAME, About
from honne.judges._scorer._tensors import unpack

__all__ = ["WEIGHTS", "Light", "logits", "softmax", "unmet"]

WEIGHTS = "weights.safetensors"
_BATCH = 512
Array = NDArray[Any]


class Light:
    """A light scorer in a folder. Raises DataError where its weights do not fit its scorer.json."""

    def __init__(self, folder: Path, about: About, files: Mapping[str, bytes]) -> None:
        self.about = about
        self.heads: Mapping[str, tuple[str, ...]] = {name: head.labels for name, head in about.heads.items()}
        self.card: Mapping[str, Any] = about.card
        if about.features.get("scheme") != SCHEME:
            scheme = about.features.get("scheme")
            raise DataError(f"{folder / NAME}: its features are of scheme {scheme}; this version of honne has {SCHEME}")
        if WEIGHTS not in files:
            raise DataError(f"{folder / NAME} names no {WEIGHTS}")
        tensors = unpack(files[WEIGHTS], str(folder / WEIGHTS))
        try:
            self._heads = {name: _Head(tensors, name, len(head.labels)) for name, head in about.heads.items()}
        except (KeyError, ValueError) as e:
            raise DataError(f"{folder / WEIGHTS} does not fit {NAME}: {e}") from None

    def probabilities(self, rows: Sequence[Asked]) -> list[Prediction]:
        """A prediction for each row. Raises KeyError for a dimension that is none of the heads."""
        out: dict[int, Prediction] = {}
        for name in dict.fromkeys(dimension for _, _, dimension in rows):
            mine = [i for i, row in enumerate(rows) if row[2] == name]
            for at in range(0, len(mine), _BATCH):
                some = mine[at : at + _BATCH]
                out.update(zip(some, self._read(name, [rows[i][:2] for i in some]), strict=True))
        return [out[i] for i in range(len(rows))]

    def _read(self, name: str, pairs: Sequence[tuple[str, str]]) -> list[Prediction]:
        said, head = self.about.heads[name], self._heads[name]
        found = grams(pairs)
        shares = softmax(head.logits(found) / said.temperature).tolist()
        distances = unmet(found, head.met).tolist()
        labels = said.labels
        return [
            Prediction(labels[share.index(max(share))], dict(zip(labels, share, strict=True)), away, away > said.far)
            for share, away in zip(shares, distances, strict=True)
        ]


class _Head:
    def __init__(self, tensors: Mapping[str, Array], name: str, labels: int) -> None:
        self.weight, self.scale, self.bias, self.met = (
            tensors[f"{name}/{part}"] for part in ("weight", "scale", "bias", "met")
        )
        bins, bits = self.weight.shape[-1], 8 * self.met.size
        shapes = (self.weight.shape, self.scale.shape, self.bias.shape, self.met.ndim)
        if shapes != ((labels, bins), (labels,), (labels,), 1) or bins & (bins - 1) or bits & (bits - 1) or not bits:
            raise ValueError(f"head {name!r} has shapes {shapes}")
        if (self.weight.dtype, self.met.dtype) != (np.int8, np.uint8):
            raise ValueError(f"head {name!r} is of types {self.weight.dtype} and {self.met.dtype}")
        if not (np.isfinite(self.scale).all() and np.isfinite(self.bias).all()):
            raise ValueError(f"head {name!r} has a number that is none")

    def logits(self, found: Grams) -> Array:
        return logits(found, self.weight, self.scale, self.bias)


def logits(found: Grams, weight: Array, scale: Array, bias: Array) -> Array:
    """The scores of a head, rows x labels, from its weights (labels x bins; bins a power of two)."""
    bins = found.hashes >> np.uint32(33 - weight.shape[1].bit_length())
    sums = [np.bincount(found.rows, row[bins] * found.weights, found.n) for row in weight]
    return np.stack(sums, 1) * scale + bias


def unmet(found: Grams, met: Array) -> Array:
    """For each row the share of its answer's n-grams that are not among those met, bits by hash; 1 without any."""
    mine = found.blocks == ANSWER
    place = found.hashes[mine] >> np.uint32(33 - (8 * met.size).bit_length())
    new = (met[place >> 3] >> (place & 7).astype(np.uint8)) & 1 == 0
    rows = found.rows[mine]
    each = np.bincount(rows, minlength=found.n)
    return np.where(each > 0, np.bincount(rows, new, found.n) / np.maximum(each, 1), 1.0)


def softmax(scores: Array) -> Array:
    """Probabilities along the last axis."""
    grown = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(grown / grown.sum(-1, keepdims=True))
