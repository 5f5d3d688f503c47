"""Leetspeak: letters that look like digits are written as those, and nothing is said about it.

Wei et al. 2023, Jailbroken (arXiv 2307.02483). It does not apply (the messages stay as they are) to a request that is
mostly in another script than Latin.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import mostly_latin, rewrite
from honne.records import Message

__all__ = ["PLUGIN"]

_DIGITS = str.maketrans("aeiostAEIOST", "431057431057")


def leetspeak(messages: Sequence[Message], *, seed: int) -> tuple[Message, ...]:
    return rewrite(messages, lambda text: text.translate(_DIGITS) if mostly_latin(text) else text)


PLUGIN = leetspeak
