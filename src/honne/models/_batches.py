"""Requests that come one by one, answered in batches by one thread.

The engine asks each request by itself. Those that wait are taken in batches: the oldest, and with it those whose
prompts are nearest in length, so that little is padding. When a batch does not fit into memory it is halved, for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from honne.errors import ModelError

__all__ = ["Batches", "OutOfMemory"]

_T = TypeVar("_T")
_R = TypeVar("_R")
# How long a batch that is not full waits for others to join it, in seconds.
_PATIENCE = 0.004


class OutOfMemory(Exception):
    """A batch did not fit into memory."""


class Batches(Generic[_T, _R]):
    """`run(batch)` answers a batch, in its thread; each answer is a result or the exception to raise for it.

    `size(job)` is what batches are sorted by. `capacity` is the number of jobs in a batch, and falls when `run` raises
    OutOfMemory; a job that does not fit alone fails with a ModelError.
    """

    def __init__(
        self,
        run: Callable[[Sequence[_T]], Sequence[_R | Exception]],
        size: Callable[[_T], int],
        capacity: int,
    ) -> None:
        self._run, self._size = run, size
        self.capacity = capacity
        self.halved = False
        self._waiting: list[tuple[_T, asyncio.Future[_R]]] = []
        self._worker: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def ask(self, job: _T) -> _R:
        """The answer to a job. Raises what `run` gave for it."""
        answer: asyncio.Future[_R] = asyncio.get_running_loop().create_future()
        self._waiting.append((job, answer))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def close(self) -> None:
        """End the work: what waits is cancelled; the batch in the thread is waited for."""
        for _, answer in self._waiting:
            answer.cancel()
        self._waiting.clear()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None
        if self._thread is not None:
            self._thread.shutdown(wait=True)
            self._thread = None

    async def _work(self) -> None:
        while self._waiting:
            if len(self._waiting) < self.capacity:
                await asyncio.sleep(_PATIENCE)
            batch = self._next()
            if batch:
                await self._answer(batch)

    def _next(self) -> list[tuple[_T, asyncio.Future[_R]]]:
        """Take the oldest job and those nearest to it in length."""
        self._waiting = [(job, answer) for job, answer in self._waiting if not answer.done()]
        if not self._waiting:
            return []
        oldest = self._size(self._waiting[0][0])
        near = sorted(range(len(self._waiting)), key=lambda i: (abs(self._size(self._waiting[i][0]) - oldest), i))
        taken = set(near[: self.capacity])
        batch = [self._waiting[i] for i in sorted(taken)]
        self._waiting = [one for i, one in enumerate(self._waiting) if i not in taken]
        return batch

    async def _answer(self, batch: list[tuple[_T, asyncio.Future[_R]]]) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="honne-model")
        loop = asyncio.get_running_loop()
        found: Sequence[_R | Exception]
        try:
            found = await loop.run_in_executor(self._thread, self._run, [job for job, _ in batch])
        except OutOfMemory as e:
            if len(batch) > 1:
                self.capacity, self.halved = max(1, len(batch) // 2), True
                self._waiting = [*batch, *self._waiting]
                return
            found = [ModelError(f"out of memory for this item alone ({e})", kind="out_of_memory", item_fault=True)]
        except Exception as e:  # every one of the batch must hear of it, or wait for ever
            why = " ".join(f"{type(e).__name__}: {e}".split())[:300]
            found = [ModelError(f"the model failed on a batch of {len(batch)}: {why}", kind="model")] * len(batch)
        for (_, answer), one in zip(batch, found, strict=True):
            if answer.done():
                continue
            if isinstance(one, Exception):
                answer.set_exception(one)
            else:
                answer.set_result(one)
