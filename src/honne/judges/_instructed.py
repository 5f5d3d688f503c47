"""Rules that a reply can be checked against by counting and comparing: pure functions of the reply and an argument.

Every rule says yes, no, or that it cannot be decided (None), as when a full stop may end a sentence or an abbreviation.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["RULES", "Malformed", "check"]

_WORDLIKE = re.compile(r"[^\W_]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff々]")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_STOP = re.compile(r"[.!?]+[\"'”’)\]*_]{0,3}(?=\s|$)|[。！？!?]+[」』”’）\"*]{0,3}|…+(?=\s|$)")
_ABBREVIATION = re.compile(r"\b(?:[A-Z]|[Mm]r|Mrs|Ms|Dr|St|vs|etc|e\.g|i\.e|a\.m|p\.m|No|Prof|Jr|Sr)\.$")
_FENCE = re.compile(r"```[a-zA-Z]{0,10}\n(.*?)\n?```", re.S)
_BULLET = re.compile(r"[-*•][ \t]+\S")
_QUOTES = (('"', '"'), ("“", "”"), ("「", "」"), ("『", "』"), ("＂", "＂"))


class Malformed(ValueError):
    """An item's rule that does not exist or has no fitting argument."""


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _words(text: str, n: int) -> bool | None:
    """Words as word processors count them: what stands between spaces. A dash within one leaves it open."""
    listed = [word for word in text.split() if _WORDLIKE.search(word)]
    most = sum(len([part for part in re.split("[—–/…]|--", word) if _WORDLIKE.search(part)]) for word in listed)
    return _between(len(listed), most, n)


def _characters(text: str, n: int) -> bool | None:
    """Ideographs and kana, and no letters or digits of other scripts: the rule forbids them."""
    count = len(_HAN.findall(text)) + len(_KANA.findall(text))
    return count == n and sum(c.isalnum() for c in text) <= count


def _between(least: int, most: int, n: int) -> bool | None:
    if not least <= n <= most:
        return False
    return True if least == most else None


def _sentences(text: str, n: int) -> bool | None:
    ends = [m.end() for m in _STOP.finditer(text)]
    unsure = sum(_ABBREVIATION.search(text[max(0, end - 12) : end]) is not None for end in ends)
    rest = text[ends[-1] :] if ends else text
    # Words after the last full stop are a sentence without one.
    unsure += bool(ends) and _WORDLIKE.search(rest) is not None
    least = max(len(ends) - unsure + (bool(ends) and _WORDLIKE.search(rest) is not None), 1)
    most = len(ends) + (_WORDLIKE.search(rest) is not None)
    return _between(min(least, most), most, n)


def _bullets(text: str, n: int) -> bool | None:
    lines = _lines(text)
    return len(lines) == n and all(_BULLET.match(line) for line in lines)


def _paragraphs(text: str, n: int) -> bool | None:
    return len([part for part in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")) if part.strip()]) == n


def _uses(text: str, word: str) -> bool:
    said, word = text.casefold(), word.casefold()
    if _LATIN.search(word):
        return re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", said) is not None
    return word in said


def _quoted(text: str, _: None) -> bool | None:
    return any(text.startswith(a) and text.endswith(b) and len(text) > 2 for a, b in _QUOTES)


def _json(text: str, keys: list[str]) -> bool | None:
    fenced = _FENCE.fullmatch(text)
    try:
        found = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and sorted(found) == sorted(keys) and all(isinstance(v, str) for v in found.values())


def _language(text: str, lang: str) -> bool | None:
    """By script: nearly all letters must be of the language's. Ideographs alone may be Chinese or Japanese."""
    han, kana, latin = (len(script.findall(text)) for script in (_HAN, _KANA, _LATIN))
    total = sum(c.isalpha() for c in text)
    if not total:
        return False
    if lang == "en":
        return latin >= 0.9 * total
    if han + kana < 0.8 * total:
        return False
    if 10 * kana >= han + kana:
        return lang == "ja"
    if kana:
        return None if lang == "ja" else True
    return True if lang == "zh" else None


def _lower(text: str, _: None) -> bool | None:
    return text == text.lower()


def _upper(text: str, _: None) -> bool | None:
    return text == text.upper()


# Rule -> the kind of its argument, and the check.
RULES: Mapping[str, tuple[type | None, Callable[[str, Any], bool | None]]] = {
    "words": (int, _words),
    "characters": (int, _characters),
    "sentences": (int, _sentences),
    "lines": (int, lambda text, n: len(_lines(text)) == n),
    "bullets": (int, _bullets),
    "paragraphs": (int, _paragraphs),
    "include": (str, _uses),
    "exclude": (str, lambda text, word: not _uses(text, word)),
    "start": (str, lambda text, words: text.lstrip("\"'“「*").casefold().startswith(words.casefold())),
    "end": (str, lambda text, words: text.rstrip("\"'”」*").casefold().endswith(words.casefold())),
    "lower": (None, _lower),
    "upper": (None, _upper),
    "no_comma": (None, lambda text, _: not any(c in text for c in ",，、،")),
    "quoted": (None, _quoted),
    "json": (list, _json),
    "language": (str, _language),
}


def check(reply: str, rules: Any) -> dict[str, bool | None]:
    """Whether a reply follows each of the `rules` (a list of `[name, argument]`). Raises Malformed.

    A reply without a letter or digit follows none.
    """
    if not isinstance(rules, list) or not rules:
        raise Malformed("no rules")
    text = unicodedata.normalize("NFC", reply).strip()
    said = any(c.isalnum() for c in text)
    out: dict[str, bool | None] = {}
    for rule in rules:
        if not isinstance(rule, list) or len(rule) != 2 or not isinstance(rule[0], str) or rule[0] not in RULES:
            raise Malformed(f"unknown rule {rule!r}")
        name, argument = rule
        kind, follows = RULES[name]
        if kind is not None and (not isinstance(argument, kind) or isinstance(argument, bool)):
            raise Malformed(f"rule {name!r} cannot take {argument!r}")
        out[name] = said and follows(text, argument)
    return out
