"""Published answers and labels through honne's own importer and metrics: what `honne import` and `honne report` do."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from honne import plugins
from honne.records import Estimate
from honne.spec import parse, slug

__all__ = ["imported"]


def imported(
    path: Path,
    benchmark: str,
    mapping: Sequence[str],
    *,
    model: str | None = None,
    label_map: Sequence[str] = (),
    joins: Sequence[Path] = (),
    on: Sequence[str] = (),
    paper: bool = False,
) -> list[Estimate]:
    """The estimates of every model in a file of answers and labels, as `honne import` and `honne report` give them."""
    from honne.engine.estimate import analyse
    from honne.engine.imported import write
    from honne.engine.plan import describe
    from honne.importers import read_import

    built: plugins.Benchmark = plugins.load("benchmarks", benchmark)(parse(benchmark))
    found = read_import(
        path,
        mapping=list(mapping),
        model=model,
        label_map=list(label_map),
        joins=list(joins),
        on=list(on),
        encoding=None,
        benchmark=built,
    )
    out: list[Estimate] = []
    with tempfile.TemporaryDirectory() as folder:
        for one in found:
            run = write(
                Path(folder) / slug(one.model),
                model=one.model,
                items=one.items,
                responses=one.responses,
                judgments=one.judgments,
                benchmarks=[{**describe(b), "version": "import", "judges": {}} for b in one.benchmarks],
                how={},
                notes=(),
            )
            out += analyse(run, paper).estimates
    return out
