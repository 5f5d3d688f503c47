"""Labelled answers to evaluate judges on: those of runs with everybody's verdicts beside them, or of label files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from honne.engine.people import others
from honne.engine.people import raters as raters_of
from honne.engine.store import RunFolder, open_run
from honne.errors import ConfigError, DataError
from honne.judges._answers import judged_text
from honne.judges._family import families
from honne.judges._scorer._text import prompt_of
from honne.plugins import is_choice
from honne.records import Judgment
from honne.scorer import data
from honne.scorer.evaluation import Case, Given

__all__ = ["Cases", "family", "of_rows", "read"]


@dataclass(frozen=True)
class Cases:
    """What was read: the cases, where from, whose labels are the reference, and what was left out and why. `judges` are
    the keys of the other judges that every source has. `designs` counts the labels by how their answers were picked.
    `people` are the judges taken for the people behind the reference, `alike` those that are only named like people."""

    cases: tuple[Case, ...]
    sources: tuple[str, ...]
    reference: str
    left_out: Mapping[str, int]
    judges: tuple[str, ...]
    designs: Mapping[str, int] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()


def read(
    paths: Sequence[Path], labels: str | None = None, raters: Sequence[str] = (), dimension: str | None = None
) -> Cases:
    """The labelled answers of runs (or parents of runs) and files.

    `labels` is the key of the reference, by default people's (`labels…`). `raters` are judges of the runs, people
    behind the reference, beside its annotators (`honne.engine.people`). Raises ConfigError for a key that a run does
    not have or where more than one could be meant, DataError where nothing is left.
    """
    cases: list[Case] = []
    sources: list[str] = []
    people: dict[str, None] = {}
    alike: dict[str, None] = {}
    references: dict[str, None] = {}
    left, designs, judges = Counter[str](), Counter[str](), list[set[str]]()
    for path in paths:
        for run in _runs(path):
            key, given = _reference(run, labels), run.judgments()
            named = raters_of(given, key, raters, run.path)
            references[key] = None
            people |= dict.fromkeys(named)
            alike |= dict.fromkeys(others(given, {key, *named}))
            sources.append(run.name)
            judges.append(set(given) - {key})
            cases += _of_run(run, key, named, dimension, left)
            designs.update(j.design for j in given[key] if j.design is not None and j.status == "scored")
        if not path.is_dir():
            if raters:
                raise ConfigError(f"--rater is for judges of runs, and {path} is a file: it has one label an answer")
            for source in data.read([path], labels, dimension):
                references |= dict.fromkeys(source.judges or ("label",))
                sources.append(source.name)
                judges.append(set())
                left.update(source.left_out)
                cases += of_rows(source.rows)
    if not cases:
        seen = "; ".join(f"{n} {why}" for why, n in left.items())
        raise DataError(f"{', '.join(map(str, paths))}: no labelled answer to evaluate on ({seen or 'no rows'})")
    numbered = tuple(_numbered(case, i) for i, case in enumerate(cases))
    common = tuple(sorted(set.intersection(*judges)))
    return Cases(
        numbered, tuple(sources), ", ".join(references), dict(left), common, dict(designs), tuple(people), tuple(alike)
    )


def of_rows(rows: Sequence[data.Row]) -> Iterator[Case]:
    """Labelled rows as cases that nobody else has judged."""
    for i, row in enumerate(rows):
        # Without a group of its own, a prompt is one.
        group = row.group or row.prompt
        yield Case(
            f"{i:09d}", row.prompt, row.answer, row.dimension, row.label, group, row.lang, family(row.family), {}, {}
        )


def family(model: str) -> str:
    """The family of a model's name, or the name where it tells of none."""
    return "+".join(sorted(families(model))) or model


def _numbered(case: Case, number: int) -> Case:
    return replace(case, id=f"{number:09d}")


def _runs(path: Path) -> list[RunFolder]:
    if not path.is_dir():
        return []
    children = [] if (path / "run.json").is_file() else sorted(p.parent for p in path.glob("*/run.json"))
    return [open_run(folder) for folder in children or [path]]


def _reference(run: RunFolder, labels: str | None) -> str:
    keys = data.chosen(run, run.judgments(), labels)
    if len(keys) > 1:
        raise ConfigError(f"{run.path} has labels of {', '.join(keys)}: say which count with --labels KEY")
    return keys[0]


_Key = tuple[str, int]


def _of_run(
    run: RunFolder, reference: str, people: Sequence[str], dimension: str | None, left: Counter[str]
) -> Iterator[Case]:
    given = run.judgments()
    verdicts = {key: _verdicts(rows) for key, rows in given.items() if key != reference}
    items = {item.id: item for item in run.items()}
    texts = {(r.item_id, r.sample): r for r in run.responses()}
    named = data.dimensions_of(run, items.values()) if dimension is None else {}
    model = family(str(run.info["spec"]["model"].get("name") or ""))
    for j in given[reference]:
        item, response = items.get(j.item_id), texts.get((j.item_id, j.sample))
        answer = judged_text(response) if response is not None else None
        if j.status != "scored" or j.label is None:
            left["unlabelled"] += 1
        elif item is None or response is None or answer is None:
            left["no answer"] += 1
        elif is_choice(item.form):
            left["multiple choice"] += 1
        else:
            key = (j.item_id, j.sample)
            said = {judge: rows[key] for judge, rows in verdicts.items() if key in rows}
            yield Case(
                id="",
                prompt=prompt_of(item, response),
                answer=answer,
                dimension=dimension or named[item.id],
                label=j.label,
                group=f"{item.benchmark}/{item.group}",
                lang=item.lang,
                family=model,
                others={judge: verdict for judge, verdict in said.items() if judge not in people},
                raters={judge: verdict.label for judge, verdict in said.items() if judge in people},
            )


def _verdicts(rows: Sequence[Judgment]) -> dict[_Key, Given]:
    """What a judge says by answer; of several authors the first."""
    out: dict[_Key, Given] = {}
    for j in rows:
        out.setdefault((j.item_id, j.sample), _said(j))
    return out


class _Sure(msgspec.Struct):
    """What the judge `scorer` keeps of its verdicts in `raw`."""

    probabilities: dict[str, float]
    far: bool


def _said(j: Judgment) -> Given:
    """A judgment's verdict, and how sure it is where it is a scorer's."""
    if j.status != "scored" or j.label is None:
        return Given(None)
    if j.judge.partition("@")[0].partition("/")[0] == "scorer" and j.raw is not None:
        try:
            raw = msgspec.json.decode(j.raw, type=_Sure)
        except (msgspec.DecodeError, ValueError):
            return Given(j.label)
        most = max(raw.probabilities.values(), default=None)
        return Given(j.label, None if most is None else min(max(most, 0.0), 1.0), raw.far)
    return Given(j.label)
