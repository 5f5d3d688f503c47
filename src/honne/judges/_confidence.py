"""The reader of stated confidence: an answer letter, and a share for every option.

Read as asked for: `Answer: B`, then `A: 10%`, `B: 80%`, `C: 10%`, in any order, on one line or several, with full-width
signs, without the percent signs, or as parts of 1. Nothing is guessed: an option without a share, two different shares
or answers, or shares that do not add up (to 1 within `TOLERANCE`, then rescaled) leave the reply unread. Pure, no I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["TOLERANCE", "Stated", "read_confidence"]

# How far the shares may be from adding up to 1 before they are no distribution at all.
TOLERANCE = 0.05
_LIMIT = 16_000

# One character for one, so that places in the reply stay what they are.
_HALF = str.maketrans({chr(c): chr(c - 0xFEE0) for c in range(0xFF01, 0xFF5F)} | {"\u3000": " ", "﹪": "%", "٪": "%"})
_THOUGHT = re.compile(r"</think(?:ing)?>", re.I)
_ANSWER = re.compile(
    r"(?:\b(?:ANS|ANSWER|CHOICE)\b|答案|选择|選択|回答|答え)[\s\"'*_`:=\-(\[]{0,8}(?:(?:is|是|为|は)[\s\"'*_`:=(\[]{0,6})?"
    r"(?P<letter>(?-i:[A-J]))(?![A-Za-z0-9])(?!\s{0,3}(?:or|and|/|\||&|或|和|か)\s{0,3}(?-i:[A-J]))",
    re.I,
)
_LONE = re.compile(r"[\s*_`(\[]{0,8}(?P<letter>[A-J])[*_`)\].]{0,3}[ ]{0,3}(?:[\n,;]|$)")
_TEXT = "\x01"
_GAP = r"(?:[\s\"'*_`)\]:=\-(>]|\.(?!\d)){0,10}"
_SHARE = re.compile(
    rf"(?<![A-Za-z0-9])(?P<letter>[A-J]){_GAP}\x01{{0,300}}{_GAP}(?P<of>百分之 ?)?"
    r"(?P<number>\d{1,3}(?:\.\d{1,6})?|\.\d{1,6})(?!\.?\d) ?(?P<percent>%|percent\b|パーセント)?",
)


@dataclass(frozen=True)
class Stated:
    """What a reply states: the letter chosen, its place in the text, and the shares by letter (they sum to 1).

    `total` is what the shares summed to as written, as parts of 1. `why` is set, and the rest empty, where the reply
    could not be read.
    """

    choice: str | None
    at: int
    shares: Mapping[str, float]
    total: float
    why: str | None = None


def _unread(why: str) -> Stated:
    return Stated(None, -1, {}, 0.0, why)


def read_confidence(reply: str, letters: Sequence[str], options: Iterable[str] = ()) -> Stated:
    """Read a reply about options named by `letters`; the `options`' own texts may be repeated beside the letters."""
    text = _plain(reply, options)
    found = {m["letter"].upper(): m.start("letter") for m in reversed(list(_ANSWER.finditer(text)))}
    if not found and (lone := _LONE.match(text)):
        found = {lone["letter"]: lone.start("letter")}
    if len(found) != 1:
        return _unread("two different answers" if found else "no answer letter")
    ((choice, at),) = found.items()
    if choice not in letters:
        return _unread(f"{choice} is none of the options")
    shares = _shares(text, letters)
    if isinstance(shares, str):
        return _unread(shares)
    total = sum(shares.values())
    if abs(total - 1) > TOLERANCE:
        return _unread(f"the shares add up to {total:.4g}, not to 1")
    return Stated(choice, at, {letter: shares[letter] / total for letter in letters}, total)


def _plain(reply: str, options: Iterable[str]) -> str:
    """The reply with everything that is no statement blanked out; of a long one only the two ends are kept."""
    text = reply.translate(_HALF)
    if len(text) > _LIMIT:
        text = text[: _LIMIT // 2] + "\0" * (len(text) - _LIMIT) + text[-_LIMIT // 2 :]
    thoughts = [m.end() for m in _THOUGHT.finditer(text)]
    if thoughts:
        text = " " * thoughts[-1] + text[thoughts[-1] :]
    # An option's own text between its letter and its share is stepped over; it may hold numbers of its own.
    for option in sorted((o.translate(_HALF) for o in options), key=len, reverse=True):
        if len(option) > 1 and not option.replace(".", "").isdigit():
            text = text.replace(option, _TEXT * len(option))
    return text


def _shares(text: str, letters: Sequence[str]) -> dict[str, float] | str:
    """The share of every letter as a part of 1, or why there is none."""
    found = [(m["letter"], float(m["number"]), bool(m["percent"] or m["of"])) for m in _SHARE.finditer(text)]
    marked = [entry for entry in found if entry[2]]
    # Where every option has a percentage, other numbers beside letters are no shares.
    if {letter for letter, _, _ in marked} >= set(letters):
        found = marked
    given: dict[str, float] = {}
    for letter, number, _ in found:
        if given.setdefault(letter, number) != number:
            return f"two different shares of {letter}"
    if set(given) != set(letters):
        other = sorted(set(given) - set(letters))
        missing = [letter for letter in letters if letter not in given]
        return f"a share of {other[0]}, which is no option" if other else f"no share of {', '.join(missing)}"
    total = sum(given.values())
    if not marked and abs(total - 1) <= TOLERANCE:
        return given
    if max(given.values()) > 100:
        return "a share above 100 %"
    return {letter: number / 100 for letter, number in given.items()}
