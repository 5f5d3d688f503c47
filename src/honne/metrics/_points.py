"""Verdicts with points: `safe-7` says `safe`, and how sure the judge is of it."""

from __future__ import annotations

import re

__all__ = ["plain"]

_POINTS = re.compile(r"(.+)-[0-9]+")


def plain(label: str) -> str:
    """What a label says without its points; one that has none as it is."""
    found = _POINTS.fullmatch(label)
    return found[1] if found else label
