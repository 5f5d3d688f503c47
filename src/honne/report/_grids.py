"""Compact tables of many numbers: metrics that have no overall value, and how far judges of the same answers agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from honne.records import Estimate
from honne.report._blocks import Block, Line
from honne.report._text import category, oneline

__all__ = ["Grid", "GridRow", "agreement", "unpooled"]


@dataclass(frozen=True)
class GridRow:
    """One row: `what` is a slice or a judge, `reference` the judge it is compared with; one cell per metric."""

    what: str
    reference: str
    run: str
    cells: tuple[Estimate | None, ...]

    @property
    def found(self) -> list[Estimate]:
        return [e for e in self.cells if e is not None]


@dataclass(frozen=True)
class Grid:
    """`lines` are those that the cells come from."""

    metrics: tuple[str, ...]
    rows: tuple[GridRow, ...]
    lines: tuple[Line, ...]


def unpooled(block: Block) -> Grid | None:
    """The metrics that are never pooled over the categories: a row per top category and run."""
    pooled = {x.key for x in block.whole}
    lines = [x for x in block.lines if x.key not in pooled and x.reference is None and "/" not in x.slice]
    return _grid((category(x.slice), block.name(x), block, x) for x in lines)


def agreement(block: Block, blocks: Sequence[Block]) -> Grid | None:
    """How far the judges of a benchmark agree, in pairs (those with its first judge first); with its first block only.

    What every pair has comes before what only some have.
    """
    alike = [b for b in blocks if (b.benchmark, b.attack) == (block.benchmark, block.attack)]
    if alike[0] is not block:
        return None
    order = {oneline(judge or ""): place for place, judge in enumerate(b.judge for b in alike)}
    pairs = [(b, x) for b in alike for x in b.compared]
    pairs.sort(key=lambda pair: order.get(oneline(pair[1].reference or ""), len(order)))
    return _grid((oneline(b.judge or ""), oneline(x.metric), b, x) for b, x in pairs)


def _grid(found: Iterable[tuple[str, str, Block, Line]]) -> Grid | None:
    """From (row, column, block, line) to the table."""
    rows: dict[tuple[str, str, str], dict[str, Estimate]] = {}
    metrics: dict[str, None] = {}
    lines = []
    for what, metric, block, line in found:
        metrics.setdefault(metric)
        lines.append(line)
        for (_, run), e in zip(block.runs, line.cells, strict=True):
            if e is not None:
                rows.setdefault((what, oneline(line.reference or ""), run), {})[metric] = e
    common = sorted(metrics, key=lambda m: -sum(m in cells for cells in rows.values()))
    made = tuple(GridRow(*key, tuple(cells.get(m) for m in common)) for key, cells in rows.items())
    return Grid(tuple(common), made, tuple(lines)) if made else None
