"""Disguise in code: the request is a string in a program, and the answer its output.

After Kang et al. 2023, Exploiting Programmatic Behavior of LLMs (arXiv 2302.05733). The request stays in one piece: it
is not split into variables. Texts of our own.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def disguise_code(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("disguise_code", messages, seed, lang)


PLUGIN = disguise_code
