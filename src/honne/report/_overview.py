"""Many benchmarks at a glance: the leading number of each, in one table before everything else."""

from __future__ import annotations

from collections.abc import Sequence

from honne.report._blocks import Block, Branch, Line
from honne.report._text import oneline, scale_of
from honne.report._words import phrase

__all__ = ["leads", "overview"]

# Of fewer benchmarks the sentences say as much.
_MANY = 3


def leads(blocks: Sequence[Block]) -> list[Block]:
    """The first judge's block of every benchmark, asked plainly."""
    return [b for b in blocks if b.lead is not None and not b.minor and b.attack is None]


def overview(blocks: Sequence[Block]) -> tuple[Block, list[Branch]] | None:
    """A block over all runs whose lines are the leading ones of the benchmarks, by their first judge and without
    attacks, each with its name; None where there are few."""
    runs = tuple(sorted({run for block in blocks for run in block.runs}))
    branches: list[Branch] = []
    for block in leads(blocks):
        lead = block.lead
        if lead is None:
            continue
        cells = dict(zip(block.runs, lead.cells, strict=True))
        line = Line(lead.metric, lead.form, lead.reference, lead.slice, tuple(cells.get(run) for run in runs))
        branches.append(Branch(line, 0, f"{oneline(block.benchmark, 60)}: {phrase(lead.metric)}{_notes(lead)}"))
    if len(branches) < _MANY:
        return None
    return Block("", None, None, runs, tuple(branch.line for branch in branches), ()), branches


def _notes(lead: Line) -> str:
    """Which end is good where it is the lower one, and the unit of a number that is no share."""
    unit = scale_of(lead.first)
    notes = [] if unit == "share" or unit in phrase(lead.metric) else [f"in {oneline(unit, 40)}"]
    notes += ["lower is better"] if lead.first.better == "lower" else []
    return f" ({'; '.join(notes)})" if notes else ""
