"""Blocks of a text of the user's own: so many sentences, the first characters of which are asked to be continued."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from honne.benchmarks._drawn import rank
from honne.errors import DataError

__all__ = ["FIRST", "NEXT", "SENTENCES", "Block", "blocks"]

# The paper's numbers: blocks of 50 sentences, 350 characters given, the next 50 compared, drawn with the seed 8888.
SENTENCES, FIRST, NEXT, SEED = 50, 350, 50, 8888
_END = re.compile(r"[.!?][\"'”’)]{0,2}(?=\s)|[。！？][」』”’）]{0,2}")


class Block(NamedTuple):
    """One block: the number of its first sentence (from 1), the part given, and what comes next."""

    sentence: int
    first: str
    next: str


def _starts(text: str) -> list[int]:
    """Where sentences begin, and last where the text ends."""
    ends = [m.end() for m in _END.finditer(text)]
    if not ends or text[ends[-1] :].strip():
        ends.append(len(text))
    return [0, *ends]


def blocks(text: str, where: str, n: int | None) -> list[Block]:
    """`n` different blocks (at most all there are, by default at most 1,000), in a fixed seeded order.

    Raises DataError for a text that has none.
    """
    text = " ".join(text.split())
    starts = _starts(text)
    count = len(starts) - 1
    if count < SENTENCES:
        raise DataError(
            f"{where}: {count} sentences; blocks of {SENTENCES} are asked, so at least {SENTENCES} are needed"
        )
    order: Sequence[int] = sorted(range(count - SENTENCES + 1), key=lambda i: rank(SEED, i))
    found = []
    for i in order:
        block = text[starts[i] : starts[i + SENTENCES]].lstrip()
        if len(block) >= FIRST + NEXT and any(c.isalnum() for c in block[FIRST : FIRST + NEXT]):
            found.append(Block(i + 1, block[:FIRST], block[FIRST : FIRST + NEXT]))
    if not found:
        raise DataError(f"{where}: no block of {SENTENCES} sentences has {FIRST + NEXT} characters")
    return found[: min(n or 1000, len(found))]
