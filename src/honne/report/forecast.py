"""`honne run --dry-run`: what would be asked, what it would cost, and the first prompt."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from honne.engine.forecast import ANSWER_TOKENS, VERDICT_TOKENS, forecast
from honne.engine.plan import Plan, sent_messages
from honne.records import Item
from honne.report._text import clean, count, money, oneline

__all__ = ["print_forecast"]


def print_forecast(plan: Plan, console: Console) -> None:
    """Print requests, rough token counts, cost, and the first rendered prompt; nothing is asked."""
    console.print(Text(f"dry run of {oneline(plan.model.name)}: nothing was asked", "bold"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("asked", overflow="fold")
    for name in ("requests", "tokens in", "tokens out"):
        table.add_column(name, justify="right")
    table.add_column("cost", justify="right")
    for line in forecast(plan):
        table.add_row(
            Text(oneline(line.who)),
            count(line.requests),
            count(line.tokens_in),
            count(line.tokens_out),
            money(line.cost),
        )
    console.print(table)
    assumed = (
        f"Tokens are rough: {ANSWER_TOKENS} an answer unless max_tokens says otherwise, {VERDICT_TOKENS} a verdict."
    )
    console.print(
        Text(f"{assumed} Retries are not counted. Without price_in and price_out the cost is unknown.", "dim")
    )
    for note in plan.notes:
        console.print(Text(f"note: {oneline(note, 400)}"))
    _prompt(plan, "first prompt", plan.items[0], console)
    _attacks(plan, console)


def _attacks(plan: Plan, console: Console) -> None:
    """How many items each attack asks, by benchmark, and one attacked prompt."""
    counted = Counter((item.attack, item.benchmark) for item in plan.items if item.attack is not None)
    if not counted:
        return
    console.print(Text("\nattacked items:", "bold"))
    for (attack, benchmark), n in counted.items():
        console.print(Text(f"  {oneline(attack or '')} on {oneline(benchmark)}: {count(n)}"))
    waiting = {id for stage in plan.stages for id in stage.plain}
    made = next((item for item in plan.items if item.attack is not None and item.id not in waiting), None)
    if made is not None:
        _prompt(plan, "first attacked prompt", made, console)


def _prompt(plan: Plan, what: str, item: Item, console: Console) -> None:
    console.print(Text(f"\n{what} ({oneline(item.id)}):", "bold"))
    for message in sent_messages(plan.model)(item.messages) or item.messages:
        console.print(Text(f"[{message.role}] ", "dim") + Text(clean(message.content)))
