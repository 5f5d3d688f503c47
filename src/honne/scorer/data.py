"""Labelled answers to learn from: those of a run folder, or a table with prompt, answer, label and lang."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from honne import plugins
from honne.engine.store import RunFolder, open_run
from honne.errors import ConfigError, DataError, HonneError, unknown
from honne.judges._answers import judged_text
from honne.judges._scorer._text import by_category, dimensions, prompt_of
from honne.plugins import is_choice
from honne.records import Item, Judgment
from honne.rows import DataRow, read_bytes, recorded_rows, text_of
from honne.spec import parse

__all__ = ["Row", "Source", "chosen", "dimensions_of", "read"]

_ANSWERS = ("answer", "response")
# A label that was decided counts before the labels that it was decided from.
_KINDS = ("label", "reference", "decision")
_LONE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Row:
    """One labelled answer. `group` is what belongs together in every split (a question in all its forms), `family` the
    model that answered ("" where nobody says), `source` the run or file it comes from."""

    prompt: str
    answer: str
    dimension: str
    label: str
    lang: str
    group: str
    family: str
    source: str


@dataclass(frozen=True)
class Source:
    """What was read of one run or file: its rows, by which judges they are labelled, and what was left out and why.

    `named` are the dimensions that somebody named (others follow from the benchmark): they are of no benchmark.
    """

    name: str
    rows: tuple[Row, ...]
    judges: tuple[str, ...]
    left_out: Mapping[str, int]
    named: frozenset[str] = frozenset()


def read(paths: Sequence[Path], judge: str | None = None, dimension: str | None = None) -> list[Source]:
    """The labelled answers of runs (or parents of runs) and files.

    `judge` is the key of the judge whose labels count; by default people's (`labels…`). `dimension` puts all rows under
    one name. Raises DataError or StoreError for what cannot be read, ConfigError where a run has no such judge.
    """
    found: list[Source] = []
    for path in paths:
        if path.is_dir():
            children = [] if (path / "run.json").is_file() else sorted(p.parent for p in path.glob("*/run.json"))
            found += [_run(open_run(folder), judge, dimension) for folder in children or [path]]
        else:
            found.append(_file(path, judge, dimension))
    return found


# ----------------------------------------------------------------------- runs


def _run(run: RunFolder, judge: str | None, dimension: str | None) -> Source:
    given = run.judgments()
    keys = chosen(run, given, judge)
    items = {item.id: item for item in run.items()}
    named = dimensions_of(run, items.values()) if dimension is None else {}
    texts = {(r.item_id, r.sample): r for r in run.responses()}
    model = str(run.info["spec"]["model"].get("name") or "")
    rows, left = [], Counter[str]()
    for key in keys:
        for j in given[key]:
            item, response = items.get(j.item_id), texts.get((j.item_id, j.sample))
            answer = judged_text(response) if response is not None else None
            if j.status != "scored" or j.label is None:
                left[f"label {j.status}"] += 1
            elif item is None or response is None or answer is None or not answer.strip():
                left["no answer"] += 1
            elif is_choice(item.form):
                left["multiple choice"] += 1
            else:
                place = dimension or named[item.id]
                about = (place, j.label, item.lang, f"{item.benchmark}/{item.group}", model, run.name)
                rows.append(Row(prompt_of(item, response), answer, *about))
    return Source(run.name, tuple(rows), tuple(keys), left, frozenset(filter(None, [dimension])))


def chosen(run: RunFolder, given: Mapping[str, Sequence[Judgment]], judge: str | None) -> list[str]:
    """The judges whose labels count: the one that was named, or people's, the decided labels before single ones."""
    if judge is not None:
        exact = [key for key in given if key == judge] or [key for key in given if key.partition("@")[0] == judge]
        if not exact:
            raise ConfigError(f"{run.path}: {unknown('judge', judge, given)}")
        return exact
    people = [key for key in given if key.split(".")[0] == "labels"]
    if not people:
        raise ConfigError(
            f"{run.path} has no labels of people; --judge takes those of a judge of it: {', '.join(given) or 'none'}"
        )
    return [key for key in people if not any(key.startswith(f"{other}.") for other in people)]


def dimensions_of(run: RunFolder, items: Iterable[Item]) -> dict[str, str]:
    """The dimension of each item: its benchmark, or the topmost category where the scales differ by it."""
    specs = {str(b.get("name")): b for b in run.info["spec"]["benchmarks"]}
    categories: dict[str, set[str]] = {}
    listed = list(items)
    for item in listed:
        categories.setdefault(item.benchmark, set()).add(item.category)
    split = {name: _split(run, specs.get(name, {}), found) for name, found in categories.items()}
    return {i.id: dimensions(i.benchmark, i.category)[0 if split[i.benchmark] else -1] for i in listed}


def _split(run: RunFolder, stored: Mapping[str, Any], categories: set[str]) -> bool:
    how = run.info["spec"].get("import")
    text = how.get("benchmark") if isinstance(how, Mapping) else stored.get("spec")
    return isinstance(text, str) and _differ(text, frozenset(categories))


@cache
def _differ(benchmark: str, categories: frozenset[str]) -> bool:
    try:
        spec = parse(benchmark)
        plugin = plugins.load("benchmarks", spec.provider)
        return by_category(getattr(plugin, "without_data", plugin)(spec), categories)
    except HonneError:
        return False  # a benchmark that is not here (any more): its labels are one scale


# ---------------------------------------------------------------------- files


def _file(path: Path, judge: str | None, dimension: str | None) -> Source:
    left: Counter[str] = Counter()
    labelled: list[tuple[DataRow, str]] = []
    for row in recorded_rows(read_bytes(path), path):
        label = _label(row)
        if judge is not None and row.optional("judge") not in (None, judge):
            left["another judge"] += 1
        elif label is None or row.optional("status") not in (None, "scored"):
            left["no label"] += 1
        elif _text(row) is None:
            left["no answer"] += 1
        else:
            labelled.append((row, label))
    if not labelled:
        seen = ", ".join(f"{n} {why}" for why, n in left.items())
        raise DataError(f"{path}: no labelled answer ({seen or 'no rows'})")
    best: dict[object, int] = {}
    for n, (row, _) in enumerate(labelled):
        best[_answer(row, n)] = max(_rank(row), best.get(_answer(row, n), 0))
    kept = [pair for n, pair in enumerate(labelled) if _rank(pair[0]) == best[_answer(pair[0], n)]]
    if len(kept) < len(labelled):
        left["decided otherwise"] += len(labelled) - len(kept)
    judges = sorted({said for row, _ in kept if (said := row.optional("judge"))})
    categories: dict[str, set[str]] = {}
    for row, _ in kept:
        categories.setdefault(row.optional("benchmark") or "", set()).add(row.optional("category") or "")
    split = {name for name, found in categories.items() if name and _differ(name, frozenset(found))}
    rows = tuple(_labelled(row, label, path, dimension, split) for row, label in kept)
    named = [dimension or row.optional("dimension") for row, _ in kept]
    return Source(path.name, rows, tuple(judges), left, frozenset(filter(None, named)))


def _rank(row: DataRow) -> int:
    kind = row.optional("kind")
    return _KINDS.index(kind) if kind in _KINDS else 0


def _answer(row: DataRow, number: int) -> object:
    """Which answer a label is about; a row without an item is one of its own."""
    item = row.optional("item_id")
    return number if item is None else (row.optional("run"), row.optional("model"), item, row.optional("sample"))


def _label(row: DataRow) -> str | None:
    """The label as scales have it, where a table may hold numbers: 1.0 is `1`."""
    return None if row.optional("label") is None else text_of(row.fields["label"])


def _text(row: DataRow) -> str | None:
    """The answer as it is; None where the model gave none. Raises DataError for a table without such a column."""
    column = next((name for name in _ANSWERS if name in row.fields), None)
    if column is None:
        raise DataError(
            f"{row.where}: no column 'answer': export labels with --text, name the run folder itself, or bring another "
            "table in with honne import"
        )
    answer = row.fields[column]
    if answer is None or answer != answer:
        return None
    if not isinstance(answer, str):
        raise DataError(f"{row.where}: column {column!r} holds no text")
    return answer if answer.strip() else None


def _labelled(row: DataRow, label: str, path: Path, dimension: str | None, split: Collection[str]) -> Row:
    benchmark, category = row.optional("benchmark"), row.optional("category")
    place = dimension or row.optional("dimension")
    if place is None:
        if benchmark is None:
            raise DataError(f"{row.where}: no column 'dimension' or 'benchmark': say --dimension NAME")
        place = dimensions(benchmark, category or "")[0 if benchmark in split else -1]
    group = row.optional("group") or row.optional("item_id") or ""
    about = (label.strip(), row.text("lang"), f"{benchmark}/{group}" if group else "")
    for what, said in (("label", label), ("dimension", place), ("lang", about[1])):
        if _LONE.search(said):
            raise DataError(f"{row.where}: {what} {said!r} holds half a surrogate pair, which no scorer.json can hold")
    return Row(row.text("prompt"), _text(row) or "", place, *about, row.optional("model") or "", path.name)
