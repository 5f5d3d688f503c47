"""What the commands print: a report in any format, and the paired tests behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from honne.engine.estimate import analyse, reworded
from honne.engine.store import RunFolder
from honne.errors import ConfigError, unknown
from honne.metrics._compare import Paired, compare_all
from honne.report.model import RunReport

__all__ = ["FORMATS", "compare", "pairwise", "render"]

FORMATS = ("html", "md", "json", "csv")
# Beyond so many runs a table of all pairs is neither readable nor cheap.
_MOST = 12


def render(format: str, runs: Sequence[RunReport], tests: Mapping[tuple[int, int], Sequence[Paired]]) -> str:
    """The report of one run, or of several side by side. Raises ConfigError for an unknown format."""
    if format == "json":
        from honne.report import json

        return json.render(runs)
    if format == "csv":
        from honne.report import csv

        return csv.render(runs)
    if format == "md":
        from honne.report import markdown

        return markdown.render(runs, tests)
    if format == "html":
        from honne.report import html

        return html.render(runs, tests)
    raise ConfigError(unknown("format", format, FORMATS))


def compare(a: RunFolder, b: RunFolder, paper: bool = False) -> list[Paired]:
    """The paired differences a − b, corrected for many comparisons."""
    return _tests([a, b], paper)[0, 1]


def pairwise(runs: Sequence[RunFolder], paper: bool = False) -> dict[tuple[int, int], list[Paired]]:
    """The tests of every pair of runs, by their places, corrected together; none for one run or for very many."""
    if not 2 <= len(runs) <= _MOST:
        return {}
    return _tests(runs, paper)


def _tests(runs: Sequence[RunFolder], paper: bool) -> dict[tuple[int, int], list[Paired]]:
    pairs = combinations(range(len(runs)), 2)
    unpairable = {(i, j): reworded(runs[i], runs[j]) for i, j in pairs}
    return compare_all([analyse(run, paper).measured for run in runs], unpairable)
