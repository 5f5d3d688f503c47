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


def accounts(name: str, run: RunReport) -> dict[str, Any]:
    """Where every answer and judgment of a run went, by benchmark: one bar and one full row of counts each."""
    found: dict[str, list[Account]] = {}
    for a in run.accounts:
        found.setdefault(a.benchmark, []).append(a)
    groups = [_group(benchmark, mine) for benchmark, mine in found.items()]
    used = dict.fromkeys(s for group in groups for row in group["rows"] for s, n in row["counts"].items() if n)
    return {"name": name, "groups": groups, "rows": sum(len(group["rows"]) for group in groups), "used": list(used)}


def _group(benchmark: str, found: Sequence[Account]) -> dict[str, Any]:
    """The sums of a benchmark, of its answers and of all judgments of them, and what they are made of."""
    rows: list[dict[str, Any]] = []
    answers: Counter[str] = Counter()
    judgments: Counter[str] = Counter()
    for a in found:
        where = " · ".join(oneline(x) for x in (a.benchmark, a.attack, a.form) if x)
        rows.append(_account("answers", where, {s: a.responses.get(s, 0) for s in RESPONSE_STATUSES}, a.empty))
        answers.update(a.responses)
        for judge, buckets in a.judges.items():
            rows.append(_account("judgments", oneline(judge), {b: buckets.get(b, 0) for b in BUCKETS}, 0))
            judgments.update(buckets)
    sums = [_account("answers", "answers", {s: answers[s] for s in RESPONSE_STATUSES}, 0)]
    if judgments:
        sums.append(_account("judgments", "judgments", {b: judgments[b] for b in BUCKETS}, 0))
    return {"name": oneline(benchmark), "sums": sums, "rows": rows}


def _account(kind: str, name: str, counts: dict[str, int], empty: int) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": name,
        "asked": sum(counts.values()),
        "counts": counts,
        "bar": _svg.stack(counts),
        "empty": empty,
    }
