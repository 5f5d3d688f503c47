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
from honne.plugins import Measure, Row, unit_id
from honne.records import Estimate, Judgment
from honne.stats.labelling import Plan, from_accuracy, from_pilot, plan

__all__ = ["COLUMNS", "Planned", "make_plans", "todo"]

COLUMNS = ("run", "model", "item_id", "sample", "benchmark", "category", "lang", "design", "inclusion", "label")


@dataclass(frozen=True)
class Planned:
    """The plan of one rate: `verdicts` names the strata (`counted`, `not counted`, `no verdict`), `sizes` are their
    answers, `rates` the share that people are expected to count among them, `pilot` the labels that says so."""

    benchmark: str
    attack: str | None
    judge: str
    metric: str
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
        out.append(_planned(section, measure, numbers, human, width, accuracy, finite))
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
) -> Planned:
    rows = {unit_id(row.item.id, row.sample): row for row in section.view.rows}
    given = {unit.id: unit.value for unit in human.units} if human is not None else {}
    judged = np.array([np.nan if u.value is None else u.value for u in measure.units], dtype=np.float64)
    people = np.array([np.nan if (v := given.get(u.id)) is None else v for u in measure.units], dtype=np.float64)
    kinds = [(1.0, "counted"), (0.0, "not counted"), (None, "no verdict")]
    strata = {name: tuple(rows[u.id] for u in measure.units if u.value == value) for value, name in kinds}
    strata = {name: found for name, found in strata.items() if found}
    pilot = int((~np.isnan(people)).sum())
    if accuracy is not None:
        sizes, rates = _by_accuracy(judged, accuracy, measure.metric), None
        expected = dict(zip(("counted", "not counted"), sizes, strict=True))
        raw = float(np.nanmean(judged))
        expected["no verdict"] = raw * sizes[0] + (1 - raw) * sizes[1]
        rates = tuple(expected[name] for name in strata)
    elif pilot:
        _, rates = from_pilot(judged, people)
    else:
        raise ConfigError(
            f"{measure.metric}: what to expect of the judge is not known: calibrate by a few labels first, or say how "
            "often it is right with --accuracy 0.8"
        )
    counts = tuple(len(found) for found in strata.values())
    return Planned(
        benchmark=section.benchmark,
        attack=section.attack,
        judge=str(section.judge),
        metric=measure.metric,
        raw=next(e for e in numbers if e.slice == "all"),
        verdicts=tuple(strata),
        sizes=counts,
        rates=rates,
        pilot=0 if accuracy is not None else pilot,
        plan=plan(counts, rates, width, finite=finite),
        strata=tuple(strata.values()),
    )


def _draws(one: Planned) -> list[tuple[Sequence[Row], int, str]]:
    """From which answers how many are drawn: from those of each verdict, or from all."""
    if one.plan.labels is None:
        return []
    if not one.plan.allocation:
        return [([row for rows in one.strata for row in rows], one.plan.labels, "random")]
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
    for one in plans:
        for rows, labels, design in _draws(one):
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
