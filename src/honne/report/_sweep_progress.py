"""How far a sweep is: one live line on a terminal, a line for every cell on both."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from honne.engine.progress import Progress, Snapshot
from honne.report._live import LiveLine
from honne.report._text import oneline

__all__ = ["Watching"]


class Watching(LiveLine):
    """Give `say` and `asking` to the sweep; use it as a context manager, so that the live line ends with it."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._place = "base"
        self._left = ""
        self._at: Mapping[str, Any] = {}
        self._trained = False
        self._began = time.monotonic()
        self._spent: list[float] = []

    def say(self, what: str, told: Mapping[str, Any]) -> None:
        """Take one event of the sweep, or of the training of a cell."""
        known = getattr(self, f"_{what}", None)
        if known is not None:
            known(told)

    def asking(self, label: str, total: int) -> Progress:
        """Progress of a run, shown on the same line."""
        return _Asking(self, label, total)

    def line(self, text: str) -> None:
        """What is being done now."""
        if self._live is not None:
            self._live.update(Text(f"  {self._place}: {text}{self._left}", no_wrap=True, overflow="ellipsis"))

    # ------------------------------------------------------------------- events

    def _plan(self, told: Mapping[str, Any]) -> None:
        many = "1 seed" if told["seeds"] == 1 else f"{told['seeds']} seeds"
        sets = f" (on {told['sets']} sets of pairs)" if told["sets"] > 1 else ""
        self._print(
            f"{told['recipes']} configurations{sets} × {many}: {told['cells']} trainings, each measured on --tune-on",
            "bold",
        )

    def _begin(self, told: Mapping[str, Any]) -> None:
        self._at, self._trained, self._began = told, False, time.monotonic()
        self._place = f"{told['number']}/{told['of']} {oneline(told['name'], 40)} seed {told['seed']}"
        self.line("training")

    def _step(self, row: Mapping[str, Any]) -> None:
        self._trained = True
        self.line(f"step {row['step']:,}/{row['of']:,}  loss {row['loss']:.3f}")

    def _warning(self, told: Mapping[str, Any]) -> None:
        self._print(f"  {self._place}: {told['text']}", "yellow")

    def _note(self, told: Mapping[str, Any]) -> None:
        self.line(told["text"])

    def _end(self, told: Mapping[str, Any]) -> None:
        self._trained = True
        self.line("measuring")

    def _cell(self, told: Mapping[str, Any]) -> None:
        took = time.monotonic() - self._began
        if self._trained:
            self._spent.append(took)
        left = (self._at["of"] - self._at["number"]) * sum(self._spent) / max(1, len(self._spent))
        self._left = f"  about {_minutes(left)} left" if left else ""
        safety = "" if told["safety"] is None else f"  safety {100 * told['safety']:.1f}"
        how = f"  {took:,.0f} s" if self._trained else "  found done"
        self._print(f"  {self._place}:{safety}{how}{self._left}")
        if told["broken"]:
            self._print(f"    broken: {oneline(told['broken'], 300)}", "red")

    def _test(self, told: Mapping[str, Any]) -> None:
        self._place, self._left = "test", ""
        self._print(f"  testing once, on --test-on: the base, {', '.join(oneline(n, 40) for n in told['names'])}")

    def _print(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style), soft_wrap=True)


class _Asking(Progress):
    def __init__(self, watching: Watching, label: str, total: int) -> None:
        super().__init__(label, total)
        self._watching = watching

    def _show(self, snapshot: Snapshot, now: float, *, last: bool) -> None:
        self._watching.line(f"{self.label} {snapshot.done:,}/{snapshot.total:,}")


def _minutes(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 90
        else f"{seconds / 60:.0f} min"
        if seconds < 5400
        else f"{seconds / 3600:.1f} h"
    )
