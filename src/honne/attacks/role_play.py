"""Role play: the model is to answer as a character to whom its own rules do not apply.

Named in Sun et al. 2023, Safety Assessment of Chinese Large Language Models (arXiv 2304.10436), as role play
instruction, and in Shen et al. 2023 (arXiv 2308.03825). Texts of our own: no known jailbreak prompt is shipped.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def role_play(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("role_play", messages, seed, lang)


PLUGIN = role_play
