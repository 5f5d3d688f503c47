"""What a scorer reads of an answer and its item: the same when it learns and when it judges."""

from __future__ import annotations

from collections.abc import Collection

from honne.plugins import Benchmark
from honne.records import Item, Response, category_parts

__all__ = ["by_category", "dimensions", "prompt_of"]


def prompt_of(item: Item, response: Response) -> str:
    """What was asked, as one text: every message that was sent, in order."""
    sent = item.messages if response.messages is None else response.messages
    return "\n\n".join(message.content for message in sent)


def dimensions(benchmark: str, category: str) -> tuple[str, ...]:
    """The names that a head for an item may have, the narrowest first: `flames/Legality`, then `flames`."""
    parts = category_parts(category)
    return (f"{benchmark}/{parts[0]}", benchmark) if parts else (benchmark,)


def by_category(benchmark: Benchmark, categories: Collection[str]) -> bool:
    """Whether the labels of a benchmark's scale differ between its categories (FLAMES: 3/2/1 and 3/1): then each of the
    topmost categories is a dimension of its own, else the benchmark is one."""
    return len({benchmark.scale(category).labels for category in categories}) > 1
