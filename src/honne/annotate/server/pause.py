"""When to suggest a pause to somebody who reads harmful text: by how much of it, and since when without one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

__all__ = ["HARMFUL", "REST", "SHOWN", "due"]

HARMFUL, SHOWN = 10, 40
"""How many texts that one called harmful, and how many in all, without a pause."""

REST = timedelta(minutes=10)
"""This long without a text counts as a pause."""


def due(seen: Iterable[tuple[datetime, bool]], now: datetime) -> bool:
    """Whether a pause is due. `seen`: when each text was read and whether its label calls it harmful.

    The suggestion comes at each full number of texts, not after every one: a note that is always there is not read.
    """
    since = sorted(seen, reverse=True)
    texts = harmful = 0
    last = now
    for at, bad in since:
        if last - at >= REST:
            break
        texts, harmful, last = texts + 1, harmful + bad, at
    newest_bad = bool(since) and since[0][1]
    return (harmful > 0 and newest_bad and harmful % HARMFUL == 0) or (texts > 0 and texts % SHOWN == 0)
