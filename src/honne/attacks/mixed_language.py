"""Mixed language: words that the word list knows are said in another language, within a frame in three languages.

Deng et al. 2023, Multilingual Jailbreak Challenges in LLMs (arXiv 2310.06474) translate whole prompts; mixing languages
in one request is in Upadhayay & Behzadan 2024, Sandwich Attack (arXiv 2404.07242). Everyday words from a list of our
own; where none occurs, the frame alone is mixed. Translation by a model is another attack: `translate:LANG`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from honne.attacks._text import LANGS, REQUEST, draw, language, rewrite, texts
from honne.records import Message

__all__ = ["PLUGIN"]


@cache
def _words(own: str) -> tuple[re.Pattern[str], dict[str, tuple[str, ...]]]:
    """A pattern of the listed words of a language, longest first, and what stands for each in the others."""
    others = [lang for lang in LANGS if lang != own]
    rows = texts("mixed_language")["words"]
    # A single character is more often part of a longer word than a word.
    known = {row[own]: tuple(row[lang] for lang in others) for row in rows if len(row[own]) > 1}
    listed = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    return re.compile(rf"\b(?:{listed})\b" if own == "en" else listed, re.IGNORECASE), known


def mixed_language(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    def mixed(text: str) -> str:
        own = language(lang, text)
        pattern, known = _words(own)
        drawn = draw(seed, text)

        def other(found: re.Match[str]) -> str:
            choices = known[found[0].lower()]
            word = choices[int(drawn.random() * len(choices))]
            return f" {word} " if own != "en" and word.isascii() else word

        frame: str = texts("mixed_language")["frame"][own]
        return frame.strip("\n").replace(REQUEST, pattern.sub(other, text))

    return rewrite(messages, mixed)


PLUGIN = mixed_language
