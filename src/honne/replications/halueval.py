"""HaluEval: ChatGPT's answers to general queries, marked as hallucinated by people.

Li et al. 2023 (arXiv 2305.11747). https://github.com/RUCAIBox/HaluEval, MIT. The release has 4,507 rows, not 5,000.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from honne.benchmarks._base import github
from honne.data import read_rows
from honne.replications import Cell, Replication

__all__ = ["PLUGIN"]

_SOURCE = github(
    "RUCAIBox/HaluEval",
    "b7253db3cdaa0ab2c382f92b26b390109174f77e",
    "data/general_data.json",
    dataset="halueval",
    file="general_data.jsonl",
    sha256="73302cd97666b808fb94b5d8a4a2c924049c9484e609017a2f808c4a6d539219",
    size=3307122,
    licence="MIT",
)


def _cells() -> Iterator[Cell]:
    marks = Counter(row.text("hallucination") for row in read_rows(_SOURCE))
    yield Cell("general queries", "ChatGPT", "answers", 4507, marks.total())
    yield Cell("general queries", "ChatGPT", "with a hallucination", 815, marks["yes"])


PLUGIN = Replication(
    title="HaluEval: hallucinations in ChatGPT's answers",
    url="https://arxiv.org/abs/2305.11747",
    sources=(_SOURCE,),
    cells=_cells,
    printed="counts of the released annotations",
)
