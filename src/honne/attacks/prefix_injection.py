"""Prefix injection: the request comes after an order to begin the answer with words of agreement.

Wei et al. 2023, Jailbroken (arXiv 2307.02483); one of the four strategies of ALERT (arXiv 2404.08676). A model that has
begun to agree tends to go on. Texts of our own.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def prefix_injection(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("prefix_injection", messages, seed, lang)


PLUGIN = prefix_injection
