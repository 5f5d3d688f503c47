"""The report as JUnit XML, for build servers: a test case per gate or, without gates, per headline.

A gate that fails is a failure; a headline that has no value or is withheld is skipped (nothing was shown). n, missing
and the interval are properties of the case. Characters that XML cannot hold are made visible.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from honne.records import Estimate
from honne.report._blocks import labels
from honne.report._gates import Check, Gate, explain, place
from honne.report._text import clean, interval, value
from honne.report.model import RunReport

__all__ = ["render"]

# Noncharacters that `clean` lets through and XML 1.0 does not.
_ILLEGAL = re.compile("[\ufffe\uffff]")


def render(runs: Sequence[RunReport], gates: Sequence[Gate] = ()) -> str:
    """The whole document, UTF-8."""
    suites = [_gates(gates)] if gates else [_headlines(name, run) for name, run in zip(labels(runs), runs, strict=True)]
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="honne">\n{"".join(suites)}</testsuites>\n'


def _text(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", clean(text))


def _attr(text: str) -> str:
    return quoteattr(_text(" ".join(text.split())))


def _suite(name: str, cases: Sequence[str], failures: int, skipped: int) -> str:
    counts = f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="{skipped}"'
    return f"<testsuite name={_attr(name)} {counts}>\n{''.join(cases)}</testsuite>\n"


def _case(group: str, name: str, facts: Sequence[tuple[str, str]], inner: str = "") -> str:
    listed = "".join(f"<property name={_attr(key)} value={_attr(fact)}/>" for key, fact in facts)
    properties = f"<properties>{listed}</properties>" if listed else ""
    return f"<testcase classname={_attr(group)} name={_attr(name)}>{properties}{inner}</testcase>\n"


def _gates(gates: Sequence[Gate]) -> str:
    cases = [_case("honne.gates", f"fail if {gate.text}", _facts(gate.checks), _outcome(gate)) for gate in gates]
    return _suite("gates", cases, sum(gate.failed for gate in gates), 0)


def _outcome(gate: Gate) -> str:
    told = escape(_text("\n".join(explain(check) for check in gate.checks)))
    if not gate.failed:
        return f"<system-out>{told}</system-out>"
    failed = [check for check in gate.checks if check.failed]
    message = f"{len(failed)} of {len(gate.checks)}: {explain(failed[0])}"
    body = escape(_text("\n".join(explain(check) for check in failed)))
    return f'<failure type="gate" message={_attr(message)}>{body}</failure>'


def _facts(checks: Sequence[Check]) -> list[tuple[str, str]]:
    """Of every number that a gate looked at: n, missing, interval."""
    out: dict[str, str] = {}
    for found in (found for check in checks for found in check.found):
        if found.estimate is not None:
            name = f"{place(found)}: {found.ref.text}"
            out |= {f"{name}: {key}": fact for key, fact in _numbers(found.estimate)}
    return list(out.items())


def _numbers(e: Estimate) -> list[tuple[str, str]]:
    return [
        ("value", value(e)),
        ("interval", interval(e)),
        ("n", str(e.n)),
        ("missing", str(e.n_missing)),
        ("method", e.method),
    ]


def _headlines(name: str, run: RunReport) -> str:
    cases, skipped = [], 0
    for e in run.estimates:
        if not (e.headline and e.slice == "all"):
            continue
        shown = e.value is not None and not e.withheld
        inner = "" if shown else f"<skipped message={_attr(f'{value(e)}: {interval(e)}')}/>"
        skipped += not shown
        group = ".".join(["honne", name, e.benchmark, *([e.attack] if e.attack else [])])
        parts = [e.metric, *([f"({e.form})"] if e.form else []), *([f"by {e.judge}"] if e.judge else [])]
        cases.append(_case(group, " ".join(parts), _numbers(e), inner))
    return _suite(name, cases, 0, skipped)
