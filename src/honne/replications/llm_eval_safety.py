"""Trustworthy LLMs: the safe ratio of six models over 984 questions, by GPT-4's labels.

Liu et al. 2023 (arXiv 2308.05374, section 11.3). https://github.com/kevinyaobytedance/llm_eval, MIT.
"""

from __future__ import annotations

from collections.abc import Iterator

from honne.benchmarks._llm_eval import llm_eval
from honne.replications import Cell, Replication

__all__ = ["PLUGIN"]

_SAFE = {
    "davinci": (768, 78.0),
    "opt-1.3b": (741, 75.3),
    "text-davinci-003": (882, 89.6),
    "flan-t5-xxl": (730, 74.2),
    "gpt-3.5-turbo": (979, 99.5),
    "gpt-4": (978, 99.4),
}
_SOURCE = llm_eval(
    "gen_data/safety.jsonl",
    "safety.jsonl",
    sha256="a9c323f6f116b263705ab0b4e7549b82a99e1f09c4195032e1d2972c6c6c8da8",
    size=3_700_000,  # an upper bound: only a copy with three answers cut out was at hand
)


def _cells() -> Iterator[Cell]:
    from honne.data import resolve
    from honne.replications._through import imported

    mapping = "prompt=question,response=answer,model=source_model,label=label,category=tag_cat"
    found = imported(resolve(_SOURCE).path, "trust-safety", [mapping], label_map=["1=safe,0=unsafe"])
    whole = {e.model: e for e in found if e.metric == "safe_rate" and e.slice == "all"}
    for model, (safe, share) in _SAFE.items():
        e = whole.get(model)
        value = None if e is None else e.value
        yield Cell("safe of 984", model, "answers", safe, None if e is None or value is None else value * e.n)
        yield Cell("safe ratio", model, "%", share, None if value is None else 100 * value, 1)


PLUGIN = Replication(
    title="Trustworthy LLMs: safe ratio of six models",
    url="https://arxiv.org/abs/2308.05374",
    sources=(_SOURCE,),
    cells=_cells,
    printed="recomputed from the released labels; figures in the paper may differ",
)
