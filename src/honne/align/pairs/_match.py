"""Which good answer goes with which bad one, where there are several of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from honne.align.pairs._base import draw
from honne.align.pairs._runs import MARGIN, Answer
from honne.benchmarks.principle import GOOD
from honne.errors import ConfigError
from honne.records import Item, Message, Pair
from honne.spec import Spec, read_options

__all__ = ["Matching", "matched", "paired"]


_KINDS: dict[str, type] = {"m": int, "good": float, "margin": float}


@dataclass(frozen=True)
class Matching:
    """At most `m` pairs a prompt; an answer is good from the score `good` on, and a bad one of a pair has a score that
    is lower than the good one's by at least `margin`."""

    m: int = 1
    good: float = GOOD
    margin: float = MARGIN

    @classmethod
    def of(cls, spec: Spec, more: dict[str, type]) -> tuple[Matching, dict[str, Any]]:
        """The options of a SPEC, and the further ones. Raises ConfigError."""
        options = read_options(spec, {**_KINDS, **more})
        made = cls(**{name: options.pop(name) for name in _KINDS if name in options})
        if made.m < 1:
            raise ConfigError(f"{spec.label}: m={made.m}: at least 1 (pairs a prompt)")
        for name, low in (("good", 0.0), ("margin", 0.0)):
            value = getattr(made, name)
            if not low < value <= 1:
                raise ConfigError(f"{spec.label}: {name}={value:g}: above 0, and at most 1 (scores are from 0 to 1)")
        return made, options

    def sides(self, answers: Sequence[Answer]) -> tuple[list[Answer], list[Answer]]:
        """The good answers and the others; those without a score are neither. Each text once."""
        scored = [a for a in answers if a.score is not None]
        good = {a.text: a for a in reversed(scored) if a.score is not None and a.score >= self.good}
        bad = {a.text: a for a in reversed(scored) if a.score is not None and a.score < self.good}
        return [a for a in good.values() if a.text not in bad], [a for a in bad.values() if a.text not in good]


def matched(
    good: Sequence[Answer],
    bad: Sequence[Answer],
    how: Matching,
    seed: int,
    item: str,
    allowed: Callable[[Answer, Answer], bool] = lambda good, bad: True,
) -> list[tuple[Answer, Answer]]:
    """At most `how.m` pairs: the widest margins first, and no answer again before all have had their turn."""
    wide = [
        (a, b)
        for a in good
        for b in bad
        if a.score is not None and b.score is not None and a.score - b.score >= how.margin - 1e-9 and allowed(a, b)
    ]
    wide.sort(key=lambda ab: (-_margin(ab), draw(seed, item, ab[0].text, ab[1].text)))
    uses: dict[str, int] = {}
    out: list[tuple[Answer, Answer]] = []
    while wide and len(out) < how.m:
        best = min(range(len(wide)), key=lambda i: sum(uses.get(answer.text, 0) for answer in wide[i]))
        for answer in wide[best]:
            uses[answer.text] = uses.get(answer.text, 0) + 1
        out.append(wide.pop(best))
    return out


def _margin(pair: tuple[Answer, Answer]) -> float:
    return round((pair[0].score or 0.0) - (pair[1].score or 0.0), 9)


def paired(
    source: str, item: Item, good: Answer, bad: Answer, why: str, prompt: tuple[Message, ...] | None = None
) -> Pair:
    """The pair of two answers to an item; the prompt is as it was sent to the good one's model, unless it is given."""
    return Pair(
        prompt=good.sent if prompt is None else prompt,
        chosen=good.text,
        rejected=bad.text,
        chosen_safe=True,
        # Where a refusal is the worse answer, it is not an unsafe one.
        rejected_safe=bad.refused is True,
        source=source,
        judge=good.judge,
        why=why,
        item=item.id,
        group=item.group,
        benchmark=item.benchmark,
        category=item.category,
        lang=item.lang,
        form=item.form,
        attack=item.attack,
        run=good.run.name,
        model=good.run.model,
        sample=good.sample,
        rejected_run=bad.run.name,
        rejected_model=bad.run.model,
        rejected_sample=bad.sample,
        chosen_score=good.score,
        rejected_score=bad.score,
    )
