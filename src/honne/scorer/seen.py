"""Which prompts a scorer was trained on, as salted hashes in its scorer.json: nothing is evaluated on what was learnt.

A hash is of the prompt without its case and white space, as the splits compare prompts. A short prompt can be guessed
and tried; none can be read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from honne.errors import DataError
from honne.judges._scorer import About
from honne.scorer.split import plain

__all__ = ["KEY", "Seen", "hashed"]

KEY = "prompts"
_DIGITS = 16


def hashed(prompts: Iterable[str]) -> dict[str, Any]:
    """What the card says of the prompts under `KEY`: the same prompts give the same, whatever their order."""
    texts = sorted({plain(prompt) for prompt in prompts})
    salt = hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()[:_DIGITS]
    return {"salt": salt, "sha256": sorted(_hash(salt, text) for text in texts)}


@dataclass(frozen=True)
class Seen:
    """The prompts that a scorer was trained on; `prompt in seen` tells whether one is among them."""

    salt: str
    hashes: frozenset[str]

    @classmethod
    def of(cls, about: About) -> Seen:
        """Those of a scorer. Raises DataError for a scorer.json that does not say: then nothing can be held out."""
        said = about.card.get(KEY)
        try:
            return cls(str(said["salt"]), frozenset(map(str, said["sha256"])))  # type: ignore[index]
        except (TypeError, KeyError):
            raise DataError(
                f"scorer {about.name} {about.version} does not say on which prompts it was trained: train it again "
                "with honne scorer train"
            ) from None

    def __contains__(self, prompt: str) -> bool:
        return _hash(self.salt, plain(prompt)) in self.hashes


def _hash(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt}\0{text}".encode("utf-8", "replace")).hexdigest()[:_DIGITS]
