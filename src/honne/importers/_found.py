"""What every importer returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from honne import plugins
from honne.records import Item, Judgment, Response

__all__ = ["ImportedRun"]


@dataclass(frozen=True)
class ImportedRun:
    """What a file says about one model. `judgments` is by judge key, in the order of `responses`.

    `benchmarks` give metrics and labels their meaning: the one asked for, or stand-ins such as `ImportBenchmark`, by
    the names that the items carry. `sources` are the files (name, sha256 and size of the uncompressed bytes, rows), the
    main one first.
    """

    model: str
    items: list[Item]
    responses: list[Response]
    judgments: dict[str, list[Judgment]]
    notes: list[str]
    sources: list[dict[str, Any]]
    benchmarks: list[plugins.Benchmark]

    @property
    def benchmark(self) -> plugins.Benchmark:
        """The only benchmark, or the first."""
        return self.benchmarks[0]
