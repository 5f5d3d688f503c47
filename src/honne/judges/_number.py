"""The one reader of final numeric answers: which number a reply gives as its answer, or why that cannot be said.

    clean     one plain form for full-width digits, LaTeX, markup                     (_number_text)
    mark      what states the final answer: ####, a box, "the answer is", 答案是, 答えは
    else      a reply with a single number; a last sentence that draws a conclusion or ends an equation

Nothing is guessed: a range, two alternatives, a time, an amount in two units or two different final answers are
`None`, and so is working that breaks off. Time is linear, and bounded for very long replies. Pure, no I/O.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from honne.judges._number_text import Found, clean, numbers, worded

__all__ = ["Reading", "gold", "read_number", "same"]


@dataclass(frozen=True)
class Reading:
    """The number that a reply gives as its answer (None: not readable), whether as a percentage, and why."""

    value: Fraction | None
    why: str
    percent: bool = False


_FIRM = re.compile(
    r"####[ :]*|\\f?boxed ?\{|<(?:final_?answer|answer)> ?"
    r"|[\"'](?:final_)?answer[\"'] ?: ?[\"']?"
    r"|\b(?:final|correct) answer(?: to [^\n.:=]{0,60})?(?: (?:is|would be|equals|should be)\b|[ ]?[:=])[: ]*"
    r"|(?:最终|最后|正确|最終)的?(?:な)?(?:答案|答え|解答)(?:应该|就)?[是为為はが:= ]{1,4}",
    re.I,
)
_PLAIN = re.compile(
    r"\banswer(?: to [^\n.:=]{0,60})?(?: (?:is|would be|will be|should be|equals|comes to)\b|[ ]?[:=])[: ]*"
    r"|^ ?(?:(?:A|Ans|Answer|答)[:.]|(?:Ans|Answer|答) (?=[-$]?\d)) ?"
    r"|答案(?:应该|应|就)?(?:是|为|為|等于|:|=)[: ]*|(?:答え|解答|正解)[はが:][: ]*",
    re.I | re.M,
)
_ROUND = re.compile(
    r"\n ?(?:#{1,3} ?)?(?:(?:next |new )?question|q|problem|exercise|问题|题目|問題|質問) ?\d{0,3} ?[:.)]", re.I
)
_END = re.compile(r"[.。!?!?](?=\s|$|[\"')」』])|[;；\n}<]|。")
_LEAD = re.compile(
    r"[ \"'(\[{=:,]*(?:(?:that|about|approximately|around|roughly|exactly|just|only|a total of|precisely|the number"
    r"|约|大约|大約|约为|約|およそ|≈|[a-z] ?=)[ :]*){0,2}[ \"'(\[{=]*",
    re.I,
)
_NOT = re.compile(r" ?(?:not\b|n't|不是|ではな|じゃな)", re.I)
_OPERATOR = re.compile(r" ?(?:[-+*/=÷]|plus\b|times\b) ?")
_ARITHMETIC = re.compile(r"[-+*/÷]|\b(?:of|plus|minus|times|less|by|add)\b|[加减乘除]", re.I)
_JOINED = re.compile(
    r"(?: ?(?!because|since|as\b|from|for\b|which|when|after|if\b|where|given|using)[A-Za-z°]{1,12}\.?){0,3}"
    r" ?[^\sA-Za-z\d()=:.]{0,5} ?"
)
_REVISED = re.compile(
    r"\b(?:wait|actually|correction|sorry|mistake|let me (?:re|double|check)|rather|no,)|更正|不对|算错|应该|訂正|間違",
    re.I,
)
_DENIED = re.compile(r"(?:\bnot|n't|不是|不等于|并非) ?(?:[a-z]+ )?$", re.I)
_DENYING = re.compile(r"[^\d\s]{0,3}(?:ではな|じゃな|ではあり)")
_SO = re.compile(
    r"^\W*(?:so|therefore|thus|hence|in total|altogether|in all|overall|finally|this means|that means|所以|因此|总共"
    r"|一共|共|故|综上|よって|したがって|ゆえに|だから|合計)",
    re.I,
)
_UNSURE = re.compile(
    r"\b(?:can ?not|can't|unable|do not know|don't know|not sure|not enough|impossible|insufficient|undefined)\b"
    r"|无法|不能|不知道|不确定|不清楚|わかりません|分かりません|できません|不明",
    re.I,
)


def read_number(reply: str, *, complete: bool = True) -> Reading:
    """Read the final answer of a reply. `complete` is False where the reply was cut off: then only a mark counts."""
    text = clean(reply)
    cut = _ROUND.search(text)
    if cut and any(c.isalnum() for c in text[: cut.start()]):
        # What answers a question of the reply's own making is no answer to ours.
        text = text[: cut.start()]
    for pattern in (_FIRM, _PLAIN):
        marked = _marked(text, pattern)
        if marked is not None:
            return marked
    if not complete:
        return Reading(None, "cut off before a final answer")
    if _UNSURE.search(text):
        return Reading(None, "says that it cannot tell")
    return _unmarked(text)


def _marked(text: str, pattern: re.Pattern[str]) -> Reading | None:
    """What the marks of one kind state; None where there is none."""
    read = ((m.start(), _stated(text[m.end() : m.end() + 400])) for m in pattern.finditer(text))
    stated = [(at, found) for at, found in read if found is not None]
    if not stated:
        return None
    at, last = stated[-1]
    if last.value is None:
        return last
    others = [(where, found) for where, found in stated[:-1] if found.value != last.value]
    if others and not _REVISED.search(text[others[-1][0] : at]):
        return Reading(None, "two different final answers")
    return last


def _stated(tail: str) -> Reading | None:
    """What follows a mark; None where it says what the answer is not."""
    tail = tail.lstrip(" \n")
    if _NOT.match(tail):
        return None
    end = _END.search(tail)
    sentence = tail[: end.start()] if end else tail
    found = numbers(sentence)
    if not found:
        value = worded(sentence)
        return Reading(value, "marked as the answer, in words" if value is not None else "no number after the mark")
    first = found[0]
    lead = _LEAD.match(sentence)
    if lead and lead.end() >= first.start:
        if _OPERATOR.match(sentence, first.end):
            return _only(sentence, found, "marked as the answer")
        if any(_joined(sentence, first, other) for other in found[1:2]):
            return Reading(None, "several numbers after the mark")
        return _reading(first, "marked as the answer")
    return _only(sentence, found, "marked as the answer")


def _joined(sentence: str, first: Found, other: Found) -> bool:
    """Whether a second number belongs to the first: a range, an alternative, an amount in two units."""
    between = sentence[first.end : other.start]
    return first.value != other.value and len(between) <= 40 and _JOINED.fullmatch(between) is not None


def _only(sentence: str, found: Sequence[Found], why: str) -> Reading:
    """The one number of a sentence, or the one at the end of its equation."""
    cut = sentence.rfind("=")
    left = [f for f in found if f.end <= cut]
    if left and _ARITHMETIC.search(sentence[left[0].start : cut]):
        found = [f for f in found if f.start > cut]
    if not found or any(f.value is None for f in found):
        return Reading(None, "no plain number")
    if len({f.value for f in found}) > 1:
        return Reading(None, "several numbers")
    if _OPERATOR.match(sentence, found[-1].end) or re.search(r"\d[^\n]*[-+*/] ?$", sentence[: found[0].start][-40:]):
        return Reading(None, "an expression")
    return _reading(found[0], why)


def _reading(found: Found, why: str) -> Reading:
    if found.value is None:
        return Reading(None, "no plain number")
    return Reading(found.value, why, found.percent)


def _unmarked(text: str) -> Reading:
    """The answer of a reply that marks none."""
    found = numbers(text)
    if not found:
        value = worded(text)
        return Reading(value, "a number in words" if value is not None else "no number")
    if any(_DENIED.search(text[max(0, f.start - 24) : f.start]) or _DENYING.match(text, f.end) for f in found):
        return Reading(None, "says what the answer is not")
    if all(f.value is not None for f in found) and len({f.value for f in found}) == 1:
        return _only(text, found if "=" in text else found[:1], "the only number")
    sentences = [s for s in _END.split(text) if s and any(c.isalnum() for c in s)]
    with_number = [i for i, s in enumerate(sentences[-2:]) if numbers(s)]
    if not with_number:
        return Reading(None, "no final answer")
    last = sentences[-2:][with_number[-1]]
    reading = _only(last, numbers(last), "concluded in the last sentence")
    if reading.value is None:
        return reading
    equations = {
        f.value for s in sentences for f in numbers(s) if s[max(0, f.start - 4) : f.start].rstrip(" $€£¥").endswith("=")
    }
    if "=" in last or _SO.match(last) or reading.value in equations:
        return reading
    return Reading(None, "several numbers, none marked as the answer")


# --------------------------------------------------------------------- gold


def gold(target: str) -> Fraction | None:
    """The number of a published answer such as `2,125` or `-10`; None where it is none."""
    text = clean(target)
    found = numbers(text)
    return found[0].value if len(found) == 1 and (found[0].start, found[0].end) == (0, len(text)) else None


def same(reading: Reading, wanted: Fraction) -> bool:
    """Whether a reading is the number wanted. 25% is 25, and it is 0.25 where that is wanted."""
    if reading.value is None:
        return False
    if reading.percent and 0 < abs(wanted) < 1:
        return reading.value / 100 == wanted
    return reading.value == wanted
