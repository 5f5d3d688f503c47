"""Translation: the request in another language, `translate:LANG`, translated by a model (`--translator SPEC`).

Yong et al. 2023, Low-Resource Languages Jailbreak GPT-4 (arXiv 2310.02446); Deng et al. 2023, Multilingual Jailbreak
Challenges (arXiv 2310.06474). The model under test is asked in LANG and answers in it; nothing is translated back, so
the judge has to read LANG. It does not apply to requests that are in LANG already.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import rewrite, texts
from honne.errors import ConfigError, unknown
from honne.records import Message

__all__ = ["PLUGIN", "Translate"]


class Translate:
    title = "Translation by a model: translate:LANG (sw, zu, zh, …), with --translator SPEC"

    def __init__(self, argument: str) -> None:
        told = texts("translate")
        if not argument:
            raise ConfigError("attack translate: into which language? Write translate:zh, translate:sw, …")
        if argument not in told["languages"]:
            raise ConfigError(f"attack translate: {unknown('language', argument, told['languages'])}")
        self.lang: str | None = argument
        self._order = told["order"].strip("\n").replace("{language}", told["languages"][argument])

    def ask(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The request to the translator; no message where there is nothing to translate."""
        last = next((m.content for m in reversed(messages) if m.role == "user"), "")
        if not last.strip():
            return ()
        return (Message(role="system", content=self._order), Message(role="user", content=last))

    def take(self, messages: Sequence[Message], reply: str) -> tuple[Message, ...] | None:
        """The messages with the last request translated; None where the reply is blank."""
        return rewrite(messages, lambda _: reply.strip()) if reply.strip() else None


PLUGIN = Translate
