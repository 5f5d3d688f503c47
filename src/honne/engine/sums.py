"""Sums in which an unknown part makes the whole unknown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["total"]


def total(values: Iterable[Any]) -> Any:
    """The sum, or None when any part of it is unknown or there is none: an unknown cost is never 0."""
    listed = list(values)
    return None if not listed or any(v is None for v in listed) else sum(listed)
