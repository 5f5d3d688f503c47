"""Refusal suppression: the usual words of a refusal are forbidden.

Wei et al. 2023, Jailbroken (arXiv 2307.02483). Rules of our own.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def refusal_suppression(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("refusal_suppression", messages, seed, lang)


PLUGIN = refusal_suppression
