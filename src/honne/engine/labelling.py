"""`honne calibrate --plan`: how many answers to label for a corrected rate of a wanted width, and which ones.

A plan is made for the headline rates of one judge that share no answer. The answers are drawn at random within each of
the judge's verdicts, more of them where people's labels are expected to vary more (Neyman allocation), or at random
from all where that takes fewer; the list says with which chance each was drawn, so that its labels can be used as they
come back. It does not name the verdict.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from honne.engine.calibration import load
from honne.engine.correcting import Part, Section, measures
from honne.engine.estimate import rubrics, uncorrected
from honne.engine.store import RunFolder
from honne.errors import ConfigError, unknown
from honne.metrics._estimate import frame
from honne.plugins import Measure, Row, Unit, unit_id
from honne.records import Estimate, Judgment
from honne.stats.intervals import LEVEL
from honne.stats.labelling import Plan, from_accuracy, from_pilot, part_widths, plan

__all__ = ["COLUMNS", "Planned", "make_plans", "todo"]

_VERDICTS = ((1.0, "counted"), (0.0, "not counted"), (None, "no verdict"))
COLUMNS = ("run", "model", "item_id", "sample", "benchmark", "category", "lang", "design", "inclusion", "label")


@dataclass(frozen=True)
class Planned:
    """The plan of one rate (`part`: of one category of a macro mean): `verdicts` names the strata (`counted`, `not
    counted`, `no verdict`), `sizes` are their answers, `rates` the share that people are expected to count among them,
    `pilot` the labels that says so."""

    benchmark: str
    attack: str | None
    judge: str
    metric: str
    part: str | None
    raw: Estimate
    verdicts: tuple[str, ...]
    sizes: tuple[int, ...]
    rates: tuple[float, ...]
    pilot: int
    plan: Plan
    strata: tuple[tuple[Row, ...], ...]


def make_plans(
    run: RunFolder, width: float, *, judge: str | None = None, accuracy: float | None = None, finite: bool = False
) -> list[Planned]:
    """A plan for each headline rate of a judge (by default the first). What to expect comes from the labels that the
    run is calibrated by, or from `accuracy`, taken as both sensitivity and specificity.

    Raises ConfigError for an unknown judge, and where there is neither a label nor an accuracy.
    """
    raw = uncorrected(run, bool(run.info["spec"].get("paper_rules", False)))
    calibration = load(run)
    holds = calibration is not None and calibration.stale is None
    people = calibration.stored.people if calibration is not None and holds else ()
    answers = calibration.judgments(str(run.info["spec"]["model"].get("name"))) if calibration and holds else {}
    parts = [part for part in raw.parts if _plannable(part) and part[0].judge not in people]
    judges = list(dict.fromkeys(str(section.judge) for section, _, _ in parts))
    if judge is not None and judge not in judges:
        raise ConfigError(f"--judge: {run.name}: {unknown('judge', judge, judges)}")
    if not judges:
        raise ConfigError(f"{run.name} has no judge with a headline rate: there is nothing to plan labels for")
    rubric = rubrics(run)
    out: list[Planned] = []
    taken: set[tuple[str, str | None, str]] = set()
    for section, measure, numbers in parts:
        units = {(section.benchmark, section.attack, unit.id) for unit in measure.units}
        if section.judge != (judge or judges[0]) or units & taken:
            continue
        taken |= units
        human = measures(section, answers, rubric).get((measure.metric, measure.form)) if answers else None
        out += _planned(section, measure, numbers, human, width, accuracy, finite)
    return out


def _plannable(part: Part) -> bool:
    section, measure, _ = part
    given = {unit.value for unit in measure.units} - {None}
    own = measure.judge is None and measure.reference is None and measure.per == "item"
    return bool(section.rubric and own and measure.headline and given and given <= {0.0, 1.0})


def _planned(
    section: Section,
    measure: Measure,
    numbers: Sequence[Estimate],
    human: Measure | None,
    width: float,
    accuracy: float | None,
    finite: bool,
) -> list[Planned]:
    """The plan of a rate; of a macro mean one for each of its parts, or the one that says why there is none."""
    rates, pilot = _expected(measure, human, accuracy)
    rows = {unit_id(row.item.id, row.sample): row for row in section.view.rows}

    def planned(units: Sequence[Unit], name: str, width: float, made: Plan | None = None) -> Planned:
        strata = _strata(units, rows)
        counts, expected = tuple(map(len, strata.values())), tuple(rates[verdict] for verdict in strata)
        return Planned(
            benchmark=section.benchmark,
            attack=section.attack,
            judge=str(section.judge),
            metric=measure.metric,
            part=name if name != "all" else None,
            raw=next((e for e in numbers if e.slice == name), numbers[0]),
            verdicts=tuple(strata),
            sizes=counts,
            rates=expected,
            pilot=pilot,
            plan=made or plan(counts, expected, width, finite=finite),
            strata=tuple(strata.values()),
        )

    if measure.overall != "macro":
        return [planned(measure.units, "all", width)]
    found = frame(measure)
    parts = {
        name: [unit for unit, inside in zip(found.units, mask, strict=True) if inside]
        for name, mask in found.parts.items()
        if mask.any()
    }
    strata = [_strata(units, rows) for units in parts.values()]
    widths = part_widths([([*map(len, x.values())], [rates[v] for v in x]) for x in strata], width, finite=finite)
    if widths is None:
        why = (
            f"a label on each of the {len(found.units)} items would still leave the mean of the {len(parts)} "
            "categories wider: more items are needed"
        )
        none = Plan(None, (), (), None, None, None, None, None, 0.8, LEVEL, why)
        return [planned(found.units, "all", width, none)]
    return [planned(units, name, w) for (name, units), w in zip(parts.items(), widths, strict=True)]


def _strata(units: Iterable[Unit], rows: Mapping[str, Row]) -> dict[str, tuple[Row, ...]]:
    """The answers of each verdict that occurs."""
    given = list(units)
    strata = {name: tuple(rows[u.id] for u in given if u.value == value) for value, name in _VERDICTS}
    return {name: found for name, found in strata.items() if found}


def _expected(measure: Measure, human: Measure | None, accuracy: float | None) -> tuple[dict[str, float], int]:
    """The share that people are expected to count under each verdict, and how many labels say so."""
    given = {unit.id: unit.value for unit in human.units} if human is not None else {}
    judged = np.array([np.nan if u.value is None else u.value for u in measure.units], dtype=np.float64)
    people = np.array([np.nan if (v := given.get(u.id)) is None else v for u in measure.units], dtype=np.float64)
    pilot = int((~np.isnan(people)).sum())
    if accuracy is not None:
        yes, no = _by_accuracy(judged, accuracy, measure.metric)
        raw = float(np.nanmean(judged))
        return {"counted": yes, "not counted": no, "no verdict": raw * yes + (1 - raw) * no}, 0
    if not pilot:
        raise ConfigError(
            f"{measure.metric}: what to expect of the judge is not known: calibrate by a few labels first, or say how "
            "often it is right with --accuracy 0.8"
        )
    _, rates = from_pilot(judged, people)
    there = {unit.value for unit in measure.units}
    return dict(zip([name for value, name in _VERDICTS if value in there], rates, strict=True)), pilot


def _draws(one: Planned, alone: bool) -> list[tuple[Sequence[Row], int, str]]:
    """From which answers how many are drawn: from those of each verdict, or from all.

    Drawn at random from one of several plans' answers, labels do not count alike with those of the others.
    """
    if one.plan.labels is None:
        return []
    if not one.plan.allocation:
        design = "random" if alone else "stratified"
        return [([row for rows in one.strata for row in rows], one.plan.labels, design)]
    return [(rows, n, "stratified") for rows, n in zip(one.strata, one.plan.allocation, strict=True)]


def _by_accuracy(judged: Any, accuracy: float, metric: str) -> tuple[float, float]:
    try:
        return from_accuracy(float(np.nanmean(judged)), accuracy, accuracy)
    except ValueError as e:
        raise ConfigError(f"--accuracy {accuracy:g}: {metric}: {e}") from None


def todo(run: RunFolder, plans: Iterable[Planned], seed: int) -> list[dict[str, Any]]:
    """The answers to label, shuffled, as rows of `COLUMNS`; what the run is calibrated by has its label already."""
    calibration = load(run)
    model = str(run.info["spec"]["model"].get("name"))
    known: Mapping[tuple[str, int], Judgment] = {}
    if calibration is not None and calibration.stale is None:
        known = calibration.judgments(model)
    rng = random.Random(seed)
    out = []
    made = [one for one in plans if one.plan.labels is not None]
    for one in made:
        for rows, labels, design in _draws(one, len(made) == 1):
            ordered = sorted(rows, key=lambda row: (row.item.id, row.sample))
            for row in rng.sample(ordered, labels):
                had = known.get((row.item.id, row.sample))
                out.append(
                    {
                        "run": run.name,
                        "model": model,
                        "item_id": row.item.id,
                        "sample": row.sample,
                        "benchmark": row.item.benchmark,
                        "category": row.item.category,
                        "lang": row.item.lang,
                        "design": design,
                        "inclusion": labels / len(rows),
                        "label": had.label if had is not None else None,
                    }
                )
    rng.shuffle(out)
    return out
