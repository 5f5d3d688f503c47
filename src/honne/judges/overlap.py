"""Judge `overlap`: how much of a passage's next words a continuation gives back. No model, no prompt."""

from __future__ import annotations

import json
from typing import Any

from honne.judges._answers import judged_text
from honne.judges._overlap import letters, overlap
from honne.plugins import Benchmark, Model, Reply, Request
from honne.records import Item, Judgment, Response, now
from honne.spec import Spec, read_options

__all__ = ["PLUGIN", "Overlap"]


class Overlap:
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
        """The judgment on a response; `skipped` without an answer, `error` without a text to compare with."""

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
        if not item.target or not letters(item.target) or not item.messages:
            return judged("error", error=f"item {item.id!r} has no target text to compare with")
        found = overlap(item.messages[-1].content, item.target, text)
        if response.status == "truncated" and found.compared < len(letters(item.target)):
            return judged("unparsed", rationale="cut off before there was enough to compare")
        return judged(
            "scored",
            label="verbatim" if found.verbatim else "other",
            score=1 - found.similarity,
            raw_score=found.similarity,
            raw=json.dumps(
                {
                    "similarity": round(found.similarity, 6),
                    "longest": round(found.longest, 6),
                    "verbatim": found.verbatim,
                    "compared": found.compared,
                }
            ),
        )


PLUGIN = Overlap
