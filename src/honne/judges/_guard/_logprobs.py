"""The probability of a verdict from the log-probabilities of the token that decides it.

Servers answer in two shapes: `{"content": [{"token", "logprob", "top_logprobs": [{"token", "logprob"}]}]}` (chat) and
`{"tokens": […], "token_logprobs": […], "top_logprobs": [{token: logprob}]}` (completions). The deciding token is the
one in which the verdict's word begins; a token stands for a word that it begins. A word that is not in the server's
list counts as 0: it is less likely than everything listed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

__all__ = ["shares"]

# How byte-level and SentencePiece vocabularies write a space and a line break.
_MARKS = str.maketrans({"Ġ": " ", "Ċ": "\n", "▁": " "})


class _Step(NamedTuple):
    token: str
    listed: dict[str, float]


def shares(logprobs: str | None, verdict: re.Pattern[str], word: str, words: Iterable[str]) -> dict[str, float] | None:
    """The share of each of `words` where a reply decides for `word`, renormalised over them (they sum to 1).

    None when there are no log-probabilities, no alternatives among them, or the deciding token is not found.
    """
    steps = _steps(logprobs)
    text = "".join(step.token for step in steps)
    found = list(verdict.finditer(text))
    if not found or found[-1]["word"].lower() != word.lower():
        return None
    place = found[-1].start("word")
    for step in steps:
        if place < len(step.token):
            return _normalised(step, word, tuple(words))
        place -= len(step.token)
    return None


def _normalised(step: _Step, word: str, words: tuple[str, ...]) -> dict[str, float] | None:
    if len(step.listed) < 2 or _meant(step.token, words) != word:
        return None
    mass = dict.fromkeys(words, 0.0)
    for token, logprob in step.listed.items():
        meant = _meant(token, words)
        if meant is not None:
            mass[meant] += math.exp(min(logprob, 0.0))
    total = sum(mass.values())
    return {w: m / total for w, m in mass.items()} if total > 0 else None


def _meant(token: str, words: tuple[str, ...]) -> str | None:
    """The one word that a token begins (or is), letter case aside."""
    bare = token.strip().lower()
    matches = [w for w in words if bare and w.lower().startswith(bare)]
    return matches[0] if len(matches) == 1 else None


def _steps(logprobs: str | None) -> list[_Step]:
    try:
        given = msgspec.json.decode(logprobs or "null")
    except (ValueError, RecursionError):
        return []
    if not isinstance(given, dict):
        return []
    if isinstance(given.get("content"), list):
        return [_step(one.get("token"), one.get("logprob"), _pairs(one)) for one in given["content"] if _is(one)]
    tokens, own, tops = (given.get(k) for k in ("tokens", "token_logprobs", "top_logprobs"))
    if not isinstance(tokens, list):
        return []
    out = []
    for i, token in enumerate(tokens):
        listed = tops[i] if isinstance(tops, list) and i < len(tops) and isinstance(tops[i], dict) else {}
        out.append(_step(token, own[i] if isinstance(own, list) and i < len(own) else None, listed))
    return out


def _is(one: Any) -> bool:
    return isinstance(one, dict)


def _pairs(one: Mapping[str, Any]) -> dict[Any, Any]:
    top = one.get("top_logprobs")
    if not isinstance(top, list):
        return {}
    return {t.get("token"): t.get("logprob") for t in top if _is(t) and isinstance(t.get("token"), str)}


def _step(token: Any, logprob: Any, listed: Mapping[Any, Any]) -> _Step:
    every = {**listed, token: logprob} if _number(logprob) else dict(listed)
    kept = {_plain(t): float(p) for t, p in every.items() if isinstance(t, str) and _number(p)}
    return _Step(_plain(token) if isinstance(token, str) else "", kept)


def _plain(token: str) -> str:
    return token.translate(_MARKS)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
