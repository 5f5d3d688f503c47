"""Carry out an audit: the pairs in a run folder, judged as any answers are, so that it resumes and pays once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec

from honne import plugins
from honne.audit import _exchanges
from honne.audit._criteria import Turned, criteria
from honne.audit._exchanges import LANGUAGES, Base
from honne.audit._pairs import MODEL, Pair, based, drawn, spread
from honne.engine import imported
from honne.engine.estimate import analyse
from honne.engine.judges import JudgePlan, able, asked, check_serving, not_by, panelled
from honne.engine.plan import describe, limited
from honne.engine.progress import MakeProgress
from honne.engine.rejudge import Rejudging, criteria_of, rejudge
from honne.engine.store import RunFolder, locked, open_run
from honne.errors import ConfigError, DataError, JudgeError, StoreError
from honne.metrics import audit as audit_metric
from honne.plugins import Benchmark, Row, View, is_choice
from honne.records import Estimate, Item
from honne.spec import Config, parse, slug

__all__ = ["AGREED", "LIMIT", "Auditing", "carry_out", "expected", "make"]

# Answers of a benchmark of the user's run that are drawn unless told otherwise: each costs about 15 requests.
LIMIT = 50
# What is told of several judges of the same answers.
AGREED = ("agreement", "cohen_kappa", "fleiss_kappa", "krippendorff_alpha")
# Judges whose verdict wording cannot sway, or that nobody can ask.
_NOT = {
    "labels": "it is people's labels, and cannot be asked",
    "number": "it reads a number and gives no verdict on the wording",
    "instructions": "it counts what can be counted and gives no verdict on the wording",
    "confidence": "it reads a letter with stated shares and gives no verdict on the wording",
    "overlap": "it compares a text with a passage and gives no verdict on the wording",
}
# Judges by rule that benchmarks pick themselves, with the shipped answers that are theirs.
_OWN = {"choice": _exchanges.choices, "organism-rule": _exchanges.organism}


@dataclass(frozen=True)
class Auditing:
    """An audit that is worked out but not begun: the pairs, and the judges (a panel's members before it)."""

    judge: str
    pairs: tuple[Pair, ...]
    judges: tuple[JudgePlan, ...]
    benchmarks: tuple[Mapping[str, Any], ...]
    how: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def default_folder(self) -> Path:
        """`runs/audit-<judge>-<hash>`: the same command finds its folder again."""
        digest = hashlib.sha256(msgspec.json.encode(self.how, order="sorted")).hexdigest()[:8]
        return Path("runs") / f"audit-{slug(self.judges[-1].judge.name)}-{digest}"


def make(judge: str, benchmark: str | None, runs: Sequence[RunFolder], limit: int | None, config: Config) -> Auditing:
    """Work out the pairs for one judge; asks nothing.

    Without `runs` the bases are the shipped exchanges, judged by their own criteria or those of `benchmark`; with them
    the runs' own answers (`limit` groups of each benchmark), judged as they were. Raises ConfigError or JudgeError for
    a judge that cannot be audited so, DataError where there is nothing to change.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit {limit}: at least 1")
    if runs and benchmark is not None:
        raise ConfigError("--benchmark is for the shipped answers; those of --on are judged by their own benchmarks")
    wanted = asked([judge], config)
    for spec in (*wanted.judges, *wanted.members):
        if spec.provider in _NOT:
            raise ConfigError(f"judge {spec.provider!r} is not audited: {_NOT[spec.provider]}")
    notes: list[str] = []
    provider = wanted.judges[0].provider if wanted.judges else "panel"
    if runs:
        parts = _of_runs(runs, provider == "choice", limit or LIMIT, config, notes)
    else:
        built = criteria(benchmark, config)
        bases = _OWN.get(provider, _exchanges.shipped)()
        pairs = _limited(based(bases, built), limit)
        parts = [(built, pairs, {f"{base.id}.{base.lang}": base for base in bases})]
    found: list[JudgePlan] = []
    every: list[Pair] = []
    why: dict[str, JudgeError] = {}
    for built, pairs, known in parts:
        plans = _judges(judge, provider, built, [item for item, _ in pairs], config, why)
        if not plans:
            continue
        asks = next((p.judge for p in plans if p.judge.model is not None), plans[-1].judge)
        made = spread(pairs, known, asks, built)
        items = tuple(item for item, _ in made)
        found += [JudgePlan(p.judge, p.benchmark, p.spec, items, False) for p in plans]
        every += made
    if not found:
        check_serving(wanted, found, why)
    notes += [not_by("this audit", spec, e) for spec, e in why.items()]
    numbered = tuple((msgspec.structs.replace(item, seq=i), response) for i, (item, response) in enumerate(every))
    forms = sorted({item.form for item, _ in numbered})
    stored = tuple(
        {**describe(built), "spec": None, "judges": dict.fromkeys(forms, "rubric"), "metrics": ["audit"]}
        for built, _, _ in parts
        if any(p.benchmark == built.name for p in found)
    )
    how = {
        "audit": {
            "judge": found[-1].judge.key,
            "benchmarks": [b["name"] for b in stored],
            "runs": [run.name for run in runs],
            "limit": limit,
            "set": _exchanges.digest(),
            "pairs": _digest(numbered),
        }
    }
    return Auditing(found[-1].judge.key, numbered, tuple(found), stored, how, tuple(dict.fromkeys(notes)))


def expected(plan: Auditing, name: str) -> list[Estimate]:
    """The numbers that the audit will have, in a folder called `name`, as yet without values: for gates on them.

    Beside them, an audit of a panel has those of `AGREED`.
    """
    out: list[Estimate] = []
    for stored in plan.benchmarks:
        rows = [Row(item, 0, response, None) for item, response in plan.pairs if item.benchmark == stored["name"]]
        for key in dict.fromkeys(p.judge.key for p in plan.judges if p.benchmark == stored["name"]):
            given = {"run": name, "model": MODEL, "benchmark": stored["name"]}
            out += [msgspec.structs.replace(e, **given) for e in audit_metric.PLUGIN(View(rows, key))]
    return out


def _limited(pairs: Sequence[Pair], limit: int | None) -> list[Pair]:
    """The pairs of so many groups, drawn over the categories by a fixed hash."""
    kept = {item.id for item in limited([item for item, _ in pairs], limit, 0)}
    return [pair for pair in pairs if pair[0].id in kept]


def carry_out(plan: Auditing, folder: Path, progress: MakeProgress) -> RunFolder:
    """Judge the pairs in `folder`, from where it stands.

    Raises StoreError for a folder of something else, and what judging a run again raises; everything received is kept.
    """
    if not _begun(plan, folder):
        imported.write(
            folder,
            model=MODEL,
            items=[item for item, _ in plan.pairs],
            responses=[response for _, response in plan.pairs],
            judgments={},
            benchmarks=plan.benchmarks,
            how=plan.how,
            notes=plan.notes,
        )
    run = open_run(folder)
    try:
        rejudge(Rejudging(run, plan.judges, (), ()), progress)
    finally:
        _audited(folder)
    return open_run(folder)


def _begun(plan: Auditing, folder: Path) -> bool:
    """Whether the folder holds the pairs of this audit, whole: killed while they were written, or damaged since, they
    are written again, and the verdicts beside them stay."""
    if not (folder / "run.json").exists() or open_run(folder).info["spec"].get("import") != plan.how:
        return False
    try:
        run = open_run(folder)
        return [len(run.items()), len(run.responses())] == [len(plan.pairs)] * 2
    except StoreError:
        return False


def _audited(folder: Path) -> None:
    """The numbers of an audit in place of the judges' own: in this folder it is they that are measured."""
    with locked(folder) as store:
        info = store.info
        spec = info["spec"]
        judges = [{k: v for k, v in j.items() if k != "metrics"} for j in spec.get("judges", ())]
        store.write_info({**info, "spec": {**spec, "judges": judges}})
        store.refresh()
        store.write_estimates(analyse(store).estimates)


def _judges(
    judge: str, provider: str, built: Benchmark, items: Sequence[Item], config: Config, why: dict[str, JudgeError]
) -> list[JudgePlan]:
    turned = cast(Benchmark, Turned(built))
    if provider in _OWN:
        spec = parse(judge, config.judges)
        made: plugins.Judge = plugins.load("judges", provider)(spec, turned)
        return [JudgePlan(made, built.name, spec.public, tuple(items), False)]
    plans, cannot = able(turned, built.name, asked([judge], config), tuple(items), config)
    why.update({**cannot, **why})
    return sorted(plans, key=panelled)


def _of_runs(
    runs: Sequence[RunFolder], choice: bool, limit: int, config: Config, notes: list[str]
) -> list[tuple[Benchmark, list[Pair], Mapping[str, Base]]]:
    """The answers of runs by benchmark, each benchmark built once."""
    found: dict[str, tuple[Benchmark, list[Pair]]] = {}
    foreign = 0
    # Folders of one name are told apart by their place.
    alike = len({run.name for run in runs}) < len(runs)
    for place, run in enumerate(runs, 1):
        answers = {r.item_id: r for r in run.responses() if r.sample == 0 and r.status == "ok" and r.text}
        for stored in run.info["spec"]["benchmarks"]:
            mine = [item for item in run.items() if item.benchmark == stored["name"] and item.id in answers]
            mine = [item for item in mine if is_choice(item.form) == choice]
            spoken = [item for item in mine if item.lang.partition("-")[0] in LANGUAGES]
            foreign += len(mine) - len(spoken)
            if not spoken:
                continue
            if stored["name"] not in found:
                found[stored["name"]] = (criteria_of(run, stored, spoken, config, notes), [])
            name = f"{place}-{run.name}/" if alike else f"{run.name}/" if len(runs) > 1 else ""
            pairs = found[stored["name"]][1]
            for item in limited(spoken, limit, 0):
                given = answers[item.id]
                base, response = drawn(item, given.text or "", f"{name}{item.id}")
                pairs.append((base, msgspec.structs.replace(response, messages=given.messages)))
    if foreign:
        notes.append(f"{foreign} answers in other languages than {', '.join(LANGUAGES)} are left out")
    if not found:
        what = "choices" if choice else "open answers in English, Chinese or Japanese"
        raise DataError(f"{', '.join(run.name for run in runs)}: no {what} to change")
    return [(built, pairs, {}) for built, pairs in found.values()]


def _digest(pairs: Sequence[Pair]) -> str:
    digest = hashlib.sha256()
    for item, response in pairs:
        digest.update(msgspec.json.encode([item, response.text, response.messages]))
    return digest.hexdigest()[:16]
