"""Reverse induction: the request is asked for what to avoid.

One of the methods by which FLAMES' prompts were written (Huang et al. 2024, arXiv 2311.06899), and in Sun et al. 2023
(arXiv 2304.10436) as reverse exposure. Texts of our own.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def reverse_induction(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("reverse_induction", messages, seed, lang)


PLUGIN = reverse_induction
