"""Parts that share no prompt: what was learnt from one is never asked about in another.

Rows belong together where their prompts are the same text (but for case and white space), or where their group is. The
part that a component falls into follows from the hash of its prompts, so that the same rows are held out again by
whoever splits the same data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from honne.scorer.data import Row

__all__ = ["components", "folds", "held_out", "plain"]


def components(rows: Sequence[Row]) -> list[str]:
    """For each row the name of its component: the least hash of the prompts in it (a group is never the root)."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while parents.setdefault(name, name) != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    prompts = [f"p{hashlib.sha256(plain(row.prompt).encode('utf-8', 'replace')).hexdigest()}" for row in rows]
    for prompt, row in zip(prompts, rows, strict=True):
        one, other = sorted((root(prompt), root(f"g{row.group}") if row.group else root(prompt)), key=_prompts_first)
        parents[other] = one
    return [root(prompt) for prompt in prompts]


def _prompts_first(name: str) -> tuple[bool, str]:
    return (name[0] != "p", name)


def plain(text: str) -> str:
    """A prompt as prompts are compared: without case and white space."""
    return " ".join(text.casefold().split())


def held_out(rows: Sequence[Row], share: float) -> list[bool]:
    """Whether each row belongs to the `share` (0 to 1) of components that is kept for evaluation."""
    return [_place("held out", name) < share for name in components(rows)]


def folds(rows: Sequence[Row], k: int, seed: int) -> list[int]:
    """The fold of each row, 0 to k - 1, as even as the components allow: the largest first, each to the emptiest."""
    names = components(rows)
    sizes: dict[str, int] = {}
    for name in names:
        sizes[name] = sizes.get(name, 0) + 1
    filled, of = [0] * k, {}
    for name in sorted(sizes, key=lambda n: (-sizes[n], _place(f"fold {seed}", n))):
        of[name] = min(range(k), key=lambda fold: filled[fold])
        filled[of[name]] += sizes[name]
    return [of[name] for name in names]


def _place(what: str, name: str) -> float:
    drawn = hashlib.sha256(f"honne scorer {what} {name}".encode()).digest()
    return int.from_bytes(drawn[:7], "big") / 2**56
