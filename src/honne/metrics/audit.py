"""`audit`: how often a judge's verdict flips where only one thing about an answer changed. For `honne audit`.

`flip_rate` has a slice for every probe and `control`, `flip_excess` is beyond the control on the same answers,
`lost_rate` the share of verdicts that a change costs, and `wrong_rate` the share of wrong verdicts where the truth is
known (slice `base`: the unchanged answers). Which numbers there are depends on the pairs alone, so that a gate can be
read before anything is judged; what got no verdict is missing in them.
"""

from __future__ import annotations

from collections.abc import Iterable

from honne.metrics._audit import CONTROL, Audit, audit_of
from honne.plugins import View
from honne.records import Estimate
from honne.stats.intervals import LEVEL, Interval
from honne.stats.paired import Difference

__all__ = ["PLUGIN"]

_NOTHING = Interval(None, None, None, LEVEL, "none", 0.0)


def audit(view: View) -> Iterable[Estimate]:
    if view.judge is None:
        return
    yield from _estimates(audit_of(view.rows), view.judge)


def _estimates(found: Audit, judge: str) -> Iterable[Estimate]:
    for probe in found.probes:
        n, missing = probe.n, probe.n_missing
        yield _estimate("flip_rate", probe.name, probe.flips, n, missing, judge)
        yield _estimate("flip_rate_up", probe.name, probe.up, n, missing, judge)
        yield _estimate("flip_rate_down", probe.name, probe.down, n, missing, judge)
        yield _estimate("lost_rate", probe.name, probe.lost, n, n - probe.n_lost, judge)
        if probe.name != CONTROL:
            compared = probe.n_compared, probe.n_compared_missing
            yield _estimate("flip_excess", probe.name, probe.excess or _NOTHING, *compared, judge)
        if probe.wrong is not None:
            yield _estimate("wrong_rate", probe.name, probe.wrong, probe.n_wrong, probe.n_wrong_missing, judge)
    if found.wrong is not None:
        yield _estimate("wrong_rate", "base", found.wrong, found.n_wrong, found.n_wrong_missing, judge)
    if found.substance is not None:
        counted = found.n_substance, found.n_substance_missing
        yield _estimate("substance_followed", "all", found.substance, *counted, judge, "higher")


def _estimate(
    metric: str, slice: str, found: Interval | Difference, n: int, missing: int, judge: str, better: str = "lower"
) -> Estimate:
    return Estimate(
        run="",
        model="",
        judge=judge,
        benchmark="",
        metric=metric,
        slice=slice,
        value=found.value,
        low=found.low,
        high=found.high,
        level=found.level if found.value is not None else None,
        method=found.method,
        n=n,
        n_missing=missing,
        unit="proportion",
        better=better,
    )


PLUGIN = audit
