"""Typographical errors, seeded: the slips of fingers in English, in Chinese and Japanese the wrong character of the
right sound (or nearly the same shape), as input methods give it; in Japanese two kana may also change places.

A word between [ ] is never touched (the brackets go); nor are names, numbers and short words in English. At most one
error a word, so that everything stays readable.
"""

from __future__ import annotations

import re
from functools import cache

from honne.benchmarks._drawn import rank, written

__all__ = ["plain", "typed"]

_KEPT = re.compile(r"\[([^\]]*)\]")
_WORD = re.compile(r"[a-z]{4,}")
# Two kana inside a word: after a kanji or another kana, and not at the end of a sentence.
_KANA = re.compile(r"(?<=[\u4e00-\u9fff])[\u3041-\u3096]([\u3041-\u3096])(?!\1)[\u3041-\u3096](?=[\u3041-\u3096])")
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEAR = {c: row[max(0, i - 1) : i] + row[i + 1 : i + 2] for row in _ROWS for i, c in enumerate(row)}


@cache
def _doubles(lang: str) -> dict[str, str]:
    """Characters and what is typed for them by mistake; none in English."""
    return {pair[0]: pair[1] for pair in written("prompts/trust_typos.toml")["doubles"].get(lang, ())}


def plain(text: str) -> str:
    """The text without the brackets around its key words."""
    return _KEPT.sub(r"\1", text)


def typed(text: str, lang: str, most: int, *seed: object) -> str:
    """The text as typed in haste: at least one error where it has a place for one, at most `most`."""
    places = [m.span(1) for m in _KEPT.finditer(text)]
    free = [span for span in _places(text, lang) if not any(a <= span[0] < b for a, b in places)]
    chosen = sorted(free, key=lambda span: rank(*seed, "place", span))[:most]
    out = text
    for start, end in sorted(chosen, reverse=True):
        out = out[:start] + _slip(text[start:end], lang, rank(*seed, "slip", start)) + out[end:]
    return plain(out)


def _places(text: str, lang: str) -> list[tuple[int, int]]:
    """Where an error may be: words of at least four small letters, or characters with a double."""
    if lang != "en":
        kana = [m.span() for m in _KANA.finditer(text)] if lang == "ja" else []
        return [(i, i + 1) for i, c in enumerate(text) if c in _doubles(lang)] + kana
    spans = (m.span() for m in _WORD.finditer(text))
    # Part of a capitalised or hyphenated word is no word of its own.
    return [(a, b) for a, b in spans if not text[a - 1 : a].isalpha() and not text[b : b + 1].isalpha()]


def _slip(word: str, lang: str, draw: bytes) -> str:
    """One error in a word, never at its first letter: two letters swapped, one dropped, doubled, or its neighbour."""
    if word in _doubles(lang):
        return _doubles(lang)[word]
    if lang == "ja":
        return word[0] + word[2] + word[1]
    kind, at = draw[0] % 4, 1 + draw[1] % (len(word) - 2)
    a, b = word[at], word[at + 1]
    if kind == 0 and a != b:
        return word[:at] + b + a + word[at + 2 :]
    if kind == 1 and a not in (word[at - 1], b):
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + a + word[at:]
    near = _NEAR[a]
    return word[:at] + near[draw[2] % len(near)] + word[at + 1 :]
