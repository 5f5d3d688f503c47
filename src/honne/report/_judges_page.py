"""Several judges of the same answers on the HTML page: who agrees with whom, and what each could judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from honne.records import BUCKETS, Estimate
from honne.report import _svg
from honne.report._blocks import Block
from honne.report._text import count, interval, oneline, value
from honne.report.model import RunReport

__all__ = ["judges"]

_MOST = 12
_RUNS = 6
_STEPS = 5
_AGREED, _BEYOND = "agreement", "cohen_kappa"


def judges(block: Block, blocks: Sequence[Block], runs: Sequence[RunReport]) -> list[dict[str, Any]]:
    """For the first runs of a benchmark's first block: the matrix of its judges (from three on) and their buckets.

    Above the diagonal is the share of answers on which two agree, below it Cohen's kappa.
    """
    alike = [b for b in blocks if (b.benchmark, b.attack) == (block.benchmark, block.attack)]
    if not alike or alike[0] is not block:
        return []
    out = []
    for i, name in block.runs[:_RUNS]:
        pairs = _pairs(alike, i)
        known = list(dict.fromkeys(oneline(b.judge) for b in alike if b.judge and any(j == i for j, _ in b.runs)))
        known = [judge for judge in known if any(judge in pair for pair in pairs)][:_MOST]
        if len(known) < 2:
            continue
        out.append(
            {
                "name": name,
                "glyph": _svg.glyph(i),
                "names": known,
                "matrix": [_row(known, k, pairs) for k in range(len(known))] if len(known) > 2 else None,
                "alphas": _alphas(alike, i),
                "buckets": _buckets(block, known, runs[i]),
            }
        )
    return out


_Pairs = dict[tuple[str, str], dict[str, Estimate]]


def _pairs(alike: Sequence[Block], i: int) -> _Pairs:
    out: _Pairs = {}
    for b in alike:
        column = next((c for c, (j, _) in enumerate(b.runs) if j == i), None)
        for x in b.compared if column is not None else ():
            e = x.cells[column or 0]
            if e is not None and x.metric in (_AGREED, _BEYOND):
                a, other = oneline(b.judge or ""), oneline(x.reference or "")
                for pair in ((a, other), (other, a)):
                    out.setdefault(pair, {})[x.metric] = e
    return out


def _alphas(alike: Sequence[Block], i: int) -> list[dict[str, str]]:
    """Krippendorff's alphas: of all judges, and of a panel's members."""
    out = []
    for b in alike:
        column = next((c for c, (j, _) in enumerate(b.runs) if j == i), None)
        for x in b.compared if column is not None else ():
            e = x.cells[column or 0]
            if e is not None and x.metric.startswith("krippendorff_alpha"):
                kind = "ordinal" if x.metric.endswith("_ordinal") else ""
                of = oneline(x.reference or "")
                out.append({"of": of, "kind": kind, "value": value(e), "interval": interval(e), "n": count(e.n)})
    return out


def _row(known: Sequence[str], k: int, pairs: _Pairs) -> list[dict[str, Any] | None]:
    cells: list[dict[str, Any] | None] = []
    for column, judge in enumerate(known):
        found = pairs.get((known[k], judge), {})
        e = found.get(_AGREED if column > k else _BEYOND) if column != k else None
        if e is None:
            cells.append({"own": column == k})
            continue
        step = min(_STEPS - 1, int(max(0.0, e.value or 0.0) * _STEPS))
        what = "agree on" if column > k else "kappa"
        said = f"{known[k]} and {judge}: {what} {_svg.said(e)}"
        cells.append(
            {"own": False, "value": value(e), "interval": interval(e), "tone": f"tone{step + 1}", "said": said}
        )
    return cells


def _buckets(block: Block, known: Sequence[str], run: RunReport) -> list[dict[str, Any]]:
    """What became of the answers under each judge, all forms together."""
    out = []
    for judge in known:
        counts: Counter[str] = Counter()
        for account in run.accounts:
            if (account.benchmark, account.attack) == (block.benchmark, block.attack):
                for name, found in account.judges.items():
                    if oneline(name) == judge:
                        counts.update(found)
        if counts:
            ordered = {bucket: counts[bucket] for bucket in BUCKETS}
            out.append({"judge": judge, "bar": _svg.stack(ordered), "counts": ordered})
    return out
