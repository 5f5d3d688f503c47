"""Judge `choice`: reads which option a reply to a multiple-choice item chooses. No model, no prompt."""

from __future__ import annotations

from typing import Any

from honne.judges._choice import Reading, read_choice
from honne.judges._fixed import Fixed
from honne.records import Item, Response

__all__ = ["PLUGIN", "Choice"]


class Choice(Fixed):
    """The fixed judge of choice forms. Built as `Choice(spec, benchmark)`; it has no options (ConfigError).

    A choice scores 1 or 0 against the item's target; a refusal to choose, "both" and "neither" are readable answers
    that are not the target, so they score 0. What cannot be read without guessing is `unparsed`, never wrong. An item
    without a target gets no score, and the letter chosen as its label.
    """

    name = "choice"
    # A change of what the parser reads is a new version.
    key = "choice@1"

    def read(self, item: Item, response: Response, text: str) -> dict[str, Any]:
        """The judgment on a response; `error` without options to choose from."""
        try:
            reading = read_choice(text, item.options or ())
        except ValueError as e:
            return {"status": "error", "error": f"item {item.id!r}: {e}"}
        if reading.kind == "unparsed":
            return {"status": "unparsed", "rationale": reading.why}
        right = reading.choice is not None and reading.choice == item.target
        return {
            "status": "scored",
            "label": _label(reading, item.target),
            "score": None if item.target is None else float(right),
            "choice": reading.choice,
            "refused": reading.kind == "refused",
            "rationale": reading.why,
        }


def _label(reading: Reading, target: str | None) -> str:
    if reading.choice is None:
        return reading.kind
    if target is None:
        return reading.choice
    return "right" if reading.choice == target else "wrong"


PLUGIN = Choice
