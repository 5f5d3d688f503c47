"""How far annotators agree: Krippendorff's alpha, kappas of every two, per dimension, per run and per annotator.

Which labels count. Answers that were picked because judges disagree are the hard ones: agreement on them says nothing
of the rest. So labels of a random draw are used where there are any; else those of a stratified or active one, weighted
by the inverse of their inclusion probability (none more than ten times another, see `draw.FLOOR`). Gold items, which
nobody drew, and labels of an unknown design are left out, and counted.

Every coefficient has two intervals. The one to rely on is that of `stats.agreement` (jackknife, Wilson or
Clopper-Pearson limits of the disagreement, by clusters of questions). The percentile bootstrap of the same clusters
stands beside it because papers print it; where annotators never differ its width is zero, which is no certainty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from honne.annotate import gold, guides
from honne.annotate.draw import FLOOR
from honne.annotate.said import names
from honne.annotate.tables import Answer, Label, Project, Run
from honne.stats.agreement import (
    Agreement,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    krippendorff_bootstrap,
    raw_agreement,
)
from honne.stats.intervals import Interval, rate

__all__ = ["Agreements", "Alpha", "Anchoring", "Annotator", "Pair", "Scope", "agreement"]


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha with its interval, and with the percentile interval of a cluster bootstrap beside it."""

    found: Agreement
    bootstrap: Agreement


@dataclass(frozen=True)
class Scope:
    """Agreement on some of the answers: `n` of them have two labels or more. `ordinal` only for ordinal guides,
    `fleiss` only where the same people labelled every answer."""

    name: str
    n: int
    raw: Agreement
    nominal: Alpha
    ordinal: Alpha | None
    fleiss: Agreement | None


@dataclass(frozen=True)
class Pair:
    """Two annotators on the answers that both labelled."""

    a: str
    b: str
    n: int
    raw: Agreement
    cohen: Agreement
    fleiss: Agreement


@dataclass(frozen=True)
class Annotator:
    """One annotator: how often a label agrees with the others' of the same answer, and with the known ones of gold."""

    name: str
    labels: int
    others: Agreement
    gold: Interval | None
    n_gold: int


@dataclass(frozen=True)
class Anchoring:
    """How often labels are the judge's verdict, where it was shown and where it was kept back."""

    judge: str
    shown: Interval
    n_shown: int
    withheld: Interval
    n_withheld: int


@dataclass(frozen=True)
class Agreements:
    """`design` is `random` or `weighted` (None: no label counts); `left_out` how many labels do not count, and why."""

    design: str | None
    labels: int
    left_out: Mapping[str, int]
    overall: Scope
    dimensions: list[Scope]
    runs: list[Scope]
    pairs: list[Pair]
    annotators: list[Annotator]
    anchoring: Anchoring | None


@dataclass(frozen=True)
class _Row:
    answer: int
    rater: str
    label: str
    cluster: str
    category: str
    run: str
    design: str | None
    inclusion: float | None


def agreement(s: Session, project_id: int) -> Agreements:
    """The agreement of all submitted labels of a project, as they stand."""
    guide = guides.load(s.get_one(Project, project_id).guide)
    codes = _codes(guide)
    every = _rows(s, project_id)
    used, left_out = _used(every)
    design = None if not used else "random" if used[0].design == "random" else "weighted"
    table = _Table(used, codes, weighted=design == "weighted", ordinal=guide.kind == "ordinal")
    raters = sorted({row.rater for row in used})
    accuracies = {one.name: one for one in gold.accuracy(s, project_id)}
    counts = Counter(row.rater for row in every)
    return Agreements(
        design=design,
        labels=len(used),
        left_out=left_out,
        overall=table.scope("all", lambda row: True),
        dimensions=[
            table.scope(name, lambda row, name=name: row.category == name)  # type: ignore[misc]
            for name in sorted({row.category for row in used})
        ],
        runs=[
            table.scope(name, lambda row, name=name: row.run == name)  # type: ignore[misc]
            for name in sorted({row.run for row in used})
        ],
        pairs=[pair for a, b in combinations(raters, 2) if (pair := table.pair(a, b)) is not None],
        annotators=[
            Annotator(
                name=name,
                labels=counts[name],
                others=table.against_others(name),
                gold=accuracies[name].right if name in accuracies else None,
                n_gold=accuracies[name].n if name in accuracies else 0,
            )
            for name in sorted(counts)
        ],
        anchoring=_anchoring(s, project_id),
    )


def _rows(s: Session, project_id: int) -> list[_Row]:
    # Columns, not rows: an answer's text is long, and nothing here needs it.
    rows = s.execute(
        select(
            Answer.id,
            Answer.cluster,
            Answer.category,
            Label.user_id,
            Label.annotator,
            Label.label,
            Label.design,
            Label.inclusion,
            Run.name.label("run"),
        )
        .join(Answer, Answer.id == Label.answer_id)
        .join(Run, Run.id == Answer.run_id)
        .where(Label.project_id == project_id, Label.state == "submitted")
        .order_by(Answer.id, Label.id)
    ).all()
    known = names(s, project_id)
    return [
        _Row(
            answer=row.id,
            rater=known[row.user_id, row.annotator][0],
            label=row.label or "",
            cluster=row.cluster,
            category=row.category,
            run=row.run,
            design=row.design,
            inclusion=row.inclusion,
        )
        for row in rows
    ]


def _used(rows: Sequence[_Row]) -> tuple[list[_Row], dict[str, int]]:
    """The labels that count, all of one kind, and how many others do not."""
    random = any(row.design == "random" for row in rows)

    def reason(row: _Row) -> str | None:
        if row.design == "gold":
            return "gold items are not drawn"
        if row.design not in ("random", "stratified", "active"):
            return "how the answer was drawn is not known"
        if row.design == "random":
            return None
        if random:
            return f"{row.design} beside random labels"
        return None if row.inclusion is not None and 0 < row.inclusion <= 1 else "no inclusion probability"

    why = [reason(row) for row in rows]
    left_out = Counter(w for w in why if w is not None)
    return [row for row, w in zip(rows, why, strict=True) if w is None], dict(sorted(left_out.items()))


def _codes(guide: guides.Guide) -> dict[str, int]:
    """A number for each label, rising along the scale; the longest part of the guide has all of its steps."""
    parts = sorted(guide.parts, key=lambda part: -len(part.values))
    return {value: i for i, value in enumerate(dict.fromkeys(v for part in parts for v in part.values))}


class _Table:
    """Labels as arrays for `stats.agreement`."""

    def __init__(self, rows: Sequence[_Row], codes: Mapping[str, int], *, weighted: bool, ordinal: bool) -> None:
        self._rows = rows
        self._codes = {**codes, **{label: len(codes) for label in {r.label for r in rows} - codes.keys()}}
        self._weighted, self._ordinal = weighted, ordinal
        self._by_rater: dict[str, list[_Row]] = {}
        self._by_answer: dict[int, list[_Row]] = {}
        for row in rows:
            self._by_rater.setdefault(row.rater, []).append(row)
            self._by_answer.setdefault(row.answer, []).append(row)
        self._most = max((row.inclusion or 0.0 for row in rows), default=1.0)

    def scope(self, name: str, holds: Callable[[_Row], bool]) -> Scope:
        rows = [row for row in self._rows if holds(row)]
        raters = sorted({row.rater for row in rows})
        ratings, clusters, weights = self._arrays(rows, raters)
        raw = raw_agreement(ratings, clusters, weights=weights)

        def alpha(ordinal: bool) -> Alpha:
            return Alpha(
                krippendorff_alpha(ratings, clusters, ordinal=ordinal, weights=weights),
                krippendorff_bootstrap(ratings, clusters, ordinal=ordinal, weights=weights),
            )

        complete = len(raters) > 1 and bool(np.all(ratings >= 0))
        return Scope(
            name=name,
            n=raw.n,
            raw=raw,
            nominal=alpha(False),
            ordinal=alpha(True) if self._ordinal else None,
            fleiss=fleiss_kappa(ratings, clusters, weights=weights) if complete else None,
        )

    def pair(self, a: str, b: str) -> Pair | None:
        """Two annotators; None where they have no answer in common."""
        both = {row.answer for row in self._by_rater[a]} & {row.answer for row in self._by_rater[b]}
        if not both:
            return None
        rows = [row for rater in (a, b) for row in self._by_rater[rater] if row.answer in both]
        ratings, clusters, weights = self._arrays(rows, [a, b])
        return Pair(
            a,
            b,
            len(both),
            raw_agreement(ratings, clusters, weights=weights),
            cohen_kappa(ratings, clusters, weights=weights),
            fleiss_kappa(ratings, clusters, weights=weights),
        )

    def against_others(self, name: str) -> Agreement:
        """Each label of one annotator against every other of the same answer; an answer counts once."""
        rows, clusters, weights = [], [], []
        for mine in self._by_rater.get(name, ()):
            others = [row for row in self._by_answer[mine.answer] if row.rater != name]
            for other in others:
                rows.append([self._codes[mine.label], self._codes[other.label]])
                clusters.append(other.cluster)
                weights.append(self._weight(other) / len(others))
        table = np.array(rows, dtype=np.int64).reshape(len(rows), 2)
        even = not self._weighted and len(set(weights)) < 2
        return raw_agreement(table, clusters, weights=None if even else weights)

    def _arrays(
        self, rows: Sequence[_Row], raters: Sequence[str]
    ) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], list[str], list[float] | None]:
        places: dict[int, int] = {}
        column = {rater: i for i, rater in enumerate(raters)}
        of: dict[int, _Row] = {}
        for row in rows:
            of.setdefault(row.answer, row)
            places.setdefault(row.answer, len(places))
        ratings = np.full((len(places), max(len(raters), 1)), -1, dtype=np.int64)
        for row in rows:
            ratings[places[row.answer], column[row.rater]] = self._codes[row.label]
        clusters = [of[answer].cluster for answer in places]
        return ratings, clusters, [self._weight(of[answer]) for answer in places] if self._weighted else None

    def _weight(self, row: _Row) -> float:
        return 1 / max((row.inclusion or 0.0) / self._most, FLOOR) if self._weighted else 1.0


def _anchoring(s: Session, project_id: int) -> Anchoring | None:
    project = s.get_one(Project, project_id)
    if project.suggestions is None:
        return None
    rows = s.execute(
        select(Label.label, Label.suggestion, Answer.suggestion, Answer.cluster)
        .join(Answer, Answer.id == Label.answer_id)
        .where(Label.project_id == project_id, Label.state == "submitted", Answer.suggestion.is_not(None))
        # Who was shown another judge's verdict, before the owner switched, says nothing of this one.
        .where(or_(Label.suggestion_judge.is_(None), Label.suggestion_judge == project.suggestions))
        .order_by(Label.id)
    ).all()
    shown = [(float(label == seen), cluster) for label, seen, _, cluster in rows if seen is not None]
    kept = [(float(label == known), cluster) for label, seen, known, cluster in rows if seen is None]
    return Anchoring(
        judge=project.suggestions,
        shown=rate([x for x, _ in shown], [c for _, c in shown]),
        n_shown=len(shown),
        withheld=rate([x for x, _ in kept], [c for _, c in kept]),
        n_withheld=len(kept),
    )
