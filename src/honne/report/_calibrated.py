"""What a calibration has to say, arranged for every format: its labels, then a section for each judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from honne.engine.calibration import Calibration, Ceiling
from honne.engine.correcting import Corrected
from honne.metrics._corrected import Correction, Errors
from honne.records import Estimate
from honne.report._text import NO_VALUE, category, count, interval, number, oneline, value
from honne.report.model import RunReport
from honne.stats.intervals import Interval

__all__ = ["ERRORS", "Line", "Section", "ceiling_of", "facts", "sections", "share", "width"]

# What the columns of a judge's errors mean, in words.
ERRORS = (
    ("sensitivity", "of the answers that people count, the share that the judge counts"),
    ("specificity", "of those that people do not count, the share that the judge does not"),
    ("PPV", "of the answers that the judge counts, the share that people count"),
    ("NPV", "of those that the judge does not count, the share that people do not"),
)


@dataclass(frozen=True)
class Line:
    """One number: the judge's own, corrected, and by the labels alone."""

    metric: str
    form: str | None
    one: Correction
    ceiling: Ceiling | None

    @property
    def title(self) -> str:
        return oneline(self.metric) + (f" ({oneline(self.form)})" if self.form else "")

    @property
    def name(self) -> str:
        """The metric, or the category below it."""
        return self.title if self.one.raw.slice == "all" else f"  {category(self.one.raw.slice)}"

    @property
    def full_name(self) -> str:
        """The name where no other line stands above it."""
        return self.title if self.one.raw.slice == "all" else f"{self.title}, {category(self.one.raw.slice)}"

    def named_below(self, lines: Sequence[Line]) -> str:
        """A category's name; with the metric where no line of the whole stands above."""
        pooled = any(x.title == self.title and x.one.raw.slice == "all" for x in lines)
        return self.name.strip() if pooled else self.full_name

    @property
    def ceiling_here(self) -> Ceiling | None:
        """What people reach among themselves: it is known of the whole, not of each category."""
        return self.ceiling if self.one.raw.slice == "all" else None

    @property
    def refused(self) -> str | None:
        return None if self.one.refused is None else oneline(self.one.refused, 400)

    @property
    def errors(self) -> Errors | None:
        return self.one.errors


@dataclass(frozen=True)
class Section:
    """One judge of one benchmark and attack."""

    benchmark: str
    attack: str | None
    judge: str
    lines: tuple[Line, ...]

    @property
    def title(self) -> str:
        under = f" under {oneline(self.attack)}" if self.attack else ""
        return f"{oneline(self.benchmark)}{under} · judge {oneline(self.judge)}"


def sections(run: RunReport) -> list[Section]:
    """A section a judge, in the order of the report; metrics without one category's number are not left out."""
    found: dict[tuple[str, str | None, str], list[Line]] = {}
    for each in run.corrected:
        lines = found.setdefault((each.benchmark, each.attack, each.judge), [])
        ceiling = ceiling_of(run.calibration, each)
        lines += [Line(each.measure.metric, each.measure.form, one, ceiling) for one in each.corrections]
    return [Section(*place, tuple(lines)) for place, lines in found.items()]


def ceiling_of(calibration: Calibration | None, each: Corrected) -> Ceiling | None:
    if calibration is None:
        return None
    place = (each.benchmark, each.attack, each.measure.metric, each.measure.form)
    return next((c for c in calibration.stored.ceilings if (c.benchmark, c.attack, c.metric, c.form) == place), None)


def facts(calibration: Calibration) -> list[str]:
    """Where the labels come from, how they were drawn, what was left out, and what the numbers are of."""
    stored = calibration.stored
    designs = ", ".join(f"{count(n)} {_DESIGNS.get(name, name)}" for name, n in stored.designs.items())
    out = [
        f"{count(len(stored.reference))} labels of {oneline(stored.labels)} (sha256 {stored.sha256[:12]}): {designs}"
    ]
    people = ", ".join(oneline(key, 60) for key in stored.people)
    out.append(
        f"taken as people's labels, and not corrected: {people or 'no judge of the run'} (--rater KEY names others)"
    )
    out += [f"{count(n)} {oneline(what, 200)}" for what, n in stored.counts.items()]
    out += [
        f"{count(n)} labels were given with the verdict of {oneline(judge)} in view: they lean towards that judge"
        for judge, n in stored.shown.items()
    ]
    if stored.borrowed is not None:
        b = stored.borrowed
        out.append(
            f"corrected by {oneline(b.labels)} of {oneline(b.run)} ({oneline(b.model)}), and only where the labels "
            f"above show that the judge's errors there and here are equivalent within {b.margin:g}"
        )
    out.append(
        "the numbers are of these answers only (--finite)"
        if stored.finite
        else "the numbers are of the questions that these stand for, not of these answers only"
    )
    return out


_DESIGNS = {
    "random": "drawn at random",
    "stratified": "drawn by strata, weighted by their inclusion probability",
    "active": "drawn actively, weighted by their inclusion probability (at least 0.1)",
    "census": "of all answers there are",
}


def share(found: Interval | None, like: Estimate | None = None) -> tuple[str, str]:
    """A value and its interval as texts: in the unit of `like`, else as percentages."""
    if found is None or found.value is None or found.low is None or found.high is None:
        return NO_VALUE, NO_VALUE
    if like is not None:
        return number(found.value, like), _range(
            number(found.low, like, sign=False), number(found.high, like, sign=False)
        )
    return f"{100 * found.value:.1f}%", _range(f"{100 * found.low:.1f}", f"{100 * found.high:.1f}")


def _range(low: str, high: str) -> str:
    return f"{low}–{high}"


def both(e: Estimate) -> tuple[str, str]:
    """A value and its interval, as every table prints them."""
    return value(e), interval(e)


def width(line: Line) -> str:
    """The corrected interval's width as a share of that of the labels alone: `-24%`."""
    e, alone = line.one.corrected, line.one.alone
    if alone is None or e.low is None or e.high is None or alone.low is None or alone.high is None:
        return NO_VALUE
    before = alone.high - alone.low
    return NO_VALUE if before <= 0 else f"{round(100 * ((e.high - e.low) / before - 1)):+d}%"


def metrics(found: Sequence[Line]) -> list[tuple[str, list[str]]]:
    """Method -> the metrics that were corrected by it, in order."""
    out: dict[str, dict[str, None]] = {}
    for line in found:
        if line.refused is None:
            out.setdefault(line.one.corrected.method, {}).setdefault(oneline(line.metric))
    return [(oneline(method), list(names)) for method, names in out.items()]
