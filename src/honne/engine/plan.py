"""What a run is going to do, worked out before anything is asked: its items, its judges, its spec."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from honne import plugins
from honne._version import __version__
from honne.engine.attacking import Chosen, Stage, attackable, attacked, choose
from honne.engine.judges import (
    Asked,
    JudgePlan,
    able,
    asked,
    check_serving,
    entries,
    fixed_plans,
    kin,
    not_by,
    open_items,
)
from honne.engine.store import FORMAT
from honne.errors import ConfigError, DataError, JudgeError
from honne.records import Item, Message, now
from honne.spec import Config, Spec, parse, slug

__all__ = ["JudgePlan", "Options", "Plan", "entries", "expanded", "limited", "make", "unjudged"]


@dataclass(frozen=True)
class Options:
    """What the user chose, beside benchmarks, model and judges. `limit` is in groups per benchmark; `translator` is
    the SPEC of the model that carries out attacks which need one."""

    limit: int | None = None
    samples: int = 1
    seed: int = 0
    paper: bool = False
    attacks: tuple[str, ...] = ()
    translator: str | None = None

    def check(self) -> None:
        if self.samples < 1:
            raise ConfigError(f"--samples {self.samples}: at least 1")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit {self.limit}: at least 1 (groups per benchmark)")


@dataclass(frozen=True)
class Plan:
    """One model's run: everything that is known before the first request."""

    model: plugins.Model
    items: tuple[Item, ...]
    judges: tuple[JudgePlan, ...]
    options: Options
    spec: dict[str, Any]
    data: list[dict[str, Any]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    translator: plugins.Model | None = None
    unasked: frozenset[str] = frozenset()
    """The items that cannot be asked, because the model that should have made their messages failed."""

    @property
    def default_folder(self) -> Path:
        """`runs/<model>-<hash of the spec>`: the same command finds its folder again."""
        identity = {k: v for k, v in self.spec.items() if k not in ("judges", "paper_rules")}
        for name in ("model", "translator"):
            if name in identity:
                identity[name] = {k: v for k, v in identity[name].items() if k != "spec"}
        digest = hashlib.sha256(msgspec.json.encode(identity, order="sorted")).hexdigest()[:8]
        return Path("runs") / f"{slug(self.model.name)}-{digest}"

    def info(self) -> dict[str, Any]:
        """run.json as it is when the run starts."""
        return {
            "honne": __version__,
            "format": FORMAT,
            "state": "running",
            "why": None,
            "spec": self.spec,
            "data": self.data,
            "prompts": {plan.judge.key: dict(plan.judge.prompts) for plan in self.judges if plan.judge.prompts},
            "served_models": [],
            "loaded": {},
            "judges_served": {},
            "judge_notes": {},
            "judge_tallies": {},
            "counts": {},
            "cost": {"model": None, "judges": {}, "attacks": {}},
            "tokens": {"model": [None, None], "judges": {}, "attacks": {}},
            "started": now().isoformat(timespec="seconds"),
            "finished": None,
            "damage": [],
            "notes": list(self.notes),
        }


def make(
    benchmarks: Sequence[str], model: str, judges: Sequence[str], options: Options, config: Config | None = None
) -> Plan:
    """Build and check everything that a run needs. Raises ConfigError, DataError or JudgeError; asks nothing."""
    config = config or Config()
    options.check()
    if not benchmarks:
        raise ConfigError(f"name at least one benchmark; built in: {', '.join(plugins.names('benchmarks'))}")
    if len(set(benchmarks)) < len(benchmarks):
        raise ConfigError(f"a benchmark is named twice: {' '.join(benchmarks)}")
    built = [one for text in benchmarks for one in expanded(text, config)]
    names = [b.name for b, _ in built]
    if len(set(names)) < len(names):
        again = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"two of the benchmarks are named {again!r}: run them separately, each with its own -o")
    the_model, model_spec = _model(model, config)
    attacks = choose(options.attacks)
    translator, translator_spec = _translator(attacks, options, config)
    notes: list[str] = []
    items, stages = _items([b for b, _ in built], options, attacks, notes)
    notes += [f"{b.name}: {note}" for b, _ in built for note in getattr(b, "notes", ())]
    judging: list[JudgePlan] = []
    wanted = asked(judges, config)
    why: dict[str, JudgeError] = {}
    for the_benchmark, _ in built:
        judging += _judges(the_benchmark, wanted, items, config, model_spec, notes, why)
    check_serving(wanted, judging, why)
    spec = {
        "benchmarks": [describe(b, s) for b, s in built],
        "model": {"name": the_model.name, "spec": model_spec.public, "settings": dict(the_model.settings)},
        "judges": entries(judging),
        "samples": options.samples,
        "seed": options.seed,
        "limit": options.limit,
        "items": _digest(items),
        "paper_rules": options.paper,
    }
    if attacks:
        spec["attacks"] = [attack.name for attack in attacks]
    if translator is not None:
        spec["translator"] = {"name": translator.name, "spec": translator_spec, "settings": dict(translator.settings)}
    if options.samples > 1 and the_model.settings.get("temperature") == 0:
        notes.append("samples > 1 at temperature 0: the samples will be near copies of each other")
    data = [row for b, _ in built for row in provenance(b)]
    said = tuple(dict.fromkeys(notes))
    return Plan(the_model, tuple(items), tuple(judging), options, spec, data, said, tuple(stages), translator)


def expanded(text: str, config: Config | None = None) -> list[tuple[plugins.Benchmark, Spec]]:
    """The benchmarks of a SPEC: one, or the members of a suite, each with the options given to the suite."""
    spec = _benchmark_spec(text, config)
    if spec.provider in plugins.names("benchmarks"):
        suite = plugins.load("benchmarks", spec.provider)
        if isinstance(suite, plugins.Suite):
            if spec.name:
                raise ConfigError(f"{spec.label}: the suite {spec.provider} takes no /{spec.name}")
            members = [Spec(member, "", spec.options, spec.secrets) for member in suite.members]
            return [(plugins.load("benchmarks", member.provider)(member), member) for member in members]
    return [benchmark(text, config)]


def benchmark(text: str, config: Config | None = None) -> tuple[plugins.Benchmark, Spec]:
    """The benchmark of a SPEC such as `flames`, `trust-safety?langs=en` or `file/prompts.jsonl?prompt=q`.

    Raises ConfigError for a suite, which is several.
    """
    spec = _benchmark_spec(text, config)
    plugin = plugins.load("benchmarks", spec.provider, config.benchmarks if config else ())
    if isinstance(plugin, plugins.Suite):
        raise ConfigError(f"{spec.provider!r} is several benchmarks: name one of {', '.join(plugin.members)}")
    built: plugins.Benchmark = plugin(spec)
    return built, spec


def _benchmark_spec(text: str, config: Config | None) -> Spec:
    named = config.benchmarks if config else {}
    if text not in named and Path(text.partition("?")[0]).is_file():
        raise ConfigError(f"{text!r} is a file: write file/{text.partition('?')[0]}?prompt=COLUMN to ask its prompts")
    return parse(text, named)


def describe(built: plugins.Benchmark, spec: Spec | None = None) -> dict[str, Any]:
    """What a run stores about a benchmark, enough to estimate and report without it."""
    return {
        "spec": spec.public if spec else built.name,
        "name": built.name,
        "version": built.version,
        "title": built.title,
        "url": built.url,
        "judges": dict(built.judges),
        "metrics": list(built.metrics),
    }


def provenance(built: plugins.Benchmark) -> list[dict[str, Any]]:
    """Where the data came from and whether they are the bytes that were published."""
    from honne.data import resolve

    out = []
    for source in built.sources:
        found = resolve(source)
        out.append(
            {
                "dataset": source.dataset,
                "file": source.file,
                "url": source.url,
                "licence": source.licence,
                "sha256_expected": source.sha256,
                "sha256": found.sha256,
                "matches": found.matches,
            }
        )
    return out


def _model(text: str, config: Config) -> tuple[plugins.Model, Spec]:
    spec = parse(text, config.models)
    return plugins.load("models", spec.provider, config.models)(spec), spec


def _translator(attacks: Sequence[Chosen], options: Options, config: Config) -> tuple[plugins.Model | None, str | None]:
    needing = [attack.name for attack in attacks if attack.needs_model]
    if needing and options.translator is None:
        raise ConfigError(f"--attack {needing[0]} needs a model: name it with --translator SPEC, e.g. openai/gpt-4.1")
    if options.translator is None or not needing:
        return None, None
    model, spec = _model(options.translator, config)
    return model, spec.public


def _items(
    benchmarks: Sequence[plugins.Benchmark], options: Options, attacks: Sequence[Chosen], notes: list[str]
) -> tuple[list[Item], list[Stage]]:
    """The items in the order of the run, each benchmark's plain ones before the attacked, and what a model rewrites."""
    items: list[Item] = []
    seen: dict[str, str] = {}
    waiting: dict[str, dict[str, tuple[Message, ...]]] = {}
    spared: list[str] = []

    def add(item: Item, name: str) -> None:
        if item.id in seen:
            where = f"{seen[item.id]} and {name}" if seen[item.id] != name else name
            raise DataError(f"item id {item.id!r} occurs twice ({where}): run them separately or give other ids")
        seen[item.id] = name
        items.append(msgspec.structs.replace(item, seq=len(items)))

    for built in benchmarks:
        asked = limited(list(built.items(seed=options.seed)), options.limit, options.seed)
        if not asked:
            raise DataError(f"benchmark {built.name!r} has no items")
        for item in asked:
            add(item, built.name)
        if attacks and not attackable(built, asked):
            spared.append(built.name)
        for item, needs_model in attacked(built, asked, attacks, options.seed, notes):
            add(item, built.name)
            if needs_model:
                waiting.setdefault(item.attack or "", {})[item.id] = item.messages
    if spared:
        notes.append(f"not attacked, having no plain open items that a rubric judge serves: {', '.join(spared)}")
    if attacks and all(item.parent is None for item in items):
        raise ConfigError(f"--attack {attacks[0].name}: there is nothing to attack: {'; '.join(notes)}")
    return items, [Stage(a.name, a.carry_out, waiting[a.name]) for a in attacks if a.name in waiting]


def _digest(items: Sequence[Item]) -> str:
    """A hash of everything that is asked, so that a run is never finished with other questions than it began with."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(msgspec.json.encode(item))
    return digest.hexdigest()[:16]


def sent_messages(model: plugins.Model) -> Callable[[tuple[Message, ...]], tuple[Message, ...] | None]:
    """What the model sends instead of an item's messages (with its system prompt, say), or None for the item's own."""
    sent: Callable[[tuple[Message, ...]], tuple[Message, ...] | None] = getattr(model, "sent", lambda _: None)
    return sent


def limited(items: list[Item], limit: int | None, seed: int) -> list[Item]:
    """The first `limit` groups of a seeded order that is stratified by category and prefix-stable, in benchmark order.

    Each category's groups are shuffled by a hash and spread evenly over [0, 1): any prefix holds every category in
    proportion, and a larger limit only adds.
    """
    if limit is None:
        return items
    by_category: dict[str, list[str]] = {}
    for item in items:
        groups = by_category.setdefault(item.category, [])
        if item.group not in groups[-1:]:
            groups.append(item.group)
    place: dict[str, tuple[float, str]] = {}
    for groups in by_category.values():
        shuffled = sorted(dict.fromkeys(groups), key=lambda group: _draw(seed, group))
        for rank, group in enumerate(shuffled):
            place.setdefault(group, ((rank + 0.5) / len(shuffled), _draw(seed, group)))
    kept = set(sorted(place, key=lambda group: place[group])[:limit])
    return [item for item in items if item.group in kept]


def _draw(seed: int, group: str) -> str:
    return hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()


def _judges(
    built: plugins.Benchmark,
    wanted: Asked,
    items: Sequence[Item],
    config: Config,
    model: Spec,
    notes: list[str],
    why: dict[str, JudgeError],
) -> list[JudgePlan]:
    """The judges of one benchmark. One that cannot judge it is left out with a note, and `why` says so of it."""
    mine = [item for item in items if item.benchmark == built.name]
    found = fixed_plans(built, mine)
    asked_open = open_items(built.judges, mine)
    if not asked_open:
        return found
    named, cannot = able(built, built.name, wanted, asked_open, config)
    notes += [not_by(built.name, spec, e) for spec, e in cannot.items()]
    why.update({**cannot, **why})
    if not named:
        notes.append(unjudged(built.name, len(asked_open)))
    notes += kin(named, model.label)
    return found + named


def unjudged(benchmark: str, n: int) -> str:
    """The note of a run whose open answers nobody judges yet."""
    return f"{benchmark}: {n} open items have no judge; add --judge llm/… to judge them"


_CARRIED = ("started", "served_models", "loaded", "judges_served", "judge_notes", "judge_tallies", "damage")


def merged_info(old: Mapping[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """run.json of a resumed run: it started when it first started, and keeps the judges that it already had.

    What is not of its kind in a damaged run.json is made anew; the records themselves are elsewhere.
    """
    known = {j["key"] for j in new["spec"]["judges"]}
    had = old["spec"].get("judges")
    listed = [j for j in had if isinstance(j, dict) and "key" in j] if isinstance(had, list) else []
    spec = {**new["spec"], "judges": [*(j for j in listed if j["key"] not in known), *new["spec"]["judges"]]}
    carried = {key: _same_kind(old, new, key) for key in _CARRIED}
    return {
        **new,
        **carried,
        "spec": spec,
        "prompts": {**_same_kind(old, {"prompts": {}}, "prompts"), **new["prompts"]},
    }


def _same_kind(old: Mapping[str, Any], new: Mapping[str, Any], key: str) -> Any:
    value = old.get(key)
    return value if value and isinstance(value, type(new[key])) else new[key]
