"""The one multiple-choice parser of honne: which option a reply chooses, or why that cannot be said.

    clean        one plain form for markup, full-width forms, boxes, JSON           (_choice_text)
    mark         every mention of an option becomes one character                   (_choice_restated, _choice_names)
    statements   wordings per language: final answers, decisions, evaluations,
                 what is turned down; then replies that are nothing but an option   (_choice_en, _choice_zh, _choice_ja)
    settle       the firmest statement wins, a revision replaces it, and two
                 firm statements that disagree are no choice
    otherwise    restated text, both or neither, a refusal; else unparsed

Nothing is guessed: an option that is turned down says nothing about the others, and a reply that a careful person could
read in two ways is `unparsed`. Time is linear, and bounded for very long replies. Pure, no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from honne.judges._choice_marks import readable
from honne.judges._choice_refs import mark
from honne.judges._choice_restated import telling
from honne.judges._choice_settle import Verdict, settle
from honne.judges._choice_text import clean, rounds

__all__ = ["LETTERS", "Kind", "Reading", "read_choice"]

Kind = Literal["choice", "both", "neither", "refused", "unparsed"]
LETTERS = tuple("ABCDEFGHIJ")


@dataclass(frozen=True)
class Reading:
    """What a reply says: the letter chosen (only for kind `choice`), and in a few words why it is read so."""

    choice: str | None
    kind: Kind
    why: str


def read_choice(reply: str, options: Sequence[str], letters: Sequence[str] = LETTERS) -> Reading:
    """Read which of the `options` (2 to 10 texts, in the order shown) a reply chooses.

    `letters` name the options in the result. A reply may use letters or digits (digit n is letter n), words such as
    "the first one" or 後者, or the option's own text, in English, Chinese or Japanese. Raises ValueError for a number
    of options outside 2–10 or beyond the letters.
    """
    if not 2 <= len(options) <= min(len(letters), len(LETTERS)):
        raise ValueError(f"{len(options)} options: a choice needs 2 to {min(len(letters), len(LETTERS))}")
    head, rest = rounds(clean(reply))
    # What answers a question of the reply's own making is no answer to ours, not even where there is no other.
    found = _read(head if any(c.isalnum() for c in head) else head + rest, options)
    if found.kind == "choice" and found.option is not None:
        return Reading(letters[found.option], "choice", readable(found.why))
    return Reading(None, found.kind, readable(found.why))


def _read(text: str, options: Sequence[str]) -> Verdict:
    if not any(c.isalnum() for c in text):
        return Verdict("unparsed", None, "empty" if not text else "no words")
    return settle(mark(text, options), len(options), telling(options))
