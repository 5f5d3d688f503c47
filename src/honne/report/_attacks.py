"""Attacks in a report: one table per benchmark and judge, in place of a section for each attack.

The numbers of each attack (`metrics/_attacks.py`) stand side by side, with whatever else is a headline there, such as
over-refusal; a safety metric that only repeats the success rate is left out. The full sections are in JSON and CSV.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.metrics._attacks import ADVERSARIAL, GLOBAL, LOST, SUCCESS
from honne.records import Estimate
from honne.report._blocks import Block, Line
from honne.report._grids import Grid, GridRow
from honne.report._text import category, oneline

__all__ = ["PLAIN", "attack_grid", "category_grids", "extremes", "folded", "means", "under"]

PLAIN = "plain"


def folded(block: Block, blocks: Sequence[Block]) -> bool:
    """Whether the block stands in the attack table of its benchmark and judge, so that it needs no section of its own:
    it has a success rate, or nothing in it leads and the same judge's plain answers have a section."""
    if block.attack is None or any(x.metric == SUCCESS for x in block.lines):
        return block.attack is not None
    plain = any((b.benchmark, b.attack, b.judge) == (block.benchmark, None, block.judge) for b in blocks)
    return plain and not any(x.first.headline for x in block.whole)


def under(block: Block, blocks: Sequence[Block]) -> list[Block]:
    """The blocks of the attacks on what `block` asked plainly, by the same judge."""
    if block.attack is not None:
        return []
    return [b for b in blocks if folded(b, blocks) and (b.benchmark, b.judge) == (block.benchmark, block.judge)]


def means(block: Block) -> list[Line]:
    """Adversarial and global safety, where they are not headlines already."""
    return [x for name in (ADVERSARIAL, GLOBAL) for x in block.whole if x.metric == name and not x.first.headline]


def attack_grid(block: Block, blocks: Sequence[Block]) -> Grid | None:
    """A row per attack and run: success rate, safety lost, and the other headlines, with their plain values."""
    attacked = under(block, blocks)
    if not attacked:
        return None
    named = {_head(b, x): x.key for b in attacked for x in _shown(b)}
    rows = []
    for b in [block, *attacked]:
        lines = {x.key: x for x in b.whole}
        for column, (_, run) in enumerate(b.runs):
            cells = [lines[key].cells[column] if key in lines else None for key in named.values()]
            if any(cells):
                rows.append(GridRow(oneline(b.attack or PLAIN), "", run, tuple(cells)))
    return Grid(tuple(named), tuple(rows), tuple(x for b in attacked for x in _shown(b)))


def _head(block: Block, line: Line) -> str:
    return {SUCCESS: "success rate", LOST: "safety lost"}.get(line.metric, block.name(line))


def _shown(block: Block) -> list[Line]:
    first = [x for name in (SUCCESS, LOST) for x in block.whole if x.metric == name]
    # A judge that gives no headline (of refusals, say) shows all that it has.
    rest = [x for x in block.headlines if x.first.unit != "score" and not _repeats(x, first)]
    return [*first, *rest]


def _repeats(line: Line, first: Sequence[Line]) -> bool:
    """Whether a line is the success rate again, or what it is taken from."""

    def same(a: Estimate | None, b: Estimate | None) -> bool:
        if a is None or b is None or a.value is None or b.value is None:
            return (a is None or a.value is None) and (b is None or b.value is None)
        return a.n == b.n and min(abs(a.value - b.value), abs(1 - a.value - b.value)) < 1e-9

    return any(x.metric == SUCCESS and all(map(same, line.cells, x.cells)) for x in first)


def category_grids(block: Block, blocks: Sequence[Block]) -> list[tuple[str, Grid]]:
    """The success rate of every attack by category, a table for each run."""
    attacked = under(block, blocks)
    out = []
    for i, run in block.runs:
        cells: dict[str, dict[str, Estimate]] = {}
        lines = []
        for b in attacked:
            column = next((c for c, (j, _) in enumerate(b.runs) if j == i), None)
            found = [x for x in b.lines if x.metric == SUCCESS and x.slice != "all"] if column is not None else []
            for x in found:
                e = x.cells[column] if column is not None else None
                if e is not None:
                    cells.setdefault(x.slice, {})[oneline(b.attack or "")] = e
                    lines.append(x)
        attacks = list(dict.fromkeys(oneline(b.attack or "") for b in attacked))
        rows = (GridRow(category(name), "", run, tuple(e.get(a) for a in attacks)) for name, e in cells.items())
        if cells:
            out.append((run, Grid(tuple(attacks), tuple(rows), tuple(lines))))
    return out


def extremes(block: Block, blocks: Sequence[Block]) -> list[tuple[str, Estimate]]:
    """The success rates that may be stated, of the block's first run, from the least to the greatest."""
    found = [(b, x.cells[0]) for b in under(block, blocks) for x in b.whole if x.metric == SUCCESS]
    stated = [(b, e) for b, e in found if e is not None and e.value is not None and not e.withheld]
    return sorted(((oneline(b.attack or ""), e) for b, e in stated), key=lambda pair: pair[1].value or 0.0)
