"""Judge a run again: any number of judges beside those it has, offline with respect to the model under test.

What was asked and answered is read from the folder and never changed; the benchmark is built again only for its scale
and its criteria, without its data where it can be. The same command again finishes what is missing and asks nothing
twice. A run's state is about its answers: a judge that is not through shows in the buckets, as `not_judged`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from honne import plugins
from honne.engine.estimate import analyse
from honne.engine.judges import (
    JudgePlan,
    able,
    asked,
    check_serving,
    entries,
    kin,
    not_by,
    open_items,
    panelled,
    settle,
    tallies,
)
from honne.engine.judging import Judging, check
from honne.engine.plan import unjudged
from honne.engine.progress import MakeProgress
from honne.engine.run import drive
from honne.engine.store import RunFolder, locked, open_run
from honne.engine.sums import judges_cost, judges_tokens
from honne.errors import ConfigError, DataError, HonneError, JudgeError, ModelError, Stopped
from honne.metrics.safe_rate import SAFE
from honne.plugins import Scale, Source, Verdict, is_choice
from honne.records import Item
from honne.spec import Config, parse

__all__ = ["Rejudging", "criteria_of", "make", "rejudge"]


@dataclass(frozen=True)
class Rejudging:
    """What is going to be judged in one run, by whom; `notes` are worth a reader's while, `done` are now untrue."""

    run: RunFolder
    judges: tuple[JudgePlan, ...]
    notes: tuple[str, ...]
    done: tuple[str, ...]


class _StandIn:
    """What is left of a benchmark that cannot be built here: the labels that people gave, and no criteria."""

    title, url = "", ""
    sources: tuple[Source, ...] = ()
    notes: Sequence[str] = ()

    def __init__(self, stored: Mapping[str, Any], scale: Scale) -> None:
        self.name, self.version = str(stored["name"]), str(stored.get("version"))
        self.judges: Mapping[str, str] = dict(stored.get("judges") or {})
        self.metrics: tuple[str, ...] = tuple(stored.get("metrics") or ())
        self._scale = scale

    def items(self, *, seed: int) -> Sequence[Item]:
        """Raises DataError: the items are in the run folder."""
        raise DataError(f"{self.name}: its items are in the run folder")

    def scale(self, category: str) -> Scale:
        return self._scale

    def rubric(self, item: Item) -> str | None:
        return None

    def rubrics(self) -> Mapping[str, str]:
        return {}

    def validate(self) -> None:
        """Nothing is claimed, so nothing can be wrong."""


# ---------------------------------------------------------------------- plan


def make(run: RunFolder, judges: Sequence[str], config: Config) -> Rejudging:
    """Build and check the judges for every benchmark of a run; asks nothing.

    A judge that has no criteria for a benchmark is left out there, with a note; raises JudgeError where one of them can
    judge no benchmark of the run, ConfigError for anything wrong with a judge, StoreError for a damaged run, DataError
    where nothing is open.
    """
    if not judges:
        raise ConfigError("name at least one judge: --judge llm/openai/gpt-4.1, --judge refusal, …")
    wanted = asked(judges, config)
    items: dict[str, list[Item]] = {}
    for item in run.items():
        items.setdefault(item.benchmark, []).append(item)
    found: list[JudgePlan] = []
    notes: list[str] = []
    done: list[str] = []
    reasons: dict[str, JudgeError] = {}
    there = 0
    for stored in run.info["spec"]["benchmarks"]:
        name = _name(run, stored)
        mine = [item for item in items.get(name, ()) if not is_choice(item.form)]
        served = open_items(stored.get("judges") or {}, mine)
        there += len(served)
        if not served:
            continue
        built = criteria_of(run, stored, served, config, notes)
        able_here, why = able(built, name, wanted, served, config)
        found += able_here
        reasons = {**why, **reasons}
        notes += [not_by(name, spec, e) for spec, e in why.items()]
        if able_here:
            done.append(unjudged(name, len(served)))
    if not there:
        raise DataError(f"{run.path} has no open answers to judge: its choices are read by a judge of their own")
    check_serving(wanted, found, reasons)
    notes += kin(found, str(run.info["spec"]["model"].get("name")))
    return Rejudging(run, tuple(found), tuple(dict.fromkeys(notes)), tuple(done))


def _name(run: RunFolder, stored: Any) -> str:
    if not isinstance(stored, Mapping) or not isinstance(stored.get("name"), str):
        raise DataError(f"{run.path / 'run.json'} is damaged: a benchmark of its spec has no name")
    return str(stored["name"])


def criteria_of(
    run: RunFolder, stored: Mapping[str, Any], items: Sequence[Item], config: Config, notes: list[str]
) -> plugins.Benchmark:
    """The benchmark's scale and criteria as they are now; a stand-in where it cannot be built."""
    how = run.info["spec"].get("import")
    text = how.get("benchmark") if isinstance(how, Mapping) else stored.get("spec")
    scale = _given_scale(run, {item.id for item in items})
    if not isinstance(text, str):
        return _StandIn(stored, scale)
    try:
        spec = parse(text, config.benchmarks)
        plugin = plugins.load("benchmarks", spec.provider)
        built: plugins.Benchmark = getattr(plugin, "without_data", plugin)(spec)
    except HonneError as e:
        notes.append(f"{stored['name']}: its own criteria are not at hand ({e})")
        return _StandIn(stored, scale)
    if stored.get("version") not in ("import", built.version, None) and not hasattr(plugin, "without_data"):
        notes.append(
            f"{stored['name']}: the run was made with version {stored['version']}, the criteria are of {built.version}"
        )
    return built


def _given_scale(run: RunFolder, ids: set[str]) -> Scale:
    """The labels that came with an import, best first where they have scores; safe and unsafe go together."""
    found: dict[str, Verdict] = {}
    for key, rows in run.judgments().items():
        if key.split(".")[0] == "labels":
            for j in rows:
                if j.item_id in ids and j.status == "scored" and j.label is not None:
                    found.setdefault(j.label, Verdict(j.label, j.score, j.raw_score, j.refused))
    if found and found.keys() <= SAFE.keys():
        # A judge that found every answer safe has the same scale as any other.
        found |= {label: Verdict(label, score) for label, score in SAFE.items() if label not in found}
    ranked = sorted(found.values(), key=lambda v: (-(v.score or 0.0), v.raw_score or 0.0, v.label))
    return Scale(tuple(ranked))


# --------------------------------------------------------------------- carry out


def rejudge(plan: Rejudging, progress: MakeProgress) -> RunFolder:
    """Judge what these judges have not judged yet, and make the numbers again.

    Raises StoreError for a run in use, ModelError when a judge could not be asked at all, Stopped when the judging
    ended early; everything received is kept, and estimated, in every case.
    """
    path = plan.run.path
    open_run(path)
    with locked(path) as store:
        before = store.info
        store.write_info(_with(before, plan))
        why: HonneError | None = None
        served: dict[str, set[str]] = {}
        said = {p.judge.key: kin([p], str(before["spec"]["model"].get("name"))) for p in plan.judges}
        try:
            drive(_judge(plan, store, served, said, progress))
        except KeyboardInterrupt:
            why = Stopped("interrupted.")
        except HonneError as e:
            why = e
        try:
            _finish(plan, store, before, served, said)
        except HonneError as e:
            why = why or e
        if why is not None:
            raise _reason(why, plan, store)
        return store


def _reason(why: HonneError, plan: Rejudging, store: RunFolder) -> HonneError:
    """What to tell the user: what was judged is kept, and the same command goes on from it."""
    given = [j for p in plan.judges for j in store.judgments().get(p.judge.key, ())]
    if isinstance(why, ModelError) and any(j.attempts and j.status != "error" for j in given):
        kept = ModelError(f"{why}. Judgments are kept", kind=why.kind)
        why = Stopped(f"{why}.") if why.kind == "unreachable" else kept
    if isinstance(why, Stopped):
        return Stopped(f"{why} The same command goes on with {store.path}.")
    return why


async def _judge(
    plan: Rejudging,
    store: RunFolder,
    served: dict[str, set[str]],
    said: dict[str, list[str]],
    progress: MakeProgress,
) -> None:
    """Judge every answer at hand; `served` and `said` get what each judge's server calls itself, and its notes."""
    model = str(store.info["spec"]["model"].get("name"))
    judges = [Judging(one, model, store) for one in plan.judges if not panelled(one)]
    try:
        for response in store.responses():
            for judging in judges:
                judging.take(response)
        for judging in judges:
            judging.close()
        for key, notes in (await check(judges, (), progress)).items():
            said[key] = [*said.get(key, ()), *notes]
        working = [asyncio.create_task(judging.run((), progress)) for judging in judges]
        try:
            for done in asyncio.as_completed(working):
                await done
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
    finally:
        for judging in judges:
            judging.journal.close()
            served.setdefault(judging.key, set()).update(judging.served)


def _with(before: Mapping[str, Any], plan: Rejudging, only: set[str] | None = None) -> dict[str, Any]:
    """run.json with these judges (or those of them in `only`) among its own."""
    new = [e for e in entries(plan.judges) if only is None or e["key"] in only]
    keys = {e["key"] for e in new}
    listed = before["spec"].get("judges")
    had = [j for j in listed if isinstance(j, dict) and "key" in j] if isinstance(listed, list) else []
    prompts = before["prompts"] if isinstance(before.get("prompts"), dict) else {}
    texts = {p.judge.key: dict(p.judge.prompts) for p in plan.judges if p.judge.prompts and p.judge.key in keys}
    return {
        **before,
        "spec": {**before["spec"], "judges": [*(j for j in had if j["key"] not in keys), *new]},
        "prompts": {**prompts, **texts},
    }


def _finish(
    plan: Rejudging,
    store: RunFolder,
    before: Mapping[str, Any],
    served: Mapping[str, set[str]],
    said: Mapping[str, list[str]],
) -> None:
    store.refresh()
    settle(plan.judges, store)
    store.finish_judgments()
    given = store.judgments()
    info = _with(before, plan, {p.judge.key for p in plan.judges if p.judge.key in given})
    told = info["judges_served"] if isinstance(info.get("judges_served"), dict) else {}
    told = {**told, **{key: sorted({*told.get(key, ()), *names}) for key, names in served.items() if key in given}}
    info["judges_served"] = told
    info["cost"] = {**_dict(info, "cost"), "judges": judges_cost(store)}
    info["tokens"] = {**_dict(info, "tokens"), "judges": judges_tokens(store)}
    changed = [
        f"the model behind judge {key} changed within the run: {', '.join(names)}"
        for key, names in told.items()
        if len(names) > 1
    ]
    damage = info["damage"] if isinstance(info.get("damage"), list) else []
    info["damage"] = list(dict.fromkeys([*damage, *store.damage]))
    notes = info["notes"] if isinstance(info.get("notes"), list) else []
    # A tally is of all judgments: what it was before does not hold any more.
    was, tallied = _dict(info, "judge_tallies"), tallies(plan.judges, store)
    stale = [n for key in tallied if isinstance(was.get(key), list) for n in was[key]]
    info["judge_tallies"] = {**was, **tallied}
    notes = [n for n in notes if n not in plan.done and n not in stale]
    # By judge, so that a resumed `honne run` keeps them.
    told_by = {**_dict(info, "judge_notes"), **{key: list(notes) for key, notes in said.items() if key in given}}
    info["judge_notes"] = told_by
    counted = [n for said in tallied.values() for n in said]
    mine = [n for p in plan.judges for n in told_by.get(p.judge.key, ()) if isinstance(n, str)]
    info["notes"] = list(dict.fromkeys([*notes, *plan.notes, *mine, *counted, *changed, *store.damage]))
    store.write_info(info)
    store.write_estimates(analyse(store, bool(info["spec"].get("paper_rules", False))).estimates)


def _dict(info: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = info.get(key)
    return dict(value) if isinstance(value, dict) else {}
