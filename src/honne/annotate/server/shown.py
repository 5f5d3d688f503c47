"""Texts of models and datasets on a page: as text, never as HTML, and nothing in them unseen.

Every character that is invisible, a control, or turns the order of what follows is shown by its code point instead of
being obeyed, so a text cannot hide words, reorder its own, or reach beyond its box (`.text` in `label.css` isolates its
direction and clips its paint). The joiners of emoji and of Indic and Arabic script stay: they are spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from honne.text import CONTROLS, HIDDEN

__all__ = ["FIRST", "Piece", "marked", "piece", "rest"]

FIRST = 6000
"""Characters of a text that a page begins with; the rest is a click away."""

# Beside what nothing in honne obeys: more format characters (the joiners U+200C and U+200D stay), fillers that look
# like nothing, lone surrogates, noncharacters, and the tags and variation selectors in which whole sentences can hide.
_UNSEEN = re.compile(
    f"[{CONTROLS}{HIDDEN}"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200e\u200f\u2065\u206a-\u206f\u2800\u3164"
    "\ufdd0-\ufdef\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0080-\U000e0fff]+"
    "|[\u200c\u200d\ufe00-\ufe0f]{3,}"
)
_MOST_MARKS = 24


@dataclass(frozen=True)
class Piece:
    """The beginning of a text for a page, `length` the characters of the whole, `more` how many are not in it; both
    are of what is at hand only where that is `partly` the text."""

    html: Markup
    length: int
    more: int
    partly: bool = False


def marked(text: str) -> Markup:
    """`text` escaped, with every unseen character as a visible mark; a long row of them is one mark with its number."""
    text = text.replace("\r\n", "\n")
    out: list[str] = []
    at = 0
    for run in _UNSEEN.finditer(text):
        out.append(escape(text[at : run.start()]))
        shown = "".join(f'<span class="unseen">U+{ord(c):04X}</span>' for c in run[0][:_MOST_MARKS])
        left = len(run[0]) - _MOST_MARKS
        out.append(shown + (f'<span class="unseen">+{left:,}</span>' if left > 0 else ""))
        at = run.end()
    out.append(escape(text[at:]))
    return Markup("".join(out))


def piece(text: str) -> Piece:
    """The first `FIRST` characters."""
    first = text[:FIRST]
    return Piece(marked(first), len(text), len(text) - len(first))


def rest(text: str) -> Markup:
    """What `piece` left out."""
    return marked(text[FIRST:])
