"""The alphabet of the choice parser: one private-use character per mention of an option.

Once "Option B", "(B)", "the second one", "回复2", "後者" and the option's own words are all a single character that
carries the option's index, the tables of wordings need no spelling of them. `_choice_text.clean` removes such
characters from replies, so that a reply cannot forge one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = [
    "ALL",
    "CLOSE",
    "CONFLICT",
    "DIGIT",
    "EITHER",
    "LABELLED",
    "LETTER",
    "NAMED",
    "OPEN",
    "REF",
    "SOME",
    "TEXT",
    "index",
    "kind",
    "placer",
    "readable",
    "ref",
]

# How an option was mentioned, 32 characters each: "option B", "B", "2", its own words, "B) its own words".
NAMED, LETTER, DIGIT, TEXT, LABELLED = _KINDS = tuple(0xE000 + 0x20 * i for i in range(5))
REF = "[\ue000-\ue09f]"
# Several options in one breath: all, some, or alternatives ("A or B"); and a letter beside another option's words.
ALL, SOME, EITHER, CONFLICT = "\ue100", "\ue101", "\ue102", "\ue103"
# Around an answer that is stated by its form alone: [[A]], a LaTeX box.
OPEN, CLOSE = "\ue200", "\ue201"

EN_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
EN_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
SHORT_ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "10th")
CJK_NUMBERS = "一二三四五六七八九十"
KANA_NUMBERS = ("ひと", "ふた", "みっ", "よっ", "いつ")
_VALUES = {
    **{str(i + 1): i for i in range(10)},
    **{chr(97 + i): i for i in range(10)},
    **{w: i for ws in (EN_NUMBERS, EN_ORDINALS, SHORT_ORDINALS, CJK_NUMBERS, KANA_NUMBERS) for i, w in enumerate(ws)},
}


def ref(manner: int, option: int) -> str:
    """The character of a mention."""
    return chr(manner + option)


def index(char: str) -> int:
    """The option that a mention names, from 0 (it may lie beyond the options that there are)."""
    return (ord(char) - 0xE000) % 0x20


def kind(manner: int) -> str:
    """The character class of mentions made in one manner."""
    return f"[{chr(manner)}-{chr(manner + 0x1F)}]"


def placer(manner: int, n: int, *, whole: bool = False) -> Callable[[re.Match[str]], str]:
    """A replacement for `re.sub`: the label in the pattern's matched group, or the `whole` match, becomes a mention.

    Labels somewhat beyond the `n` options are mentions too (they make an answer unreadable); others stay text.
    """

    def place(m: re.Match[str]) -> str:
        group = m.lastindex or 0
        label = m[group].lower()
        option = n - 1 if label == "last" else {"former": 0, "latter": 1}.get(label, _VALUES.get(label, 99))
        if option >= max(n, 6):
            return m[0]
        if whole:
            return ref(manner, option)
        start, end = m.start(group) - m.start(), m.end(group) - m.start()
        return m[0][:start] + ref(manner, option) + m[0][end:]

    return place


def readable(text: str) -> str:
    """Marked text with the mentions written out again, for people."""
    out = re.sub(REF, lambda m: chr(65 + index(m[0])), text)
    words = {OPEN: "[[", CLOSE: "]]", ALL: "A+B", SOME: "several", EITHER: "A or B", CONFLICT: "?"}
    return re.sub("[\ue100-\ue201]", lambda m: words.get(m[0], ""), out)
