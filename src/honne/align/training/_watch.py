"""What is watched besides the loss: the likelihood of good answers, how long replies are, and whether they are whole.

A preference loss may fall while all three go wrong, so each has a warning, once a training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec

from honne.align.training._examples import Example
from honne.align.training._load import Tokens

__all__ = ["Replies", "Watch", "replies"]

# Prompts that are answered at every measurement, and the most tokens of an answer.
PROMPTS, LONGEST = 32, 256
# An answer may take four times the longest of the pairs, and no less than this: pairs of one letter say little.
_SHORTEST = 64
# A fall of the chosen answers' log-probability that is worth a word, in nats an answer.
_FALL = 0.5
_GROWTH = 1.5
_LOST = 0.1


class Replies(msgspec.Struct, frozen=True):
    """Greedy replies to the watched prompts: how many, their mean length in tokens, the share that is well-formed
    (ended by the model itself within the bound, not empty, no broken characters)."""

    n: int
    tokens: float
    well_formed: float


def replies(model: Any, tokens: Tokens, examples: Sequence[Example]) -> Replies:
    """The model's replies to the prompts of these examples, at most `PROMPTS` of them."""
    from honne.models._generate import Sampling, generate
    from honne.models._local import Job

    prompts = list(dict.fromkeys(e.prompt for e in examples))[:PROMPTS]
    longest = max(len(a) for e in examples for a in e.answers)
    room = tokens.context - max(map(len, prompts))
    budget = max(1, min(LONGEST, max(_SHORTEST, 4 * longest), room))
    was = model.training
    model.eval()
    how = Sampling(0.0, 1.0, tokens.ends, ())
    try:
        said = generate(model, tokens.tokenizer, [Job(p, budget, 0) for p in prompts], how, {}, lambda: False)
    finally:
        model.train(was)
    whole = [
        not isinstance(one, Exception) and one.finish == "stop" and bool(one.text.strip()) and "\ufffd" not in one.text
        for one in said
    ]
    # one that could not be made has no length, and is not well-formed
    lengths = [one.tokens for one in said if not isinstance(one, Exception)]
    return Replies(len(prompts), sum(lengths) / max(1, len(lengths)), sum(whole) / len(whole))


class Watch(msgspec.Struct):
    """log π of the watched chosen answers and the replies before the first step, and the warnings by kind."""

    chosen: list[float]
    replies: Replies | None
    warned: dict[str, str] = {}

    def look(self, step: int, chosen: Sequence[float], now: Replies | None) -> list[str]:
        """New warnings at this step. `chosen` are log π of the watched chosen answers, as at the start."""
        found = {}
        if (fall := _fall(self.chosen, chosen)) is not None:
            found["fall"] = (
                f"step {step}: the chosen answers became less likely, by {fall:.1f} nats "
                f"an answer (n = {len(chosen)}): a smaller --lr, fewer steps or --sft-weight hold them"
            )
        if now is not None and self.replies is not None:
            before = self.replies
            if now.tokens > _GROWTH * before.tokens:
                found["growth"] = (
                    f"step {step}: replies grow: {before.tokens:.0f} tokens before, {now.tokens:.0f} now "
                    f"(n = {now.n}); honne pairs --length-balanced takes the incentive away"
                )
            if now.well_formed < before.well_formed - _LOST:
                found["malformed"] = (
                    f"step {step}: replies fall apart: {100 * before.well_formed:.0f} % ended by themselves before, "
                    f"{100 * now.well_formed:.0f} % now (n = {now.n})"
                )
        new = {kind: text for kind, text in found.items() if kind not in self.warned}
        self.warned |= new
        return list(new.values())


def _fall(before: Sequence[float], now: Sequence[float]) -> float | None:
    """By how much the mean fell, where that is more than `_FALL` and than two standard errors."""
    if len(before) < 2:
        return None
    moved = [a - b for a, b in zip(before, now, strict=True)]
    mean = sum(moved) / len(moved)
    spread = math.sqrt(sum((m - mean) ** 2 for m in moved) / (len(moved) - 1) / len(moved))
    return mean if mean > max(_FALL, 2 * spread) else None
