"""How many requests may be in flight, when everybody waits, and when a run gives up: rules without any I/O.

All times are seconds of one monotonic clock, passed in.
"""

from __future__ import annotations

import random

__all__ = ["FailureCap", "Limiter", "Trouble", "backoff"]

_BASE, _CAP = 0.25, 30.0


def backoff(tries: int, rng: random.Random) -> float:
    """Seconds to wait after the `tries`-th failed try: exponential, with full jitter."""
    return rng.uniform(0.0, min(_CAP, _BASE * 2.0 ** (tries - 1)))


class Limiter:
    """Adaptive concurrency, and the pause that a server asks for.

    The limit doubles while that raises throughput by at least `GAIN`, estimated as limit / mean latency over requests
    that started under the present limit; a doubling that did not help is undone, and tried again ever more rarely. An
    overload (429, 503, a timeout, any Retry-After) cuts it to `CUT`, once per round trip: a request that started before
    the last cut says nothing about the limit after it. From then on it grows by small steps.

    Servers that refuse everybody until their minute is over seldom say so. Where whole round trips are refused, all
    requests wait, ever longer but `PATIENCE` seconds in all without a success, before items use up their tries.
    """

    START, GAIN, CUT = 8, 1.15, 0.7
    MAX_PAUSE, PATIENCE = 600.0, 60.0

    def __init__(self, cap: int, start: int = START) -> None:
        self.cap = max(1, cap)
        self.limit = min(start, self.cap)
        self.paused_until = 0.0
        self.paused = 0.0
        self._since = float("-inf")
        self._count = 0
        self._latency = 0.0
        self._before: tuple[int, float] | None = None
        self._rest = 0
        self._patience = 2
        self._careful = False
        self._cut_at = float("-inf")
        self._refused = 0
        self._waited = 0.0

    def succeeded(self, started: float, now: float) -> None:
        """A request that started at `started` was answered."""
        self._refused = 0
        self._waited = 0.0
        if started < self._since:
            return
        self._count += 1
        if self._count > self.limit:  # the first round met the queue as the earlier limit had left it
            self._latency += now - started
            if self._count >= 3 * self.limit:
                self._judge(now)

    def overloaded(self, started: float, now: float, retry_after: float | None) -> None:
        """A request that started at `started` was refused for load; `retry_after` is the server's own wish."""
        if retry_after:
            self._pause(now, min(retry_after, self.MAX_PAUSE))
        if started < self._cut_at:
            return
        self._cut_at = now
        self._careful = True
        self._before = None
        self._set(max(1, min(self.limit - 1, int(self.limit * self.CUT))), now)
        self._refused += 1
        if self._refused >= 3 and self._waited < self.PATIENCE:
            wait = min(_CAP, 0.5 * 2.0 ** (self._refused - 3))
            self._waited += wait
            self._pause(now, wait)

    def _pause(self, now: float, seconds: float) -> None:
        until = now + seconds
        if until > self.paused_until:
            self.paused += until - max(now, self.paused_until)
            self.paused_until = until

    def _judge(self, now: float) -> None:
        rate = self.limit * (self._count - self.limit) / max(self._latency, 1e-9)
        if self._careful:
            self._set(min(self.cap, self.limit + 1 + self.limit // 8), now)
            return
        if self._before is not None:
            limit, earlier = self._before
            if rate < self.GAIN * earlier:
                self._before = None
                self._rest = self._patience
                self._patience = min(64, 2 * self._patience)
                self._set(limit, now)
                return
        elif self._rest > 0:
            self._rest -= 1
            self._set(self.limit, now)
            return
        self._before = (self.limit, rate) if self.limit < self.cap else None
        self._set(min(self.cap, 2 * self.limit), now)

    def _set(self, limit: int, now: float) -> None:
        self.limit = limit
        self._since = now
        self._count = 0
        self._latency = 0.0


class FailureCap:
    """Counts failed items in completion order; any success starts anew, an item's own fault counts for nothing."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self.in_a_row = 0

    def succeeded(self) -> None:
        self.in_a_row = 0

    def failed(self) -> bool:
        """Count one failure; True when the run must stop."""
        self.in_a_row += 1
        return self.in_a_row >= self.cap


class Trouble:
    """How many items may be on their second to last try before no fresh ones are started.

    A failed item completes late: seconds after a fast server has answered everything else. Without a bound, the few
    per cent of items that a healthy server can never answer would all complete last, in a row, and look like a dead
    server. With it, fresh items go on completing between them, and what may be left for the end (the troubled ones,
    and the share `rate` of the fresh ones in flight that is expected to join them) stays below the failure cap.
    """

    TROUBLED, EXPECTED = 30, 40.0
    _WEIGHT = 1 / 50

    def __init__(self) -> None:
        self.troubled = 0
        self.rate = 0.0

    def first_try(self, failed: bool) -> None:
        """Note how an item's first try went (`rate` is a moving average over about 50)."""
        self.rate += self._WEIGHT * (failed - self.rate)

    def admits(self, fresh: int) -> bool:
        """Whether another item may be started while `fresh` ones are on their first try."""
        return self.troubled < self.TROUBLED and self.troubled + self.rate * (fresh + 1) < self.EXPECTED
