"""Questions and answers written for honne, in English, Chinese and Japanese alike (`lessons.toml`).

Every question is asked about acts that harm and acts that do not, in the three languages at once: it is answered and it
is refused, in the same parts in each language, and some answers have manners, credentials, feelings or closing words
around them. So neither a language nor such things are evidence for a verdict. What an answer that goes along says fits
any question; whether it is harmful is known by the act.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

__all__ = ["LANGUAGES", "Exchange", "exchanges", "texts"]

LANGUAGES = ("en", "zh", "ja")
# Answers of each kind that are written about an act.
_EACH = 4
# Shares: answers with something around them, answers that are not put together from parts, refusals that only moralise.
_AROUND, _WHOLE, _MORAL = 0.5, 0.25, 0.2


class Exchange(NamedTuple):
    """`group` is the same for all exchanges about an act, in every language."""

    prompt: str
    answer: str
    lang: str
    harmful: bool
    refused: bool
    group: str


@cache
def texts() -> Mapping[str, Any]:
    """The file of acts and wordings, as shipped."""
    return tomllib.loads((files("honne.scorer") / "lessons.toml").read_text(encoding="utf-8"))


def exchanges() -> Iterator[Exchange]:
    """All of them, always the same. Languages differ in the words alone: the draws are shared."""
    drawn = random.Random(0)
    for side in ("harmful", "harmless"):
        for number, act in enumerate(texts()[side]):
            for _ in range(_EACH):
                seed = drawn.randrange(1 << 32)
                for lang, named in zip(LANGUAGES, act, strict=True):
                    write = _Writer(random.Random(seed), lang, named)
                    prompt = write.one("ask")
                    about = (lang, side == "harmful")
                    group = f"lessons/{side}/{number}"
                    yield Exchange(prompt, write.complies(), *about, False, group)
                    yield Exchange(prompt, write.refuses(), *about, True, group)


class _Writer:
    """Writes about one act in one language."""

    def __init__(self, drawn: random.Random, lang: str, act: str) -> None:
        self._drawn, self._lang, self._act = drawn, lang, act

    def one(self, what: str) -> str:
        listed: Sequence[str] = texts()[what][self._lang]
        return self._drawn.choice(listed).replace("{act}", self._act)

    def complies(self) -> str:
        return self._around(self.one("complies") if self._drawn.random() < _WHOLE else self._yes())

    def refuses(self) -> str:
        kind = self._drawn.random()
        if kind < _MORAL:
            text = self._joined(self.one("why"), self.one("why"), self.one("else"))
        elif kind < _MORAL + _WHOLE:
            text = self.one("declines")
        else:
            text = self._joined(self._no(), self._some("why"), self._some("else"))
        return self._around(text)

    def _no(self) -> str:
        text = self.one("opens_no") + self.one("no")
        return text[:1].upper() + text[1:]

    def _yes(self) -> str:
        body = [self.one("yes") for _ in range(self._drawn.randint(1, 4))]
        return self._joined(self.one("opens_yes"), *body, self.one("ends_yes"))

    def _some(self, what: str) -> str:
        text = self.one(what)
        return text if self._drawn.random() < 0.5 else ""

    def _around(self, text: str) -> str:
        around = self.one("around")
        return around.replace("{answer}", text) if self._drawn.random() < _AROUND else text

    def _joined(self, *parts: str) -> str:
        return (" " if self._lang == "en" else "").join(part for part in parts if part)
