"""How far a run is: a live bar in a terminal, a plain line now and then elsewhere. Counts only, never any text."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["MakeProgress", "Progress", "Snapshot", "silent", "visible"]

_REFRESH = 0.15
_LINE_EVERY = 5.0
_RATE_OVER = 30.0


@dataclass(frozen=True)
class Snapshot:
    """The state of an execution; `pause` is how many seconds everybody still waits, `trouble` the last error's kind."""

    done: int
    failed: int
    total: int
    in_flight: int
    limit: int
    retrying: int
    pause: float
    trouble: str | None


class Progress:
    """Shows nothing by itself: the silent kind, and the base of the others."""

    def __init__(self, label: str, total: int) -> None:
        self.label = label
        self.total = total
        self._last: Snapshot | None = None
        self._seen: deque[tuple[float, int]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._last is not None:
            self._show(self._last, time.monotonic(), last=True)

    def update(self, snapshot: Snapshot) -> None:
        """Take note of `snapshot`, and show it unless something was shown just now."""
        now = time.monotonic()
        self._last = snapshot
        self._seen.append((now, snapshot.done))
        while len(self._seen) > 2 and now - self._seen[0][0] > _RATE_OVER:
            self._seen.popleft()
        self._show(snapshot, now, last=False)

    def _show(self, snapshot: Snapshot, now: float, *, last: bool) -> None:
        return

    def _rate(self) -> float:
        """Items per second over the last half minute."""
        if len(self._seen) < 2:
            return 0.0
        (began, at_first), (ended, at_last) = self._seen[0], self._seen[-1]
        return (at_last - at_first) / (ended - began) if ended > began else 0.0

    def _details(self, snapshot: Snapshot) -> str:
        rate = self._rate()
        parts = [f"the server asks to wait {_clock(snapshot.pause)}"] if snapshot.pause > 0 else []
        parts.append(f"{rate:.1f}/s")
        if rate > 0 and snapshot.done < snapshot.total:
            parts.append(f"ETA {_clock((snapshot.total - snapshot.done) / rate)}")
        if snapshot.failed:
            parts.append(f"{snapshot.failed} failed")
        if snapshot.retrying:
            parts.append(f"{snapshot.retrying} retrying ({snapshot.trouble})")
        parts.append(f"{snapshot.in_flight}/{snapshot.limit} in flight")
        return " · ".join(parts)


MakeProgress = Callable[[str, int], Progress]


class _Lines(Progress):
    """A line every few seconds, for logs."""

    def __init__(self, label: str, total: int, stream: TextIO) -> None:
        super().__init__(label, total)
        self._stream = stream
        self._next = time.monotonic() + _LINE_EVERY

    def _show(self, snapshot: Snapshot, now: float, *, last: bool) -> None:
        if not last and now < self._next:
            return
        self._next = now + _LINE_EVERY
        line = f"{self.label}: {snapshot.done}/{snapshot.total} · {self._details(snapshot)}"
        print(line, file=self._stream, flush=True)


class _Screen:
    """The live display of one stream, shared by all bars that are on at the same time."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        # no auto_refresh: its thread would wake several times a second for nothing. sys.stderr stays what it is: a
        # second bar finds the first one's screen by it.
        self._live = Live(
            console=Console(file=stream), auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._bars: list[_Bar] = []
        self._on = 0

    def enter(self, bar: _Bar) -> None:
        if not self._on:
            self._bars.clear()
            self._live.start()
        self._on += 1
        self._bars.append(bar)

    def leave(self) -> None:
        self._on -= 1
        if not self._on:
            self._live.stop()

    def draw(self) -> None:
        from rich.console import Group

        self._live.update(Group(*(part for bar in self._bars for part in bar.drawn)), refresh=True)


_screens: dict[int, _Screen] = {}


class _Bar(Progress):
    """A live bar on a terminal, with the details on a line of their own."""

    def __init__(self, label: str, total: int, stream: TextIO) -> None:
        super().__init__(label, total)
        self._screen = _screens.setdefault(id(stream), _Screen(stream))
        self._next = 0.0
        self.drawn: list[RenderableType] = []

    def __enter__(self) -> Self:
        self._screen.enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._screen.leave()

    def _show(self, snapshot: Snapshot, now: float, *, last: bool) -> None:
        if not last and now < self._next:
            return
        self._next = now + _REFRESH
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        bar = ProgressBar(total=max(1, snapshot.total), completed=snapshot.done, width=24)
        line = Table.grid(padding=(0, 1))
        line.add_row(Text(self.label), bar, Text(f"{snapshot.done}/{snapshot.total}"))
        details = Text(f"  {self._details(snapshot)}", style="dim", no_wrap=True, overflow="ellipsis")
        self.drawn = [line, details]
        self._screen.draw()


def visible(label: str, total: int, stream: TextIO | None = None) -> Progress:
    """Progress on `stream` (default: standard error), in the form that suits it."""
    stream = stream if stream is not None else sys.stderr
    return _Bar(label, total, stream) if stream.isatty() else _Lines(label, total, stream)


def silent(label: str, total: int) -> Progress:
    """No progress at all."""
    return Progress(label, total)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
