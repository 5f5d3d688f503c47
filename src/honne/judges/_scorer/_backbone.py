"""A scorer that stands on a Hugging Face model: `backbone/` (all weights) or `adapter/` (LoRA, with the name of the
model that it was trained on), and in `weights.safetensors` the heads and a bank of training vectors.

How far an answer is from the training answers: the distance of its vector, scaled to length 1, to its k-th nearest
neighbour in the head's bank (Sun et al. 2022, arXiv 2204.06507, on a sample of the training vectors), 0 to 2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from honne.errors import DataError, MissingExtra
from honne.judges._scorer import NAME, About, Asked, Prediction
from honne.judges._scorer._network import LEAST, POOLINGS, Matrix, Network, open_backbone
from honne.judges._scorer._tensors import unpack

__all__ = ["ADAPTER", "BACKBONE", "Backbone", "file_hashes", "kth_distance", "unit"]

BACKBONE, ADAPTER = "backbone", "adapter"
_NEIGHBOUR = 10
_BLOCK = 1 << 20


class Backbone:
    """A scorer with a backbone, ready to be asked. Raises DataError for a folder that is damaged or was altered,
    ConfigError for a backbone that is not there, MissingExtra without torch."""

    def __init__(self, path: Path, about: About, files: Mapping[str, bytes]) -> None:
        self.about = about
        self.card: Mapping[str, Any] = about.card
        self.heads: Mapping[str, tuple[str, ...]] = {name: head.labels for name, head in about.heads.items()}
        said = about.features
        if "weights.safetensors" not in files:
            raise DataError(f"{path / NAME} names no weights.safetensors")
        tensors = unpack(files["weights.safetensors"], str(path / "weights.safetensors"))
        try:
            room, pooling, banks = int(said["room"]), str(said["pooling"]), dict(said["banks"])
            weight, bias, bank = tensors["weight"], tensors["bias"], tensors["bank"]
            own = ADAPTER if said["adapter"] else BACKBONE
            where = str(said["model"]) if said["adapter"] else str(path / BACKBONE)
            revision, hashes = said.get("revision"), dict(said["hashes"])
        except (KeyError, TypeError, ValueError, OverflowError) as e:
            raise DataError(f"{path} is no scorer with a backbone: {e!r} is missing or wrong") from None
        if pooling not in POOLINGS or room < LEAST:
            raise DataError(
                f"{path / NAME}: pooling {pooling!r} of {room} ids: one of {', '.join(POOLINGS)}, of {LEAST}"
            )
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise DataError(f"{path}: its heads have a number that is none")
        if (
            banks.keys() != self.heads.keys()
            or bank.ndim != 2
            or not all(type(size) is int and size > 0 for size in banks.values())
            or sum(banks.values()) != len(bank)
        ):
            raise DataError(f"{path}: its training vectors do not fit its heads")
        _unaltered(path / own, hashes)
        model, texts, device = open_backbone(where, room=room, revision=revision, label=f"scorer {path.name}")
        if said["adapter"]:
            model = _adapted(model, path / ADAPTER)
        self._network = Network(model, texts, self.heads, pooling, device)
        _fill(self._network, weight, bias, path)
        self._banks: dict[str, Matrix] = {}
        at = 0
        for name, size in banks.items():
            self._banks[name] = (bank[at : at + size] / 127).astype(np.float32)
            at += size

    def probabilities(self, rows: Sequence[Asked]) -> list[Prediction]:
        """A prediction for each row, in order. Raises KeyError for a dimension that is none of the heads."""
        if unknown := {dimension for _, _, dimension in rows} - self.heads.keys():
            raise KeyError(sorted(unknown)[0])
        vectors, logits = self._network.read([(prompt, answer) for prompt, answer, _ in rows])
        out: list[Prediction | None] = [None] * len(rows)
        for name, head in self.about.heads.items():
            places = [i for i, (_, _, dimension) in enumerate(rows) if dimension == name]
            if not places:
                continue
            shares = special.softmax(logits[places][:, self._network.spans[name]] / head.temperature, axis=1)
            far = kth_distance(unit(vectors[places]), self._banks[name])
            for i, share, distance in zip(places, shares.tolist(), far.tolist(), strict=True):
                label = head.labels[int(np.argmax(share))]
                named = dict(zip(head.labels, share, strict=True))
                out[i] = Prediction(label, named, distance, distance > head.far)
        return [one for one in out if one is not None]


def unit(vectors: Matrix) -> Matrix:
    """Rows scaled to length 1."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def kth_distance(vectors: Matrix, bank: Matrix) -> NDArray[np.float64]:
    """The distance of every row to its k-th nearest in the bank, k = 10 (fewer in a bank of fewer than 100)."""
    k = min(max(1, len(bank) // 10), _NEIGHBOUR)
    square = (vectors**2).sum(1)[:, None] + (bank**2).sum(1)[None, :] - 2 * vectors @ bank.T
    nearest = np.partition(square, k - 1, axis=1)[:, k - 1]
    return np.sqrt(np.maximum(nearest, 0.0)).astype(np.float64)


def file_hashes(folder: Path) -> dict[str, str]:
    """The sha256 of every file of a folder, by name."""
    out = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        out[path.name] = digest.hexdigest()
    return out


def _unaltered(folder: Path, hashes: Mapping[str, str]) -> None:
    try:
        found = file_hashes(folder)
    except OSError as e:
        raise DataError(f"cannot read {folder}: {e.strerror or e}") from None
    wrong = sorted(name for name in found.keys() | hashes.keys() if found.get(name) != hashes.get(name))
    if wrong:
        raise DataError(f"{folder}: {wrong[0]} is missing, damaged, or not of this scorer (its hash differs)")


def _adapted(model: Any, folder: Path) -> Any:
    try:
        from peft import PeftModel
    except ImportError:
        raise MissingExtra("a scorer with an adapter", "local") from None
    try:
        return PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
    except Exception as e:  # an adapter of another model, say
        raise DataError(f"{folder} does not fit its model: {' '.join(str(e).split())[:200]}") from None


def _fill(network: Network, weight: Any, bias: Any, path: Path) -> None:
    import torch

    wanted = tuple(network.linear.weight.shape)
    if weight.shape != wanted or bias.shape != wanted[:1]:
        raise DataError(f"{path}: its heads have shape {weight.shape}, its backbone needs {wanted}")
    with torch.no_grad():
        network.linear.weight.copy_(torch.tensor(weight))
        network.linear.bias.copy_(torch.tensor(bias))
