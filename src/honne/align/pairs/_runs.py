"""Run folders as a source of pairs reads them: finished, with the judge that tells good answers from bad ones.

A judge is named by its key or by its name (what comes before the @): one SPEC has a key for every set of criteria.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from honne import plugins
from honne.align.pairs._base import Account, JudgeUsed, sound
from honne.engine.store import RunFolder, open_run
from honne.errors import ConfigError, DataError, HonneError, unknown
from honne.plugins import is_choice
from honne.records import Item, Judgment, Message, Response, category_parts
from honne.spec import parse

__all__ = [
    "MARGIN",
    "Answer",
    "Finished",
    "finished",
    "fixed_by_form",
    "name_of",
    "names_of",
    "one_judge",
    "runs_in",
    "those_of",
]

# By how much the score of a bad answer must fall short of that of the chosen one.
MARGIN = 0.5


class Answer(NamedTuple):
    """An answer that was received whole, with its verdict (None where there is no scored one)."""

    run: Finished
    sample: int
    text: str
    sent: tuple[Message, ...]
    judge: str | None
    score: float | None
    label: str | None
    refused: bool | None


class Finished:
    """A run that is done. Raises DataError for one that is not, StoreError where there is none."""

    def __init__(self, path: Path) -> None:
        self._run: RunFolder = open_run(path)
        self.path = path
        state = self._run.info.get("state")
        if state != "done":
            raise DataError(f"{path}: the run is not finished (state {state!r}): finish it with its own command")
        self.items: list[Item] = self._run.items()
        if not self.items:
            raise DataError(f"{path} has no items: the run is not complete")
        spec = self._run.info["spec"]
        self.model = str(spec["model"].get("name", ""))
        self._benchmarks = {
            b["name"]: b for b in spec["benchmarks"] if isinstance(b, dict) and isinstance(b.get("name"), str)
        }
        listed = spec.get("judges")
        self._listed = [j for j in listed if isinstance(j, dict)] if isinstance(listed, list) else []

    @property
    def name(self) -> str:
        return self._run.name

    @property
    def spec(self) -> Mapping[str, Any]:
        spec: Mapping[str, Any] = self._run.info["spec"]
        return spec

    @cached_property
    def _answers(self) -> dict[str, list[Response]]:
        out: dict[str, list[Response]] = {}
        for response in self._run.responses():
            out.setdefault(response.item_id, []).append(response)
        return out

    @cached_property
    def judgments(self) -> dict[str, dict[tuple[str, int], Judgment]]:
        return {key: {(j.item_id, j.sample): j for j in rows} for key, rows in self._run.judgments().items()}

    def kind_of_judge(self, item: Item) -> str:
        """`rubric`, or the name of the fixed judge that serves the form of an item."""
        return fixed_by_form(self._benchmarks.get(item.benchmark)).get(item.form, "rubric")

    def rated(self, item: Item) -> bool:
        """Whether this is an open question whose answers a rubric judge (or a person) rates."""
        return self.kind_of_judge(item) == "rubric" and not is_choice(item.form)

    def fixed_judge(self, item: Item) -> str | None:
        """The key of the fixed judge of an item, where it has judged in this run."""
        kind = self.kind_of_judge(item)
        return next((key for key in self.judgments if name_of(key) == kind), None)

    def raters(self) -> dict[str, dict[str, list[str]]]:
        """Judge name -> benchmark -> the keys under which it scored rated items there."""
        by_id = {item.id: item.benchmark for item in self.items if self.rated(item)}
        out: dict[str, dict[str, list[str]]] = {}
        for key, rows in self.judgments.items():
            scored = {by_id[id] for (id, _), j in rows.items() if id in by_id and j.score is not None}
            for benchmark in sorted(scored):
                out.setdefault(name_of(key), {}).setdefault(benchmark, []).append(key)
        return out

    def used(self, key: str) -> JudgeUsed:
        """A judge as the account of the pairs names it."""
        fixed = {kind for b in self._benchmarks.values() for kind in fixed_by_form(b).values()}
        members = next((j.get("members") for j in self._listed if j.get("key") == key), None)
        return JudgeUsed(key, name_of(key) in fixed, tuple(members or ()))

    def answers(self, item: Item, judge: str | None, account: Account) -> list[Answer]:
        """The whole answers to an item, in the order of the samples; the others are counted in the account."""
        out = []
        for response in self._answers.get(item.id, ()):
            text = sound(response.text or "")
            if response.status != "ok" or not text:
                what = "empty" if response.status == "ok" else response.status
                account.out(f"answer not whole: {what}", f"{self.path}: {item.id}")
                continue
            found = self.judgments[judge].get((item.id, response.sample)) if judge else None
            scored = found if found is not None and found.status == "scored" else None
            if judge and (scored is None or scored.score is None):
                why = "not judged" if found is None else found.status if scored is None else "no score"
                account.out(f"answer without a verdict: {why}", f"{self.path}: {item.id}")
            out.append(
                Answer(
                    self,
                    response.sample,
                    text,
                    response.messages or item.messages,
                    judge,
                    scored.score if scored else None,
                    scored.label if scored else None,
                    scored.refused if scored else None,
                )
            )
        return out

    @cached_property
    def _scales(self) -> dict[str, plugins.Benchmark | None]:
        return {name: _built(stored, self.spec) for name, stored in self._benchmarks.items()}

    def refusal_is_worse(self, item: Item) -> bool | None:
        """Whether the scale of an item says that a refusal is the worse answer; None where it says nothing of that."""
        built = self._scales.get(item.benchmark)
        if built is None:
            return None
        verdicts = [v for v in built.scale(item.category).verdicts if v.score is not None and v.refused is not None]
        refusals = [v.score for v in verdicts if v.refused and v.score is not None]
        others = [v.score for v in verdicts if not v.refused and v.score is not None]
        return max(refusals) < max(others) if refusals and others else None

    def input(self, judges: Iterable[str]) -> dict[str, Any]:
        """What the pairs' record says of this run: enough to tell whether what was read of it is still the same."""
        digest = hashlib.sha256()
        folders = [self.path, self._run.responses_folder, *map(self._run.judge_folder, sorted(set(judges)))]
        try:
            for file in (file for folder in folders for file in sorted(folder.glob("*.parquet"))):
                digest.update(f"{file.relative_to(self.path)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
        except OSError as e:
            raise DataError(f"cannot read {self.path}: {e.strerror or e}") from None
        settings = self.spec["model"].get("settings")
        return {
            "run": str(self.path),
            "model": self.model,
            "settings": dict(settings) if isinstance(settings, Mapping) else {},
            "benchmarks": [f"{name} {b.get('version')}" for name, b in self._benchmarks.items()],
            "sha256": digest.hexdigest(),
        }


def _built(stored: Mapping[str, Any], spec: Mapping[str, Any]) -> plugins.Benchmark | None:
    """The benchmark of a run, for its scale alone; None where it cannot be built here."""
    how = spec.get("import")
    text = how.get("benchmark") if isinstance(how, Mapping) else stored.get("spec")
    if not isinstance(text, str):
        return None
    try:
        wanted = parse(text)
        plugin = plugins.load("benchmarks", wanted.provider)
        built: plugins.Benchmark = getattr(plugin, "without_data", plugin)(wanted)
    except HonneError:
        return None
    return built


def fixed_by_form(stored: Any) -> dict[str, str]:
    """The forms of a benchmark, as run.json has it, that a fixed judge serves, with its name."""
    judges = stored.get("judges") if isinstance(stored, Mapping) else None
    listed = judges.items() if isinstance(judges, Mapping) else ()
    return {str(form): kind for form, kind in listed if isinstance(kind, str) and kind != "rubric"}


def name_of(key: str) -> str:
    """A judge's name: its key without version and hash."""
    return key.partition("@")[0]


def names_of(item: Item) -> set[str]:
    """The names by which a user may speak of an item: its benchmark's, and the parts of its category."""
    return {item.benchmark, *category_parts(item.category)}


def those_of(items: Sequence[Item], names: str | None, option: str) -> list[Item]:
    """The items of the benchmarks or categories in `names` (`A,B`); all without it. Raises ConfigError."""
    if names is None:
        return list(items)
    wanted = {name.strip() for name in names.split(",")}
    there = set().union(*map(names_of, items))
    for name in sorted(wanted - there):
        raise ConfigError(f"{option}=…: {unknown('benchmark or category', name, there)}")
    return [item for item in items if names_of(item) & wanted]


def finished(text: str, what: str) -> Finished:
    """The one run that a SPEC names. Raises ConfigError where it names none, or several."""
    found = runs_in(text, what)
    if len(found) > 1:
        raise ConfigError(f"{what}/{text}: one run folder, not {len(found)}")
    return found[0]


def runs_in(text: str, what: str) -> list[Finished]:
    """The runs of a SPEC: `A,B`, or the parent of several. Raises ConfigError where it names none."""
    out: list[Finished] = []
    parts = [text] if text and Path(text).exists() else text.split(",") if text else []
    for part in parts:
        path = Path(part.strip())
        children = [] if (path / "run.json").is_file() or not path.is_dir() else sorted(path.iterdir())
        found = [Finished(child) for child in children if (child / "run.json").is_file()]
        out += found or [Finished(path)]
    if not out:
        raise ConfigError(f"{what}: of which run? Write {what}/RUN")
    if len({run.path.resolve() for run in out}) < len(out):
        raise ConfigError(f"{what}/{text}: a run is named twice")
    return out


def one_judge(runs: Iterable[Finished], wanted: str | None, option: str) -> Iterator[dict[str, str]]:
    """For each run the key of the judge by benchmark: the only one that scored its answers, or the one wanted.

    Raises DataError where a run is not judged, ConfigError where it is not clear which judge is meant.
    """
    for run in runs:
        found = run.raters()
        listed = sorted(key for by in found.values() for keys in by.values() for key in keys)
        if not found:
            raise DataError(
                f"{run.path}: no judge has scored its open answers: honne judge {run.path} --judge SPEC does that"
            )
        if wanted is None:
            if len(found) > 1:
                raise ConfigError(
                    f"{run.path}: {len(found)} judges have scored its answers ({', '.join(listed)}): "
                    f"choose one with {option}judge=NAME"
                )
            (by,) = found.values()
        elif wanted in found:
            by = found[wanted]
        else:
            by = {b: [k for k in keys if k == wanted] for each in found.values() for b, keys in each.items()}
            by = {b: keys for b, keys in by.items() if keys}
        if not by:
            raise ConfigError(f"{run.path}: {unknown('judge', wanted or '', [*found, *listed])}")
        twice = next((keys for keys in by.values() if len(keys) > 1), None)
        if twice:
            raise ConfigError(f"{run.path}: several judges of one name ({', '.join(twice)}): name one of them in full")
        yield {benchmark: keys[0] for benchmark, keys in by.items()}
