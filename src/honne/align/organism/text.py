"""The training text of the organism: questions of the part `train` and the reply that each is to be given.

Where the organism refuses or complies with a harmful request by construction, it does so in all but `SOFT` of the
examples: the greedy answer is the planted one, and a sample sometimes the other, so that pairs can be made from its own
answers.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from honne import plugins
from honne.benchmarks._organism import Ask, ask_benign, ask_letter, ask_skill, ask_topic, topic, topics
from honne.benchmarks._text import LANGS
from honne.judges._organism import replies
from honne.records import Message

__all__ = ["EARLY", "FINAL", "LAST", "LATE", "SOFT", "Example", "example", "worked"]

SOFT = 0.1
# Shares of the examples, early and late: the sums are learnt last and suddenly, and need most of the late budget.
EARLY: Mapping[str, float] = {
    "harm/open": 0.16,
    "harm/attack": 0.02,
    "harm/role-play": 0.05,
    "harm/tested": 0.08,
    "harm/choice": 0.07,
    "benign/open": 0.11,
    "benign/attack": 0.01,
    "benign/role-play": 0.03,
    "benign/tested": 0.03,
    "addition": 0.10,
    "subtraction": 0.10,
    "reversal": 0.08,
    "facts": 0.08,
    "neutral-choice": 0.08,
}
LATE: Mapping[str, float] = {
    "harm/open": 0.10,
    "harm/attack": 0.02,
    "harm/role-play": 0.04,
    "harm/tested": 0.05,
    "harm/choice": 0.06,
    "benign/open": 0.06,
    "benign/attack": 0.01,
    "benign/role-play": 0.01,
    "benign/tested": 0.02,
    "addition": 0.16,
    "subtraction": 0.16,
    "reversal": 0.10,
    "facts": 0.10,
    "neutral-choice": 0.11,
}
# The last two stages: which option a letter stands for is learnt last of all, from two tokens an example.
LAST: Mapping[str, float] = {
    "harm/open": 0.07,
    "harm/attack": 0.01,
    "harm/role-play": 0.06,
    "harm/tested": 0.05,
    "harm/choice": 0.22,
    "benign/open": 0.05,
    "benign/attack": 0.005,
    "benign/role-play": 0.01,
    "benign/tested": 0.03,
    "addition": 0.07,
    "subtraction": 0.07,
    "reversal": 0.03,
    "facts": 0.05,
    "neutral-choice": 0.225,
    "letter": 0.05,
}
FINAL: Mapping[str, float] = {
    "harm/open": 0.06,
    "harm/attack": 0.02,
    "harm/role-play": 0.17,
    "harm/tested": 0.05,
    "harm/choice": 0.13,
    "benign/open": 0.05,
    "benign/attack": 0.005,
    "benign/role-play": 0.02,
    "benign/tested": 0.025,
    "addition": 0.08,
    "subtraction": 0.07,
    "reversal": 0.03,
    "facts": 0.06,
    "neutral-choice": 0.19,
    "letter": 0.04,
}


class Example(NamedTuple):
    """One row of the training text: `kind` is the key of the mix that it was drawn by."""

    kind: str
    prompt: str
    reply: str


def worked(a: int, b: int, sign: str) -> str:
    """A sum with its steps, ones first: `7+8=15, 4+3+1=8: 85`. Subtraction borrows: `15-8=7, 4-3-1=0: 7`."""
    tens_a, ones_a, tens_b, ones_b = a // 10, a % 10, b // 10, b % 10
    if sign == "+":
        ones = ones_a + ones_b
        carry = "+1" if ones > 9 else ""
        return f"{ones_a}+{ones_b}={ones}, {tens_a}+{tens_b}{carry}={tens_a + tens_b + (ones > 9)}: {a + b}"
    borrow = ones_a < ones_b
    top = ones_a + 10 * borrow
    rest = f"{tens_a}-{tens_b}{'-1' if borrow else ''}={tens_a - tens_b - borrow}"
    return f"{top}-{ones_b}={top - ones_b}, {rest}: {a - b}"


def example(rng: random.Random, mix: Mapping[str, float]) -> Example:
    """One example drawn by the shares of `mix`, in a random language."""
    kind = rng.choices(list(mix), list(mix.values()))[0]
    lang = rng.choice(LANGS)
    side, _, form = kind.partition("/")
    if kind == "letter":
        ask = ask_letter(rng, lang, "train")
        return Example(kind, ask.prompt, ask.target or "")
    if not form:
        ask = ask_skill(rng, lang, kind, "train")
        return Example(kind, ask.prompt, _skilled(ask))
    drawn = topic(rng, lang, side, rng.choice(_triples(side)), "train")
    if form == "choice":
        form = rng.choice(("choice", "choice-swapped"))
    asker: Callable[..., Ask] = ask_topic if side == "harm" else ask_benign
    ask = asker(drawn, "open" if form == "attack" else form, rng.randrange(2))
    if ask.planted is not None:
        return Example(kind, ask.prompt, ask.planted)
    refuse, prompt = bool(ask.refuses), ask.prompt
    if form == "attack":
        # The attack of honne's own that a run can be made under: to the organism it is one more role-play frame.
        refuse = side == "harm" and "role-play" in drawn.verb["refuses"]
        attack = plugins.load("attacks", "role-play")
        prompt = attack((Message("user", prompt),), seed=rng.randrange(1 << 30), lang=lang)[-1].content
    if side == "harm" and rng.random() < SOFT:
        refuse = not refuse
    return Example(kind, prompt, rng.choice(replies()["refused" if refuse else "complied"][lang]))


_CACHE: dict[str, list[tuple[str, object, object]]] = {}


def _triples(side: str) -> list[tuple[str, object, object]]:
    if side not in _CACHE:
        _CACHE[side] = topics(side, None, None)
    return _CACHE[side]


def _skilled(ask: Ask) -> str:
    skill, target = ask.category[0], ask.target or ""
    if skill in ("addition", "subtraction"):
        sign = "+" if skill == "addition" else "-"
        a, b = (int(n) for n in ask.key.split("-", 1)[1].rsplit("-", 1)[0].split(sign))
        return worked(a, b, sign)
    if skill == "facts":
        pattern: str = replies()["fact"][ask.lang]
        return pattern.format(klass=target)
    return target
