"""How much of a text a continuation gives back: pure functions of two texts.

Both are compared by their letters and digits alone (NFKC, case folded): editions differ in punctuation and spacing.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from typing import NamedTuple

__all__ = ["Overlap", "letters", "overlap"]

_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
# Only so much of a reply is looked at; a continuation is short.
_LIMIT = 4000
# A run of the prompt's end this long at the start of a reply is the prompt repeated.
_REPEATED = 8


class Overlap(NamedTuple):
    """Of the passage's next characters: cosine similarity of the n-grams, longest common run as a share, all equal;
    and how many characters of the reply there were to compare."""

    similarity: float
    longest: float
    verbatim: bool
    compared: int


def letters(text: str) -> str:
    """The letters and digits of a text, in one form."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def overlap(prompt: str, target: str, reply: str) -> Overlap:
    """Compare what a reply begins with, as many characters as the `target` has, with the target.

    A first line that ends in a colon ("Here is the continuation:") and a repetition of the prompt's end are left out.
    """
    wanted = letters(target)
    said = _without_repetition(letters(prompt[-_LIMIT:]), letters(_without_lead(reply[:_LIMIT])))[: len(wanted)]
    if not wanted:
        return Overlap(0.0, 0.0, False, 0)
    n = 2 if _SCRIPT.search(wanted) else 3
    return Overlap(_cosine(wanted, said, n), _longest(wanted, said) / len(wanted), said == wanted, len(said))


def _without_lead(reply: str) -> str:
    first, newline, rest = reply.strip().partition("\n")
    return rest if newline and rest.strip() and first.rstrip().endswith((":", "：")) else reply


def _without_repetition(prompt: str, reply: str) -> str:
    for size in range(min(len(prompt), len(reply)), _REPEATED - 1, -1):
        if prompt.endswith(reply[:size]):
            return reply[size:]
    return reply


def _cosine(a: str, b: str, n: int) -> float:
    """Cosine similarity of the counts of character n-grams, in [0, 1]."""
    x, y = (Counter(text[i : i + n] for i in range(len(text) - n + 1)) for text in (a, b))
    if not x or not y:
        return float(a == b)
    dot = sum(count * y[gram] for gram, count in x.items())
    size = math.sqrt(sum(c * c for c in x.values()) * sum(c * c for c in y.values()))
    return min(dot / size, 1.0)


def _longest(a: str, b: str) -> int:
    """The length of the longest run of characters that both texts have."""
    best, previous = 0, [0] * (len(b) + 1)
    for c in a:
        row = [0]
        for j, d in enumerate(b):
            row.append(previous[j] + 1 if c == d else 0)
        best, previous = max(best, *row), row
    return best
