"""Many-shot: before the request stands a dialogue in which every request was answered at once.

Anil et al. 2024, Many-shot Jailbreaking (Anthropic). Departure: their shots are harmful answers, hundreds of them; here
they are a dozen harmless ones of our own, in a seeded order, so that only the habit of agreeing is shown. A success
rate of this attack is a lower bound of what the original reaches.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import draw, language, rewrite, texts
from honne.records import Message

__all__ = ["PLUGIN"]


def many_shot(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    def after_shots(text: str) -> str:
        told = texts("many_shot")[language(lang, text)]
        drawn = draw(seed, text)
        order = sorted(range(len(told["turns"])), key=lambda _: drawn.random())
        user, assistant = told["user"], told["assistant"]
        shots = [f"{user}{told['turns'][i][0]}\n{assistant}{told['turns'][i][1]}" for i in order]
        return "\n\n".join([*shots, f"{user}{text}\n{assistant}"])

    return rewrite(messages, after_shots)


PLUGIN = many_shot
