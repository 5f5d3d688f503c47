"""Reading a rubric judge's reply: only complete JSON objects speak, and only with one voice.

The reply may quote the answer that it judges, so anything that could let a quotation decide makes the reply unreadable:
a brace outside a complete object (a broken object around a quoted whole one), or two objects that disagree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

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


def _objects(text: str) -> Iterator[dict[str, Any]]:
    at = 0
    while brace := _BRACE.search(text, at):
        if brace[0] == "}":
            raise Unreadable("a brace stands outside the JSON object")
        try:
            value, at = _DECODER.raw_decode(text, brace.start())
        except (ValueError, RecursionError):
            raise Unreadable("the JSON is broken or incomplete") from None
        yield value


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


def read(text: str, scale: Scale) -> tuple[Verdict, str | None]:
    """The verdict and the reasons of a reply. Raises Unreadable.

    Of several objects with a verdict the last one counts, provided that all agree.
    """
    spoken = [found for found in _objects(text) if "verdict" in found]
    if not spoken:
        raise Unreadable("no JSON object with a verdict")
    verdicts = [_verdict(found["verdict"], scale) for found in spoken]
    if any(v.label != verdicts[0].label for v in verdicts):
        raise Unreadable("several JSON objects with different verdicts")
    reasons = spoken[-1].get("reasoning")
    if reasons is not None and not isinstance(reasons, str):
        reasons = json.dumps(reasons, ensure_ascii=False)
    return verdicts[-1], reasons


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
