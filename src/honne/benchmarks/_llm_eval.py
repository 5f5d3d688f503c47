"""The files that Liu et al. 2023 (Trustworthy LLMs, arXiv 2308.05374) published, at the one commit that honne reads.

https://github.com/kevinyaobytedance/llm_eval, MIT.
"""

from __future__ import annotations

from honne.benchmarks._base import github
from honne.plugins import Source

__all__ = ["FAIRNESS", "llm_eval"]

_COMMIT = "27feb36ab1e58a7a84836ca1b1c8ca2c63b81c15"


def llm_eval(path: str, file: str, *, sha256: str, size: int) -> Source:
    """The file at `path` of the repository, `file` in the data folder of `llm_eval`; `size` in bytes."""
    return github(
        "kevinyaobytedance/llm_eval",
        _COMMIT,
        path,
        dataset="llm_eval",
        file=file,
        sha256=sha256,
        size=size,
        licence="MIT",
    )


FAIRNESS = llm_eval(
    "gen_data/fairness.jsonl",
    "fairness.jsonl",
    sha256="e2d88d54ef84bac446bf66a45657a19d3f91b7d44431582291a72d054b6b7536",
    size=1357620,
)
