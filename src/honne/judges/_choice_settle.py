"""Stage 4 of the choice parser: one verdict from all that a reply states."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from honne.judges._choice_marks import CONFLICT, EITHER, LABELLED, REF, TEXT, index, kind
from honne.judges._choice_statements import NAMES, Statement, spoken, statements
from honne.judges._choice_words import ANSWER, EVALUATION

__all__ = ["Verdict", "settle"]


class Verdict(NamedTuple):
    """The kind of a reply, the option chosen (only for `choice`), and why (in marked text)."""

    kind: Literal["choice", "both", "neither", "refused", "unparsed"]
    option: int | None
    why: str


def settle(text: str, n: int, telling: Collection[int] = ()) -> Verdict:
    """The verdict on a marked reply about `n` options; the `telling` ones have a text too long to occur by chance."""
    found = statements(text, n, telling)
    chosen = _chosen(text, n, [s for s in found if s.meant])
    if chosen:
        return chosen
    refused = _refusal(text)
    restated = None if refused else _restated(text, found, telling)
    if restated:
        return restated
    every = _every(text, "neither", "both")
    if every:
        return every
    if refused:
        return Verdict("refused", None, f"declines to choose: {refused}")
    every = _every(text, "all_bad", "all_good")
    return every or Verdict(
        "unparsed", None, f"no {'choice is stated' if re.search(REF, text) else 'option is mentioned'}"
    )


def _chosen(text: str, n: int, meant: Sequence[Statement]) -> Verdict | None:
    picks = [s for s in meant if not s.dropped]
    if not picks:
        return None
    revisions = sorted(m.start() for words in spoken(text) for m in words.revision.finditer(text))

    def revised(earlier: Statement, later: Statement) -> bool:
        """Whether the reply announces a change of mind between two statements."""
        return bisect_left(revisions, earlier.end) < bisect_left(revisions, later.end)

    firmest = max(s.firmness for s in picks)
    # A later, weaker statement counts beside the firmest only where the reply announces a change of mind.
    first = next(s for s in picks if s.firmness == firmest)
    told = [s for s in picks if s.firmness == firmest or (s.start > first.start and revised(first, s))]
    last = told[-1]
    # "B" on the first line and "Answer: A" below it, for a question that the reply goes on with, say.
    for earlier in [*(s for s in picks[:1] if s.opens), *told]:
        if earlier.option != last.option and not revised(earlier, last):
            return Verdict("unparsed", None, f"two choices: {_quote(text, earlier)} / {_quote(text, last)}")
    for drop in (s for s in meant if s.dropped and s.option == last.option):
        if drop.start >= last.start or (last.firmness <= EVALUATION and not revised(drop, last)):
            return Verdict("unparsed", None, f"chosen and turned down: {_quote(text, drop)}")
    if last.option >= n:
        return Verdict("unparsed", None, f"not among the {n} options: {_quote(text, last)}")
    if last.firmness <= EVALUATION and _contested(text, last):
        return Verdict("unparsed", None, f"each has its merits: {_quote(text, last)}")
    if CONFLICT in text and last.firmness < ANSWER:
        return Verdict("unparsed", None, "a letter beside another option's text")
    return Verdict("choice", last.option, f"{NAMES[last.firmness]}: {_quote(text, last)}")


def _contested(text: str, praised: Statement) -> bool:
    """Whether a quality of another option is praised too ("A is kinder, B more practical"), unless this one is praised
    as a whole."""
    said = _CLAUSE.match(text, praised.end)
    if any(words.overall.search(said[0] if said else "") for words in spoken(text)):
        return False
    return any(index(m["pick"]) != praised.option for words in spoken(text) for m in words.rival.finditer(text))


# A reply of at most so many characters is one statement.
_SENTENCE = 90
_CLAUSE = re.compile(r"[^.,!?。、\n]*")
# An option's words where an answer stands: alone, or (only a telling text) at either end of a sentence.
_AT_END = re.compile(rf"{kind(TEXT)}(?=[^\w\n\ue000-\ue2ff]*(?:[.,!?。、\n]|$)|べき|です|だと)")
_AT_EDGE = re.compile(rf"{_AT_END.pattern}|(?:(?<=[.!?。\n:])|^)[^\w\ue000-\ue2ff]*{kind(TEXT)}")
_SUPPOSED = re.compile(r"\b(?:if|whether|about|both)\b|\?|是否|かどうか", re.I)


def _restated(text: str, found: Sequence[Statement], telling: Collection[int]) -> Verdict | None:
    """The words of one option alone, standing where an answer stands, in a reply that does not turn it down."""
    named = {index(c) for c in re.findall(REF, text)}
    if len(named) != 1 or any(s.dropped or not s.meant for s in found) or EITHER in text or _denied(text):
        return None
    (option,) = named
    if re.search(kind(LABELLED), text):
        stands = True
    elif option in telling:
        stands = bool(_AT_EDGE.search(text))
    else:
        stands = len(text) <= _SENTENCE and not _SUPPOSED.search(text) and bool(_AT_END.search(text))
    return Verdict("choice", option, "restates the option's text") if stands else None


def _denied(text: str) -> bool:
    at = next(m.start() for m in re.finditer(REF, text))
    before, after = text[max(0, at - 40) : at], text[at + 1 : at + 41]
    return any(
        w.negation.search(w.harmless.sub(" ", before)) or w.negation_after.search(w.harmless.sub(" ", after))
        for w in spoken(text)
    )


def _refusal(text: str) -> str | None:
    """Words that decline to choose; "I can't choose B" is about B alone, and none."""
    for words in spoken(text):
        for m in words.refusal.finditer(text):
            begin = max(text.rfind(c, 0, m.start()) for c in ".,!?。、\n") + 1
            if not re.search(REF, text[begin : m.end()] + _rest(text, m.end())):
                return _short(m)
    return None


def _rest(text: str, at: int) -> str:
    m = _CLAUSE.match(text, at, at + 60)
    return m[0] if m else ""


def _every(text: str, none_table: str, all_table: str) -> Verdict | None:
    """A statement about all options: that none is chosen or fit, or that all are."""
    for words in spoken(text):
        none, every = getattr(words, none_table).search(text), getattr(words, all_table).search(text)
        if none:
            return Verdict("neither", None, f"says neither: {_short(none)}")
        if every:
            return Verdict("both", None, f"says both: {_short(every)}")
    return None


def _short(m: re.Match[str]) -> str:
    return " ".join(m[0].split())[:80]


def _quote(text: str, s: Statement) -> str:
    return '"' + " ".join(text[max(0, s.start - 40) : s.end + 20].split()) + '"'
