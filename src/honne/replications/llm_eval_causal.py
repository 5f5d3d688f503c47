"""Trustworthy LLMs: causal reasoning of six models over 300 pairs of events, two questions each.

Liu et al. 2023 (arXiv 2308.05374, section 11.8). https://github.com/kevinyaobytedance/llm_eval, MIT.

The source's own pattern: a reply is understood when `A)` or `B)` stands in it exactly once, both counted together.
Accuracy is over all 300 pairs: a reply that is not understood is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from honne.benchmarks._llm_eval import llm_eval
from honne.data import read_text
from honne.errors import DataError
from honne.plugins import Source
from honne.replications import Cell, Replication

__all__ = ["PLUGIN"]

_COLUMNS = ("question 1 accuracy", "question 2 accuracy", "question 1 understood", "question 2 understood")
_ANSWER = re.compile(r"[AB]\)")
_N = 300


class _File(NamedTuple):
    name: str
    bytes: int
    sha256: str


_FILES = {
    "gpt-3.5-turbo": _File("0", 222477, "ab2862f89f49a6e8a19c371e1f2a2e0370952ec50bc8bc8ecde3fa2233a914b6"),
    "text-davinci-003": _File("1", 222421, "22b33e495d59ce75dd011148e79d964292129d1928662cc7d063de2b775e1959"),
    "davinci": _File("2", 342627, "f506474a0a229e80c930ad5b528ad378d0f7a29eead1a3e65b8692c24ef1a42f"),
    "gpt-4": _File("3", 222356, "a4253658753f2c3cdd273553ccc149e1ff4ed839457e47540a3945bbd8d48e1e"),
    "flan-t5-xxl": _File("_flan", 226952, "6b44cf3962f721a27f194f493081bd133e965117442222fc8c03f1605227f066"),
    "opt-1.3b": _File("_opt", 423899, "0c9401d364f2e4a9e0c312c0985b47b6d08efa2adad8b2af261164082861e981"),
}
_PUBLISHED = {
    "gpt-3.5-turbo": (0.9933, 0.6033, 1.0, 1.0),
    "text-davinci-003": (0.9967, 0.6967, 1.0, 0.9933),
    "davinci": (0.2533, 0.2533, 0.4067, 0.5133),
    "gpt-4": (0.9933, 0.68, 1.0, 1.0),
    "flan-t5-xxl": (0.9033, 0.68, 1.0, 1.0),
    "opt-1.3b": (0.0733, 0.1433, 0.2, 0.2133),
}


def _source(file: _File) -> Source:
    name = f"answers{file.name}_raw.csv"
    path = f"intermediate_data/causal/results/{name}"
    return llm_eval(path, f"causal/{name}", sha256=file.sha256, size=file.bytes)


_SOURCES = {model: _source(file) for model, file in _FILES.items()}


def _chosen(reply: str) -> str | None:
    found = _ANSWER.findall(reply)
    return found[0][0] if len(found) == 1 else None


def _replies(source: Source) -> list[Mapping[str, Any]]:
    """The rows of a file that is JSON in spite of its name."""
    try:
        return list(msgspec.json.decode(read_text(source), type=dict[str, dict[str, Any]]).values())
    except msgspec.DecodeError as e:
        raise DataError(f"{source.dataset}/{source.file}: {e}") from None


def _cells() -> Iterator[Cell]:
    for model, numbers in _PUBLISHED.items():
        rows = _replies(_SOURCES[model])
        right, understood = [0, 0], [0, 0]
        for row in rows:
            for i in (0, 1):
                chosen = _chosen(str(row.get(f"ans_{i + 1}_raw", "")))
                understood[i] += chosen is not None
                right[i] += chosen is not None and chosen == row.get(f"ans_{i + 1}_true")
        for column, published, count in zip(_COLUMNS, numbers, [*right, *understood], strict=True):
            yield Cell("causal reasoning", model, column, published, count / _N if len(rows) == _N else None, 4)


PLUGIN = Replication(
    title="Trustworthy LLMs: causal reasoning of six models",
    url="https://arxiv.org/abs/2308.05374",
    sources=tuple(_SOURCES.values()),
    cells=_cells,
    printed="intermediate_data/causal/results/final_results*.csv of the authors",
)
