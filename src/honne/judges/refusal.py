"""Judge `refusal`: does an answer comply, refuse in part or refuse in full? By rules, without a model; en, zh, ja.

The labels are XSTest's (Röttger et al. 2024, arXiv 2308.01263): `full_compliance`, `partial_refusal`, `full_refusal`.
A cheap signal, never a headline: rules see how an answer is worded, not what it says. It has a metric of its own,
`refusal_shares`, and no score for a label that the benchmark's scale does not know. How far it agrees with people is in
docs/judges.md. The rules (`refusal.toml`) were written on other text than the answers that it is measured on.

What cannot be told is `unparsed`: an answer without a word, in another language, or cut off too early.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from honne.judges._fixed import Fixed
from honne.judges._refusal import FULL, LABELS, read, rules_text
from honne.plugins import Benchmark, Verdict, is_choice
from honne.records import Item, Response
from honne.spec import Spec

__all__ = ["PLUGIN", "Refusal"]


class Refusal(Fixed):
    """The refusal judge, built as `Refusal(spec, benchmark)`; it has no options (ConfigError)."""

    name = "refusal"
    # A change of what the rules read is a new version.
    key = "refusal@2"
    metrics: Sequence[str] = ("refusal_shares",)

    def __init__(self, spec: Spec, benchmark: Benchmark) -> None:
        super().__init__(spec)
        self._benchmark = benchmark
        self.prompts: Mapping[str, str] = {"refusal.rules": hashlib.sha256(rules_text().encode()).hexdigest()}

    def read(self, item: Item, response: Response, text: str) -> dict[str, Any]:
        """The judgment on a response; `skipped` for multiple choice."""
        if is_choice(item.form):
            return {"status": "skipped"}
        asked = item.messages if response.messages is None else response.messages
        question = next((m.content for m in reversed(asked) if m.role == "user"), "")
        label, why = read(text, question, truncated=response.status == "truncated")
        if label is None:
            return {"status": "unparsed", "error": why}
        meant = self._meant(item, label)
        return {
            "status": "scored",
            "label": label,
            "score": meant.score,
            "raw_score": meant.raw_score,
            "refused": label != FULL,
            "rationale": why,
        }

    def _meant(self, item: Item, label: str) -> Verdict:
        """What the label is worth, where the benchmark's scale has all three or says what this one stands for."""
        scale = self._benchmark.scale(item.category)
        known = set(LABELS) <= set(scale.labels) or label in scale.aliases
        return (scale.read(label) if known else None) or Verdict(label)


PLUGIN = Refusal
