"""GSM8K: the solutions of four models to the 1,319 test problems.

Cobbe et al. 2021 (arXiv 2110.14168). https://github.com/openai/grade-school-math, MIT.

The source's own pattern: the answer is what follows the last `A:`, without commas, compared as text; a solution without
one is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from honne.benchmarks.gsm8k import Gsm8k
from honne.data import read_rows
from honne.errors import DataError
from honne.replications import Cell, Replication

__all__ = ["PLUGIN"]

_SOLVED = {"6b_finetuning": 21.68, "6b_verification": 39.04, "175b_finetuning": 34.72, "175b_verification": 56.25}
_SOURCE = Gsm8k.related[0]


def _final(solution: str) -> str | None:
    _, marker, answer = solution.rpartition("A:")
    return answer.strip().replace(",", "") if marker else None


def _solution(fields: Mapping[str, Any], model: str, where: str) -> str:
    given = fields.get(model)
    if not isinstance(given, dict) or not isinstance(given.get("solution"), str):
        raise DataError(f"{where}: no solution of {model}")
    return str(given["solution"])


def _cells() -> Iterator[Cell]:
    rows = read_rows(_SOURCE)
    right = dict.fromkeys(_SOLVED, 0)
    for row in rows:
        truth = _final(row.text("ground_truth"))
        for model in right:
            answer = _final(_solution(row.fields, model, row.where))
            right[model] += answer is not None and answer == truth
    for model, share in _SOLVED.items():
        yield Cell("test problems solved", model, "%", share, 100 * right[model] / len(rows) if rows else None, 2)


PLUGIN = Replication(
    title="GSM8K: published solutions of four models",
    url="https://arxiv.org/abs/2110.14168",
    sources=(_SOURCE,),
    cells=_cells,
    printed="share of the released solutions that are marked correct",
)
