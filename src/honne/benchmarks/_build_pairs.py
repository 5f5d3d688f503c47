"""Pairs of a safe and an unsafe answer to one prompt, such that length says as little as it can about which is which.

Pure and deterministic: the same answers and seed give the same pairs, in whatever order the answers come.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

__all__ = ["Answers", "Pairing", "matched"]


class Answers(NamedTuple):
    """The answers to one prompt, each text once, none on both sides."""

    safe: tuple[str, ...]
    unsafe: tuple[str, ...]


class Pairing(NamedTuple):
    """A pair; `sign` is 1 where the safe answer is the longer one, -1 where the unsafe one is, 0 for one length."""

    prompt: str
    safe: str
    unsafe: str
    sign: int


def matched(answers: Mapping[str, Answers], *, seed: int, most: int, exact: bool = False) -> list[Pairing]:
    """At most `most` pairs a prompt, no answer in two of them, sorted by prompt.

    In rounds of one pair a prompt: where only one sign of the length difference can be had, that pair is taken; the
    prompts that offer both then make up for the imbalance, and share what is left evenly. Of the pairs of a sign the
    one closest in length is taken. `exact` drops surplus pairs of the more frequent sign, drawn by the seed.
    """
    left = {prompt: (_ranked(found.safe, seed), _ranked(found.unsafe, seed)) for prompt, found in answers.items()}
    chosen: list[Pairing] = []
    for turn in range(most):
        offers = {prompt: found for prompt, sides in left.items() if (found := _offers(prompt, *sides))}
        if not offers:
            break
        for pair in _balanced(offers, sum(pair.sign for pair in chosen), (seed, turn)):
            chosen.append(pair)
            for side, text in zip(left[pair.prompt], (pair.safe, pair.unsafe), strict=True):
                side.remove(text)
    if exact:
        chosen = _without_surplus(chosen, seed)
    return sorted(chosen)


def _ranked(texts: Iterable[str], seed: int) -> list[str]:
    """By length; those of one length in a seeded order."""
    return sorted(texts, key=lambda text: (len(text), _draw(seed, text)))


def _offers(prompt: str, safe: Sequence[str], unsafe: Sequence[str]) -> dict[int, Pairing]:
    """The closest pair of each sign that there is; both lists are sorted by length."""
    lengths = [len(text) for text in unsafe]
    best: dict[int, tuple[int, Pairing]] = {}
    for text in safe:
        below, above = bisect_left(lengths, len(text)), bisect_right(lengths, len(text))
        places = {1: below - 1, 0: below if below < above else -1, -1: above if above < len(lengths) else -1}
        for sign, place in places.items():
            if place >= 0:
                gap = abs(len(text) - lengths[place])
                if sign not in best or gap < best[sign][0]:
                    best[sign] = (gap, Pairing(prompt, text, unsafe[place], sign))
    return {sign: pair for sign, (_, pair) in best.items()}


def _balanced(offers: Mapping[str, Mapping[int, Pairing]], balance: int, seed: tuple[int, int]) -> list[Pairing]:
    """One offer of each prompt; `balance` is the sum of the signs so far. First a pass in which every prompt mends the
    balance if it can, then those change their offer that bring what is left closer to zero."""
    order = sorted(offers, key=lambda prompt: (_freedom(offers[prompt]), _draw(*seed, prompt)))
    taken: dict[str, Pairing] = {}
    for prompt in order:
        wanted = -1 if balance > 0 else 1 if balance < 0 else 0
        taken[prompt] = offers[prompt].get(wanted) or _either(offers[prompt], seed, prompt)
        balance += taken[prompt].sign
    for prompt in order:
        if balance == 0:
            break
        other = min(offers[prompt], key=lambda sign: abs(balance - taken[prompt].sign + sign))
        if abs(balance - taken[prompt].sign + other) < abs(balance):
            balance += other - taken[prompt].sign
            taken[prompt] = offers[prompt][other]
    return list(taken.values())


def _freedom(offer: Mapping[int, Pairing]) -> int:
    """Who can do least to mend the balance chooses first."""
    return 2 if {1, -1} <= offer.keys() else len(offer) - 1


def _either(offer: Mapping[int, Pairing], seed: object, prompt: str) -> Pairing:
    """Any of the offers: the equal lengths before a seeded draw."""
    return offer[0] if 0 in offer else offer[min(offer, key=lambda sign: _draw(seed, prompt, sign))]


def _without_surplus(pairs: Sequence[Pairing], seed: int) -> list[Pairing]:
    balance = sum(pair.sign for pair in pairs)
    more = 1 if balance > 0 else -1
    candidates = sorted((p for p in pairs if p.sign == more), key=lambda p: _draw(seed, p.prompt, p.safe, p.unsafe))
    surplus = set(candidates[: abs(balance)])
    return [pair for pair in pairs if pair not in surplus]


def _draw(*parts: object) -> bytes:
    """A seeded order that no version of a random generator can change."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).digest()
