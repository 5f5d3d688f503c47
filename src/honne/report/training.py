"""What a training says while it runs: a line at every measurement, and on a terminal a live one for every step."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from honne.report._live import LiveLine
from honne.report._text import NO_VALUE

__all__ = ["Progress"]

# The columns of a line and their widths; a step fills the first ones, a measurement all.
_COLUMNS: tuple[tuple[str, int], ...] = (
    ("step", 13),
    ("loss", 9),
    ("margin", 8),
    ("ahead", 7),
    ("chosen", 9),
    ("rejected", 9),
    ("tokens", 9),
    ("tuning", 9),
    ("replies", 9),
    ("whole", 7),
)
_STEP = sum(width for _, width in _COLUMNS[:7])


class Progress(LiveLine):
    """Give `say` to the training; use it as a context manager, so that the live line ends with it."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._last: Mapping[str, Any] = {}
        self._headed = False
        self._began: tuple[int, float] | None = None
        self.ended = False

    def say(self, what: str, told: Mapping[str, Any]) -> None:
        """Show one event of the training."""
        getattr(self, f"_{what}")(told)

    def _start(self, told: Mapping[str, Any]) -> None:
        settings, scoring = told["settings"], told["scoring"]
        pairs = told["pairs"]["train"]["pairs"]
        trained = "all weights" if settings["lora"] is None else f"an adapter of rank {settings['lora']['rank']}"
        plus = f" + {settings['sft_weight']:g} × NLL" if settings["sft_weight"] else ""
        self._print(
            f"{settings['method']}{plus} on {pairs:,} pairs: {told['steps']:,} steps of {settings['batch']}", "bold"
        )
        joined = told["processes"]
        many = "" if joined["count"] == 1 else f", {joined['count']} processes ({joined['wrapper']})"
        self._print(f"  {trained}, {told['device']}{many}; {scoring['rows']} rows, prompt {scoring['prompt']}", "dim")

    def _step(self, row: Mapping[str, Any]) -> None:
        now = time.monotonic()
        self._began = self._began or (row["step"], now)
        self._last = row
        if self._live is not None:
            self._live.update(Text(f"{_line(row)[:_STEP]}  {self._left(row, now)}", "dim"))

    def _left(self, row: Mapping[str, Any], now: float) -> str:
        """How long the steps that are left will take."""
        assert self._began is not None
        first, began = self._began
        if row["step"] == first:
            return ""
        seconds = (now - began) / (row["step"] - first) * (row["of"] - row["step"])
        return f"{seconds:.0f} s to go" if seconds < 120 else f"{seconds / 60:.0f} min to go"

    def _measured(self, row: Mapping[str, Any]) -> None:
        if not self._headed:
            self._print("".join(name.rjust(width) for name, width in _COLUMNS), "dim")
            self._headed = True
        self._print(_line({**self._last, **row}))

    def _warning(self, told: Mapping[str, Any]) -> None:
        self._print(f"  warning: {told['text']}", "yellow")

    def _note(self, told: Mapping[str, Any]) -> None:
        self._print(f"  {told['text']}", "dim")

    def _end(self, told: Mapping[str, Any]) -> None:
        self.ended = True
        early = "" if told["taken"] == told["steps"] else f" of {told['steps']:,} (early)"
        kept = "" if told["kept"] == told["taken"] else f"; the weights of step {told['kept']:,} are kept"
        self._print(f"  {told['taken']:,} steps{early} in {told['seconds']:,.0f} s{kept}")

    def _print(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style), soft_wrap=True)


def _line(row: Mapping[str, Any]) -> str:
    """One line of the table: log-probabilities, lengths and margins of the last step, and what was measured."""
    replies = row.get("replies") or {}
    cells = {
        "step": f"{row['step']:,}/{row['of']:,}",
        "loss": _number(row["loss"], ".4f"),
        "margin": _number(row.get("margin"), "+.2f"),
        "ahead": _number(row.get("ahead"), ".0%"),
        "chosen": _number(row["chosen"], ".1f"),
        "rejected": _number(row["rejected"], ".1f"),
        "tokens": f"{_number(row['chosen_tokens'], '.0f')}/{_number(row['rejected_tokens'], '.0f')}",
        "tuning": _number(row.get("tuning_loss"), ".4f"),
        "replies": _number(replies.get("tokens"), ".0f"),
        "whole": _number(replies.get("well_formed"), ".0%"),
    }
    return "".join(cells[name].rjust(width) for name, width in _COLUMNS)


def _number(value: float | None, how: str) -> str:
    return NO_VALUE if value is None else format(value, how)
