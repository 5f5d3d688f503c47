"""Which judges a run has: from what `--judge` names to one plan per judge and benchmark, panels with their members.

A judge is a SPEC, a name in honne.toml, or a panel of such:

    --judge A --judge B --judge C --judge panel    the other judges of the command
    --judge panel/A+B+C                            SPECs or names without options of their own
    [judges.NAME] panel = ["A", "B?…", "C"]        any SPECs or names, in honne.toml; used as --judge NAME

`?quorum=N` goes after any of them. Members are judges like all others, each judged once however often it is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from honne import plugins
from honne.engine.journal import Journal
from honne.engine.store import RunFolder
from honne.errors import ConfigError, JudgeError
from honne.judges._family import same_family
from honne.judges.panel import Panel
from honne.records import Item, Judgment
from honne.spec import Config, Spec, parse

__all__ = [
    "Asked",
    "JudgePlan",
    "able",
    "asked",
    "check_serving",
    "entries",
    "fixed_plans",
    "kin",
    "not_by",
    "open_items",
    "panelled",
    "plans",
    "settle",
    "tallies",
]

_PANEL = "panel"


@dataclass(frozen=True)
class JudgePlan:
    """One judge of one benchmark, and the items that it serves."""

    judge: plugins.Judge
    benchmark: str
    spec: str
    items: tuple[Item, ...]
    fixed: bool


@dataclass(frozen=True)
class Asked:
    """The judges that were asked for. `members` are asked for by panels alone."""

    judges: tuple[Spec, ...]
    members: tuple[Spec, ...]
    panels: tuple[tuple[Spec, tuple[Spec, ...]], ...]


def asked(texts: Sequence[str], config: Config) -> Asked:
    """Read what `--judge` names. Raises ConfigError; builds nothing."""
    single = [text for text in texts if not _is_panel(text, config)]
    judges = tuple(_single(text, config) for text in single)
    panels = []
    for text in texts:
        if _is_panel(text, config):
            spec, members = _panel(text, config)
            panels.append((spec, judges if members is None else tuple(_single(m, config, spec.label) for m in members)))
    if len({spec.public for spec, _ in panels}) < len(panels):
        raise ConfigError(f"--judge names the same panel twice: {', '.join(spec.public for spec, _ in panels)}")
    others = dict.fromkeys((m.public, m.label) for _, members in panels for m in members if m not in judges)
    known = {(m.public, m.label): m for _, members in panels for m in members}
    return Asked(judges, tuple(known[name] for name in others), tuple(panels))


def _table(text: str, config: Config) -> Mapping[str, Any]:
    return config.judges.get(text.strip().partition("?")[0], {})


def _is_panel(text: str, config: Config) -> bool:
    table = _table(text, config)
    return "panel" in table if table else text.strip().partition("?")[0].partition("/")[0] == _PANEL


def _single(text: str, config: Config, panel: str = "") -> Spec:
    if panel and _is_panel(text, config):
        raise ConfigError(f"{panel}: {text!r} is a panel itself; name its judges")
    spec = parse(text, config.judges)
    if spec.provider in plugins.names("models"):
        raise ConfigError(f"--judge {spec.label}: that is a model; for a rubric judge with it, write llm/{spec.label}")
    return spec


def _panel(text: str, config: Config) -> tuple[Spec, list[str] | None]:
    """The panel's own SPEC, and its members; None: the other judges of the command."""
    head, _, tail = text.strip().partition("?")
    table = _table(text, config)
    if not table:
        spec = parse(text)
        return spec, [name.strip() for name in spec.name.split("+")] if spec.name else None
    members = table["panel"]
    if not isinstance(members, list) or not all(isinstance(m, str) for m in members):
        raise ConfigError(f'{config.path}: [judges.{head}] panel = {members!r} must be a list of texts, ["A", "B"]')
    own = {key: str(value) for key, value in table.items() if key != "panel"}
    return Spec(_PANEL, head, {**own, **parse(f"{_PANEL}?{tail}" if tail else _PANEL).options}), members


# --------------------------------------------------------------------- plans


def open_items(forms: Mapping[str, str], items: Sequence[Item]) -> tuple[Item, ...]:
    """The items that `--judge` is for; `forms` is a benchmark's map from form to kind of judge."""
    return tuple(item for item in items if forms.get(item.form, "rubric") == "rubric")


def fixed_plans(built: plugins.Benchmark, items: Sequence[Item]) -> list[JudgePlan]:
    """The judges that the benchmark itself gives to forms such as `choice`."""
    forms = dict.fromkeys(item.form for item in items)
    names = dict.fromkeys(built.judges[form] for form in forms if built.judges.get(form, "rubric") != "rubric")
    out = []
    for name in names:
        served = tuple(item for item in items if built.judges.get(item.form) == name)
        out.append(JudgePlan(plugins.load("judges", name)(Spec(name, ""), built), built.name, name, served, True))
    return out


def plans(
    built: plugins.Benchmark, name: str, wanted: Asked, items: tuple[Item, ...], config: Config
) -> list[JudgePlan]:
    """The judges of one benchmark (called `name` in the run), panels last.

    Raises ConfigError or JudgeError where one of them cannot judge this benchmark.
    """
    items = tuple(map(getattr(built, "judged", lambda item: item), items))
    out: dict[str, JudgePlan] = {}
    made: dict[str, plugins.Judge] = {}
    for spec in (*wanted.judges, *wanted.members):
        if spec.provider in built.judges.values():
            raise ConfigError(
                f"--judge {spec.label}: it judges its own forms of {name} already; --judge is for the others"
            )
        judge: plugins.Judge = plugins.load("judges", spec.provider, config.judges)(spec, built)
        made[spec.public] = judge
        if judge.key in out and spec in wanted.judges:
            raise ConfigError(f"--judge names the same judge twice: {judge.key}")
        out.setdefault(judge.key, JudgePlan(judge, name, spec.public, items, False))
    for spec, members in wanted.panels:
        panel = Panel(spec, built, [made[member.public] for member in members])
        out[panel.key] = JudgePlan(cast(plugins.Judge, panel), name, spec.public, items, False)
    return list(out.values())


def able(
    built: plugins.Benchmark, name: str, wanted: Asked, items: tuple[Item, ...], config: Config
) -> tuple[list[JudgePlan], dict[str, JudgeError]]:
    """The judges that can judge this benchmark, and why the others cannot. A panel needs all of its members."""
    why: dict[str, JudgeError] = {}

    def can(spec: Spec, some: Asked) -> bool:
        try:
            plans(built, name, some, items, config)
        except JudgeError as e:
            why[spec.public] = e
            return False
        return True

    judges = [spec for spec in wanted.judges if can(spec, Asked((spec,), (), ()))]
    panels = [(spec, mine) for spec, mine in wanted.panels if can(spec, Asked((), mine, ((spec, mine),)))]
    needed = [spec for spec in wanted.members if any(spec in mine for _, mine in panels)]
    return plans(built, name, Asked(tuple(judges), tuple(needed), tuple(panels)), items, config), why


def not_by(benchmark: str, spec: str, why: JudgeError) -> str:
    """The note of a run about a judge that was asked for and cannot judge this benchmark."""
    return f"{benchmark} is not judged by {spec.partition('?')[0]}: {why}"


def check_serving(wanted: Asked, found: Sequence[JudgePlan], why: Mapping[str, JudgeError]) -> None:
    """Raises why a judge (or panel) that was asked for can judge nothing at all."""
    serving = {plan.spec for plan in found}
    for spec in (*wanted.judges, *(panel for panel, _ in wanted.panels)):
        if spec.public not in serving and spec.public in why:
            raise why[spec.public]


def kin(found: Sequence[JudgePlan], model: str) -> list[str]:
    """A note for every judge whose model is of the family of the model under test."""
    near = [p.judge for p in found if p.judge.model is not None and same_family(p.judge.model.name, model)]
    return [f"judge {judge.name} is of the same family as {model}: it may favour its own kin" for judge in near]


def entries(found: Sequence[JudgePlan]) -> list[dict[str, Any]]:
    """What a run stores about its judges: `metrics` by benchmark where a judge's verdicts have their own, and
    `members` of a panel. In the order in which they were named, whatever the benchmark: one SPEC has a key for each set
    of criteria."""
    named = {spec: place for place, spec in enumerate(dict.fromkeys(plan.spec for plan in found))}
    out: dict[str, dict[str, Any]] = {}
    for plan in sorted(found, key=lambda plan: named[plan.spec]):
        entry = out.setdefault(plan.judge.key, {"key": plan.judge.key, "name": plan.judge.name, "spec": plan.spec})
        own = getattr(plan.judge, "metrics", None)
        if own is not None:
            entry.setdefault("metrics", {})[plan.benchmark] = list(own)
        if isinstance(plan.judge, Panel):
            entry["members"] = list(plan.judge.members)
    return list(out.values())


def tallies(found: Sequence[JudgePlan], store: RunFolder) -> dict[str, list[str]]:
    """What each judge has to say about all of its judgments of a run, by its key."""
    given = store.judgments()
    judges = {plan.judge.key: plan.judge for plan in found if hasattr(plan.judge, "tally")}
    return {key: list(judge.tally(given[key])) for key, judge in judges.items() if key in given}


# -------------------------------------------------------------------- panels


def panelled(plan: JudgePlan) -> bool:
    """Whether this judge is made of others and asks nothing itself."""
    return isinstance(plan.judge, Panel)


def settle(found: Sequence[JudgePlan], store: RunFolder) -> None:
    """Record what each panel makes of its members' judgments, where that is not recorded yet or has changed."""
    for plan in found:
        if isinstance(plan.judge, Panel):
            _settle(plan.judge, plan, store)


def _settle(panel: Panel, plan: JudgePlan, store: RunFolder) -> None:
    given: dict[tuple[str, int], dict[str, Judgment]] = {}
    for key in panel.members:
        for judgment in store.judgments().get(key, ()):
            given.setdefault((judgment.item_id, judgment.sample), {})[key] = judgment
    before = {(j.item_id, j.sample): (j.status, j.raw) for j in store.judgments().get(panel.key, ())}
    items = {item.id: item for item in plan.items}
    journal: Journal[Judgment] = Journal(store.judge_folder(panel.key))
    try:
        for response in store.responses():
            place = (response.item_id, response.sample)
            votes = given.get(place, {})
            if response.item_id not in items or not panel.decided(votes):
                continue
            judgment = panel.combine(items[response.item_id], response, votes)
            if before.get(place) != (judgment.status, judgment.raw):
                journal.append(judgment)
    finally:
        journal.close()
