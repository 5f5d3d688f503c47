"""Several runs side by side: the estimates of all runs arranged by benchmark, attack and judge.

The terminal, Markdown and HTML reports differ in looks only; what stands beside what is decided here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from honne.plugins import is_choice
from honne.records import Estimate, category_parts, category_path
from honne.report._text import category, oneline
from honne.report.model import RunReport, Worst, leading

__all__ = ["Block", "Branch", "Face", "Line", "arrange", "face_slices", "labels", "methods", "separate"]

_Key = tuple[str, str | None, str | None]
# Sentences about one benchmark and judge, at most.
_TOLD = 5


@dataclass(frozen=True)
class Line:
    """One metric and slice, with one cell per run of the block (None where the run lacks it)."""

    metric: str
    form: str | None
    reference: str | None
    slice: str
    cells: tuple[Estimate | None, ...]

    @property
    def key(self) -> tuple[str, str | None, str | None]:
        """What is measured, whatever the slice."""
        return (self.metric, self.form, self.reference)

    @property
    def found(self) -> list[Estimate]:
        return [e for e in self.cells if e is not None]

    @property
    def first(self) -> Estimate:
        return self.found[0]


@dataclass(frozen=True)
class Branch:
    """A category line in its tree: `depth` counts the parents that are shown too, `name` is what they leave to say."""

    line: Line
    depth: int
    name: str


@dataclass(frozen=True)
class Block:
    """One benchmark and attack under one judge. `runs` are (index, label) of the runs that have it.

    `minor`: another judge of the same answers comes before it; it is shown more briefly. `corrected` are the lines of
    `lines` whose numbers were corrected for the judge's errors, in as many runs as have a calibration.
    """

    benchmark: str
    attack: str | None
    judge: str | None
    runs: tuple[tuple[int, str], ...]
    lines: tuple[Line, ...]
    worst: tuple[tuple[str, Worst], ...]
    minor: bool = False
    corrected: tuple[Line, ...] = ()

    def beside(self, lines: Sequence[Line]) -> list[Line]:
        """These lines, each with its corrected one after it, where there is one."""
        found = {(x.key, x.slice): x for x in self.corrected}
        return [each for x in lines for each in (x, found.get((x.key, x.slice))) if each is not None]

    @property
    def whole(self) -> list[Line]:
        """The lines of slice `all`, headlines first, without the comparisons with another judge."""
        mine = (x for x in self.lines if x.slice == "all" and x.reference is None)
        return sorted(mine, key=lambda x: not x.first.headline)

    @property
    def compared(self) -> list[Line]:
        """The lines of slice `all` that compare this judge with another one."""
        return [x for x in self.lines if x.slice == "all" and x.reference is not None]

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
        """The headline that stands for the block where only one can."""
        best = leading([x.first for x in self.lines])
        return next((x for x in self.whole if x.first == best), None)

    @property
    def mains(self) -> list[Line]:
        """The headlines worth a sentence: a score repeats its rate, and open and choice get a sentence of their own."""
        told = [x for x in self.headlines if x.first.headline and x.first.unit != "score"]
        if self.lead is not None and any(face_slices(self, column) for column in range(len(self.runs))):
            return [self.lead]
        return told[:_TOLD] or ([self.lead] if self.lead else [])

    def name(self, line: Line) -> str:
        """A metric's name, with its form where there are several, its reference, and whether it is corrected."""
        extra = [line.form] if line.form and len(self._forms[line.metric]) > 1 else []
        extra += [f"against {line.reference}"] if line.reference else []
        extra += ["corrected"] if line.first.corrected else []
        return oneline(line.metric) + (f" ({', '.join(map(oneline, extra))})" if extra else "")

    @cached_property
    def _forms(self) -> dict[str, set[str | None]]:
        forms: dict[str, set[str | None]] = {}
        for line in self.lines:
            forms.setdefault(line.metric, set()).add(line.form)
        return forms

    @cached_property
    def fronts(self) -> list[tuple[Line, list[Branch]]]:
        """The headlines with their categories; of several over the same categories only the first."""
        seen: list[set[str]] = []
        out = []
        for line in (x for x in self.whole if x.first.headline):
            below = self.categories(line)
            names = {x.line.slice for x in below}
            if below and names not in seen:
                seen.append(names)
                out.append((line, below))
        return out

    def categories(self, line: Line) -> list[Branch]:
        """The category lines of one metric, parents before children, else in the order given."""
        mine = {category_parts(x.slice): x for x in self.lines if x.slice != "all" and x.key == line.key}
        first: dict[tuple[str, ...], int] = {}
        for place, parts in enumerate(mine):
            for depth in range(1, len(parts) + 1):
                first.setdefault(parts[:depth], place)
        out = []
        for parts in sorted(
            mine, key=lambda parts: tuple((first[parts[: d + 1]], parts[d]) for d in range(len(parts)))
        ):
            above = [d for d in range(1, len(parts)) if parts[:d] in mine]
            rest = parts[max(above, default=0) :]
            out.append(Branch(mine[parts], len(above), category(category_path(*rest))))
        return out

    def broken_down(self) -> list[tuple[Line, list[Branch]]]:
        """The metrics that have categories, `fronts` first. A metric may have no slice `all`."""
        shown = {line.key for line, _ in self.fronts}
        others = {x.key: x for x in reversed(self.lines) if x.key not in shown}
        named = [(x, self.categories(x)) for x in reversed(others.values())]
        return [*self.fronts, *(pair for pair in named if pair[1])]


class Named(Protocol):
    """A run, as a report or as a folder."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> Path: ...


def labels(runs: Sequence[Named]) -> list[str]:
    """A short, distinct name per run; equally named folders are told apart by those that hold them."""
    names = [oneline(run.name, 60) or "run" for run in runs]
    paths = [run.path.resolve() for run in runs]
    for depth in (1, 2):
        apart = Counter(name for name, _ in dict.fromkeys(zip(names, paths, strict=True)))
        longer = ["/".join([*path.parent.parts[-depth:], run.name]) for path, run in zip(paths, runs, strict=True)]
        names = [oneline(more, 60) if apart[n] > 1 else n for n, more in zip(names, longer, strict=True)]
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out


def arrange(runs: Sequence[RunReport]) -> list[Block]:
    """The blocks of all runs, in order of first appearance.

    What a judge of choices alone has read stands beside what the run's first judge of open answers has.
    """
    named = labels(runs)
    beside = [_beside(run) for run in runs]
    keys: dict[_Key, None] = {}
    mine: list[dict[_Key, list[Estimate]]] = []
    for run, moved in zip(runs, beside, strict=True):
        mine.append({})
        for e in run.estimates:
            mine[-1].setdefault(moved.get(_key(e), _key(e)), []).append(e)
        keys |= dict.fromkeys(mine[-1])
    keys = _leading_first(keys, runs)
    out: list[Block] = []
    for key in keys:
        found = [by_key.get(key, []) for by_key in mine]
        have = [i for i, estimates in enumerate(found) if estimates]
        lines: dict[tuple[str, str | None, str | None, str], list[Estimate | None]] = {}
        for column, i in enumerate(have):
            for e in found[i]:
                cells = lines.setdefault((e.metric, e.form, e.reference, e.slice), [None] * len(have))
                cells[column] = e
        worst = tuple((named[i], w) for i in have for w in runs[i].examples if w.estimate in found[i])
        rows = tuple(Line(*name, tuple(cells)) for name, cells in lines.items())
        before = {i for b in out if (b.benchmark, b.attack) == key[:2] for i, _ in b.runs}
        minor = before >= set(have)
        block = Block(*key, tuple((i, named[i]) for i in have), rows, worst, minor, _corrected(runs, have, key))
        out.append(block)
    return out


def _corrected(runs: Sequence[RunReport], have: Sequence[int], key: _Key) -> tuple[Line, ...]:
    """The corrected numbers of one judge, a cell for each run that has it."""
    lines: dict[tuple[str, str | None, str | None, str], list[Estimate | None]] = {}
    for column, i in enumerate(have):
        for each in runs[i].corrected:
            if (each.benchmark, each.attack, each.judge) == key:
                for e in (one.corrected for one in each.corrections):
                    lines.setdefault((e.metric, e.form, e.reference, e.slice), [None] * len(have))[column] = e
    return tuple(Line(*name, tuple(cells)) for name, cells in lines.items())


def _leading_first(keys: Iterable[_Key], runs: Sequence[RunReport]) -> dict[_Key, None]:
    """Within a benchmark and attack, the judges with a headline come first."""
    lead = {_key(e) for run in runs for e in run.estimates if e.headline}
    places: dict[tuple[str, str | None], list[_Key]] = {}
    for key in keys:
        places.setdefault(key[:2], []).append(key)
    return dict.fromkeys(key for found in places.values() for key in sorted(found, key=lambda k: k not in lead))


def _key(e: Estimate) -> _Key:
    return (e.benchmark, e.attack, e.judge)


def _beside(run: RunReport) -> dict[_Key, _Key]:
    """The keys of judges that read choices alone -> the key of the first judge of the same benchmark that did not."""
    judged = [e for e in run.estimates if e.judge is not None]
    hosts: dict[tuple[str, str | None], _Key] = {}
    for e in judged:
        # A judge without a headline (of refusals, say) does not lend its name to the choices.
        if e.headline and (e.form is None or not is_choice(e.form)):
            hosts.setdefault((e.benchmark, e.attack), _key(e))
    others = {_key(e) for e in judged if e.form is None or not is_choice(e.form)}
    return {key: hosts[key[:2]] for e in judged if (key := _key(e)) not in others and key[:2] in hosts}


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

    `square` is the 2×2 table, as shares of the questions: said and picked, said only, picked only, neither.
    """

    slice: str
    open: Estimate
    choice: Estimate
    square: tuple[Estimate | None, Estimate | None, Estimate | None, Estimate | None]

    @property
    def apart(self) -> bool | None:
        """Whether the two intervals do not overlap (stricter than a test); None where one is not stated."""
        if self.open.withheld or self.choice.withheld or self.open.low is None or self.choice.low is None:
            return None
        return separate(self.open, self.choice)


def separate(a: Estimate, b: Estimate) -> bool:
    """Whether the intervals do not overlap."""
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return False
    return a.low > b.high or b.low > a.high


_SQUARE = ("css", "open_only", "choice_only", "neither")


def face_slices(block: Block, column: int) -> list[Face]:
    """The open-versus-choice view of one run: slice `all` first, then the categories; empty for other benchmarks."""
    by_slice: dict[str, dict[str, Estimate]] = {}
    for line in block.lines:
        e = line.cells[column]
        if e is not None and e.value is not None:
            by_slice.setdefault(line.slice, {}).setdefault(line.metric, e)
    faces = []
    for name, found in by_slice.items():
        if "open_rate" in found and "choice_rate" in found:
            both, said, picked, neither = (found.get(metric) for metric in _SQUARE)
            faces.append(Face(name, found["open_rate"], found["choice_rate"], (both, said, picked, neither)))
    return sorted(faces, key=lambda face: face.slice != "all")
