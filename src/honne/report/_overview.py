"""Many benchmarks at a glance: the leading number of each, in one table before everything else."""

from __future__ import annotations

from collections.abc import Sequence

from honne.report._blocks import Block, Branch, Line
from honne.report._text import oneline
from honne.report._words import phrase

__all__ = ["overview"]

# Of fewer benchmarks the sentences say as much.
_MANY = 3


def overview(blocks: Sequence[Block]) -> tuple[Block, list[Branch]] | None:
    """A block over all runs whose lines are the leading ones of the benchmarks, by their first judge and without
    attacks, each with its name; None where there are few."""
    runs = tuple(sorted({run for block in blocks for run in block.runs}))
    branches: list[Branch] = []
    for block in blocks:
        lead = block.lead
        if lead is None or block.minor or block.attack is not None:
            continue
        cells = dict(zip(block.runs, lead.cells, strict=True))
        line = Line(lead.metric, lead.form, lead.reference, lead.slice, tuple(cells.get(run) for run in runs))
        better = " (lower is better)" if lead.first.better == "lower" else ""
        branches.append(Branch(line, 0, f"{oneline(block.benchmark, 60)}: {phrase(lead.metric)}{better}"))
    if len(branches) < _MANY:
        return None
    return Block("", None, None, runs, tuple(branch.line for branch in branches), ()), branches
