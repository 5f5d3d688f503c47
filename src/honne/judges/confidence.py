"""Judge `confidence`: reads an answer letter and the confidence stated in every option. No model, no prompt."""

from __future__ import annotations

import json
from typing import Any

from honne.judges._choice import LETTERS
from honne.judges._confidence import read_confidence
from honne.judges._fixed import Fixed
from honne.records import Item, Response

__all__ = ["PLUGIN", "Confidence"]


class Confidence(Fixed):
    """The fixed judge of questions that ask for a choice and for confidence. It has no options (ConfigError).

    A choice scores 1 or 0 against the item's target; an item without one gets no score, and the letter as its label.
    `raw` is JSON: `stated` (a share for every letter, summing to 1), `total` (what they summed to as written) and `at`
    (the place of the answer letter in the response's text, for token probabilities). A reply that lacks any of it, or
    whose shares do not add up, is `unparsed`.
    """

    name = "confidence"
    # A change of what the parser reads is a new version.
    key = "confidence@1"

    def read(self, item: Item, response: Response, text: str) -> dict[str, Any]:
        """The judgment on a response; `error` without options to choose from."""
        options = item.options or ()
        if not 2 <= len(options) <= len(LETTERS):
            return {
                "status": "error",
                "error": f"item {item.id!r}: {len(options)} options: 2 to {len(LETTERS)} are needed",
            }
        stated = read_confidence(text, LETTERS[: len(options)], options)
        if stated.why is not None:
            return {"status": "unparsed", "rationale": stated.why}
        right = stated.choice == item.target
        shares = {letter: round(share, 6) for letter, share in stated.shares.items()}
        return {
            "status": "scored",
            "label": stated.choice if item.target is None else ("right" if right else "wrong"),
            "score": None if item.target is None else float(right),
            "choice": stated.choice,
            "refused": False,
            "raw": json.dumps({"stated": shares, "total": round(stated.total, 6), "at": stated.at}),
        }


PLUGIN = Confidence
