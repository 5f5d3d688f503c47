"""Reverse induction: the request is asked for what to avoid.

Reported as one of the methods of FLAMES' prompts (Huang et al. 2024, arXiv 2311.06899); in Sun et al. 2023 (arXiv
2304.10436) reverse exposure. Texts of our own.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def reverse_induction(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("reverse_induction", messages, seed, lang)


PLUGIN = reverse_induction
