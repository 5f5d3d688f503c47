"""Agreement of the judges of the same answers: raw agreement and kappas of every two, Krippendorff's alpha of all.

For any benchmark with at least two judges of one form (human labels, model judges) whose labels are of one scale.
Answers that a judge left without a verdict are missing; alpha uses every answer that at least two judges labelled.
Fleiss' kappa pools the two judges' margins, as XSTest does (arXiv 2308.01263); Cohen's keeps them apart.
`krippendorff_alpha` takes the labels as names; `krippendorff_alpha_ordinal` as steps, where there are at least three
and their scores say in which order (FLAMES' 3, 2, 1).

A verdict with points (`safe-7`) is compared with one without (`safe`) by what both say, and among its like as it is.

A panel is made of its members' labels: it is not compared with them and is no voice of its own in an alpha; under its
own name stands the alpha of its members.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from honne.metrics._points import plain
from honne.plugins import Measure, Row, Unit, View, unit_id
from honne.records import Estimate, Judgment
from honne.stats.agreement import Agreement, cohen_kappa, fleiss_kappa, krippendorff_alpha

__all__ = ["PLUGIN"]

_ByKey = Mapping[tuple[str, int], Judgment]
_Meaning = tuple[float | None, float | None]


@dataclass
class _Column:
    """One judge's labels in the order of the rows (None: missing), the forms that it has judged (`choice` and a rubric
    judge share none and are not compared), and the score and raw score of each label."""

    labels: list[str | None]
    forms: set[str] = field(default_factory=set)
    meanings: dict[str, set[_Meaning]] = field(default_factory=dict)


def agreement(view: View) -> Iterator[Measure | Estimate]:
    reference = view.judge
    if reference is None or reference not in view.by_judge:
        return
    rows = sorted(view.rows, key=lambda r: (r.item.id, r.sample))
    columns = {judge: _column(given, rows) for judge, given in view.by_judge.items()}
    alike = [j for j in sorted(columns, key=_order) if j == reference or _same_scale(view, columns, reference, j)]
    for judge in alike[alike.index(reference) + 1 :]:
        if judge not in view.panels.get(reference, ()) and reference not in view.panels.get(judge, ()):
            yield from _pair(reference, judge, rows, columns)
    if reference in view.panels:
        members = [judge for judge in view.panels[reference] if judge in columns]
        yield from _alpha(reference, f"its {len(members)} judges", members, rows, columns)
        return
    voices = [judge for judge in alike if judge not in view.panels]
    if voices[0] == reference and set(voices) not in [set(members) for members in view.panels.values()]:
        two = len(voices) == 2
        yield from _alpha(
            voices[1] if two else reference,
            reference if two else f"all {len(voices)} judges",
            voices,
            rows,
            columns,
        )


def _order(judge: str) -> tuple[bool, str]:
    """Human labels first, then by name: the first of a pair is the reference, and each pair comes up once."""
    return (judge.split(".")[0] != "labels", judge)


def _same_scale(view: View, columns: Mapping[str, _Column], a: str, b: str) -> bool:
    """Whether two judges judged a form in common by one scale: they use a label in common, or may have used one.

    Where they use none, judges with metrics of their own stand alone, and two that both use several labels speak of
    different things; one that only ever says `safe` and one that only ever says `unsafe` do not.
    """
    shared = _comparable([a, b], columns)
    one, other = shared[a], shared[b]
    if not one.forms & other.forms:
        return False
    if one.meanings.keys() & other.meanings.keys():
        return True
    return view.own.get(a) == view.own.get(b) and min(len(one.meanings), len(other.meanings)) < 2


def _column(given: _ByKey, rows: Sequence[Row]) -> _Column:
    column = _Column([None] * len(rows))
    for i, row in enumerate(rows):
        judgment = given.get((row.item.id, row.sample))
        if judgment is not None:
            column.forms.add(row.item.form)
            if judgment.status == "scored" and judgment.label is not None:
                column.labels[i] = judgment.label
                column.meanings.setdefault(judgment.label, set()).add((judgment.score, judgment.raw_score))
    return column


def _comparable(judges: Iterable[str], columns: Mapping[str, _Column]) -> Mapping[str, _Column]:
    """The columns of these judges; without the points of their verdicts where not all of them give such."""
    found = {name: columns[name] for name in judges}
    if len({any(plain(label) != label for label in c.meanings) for c in found.values() if c.meanings}) < 2:
        return found
    return {name: _without_points(column) for name, column in found.items()}


def _without_points(column: _Column) -> _Column:
    out = _Column([None if label is None else plain(label) for label in column.labels], column.forms)
    for label, meanings in column.meanings.items():
        out.meanings.setdefault(plain(label), set()).update(meanings)
    return out


def _pair(
    reference: str, judge: str, rows: Sequence[Row], columns: Mapping[str, _Column]
) -> Iterator[Measure | Estimate]:
    columns = _comparable([reference, judge], columns)
    places = _places([reference, judge], rows, columns)
    first, second = ([columns[name].labels[i] for i in places] for name in (reference, judge))
    alike = [float(a == b) if a is not None and b is not None else None for a, b in zip(first, second, strict=True)]
    units = [
        Unit(unit_id(r.item.id, r.sample), r.item.group, r.item.category, value)
        for r, value in zip((rows[i] for i in places), alike, strict=True)
    ]
    yield Measure("agreement", units, better="higher", judge=judge, reference=reference)
    table, groups = _table([reference, judge], places, rows, columns, _named([reference, judge], columns))
    for name, kappa in (("cohen_kappa", cohen_kappa), ("fleiss_kappa", fleiss_kappa)):
        yield _estimate(name, judge, reference, rows[places[0]], len(places), kappa(table, groups), "kappa")


def _alpha(
    judge: str, reference: str, judges: Sequence[str], rows: Sequence[Row], columns: Mapping[str, _Column]
) -> Iterator[Estimate]:
    """Krippendorff's alpha of these judges; nothing where fewer than two of them judged any one form."""
    columns = _comparable(judges, columns)
    places = _places(judges, rows, columns)
    if not places:
        return
    table, groups = _table(judges, places, rows, columns, _named(judges, columns))
    found = krippendorff_alpha(table, groups)
    yield _estimate("krippendorff_alpha", judge, reference, rows[places[0]], len(places), found, "alpha")
    steps = _steps(judges, columns)
    if steps is not None:
        table, groups = _table(judges, places, rows, columns, steps)
        found = krippendorff_alpha(table, groups, ordinal=True)
        yield _estimate("krippendorff_alpha_ordinal", judge, reference, rows[places[0]], len(places), found, "alpha")


def _places(judges: Sequence[str], rows: Sequence[Row], columns: Mapping[str, _Column]) -> list[int]:
    """The rows of the forms that at least two of these judges have judged."""
    forms = {form for name in judges for form in columns[name].forms}
    common = {form for form in forms if sum(form in columns[name].forms for name in judges) > 1}
    return [i for i, row in enumerate(rows) if row.item.form in common]


def _named(judges: Sequence[str], columns: Mapping[str, _Column]) -> dict[str, int]:
    labels = sorted({label for name in judges for label in columns[name].meanings})
    return {label: code for code, label in enumerate(labels)}


def _steps(judges: Sequence[str], columns: Mapping[str, _Column]) -> dict[str, int] | None:
    """The labels as steps of a ladder: at least three, each with one score and one raw score, both rising together."""
    found: dict[str, set[_Meaning]] = {}
    for name in judges:
        for label, meanings in columns[name].meanings.items():
            found.setdefault(label, set()).update(meanings)
    if len(found) < 3 or any(len(meanings) > 1 for meanings in found.values()):
        return None
    steps = [(raw, score, label) for label, meanings in found.items() for score, raw in meanings]
    known = sorted((raw, score, label) for raw, score, label in steps if raw is not None and score is not None)
    rising = all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(known))
    return {label: code for code, (_, _, label) in enumerate(known)} if rising and len(known) == len(steps) else None


def _table(
    judges: Sequence[str],
    places: Sequence[int],
    rows: Sequence[Row],
    columns: Mapping[str, _Column],
    codes: Mapping[str, int],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The codes of the labels, shape (places, judges), -1 where missing; and the cluster of each place."""
    labels = ((columns[name].labels[i] for name in judges) for i in places)
    table = [[-1 if label is None else codes[label] for label in line] for line in labels]
    numbers: dict[str, int] = {}
    groups = [numbers.setdefault(rows[i].item.group, len(numbers)) for i in places]
    return np.array(table, dtype=np.int64).reshape(len(places), len(judges)), np.array(groups, dtype=np.int64)


def _estimate(metric: str, judge: str, reference: str, row: Row, n: int, found: Agreement, unit: str) -> Estimate:
    # Run, model, benchmark and attack are filled in by whoever asked.
    return Estimate(
        run="",
        model="",
        judge=judge,
        benchmark=row.item.benchmark,
        attack=row.item.attack,
        metric=metric,
        slice="all",
        value=found.value,
        low=found.low,
        high=found.high,
        level=found.level,
        method=found.method,
        n=n,
        n_missing=n - found.n,
        unit=unit,
        better="higher",
        reference=reference,
    )


PLUGIN = agreement
