"""How many labels would do, in words: never more of them than there are answers to label."""

from __future__ import annotations

__all__ = ["first", "would_do"]

# With fewer labels than this an interval says next to nothing.
_FIRST = 30


def would_do(labels: int, answers: int | None, where: str = "") -> str:
    """`about 120 labels here would do`, or that all `answers` (None: not known how many there are) would not."""
    if answers is not None and labels > answers:
        return f"labels on all {answers} answers{where} together would not do"
    return f"about {labels} labels{where} would do"


def first(answers: int) -> str:
    """What to label where nothing is labelled yet."""
    return f"about {_FIRST} would do for a first interval" if answers > _FIRST else f"label all {answers} of them"
