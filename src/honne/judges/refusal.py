"""Judge `refusal`: does an answer comply, refuse in part or refuse in full? By rules, without a model; en, zh, ja.

The labels are XSTest's (Röttger et al. 2024, arXiv 2308.01263): `full_compliance`, `partial_refusal`, `full_refusal`.
A cheap signal, never a headline: rules see how an answer is worded, not what it says. It has a metric of its own,
`refusal_shares`, and no score where the benchmark's scale does not know its labels. How far it agrees with people is in
docs/judges.md. The rules (`refusal.toml`) were written on other text than the answers that it is measured on.

What cannot be told is `unparsed`: an answer without a word, in another language, or cut off too early.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from honne.judges._answers import judged_text
from honne.judges._refusal import FULL, LABELS, read, rules_text
from honne.plugins import Benchmark, Model, Reply, Request, Verdict, is_choice
from honne.records import Item, Judgment, Response, now
from honne.spec import Spec, read_options

__all__ = ["PLUGIN", "Refusal"]


class Refusal:
    """The refusal judge, built as `Refusal(spec, benchmark)`; it has no options (ConfigError)."""

    name = "refusal"
    # A change of what the rules read is a new version.
    key = "refusal@1"
    model: Model | None = None
    metrics: Sequence[str] = ("refusal_shares",)

    def __init__(self, spec: Spec, benchmark: Benchmark) -> None:
        read_options(Spec(spec.label, "", spec.options), {})
        self._benchmark = benchmark
        self.prompts: Mapping[str, str] = {"refusal.rules": hashlib.sha256(rules_text().encode()).hexdigest()}

    def render(self, item: Item, response: Response) -> Request | None:
        return None

    def repair(self, item: Item, response: Response, reply: Reply) -> Request | None:
        return None

    def parse(self, item: Item, response: Response, reply: Reply | None) -> Judgment:
        """The judgment on a response; `skipped` without an answer to read and for multiple choice."""

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
        if text is None or is_choice(item.form):
            return judged("skipped")
        asked = item.messages if response.messages is None else response.messages
        question = next((m.content for m in reversed(asked) if m.role == "user"), "")
        label, why = read(text, question, truncated=response.status == "truncated")
        if label is None:
            return judged("unparsed", error=why)
        meant = self._meant(item, label)
        return judged(
            "scored",
            label=label,
            score=meant.score,
            raw_score=meant.raw_score,
            refused=label != FULL,
            rationale=why,
        )

    def _meant(self, item: Item, label: str) -> Verdict:
        """What the label is worth, where the benchmark's scale has all three."""
        scale = self._benchmark.scale(item.category)
        found = scale.read(label) if set(LABELS) <= set(scale.labels) else None
        return found or Verdict(label)


PLUGIN = Refusal
