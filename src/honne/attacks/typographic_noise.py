"""Typographic noise: letters inside words change places, and marks stand between CJK characters.

After the token manipulation of ALERT (arXiv 2404.08676) and the typing errors of Trustworthy LLMs (arXiv 2308.05374).
In about half of the Latin words of four letters and more two neighbours inside swap; in other scripts a middle dot
follows about every fourth character. No character is lost: people still read it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

from honne.attacks._text import draw, rewrite
from honne.records import Message

__all__ = ["DOT", "PLUGIN"]

DOT = "·"
_WORD = re.compile(r"[A-Za-z]{4,}")
_CJK = re.compile(r"[\u3041-\u30ff\u3400-\u9fff](?=[\u3041-\u30ff\u3400-\u9fff])")


def typographic_noise(messages: Sequence[Message], *, seed: int) -> tuple[Message, ...]:
    def noisy(text: str) -> str:
        # Where the draw spares a short request, every place that can be noisy is.
        mild = _noise(text, draw(seed, text), 0.5)
        return _noise(text, draw(seed, text), 2.0) if mild == text else mild

    return rewrite(messages, noisy)


def _noise(text: str, drawn: Random, share: float) -> str:
    def swapped(found: re.Match[str]) -> str:
        word = found[0]
        at = 1 + int(drawn.random() * (len(word) - 3))
        if drawn.random() >= share:
            return word
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]

    def dotted(found: re.Match[str]) -> str:
        return found[0] + DOT if drawn.random() < share / 2 else found[0]

    return _CJK.sub(dotted, _WORD.sub(swapped, text))


PLUGIN = typographic_noise
