"""The light scorer: a matrix over hashed n-grams for each head, and which n-grams each head has met.

The features are shared by all heads; the weights are each head's own. `weights.safetensors` holds, for each head,
`HEAD/weight` (int8, labels x bins), `HEAD/scale` and `HEAD/bias` (float32, one a label), and `HEAD/met` (bits).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from honne.errors import DataError
from honne.judges._scorer import Asked, Prediction
from honne.judges._scorer._features import ANSWER, BLOCKS, SCHEME, Grams, grams
from honne.judges._scorer._folder import NAME, About
from honne.judges._scorer._tensors import unpack

__all__ = ["SCRIPTS", "WEIGHTS", "Light", "script", "softmax"]

WEIGHTS = "weights.safetensors"
# How many n-grams of an answer are new depends on its script: what is usual is known for each.
SCRIPTS = ("cjk", "other")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_BATCH = 64
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
            self._heads = {name: _Head(tensors, name, about) for name in about.heads}
        except (KeyError, IndexError, ValueError, TypeError, AttributeError, OverflowError) as e:
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
        out = []
        for share, new, (_, answer) in zip(shares, head.new(found).tolist(), pairs, strict=True):
            distance = new / head.usual[script(answer)]
            label = said.labels[share.index(max(share))]
            out.append(Prediction(label, dict(zip(said.labels, share, strict=True)), distance, distance > said.far))
        return out


class _Head:
    """The tensors of a head. Raises KeyError, ValueError or TypeError where they do not fit its scorer.json."""

    def __init__(self, tensors: Mapping[str, Array], name: str, about: About) -> None:
        self.weight, self.scale, self.bias, self.met = (
            tensors[f"{name}/{part}"] for part in ("weight", "scale", "bias", "met")
        )
        labels = len(about.heads[name].labels)
        shapes = (self.weight.shape, self.scale.shape, self.bias.shape)
        bins, bits = self.weight.shape[-1], 8 * self.met.size
        if shapes != ((labels, bins), (labels,), (labels,)) or not _power(bins) or not _power(bits):
            raise ValueError(f"head {name!r} has shapes {shapes} and {self.met.shape}")
        if str(self.weight.dtype) != "int8" or str(self.met.dtype) != "uint8":
            raise ValueError(f"head {name!r} is of types {self.weight.dtype} and {self.met.dtype}")
        if not (np.isfinite(self.scale).all() and np.isfinite(self.bias).all()):
            raise ValueError(f"head {name!r} has a number that is none")
        reads = about.features["reads"][name]
        if not set(reads) <= set(BLOCKS):
            raise ValueError(f"head {name!r} reads {reads}")
        self._reads = None if len(reads) == len(BLOCKS) else np.array([block in reads for block in BLOCKS])
        usual = {script: float(share) for script, share in about.features["usual"][name].items() if script in SCRIPTS}
        if not usual or not all(0 < share <= 1 for share in usual.values()):
            raise ValueError(f"head {name!r} has no usual distance between 0 and 1")
        # An answer in a script that was never met is measured as strictly as any.
        self.usual = {one: usual.get(one, min(usual.values())) for one in SCRIPTS}

    def logits(self, found: Grams) -> Array:
        """Scores, rows x labels."""
        hashes, rows, weights = found.hashes, found.rows, found.weights
        if self._reads is not None:
            read = self._reads[found.blocks]
            hashes, rows, weights = hashes[read], rows[read], weights[read]
        bins = hashes >> np.uint32(33 - self.weight.shape[1].bit_length())
        sums = np.array([np.bincount(rows, label[bins] * weights, found.n) for label in self.weight])
        return np.asarray(sums.T * self.scale + self.bias)

    def new(self, found: Grams) -> Array:
        """For each row the share of its answer's n-grams that the head has not met; 1 for an answer without any."""
        mine = found.blocks == ANSWER
        rows, place = found.rows[mine], found.hashes[mine] >> np.uint32(33 - (8 * self.met.size).bit_length())
        fresh = (self.met[place >> 3] >> (place & 7).astype(np.uint8)) & 1 == 0
        each = np.bincount(rows, minlength=found.n)
        return np.where(each > 0, np.bincount(rows, fresh, found.n) / np.maximum(each, 1), 1.0)


def _power(n: int) -> bool:
    return n > 1 and n & (n - 1) == 0


def script(text: str) -> str:
    """`cjk` where a tenth or more of a text's first characters are Chinese or Japanese, else `other`."""
    if text.isascii():
        return "other"
    start = text[:500]
    return "cjk" if 10 * len(_CJK.findall(start)) >= len(start) else "other"


def softmax(scores: Array) -> Array:
    """Probabilities along the last axis."""
    grown = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(grown / grown.sum(-1, keepdims=True))
