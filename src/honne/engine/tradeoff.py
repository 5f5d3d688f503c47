"""From run folders to the trade-off: one point is a model, or the seeds of one recipe, against its base.

    tradeoff(base, [run])                      one aligned model
    tradeoff(base, [seed0, seed1, seed2])      a recipe, averaged over its seeds
    frontier(base, {"nca": [...], "dpo": [...]})

Runs of the same model that measure different things (one under an attack) are joined: what the first one lacks is taken
from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

import msgspec

from honne.engine.estimate import Measured, analyse, reworded_items
from honne.engine.store import RunFolder, open_run
from honne.errors import ConfigError
from honne.metrics._pieces import LOSSES, Measures, unshared
from honne.metrics._tradeoff import Axis, axes
from honne.metrics._verdict import MARGIN, Verdict, lead, numbers, verdict
from honne.plugins import Measure, Unit, unit_id
from honne.records import Item, Response
from honne.stats.multiple import holm

__all__ = ["Frontier", "Pairing", "Tradeoff", "frontier", "resolution", "tradeoff"]

# What a point is placed by.
_AXES = ("safety", *LOSSES)
_ALPHA = 0.05
Run = RunFolder | Path | str


class Tradeoff(msgspec.Struct, frozen=True, kw_only=True):
    """What one point brought and cost against its base; `runs` are the names of its run folders, `seeds` how many
    models they are."""

    name: str
    base: str
    runs: tuple[str, ...]
    seeds: int
    verdict: Verdict
    numbers: str
    axes: tuple[Axis, ...]
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The numbers and the verdict, for a headline."""
        return f"{self.numbers} {self.verdict.words[0].upper()}{self.verdict.words[1:]}."

    def lead(self, role: str) -> Axis | None:
        """The axis that stands for its role (`safety`, `over-refusal`, `capability`, …); None if not measured."""
        return lead(self.axes, role)


class Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """Two points on one axis: b - a, paired; `p_adjusted` is Holm's over all pairs and axes of the frontier.

    Points are numbered as in the frontier, the base is -1.
    """

    a: int
    b: int
    role: str
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_adjusted: float | None
    separated: bool
    better: int | None
    """The point that is better, where the two are separated."""


class Frontier(msgspec.Struct, frozen=True, kw_only=True):
    """Points against one base, and every two of them against each other.

    `beaten` has, for every point, those that are separated from it for the better on one axis (safety, over-refusal,
    capability) and no worse on the others: neither separated for the worse nor, by their estimates, behind.
    """

    base: str
    points: tuple[Tradeoff, ...]
    pairings: tuple[Pairing, ...]
    beaten: tuple[tuple[int, ...], ...]
    notes: tuple[str, ...] = ()

    def separated(self, a: int, b: int, roles: Iterable[str] = _AXES) -> bool:
        """Whether two points are separated on any of these axes."""
        return any(p.separated for p in self.pairings if {p.a, p.b} == {a, b} and p.role in roles)


@dataclass(frozen=True)
class _Model:
    """One model's evaluation, from one or more run folders."""

    folders: tuple[RunFolder, ...]
    sides: list[Measured]
    items: list[Item]
    answers: list[tuple[Item, Response]]

    @property
    def samples(self) -> int:
        return 1 + max((response.sample for _, response in self.answers), default=0)

    @property
    def sections(self) -> set[tuple[str, str | None]]:
        return {(item.benchmark, item.attack) for item in self.items}

    @cached_property
    def measures(self) -> Measures:
        forms = {item.id: item.form for item in self.items}
        return Measures(self.folders[0].name, [*self.sides, *_about(self.answers)], forms)


def tradeoff(
    base: Run | Sequence[Run],
    runs: Sequence[Run],
    *,
    name: str | None = None,
    margin: float = MARGIN,
    paper: bool = False,
) -> Tradeoff:
    """One point against its base. `margin` is a share: 0.02 is 2 points.

    Raises StoreError for a folder that is no run, ConfigError where nothing can be compared.
    """
    return frontier(base, {name or "": runs}, margin=margin, paper=paper).points[0]


def frontier(
    base: Run | Sequence[Run],
    points: Mapping[str, Sequence[Run]],
    *,
    margin: float = MARGIN,
    paper: bool = False,
) -> Frontier:
    """Several points, each one run or the seeds of a recipe, against one base and against each other.

    An empty name stands for the names of the runs. Raises as `tradeoff` does.
    """
    if not 0 < margin < 1:
        raise ConfigError(f"margin {margin:g} is out of range: a share between 0 and 1 (0.02 is 2 points)")
    start = _models([base] if isinstance(base, (RunFolder, Path, str)) else base, paper)
    if len(start) > 1:
        names = " and ".join(m.measures.name for m in start[:2])
        raise ConfigError(f"the base is one model, and {names} are two: seeds can only be joined in a point")
    if not points:
        raise ConfigError("no runs to compare with the base")
    mine = {folder.path.resolve() for folder in start[0].folders}
    for run in (run for runs in points.values() for run in runs):
        if Path(run.path if isinstance(run, RunFolder) else run).resolve() in mine:
            raise ConfigError(
                f"{run.path if isinstance(run, RunFolder) else run} is the base itself: name runs of other models"
            )
    models = {name: _models(runs, paper) for name, runs in points.items()}
    made = [_against(start[0], found, name, margin) for name, found in models.items()]
    pairings = _pairings(start, list(models.values()))
    beaten = tuple(_beaten(i, made, pairings) for i in range(len(made)))
    return Frontier(base=start[0].measures.name, points=tuple(made), pairings=pairings, beaten=beaten)


# --------------------------------------------------------------------- runs


def _models(runs: Sequence[Run], paper: bool) -> list[_Model]:
    """The models that these run folders evaluate: runs of the same model are one evaluation."""
    if not runs:
        raise ConfigError("a point without a run")
    out: dict[bytes, _Model] = {}
    for run in runs:
        one = run if isinstance(run, RunFolder) else open_run(run)
        spec = one.info["spec"]["model"]
        identity = msgspec.json.encode([spec.get("name"), spec.get("spec"), spec.get("settings")], order="sorted")
        mine = _read(one, paper)
        out[identity] = _joined(out[identity], mine) if identity in out else mine
    return list(out.values())


def _read(run: RunFolder, paper: bool) -> _Model:
    items = {item.id: item for item in run.items()}
    answers = [(items[r.item_id], r) for r in run.responses() if r.item_id in items]
    return _Model((run,), analyse(run, paper).measured, list(items.values()), answers)


def _joined(a: _Model, b: _Model) -> _Model:
    """What the second one adds to the first: benchmarks, or attacks on them."""
    new = b.sections - a.sections
    if not new:
        raise ConfigError(
            f"{b.folders[0].path} adds nothing to {a.folders[0].path}: both are runs of the model "
            f"{b.folders[0].info['spec']['model'].get('name')!r} (runs of other seeds need a model of another name)"
        )
    return _Model(
        (*a.folders, *b.folders),
        [*a.sides, *(side for side in b.sides if (side.benchmark, side.attack) in new)],
        [*a.items, *(item for item in b.items if (item.benchmark, item.attack) in new)],
        [*a.answers, *(one for one in b.answers if (one[0].benchmark, one[0].attack) in new)],
    )


def _about(answers: Sequence[tuple[Item, Response]]) -> Iterator[Measured]:
    """What plain answers are like, whoever judged them: their length, and the share that was cut off or is empty."""
    plain = [(item, response) for item, response in answers if item.attack is None]

    def units(value: Callable[[Response], float | None]) -> list[Unit]:
        return [Unit(unit_id(item.id, r.sample), item.group, item.category, value(r)) for item, r in plain]

    for measure in (
        Measure("cut off or empty", units(_spoilt), better="lower", judge="", role="well-formedness"),
        Measure("characters", units(_characters), unit="characters", judge="", role="length"),
        Measure("tokens", units(_tokens), unit="tokens", judge="", role="length"),
    ):
        if any(unit.value is not None for unit in measure.units):
            yield Measured("", "", None, "", "", measure)


def _spoilt(r: Response) -> float | None:
    if r.status in ("error", "not_asked"):
        return None
    return float(r.status == "truncated" or not (r.text or "").strip())


def _characters(r: Response) -> float | None:
    return None if r.text is None else float(len(r.text))


def _tokens(r: Response) -> float | None:
    return None if r.tokens_out is None else float(r.tokens_out)


def _reworded(models: Sequence[_Model]) -> set[str]:
    """The ids of units that the first of these did not ask in the same words as another."""
    first, *rest = models
    out: set[str] = set()
    for other in rest:
        out |= reworded_items(first.items, other.items, max(first.samples, other.samples))
    return out


# ------------------------------------------------------------------- numbers


def _against(base: _Model, models: Sequence[_Model], name: str, margin: float) -> Tradeoff:
    ours, theirs = [base.measures], [m.measures for m in models]
    folders = tuple(folder.name for m in models for folder in m.folders)
    name = name or ", ".join(folders)
    found = axes(ours, theirs, _reworded([base, *models]))
    if not any(axis.role != "length" and axis.of != ("cut off or empty",) for axis in found):
        raise ConfigError(f"{name} and the base {base.measures.name} share no benchmark that an axis could be made of")
    decided = verdict(found, margin)
    return Tradeoff(
        name=name,
        base=base.measures.name,
        runs=folders,
        seeds=len(models),
        verdict=decided,
        numbers=numbers(found),
        axes=tuple(found),
        notes=tuple(unshared(ours, theirs)),
    )


def _pairings(base: Sequence[_Model], points: Sequence[Sequence[_Model]]) -> tuple[Pairing, ...]:
    every = {-1: base, **dict(enumerate(points))}
    tested: list[tuple[int, int, Axis, float | None]] = []
    for a, b in combinations(every, 2):
        ours, theirs = ([m.measures for m in every[i]] for i in (a, b))
        found = axes(ours, theirs, _reworded([base[0], *every[a], *every[b]]), p=True, roles=_AXES)
        tested += [(a, b, axis, axis.p if axis.comparable else None) for axis in found if axis.lead]
    adjusted = holm([p for *_, p in tested])
    return tuple(_pairing(*one, p) for one, p in zip(tested, adjusted, strict=True))


def _pairing(a: int, b: int, axis: Axis, p: float | None, adjusted: float | None) -> Pairing:
    separated = adjusted is not None and adjusted < _ALPHA
    risen = (axis.difference or 0.0) > 0
    return Pairing(
        a=a,
        b=b,
        role=axis.role,
        difference=axis.difference,
        low=axis.low,
        high=axis.high,
        p=p,
        p_adjusted=adjusted,
        separated=separated,
        better=(b if risen is (axis.better == "higher") else a) if separated else None,
    )


def _beaten(i: int, points: Sequence[Tradeoff], pairings: Sequence[Pairing]) -> tuple[int, ...]:
    """The points (-1: the base) that surely beat this one."""
    out = []
    for j in (-1, *range(len(points))):
        met = [p for p in pairings if {p.a, p.b} == {i, j}]
        if j != i and any(p.better == j for p in met) and all(_no_worse(j, p) for p in met):
            out.append(j)
    return tuple(out)


def _no_worse(j: int, p: Pairing) -> bool:
    """Whether point j is, on this axis, separated for the better or at least not behind by its estimate."""
    if p.difference is None or p.better is not None:
        return p.better == j
    gain = p.difference if p.b == j else -p.difference
    return (gain >= 0) if p.role != "over-refusal" else (gain <= 0)


def resolution(run: Run) -> tuple[Axis, ...]:
    """The axes of a model against itself, which no change can be shown more sharply than: where nothing moved at all,
    `Axis.lost` is the smallest loss that so many questions exclude. Raises StoreError for a folder that is no run."""
    one = _read(run if isinstance(run, RunFolder) else open_run(run), False).measures
    return tuple(axes([one], [one]))
