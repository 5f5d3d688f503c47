"""Goal hijacking: a harmless task is broken off, and the request put in its place.

Perez & Ribeiro 2022, Ignore Previous Prompt (arXiv 2211.09527); Sun et al. 2023 (arXiv 2304.10436). Departure: there
the new goal is a fixed sentence; here it is the item's own request. Texts of our own.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def goal_hijacking(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("goal_hijacking", messages, seed, lang)


PLUGIN = goal_hijacking
