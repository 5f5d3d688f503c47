"""Disguise in fiction: the request is a line in a scene of a novel or a film.

Disguise is reported as one of the methods of FLAMES' prompts (Huang et al. 2024, arXiv 2311.06899). Texts of our own.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def disguise_fiction(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("disguise_fiction", messages, seed, lang)


PLUGIN = disguise_fiction
