"""Agreement between every two judges of the same answers: raw agreement, Cohen's and Fleiss' kappa of their labels.

For any benchmark with at least two judges of one form (human labels, model judges). Answers that either judge left
without a verdict are missing. Fleiss' kappa pools the two judges' margins, as XSTest does (arXiv 2308.01263); Cohen's
keeps them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from honne.plugins import Measure, Row, Unit, View, unit_id
from honne.records import Estimate, Judgment
from honne.stats.agreement import cohen_kappa, fleiss_kappa

__all__ = ["PLUGIN"]

_ByKey = Mapping[tuple[str, int], Judgment]


def agreement(view: View) -> Iterable[Measure | Estimate]:
    reference = view.judge
    if reference is None or reference not in view.by_judge:
        return
    others = [judge for judge in sorted(view.by_judge, key=_order) if _order(judge) > _order(reference)]
    if not others:
        return
    rows = sorted(view.rows, key=lambda r: (r.item.id, r.sample))
    codes: dict[str, int] = {}
    mine = _column(view.by_judge[reference], rows, codes)
    for judge in others:
        theirs = _column(view.by_judge[judge], rows, codes)
        forms = mine.forms & theirs.forms
        places = [i for i, row in enumerate(rows) if row.item.form in forms]
        if places:
            table = np.stack([mine.labels, theirs.labels], axis=1)[places]
            yield from _pair(reference, judge, [rows[i] for i in places], table)


def _order(judge: str) -> tuple[bool, str]:
    """Human labels first, then by name: the first of a pair is the reference, and each pair comes up once."""
    return (judge.split(".")[0] != "labels", judge)


class _Column(NamedTuple):
    """One judge's labels as numbers, -1 where missing, and the forms that it has judged.

    `choice` and a rubric judge share no form and are not compared.
    """

    labels: NDArray[np.int64]
    forms: set[str]


def _column(given: _ByKey, rows: Sequence[Row], codes: dict[str, int]) -> _Column:
    labels, forms = np.full(len(rows), -1, dtype=np.int64), set()
    for i, row in enumerate(rows):
        judgment = given.get((row.item.id, row.sample))
        if judgment is not None:
            forms.add(row.item.form)
            if judgment.status == "scored" and judgment.label is not None:
                labels[i] = codes.setdefault(judgment.label, len(codes))
    return _Column(labels, forms)


def _pair(reference: str, judge: str, rows: Sequence[Row], table: NDArray[np.int64]) -> Iterable[Measure | Estimate]:
    first, second = (table[:, i].tolist() for i in (0, 1))
    alike = [float(a == b) if a >= 0 <= b else None for a, b in zip(first, second, strict=True)]
    units = [
        Unit(unit_id(r.item.id, r.sample), r.item.group, r.item.category, value)
        for r, value in zip(rows, alike, strict=True)
    ]
    yield Measure("agreement", units, better="higher", judge=judge, reference=reference)
    numbers: dict[str, int] = {}
    groups = np.array([numbers.setdefault(row.item.group, len(numbers)) for row in rows], dtype=np.int64)
    for name, kappa in (("cohen_kappa", cohen_kappa), ("fleiss_kappa", fleiss_kappa)):
        found = kappa(table, groups)
        # Run, model, benchmark and attack are filled in by whoever asked.
        yield Estimate(
            run="",
            model="",
            judge=judge,
            benchmark=rows[0].item.benchmark,
            attack=rows[0].item.attack,
            metric=name,
            slice="all",
            value=found.value,
            low=found.low,
            high=found.high,
            level=found.level,
            method=found.method,
            n=len(rows),
            n_missing=len(rows) - found.n,
            unit="kappa",
            better="higher",
            reference=reference,
        )


PLUGIN = agreement
