"""Judge `choice`: reads which option a reply to a multiple-choice item chooses. No model, no prompt."""

from __future__ import annotations

from typing import Any

from honne.judges._answers import judged_text
from honne.judges._choice import Reading, read_choice
from honne.plugins import Benchmark, Model, Reply, Request
from honne.records import Item, Judgment, Response, now
from honne.spec import Spec, read_options

__all__ = ["PLUGIN", "Choice"]


class Choice:
    """The fixed judge of choice forms. Built as `Choice(spec, benchmark)`; it has no options (ConfigError).

    A choice scores 1 or 0 against the item's target; a refusal to choose, "both" and "neither" are readable answers
    that are not the target, so they score 0. What cannot be read without guessing is `unparsed`, never wrong. An item
    without a target gets no score, and the letter chosen as its label.
    """

    name = "choice"
    # A change of what the parser reads is a new version.
    key = "choice@1"
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
        """The judgment on a response; `skipped` without an answer to read, `error` without options to choose from."""

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
        try:
            reading = read_choice(text, item.options or ())
        except ValueError as e:
            return judged("error", error=f"item {item.id!r}: {e}")
        if reading.kind == "unparsed":
            return judged("unparsed", rationale=reading.why)
        right = reading.choice is not None and reading.choice == item.target
        return judged(
            "scored",
            label=_label(reading, item.target),
            score=None if item.target is None else float(right),
            choice=reading.choice,
            refused=reading.kind == "refused",
            rationale=reading.why,
        )


def _label(reading: Reading, target: str | None) -> str:
    if reading.choice is None:
        return reading.kind
    if target is None:
        return reading.choice
    return "right" if reading.choice == target else "wrong"


PLUGIN = Choice
