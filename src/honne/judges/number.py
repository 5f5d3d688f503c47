"""Judge `number`: reads the final number of a reply and compares it with the item's. No model, no prompt."""

from __future__ import annotations

from typing import Any

from honne.judges._fixed import Fixed
from honne.judges._number import gold, read_number, same
from honne.records import Item, Response

__all__ = ["PLUGIN", "Number"]


class Number(Fixed):
    """The fixed judge of questions whose answer is a number (the item's `target`). It has no options (ConfigError).

    An answer scores 1 or 0: exactly the number wanted, or not. What cannot be read without guessing (a range, two
    different answers, working that breaks off) is `unparsed`, never wrong. The number read is kept in `raw`.
    """

    name = "number"
    # A change of what the parser reads is a new version.
    key = "number@1"

    def read(self, item: Item, response: Response, text: str) -> dict[str, Any]:
        """The judgment on a response; `error` without a number to compare with."""
        wanted = None if item.target is None else gold(item.target)
        if wanted is None:
            return {"status": "error", "error": f"item {item.id!r}: its target {item.target!r} is not a number"}
        reading = read_number(text, complete=response.status == "ok")
        if reading.value is None:
            return {"status": "unparsed", "rationale": reading.why}
        right = same(reading, wanted)
        return {
            "status": "scored",
            "label": "right" if right else "wrong",
            "score": float(right),
            "refused": False,
            "rationale": reading.why,
            "raw": f"{reading.value}{'%' if reading.percent else ''}",
        }


PLUGIN = Number
