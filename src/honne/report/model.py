"""What a report is made of: one run, its numbers, its accounting, and the answers worth reading.

Everything that prints (`terminal`, `markdown`, `csv`, `json`, `html`) is a pure function of these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from honne.engine.calibration import Calibration
from honne.engine.correcting import Corrected
from honne.engine.estimate import Account, Measured, Section, accounting, analyse
from honne.engine.store import RunFolder
from honne.plugins import Measure, Row, Unit, unit_id
from honne.records import Estimate, Message
from honne.report._profile import readable

__all__ = ["Example", "Part", "RunReport", "Worst", "build", "leading", "worst"]

CATEGORIES = 5
EXAMPLES = 3


@dataclass(frozen=True)
class Part:
    """One asking of a question and what came of it; `verdict` is the judge's label or, without one, its status."""

    item_id: str
    form: str
    sample: int
    options: tuple[str, ...]
    target: str | None
    status: str
    answer: str
    verdict: str
    rationale: str


@dataclass(frozen=True)
class Example:
    """A unit that scored worst in its category: its prompt and the answers in every form."""

    unit: str
    lang: str
    value: float
    messages: tuple[Message, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Worst:
    """A category at the bad end of one metric. `estimate` is its number, `bad` how many units have the worst value."""

    estimate: Estimate
    bad: int
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class RunReport:
    """One run, ready to print. `paper` says that missing values were counted by the source's rule.

    `estimates` are the judges' own numbers; what people's labels make of them is in `corrected`.
    """

    name: str
    path: Path
    info: Mapping[str, Any]
    estimates: tuple[Estimate, ...]
    accounts: tuple[Account, ...]
    examples: tuple[Worst, ...] = ()
    paper: bool = False
    damage: tuple[str, ...] = field(default=())
    measures: tuple[Measured, ...] = ()
    """What a value profile reads."""
    langs: Mapping[str, int] = field(default_factory=dict)
    """How many items of the run are in which language."""
    calibration: Calibration | None = None
    corrected: tuple[Corrected, ...] = ()

    @property
    def every(self) -> tuple[Estimate, ...]:
        """The judges' own numbers, and the corrected ones after them."""
        return (*self.estimates, *(one.corrected for each in self.corrected for one in each.corrections))


def build(run: RunFolder, paper: bool = False) -> RunReport:
    """Read a run folder and compute everything that a report of it says."""
    found = analyse(run, paper)
    return RunReport(
        name=run.name,
        path=run.path,
        info=run.info,
        estimates=tuple(e for e in found.estimates if not e.corrected),
        accounts=tuple(accounting(run)),
        examples=tuple(worst([e for e in found.estimates if not e.corrected], found.measured, found.sections)),
        paper=paper,
        damage=tuple(dict.fromkeys(run.damage)),
        measures=tuple(readable(found.measured, found.sections)),
        langs=Counter(item.lang for item in run.items()),
        calibration=found.calibration,
        corrected=tuple(found.corrected),
    )


def leading(estimates: Sequence[Estimate]) -> Estimate | None:
    """The headline that stands for a benchmark where only one can: the first that has a good and a bad end."""
    whole = [e for e in estimates if e.slice == "all" and e.headline]
    return next((e for e in whole if e.better in ("higher", "lower")), whole[0] if whole else None)


def worst(estimates: Sequence[Estimate], measured: Sequence[Measured], sections: Sequence[Section]) -> list[Worst]:
    """The worst categories of the headlines of each benchmark and attack, with example answers, by its first judge.

    Of headlines over the same units (a rate and its score) the first is taken. Categories are ordered by the end of the
    interval that lies towards the good side: a category leads because it is surely bad, not because it is small and was
    unlucky. Only the finest categories are compared.
    """
    slices: dict[_Name, list[Estimate]] = {}
    for e in estimates:
        if e.headline and e.better in ("higher", "lower"):
            slices.setdefault((e.benchmark, e.attack, e.judge, e.metric, e.form, e.reference), []).append(e)
    measures = {_name(m): m.measure for m in measured}
    first: dict[tuple[str, str | None], Section] = {}
    own: dict[tuple[str, str | None], set[str | None]] = {}
    for section in sections:
        first.setdefault((section.benchmark, section.attack), section)
        own.setdefault((section.benchmark, section.attack), set()).add(section.judge)
    seen: set[tuple[tuple[str, str | None], frozenset[str]]] = set()
    out: list[Worst] = []
    for name, found in slices.items():
        place, judge = name[:2], name[2]
        # A fixed judge, such as that of the choices, has no section of its own beside a rubric judge's.
        if name in measures and place in first and (judge == first[place].judge or judge not in own[place]):
            units = frozenset(u.id for u in measures[name].units)
            if (place, units) not in seen:
                seen.add((place, units))
                out += _worst_of(found, measures[name], first[place].view.rows)
    return out


_Name = tuple[str, str | None, str | None, str, str | None, str | None]


def _name(m: Measured) -> _Name:
    return (m.benchmark, m.attack, m.judge, m.measure.metric, m.measure.form, m.measure.reference)


def _worst_of(slices: Sequence[Estimate], measure: Measure, rows: Sequence[Row]) -> list[Worst]:
    names = {e.slice for e in slices}
    parents = {name.rpartition("/")[0] for name in names}
    leaves = [e for e in slices if e.slice != "all" and e.value is not None and e.slice not in parents]
    sign, best = (1, measure.ceiling) if measure.better == "higher" else (-1, -measure.floor)
    members: dict[str, list[tuple[Unit, float]]] = {}
    for unit in measure.units:
        if unit.value is not None and sign * unit.value < best:
            for depth in range(1, unit.category.count("/") + 2):
                path = "/".join(unit.category.split("/")[:depth])
                members.setdefault(path, []).append((unit, unit.value))
    ranked = sorted(leaves, key=lambda e: (sign * _good_end(e), sign * (e.value or 0.0)))
    bad = [(e, sorted(members[e.slice], key=lambda pair: sign * pair[1])) for e in ranked if e.slice in members]
    bad = bad[:CATEGORIES]
    asked = _asked(rows, {u.id for _, short in bad for u, _ in short[: 4 * EXAMPLES]})
    out: list[Worst] = []
    for e, short in bad:
        examples = [found for u, x in short[: 4 * EXAMPLES] if (found := _example(u, x, asked))][:EXAMPLES]
        out.append(Worst(e, sum(x == short[0][1] for _, x in short), tuple(examples)))
    return out


def _good_end(e: Estimate) -> float:
    end = e.high if e.better == "higher" else e.low
    return end if end is not None else e.value or 0.0


def _asked(rows: Sequence[Row], wanted: Collection[str]) -> dict[str, list[Row]]:
    """From a metric's units (items, or questions with several forms) back to what was asked and answered."""
    items: dict[str, list[Row]] = {}
    groups: dict[str, list[Row]] = {}
    for row in rows if wanted else ():
        for found, name in ((items, row.item.id), (groups, row.item.group)):
            if (unit := unit_id(name, row.sample)) in wanted:
                found.setdefault(unit, []).append(row)
    return groups | items


def _example(unit: Unit, value: float, asked: Mapping[str, list[Row]]) -> Example | None:
    rows = asked.get(unit.id)
    if not rows:
        return None
    return Example(unit.id, rows[0].item.lang, value, rows[0].item.messages, tuple(_part(row) for row in rows))


def _part(row: Row) -> Part:
    response, judgment = row.response, row.judgment
    return Part(
        item_id=row.item.id,
        form=row.item.form,
        sample=row.sample,
        options=row.item.options or (),
        target=row.item.target,
        status=response.status if response else "not_asked",
        answer=(response.text if response else None) or "",
        verdict=(judgment.label or judgment.status) if judgment else "not_judged",
        rationale=(judgment.rationale if judgment else None) or "",
    )
