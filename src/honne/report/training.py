"""What a training says while it runs: one live line on a terminal, a line at every measurement elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from honne.report._text import NO_VALUE

__all__ = ["Progress"]


class Progress:
    """Give `say` to the training; use it as a context manager, so that the live line ends with it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True) if console.is_terminal else None
        self._last: Mapping[str, Any] = {}
        self.ended = False

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

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
        self._last = row
        if self._live is not None:
            self._live.update(self._line(row))

    def _line(self, row: Mapping[str, Any]) -> Text:
        margin = f"  margin {row['margin']:+.2f}  ahead {100 * row['ahead']:.0f} %" if "margin" in row else ""
        logs = f"  chosen {_number(row['chosen'])}  rejected {_number(row['rejected'])}"
        lengths = f"  tokens {_number(row['chosen_tokens'], 0)}/{_number(row['rejected_tokens'], 0)}"
        return Text(f"  step {row['step']:,}/{row['of']:,}  loss {row['loss']:.4f}{margin}{logs}{lengths}")

    def _measured(self, row: Mapping[str, Any]) -> None:
        line = self._line(self._last)
        if row.get("tuning_loss") is not None:
            line.append(f"  tuning {row['tuning_loss']:.4f}", "bold")
        if (found := row["replies"]) is not None:
            line.append(f"  replies {found['tokens']:.0f} tokens, {100 * found['well_formed']:.0f} % whole", "dim")
        self._print(line)

    def _warning(self, told: Mapping[str, Any]) -> None:
        self._print(f"  warning: {told['text']}", "yellow")

    def _note(self, told: Mapping[str, Any]) -> None:
        self._print(f"  {told['text']}", "dim")

    def _end(self, told: Mapping[str, Any]) -> None:
        self.ended = True
        early = "" if told["taken"] == told["steps"] else f" of {told['steps']:,} (early)"
        kept = "" if told["kept"] == told["taken"] else f"; the weights of step {told['kept']:,} are kept"
        self._print(f"  {told['taken']:,} steps{early} in {told['seconds']:,.0f} s{kept}")

    def _print(self, text: str | Text, style: str = "") -> None:
        self._console.print(text if isinstance(text, Text) else Text(text, style), soft_wrap=True)


def _number(value: float | None, digits: int = 1) -> str:
    return NO_VALUE if value is None else f"{value:.{digits}f}"
