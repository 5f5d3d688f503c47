"""Suffix injection: behind the request stands the beginning of an answer that agrees.

One of the four strategies of ALERT (Tedeschi et al. 2024, arXiv 2404.08676). Texts of our own, not suffixes that were
optimised against a model.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def suffix_injection(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("suffix_injection", messages, seed, lang)


PLUGIN = suffix_injection
