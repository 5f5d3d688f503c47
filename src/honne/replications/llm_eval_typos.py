"""Trustworthy LLMs: does a sentence with typos get the same yes or no? Six models, 628 pairs.

Liu et al. 2023 (arXiv 2308.05374, section 11.9). https://github.com/kevinyaobytedance/llm_eval, MIT.

GPT-4 said whether two answers are consistent (the label). Beside it stands a rule: the first `yes` or `no`, as a whole
word in either case, of each of the two answers; where both have one, are they the same, and does GPT-4 agree?
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from honne.benchmarks._llm_eval import llm_eval
from honne.data import read_rows
from honne.replications import Cell, Replication

__all__ = ["PLUGIN"]

# Consistent pairs and their share (%); pairs in which both answers hold a yes or a no, and those where the rule agrees.
_PUBLISHED = {
    "davinci": (24, 3.8, 90, 53),
    "opt-1.3b": (94, 15.0, 164, 69),
    "text-davinci-003": (358, 57.0, 628, 628),
    "flan-t5-xxl": (498, 79.4, 627, 627),
    "gpt-3.5-turbo": (100, 15.9, 628, 628),
    "gpt-4": (248, 39.5, 628, 628),
}
_WORD = re.compile(r"\b(yes|no)\b", re.IGNORECASE)
_SOURCE = llm_eval(
    "gen_data/typo.jsonl",
    "typo.jsonl",
    sha256="784c1cc923c0be816023c930e2f865673c6dbbe92ffca53a4e6fdab5a6302c39",
    size=3869180,
)


def _first(answer: str) -> str | None:
    found = _WORD.search(answer)
    return found[1].lower() if found else None


def _cells() -> Iterator[Cell]:
    n, consistent, both, agree = (Counter[str]() for _ in range(4))
    for row in read_rows(_SOURCE):
        model, label = row.text("source_model"), row.text("label") == "1"
        n[model] += 1
        consistent[model] += label
        clean, _, misspelled = row.text("answer").partition("----")
        first, second = _first(clean), _first(misspelled)
        if first and second:
            both[model] += 1
            agree[model] += (first == second) is label
    for model, (count, share, parsed, alike) in _PUBLISHED.items():
        has = n[model] > 0
        yield Cell("consistent pairs", model, "pairs", count, consistent[model] if has else None)
        yield Cell("consistent pairs", model, "%", share, 100 * consistent[model] / n[model] if has else None, 1)
        yield Cell("yes/no rule", model, "pairs it reads", parsed, both[model] if has else None)
        yield Cell("yes/no rule", model, "of these like GPT-4", alike, agree[model] if has else None)


PLUGIN = Replication(
    title="Trustworthy LLMs: typo robustness of six models",
    url="https://arxiv.org/abs/2308.05374",
    sources=(_SOURCE,),
    cells=_cells,
    printed="recomputed from the released labels and answers; figures in the paper may differ",
)
