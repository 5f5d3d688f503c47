"""Past tense: the request is asked as a question about how it was done in the past.

Andriushchenko & Flammarion 2024 (arXiv 2407.11969). Departure: there a model puts the request itself into the past
tense; here a frame does, and the request stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def past_tense(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("past_tense", messages, seed, lang)


PLUGIN = past_tense
