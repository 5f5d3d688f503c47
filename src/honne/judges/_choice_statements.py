"""Stage 3 of the choice parser: what a marked reply states about its options, and where."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from honne.judges._choice_en import ENGLISH
from honne.judges._choice_ja import JAPANESE
from honne.judges._choice_marks import (
    ALL,
    CONFLICT,
    DIGIT,
    EITHER,
    LABELLED,
    LETTER,
    NAMED,
    REF,
    SOME,
    TEXT,
    index,
    kind,
)
from honne.judges._choice_words import ANSWER, DECISION, EVALUATION, FINAL, Wordings
from honne.judges._choice_zh import CHINESE

__all__ = ["NAMES", "Statement", "spoken", "statements"]

_CJK = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
NAMES = {FINAL: "final answer", ANSWER: "stated answer", DECISION: "decision", EVALUATION: "preference"}

_MARKS = f"{ALL}{SOME}{EITHER}{CONFLICT}"
# Where a negation, and where a condition or a first impression, ends its reach.
_CLAUSE = re.compile(
    r"[.,;:!?\n()。、]|->|\b(?:but|so|however|therefore|thus|hence|then|because|since|while|whereas|although|though|and|yet|"
    r"still|instead|rather)\b|而是|但是?|所以|因此|而(?=[选選])"
)
_PART = re.compile(
    r"[.;!?\n。]|\b(?:but|however|yet|now|then|still|nevertheless|after)\b|->|但是?|然而|不过|不過|可是|后来|後來|仔细|还是|應該|"
    r"ですが|ますが|したが|だが|たが|けれども?|けど|しかし|でも、|ものの|よく考え"
)
_QUESTION = re.compile(r"[^.!?\n。]{0,80}?(?:\?|[すだ]か(?:[。.\n]|$))")

_PLAIN = f"(?:{kind(NAMED)}|{kind(LETTER)}|{kind(DIGIT)}|{kind(LABELLED)}|{kind(TEXT)})"
_DECOR = r"[^\w\n×✗✘❌\ue000-\ue1ff]{0,12}"
_ADVERBS = (
    r"(?:(?:definitely|clearly|obviously|probably|certainly|sure|ok|okay|yes|well|hmm|it's|its|i'd say|i say|def|easy|"
    r"当然|肯定|显然|我(?:觉得|认为)?(?:是|选)?|选|選|就|还是|是|えっと|たぶん|もちろん|やっぱり|やはり)[,:、. ]{0,3})?"
)
_TAIL = r"(?:吧|啦|呀|啊|哦|的?那?个|です|だよ|だ|かな|でしょう|っす|の方|のほう|です。|definitely|obviously|please|for sure|it is|tbh)?"
# A line that is nothing but an option.
_LONE = re.compile(rf"^{_DECOR}{_ADVERBS}{_DECOR}(?P<pick>{_PLAIN}){_DECOR}{_TAIL}{_DECOR}$", re.M | re.I)
# A reply that opens with an option, set apart from what follows.
_OPENING = re.compile(
    rf"^{_DECOR}(?P<pick>{REF})(?:(?P<sep>[.):,、。!;-])(?!\.\.)|\.\.\.|[:;]? ?\n| -+ |:? ?(?=because|since|as it|by far|理由|因为|因為|で、|ですね|です。))"
)
_REASON = re.compile(r"\s*(?:because|since|it\b|this\b|that\b|as\b|the\b|理由|因为|因為|なぜなら)", re.I)
_AFTER_MARK = re.compile(f"{REF}|[{_MARKS}]")
_ITEM = re.compile(rf"^{_DECOR}(?P<pick>{REF})(?:[).:、]|(?<=[\ue080-\ue09f]))", re.M)


@dataclass(frozen=True)
class Statement:
    """An option is picked, or (`dropped`) turned down, this firmly, at this place. `meant` is false for what is asked,
    supposed, said of others, or only a first impression."""

    option: int
    firmness: int
    start: int
    end: int
    dropped: bool = False
    meant: bool = True


def spoken(text: str) -> tuple[Wordings, ...]:
    """The languages whose tables can match a text; English is in every one."""
    return (ENGLISH, CHINESE, JAPANESE) if _CJK.search(text) else (ENGLISH,)


class _Text:
    """A marked reply with the ends of its clauses and parts of sentences."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._clauses = [m.end() for m in _CLAUSE.finditer(text)]
        self._parts = [m.end() for m in _PART.finditer(text)]

    def clause(self, at: int) -> int:
        """Where the clause begins that goes on at `at`."""
        i = bisect_right(self._clauses, at)
        return max(self._clauses[i - 1] if i else 0, at - 120)

    def part(self, at: int) -> tuple[int, int]:
        """Begin and end of the part of a sentence around `at`."""
        i = bisect_right(self._parts, at)
        return (
            max(self._parts[i - 1] if i else 0, at - 300),
            min(self._parts[i] if i < len(self._parts) else len(self.text), at + 300),
        )


def statements(text: str, n: int) -> list[Statement]:
    """All statements in a marked reply about `n` options, by place."""
    held = _Text(text)
    found = list(_alone(text))
    for words in spoken(text):
        for firmness, pattern in words.picks:
            found += (_weighed(held, m, firmness, words) for m in pattern.finditer(text))
        if n == 2:
            for pattern in words.of_two:
                found += (_weighed(held, m, EVALUATION, words, m.start()) for m in pattern.finditer(text))
        for pattern in words.drops:
            for m in pattern.finditer(text):
                at, end = m.span("drop")
                found.append(Statement(index(m["drop"]), EVALUATION, at, end, True, _meant(held, at, words)))
    return sorted(found, key=lambda s: (s.start, s.end))


def _weighed(held: _Text, m: re.Match[str], firmness: int, words: Wordings, until: int | None = None) -> Statement:
    """A pick with what stands around it; a negation counts from its clause's begin to `until` (by default the pick)."""
    at, end = m.span("pick")
    text = held.text
    until = at if until is None else until
    begin = min(held.clause(until), m.start())
    before = words.harmless.sub(" ", _AFTER_MARK.split(text[begin:until])[-1])
    after = words.harmless.sub(" ", text[m.end() : m.end() + 40])
    negated = bool(words.negation.search(before) or words.negation_after.search(after))
    if firmness >= DECISION and not negated and text[m.start() : at].strip():
        negated = bool(words.unpraised.search(before))
    return Statement(index(m["pick"]), firmness, at, end, negated, _meant(held, at, words))


def _meant(held: _Text, at: int, words: Wordings) -> bool:
    begin, end = held.part(at)
    return not (words.unmeant.search(held.text, begin, end) or _QUESTION.match(held.text, at, end + 1))


def _alone(text: str) -> Iterator[Statement]:
    """Options that stand alone: a line that is nothing else, or the opening of the reply, unless it opens a list."""
    in_list = _is_list(text)
    for m in _LONE.finditer(text):
        item = _ITEM.match(m[0]) or chr(LABELLED) <= m["pick"] or _is_bare_number(m["pick"])
        if not (in_list and item):
            yield Statement(index(m["pick"]), DECISION, *m.span("pick"))
    m = _OPENING.match(text)
    if m and not in_list:
        separator, rest = m["sep"], text[m.end() :]
        bare = _is_bare_number(m["pick"])
        colon = separator == ":" and m["pick"] < chr(TEXT) and m["pick"] >= chr(LETTER) and not _REASON.match(rest)
        if not bare and not colon:
            yield Statement(index(m["pick"]), DECISION, *m.span("pick"))


def _is_list(text: str) -> bool:
    """Whether lines go through the options one by one: A) …, then B) …"""
    items = [index(m["pick"]) for m in _ITEM.finditer(text)]
    return any(b == a + 1 for a, b in pairwise(items))


def _is_bare_number(char: str) -> bool:
    return chr(DIGIT) <= char < chr(TEXT)
