"""What a report is made of: one run, its numbers, its accounting, and the answers worth reading.

Everything that prints (`terminal`, `markdown`, `csv`, `json`, `html`) is a pure function of these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from honne.engine import estimate as numbers
from honne.engine.estimate import Account, Measured, Section
from honne.engine.store import RunFolder
from honne.plugins import Row, Unit
from honne.records import Estimate, Message

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
    """One run, ready to print. `paper` says that missing values were counted by the source's rule."""

    name: str
    path: Path
    info: Mapping[str, Any]
    estimates: tuple[Estimate, ...]
    accounts: tuple[Account, ...]
    examples: tuple[Worst, ...] = ()
    paper: bool = False
    damage: tuple[str, ...] = field(default=())


def build(run: RunFolder, paper: bool = False) -> RunReport:
    """Read a run folder and compute everything that a report of it says."""
    estimates = numbers.estimate(run, paper)
    return RunReport(
        name=run.name,
        path=run.path,
        info=run.info,
        estimates=tuple(estimates),
        accounts=tuple(numbers.accounting(run)),
        examples=tuple(worst(estimates, numbers.measures(run, paper), numbers.views(run, paper))),
        paper=paper,
        damage=tuple(dict.fromkeys(run.damage)),
    )


def leading(estimates: Sequence[Estimate]) -> Estimate | None:
    """The estimate that stands for a benchmark where only one can: its first headline with a good and a bad end."""
    whole = [e for e in estimates if e.slice == "all"]
    ends = [e for e in whole if e.better in ("higher", "lower")]
    for found in ([e for e in ends if e.headline], [e for e in whole if e.headline], ends, whole):
        if found:
            return found[0]
    return None


_Section = tuple[str, str | None, str | None]


def worst(estimates: Sequence[Estimate], measured: Sequence[Measured], sections: Sequence[Section]) -> list[Worst]:
    """The worst categories of the leading metric of each benchmark, attack and judge, with example answers.

    Categories are ordered by the end of the interval that lies towards the good side: a category leads because it is
    surely bad, not because it is small and was unlucky. Only the finest categories are compared.
    """
    by_section: dict[_Section, list[Estimate]] = {}
    for e in estimates:
        by_section.setdefault((e.benchmark, e.attack, e.judge), []).append(e)
    rows = {(s.benchmark, s.attack, s.judge): s.view.rows for s in sections}
    out: list[Worst] = []
    for key, group in by_section.items():
        lead = leading(group)
        if lead is None or lead.better not in ("higher", "lower"):
            continue
        units = next((m.measure.units for m in measured if _same(m, lead)), ())
        find = _Finder(rows.get(key) or rows.get((key[0], key[1], None)) or ())
        slices = [e for e in group if (e.metric, e.form, e.reference) == (lead.metric, lead.form, lead.reference)]
        out += _worst_of(slices, units, find)
    return out


def _same(m: Measured, e: Estimate) -> bool:
    mine = (m.benchmark, m.attack, m.judge, m.measure.metric, m.measure.form, m.measure.reference)
    return mine == (e.benchmark, e.attack, e.judge, e.metric, e.form, e.reference)


def _worst_of(slices: Sequence[Estimate], units: Sequence[Unit], find: _Finder) -> list[Worst]:
    names = {e.slice for e in slices}
    leaves = [e for e in slices if e.slice != "all" and not any(n.startswith(e.slice + "/") for n in names)]
    sign = 1 if slices[0].better == "higher" else -1
    ranked = sorted(
        (e for e in leaves if e.value is not None),
        key=lambda e: (sign * _good_end(e), sign * (e.value or 0.0)),
    )
    have = [u for u in units if u.value is not None]
    best = max((sign * u.value for u in have if u.value is not None), default=0.0)
    out: list[Worst] = []
    for e in ranked:
        members = [u for u in have if u.category == e.slice or u.category.startswith(e.slice + "/")]
        short = sorted(
            ((u, u.value) for u in members if u.value is not None and sign * u.value < best),
            key=lambda pair: sign * pair[1],
        )
        if short:
            examples = [found for u, x in short if (found := find.example(u, x))][:EXAMPLES]
            bad = sum(x == short[0][1] for _, x in short)
            out.append(Worst(e, bad, tuple(examples)))
        if len(out) == CATEGORIES:
            break
    return out


def _good_end(e: Estimate) -> float:
    end = e.high if e.better == "higher" else e.low
    return end if end is not None else e.value or 0.0


class _Finder:
    """From a metric's unit (an item, or a question with several forms) back to what was asked and answered."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._items: dict[str, list[Row]] = {}
        self._groups: dict[str, list[Row]] = {}
        for row in rows:
            self._items.setdefault(row.item.id, []).append(row)
            self._groups.setdefault(row.item.group, []).append(row)

    def example(self, unit: Unit, value: float) -> Example | None:
        rows = self._items.get(unit.id) or self._groups.get(unit.id) or self._groups.get(unit.group)
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
