"""A run's numbers corrected by its calibration: for every judge, the same metric of people's labels beside the judge's.

What a label means for a metric is what the metric itself makes of it: people's labels stand in for the judge's
verdicts, and the unit values that follow are paired with the judge's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from honne import plugins
from honne.engine.calibration import Borrowed, Calibration, PairsOf
from honne.engine.reference import REFERENCE
from honne.metrics._corrected import Correction, Human, Pairs, borrow, correct, pairs, refuse
from honne.plugins import Measure, Row, View, unit_id
from honne.records import Estimate, Judgment
from honne.stats.transport import equivalent

__all__ = ["FLOOR", "Corrected", "Part", "corrected", "measures", "pairs_of"]

# The least inclusion probability that an active design is taken by its word for, as a share of its greatest: one label
# worth more than ten others would carry the estimate alone. honne's own draws keep to it (`annotate.draw`), so that
# their weights are not cut: a floor on the probability itself would cut all of a small sample's, and judges that
# disagree would look bad.
FLOOR = 0.1
# Nothing that a person's label of the answer says: whether a reply could be read, and how long it is.
_APART = ("well-formedness", "length")

Answers = Mapping[tuple[str, int], Judgment]


class Section(Protocol):
    """One benchmark and attack under one judge, as `honne.engine.estimate` has it."""

    @property
    def benchmark(self) -> str: ...
    @property
    def attack(self) -> str | None: ...
    @property
    def judge(self) -> str | None: ...
    @property
    def view(self) -> View: ...
    @property
    def metrics(self) -> tuple[str, ...]: ...
    @property
    def rubric(self) -> bool: ...


Part = tuple[Section, Measure, Sequence[Estimate]]


@dataclass(frozen=True)
class Corrected:
    """One measure of one judge with its corrections, "all" first; `ceiling` is what people reach among themselves."""

    benchmark: str
    attack: str | None
    judge: str
    measure: Measure
    human: Human
    corrections: tuple[Correction, ...]


def corrected(
    parts: Iterable[Part], calibration: Calibration, model: str, rubric: Callable[[str, str], bool]
) -> list[Corrected]:
    """What `calibration` makes of the measures of every judge that is none of the labelling people.

    `rubric(benchmark, form)` tells the forms that a rubric judge judges, and people label.
    """
    stored = calibration.stored
    answers = calibration.judgments(model)
    made: dict[tuple[str, str | None, tuple[str, ...]], dict[tuple[str, str | None], Measure]] = {}
    out = []
    for section, measure, numbers in parts:
        if not _judged(section, measure, stored.people):
            continue
        rows = [row for row in section.view.rows if (row.item.id, row.sample) in answers]
        if not rows and stored.borrowed is None:
            continue
        key = (section.benchmark, section.attack, section.metrics)
        if key not in made:
            made[key] = measures(section, answers, rubric)
        mine = made[key].get((measure.metric, measure.form))
        human = _human(measure, mine, rows, answers)
        if stored.borrowed is not None:
            found = _borrowed(section, measure, numbers, human, stored.borrowed)
        elif mine is None:
            why = "people's labels are on another scale than this judge's"
            found = [refuse(raw, why) for raw in numbers if raw.slice == "all"]
        else:
            found = correct(measure, human, numbers, finite=stored.finite)
        if found and section.judge is not None:
            out.append(Corrected(section.benchmark, section.attack, section.judge, measure, human, tuple(found)))
    return out


def _judged(section: Section, measure: Measure, people: Sequence[str]) -> bool:
    """Whether a measure is the judge's own say on answers, as people's labels can be."""
    return (
        section.rubric
        and section.judge is not None
        and section.judge not in people
        and measure.judge is None
        and measure.reference is None
        and measure.unit in ("proportion", "score")
        and measure.role not in _APART
    )


def measures(
    section: Section, answers: Answers, rubric: Callable[[str, str], bool]
) -> dict[tuple[str, str | None], Measure]:
    """The section's metrics of these labels, by metric and form; what was not labelled has no value."""

    def labelled(row: Row) -> Row:
        if not rubric(section.benchmark, row.item.form):
            return row
        return row._replace(judgment=answers.get((row.item.id, row.sample)))

    view = replace(
        section.view, rows=[labelled(row) for row in section.view.rows], judge=REFERENCE, paper=False, own={}, panels={}
    )
    found: dict[tuple[str, str | None], Measure] = {}
    for name in section.metrics:
        for measure in plugins.load("metrics", name)(view):
            if isinstance(measure, Measure) and measure.reference is None and measure.judge is None:
                found.setdefault((measure.metric, measure.form), measure)
    return found


def _human(measure: Measure, mine: Measure | None, rows: Sequence[Row], answers: Answers) -> Human:
    """People's values of the measure's units, and their chances of having been drawn where these differ."""
    values = {unit.id: unit.value for unit in mine.units if unit.value is not None} if mine is not None else {}
    chances: dict[str, float] = {}
    drawn = {row.judgment.design for row in rows if row.judgment is not None}
    drawn = {one.design for row in rows if (one := answers.get((row.item.id, row.sample))) is not None}
    if not drawn & {"stratified", "active"}:
        return Human(values, {})
    plain = sum(unit.id in values for unit in measure.units) / max(1, len(measure.units))
    active = [one.inclusion or 0.0 for row in rows if (one := answers[row.item.id, row.sample]).design == "active"]
    least = FLOOR * max(active, default=0.0)
    for row in rows:
        one = answers[row.item.id, row.sample]
        name = unit_id(row.item.group if measure.per == "group" else row.item.id, row.sample)
        chance = one.inclusion if one.inclusion is not None else plain
        if one.design == "active":
            chance = max(chance, least)
        chances[name] = max(chance, chances.get(name, 0.0))
    return Human(values, chances if len(set(chances.values())) > 1 else {})


# ------------------------------------------------------------------ another run's


def pairs_of(
    parts: Iterable[Part], calibration: Calibration, model: str, rubric: Callable[[str, str], bool]
) -> list[PairsOf]:
    """Verdicts beside labels, of every judge and metric: what another run can borrow."""
    answers = calibration.judgments(model)
    out = []
    for section, measure, _ in parts:
        if not _judged(section, measure, calibration.stored.people) or section.judge is None:
            continue
        rows = [row for row in section.view.rows if (row.item.id, row.sample) in answers]
        mine = measures(section, answers, rubric).get((measure.metric, measure.form)) if rows else None
        human = _human(measure, mine, rows, answers)
        found = pairs(measure, human)
        if found.human and not human.inclusion:
            out.append(
                PairsOf(
                    benchmark=section.benchmark,
                    attack=section.attack,
                    judge=section.judge,
                    metric=measure.metric,
                    form=measure.form,
                    judged=tuple(found.judged),
                    human=tuple(found.human),
                    groups=tuple(found.groups),
                    answers=found.answers,
                )
            )
    return out


def _borrowed(
    section: Section, measure: Measure, numbers: Sequence[Estimate], human: Human, borrowed: Borrowed
) -> list[Correction]:
    elsewhere = _alike(section, measure, borrowed)
    if elsewhere is None:
        why = f"{borrowed.run} has no labels beside verdicts of this judge on this metric"
        return [refuse(raw, why) for raw in numbers if raw.slice == "all"]
    return borrow(measure, elsewhere, numbers, why_not=_differ(pairs(measure, human), elsewhere, borrowed))


def _alike(section: Section, measure: Measure, borrowed: Borrowed) -> Pairs | None:
    """The other run's pairs of this judge and metric: of the same benchmark and attack, else of whatever it has."""
    same = [p for p in borrowed.pairs if (p.judge, p.metric, p.form) == (section.judge, measure.metric, measure.form)]
    here = [p for p in same if (p.benchmark, p.attack) == (section.benchmark, section.attack)] or same
    if not here:
        return None
    return Pairs(
        [x for p in here for x in p.judged],
        [x for p in here for x in p.human],
        [f"{p.benchmark} {p.attack} {name}" for p in here for name in p.groups],
        answers=None if any(p.answers is None for p in here) else sum(p.answers or 0 for p in here),
    )


def _differ(own: Pairs, elsewhere: Pairs, borrowed: Borrowed) -> str | None:
    """Why the other run's pairs may not be used here; None where the judge errs alike within the margin."""
    if not {*own.judged, *own.human, *elsewhere.judged, *elsewhere.human} <= {0.0, 1.0}:
        return "only rates are corrected by another run's labels"
    found = equivalent(
        elsewhere.judged,
        elsewhere.human,
        own.judged,
        own.human,
        borrowed.margin,
        weights_here=own.inclusion or None,
        groups_there=elsewhere.groups,
        groups_here=own.groups,
        answers_there=elsewhere.answers,
        answers_here=own.answers,
    )
    if found.verdict == "equivalent":
        return None
    return f"the judge's errors in {borrowed.run} and here: {found.why}"
