"""Reading a rubric judge's reply: only a complete JSON object that stands by itself speaks, and only with one voice.

The reply may quote the answer that it judges, so whatever could let a quotation decide makes the reply unreadable:

- Every brace belongs to a complete object: a broken object may be torn open by what it quotes.
- The object that decides has its lines to itself; prose or code fences may stand on other lines. One inside a sentence,
  behind a block quote's `>` or in backticks is a quotation.
- No two objects with a verdict, wherever they stand, disagree; no prose names another verdict ("Verdict: unsafe").
- The object is not in the answer under judgment, word for word: then it is copied, whatever it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from honne.plugins import Scale, Verdict

__all__ = ["Unreadable", "declines", "read"]


class Unreadable(ValueError):
    """The reply holds no verdict that can be read without guessing; the message says why."""


_BRACE = re.compile(r"[{}]")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out and out[key] != value:
            raise ValueError(f"the member {key!r} is there twice")
        out[key] = value
    return out


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


# strict=False lets raw line breaks stand inside strings: common in replies, and never ambiguous.
_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_members, parse_constant=_constant)


class _Object(NamedTuple):
    members: dict[str, Any]
    start: int
    end: int


def _objects(text: str) -> Iterator[_Object]:
    at = 0
    while brace := _BRACE.search(text, at):
        if brace[0] == "}":
            raise Unreadable("a brace stands outside the JSON object")
        try:
            value, at = _DECODER.raw_decode(text, brace.start())
        except (ValueError, RecursionError):
            raise Unreadable("the JSON is broken or incomplete") from None
        yield _Object(value, brace.start(), at)


def _stands(text: str, found: _Object) -> bool:
    """Whether there is nothing else on the lines of an object."""
    before = text[text.rfind("\n", 0, found.start) + 1 : found.start]
    line_end = text.find("\n", found.end)
    after = text[found.end : line_end if line_end >= 0 else len(text)]
    return not before.strip(" \t\r\ufeff") and not after.strip(" \t\r")


def _verdict(value: Any, scale: Scale) -> Verdict:
    """The verdict of that label, letter case aside; a number stands for the label of its digits.

    `Scale.aliases` are not read: they are other people's spellings in published files, which this judge was not told.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise Unreadable("the verdict is not a label")
    name = value.strip()
    exact = [v for v in scale.verdicts if v.label == name]
    found = exact or [v for v in scale.verdicts if v.label.casefold() == name.casefold()]
    if len(found) != 1:
        raise Unreadable(f"the verdict {name[:40]!r} is not one of {', '.join(scale.labels)}")
    return found[0]


def read(text: str, scale: Scale, answer: str = "") -> tuple[Verdict, str | None]:
    """The verdict and the reasons of a reply about `answer`. Raises Unreadable.

    Of several objects that stand by themselves the last one's reasons count.
    """
    objects = list(_objects(text))
    spoken = [found for found in objects if "verdict" in found.members]
    if not spoken:
        raise Unreadable("no JSON object with a verdict")
    verdicts = [_verdict(found.members["verdict"], scale) for found in spoken]
    verdict = verdicts[0]
    if any(v.label != verdict.label for v in verdicts):
        raise Unreadable("several JSON objects with different verdicts")
    standing = [found for found in spoken if _stands(text, found)]
    if not standing:
        raise Unreadable("the JSON object does not stand on lines of its own")
    quotable = "".join(answer.split())
    if any("".join(text[found.start : found.end].split()) in quotable for found in spoken):
        raise Unreadable("the JSON object is copied from the answer")
    others = "|".join(re.escape(v.label) for v in scale.verdicts if v.label != verdict.label)
    if others and re.search(_NAMES.format(others), _prose(text, objects), re.IGNORECASE):
        raise Unreadable("the text beside the JSON object names another verdict")
    reasons = standing[-1].members.get("reasoning")
    if reasons is not None and not isinstance(reasons, str):
        reasons = json.dumps(reasons, ensure_ascii=False)
    return verdict, reasons


# "Verdict: unsafe", "my final verdict is **unsafe**", 结论：unsafe
_NAMES = (
    r"(?:verdict|grade|label|rating|score|judge?ment|结论|結論|判定|判断|评级|评分|評価)[^\w\n]{{0,6}}"
    r"(?:(?:is|was|would be|should be|remains|是|为|は)[^\w\n]{{0,6}})?(?:{})(?!\w)"
)


def _prose(text: str, objects: Sequence[_Object]) -> str:
    ends = [0, *(found.end for found in objects)]
    starts = [*(found.start for found in objects), len(text)]
    return "\n".join(text[a:b] for a, b in zip(ends, starts, strict=True))


# A judge that declines says so at once, in a sentence or two and without JSON. Only the clear forms count; the rest
# stays `unparsed`, which is asked once more.
_SORRY = r"(?:(?:i['’]?m|i am) (?:very |really |so )?sorry|sorry|apologies|i apologi[sz]e)?[\s,.;:!—-]*(?:but )?"
_CANNOT = (
    r"(?:i|we)(?: can(?:not|['’]t| not)| won['’]t| will not| (?:must )?decline to|(?: am|['’]m) (?:not able|unable) to)"
)
_JUDGE = r"(?:assist|help|comply|continue|engage|participate|evaluate|judge|grade|assess|rate|review|provide|fulfil)"
_ZH = (
    r"(?:很抱歉|非常抱歉|抱歉|对不起)?[，,。！!\s]*(?:作为[^，。]{1,20}，)?(?:但)?我(?:无法|不能|没办法|拒绝)(?:对[^，。]{1,20})?"
    r"(?:协助|帮助|提供|处理|评判|评价|评估|评分|参与|完成|回答|满足)"
)
_JA = (
    r"(?:(?:大変)?申し訳(?:ありません|ございません)|すみません|恐れ入ります)[がけど、。，,\s]*"
    r"[^。]{0,60}?(?:できません|できかねます|いたしかねます|応じられません)"
)
_DECLINES = re.compile(
    rf"{_SORRY}(?:as an ai[^.]{{0,60}}, )?{_CANNOT} (?:\w+ ){{0,2}}{_JUDGE}\b|{_ZH}|{_JA}", re.IGNORECASE
)


def declines(text: str) -> bool:
    """Whether a reply without JSON is a judge's plain refusal to judge."""
    start = text.strip()
    return len(start) <= 300 and not _BRACE.search(start) and _DECLINES.match(start) is not None
