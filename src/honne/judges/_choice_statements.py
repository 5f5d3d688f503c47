"""Stage 3 of the choice parser: what a marked reply states about its options, and where."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
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
from honne.judges._choice_words import ANSWER, DECISION, EVALUATION, FINAL, HINT, Wordings
from honne.judges._choice_zh import CHINESE

__all__ = ["NAMES", "Statement", "spoken", "statements"]

_CJK = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
NAMES = {
    FINAL: "final answer",
    ANSWER: "stated answer",
    DECISION: "decision",
    EVALUATION: "preference",
    HINT: "leaning",
}

# Where a negation, and where a condition or a first impression, ends its reach.
_CLAUSE = re.compile(
    r"[.,;:!?\n()。、]|->|\b(?:but|so|however|therefore|thus|hence|then|because|since|while|whereas|although|though|"
    r"and|yet|still|instead(?! of)|rather(?! than))\b|而是|但是?|所以|因此|而(?=[选選])"
)
_PART = re.compile(
    r"[.;!?\n。]|\b(?:but|however|yet|now|then|still|nevertheless|after)\b|->|但是?|然而|不过|不過|可是|后来|後來|"
    r"仔细|还是|應該|ですが|ますが|したが|だが|たが|けれども?|けど|しかし|でも、|ものの|よく考え"
)
_QUESTION = re.compile(r"[^.!?\n。]{0,80}?(?:\?|[すだ]か(?:[。.\n]|$))")

_PLAIN = f"(?:{kind(NAMED)}|{kind(LETTER)}|{kind(DIGIT)}|{kind(LABELLED)}|{kind(TEXT)})"
_DECOR = r"[^\w\n×✗✘❌\ue000-\ue1ff]{0,12}"
_ADVERBS = (
    r"(?:(?:definitely|clearly|obviously|probably|certainly|sure|ok|okay|yes|well|hmm|it's|its|i'd say|i say|def|easy|"
    r"maybe|perhaps|100%|当然|肯定|显然|我(?:觉得|认为)?(?:是|选)?|选|選|就|还是|是|えっと|たぶん|もちろん|やっぱり|"
    r"やはり)[,:、. ]{0,3})?"
)
_TAIL = (
    r"(?:吧|啦|呀|啊|哦|的?那?个|です|だよ|だ|かな|でしょう|っす|の方|のほう|です。|definitely|obviously|please|for "
    r"sure|it is|tbh|で)?"
)
# A line that is nothing but an option.
_LONE = re.compile(rf"^{_DECOR}{_ADVERBS}{_DECOR}(?P<pick>{_PLAIN}){_DECOR}{_TAIL}{_DECOR}$", re.M | re.I)
# A reply that opens with an option, set apart from what follows.
_OPENING = re.compile(
    rf"^{_DECOR}(?P<pick>{REF})(?:(?P<sep>[.):,、。!;-])(?!\.\.)|\.\.\.|[:;]? ?\n| -+ |:? ?(?=because|since|as it|by "
    rf"far|理由|因为|因為|で、|ですね|です。))"
)
_REASON = re.compile(r"\s*(?:because|since|it\b|this\b|that\b|as\b|the\b|理由|因为|因為|なぜなら)", re.I)
_SENTENCE = re.compile(r"[^.!?。\n]+[.!?。\n]?")
_COMMA = re.compile(r"[^.,;!?。、\n]+[.,;!?。、\n]?")
_CONCEDED = re.compile(r"\W*(?:while|although|though|even|despite|虽然|雖然|尽管)", re.I)
_MARK = re.compile(f"{REF}|[{ALL}{SOME}{EITHER}{CONFLICT}]")
_ITEM = re.compile(rf"^{_DECOR}(?P<pick>{REF})(?:[).:、]|(?<=[\ue080-\ue09f]))", re.M)


@dataclass(frozen=True)
class Statement:
    """An option is picked, or (`dropped`) turned down, this firmly, at this place.

    `meant` is false for what is asked, supposed, said of others, or only a first impression; `opens` is true for a
    first line that is nothing but an option.
    """

    option: int
    firmness: int
    start: int
    end: int
    dropped: bool = False
    meant: bool = True
    opens: bool = False


def spoken(text: str) -> tuple[Wordings, ...]:
    """The languages whose tables can match a text; English is in every one."""
    return (ENGLISH, CHINESE, JAPANESE) if _CJK.search(text) else (ENGLISH,)


class _Text:
    """A marked reply with the ends of its clauses and of its parts of sentences."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._unmeant = sorted(m.start() for words in spoken(text) for m in words.unmeant.finditer(text))
        self._clauses = [m.end() for m in _CLAUSE.finditer(text)]
        self._parts = [m.end() for m in _PART.finditer(text)]

    def clause(self, at: int) -> int:
        """Where the clause begins that goes on at `at`."""
        i = bisect_right(self._clauses, at)
        return max(self._clauses[i - 1] if i else 0, at - 120)

    def meant(self, at: int) -> bool:
        """Whether what is said at `at` is the speaker's own and final word: no question, condition, first thought."""
        i = bisect_right(self._parts, at)
        begin = max(self._parts[i - 1] if i else 0, at - 300)
        end = min(self._parts[i] if i < len(self._parts) else len(self.text), at + 300)
        supposed = bisect_left(self._unmeant, begin) < bisect_left(self._unmeant, end)
        return not supposed and not _QUESTION.match(self.text, at, end + 1)


def statements(text: str, n: int, telling: Collection[int] = ()) -> list[Statement]:
    """All statements in a marked reply about `n` options, by place.

    That something is said to be better picks an option named by its label or by a `telling` text; of short texts
    ("Women") the same sentence says something about the world.
    """
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
                found.append(Statement(index(m["drop"]), EVALUATION, at, end, True, held.meant(at)))
    found += _leanings(held, found)
    found = [
        s for s in found if s.dropped or s.firmness > EVALUATION or s.option in telling or not _is_text(text[s.start])
    ]
    return sorted(found, key=lambda s: (s.start, s.end))


def _leanings(held: _Text, found: Sequence[Statement]) -> Iterator[Statement]:
    """Sentences, or clauses of them, that mention one option only, somewhere a word of preference, and nothing against
    it: the loosest kind of statement, for the word orders that no table foresees."""
    text = held.text
    languages = spoken(text)
    against = {s.option for s in found if s.dropped}
    for sentence in _SENTENCE.finditer(text):
        whole = len({index(c) for c in _MARK.findall(sentence[0])}) < 2
        for m in [sentence] if whole else _COMMA.finditer(text, *sentence.span()):
            marks = _MARK.findall(m[0])
            if len({index(c) for c in marks}) != 1 or marks[0] >= ALL or index(marks[0]) in against:
                continue
            if any(_leans(m[0], words) for words in languages):
                at = m.start() + m[0].index(marks[0])
                yield Statement(index(marks[0]), HINT, at, at + 1, meant=held.meant(at))


def _leans(said: str, words: Wordings) -> bool:
    if not words.leaning.search(said) or said.endswith("?") or _CONCEDED.match(said):
        return False
    said = _MARK.sub(" ", words.harmless.sub(" ", said))
    return not (words.negation.search(said) or words.unpraised.search(said) or words.unmeant.search(said))


def _weighed(held: _Text, m: re.Match[str], firmness: int, words: Wordings, until: int | None = None) -> Statement:
    """A pick with what stands around it; a negation counts from its clause's begin to `until` (by default the pick)."""
    at, end = m.span("pick")
    text = held.text
    until = at if until is None else until
    before = words.harmless.sub(" ", _MARK.split(text[held.clause(until) : until])[-1])
    after = words.harmless.sub(" ", text[m.end() : m.end() + 40])
    negated = bool(words.negation.search(before) or words.negation_after.search(after))
    if firmness >= ANSWER:  # "The worst answer, I think, is B"
        before = _MARK.split(text[held.clause(m.start()) : until])[-1]
    if firmness >= DECISION and before.strip():
        negated = negated or bool(words.unpraised.search(before))
    # "not A but A" says nothing.
    against_itself = index(m["pick"]) in {index(c) for c in re.findall(REF, text[m.start() : at])}
    return Statement(index(m["pick"]), firmness, at, end, negated, not against_itself and held.meant(at))


def _alone(text: str) -> Iterator[Statement]:
    """Options that stand alone: a line that is nothing else, or the opening of the reply; but no items of a list that
    goes through the options one by one."""
    steps = [s for s in pairwise(_ITEM.finditer(text)) if index(s[1]["pick"]) == index(s[0]["pick"]) + 1]
    listed = {m.start("pick") for step in steps for m in step}
    for m in _LONE.finditer(text):
        if m.start("pick") not in listed:
            yield Statement(index(m["pick"]), DECISION, *m.span("pick"), opens=m.start() == 0)
    opening = _OPENING.match(text)
    if opening and opening.start("pick") not in listed:
        pick, separator = opening["pick"], opening["sep"]
        # "1. First, …" counts reasons; "A: I think …" answers a Q; "Option A: …. Option B: …." describes both.
        counts = _is_bare_number(pick) and separator not in (None, ",")
        described = len({index(c) for c in re.findall(REF, text)}) > 1 or chr(LETTER) <= pick < chr(TEXT)
        speaks = separator == ":" and described and not _REASON.match(text[opening.end() :])
        if not counts and not speaks:
            yield Statement(index(pick), DECISION, *opening.span("pick"))


def _is_text(char: str) -> bool:
    return chr(TEXT) <= char < chr(LABELLED)


def _is_bare_number(char: str) -> bool:
    return chr(DIGIT) <= char < chr(TEXT)
