"""Prompt leaking: before the request the model is to repeat its own instructions.

Perez & Ribeiro 2022, Ignore Previous Prompt (arXiv 2211.09527); Sun et al. 2023 (arXiv 2304.10436). Judged is what
becomes of the request; whether something leaked is not. Texts of our own.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def prompt_leaking(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("prompt_leaking", messages, seed, lang)


PLUGIN = prompt_leaking
