"""The report as the summary of a GitHub job: the gates, and one table of headlines per run. Short on purpose."""

from __future__ import annotations

from collections.abc import Sequence

from honne.records import Estimate
from honne.report._blocks import labels
from honne.report._facts import flags
from honne.report._gates import Gate, explain
from honne.report._text import count, interval, value
from honne.report.markdown import escape, table
from honne.report.model import RunReport

__all__ = ["render"]

# A summary holds 1 MiB; nobody reads so far.
_MOST = 60


def render(runs: Sequence[RunReport], gates: Sequence[Gate] = ()) -> str:
    """Markdown that ends in a blank line, so that it can be appended to."""
    out = _gates(gates)
    for name, run in zip(labels(runs), runs, strict=True):
        out += [f"### honne: {escape(name)}", ""]
        out += [f"> **{escape(flag.kind)}**: {escape(flag.text, 400)}\n" for flag in flags(run)]
        headlines = [e for e in run.estimates if e.headline and e.slice == "all"]
        head = ("benchmark", "judge", "metric", "value", "interval", "n", "missing")
        out += [*table(head, [_row(e) for e in headlines[:_MOST]]), ""] if headlines else ["No headline number.", ""]
        if len(headlines) > _MOST:
            out += [f"… and {len(headlines) - _MOST} more.", ""]
    return "\n".join(out) + "\n"


def _gates(gates: Sequence[Gate]) -> list[str]:
    if not gates:
        return []
    failed = sum(gate.failed for gate in gates)
    out = [f"## {'❌' if failed else '✅'} honne: {failed} of {len(gates)} gates failed", ""]
    for gate in gates:
        checks = [check for check in gate.checks if check.failed] or gate.checks
        out.append(f"- {'❌' if gate.failed else '✅'} fail if {escape(gate.text, 400)}")
        out += [f"  - {escape(explain(check), 400)}" for check in checks[:_MOST]]
    return [*out, ""]


def _row(e: Estimate) -> list[str]:
    place = e.benchmark + (f" under {e.attack}" if e.attack else "")
    metric = e.metric + (f" ({e.form})" if e.form else "")
    return [place, (e.judge or "").partition("@")[0], metric, value(e), interval(e), count(e.n), count(e.n_missing)]
