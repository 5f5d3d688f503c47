"""The probability that a model gave each option where it wrote its answer letter, from the logprobs of its server.

Two formats: chat completions (`{"content": [{"token", "logprob", "top_logprobs": [{"token", "logprob"}]}]}`) and
completions (`{"tokens": […], "token_logprobs": […], "top_logprobs": [{TOKEN: LOGPROB}]}`). Nothing is guessed: without
the token itself, or with an option that is not listed while the list leaves more than `UNLISTED` open, there is none.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

__all__ = ["UNLISTED", "option_probabilities"]

# The share of the probability that may be on tokens which the server did not list.
UNLISTED = 0.05
_AROUND = " \t\n\r*_`\"'“”「([{（【<:：,，.。)]}）】>"


class _Token(NamedTuple):
    text: str
    probability: float
    others: Mapping[str, float]


def option_probabilities(logprobs: str, text: str, at: int, letters: Sequence[str]) -> dict[str, float] | None:
    """The probability of every letter at place `at` of the answer `text`, rescaled to sum to 1; None where unknown."""
    try:
        tokens = list(_tokens(msgspec.json.decode(logprobs)))
        written = "".join(token.text for token in tokens)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    # The answer may come after reasoning that is not part of its text.
    start = written.rfind(text) if text else -1
    if start < 0:
        return None
    place, end = start + at, 0
    for token in tokens:
        end += len(token.text)
        if end > place:
            return _renormalised(token, letters)
    return None


def _tokens(found: Any) -> Iterator[_Token]:
    if found.get("content") is not None:
        for entry in found["content"]:
            top = {t["token"]: _probability(t["logprob"]) for t in entry.get("top_logprobs") or ()}
            yield _Token(entry["token"], _probability(entry["logprob"]), top)
        return
    tokens, own = found["tokens"], found["token_logprobs"]
    tops = found.get("top_logprobs") or [None] * len(tokens)
    for token, logprob, top in zip(tokens, own, tops, strict=True):
        # The first token of an echoed prompt has no probability.
        listed = {name: _probability(value) for name, value in (top or {}).items()}
        yield _Token(token, 0.0 if logprob is None else _probability(logprob), listed)


def _probability(logprob: Any) -> float:
    """Raises ValueError for what is no logarithm of a probability."""
    if isinstance(logprob, bool) or not isinstance(logprob, int | float) or not logprob <= 1e-3:
        raise ValueError(logprob)
    return min(math.exp(logprob), 1.0)


def _renormalised(token: _Token, letters: Sequence[str]) -> dict[str, float] | None:
    if _letter(token.text) not in letters:
        return None
    listed = {**token.others, token.text: token.probability}
    found = dict.fromkeys(letters, 0.0)
    seen = set()
    for name, probability in listed.items():
        letter = _letter(name)
        if letter in found:
            found[letter] += probability
            seen.add(letter)
    total = sum(found.values())
    if total <= 0 or (len(seen) < len(letters) and 1 - sum(listed.values()) > UNLISTED):
        return None
    return {letter: value / total for letter, value in found.items()}


def _letter(token: str) -> str:
    """The option that a token names: the letter in it, without space, brackets and markup around it."""
    return unicodedata.normalize("NFKC", token).strip(_AROUND)
