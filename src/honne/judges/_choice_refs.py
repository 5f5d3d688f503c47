"""Stage 2 of the choice parser: put all mentions of options into marks, and join those that belong together."""

from __future__ import annotations

import re
from collections.abc import Sequence

from honne.judges._choice_marks import (
    ALL,
    CLOSE,
    CONFLICT,
    EITHER,
    LABELLED,
    OPEN,
    REF,
    SOME,
    TEXT,
    index,
    kind,
    ref,
)
from honne.judges._choice_names import THAT_IS, mark_names
from honne.judges._choice_restated import mark_restated, numeric

__all__ = ["mark"]

# "B) its own words", "Dの名古屋", "C (Rome)"
_LABELLED = re.compile(
    rf"(?P<label>{REF})(?P<between>['\"]?[)\].:,、\- ]{{0,4}}(?:の|is |は|即|: "
    rf")?[(\[\"']{{0,3}})(?P<text>{kind(TEXT)})[\"')\]]{{0,3}}"
)
_TWICE = re.compile(rf"(?P<one>{REF}) ?[(\[,] ?(?:{THAT_IS})?(?P<two>{REF})[)\]]", re.I)
_LEAD = re.compile(rf"^[(\[\"']{{1,3}}({REF})[)\]\"']{{1,3}}", re.M)
_WRAPPED = re.compile(rf"[(\[\"']{{1,3}}({REF})[)\]\"']{{1,3}}")
_FORMAL = re.compile(rf"{OPEN} ?({REF}) ?{CLOSE}( ?(?:or|and|/|或者?|か|または|,) ?){OPEN} ?({REF}) ?{CLOSE}", re.I)
_QA = re.compile(rf"^{REF} ?: ?(?={REF})", re.M)
_ECHO = re.compile(rf"^(?:[^\w\n\ue000-\ue2ff]*{kind(LABELLED)}[^\w\n\ue000-\ue2ff]*\n?){{2,}}$", re.M)

_AND = r"(?:,? ?(?:and|&|\+) ?|、?(?:和|与|與|跟|及|以及|と|並び|も) ?)"
_OR = r"(?:,? ?\b(?:or|nor|and/or|vs\.?|versus)\b ?|/|、?(?:或者?|还是|還是|か、?|または|もしくは|あるいは) ?)"
_LIST = rf"{REF}(?: ?[,、/] ?{REF}){{0,9}}"
_ALTERNATIVES = re.compile(rf"{_LIST} ?{_OR}(?:the )?{REF}")
_TOGETHER = re.compile(
    rf"{_LIST} ?{_AND}(?:the )?{REF}(?! (?:is|was|has|would|seems|does|should|wins|because|not)\b)|{REF}(?: ?[,、/] "
    rf"?{REF}){{1,9}}(?=都|均|全|は|も|を| are\b| were\b)|^{REF}(?: ?[,、/&] ?{REF}){{1,9}}(?=[.。]?$)",
    re.M,
)


def mark(text: str, options: Sequence[str]) -> str:
    """A cleaned reply with every mention of an option as one character (see `_choice_marks`)."""
    n = len(options)
    text = mark_names(mark_restated(text, options), n, digits=not numeric(options))
    text = _LABELLED.sub(_labelled, text)
    text = _TWICE.sub(lambda m: m["one"] if index(m["one"]) == index(m["two"]) else m[0], text)
    text = _LEAD.sub(r"\1)", text)
    text = _WRAPPED.sub(r"\1", text)
    text = _FORMAL.sub(r"\1\2\3", text)
    text = _QA.sub("answer: ", text)
    text = _ECHO.sub(lambda m: m[0] if len(_named(m[0])) < 2 else "\n", text)
    text = _ALTERNATIVES.sub(lambda m: _several(m, n, EITHER, EITHER), text)
    return _TOGETHER.sub(lambda m: _several(m, n, ALL, SOME), text)


def _labelled(m: re.Match[str]) -> str:
    label, words = m["label"], m["text"]
    if index(label) == index(words):
        return ref(LABELLED, index(words))
    if label not in _TEXTS and re.match(r"['\"]?[).:\]]", m["between"]):
        return CONFLICT
    return m[0]


_TEXTS = frozenset(ref(TEXT, i) for i in range(32))


def _named(text: str) -> set[int]:
    return {index(c) for c in re.findall(REF, text)}


def _several(m: re.Match[str], n: int, every: str, some: str) -> str:
    named = _named(m[0])
    if len(named) == 1:
        return m[0]
    return every if named >= set(range(n)) else some
