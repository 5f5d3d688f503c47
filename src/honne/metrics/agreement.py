"""Agreement between every two judges of the same answers: raw agreement, Cohen's and Fleiss' kappa of their labels.

For any benchmark with at least two judges of one form (human labels, model judges). Answers that either judge left
without a verdict are missing. Fleiss' kappa pools the two judges' margins, as XSTest does (arXiv 2308.01263); Cohen's
keeps them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from honne.metrics._units import scored
from honne.plugins import Measure, Row, Unit, View, unit_id
from honne.records import Estimate, Judgment
from honne.stats.agreement import cohen_kappa, fleiss_kappa

__all__ = ["PLUGIN"]

_ByKey = Mapping[tuple[str, int], Judgment]


def agreement(view: View) -> Iterable[Measure | Estimate]:
    if view.judge is None or view.judge not in view.by_judge:
        return
    mine = view.by_judge[view.judge]
    for judge in sorted(view.by_judge, key=_order):
        if _order(judge) <= _order(view.judge):
            continue
        theirs = view.by_judge[judge]
        forms = _forms(view, mine) & _forms(view, theirs)
        rows = sorted((r for r in view.rows if r.item.form in forms), key=lambda r: (r.item.id, r.sample))
        if rows:
            yield from _pair(view.judge, judge, rows, [(_label(mine, r), _label(theirs, r)) for r in rows])


def _order(judge: str) -> tuple[bool, str]:
    """Human labels first, then by name: the first of a pair is the reference, and each pair comes up once."""
    return (judge.split(".")[0] != "labels", judge)


def _forms(view: View, given: _ByKey) -> set[str]:
    """The forms that a judge has judged: `choice` and a rubric judge share none and are not compared."""
    return {row.item.form for row in view.rows if (row.item.id, row.sample) in given}


def _label(given: _ByKey, row: Row) -> str | None:
    found = scored(given.get((row.item.id, row.sample)))
    return found.label if found else None


def _pair(
    reference: str, judge: str, rows: list[Row], labels: list[tuple[str | None, str | None]]
) -> Iterable[Measure | Estimate]:
    units = [
        Unit(unit_id(r.item.id, r.sample), r.item.group, r.item.category, None if None in pair else float(a == b))
        for r, pair in zip(rows, labels, strict=True)
        for a, b in [pair]
    ]
    yield Measure("agreement", units, better="higher", judge=judge, reference=reference)
    codes = {label: i for i, label in enumerate(sorted({x for pair in labels for x in pair if x is not None}))}
    table = np.array([[codes[x] if x is not None else -1 for x in pair] for pair in labels], dtype=np.int64)
    groups = np.unique(np.array([row.item.group for row in rows], dtype=object).astype(str), return_inverse=True)[1]
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
