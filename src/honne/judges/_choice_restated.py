"""Stage 2a of the choice parser: options mentioned by their own words, whole or the start of them.

Guards: the longest option wins where one contains another; words that two options share mention neither; an everyday
word ("No", "safe", 是) is a mention only where an answer stands, never in running text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from honne.judges._choice_marks import TEXT, ref
from honne.judges._choice_text import clean, squash

__all__ = ["mark_restated", "numeric", "telling"]

_FINAL = " .。!?\n"
_EVERYDAY_WORDS = (
    "yes no true false safe unsafe good bad right wrong correct incorrect maybe same different neither both none other "
    "harmful harmless better worse 正确 错误 安全 不安全 可以 不可以 はい いいえ 正しい 安全です 不安全です 危険"
)
_EVERYDAY = frozenset(_EVERYDAY_WORDS.split())
_PLACE = (
    r"(?:^\W*|(?<![A-Za-z0-9])[A-Ja-j1-9][)\].:,、-]{1,2} ?|[:=\"(\[\ue200] ?|\b(?:is|be|say|answer|choose|pick|"
    r"select|not) [\"'(\[]?|(?:答案|选择|答え|正解|回答)(?:是|为|は) ?)"
)
_STOP = r"(?=[)\]\"'\ue201]*\s*(?:$|[.,;:!?\n)\]\"\ue201。、]|です|だと|でしょう))"
_LINE = re.compile(
    r"^(\W*(?:(?:option |选项|回复|選択肢|回答)?(?:[A-Ja-j]|10|[1-9])[).:\],、\- ]{1,3})?)(.+)$", re.M | re.I
)
_QUOTE = re.compile(r'"([^"\n]{6,600})"')
_SORRY = re.compile(r"\W*(?:i'?m |i am |we're |we are )?(?:very |so |really )?(?:sorry|afraid)|\W*(?:i|we) (?:can|won|"
    r"am un)|作为|抱歉|很抱歉|对不起|我(?:不能|无法)|申し訳|お答え", re.I)  # fmt: skip


class _Known(NamedTuple):
    anywhere: re.Pattern[str] | None
    answers: re.Pattern[str] | None
    squashed: tuple[str, ...]
    asking: frozenset[int]


def numeric(options: Sequence[str]) -> bool:
    """Whether an option is itself a small number, so that a bare digit is no label."""
    return any(re.fullmatch(r"\d{1,2}", squash(option)) for option in options)


def telling(options: Sequence[str]) -> frozenset[int]:
    """The options whose text is too long to occur by chance: four words, or eight characters of CJK."""
    return frozenset(i for i, option in enumerate(options) if _telling(option))


def _telling(option: str) -> bool:
    said = squash(option)
    return len(option.split()) >= 4 or (not said.isascii() and len(said) >= 8)


def mark_restated(text: str, options: Sequence[str]) -> str:
    """Turn the options' own words into marks."""
    known = _known(tuple(options))

    def whole(m: re.Match[str]) -> str:
        words, said = m["words"], squash(m["words"])
        if said not in known.squashed:  # letters that only case-folding makes equal
            return m[0]
        option = known.squashed.index(said)
        at = m.start("words") - m.start()
        tail = m[0][at + len(words) :]
        # The option's own question mark makes no question of "Option: …?"
        return m[0][:at] + ref(TEXT, option) + ("" if option in known.asking else tail)

    for pattern in (known.anywhere, known.answers):
        if pattern:
            text = pattern.sub(whole, text)
    text = _QUOTE.sub(lambda m: _part(m, m[1], known, start=False), text)
    return _LINE.sub(lambda m: _part(m, m[2], known, start=True, bare=not m[1].strip()), text)


def _part(m: re.Match[str], part: str, known: _Known, *, start: bool, bare: bool = False) -> str:
    """A quotation out of one option, or a line that is the start of one."""
    said = squash(part)
    cjk = not said.isascii()
    if len(said) < 6 or (not cjk and len(part.split()) < 3) or len(said) > max(map(len, known.squashed), default=0):
        return m[0]
    # An apology that could open any answer is a refusal first.
    if bare and _SORRY.match(part) and (len(said) < 16 if cjk else len(part.split()) < 9):
        return m[0]
    fits = [i for i, own in enumerate(known.squashed) if (own.startswith(said) if start else said in own)]
    return m[0].replace(part, ref(TEXT, fits[0])) if len(fits) == 1 else m[0]


@lru_cache(maxsize=64)
def _known(options: tuple[str, ...]) -> _Known:
    cleaned = [clean(option) for option in options]
    plain = [text.rstrip(_FINAL) for text in cleaned]
    squashed = tuple(squash(option) for option in plain)
    usable = [p for p, s in zip(plain, squashed, strict=True) if s and squashed.count(s) == 1 and not _label(s)]
    usable.sort(key=len, reverse=True)
    everyday = [p for p in usable if _everyday(squash(p))]
    telling = "|".join(_spelt(p) for p in usable if p not in everyday)
    common = "|".join(_spelt(p) for p in everyday)
    return _Known(
        re.compile(f"(?P<words>{telling})[?!]{{0,3}}", re.I) if telling else None,
        re.compile(f"{_PLACE}(?P<words>{common}){_STOP}", re.I | re.M) if common else None,
        squashed,
        frozenset(i for i, text in enumerate(cleaned) if text.endswith(("?", "!"))),
    )


def _label(squashed: str) -> bool:
    return len(squashed) == 1 and squashed.isascii() and squashed.isalpha()


def _everyday(squashed: str) -> bool:
    return squashed in _EVERYDAY or len(squashed) == 1 or (squashed.isascii() and len(squashed) <= 3)


def _spelt(option: str) -> str:
    words = r"\s+".join(re.escape(word) for word in option.split())
    before = r"(?<![A-Za-z0-9])" if option[0].isascii() and option[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if option[-1].isascii() and option[-1].isalnum() else ""
    return before + words + after
