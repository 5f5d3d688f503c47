"""Sums over records, in which an unknown part makes the whole unknown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from honne.engine.store import RunFolder
from honne.records import Judgment, Response

__all__ = ["judges_cost", "judges_tokens", "tokens", "total"]


def total(values: Iterable[Any]) -> Any:
    """The sum, or None when any part of it is unknown or there is none: an unknown cost is never 0."""
    listed = list(values)
    return None if not listed or any(v is None for v in listed) else sum(listed)


def tokens(rows: Iterable[Response] | Iterable[Judgment]) -> list[int | None]:
    """Tokens in and out of the records that know both."""
    known = [(r.tokens_in, r.tokens_out) for r in rows if r.tokens_in is not None and r.tokens_out is not None]
    return [sum(a for a, _ in known), sum(b for _, b in known)] if known else [None, None]


def judges_cost(store: RunFolder) -> dict[str, Any]:
    """What each judge that asked a model cost."""
    return {key: total(j.cost for j in rows) for key, rows in _paid(store)}


def judges_tokens(store: RunFolder) -> dict[str, list[int | None]]:
    """The tokens of each judge that asked a model."""
    return {key: tokens(rows) for key, rows in _paid(store)}


def _paid(store: RunFolder) -> Iterable[tuple[str, list[Judgment]]]:
    return ((key, rows) for key, rows in store.judgments().items() if any(j.attempts for j in rows))
