"""Scorers: classifiers that people's labels were taught to, one head for each dimension, saved in a folder.

A folder holds `scorer.json` (what it is: `_folder`) and its weights as safetensors; nothing in it is executed. Two
kinds are read: `light` (hashed n-grams and a matrix: numpy alone) and `backbone` (a Hugging Face model).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

from honne.judges._scorer._folder import NAME, About, Head, checked, read_about

__all__ = ["NAME", "About", "Asked", "Head", "Loaded", "Prediction", "load", "packaged"]

# (prompt, answer, dimension): the dimension is the name of a head
Asked = tuple[str, str, str]


@dataclass(frozen=True)
class Prediction:
    """What a head says of an answer: `probabilities` sum to 1 over its labels, `label` is the likeliest of them.

    `distance` (0 and up; its unit is the scorer's own) says how unlike the head's training answers this one is, and
    `far` whether that is more than held-out training answers are: then the probabilities are not to be trusted.
    """

    label: str
    probabilities: Mapping[str, float]
    distance: float
    far: bool


class Loaded(Protocol):
    """A scorer ready to be asked. `about` is its scorer.json; `heads` the labels of each head, `card` what it says."""

    about: About
    heads: Mapping[str, tuple[str, ...]]
    card: Mapping[str, Any]

    def probabilities(self, rows: Sequence[Asked]) -> list[Prediction]:
        """A prediction for each row, in order. Raises KeyError for a dimension that is none of the heads."""
        ...


def packaged() -> Path:
    """The folder of the scorer that ships with honne."""
    return Path(str(resources.files("honne.judges").joinpath("_scorer/shipped")))


def load(path: Path) -> Loaded:
    """The scorer in a folder, whichever kind it is. Raises DataError where it is none, is damaged, or was altered."""
    about = read_about(path)
    files = checked(path, about)
    if about.kind == "light":
        from honne.judges._scorer._light import Light

        return Light(path, about, files)
    # What a backbone needs is imported only here.
    from honne.judges._scorer._backbone import Backbone

    return Backbone(path, about, files)
