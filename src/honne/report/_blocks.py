"""Several runs side by side: the estimates of all runs arranged by benchmark, attack and judge.

The terminal, Markdown and HTML reports differ in looks only; what stands beside what is decided here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from honne.records import Estimate, category_parts
from honne.report._text import oneline
from honne.report.model import RunReport, Worst, leading

__all__ = ["Block", "Face", "Line", "arrange", "face_slices", "labels", "methods"]

_Key = tuple[str, str | None, str | None]


@dataclass(frozen=True)
class Line:
    """One metric and slice, with one cell per run of the block (None where the run lacks it)."""

    metric: str
    form: str | None
    reference: str | None
    slice: str
    cells: tuple[Estimate | None, ...]

    @property
    def found(self) -> list[Estimate]:
        return [e for e in self.cells if e is not None]

    @property
    def first(self) -> Estimate:
        return self.found[0]

    @property
    def depth(self) -> int:
        return len(category_parts(self.slice)) - 1


@dataclass(frozen=True)
class Block:
    """One benchmark and attack under one judge. `runs` are (index, label) of the runs that have it."""

    benchmark: str
    attack: str | None
    judge: str | None
    runs: tuple[tuple[int, str], ...]
    lines: tuple[Line, ...]
    worst: tuple[tuple[str, Worst], ...]

    @property
    def whole(self) -> list[Line]:
        """The lines of slice `all`, headlines first."""
        return sorted((x for x in self.lines if x.slice == "all"), key=lambda x: not x.first.headline)

    @property
    def headlines(self) -> list[Line]:
        """The headline lines; where a block has none, all its lines of slice `all`."""
        return [x for x in self.whole if x.first.headline] or self.whole

    @property
    def rest(self) -> list[Line]:
        shown = self.headlines
        return [x for x in self.whole if x not in shown]

    @property
    def lead(self) -> Line | None:
        """The line that stands for the block where only one can."""
        best = leading([x.first for x in self.lines])
        return next((x for x in self.whole if x.first == best), None)

    def categories(self, line: Line) -> list[Line]:
        """The category lines of one metric, parents before children, else in the order of the items."""
        key = (line.metric, line.form, line.reference)
        mine = [x for x in self.lines if x.slice != "all" and (x.metric, x.form, x.reference) == key]
        first: dict[tuple[str, ...], int] = {}
        for place, x in enumerate(mine):
            parts = category_parts(x.slice)
            for depth in range(1, len(parts) + 1):
                first.setdefault(parts[:depth], place)
        return sorted(mine, key=lambda x: _tree_key(category_parts(x.slice), first))

    def broken_down(self) -> list[Line]:
        """The metrics that have categories, the leading one first."""
        lead = self.lead
        return sorted((x for x in self.whole if self.categories(x)), key=lambda x: x is not lead)


def _tree_key(parts: tuple[str, ...], first: dict[tuple[str, ...], int]) -> tuple[tuple[int, str], ...]:
    return tuple((first[parts[: d + 1]], parts[d]) for d in range(len(parts)))


def labels(runs: Sequence[RunReport]) -> list[str]:
    """A short, distinct name per run."""
    names = [oneline(run.name, 60) or "run" for run in runs]
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out


def arrange(runs: Sequence[RunReport]) -> list[Block]:
    """The blocks of all runs, in order of first appearance."""
    named = labels(runs)
    keys: dict[_Key, None] = {}
    for run in runs:
        for e in run.estimates:
            keys.setdefault((e.benchmark, e.attack, e.judge))
    out = []
    for key in keys:
        have = [i for i, run in enumerate(runs) if any(_key(e) == key for e in run.estimates)]
        lines: dict[tuple[str, str | None, str | None, str], list[Estimate | None]] = {}
        for column, i in enumerate(have):
            for e in runs[i].estimates:
                if _key(e) == key:
                    cells = lines.setdefault((e.metric, e.form, e.reference, e.slice), [None] * len(have))
                    cells[column] = e
        worst = tuple((named[i], w) for i in have for w in runs[i].examples if _key(w.estimate) == key)
        rows = tuple(Line(*name, tuple(cells)) for name, cells in lines.items())
        out.append(Block(*key, tuple((i, named[i]) for i in have), rows, worst))
    return out


def _key(e: Estimate) -> _Key:
    return (e.benchmark, e.attack, e.judge)


def methods(lines: Sequence[Line]) -> list[tuple[str, list[str]]]:
    """Method of interval -> the metrics that use it, in order."""
    out: dict[str, dict[str, None]] = {}
    for line in lines:
        for e in line.found:
            out.setdefault(e.method, {}).setdefault(e.metric)
    return [(oneline(method), list(metrics)) for method, metrics in out.items()]


# ------------------------------------------------------------ face and heart


@dataclass(frozen=True)
class Face:
    """Open answers beside choices, for one run and slice: what is said and what is picked.

    The cells of the 2×2 table are shares of the judged questions: said and picked, said only, picked only, neither.
    """

    slice: str
    open: Estimate
    choice: Estimate
    both: float | None
    open_only: float | None
    choice_only: float | None
    neither: float | None

    @property
    def apart(self) -> bool | None:
        """Whether the intervals of the two rates do not overlap: stricter than a paired test."""
        ends = (self.open.low, self.open.high, self.choice.low, self.choice.high)
        if self.open.withheld or self.choice.withheld or None in ends:
            return None
        open_low, open_high, choice_low, choice_high = (x for x in ends if x is not None)
        return open_low > choice_high or choice_low > open_high


def face_slices(block: Block, column: int) -> list[Face]:
    """The open-versus-choice view of one run: slice `all` first, then the categories; empty for other benchmarks."""
    by_slice: dict[str, dict[str, Estimate]] = {}
    for line in block.lines:
        e = line.cells[column]
        if e is not None:
            by_slice.setdefault(line.slice, {}).setdefault(line.metric, e)
    faces = [
        _face(name, found)
        for name, found in by_slice.items()
        if "open_rate" in found and "choice_rate" in found and found["open_rate"].value is not None
    ]
    return sorted(faces, key=lambda face: face.slice != "all")


def _face(name: str, found: dict[str, Estimate]) -> Face:
    said, picked = found["open_rate"], found["choice_rate"]
    both = found["css"].value if "css" in found else None
    cells: tuple[float | None, float | None, float | None] = (None, None, None)
    # The margins are open_rate and choice_rate only where all three stand on the same questions.
    same = (
        both is not None and len({(found[m].n, found[m].n_missing) for m in ("open_rate", "choice_rate", "css")}) == 1
    )
    if same and both is not None and said.value is not None and picked.value is not None:
        only_said, only_picked = said.value - both, picked.value - both
        cells = (only_said, only_picked, 1.0 - both - only_said - only_picked)
    return Face(name, said, picked, both, *(None if x is None else max(0.0, x) for x in cells))
