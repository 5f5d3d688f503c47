"""TruthfulQA: how many answers people found true, and informative.

Lin et al. 2022 (arXiv 2109.07958), as released for retraining its judges: https://github.com/yizhongw/truthfulqa_reeval,
Apache-2.0. A row counts when its completion is `yes`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from honne.benchmarks._base import github
from honne.data import read_rows
from honne.plugins import Source
from honne.replications import Cell, Replication

__all__ = ["PLUGIN"]

# Bytes, sha256, rows, rows with yes.
_FILES = {
    "truth": (3576095, "8e81d9f0dc592e26fb0d37106126e489d39ac75099828b1f2c8142f3ede60c6b", 22434, 9484),
    "truth_dev": (404297, "4469a6a91f23a2d98eff26d0d8464970b278b2f9cfc80b132fe807ef06932810", 2554, 1082),
    "info": (3651989, "b8e00e379f3aefcdb01b93886e67e0991ca90b5fdd389c0be4be2f5f00c07ec3", 22434, 18076),
    "info_dev": (417448, "aeff42a0fad5b95af0b7bf549d3cb3a488db62b670a5d2702e528f0839b712aa", 2554, 2038),
}


def _source(name: str) -> Source:
    size, sha256, *_ = _FILES[name]
    return github(
        "yizhongw/truthfulqa_reeval",
        "2de12d7832345d6bf97bc9050bdae48c50e67bf0",
        f"data/finetune_{name}.jsonl",
        dataset="truthfulqa_human",
        file=f"finetune_{name}.jsonl",
        sha256=sha256,
        size=size,
        licence="Apache-2.0",
    )


_SOURCES = {name: _source(name) for name in _FILES}


def _cells() -> Iterator[Cell]:
    for name, (_, _, rows, yes) in _FILES.items():
        found = Counter(row.text("completion").strip() for row in read_rows(_SOURCES[name]))
        yield Cell("people's labels", name, "answers", rows, found.total())
        yield Cell("people's labels", name, "yes", yes, found["yes"])


PLUGIN = Replication(
    title="TruthfulQA: people's labels of truth and information",
    url="https://arxiv.org/abs/2109.07958",
    sources=tuple(_SOURCES.values()),
    cells=_cells,
    printed="counts of the released labels",
)
