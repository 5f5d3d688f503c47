"""The agreement of each project, kept while nothing changes.

Every change of a project is in its log, so the log's length and last entry tell whether there was one. On a large
project the computation takes a second of a processor that all requests share: one page computes, the others get what
was known before, and where labels come in all the time it takes a twentieth of the time at most.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from honne.annotate.agreement import Agreements, agreement
from honne.annotate.database import Database
from honne.annotate.tables import Log
from honne.records import now

__all__ = ["REST", "Agreed", "Known"]

REST = 19.0
"""How long a project's agreement is not computed again, in times of how long that took."""


@dataclass(frozen=True)
class Known:
    """An agreement, when it was computed, and the state of the log by then (`entries`, and the `last` one's number)."""

    found: Agreements
    at: datetime
    entries: int
    last: int


@dataclass
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    known: Known | None = None
    until: float = 0.0


class Agreed:
    """The agreements of one server's projects, in memory."""

    def __init__(self, rest: float = REST) -> None:
        self.rest = rest
        self._kept: dict[int, _Kept] = {}
        self._lock = threading.Lock()

    def of(self, database: Database, project_id: int) -> Known:
        """The agreement of a project: as it stands, or as it stood a short while ago."""
        with self._lock:
            kept = self._kept.setdefault(project_id, _Kept())
        known = kept.known
        if known is not None and time.monotonic() < kept.until:
            return known
        # Who comes while another computes takes what there is; only the very first ones wait.
        if not kept.lock.acquire(blocking=known is None):
            assert known is not None
            return known
        try:
            with database.read() as s:
                return self._fresh(s, project_id, kept)
        finally:
            kept.lock.release()

    def _fresh(self, s: Session, project_id: int, kept: _Kept) -> Known:
        at = now()
        # Numbers are given before the commit: a lower one may come later, and the length tells.
        entries, last = s.execute(
            select(func.count(), func.coalesce(func.max(Log.id), 0)).where(Log.project_id == project_id)
        ).one()
        known = kept.known
        if known is not None and (known.entries, known.last) == (entries, last):
            return known
        begun = time.monotonic()
        kept.known = Known(agreement(s, project_id), at, entries, last)
        ended = time.monotonic()
        kept.until = ended + self.rest * (ended - begun)
        return kept.known
