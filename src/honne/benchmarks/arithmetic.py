"""Arithmetic: sums, differences and products of small numbers, and one- or two-step stories. Written for honne.

A capability, so that the cost of safety can be seen: a model that was made safer should still be able to count. The
answers are right by construction, and the same sums are asked in English, Chinese and Japanese.

Options: `n` questions (default 240), `langs` (default en,zh,ja). They cycle through kinds and languages in a seeded
order, so every prefix is balanced, and the first n of a larger set are the set of n. A question's id does not depend on
the seed; the languages of one question are one group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from honne.benchmarks._base import validate_ends
from honne.benchmarks._drawn import Drawn, check_balance, rank, written
from honne.benchmarks._graded import Graded, check_numbers
from honne.plugins import Benchmark
from honne.records import Item, category_path
from honne.spec import Spec

__all__ = ["PLUGIN", "Arithmetic"]

_TEXTS = "prompts/arithmetic.toml"
_KINDS = ("addition", "subtraction", "multiplication", "stories")
_PER_KIND = 200
_SIGNS = {"addition": "+", "subtraction": "-", "multiplication": "×"}
_RULES: dict[str, Callable[[int, int, int], int]] = {
    "sum": lambda a, b, c: a + b,
    "left": lambda a, b, c: a - b,
    "times": lambda a, b, c: a * b,
    "taken": lambda a, b, c: a * b - c,
    "rest": lambda a, b, c: a + b - c,
}


class _Sum(NamedTuple):
    """One question before it is worded: `story` is the number of its story, None for a bare sum."""

    kind: str
    story: int | None
    a: int
    b: int
    c: int

    @property
    def id(self) -> str:
        story = "" if self.story is None else str(self.story + 1)
        return f"{self.kind[:3]}{story}-{self.a}-{self.b}" + (f"-{self.c}" if self.c else "")


def _number(low: int, high: int, *drawn: object) -> int:
    return low + int.from_bytes(rank(*drawn)[:8], "big") % (high - low + 1)


def _sum(seed: int, kind: str, turn: int) -> _Sum:
    """The numbers of a question: `turn` goes on until it gives one that was not drawn before."""
    stories = written(_TEXTS)["stories"]
    story = _number(0, len(stories) - 1, seed, kind, turn, "story") if kind == "stories" else None
    rule = stories[story]["rule"] if story is not None else {"subtraction": "left", "multiplication": "times"}.get(kind)
    if rule in ("times", "taken"):
        a, b = _number(3, 12, seed, kind, turn, "a"), _number(11, 49, seed, kind, turn, "b")
    else:
        a, b = _number(31, 99, seed, kind, turn, "a"), _number(12, 98, seed, kind, turn, "b")
    if rule == "left" and b >= a:
        a, b = b + 1, a
    c = _number(2, min(a, b) - 1, seed, kind, turn, "c") if rule in ("taken", "rest") else 0
    return _Sum(kind, story, a, b, c)


class Arithmetic(Graded, Drawn):
    name = "arithmetic"
    title = "Arithmetic: small sums and stories"
    url = ""
    default_n = 240
    judges: Mapping[str, str] = {"open": "number"}
    metrics: tuple[str, ...] = ("open_accuracy",)

    def _most(self) -> int:
        return len(_KINDS) * _PER_KIND * len(self._langs)

    def items(self, *, seed: int) -> Iterator[Item]:
        """The first n questions of the seeded order."""
        drawn = {kind: self._drawn(seed, kind) for kind in _KINDS}
        strata = [(kind, lang) for lang in self._langs for kind in _KINDS]
        for seq in range(self._n):
            kind, lang = strata[seq % len(strata)]
            one = drawn[kind][seq // len(strata)]
            prompt, target = _worded(one, lang)
            id = f"arithmetic-{lang}-{one.id}"
            item = self._item(seq, id, prompt, lang=lang, category=category_path(kind), group=f"arithmetic-{one.id}")
            yield replace(item, target=str(target))

    def _drawn(self, seed: int, kind: str) -> list[_Sum]:
        """As many different sums as are needed; those of a shorter list come first in a longer one."""
        needed = -(-self._n // (len(_KINDS) * len(self._langs)))
        found: dict[_Sum, None] = {}
        turn = 0
        while len(found) < needed:
            found[_sum(seed, kind, turn)] = None
            turn += 1
        return list(found)

    def validate(self) -> None:
        """Balance over kinds and languages, every target a number, and the ends of the metrics."""
        items = validate_ends(self)
        check_numbers(items)
        for names in ([i.category for i in items], [i.lang for i in items]):
            check_balance(self.name, names, max(len(_KINDS), len(self._langs)))


def _worded(one: _Sum, lang: str) -> tuple[str, int]:
    """The prompt in a language, and the answer."""
    texts = written(_TEXTS)
    if one.story is None:
        rule = {"addition": "sum", "subtraction": "left", "multiplication": "times"}[one.kind]
        question = texts["bare"][lang].format(a=one.a, b=one.b, sign=_SIGNS[one.kind])
    else:
        story = texts["stories"][one.story]
        rule = story["rule"]
        question = story[lang].format(a=one.a, b=one.b, c=one.c)
    return texts["ask"][lang].format(question=question), _RULES[rule](one.a, one.b, one.c)


PLUGIN: Callable[[Spec], Benchmark] = Arithmetic
