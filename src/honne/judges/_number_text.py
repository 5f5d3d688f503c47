"""Stage 1 of the number reader: one plain form of a reply, and the numbers in it.

Full-width forms become half-width, LaTeX and markup go, words such as "minus" become signs. `numbers` then finds every
numeric expression, also those that are no plain number (`3:30`, `1,5`, `2024-05-01`, `5x`): they are kept, without a
value, so that no part of them is taken for one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

__all__ = ["LIMIT", "Found", "clean", "numbers", "worded"]

# Of a longer reply only the two ends are read: a final answer is stated first or last, and time stays bounded.
LIMIT = 16_000
# A longer run of digits comes from a model that has lost its way.
_MOST_DIGITS = 30

_JUNK = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ud800-\udfff]"
)
_THIN = re.compile("(?<=[0-9])[\xa0\u2007\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_VULGAR = re.compile("[\xbc-\xbe\u2150-\u215e]")
_SIGNS = str.maketrans(
    {**dict.fromkeys("‐‑‒–—―−", "-"), "∶": ":", "\u2044": "/", "〜": "~", "≒": "≈", "→": "=", "、": ",", "\t": " "}
)
_THOUGHT = re.compile(r"</think(?:ing)?>", re.I)
_OPEN_THINK = re.compile(r"<think(?:ing)?>.*", re.S | re.I)
_SUM = re.compile(r"<<[^<>\n]{0,300}>>")
_FRACTION = re.compile(r"\\[dt]?frac ?\{ ?(-?\d{1,30}) ?\} ?\{ ?(\d{1,30}) ?\}")
_POWER = re.compile(r" ?(?:\\times|\\cdot|[x×*·]) ?10 ?(?:\^|\*\*) ?\{? ?(-?\d{1,2}) ?\}?(?!\d)")
_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox|operatorname) ?\{([^{}\n]{0,80})\}")
_LATEX = re.compile(r"\\[,;!: ()\[\]]|\\(?:left|right)\b|\\(?=[$%#&])")
_TIMES = re.compile(r"\\(?:times|cdot)\b|[×·]")
_EMPHASIS = re.compile(
    r"\*\*|__|`+|(?<![\w)*])\*(?=\S)|(?<=[^\s*])\*(?![\w($*])|~~[^~\n]{0,200}~~|(?<!\w)_(?=\S)|(?<=\S)_(?!\w)"
)
_EQUALS = re.compile(
    r"\b(?:is )?equal(?:s|(?= to))(?: to)?\b|等于|等於|(?<=\d) is (?=[-$]?\d)|(?<=\d) ?は ?(?=\d)", re.I
)
_MINUS = re.compile(r"(?:\b(?:minus|negative) |负|負の?|マイナス)(?=[$€£¥]?\d)", re.I)
_LISTED = re.compile(
    r"^ *(?:\(?\d{1,2}[.),] +(?=\S)|(?:step|part) ?\d{1,2}[.:)]?|第[一二三四五六七八九十\d]{1,3}步[:,]?)", re.I | re.M
)

_NUMBER = re.compile(
    r"(?P<odd>\d+(?::\d+)+|\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d+(?:\.\d+){2,}|\d+(?:st|nd|rd|th)\b)"
    r"|(?P<whole>\d{1,9}) (?P<up>\d{1,9})/(?P<down>\d{1,9})(?![\d.])"
    r"|(?P<over>\d{1,30}) ?/ ?(?P<under>\d{1,30})(?![\d.])"
    r"|(?P<plain>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,2}(?:,\d{2})+,\d{3}(?!\d)|\d+)(?:\.\d+)?|\.\d+)"
    r"(?:[eE](?P<power>[-+]?\d{1,2})(?!\d))?"
)
_RUN_ON = re.compile(r"[,.:]\d[\d,.:]*")
_CODE = re.compile(r"(?<![A-Za-z])(?:US|HK|NT|Rs\.?|USD|EUR|GBP|CNY|RMB|JPY|INR) ?\$?$", re.I)
_SCALE = re.compile(r" ?(?:(thousand|million|billion|trillion)\b|(百万|千万|[百千万萬億亿]))", re.I)
_SCALES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12, "百": 2, "千": 3, "万": 4, "萬": 4}
_SCALES |= {"百万": 6, "千万": 7, "億": 8, "亿": 8}
_PERCENT = re.compile(r" ?(?:%|per ?cent\b|パーセント)", re.I)
_ALGEBRA = re.compile(r" ?\^|\*\*|[xyznk](?![A-Za-z])|[\d_]")


class Found(NamedTuple):
    """A numeric expression at [`start`, `end`) of a cleaned text; `value` is None where it is no plain number."""

    start: int
    end: int
    value: Fraction | None
    percent: bool = False


def clean(reply: str) -> str:
    """The reply in one plain form (linear time; at most `LIMIT` characters of it)."""
    text = _JUNK.sub("", _ends(reply).replace("\r\n", "\n").replace("\r", "\n"))
    text = _VULGAR.sub(lambda m: " " + unicodedata.normalize("NFKC", m[0]), _THIN.sub("", text))
    text = _ends(unicodedata.normalize("NFKC", text)).translate(_SIGNS)
    text = _OPEN_THINK.sub("", _THOUGHT.split(text)[-1], count=1)
    text = _FRACTION.sub(r"\1/\2", _SUM.sub("", text)).replace("{,}", ",")
    text = _TEXT.sub(r" \1 ", _POWER.sub(r"e\1", text))
    text = _EMPHASIS.sub("", _TIMES.sub(" * ", _LATEX.sub(" ", text)))
    return _EQUALS.sub("=", _LISTED.sub("", _MINUS.sub("-", text))).strip()


def _ends(text: str) -> str:
    """The text, or its two ends, cut between words so that no number is halved."""
    if len(text) <= LIMIT:
        return text
    head, tail = text[: LIMIT // 2].rsplit(None, 1), text[-LIMIT // 2 :].split(None, 1)
    return f"{head[0] if len(head) > 1 else ''}\n{tail[-1] if len(tail) > 1 else ''}"


def numbers(text: str) -> list[Found]:
    """Every numeric expression of a cleaned text, in order."""
    return list(_scan(text))


def _scan(text: str) -> Iterator[Found]:
    at = 0
    while m := _NUMBER.search(text, at):
        start, sign, named = _lead(text, m.start())
        value, end = _value(m), m.end()
        if run := _RUN_ON.match(text, end):
            value, end = None, run.end()
        if scale := _SCALE.match(text, end):
            end = scale.end()
            power = _SCALES[(scale[1] or scale[2]).lower()]
            value = None if value is None or text[end : end + 1].isdigit() else value * 10**power
        percent = _PERCENT.match(text, end)
        end = percent.end() if percent else end
        if named or _ALGEBRA.match(text, end):
            value = None
        yield Found(start, end, None if value is None else sign * value, percent is not None)
        at = end


def _lead(text: str, start: int) -> tuple[int, int, bool]:
    """Where the expression begins with its currency and sign, the sign, and whether it is part of a name (`A1`)."""
    if code := _CODE.search(text[max(0, start - 6) : start]):
        start -= len(code[0])
    elif text[start - 1 : start] in ("$", "€", "£", "¥") and start:
        start -= 1
    before = text[start - 1 : start] if start else ""
    if before == "-":
        outer = text[max(0, start - 41) : start - 1].rstrip()[-1:]
        if text[start - 2 : start - 1].isascii() and text[start - 2 : start - 1].isalpha() and start > 1:
            return start, 1, True
        if outer.isdigit() or outer in (")", "%"):
            return start, 1, False
        return start - 1, -1, False
    return start, 1, bool(before) and (before == "_" or (before.isascii() and before.isalpha()))


def _value(m: re.Match[str]) -> Fraction | None:
    if m["odd"] or len(m[0]) > _MOST_DIGITS:
        return None
    if m["down"] or m["under"]:
        below = int(m["down"] or m["under"])
        above = int(m["up"] or m["over"])
        return Fraction(int(m["whole"] or 0)) + Fraction(above, below) if below else None
    return Fraction(m["plain"].replace(",", "")) * Fraction(10) ** int(m["power"] or 0)


# ------------------------------------------------------------------ in words

_EN = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_EN += " eighteen nineteen"
_UNITS = {word: i for i, word in enumerate(_EN.split())}
_TENS_EN = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: 10 * i for i, word in enumerate(_TENS_EN.split(), 2)}
_HAN = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_PLACES = {"十": 10, "百": 100, "千": 1000}
_WORD = re.compile(r"[\"'(]?([a-z]+)(?:[- ]([a-z]+))?(?: [a-z]+)?[\"')]?", re.I)
_NUMERAL = re.compile("([零〇一二两三四五六七八九十百千]{1,9})(?:[^零〇一二两三四五六七八九十百千万亿億\\s\\d]{1,4})?")


def worded(text: str) -> Fraction | None:
    """The number that a text states in words and in nothing else, save one word after it (`twelve apples`, 十二个)."""
    text = text.strip(" \n.。!,'\"")
    if m := _WORD.fullmatch(text):
        first, second = m[1].lower(), (m[2] or "").lower()
        if first in _TENS:
            return Fraction(_TENS[first] + _UNITS.get(second, 0)) if _UNITS.get(second, 1) < 10 else None
        return Fraction(_UNITS[first]) if first in _UNITS and second not in (*_UNITS, *_TENS, "hundred", "or") else None
    m = _NUMERAL.fullmatch(text)
    return _numeral(m[1]) if m else None


def _numeral(text: str) -> Fraction | None:
    total, digit, last = 0, None, 10_000
    for c in text:
        if c in _PLACES:
            if _PLACES[c] >= last:
                return None
            last = _PLACES[c]
            total, digit = total + last * (1 if digit is None else digit), None
        elif digit is not None and digit != 0:
            return None
        else:
            digit = _HAN[c]
    return Fraction(total + (digit or 0))
