"""The accounting on the HTML page: where every answer and judgment of a run went."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from honne.records import BUCKETS, RESPONSE_STATUSES
from honne.report import _svg
from honne.report._text import oneline
from honne.report.model import RunReport

__all__ = ["accounts"]


def accounts(name: str, run: RunReport) -> dict[str, Any]:
    """Where every answer and judgment of a run went: one bar and one full row of counts each."""
    rows: list[dict[str, Any]] = []
    for a in run.accounts:
        where = " · ".join(oneline(x) for x in (a.benchmark, a.attack, a.form) if x)
        responses = {s: a.responses.get(s, 0) for s in RESPONSE_STATUSES}
        rows.append(_account("answers", where, a.asked, responses, a.empty))
        for judge, buckets in a.judges.items():
            rows.append(_account("judgments", oneline(judge), a.asked, {b: buckets.get(b, 0) for b in BUCKETS}, 0))
    return {"name": name, "rows": rows, "used": _used(rows)}


def _account(kind: str, name: str, asked: int, counts: dict[str, int], empty: int) -> dict[str, Any]:
    bar: Markup = _svg.stack(counts)
    return {"kind": kind, "name": name, "asked": asked, "counts": counts, "bar": bar, "empty": empty}


def _used(rows: list[dict[str, Any]]) -> list[str]:
    """The statuses that occur, for the legend."""
    return list(dict.fromkeys(status for row in rows for status, n in row["counts"].items() if n))
