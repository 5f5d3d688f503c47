"""From a run folder to numbers: what each metric sees, the estimates, and the accounting of every status.

A benchmark and attack are estimated once per primary judge (a rubric judge, or imported labels). Forms that the
benchmark gives to a fixed judge, such as `choice`, carry that judge's judgment under every primary one. Rows are in the
order of the items, so that faults, resumes and the order of arrival never change a byte. Where the run has a
calibration that holds, the corrected numbers follow the raw ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import msgspec

from honne import plugins
from honne.engine.calibration import Calibration, load
from honne.engine.correcting import Corrected, Part, corrected
from honne.engine.store import RunFolder
from honne.errors import StoreError
from honne.metrics._attacks import attack_estimates
from honne.metrics._estimate import estimates
from honne.plugins import Measure, Row, View, is_choice, unit_id
from honne.records import BUCKETS, RESPONSE_STATUSES, Estimate, Item, Judgment, Response

__all__ = [
    "Account",
    "Analysis",
    "Measured",
    "Section",
    "accounting",
    "analyse",
    "reworded",
    "reworded_items",
    "rubrics",
    "uncorrected",
]


@dataclass(frozen=True)
class Section:
    """One benchmark and attack of a run under one judge."""

    benchmark: str
    version: str
    attack: str | None
    judge: str | None
    view: View
    metrics: tuple[str, ...]
    rubric: bool
    """Whether `judge` is a primary judge: then a measure without any value is a finding, not an absence."""


@dataclass(frozen=True)
class Measured:
    """A measure with where it comes from."""

    benchmark: str
    version: str
    attack: str | None
    judge: str | None
    model: str
    measure: Measure


@dataclass(frozen=True)
class Account:
    """Where every answer of one benchmark, attack and form went: `n` items, `asked` answers (n times the samples).

    `responses` counts their statuses and each judge's mapping its buckets; every one of them sums to `asked`. `empty`
    responses have no text.
    """

    benchmark: str
    attack: str | None
    form: str
    n: int
    asked: int
    responses: dict[str, int]
    empty: int
    judges: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Analysis:
    """All that follows from a run's records: what the metrics saw, what they measured, and the numbers."""

    sections: list[Section]
    measured: list[Measured]
    estimates: list[Estimate]
    """The raw ones, then those `corrected` for a judge's errors."""
    parts: list[Part]
    """The measures with their sections and raw estimates."""
    calibration: Calibration | None = None
    corrected: list[Corrected] = field(default_factory=list)


ByKey = dict[tuple[str, int], Judgment]


@dataclass(frozen=True)
class _Loaded:
    model: str
    samples: int
    sections: dict[tuple[str, str | None], list[Item]]
    responses: dict[tuple[str, int], Response]
    judgments: dict[str, ByKey]
    judges: dict[str, dict[str, str]]
    metrics: dict[str, tuple[str, ...]]
    own: dict[tuple[str, str], tuple[str, ...]]
    panels: dict[str, tuple[str, ...]]

    def metrics_of(self, benchmark: str, judge: str | None) -> tuple[str, ...]:
        """The benchmark's metrics, or those of a judge whose verdicts are on a scale of its own."""
        return self.own.get((judge or "", benchmark), self.metrics[benchmark])

    def samples_of(self, item: Item) -> range:
        """The samples asked for; an import may hold more answers to one item than to another, and they count."""
        n = self.samples
        while (item.id, n) in self.responses:
            n += 1
        return range(n)

    @property
    def attacks(self) -> dict[str, list[str | None]]:
        """The attacks of each benchmark's items; None stands for its plain ones."""
        out: dict[str, list[str | None]] = {}
        for benchmark, attack in self.sections:
            out.setdefault(benchmark, []).append(attack)
        return out

    @property
    def parents(self) -> dict[str, str]:
        """From the units of attacked items to those of their plain ones."""
        return {
            unit_id(item.id, sample): unit_id(item.parent, sample)
            for items in self.sections.values()
            for item in items
            if item.parent is not None
            for sample in self.samples_of(item)
        }

    def judges_of(self, benchmark: str, items: Iterable[Item]) -> tuple[list[str], dict[str, str]]:
        """The primary judges of these items, and the fixed judge key by form."""
        ids = {item.id for item in items}
        present = [key for key, rows in self.judgments.items() if any(item_id in ids for item_id, _ in rows)]
        fixed_names = {form: name for form, name in self.judges[benchmark].items() if name != "rubric"}
        fixed: dict[str, str] = {}
        primary: list[str] = []
        for key in present:
            name = key.partition("@")[0]
            forms = [form for form, judge in fixed_names.items() if judge == name]
            if forms:
                fixed |= dict.fromkeys(forms, key)
            else:
                primary.append(key)
        return primary, fixed


class _Benchmark(msgspec.Struct):
    name: str
    judges: dict[str, str]
    metrics: tuple[str, ...]


class _Model(msgspec.Struct):
    name: str


class _Judge(msgspec.Struct):
    key: str
    metrics: dict[str, tuple[str, ...]] = {}
    members: tuple[str, ...] = ()


class _Spec(msgspec.Struct):
    """What the analysis reads of a run's spec."""

    benchmarks: list[_Benchmark]
    model: _Model
    samples: int
    judges: list[_Judge] = []


def _spec(run: RunFolder) -> _Spec:
    """Raises StoreError where run.json does not say what was asked."""
    try:
        return msgspec.convert(run.info.get("spec"), _Spec)
    except msgspec.ValidationError as e:
        raise StoreError(f"{run.path / 'run.json'} is damaged: in its spec, {str(e)[0].lower()}{str(e)[1:]}") from None


def _in_order(run: RunFolder, spec: _Spec) -> list[str]:
    """The keys of the judges of a run, in the order in which they were named: the first one's numbers lead."""
    named = {judge.key: place for place, judge in enumerate(spec.judges)}
    return sorted(run.judgments(), key=lambda key: (named.get(key, len(named)), key))


def _load(run: RunFolder) -> _Loaded:
    spec = _spec(run)
    judges = {b.name: b.judges for b in spec.benchmarks}
    sections: dict[tuple[str, str | None], list[Item]] = {}
    for item in run.items():
        sections.setdefault((item.benchmark, item.attack), []).append(item)
    for benchmark, _ in sections:
        if benchmark not in judges:
            raise StoreError(f"{run.path / 'run.json'} does not name the benchmark {benchmark!r}, which its items have")
    return _Loaded(
        model=spec.model.name,
        samples=spec.samples,
        sections=sections,
        responses={(r.item_id, r.sample): r for r in run.responses()},
        judgments={key: {(j.item_id, j.sample): j for j in run.judgments()[key]} for key in _in_order(run, spec)},
        judges=judges,
        metrics={b.name: b.metrics for b in spec.benchmarks},
        own={(j.key, benchmark): names for j in spec.judges for benchmark, names in j.metrics.items()},
        panels={j.key: j.members for j in spec.judges if j.members},
    )


def analyse(run: RunFolder, paper: bool = False) -> Analysis:
    """Every number of the run, in a stable order, with what it rests on. Raises StoreError for a damaged run."""
    raw, calibration = uncorrected(run, paper), load(run)
    if calibration is None:
        return raw
    found = []
    if calibration.stale is None:
        found = corrected(raw.parts, calibration, _spec(run).model.name, rubrics(run))
    after = [one.corrected for each in found for one in each.corrections]
    return replace(raw, estimates=[*raw.estimates, *after], calibration=calibration, corrected=found)


def rubrics(run: RunFolder) -> Callable[[str, str], bool]:
    """Whether a form of a benchmark is one that rubric judges judge, and people label."""
    judges = {b.name: b.judges for b in _spec(run).benchmarks}
    return lambda benchmark, form: judges.get(benchmark, {}).get(form, "rubric") == "rubric" and not is_choice(form)


def uncorrected(run: RunFolder, paper: bool = False) -> Analysis:
    """`analyse` without the run's calibration."""
    loaded = _load(run)
    sections, model = _sections(loaded, paper), loaded.model
    parts: list[Part] = []
    measured: dict[tuple[str | None, ...], Measured] = {}
    by_measure: list[tuple[Measured, list[Estimate]]] = []
    numbers: dict[tuple[str | None, ...], Estimate] = {}
    for section in sections:
        for name in _metrics(section):
            for found in plugins.load("metrics", name)(section.view):
                if isinstance(found, Estimate):
                    place = {"run": run.name, "model": model, "benchmark": section.benchmark, "attack": section.attack}
                    made = [msgspec.structs.replace(found, **place)]
                elif section.rubric or _tried(found, section.view.rows):
                    one = Measured(
                        section.benchmark, section.version, section.attack, found.judge or section.judge, model, found
                    )
                    # Under several rubric judges a fixed judge's measure comes up under each: it is one.
                    where = (one.benchmark, one.attack, one.judge, found.form, found.metric, found.reference)
                    if where in measured:
                        continue
                    measured[where] = one
                    made = _estimates(run, section, one)
                    by_measure.append((one, made))
                    parts.append((section, found, made))
                else:
                    continue
                numbers |= {_identity(e): e for e in made}
    attacked = attack_estimates(by_measure, loaded.attacks, loaded.parents)
    numbers |= {_identity(e): e for e in attacked}
    return Analysis(sections, list(measured.values()), list(numbers.values()), parts)


def _metrics(section: Section) -> tuple[str, ...]:
    """The benchmark's metrics, and those that follow from what there is: several judges, options with probabilities."""
    judges = ("agreement",) if len(section.view.by_judge) > 1 else ()
    responses = (row.response for row in section.view.rows if is_choice(row.item.form))
    options = any(r is not None and r.logprobs is not None and '"options"' in r.logprobs for r in responses)
    return (*section.metrics, *judges, *(("choice_scoring",) if options else ()))


def _tried(found: Measure, rows: Iterable[Row]) -> bool:
    """Whether a judge said anything of a measure's items, if only that it could not read them."""
    if found.per != "item" or any(unit.value is not None for unit in found.units):
        return any(unit.value is not None for unit in found.units)
    judged = {unit_id(row.item.id, row.sample) for row in rows if row.judgment is not None}
    return any(unit.id in judged for unit in found.units)


def _sections(loaded: _Loaded, paper: bool) -> list[Section]:
    out: list[Section] = []
    for (benchmark, attack), items in loaded.sections.items():
        primary, fixed = loaded.judges_of(benchmark, items)
        judges: list[str | None] = [*primary]
        if all((judge, benchmark) in loaded.own for judge in primary):
            # No primary judge gives the benchmark's own numbers: those that fixed judges give are not lost.
            judges += [*fixed.values()][:1]
        for judge in judges or [None]:
            rows = [
                Row(item, sample, loaded.responses.get((item.id, sample)), _judged(loaded, fixed, judge, item, sample))
                for item in items
                for sample in loaded.samples_of(item)
            ]
            chosen = dict.fromkeys([*primary, *fixed.values()])
            by_judge = {key: loaded.judgments[key] for key in chosen}
            own = {key: loaded.own[key, benchmark] for key in chosen if (key, benchmark) in loaded.own}
            view = View(rows, judge, by_judge, paper, own, {k: v for k, v in loaded.panels.items() if k in chosen})
            metrics = loaded.metrics_of(benchmark, judge)
            out.append(Section(benchmark, items[0].version, attack, judge, view, metrics, judge in primary))
    return out


def _judged(loaded: _Loaded, fixed: dict[str, str], judge: str | None, item: Item, sample: int) -> Judgment | None:
    key = fixed.get(item.form, judge)
    return loaded.judgments[key].get((item.id, sample)) if key else None


def _estimates(run: RunFolder, section: Section, found: Measured) -> list[Estimate]:
    return estimates(
        found.measure,
        run=run.name,
        model=found.model,
        judge=found.judge,
        benchmark=found.benchmark,
        attack=found.attack,
        rows=section.view.rows,
    )


def _identity(e: Estimate) -> tuple[str | None, ...]:
    return (e.benchmark, e.attack, e.judge, e.form, e.metric, e.slice, e.reference)


def reworded(a: RunFolder, b: RunFolder) -> set[str]:
    """The ids of units that both runs have but did not ask in the same words: they are not paired."""
    return reworded_items(a.items(), b.items(), _most_samples(a, b))


def reworded_items(a: Iterable[Item], b: Iterable[Item], samples: int) -> set[str]:
    """`reworded` of items that were answered up to so many times."""
    theirs = {item.id: item for item in b}
    out: set[str] = set()
    for item in a:
        other = theirs.get(item.id)
        if other is not None and (item.messages, item.options) != (other.messages, other.options):
            # A question is named alike under every attack: another translation of it says nothing of the rest.
            under = f"@{item.attack}" if item.attack is not None else ""
            out |= {name for n in range(samples) for name in (unit_id(item.id, n), unit_id(item.group, n) + under)}
    return out


def _most_samples(*runs: RunFolder) -> int:
    return 1 + max((r.sample for run in runs for r in run.responses()), default=0)


def accounting(run: RunFolder) -> list[Account]:
    """Where every item went, per benchmark, attack and form. Items without a record count as `not_asked`."""
    loaded = _load(run)
    out: list[Account] = []
    for (benchmark, attack), items in loaded.sections.items():
        primary, fixed = loaded.judges_of(benchmark, items)
        forms: dict[str, list[Item]] = {}
        for item in items:
            forms.setdefault(item.form, []).append(item)
        for form, members in forms.items():
            keys = [(item.id, sample) for item in members for sample in loaded.samples_of(item)]
            statuses = Counter(loaded.responses[k].status if k in loaded.responses else "not_asked" for k in keys)
            empty = sum(k in loaded.responses and loaded.responses[k].text == "" for k in keys)
            judges = {}
            for judge in [fixed[form]] if form in fixed else primary:
                rows = loaded.judgments[judge]
                buckets = Counter(rows[k].status if k in rows else "not_judged" for k in keys)
                judges[judge] = {bucket: buckets[bucket] for bucket in BUCKETS}
            responses = {status: statuses[status] for status in RESPONSE_STATUSES}
            out.append(Account(benchmark, attack, form, len(members), len(keys), responses, empty, judges))
    return out
