"""Benchmarks generated from lists of ours: options `n` and `langs`, and a seeded, balanced choice of questions.

The questions that can be asked are fixed; the seed only picks among them and orders them. So an id names the same
question under every seed, and the first n of a larger set are the set of n.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from honne.benchmarks._base import validate_ends
from honne.benchmarks._drawn import Drawn, check_balance, rank
from honne.benchmarks._text import LETTERS, choice_prompt
from honne.records import Item, Message, category_parts

__all__ = ["Draft", "Generated", "drawn"]


class Draft(NamedTuple):
    """A question that can be asked. Each prefix of a draw is balanced over the first names and the whole of `category`
    (a path) and over `lang`, and each `group` of both comes once before any comes twice. `parts` are the places in the
    lists that it is made from."""

    id: str
    lang: str
    category: str
    group: str
    parts: tuple[int, ...]


def drawn(drafts: Sequence[Draft], variants: int, n: int, seed: int) -> Iterator[tuple[Draft, int]]:
    """The first n of all (draft, variant), in a seeded order: top categories, languages and variants are at most one
    apart as long as there are enough of each, and every draft comes once before any comes in a second variant."""
    cells: dict[tuple[str, str], list[Draft]] = {}
    for draft in drafts:
        cells.setdefault((draft.category, draft.lang), []).append(draft)
    queues = {cell: _spread(members, seed) for cell, members in cells.items()}
    tie = {cell: rank(seed, *cell) for cell in cells}
    had: dict[str, set[int]] = {draft.id: set() for draft in drafts}
    taken, seen = Counter[tuple[str, str]](), Counter[tuple[object, ...]]()

    def load(cell: tuple[str, str]) -> tuple[object, ...]:
        head = category_parts(cell[0])[0]
        counts = (seen[part] for part in (("top", head), ("lang", cell[1]), ("category", cell[0]), (head, cell[1])))
        return *counts, taken[cell], tie[cell]

    for _ in range(n):
        cell = min((c for c in cells if taken[c] < len(queues[c]) * variants), key=load)
        draft = queues[cell][taken[cell] % len(queues[cell])]
        head = category_parts(draft.category)[0]
        left = [v for v in range(variants) if v not in had[draft.id]]
        variant = min(left, key=lambda v: (seen[v,], seen[head, v], seen[cell[1], v], rank(seed, draft.id, v)))
        had[draft.id].add(variant)
        taken[cell] += 1
        seen.update((("top", head), ("lang", cell[1]), ("category", cell[0]), (head, cell[1])))
        seen.update(((variant,), (head, variant), (cell[1], variant)))
        yield draft, variant


def _spread(drafts: Sequence[Draft], seed: int) -> list[Draft]:
    """The drafts in a seeded order in which the groups take turns."""
    groups: dict[str, list[Draft]] = {}
    for draft in sorted(drafts, key=lambda d: rank(seed, d.id)):
        groups.setdefault(draft.group, []).append(draft)
    turns = []
    for name, members in groups.items():
        turns += [(turn, rank(seed, draft.category, draft.lang, name), draft) for turn, draft in enumerate(members)]
    return [draft for *_, draft in sorted(turns, key=lambda t: t[:2])]


class Generated(Drawn):
    """A benchmark of questions put together from lists, in all languages of honne, each in one of `variants` orders."""

    variants: int = 1

    def _most(self) -> int:
        return sum(len(self.drafts(lang)) for lang in self._langs) * self.variants

    def drafts(self, lang: str) -> Sequence[Draft]:
        """Every question that can be asked in a language, whatever the seed."""
        raise NotImplementedError

    def made(self, draft: Draft, variant: int) -> Sequence[Item]:
        """The items of one question (their seq is set by `items`)."""
        raise NotImplementedError

    def items(self, *, seed: int) -> Iterator[Item]:
        """The first n questions of the seeded order."""
        drafts = [draft for lang in self._langs for draft in self.drafts(lang)]
        seq = 0
        for draft, variant in drawn(drafts, self.variants, self._n, seed):
            for item in self.made(draft, variant):
                yield msgspec.structs.replace(item, seq=seq)
                seq += 1

    def validate(self) -> None:
        """Balance over top categories and languages, and the ends of the metrics."""
        items = validate_ends(self)
        for names in ([category_parts(i.category)[:1] for i in items], [i.lang for i in items]):
            check_balance(self.name, names, len(items) // self._n)

    def _choice(self, draft: Draft, name: str, question: str, options: Sequence[str], target: int, **more: str) -> Item:
        """A multiple-choice item of a draft; `target` is the place of the right option, `more` further fields."""
        return Item(
            seq=0,
            id=f"{self.name}-{draft.lang}-{name}",
            benchmark=self.name,
            version=self.version,
            lang=draft.lang,
            group=f"{draft.group}-{draft.lang}",
            messages=(Message(role="user", content=choice_prompt(draft.lang, question, options)),),
            options=tuple(options),
            target=LETTERS[target],
            **{"form": "choice", "category": draft.category, **more},
        )
