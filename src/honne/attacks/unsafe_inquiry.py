"""Unsafe inquiry: the request takes for granted that there is nothing wrong with it.

Sun et al. 2023 (arXiv 2304.10436): inquiry with unsafe opinion. Texts of our own.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def unsafe_inquiry(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("unsafe_inquiry", messages, seed, lang)


PLUGIN = unsafe_inquiry
