"""A run's numbers corrected by its calibration: for every judge, the same metric of people's labels beside the judge's.

What a label means for a metric is what the metric itself makes of it: people's labels stand in for the judge's
verdicts, and the unit values that follow are paired with the judge's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan, prod
from typing import Protocol

from honne import plugins
from honne.engine.calibration import Borrowed, Calibration, PairsOf
from honne.engine.reference import REFERENCE
from honne.metrics._corrected import Correction, Human, Pairs, borrow, correct, pairs, refuse
from honne.plugins import Measure, Row, View, unit_id
from honne.records import Estimate, Judgment
from honne.stats.transport import equivalent

__all__ = ["FLOOR", "Corrected", "Part", "corrected", "drawn", "measures", "pairs_of"]

# The least inclusion probability that an active design is taken by its word for, as a share of its greatest: one label
# worth more than ten others would carry the estimate alone. honne's own draws keep to it (`annotate.draw`), so that
# their weights are not cut: a floor on the probability itself would cut all of a small sample's, and judges that
# disagree would look bad.
FLOOR = 0.1
# Nothing that a person's label of the answer says: whether a reply could be read, and how long it is.
_APART = ("well-formedness", "length")

_OTHER_SCALE = "people's labels are on another scale than this judge's"
_TOGETHER = (
    "a question's value rests on several labels, and how often these were drawn together is not known: label every "
    "answer of some questions, drawn at random"
)

Answers = Mapping[tuple[str, int], Judgment]
_Made = Callable[["Section", Answers], Mapping[tuple[str, str | None], Measure]]


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
    made = _maker(rubric)
    out = []
    for section, measure, numbers in parts:
        if not _judged(section, measure, stored.people):
            continue
        labelled = any((row.item.id, row.sample) in answers for row in section.view.rows)
        if not labelled and stored.borrowed is None:
            continue
        sure = _values(made(section, {}).get((measure.metric, measure.form)))
        if sure and all(unit.id in sure for unit in measure.units if unit.value is not None):
            continue  # it says nothing of a judge's verdicts
        human, why = _human(section, measure, answers, rubric, made)
        if (measure.metric, measure.form) not in made(section, answers):
            why = _OTHER_SCALE
        if stored.borrowed is not None:
            found = _borrowed(section, measure, numbers, human, stored.borrowed)
        elif why is not None:
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
        and measure.unit in ("proportion", "score", "points")
        and measure.role not in _APART
    )


def _maker(rubric: Callable[[str, str], bool]) -> _Made:
    """`measures`, made once for all judges of the same answers."""
    made: dict[object, dict[tuple[str, str | None], Measure]] = {}

    def make(section: Section, answers: Answers) -> Mapping[tuple[str, str | None], Measure]:
        key = (section.benchmark, section.attack, section.metrics, not answers)
        if key not in made:
            made[key] = measures(section, answers, rubric)
        return made[key]

    return make


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


def _human(
    section: Section, measure: Measure, answers: Answers, rubric: Callable[[str, str], bool], made: _Made
) -> tuple[Human, str | None]:
    """People's values of the measure's units, their chances of being known where these differ, and why nothing can be
    said of them, if so.

    A value that needs no label (a reply that was cut off has failed) is known for sure. One that rests on several
    labels, as of a pair of answers, counts where all of them are there: one label may settle it alone, and to count it
    then would be to pick by what it is. How often labels are drawn together follows from how often each is only where
    one of them was left to chance, or all were drawn at random and every value rests on as many.
    """
    values, sure = (_values(made(section, given).get((measure.metric, measure.form))) for given in (answers, {}))
    labels = _labels_of(section, measure, answers, rubric)
    known = {name: value for name, value in values.items() if name in sure or None not in labels.get(name, [None])}
    used = {name: [one for one in labels[name] if one is not None] for name in known if name not in sure}
    if not used:
        silent = any(None not in labels.get(unit.id, [None]) for unit in measure.units if unit.id not in sure)
        return Human({}, {}), _OTHER_SCALE if silent else None
    weighted = any(one.design in ("stratified", "active") for given in used.values() for one in given)
    if not weighted and not sure.keys() & known.keys() and len({len(given) for given in used.values()}) <= 1:
        return Human(known, {}), None
    chance = _chance(used, len(used) / max(1, len(measure.units) - len(sure)))
    single = [[chance(one) for one in given] for given in used.values()]
    left = [sum(c < 1 for c in found) for found in single]
    if max(left, default=0) > 1 and (weighted or len(set(left)) > 1):
        return Human({}, {}), _TOGETHER
    chances = {**dict.fromkeys(sure.keys() & known.keys(), 1.0), **dict(zip(used, map(prod, single), strict=True))}
    return Human(known, chances if len(set(chances.values())) > 1 else {}), None


def _values(measure: Measure | None) -> dict[str, float]:
    return {} if measure is None else {unit.id: unit.value for unit in measure.units if unit.value is not None}


def _labels_of(
    section: Section, measure: Measure, answers: Answers, rubric: Callable[[str, str], bool]
) -> dict[str, list[Judgment | None]]:
    """The labels that each unit rests on, None for one that is not there."""
    grouped = measure.per == "group"
    out: dict[str, list[Judgment | None]] = {}
    for row in section.view.rows:
        one = answers.get((row.item.id, row.sample))
        if grouped and (not rubric(section.benchmark, row.item.form) or measure.form not in (None, row.item.form)):
            continue
        out.setdefault(unit_id(row.item.group if grouped else row.item.id, row.sample), []).append(one)
    return out


def _chance(used: Mapping[str, Sequence[Judgment]], plain: float) -> Callable[[Judgment], float]:
    """With which chance each label was drawn; `plain` where it was drawn at random, and nothing says with which."""
    given = [one for labels in used.values() for one in labels]
    least = FLOOR * max((one.inclusion or 0.0 for one in given if one.design == "active"), default=0.0)

    def chance(one: Judgment) -> float:
        if one.design is None:  # every answer was labelled
            return 1.0
        found = one.inclusion if one.inclusion is not None else plain
        return max(found, least) if one.design == "active" else found

    return chance


def drawn(section: Section, measure: Measure, answers: Answers, rubric: Callable[[str, str], bool]) -> dict[str, float]:
    """The units that rest on labels, each with the chance that these had to be drawn; 1 where all had the same."""
    sure = _values(measures(section, {}, rubric).get((measure.metric, measure.form)))
    given = {
        name: [x for x in found if x is not None]
        for name, found in _labels_of(section, measure, answers, rubric).items()
    }
    used = {name: found for name, found in given.items() if found and name not in sure}
    if not any(one.design in ("stratified", "active") for found in used.values() for one in found):
        return dict.fromkeys(used, 1.0)
    chance = _chance(used, len(used) / max(1, len(measure.units) - len(sure)))
    return {name: prod(map(chance, found)) for name, found in used.items()}


# ------------------------------------------------------------------ another run's


def pairs_of(
    parts: Iterable[Part], calibration: Calibration, model: str, rubric: Callable[[str, str], bool]
) -> list[PairsOf]:
    """Verdicts beside labels, of every judge and metric: what another run can borrow."""
    answers, made = calibration.judgments(model), _maker(rubric)
    out = []
    for section, measure, _ in parts:
        if not _judged(section, measure, calibration.stored.people) or section.judge is None:
            continue
        found = pairs(measure, _human(section, measure, answers, rubric, made)[0])
        if found.human and not found.inclusion:
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
    return borrow(
        measure, elsewhere, numbers, why_not=_differ(pairs(measure, human, labelled=False), elsewhere, borrowed)
    )


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
    people = (value for value in own.human if not isnan(value))
    if not {*own.judged, *people, *elsewhere.judged, *elsewhere.human} <= {0.0, 1.0}:
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
