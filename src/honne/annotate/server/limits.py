"""How often somebody may fail: failures of the last minutes, counted in memory (the server is one process)."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque

__all__ = ["Failures"]


class Failures:
    """At most `most` failures of one key in `seconds`; of at most `keys` keys, the least recent forgotten first.

    An attempt is counted before it is checked, and taken back where it succeeds: attempts at the same time count, too.
    """

    def __init__(self, most: int, seconds: float, keys: int = 50_000) -> None:
        self.most = most
        self.seconds = seconds
        self.keys = keys
        self._at: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str) -> float:
        """Count an attempt; seconds to wait until it may be made, 0 where it may be made now."""
        now = time.monotonic()
        with self._lock:
            at = self._at.setdefault(key, deque())
            self._at.move_to_end(key)
            while at and at[0] <= now - self.seconds:
                at.popleft()
            if len(at) >= self.most:
                return at[0] + self.seconds - now
            at.append(now)
            while len(self._at) > self.keys:
                self._at.popitem(last=False)
        return 0.0

    def take_back(self, key: str) -> None:
        """The last attempt was no failure."""
        with self._lock:
            if self._at.get(key):
                self._at[key].pop()

    def forget(self, key: str) -> None:
        """It was no failure: the key starts anew."""
        with self._lock:
            self._at.pop(key, None)
