"""`honne calibrate`: people's labels into a run's calibration, and the run's numbers made again with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from honne._version import __version__
from honne.engine.calibration import (
    Borrowed,
    Ceiling,
    Stored,
    answers_digest,
    labels_of,
    load,
    save,
)
from honne.engine.correcting import Answers, Part, drawn, measures, pairs_of
from honne.engine.estimate import Analysis, analyse, rubrics, uncorrected
from honne.engine.labels_file import Labels
from honne.engine.people import others, raters, settled_of
from honne.engine.reference import CHOSEN, DISPUTED, Reference, settle
from honne.engine.rejudge import criteria_of
from honne.engine.store import RunFolder, locked, open_run
from honne.errors import ConfigError, DataError, StoreError
from honne.plugins import Measure, Scale, is_choice
from honne.records import Item, Judgment, now
from honne.spec import Config
from honne.stats._enough import would_do
from honne.stats.agreement import krippendorff_alpha, raw_agreement
from honne.stats.transport import equivalent

__all__ = ["Options", "borrow_from", "calibrate", "labelled", "made", "remarks"]

# A larger share of disputed answers than this leaves a reference of the easier ones.
_DISPUTED = 0.05


@dataclass(frozen=True)
class Options:
    """`design` is that of labels which name none, `raters` are judges of the run whose agreement is the noise ceiling,
    `finite` asks for the number of these answers and not of the population that they stand for."""

    design: str | None = None
    raters: tuple[str, ...] = ()
    finite: bool = False


def calibrate(
    run: RunFolder, labels: Labels | None, options: Options, config: Config, borrowed: Borrowed | None = None
) -> Analysis:
    """Store the calibration of a run and make its numbers again; without `labels`, those it has been calibrated by.

    Raises DataError and ConfigError for labels that cannot be used, StoreError for a run in use or damaged.
    """
    open_run(run.path)
    with locked(run.path) as run:
        save(run, made(run, labels, options, config, borrowed))
        found = analyse(run, _paper(run))
        run.write_estimates(found.estimates)
        return found


def made(
    run: RunFolder, labels: Labels | None, options: Options, config: Config, borrowed: Borrowed | None = None
) -> Stored:
    """What `calibrate` would store; nothing is written. Raises as it does."""
    if labels is not None:
        stored = _made(run, labels, options, config, uncorrected(run, _paper(run)))
    else:
        stored = _had(run, options, borrowed)
    return msgspec.structs.replace(stored, borrowed=borrowed)


def _paper(run: RunFolder) -> bool:
    return bool(run.info["spec"].get("paper_rules", False))


def labelled(run: RunFolder) -> int | None:
    """By how many labels the run is calibrated; None where its calibration cannot be read."""
    try:
        found = load(run)
    except StoreError:
        return None
    return len(found.stored.reference) if found is not None else 0


def remarks(run: RunFolder, before: int | None) -> list[str]:
    """What the user of a new calibration should know; `before` is how many labels the one that it replaces had, None
    where that could not be read."""
    calibration = load(run)
    if calibration is None:
        return []
    stored, out = calibration.stored, []
    if before is None:
        out.append("it replaces a calibration that could not be read")
    elif len(stored.reference) < before:
        out.append(f"it replaces a calibration by {before} labels with one by {len(stored.reference)}")
    disputed = stored.counts.get(DISPUTED, 0)
    if disputed > _DISPUTED * (disputed + len(stored.reference)):
        out.append(
            f"people disagree on {disputed} of {disputed + len(stored.reference)} labelled answers, and nobody has "
            "decided: what is left are the easier ones, and the corrected numbers are of answers like these"
        )
    alike = others(run.judgments(), stored.people)
    if alike:
        out.append(f"{', '.join(alike)}: corrected like any judge; if they are people's labels, say so with --rater")
    return out


def _made(run: RunFolder, labels: Labels, options: Options, config: Config, raw: Analysis) -> Stored:
    at = now()
    found = settle(run, labels, _scales(run, config), at, options.design)
    named = raters(run.judgments(), _reference(labels), options.raters, run.name)
    people = _raters(run, found, named)
    kept = labels_of(found.rows)
    return Stored(
        honne=__version__,
        at=at.isoformat(timespec="seconds"),
        labels=labels.name,
        sha256=labels.sha256,
        designs=dict(found.designs),
        counts=dict(found.counts),
        shown=dict(found.shown),
        people=_people(run, found, named),
        raters=len(people),
        answers=answers_digest(run, kept),
        finite=options.finite,
        ceilings=tuple(_ceilings(raw.parts, people, run)),
        reference=kept,
    )


def _needed(run: RunFolder, borrowed: Borrowed | None) -> str:
    """How many labels would show it, if the judge errs exactly alike; of the first rate that has enough there."""
    if borrowed is None:
        return ""
    parts = uncorrected(run, bool(run.info["spec"].get("paper_rules", False))).parts
    answers = {(measure.metric, measure.form): len(measure.units) for _, measure, _ in parts}
    for p in borrowed.pairs:
        if {*p.judged, *p.human} <= {0.0, 1.0}:
            found = equivalent(p.judged, p.human, [], [], borrowed.margin, groups_there=p.groups)
            if found.labels_here is not None:
                enough = would_do(found.labels_here, answers.get((p.metric, p.form)))
                return f" ({enough} for {p.metric} and a margin of {borrowed.margin:g})"
    return ""


def _had(run: RunFolder, options: Options, borrowed: Borrowed | None) -> Stored:
    before = load(run)
    if before is None:
        raise ConfigError(
            f"{run.name} has no labels of its own, and a calibration carries over only where some show that the judge "
            f"errs alike here: name them with --labels{_needed(run, borrowed)}"
        )
    if before.stale is not None:
        raise ConfigError(f"{run.name}: its calibration is stale ({before.stale}): name the labels with --labels")
    return msgspec.structs.replace(before.stored, finite=options.finite)


def _scales(run: RunFolder, config: Config) -> Mapping[tuple[str, str], Scale]:
    """The scale of every benchmark and category of the run, as `honne judge` takes it."""
    items: dict[str, list[Item]] = {}
    for item in run.items():
        if not is_choice(item.form):
            items.setdefault(item.benchmark, []).append(item)
    out: dict[tuple[str, str], Scale] = {}
    for stored in run.info["spec"]["benchmarks"]:
        mine = items.get(str(stored.get("name")), [])
        built = criteria_of(run, stored, mine, config, [])
        out |= {(item.benchmark, item.category): built.scale(item.category) for item in mine}
    return out


# ------------------------------------------------------------------- the people


def _reference(labels: Labels) -> str | None:
    """The judge of the run that the labels are, None for those of a file."""
    key = labels.name.removeprefix("judge:")
    return key if key != labels.name else None


def _people(run: RunFolder, found: Reference, named: Iterable[str]) -> tuple[str, ...]:
    """The judges of the run that are the labelling people, and their settled labels: they are not corrected."""
    people = {*found.judges, *named}
    return tuple(sorted(people | {*settled_of(run.judgments(), people)}))


def _raters(run: RunFolder, found: Reference, named: Iterable[str]) -> dict[str, Answers]:
    """Each person's labels by answer: those that came with the labels, and the judges of the run named as raters."""
    out: dict[str, Answers] = {name: _by_answer(rows) for name, rows in found.raters.items()}
    for key in named:
        if key in found.judges:
            continue  # they came with the labels, by the names of their authors
        out[key] = _by_answer(j for j in run.judgments()[key] if j.status == "scored" and j.design not in CHOSEN)
    return out


def _by_answer(rows: Iterable[Judgment]) -> Answers:
    return {(j.item_id, j.sample): j for j in rows}


def _ceilings(parts: Iterable[Part], raters: Mapping[str, Answers], run: RunFolder) -> list[Ceiling]:
    """How far people agree on every metric that any judge of the run has, where two labelled the same answers."""
    if len(raters) < 2:
        return []
    rubric = rubrics(run)
    # Of an answer that one labelled with all others, and another as it was drawn, the draw says how often two did.
    rarest_last = sorted(
        (one for answers in raters.values() for one in answers.values()), key=lambda j: -(j.inclusion or 1)
    )
    labelled = _by_answer(rarest_last)
    seen: dict[tuple[str, str | None, str, str | None], Ceiling | None] = {}
    made: dict[tuple[str, str | None, tuple[str, ...]], list[Mapping[tuple[str, str | None], Measure]]] = {}
    for section, measure, _ in parts:
        place = (section.benchmark, section.attack, measure.metric, measure.form)
        if place in seen or not section.rubric or measure.reference is not None or measure.judge is not None:
            continue
        key = (section.benchmark, section.attack, section.metrics)
        if key not in made:
            made[key] = [measures(section, answers, rubric) for answers in raters.values()]
        given = [found[measure.metric, measure.form] for found in made[key] if (measure.metric, measure.form) in found]
        if len(given) > 1:
            seen[place] = _ceiling(place, given, drawn(section, measure, labelled, rubric))
    return [ceiling for ceiling in seen.values() if ceiling is not None]


def _ceiling(
    place: tuple[str, str | None, str, str | None], given: Sequence[Measure], chances: Mapping[str, float]
) -> Ceiling | None:
    """`chances`: with which the labels of each unit were drawn; what needs no label has none, nor is it agreed on."""
    by_rater = [{unit.id: unit.value for unit in measure.units if unit.id in chances} for measure in given]
    units = {unit.id: unit.group for measure in given for unit in measure.units if unit.id in chances}
    codes: dict[float, int] = {}
    for value in sorted({v for values in by_rater for v in values.values() if v is not None}):
        codes[value] = len(codes)
    table = np.array(
        [[-1 if (v := values.get(name)) is None else codes[v] for values in by_rater] for name in units], dtype=np.int64
    ).reshape(len(units), len(by_rater))
    groups = np.unique(np.array(list(units.values())), return_inverse=True)[1]
    weights = [1 / chances[name] for name in units] if len({chances[name] for name in units}) > 1 else None
    agreed = raw_agreement(table, groups, weights=weights)
    if agreed.value is None or agreed.low is None or agreed.high is None:
        return None
    alpha = krippendorff_alpha(table, groups, weights=weights)
    benchmark, attack, metric, form = place
    return Ceiling(
        benchmark=benchmark,
        attack=attack,
        metric=metric,
        form=form,
        raters=int((table >= 0).any(0).sum()),
        n=agreed.n,
        agreement=agreed.value,
        low=agreed.low,
        high=agreed.high,
        level=agreed.level,
        method=agreed.method,
        alpha=alpha.value,
        alpha_low=alpha.low,
        alpha_high=alpha.high,
    )


# ------------------------------------------------------------------ another run's


def borrow_from(run: RunFolder, margin: float) -> Borrowed:
    """What another run may use of this one's calibration. Raises ConfigError where it has none that holds."""
    calibration = load(run)
    if calibration is None or calibration.stored.borrowed is not None:
        raise ConfigError(f"--from {run.path}: it has no calibration of its own: honne calibrate {run.path} --labels F")
    if calibration.stale is not None:
        raise ConfigError(f"--from {run.path}: its calibration is stale ({calibration.stale}): calibrate it again")
    raw = uncorrected(run, bool(run.info["spec"].get("paper_rules", False)))
    model = str(run.info["spec"]["model"].get("name"))
    found = pairs_of(raw.parts, calibration, model, rubrics(run))
    if not found:
        raise DataError(f"--from {run.path}: no judge of it has verdicts beside labels drawn with equal chances")
    stored = calibration.stored
    return Borrowed(
        run=run.name, model=model, labels=stored.labels, sha256=stored.sha256, margin=margin, pairs=tuple(found)
    )
