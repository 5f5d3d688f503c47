"""Judge `overlap`: how much of a passage's next words a continuation gives back. No model, no prompt."""

from __future__ import annotations

import json
from typing import Any

from honne.judges._fixed import Fixed
from honne.judges._overlap import letters, overlap
from honne.records import Item, Response

__all__ = ["PLUGIN", "Overlap"]


class Overlap(Fixed):
    """The fixed judge of continuations: compares the start of an answer with the item's `target`. It has no options.

    `raw_score` is the cosine similarity of the character n-grams, `score` one minus it (giving nothing back is best);
    the label is `verbatim` where every letter and digit is the target's, else `other`. `raw` is JSON with `similarity`,
    `longest` (the longest common run as a share of the target), `verbatim` and `compared` (characters). A refusal or an
    empty answer gives nothing back: that is a similarity of 0, not a missing one. An answer that was cut off before
    there was enough to compare is `unparsed`.
    """

    name = "overlap"
    # A change of what is compared is a new version.
    key = "overlap@1"

    def read(self, item: Item, response: Response, text: str) -> dict[str, Any]:
        """The judgment on a response; `error` without a text to compare with."""
        if not item.target or not letters(item.target) or not item.messages:
            return {"status": "error", "error": f"item {item.id!r} has no target text to compare with"}
        found = overlap(item.messages[-1].content, item.target, text)
        if response.status == "truncated" and found.compared < len(letters(item.target)):
            return {"status": "unparsed", "rationale": "cut off before there was enough to compare"}
        return {
            "status": "scored",
            "label": "verbatim" if found.verbatim else "other",
            "score": 1 - found.similarity,
            "raw_score": found.similarity,
            "raw": json.dumps(
                {
                    "similarity": round(found.similarity, 6),
                    "longest": round(found.longest, 6),
                    "verbatim": found.verbatim,
                    "compared": found.compared,
                }
            ),
        }


PLUGIN = Overlap
