"""The accounting on the HTML page: where every answer and judgment of a run went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from honne.engine.estimate import Account
from honne.records import BUCKETS, RESPONSE_STATUSES
from honne.report import _svg
from honne.report._text import oneline
from honne.report.model import RunReport

__all__ = ["accounts"]


def accounts(name: str, run: RunReport, brief: bool = False) -> dict[str, Any]:
    """Where every answer and judgment of a run went, by benchmark: one bar and one full row of counts each.

    `brief`: the sums of the benchmarks only.
    """
    found: dict[str, list[Account]] = {}
    for a in run.accounts:
        found.setdefault(a.benchmark, []).append(a)
    groups = [_group(benchmark, mine) for benchmark, mine in found.items()]
    used = dict.fromkeys(s for group in groups for row in group["sums"] for s, n in row["counts"].items() if n)
    if brief:
        return {"name": name, "groups": [], "rows": 0, "used": list(used), "sums": _sums(run.accounts)}
    return {
        "name": name,
        "groups": groups,
        "rows": sum(len(group["rows"]) for group in groups),
        "used": list(used),
        "sums": [],
    }


def _group(benchmark: str, found: Sequence[Account]) -> dict[str, Any]:
    """The sums of a benchmark and what they are made of."""
    rows: list[dict[str, Any]] = []
    for a in found:
        where = " · ".join(oneline(x) for x in (a.benchmark, a.attack, a.form) if x)
        rows.append(_account("answers", where, {s: a.responses.get(s, 0) for s in RESPONSE_STATUSES}, a.empty))
        for judge, buckets in a.judges.items():
            rows.append(_account("judgments", oneline(judge), {b: buckets.get(b, 0) for b in BUCKETS}, 0))
    return {"name": oneline(benchmark), "sums": _sums(found), "rows": rows}


def _sums(found: Sequence[Account]) -> list[dict[str, Any]]:
    """All answers, and all judgments of them."""
    answers: Counter[str] = Counter()
    judgments: Counter[str] = Counter()
    for a in found:
        answers.update(a.responses)
        for buckets in a.judges.values():
            judgments.update(buckets)
    sums = [_account("answers", "answers", {s: answers[s] for s in RESPONSE_STATUSES}, 0)]
    if judgments:
        sums.append(_account("judgments", "judgments", {b: judgments[b] for b in BUCKETS}, 0))
    return sums


def _account(kind: str, name: str, counts: dict[str, int], empty: int) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": name,
        "asked": sum(counts.values()),
        "counts": counts,
        "bar": _svg.stack(counts),
        "empty": empty,
    }
