"""Judge `number`: reads the final number of a reply and compares it with the item's. No model, no prompt."""

from __future__ import annotations

from typing import Any

from honne.judges._answers import judged_text
from honne.judges._number import gold, read_number, same
from honne.plugins import Benchmark, Model, Reply, Request
from honne.records import Item, Judgment, Response, now
from honne.spec import Spec, read_options

__all__ = ["PLUGIN", "Number"]


class Number:
    """The fixed judge of questions whose answer is a number (the item's `target`). It has no options (ConfigError).

    An answer scores 1 or 0: exactly the number wanted, or not. What cannot be read without guessing (a range, two
    different answers, working that breaks off) is `unparsed`, never wrong. The number read is kept in `raw`.
    """

    name = "number"
    # A change of what the parser reads is a new version.
    key = "number@1"
    model: Model | None = None

    def __init__(self, spec: Spec, benchmark: Benchmark | None = None) -> None:
        read_options(spec, {})
        self.benchmark = benchmark
        self.prompts: dict[str, str] = {}

    def render(self, item: Item, response: Response) -> Request | None:
        return None

    def repair(self, item: Item, response: Response, reply: Reply) -> Request | None:
        return None

    def parse(self, item: Item, response: Response, reply: Reply | None) -> Judgment:
        """The judgment on a response; `skipped` without an answer to read, `error` without a number to compare with."""

        def judged(status: str, **found: Any) -> Judgment:
            return Judgment(
                item_id=item.id,
                model=response.model,
                sample=response.sample,
                judge=self.key,
                status=status,
                at=now(),
                **found,
            )

        text = judged_text(response)
        if text is None:
            return judged("skipped")
        wanted = None if item.target is None else gold(item.target)
        if wanted is None:
            return judged("error", error=f"item {item.id!r}: its target {item.target!r} is not a number")
        reading = read_number(text, complete=response.status == "ok")
        if reading.value is None:
            return judged("unparsed", rationale=reading.why)
        right = same(reading, wanted)
        return judged(
            "scored",
            label="right" if right else "wrong",
            score=float(right),
            refused=False,
            rationale=reading.why,
            raw=f"{reading.value}{'%' if reading.percent else ''}",
        )


PLUGIN = Number
