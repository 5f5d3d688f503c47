"""The executor on one machine: requests in, outcomes out, with retries, adaptive concurrency and a failure cap.

A few worker tasks take turns: each takes the next request that may start, asks, hands over the outcome, and takes the
next. A request that waits for its next try is in a heap and holds no worker.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from honne.engine.limits import FailureCap, Limiter, Trouble, backoff
from honne.engine.progress import Progress, Snapshot
from honne.errors import ModelError, Stopped
from honne.plugins import Model, Reply, Request

__all__ = ["Feed", "Outcome", "Summary", "execute"]

TRIES = 6
FAILURES_IN_A_ROW = 50
# Before the first word from the server: how long a server that does not listen is tried, in seconds.
_REACH = 3.0
# After a fatal error before the first answer: how long the other requests in flight may still prove it wrong.
_DOUBT = 10.0
_OVERLOADED = frozenset({"http_429", "http_503", "http_529", "timeout"})
_TICK = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: a reply, or the error of its last try. `seconds` is the last try's wall time."""

    request: Request
    request_hash: str
    reply: Reply | None
    error: ModelError | None
    attempts: int
    seconds: float | None


class Feed:
    """Requests that are still to come, for an execution that runs beside their maker: `put` them, then `close`."""

    def __init__(self) -> None:
        self.requests: deque[Request] = deque()
        self.dropped = 0
        self.closed = False
        self.changed: Callable[[], None] = lambda: None

    def put(self, request: Request) -> None:
        self.requests.append(request)
        self.changed()

    def drop(self) -> None:
        """One of those that were expected will not come."""
        self.dropped += 1

    def close(self) -> None:
        """Nothing more will come."""
        self.closed = True
        self.changed()


@dataclass(frozen=True)
class Summary:
    """What a call of `execute` did. `paused` is the time that all requests waited at the server's wish."""

    answered: int
    failed: int
    not_asked: int
    tries: int
    served_models: tuple[str, ...]
    seconds: float
    peak: int
    paused: float


async def execute(
    model: Model,
    requests: Iterable[Request] | Feed,
    on_outcome: Callable[[Outcome], Request | None],
    *,
    total: int,
    progress: Progress | None = None,
    failed_before: Collection[tuple[str, int]] = (),
) -> Summary:
    """Ask `model` every request, pulled lazily or as a Feed gets them, and call `on_outcome` as each is settled, in
    completion order.

    `on_outcome` runs with nothing awaited since the reply's body was read; a Request that it returns is asked next.
    The model is opened (again, harmlessly) and left open. Raises ModelError when nothing can be asked (unreachable;
    401, 403, 404 or the same rejection of every request before the first answer), Stopped after 50 failed items in a
    row, and whatever `on_outcome` or `requests` raise. Cancelled, it ends at once; every outcome was handed over.
    That a request whose key is in `failed_before` fails again says nothing about the server.
    """
    await model.open()
    return await _Execution(model, requests, on_outcome, total, progress, failed_before).run()


class _Job:
    __slots__ = ("body", "digest", "request", "tries")

    def __init__(self, request: Request, body: bytes) -> None:
        self.request = request
        self.body = body
        self.digest = hashlib.sha256(body).hexdigest()[:16]
        self.tries = 0


class _Execution:
    def __init__(
        self,
        model: Model,
        requests: Iterable[Request] | Feed,
        on_outcome: Callable[[Outcome], Request | None],
        total: int,
        progress: Progress | None,
        failed_before: Collection[tuple[str, int]],
    ) -> None:
        self._model = model
        self._feed = requests if isinstance(requests, Feed) else None
        self._requests = iter(()) if isinstance(requests, Feed) else iter(requests)
        self._coming: Request | None = None
        self._on_outcome = on_outcome
        self._total = total
        self._progress = progress
        self._failed_before = failed_before
        self._limiter = Limiter(model.concurrency, getattr(model, "at_once", Limiter.START))
        self._trouble = Trouble()
        self._cap = FailureCap(FAILURES_IN_A_ROW)
        self._rng = random.Random()
        self._waiting: list[tuple[float, int, _Job]] = []
        self._follow_ups: deque[Request] = deque()
        self._in_flight = 0
        self._fresh = 0
        self._workers: list[asyncio.Task[None]] = []
        self._idle: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._finished: asyncio.Future[None] = self._loop.create_future()
        # counts
        self._answered = self._failed = self._not_asked = self._tries = self._peak = 0
        self._served: dict[str, None] = {}
        self._trouble_kind: str | None = None
        # what to make of errors before the first answer
        self._heard = False
        self._unheard_since: float | None = None
        self._doubted: list[tuple[_Job, ModelError, float]] = []
        self._doubt_ends = 0.0
        self._rejection: tuple[str, int] = ("", 0)

    # ------------------------------------------------------------------- frame

    async def run(self) -> Summary:
        began = time.monotonic()
        ticker = self._loop.call_soon(self._tick) if self._progress is not None else None
        if self._feed is not None:
            self._feed.changed = self._wake
        self._pull()
        self._wake()
        try:
            await self._finished
        finally:
            if self._feed is not None:
                self._feed.changed = lambda: None
            for handle in (ticker, self._timer):
                if handle is not None:
                    handle.cancel()
            for worker in self._workers:
                worker.cancel()
            ended = await asyncio.gather(*self._workers, return_exceptions=True)
            if self._progress is not None:
                self._progress.update(self._snapshot())
        for error in ended:
            if isinstance(error, Exception):
                raise error  # the last of several answers came in before this error was heard of
        return Summary(
            answered=self._answered,
            failed=self._failed,
            not_asked=self._not_asked,
            tries=self._tries,
            served_models=tuple(self._served),
            seconds=time.monotonic() - began,
            peak=self._peak,
            paused=self._limiter.paused,
        )

    def _tick(self) -> None:
        if self._progress is not None and not self._finished.done():
            self._progress.update(self._snapshot())
            self._loop.call_later(_TICK, self._tick)

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            done=self._answered + self._failed + self._not_asked,
            failed=self._failed,
            total=self._total - (self._feed.dropped if self._feed is not None else 0),
            in_flight=self._in_flight,
            limit=self._limiter.limit,
            retrying=self._trouble.troubled,
            pause=max(0.0, self._limiter.paused_until - time.monotonic()),
            trouble=self._trouble_kind,
        )

    # ----------------------------------------------------------------- workers

    def _wake(self) -> None:
        """Let one more worker look for something to start."""
        if self._idle:
            self._idle.pop().set_result(None)
        elif len(self._workers) < self._limiter.limit and not self._finished.done():
            worker = self._loop.create_task(self._work())
            worker.add_done_callback(self._ended)
            self._workers.append(worker)

    def _wake_at(self, when: float) -> None:
        delay = max(0.0, when - time.monotonic())
        due = self._loop.time() + delay
        if self._timer is not None and not self._timer.cancelled() and self._loop.time() < self._timer.when() <= due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._wake)

    def _ended(self, worker: asyncio.Task[None]) -> None:
        if not worker.cancelled() and (error := worker.exception()) is not None and not self._finished.done():
            self._finished.set_exception(error)

    async def _work(self) -> None:
        while not self._finished.done():
            job = self._take()
            if job is None:
                parked: asyncio.Future[None] = self._loop.create_future()
                self._idle.append(parked)
                await parked
                continue
            self._in_flight += 1
            fresh = job.tries == 0
            self._fresh += fresh
            if self._in_flight > self._peak:
                self._peak = self._in_flight
            if self._in_flight < self._limiter.limit:
                self._wake()
            if not self._tries & 63:
                await asyncio.sleep(0)  # a model that answers without waiting must not starve everything else
            job.tries += 1
            self._tries += 1
            reply: Reply | None = None
            error: ModelError | None = None
            started = time.monotonic()
            try:
                reply = await self._model.ask(job.request, job.body)
            except ModelError as e:
                error = e
            now = time.monotonic()
            self._in_flight -= 1
            if fresh:
                self._fresh -= 1
                self._trouble.first_try(error is not None and error.retryable)
            if reply is not None:
                self._limiter.succeeded(started, now)
                self._take_answer(job, reply, now - started)
            elif error is not None:
                self._take_error(job, error, started, now)

    def _take(self) -> _Job | None:
        """The next request to start now, or None after arranging for somebody to look again."""
        now = time.monotonic()
        if self._doubted:
            if self._in_flight == 0 or now >= self._doubt_ends:
                raise self._doubted[0][1]
            self._wake_at(self._doubt_ends)
            return None
        if self._in_flight >= self._limiter.limit:
            return None
        if self._coming is None:
            self._pull()
        left = self._waiting or self._follow_ups or self._coming is not None
        if left and now < self._limiter.paused_until:
            self._wake_at(self._limiter.paused_until)
            return None
        if self._waiting and self._waiting[0][0] <= now:
            return heapq.heappop(self._waiting)[2]
        if self._follow_ups:
            return self._job(self._follow_ups.popleft())
        if self._coming is not None and self._trouble.admits(self._fresh):
            request = self._coming
            self._pull()
            return self._job(request)
        if self._waiting:
            self._wake_at(self._waiting[0][0])
        elif not left and self._in_flight == 0 and not self._finished.done() and self._all_came():
            self._finished.set_result(None)
        return None

    def _pull(self) -> None:
        """Have the next request at hand, if there is one by now."""
        if self._feed is None:
            self._coming = next(self._requests, None)
        else:
            self._coming = self._feed.requests.popleft() if self._feed.requests else None

    def _all_came(self) -> bool:
        return self._feed is None or self._feed.closed

    def _job(self, request: Request) -> _Job:
        return _Job(request, self._model.body(request))

    # ---------------------------------------------------------------- outcomes

    def _take_answer(self, job: _Job, reply: Reply, seconds: float) -> None:
        self._heard = True
        if job.tries > 1:
            self._trouble.troubled -= 1
        if reply.status == "not_asked":
            self._not_asked += 1
        else:
            self._answered += 1
        if reply.served_model is not None:
            self._served[reply.served_model] = None
        self._cap.succeeded()
        self._hand_over(Outcome(job.request, job.digest, reply, None, job.tries, seconds))
        doubted, self._doubted = self._doubted, []
        for other, error, took in doubted:
            self._give_up(other, error, took)

    def _take_error(self, job: _Job, error: ModelError, started: float, now: float) -> None:
        self._trouble_kind = error.kind
        if error.retry_after is not None or error.kind in _OVERLOADED:
            self._limiter.overloaded(started, now, error.retry_after)
        patient = self._unreachable(error, started, now)
        if error.fatal and not self._answered and not (self._known_bad(job) and error.kind != "http_401"):
            if not self._doubted:
                self._doubt_ends = now + _DOUBT
            self._doubted.append((job, error, now - started))
            return
        if not (error.retryable and (job.tries < TRIES or patient)):
            self._give_up(job, error, now - started)
            return
        if job.tries == 1:
            self._trouble.troubled += 1
        wait = backoff(1 if patient else job.tries, self._rng)
        if error.retry_after is not None:
            wait = max(wait, min(error.retry_after, Limiter.MAX_PAUSE))
        heapq.heappush(self._waiting, (now + wait, self._tries, job))

    def _unreachable(self, error: ModelError, started: float, now: float) -> bool:
        """Whether to go on trying a server that nobody has heard of yet; raises when that took long enough."""
        if self._heard or error.kind != "unreachable":
            self._heard = True
            return False
        if self._unheard_since is None:
            self._unheard_since = started
        if now - self._unheard_since >= _REACH:
            raise error
        return True

    def _give_up(self, job: _Job, error: ModelError, seconds: float) -> None:
        if job.tries > 1:
            self._trouble.troubled -= 1
        self._failed += 1
        self._hand_over(Outcome(job.request, job.digest, None, error, job.tries, seconds))
        if self._known_bad(job):
            return
        if error.item_fault:
            self._count_rejections(str(error))
        elif self._cap.failed():
            raise Stopped(f"stopped after {self._cap.in_a_row} failed items in a row; the last error: {error}.")

    def _known_bad(self, job: _Job) -> bool:
        return (job.request.item_id, job.request.sample) in self._failed_before

    def _count_rejections(self, message: str) -> None:
        """Every request rejected in the same words from the very first on: not the items' fault but the run's."""
        if self._answered:
            return
        before, count = self._rejection
        self._rejection = (message, count + 1 if message == before else 1)
        if self._rejection[1] >= FAILURES_IN_A_ROW:
            raise ModelError(
                f"all of the first {FAILURES_IN_A_ROW} requests were rejected: {message}", kind="rejected", fatal=True
            )

    def _hand_over(self, outcome: Outcome) -> None:
        follow_up = self._on_outcome(outcome)
        if follow_up is not None:
            self._total += 1
            self._follow_ups.append(follow_up)
