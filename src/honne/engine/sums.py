"""Sums in which an unknown part makes the whole unknown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from honne.records import Judgment, Response

__all__ = ["tokens", "total"]


def total(values: Iterable[Any]) -> Any:
    """The sum, or None when any part of it is unknown or there is none: an unknown cost is never 0."""
    listed = list(values)
    return None if not listed or any(v is None for v in listed) else sum(listed)


def tokens(rows: Iterable[Response] | Iterable[Judgment]) -> list[int | None]:
    """Tokens in and out of the rows that know theirs; Nones where none does."""
    known = [(r.tokens_in, r.tokens_out) for r in rows if r.tokens_in is not None and r.tokens_out is not None]
    return [sum(a for a, _ in known), sum(b for _, b in known)] if known else [None, None]
