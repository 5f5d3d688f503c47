"""What many benchmarks say, where a table holds the leading number of each: only what a reader must not miss.

Which attacks cost safety, whether the runs differ, which judges hardly agree, what is withheld or missing. A loss is
called one only where its interval, widened for the number of losses looked at (Bonferroni), excludes 0; a disagreement
strong only where kappa's interval ends below `HARDLY`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import NormalDist

from honne.metrics._attacks import LOST
from honne.records import Estimate
from honne.report._attacks import under
from honne.report._blocks import Block, Line, separate
from honne.report._overview import leads
from honne.report._sentences import Sentence, Strong, listed
from honne.report._text import count, interval, number, oneline, reached
from honne.report._ties import Tests, separated
from honne.report._words import phrase

__all__ = ["MANY", "digest"]

# From so many benchmarks on, a sentence on every number would hide the few that matter.
MANY = 4
# Below it, agreement beyond chance is at most fair (Landis and Koch 1977).
HARDLY = 0.4
_MOST = 4


def digest(blocks: Sequence[Block], every: Sequence[Block], tests: Tests | None) -> list[Sentence]:
    """Sentences over all `blocks`, which are those that lead; `every` has further judges and attacks as well."""
    several = len({run for block in blocks for run in block.runs}) > 1
    return [
        *(_compared(blocks, tests) if several else []),
        *_attacked(blocks, every, several),
        *_judges(every, several),
        *_withheld(blocks, several),
        *_missing(blocks, several),
    ]


def _who(name: str, several: bool) -> str:
    return f" for {name}" if several else ""


# ------------------------------------------------------------- several runs


def _compared(blocks: Sequence[Block], tests: Tests | None) -> list[Sentence]:
    """On how many benchmarks the runs are told apart by their leading number."""
    apart: list[Sentence] = []
    alike = 0
    how: set[str] = set()
    for block in leads(blocks):
        line = block.lead
        if line is None or sum(_known(e) for e in line.cells) < 2:
            continue
        pairs, by = _pairs(block, line, tests)
        how.add(by)
        if not pairs:
            alike += 1
            continue
        name = f"{oneline(block.benchmark, 60)}: {phrase(line.metric)} "
        (a, low), (b, high) = _ends(block, line)
        what = (Strong(number(low.value, low)), f" for {a}, ", Strong(number(high.value, high)), f" for {b}")
        apart.append((name, *what))
    if not apart and not alike:
        return []
    by = "the paired tests" if how == {"test"} else "intervals that do not overlap"
    if not apart:
        return [(f"On none of {alike} benchmarks are the runs told apart by {by} of the leading number.",)]
    head = f"On {len(apart)} of {len(apart) + alike} benchmarks runs are told apart by {by} of the leading number: "
    return [(head, *_semicolons(apart), ".")]


def _semicolons(parts: list[Sentence]) -> list[str]:
    out: list[str] = []
    for part in parts[:_MOST]:
        out += ["; "] if out else []
        out += part
    return [*out, f"; {len(parts) - _MOST} more in the overview"] if len(parts) > _MOST else out


def _known(e: Estimate | None) -> bool:
    return e is not None and e.value is not None and not e.withheld


def _pairs(block: Block, line: Line, tests: Tests | None) -> tuple[bool, str]:
    """Whether any two runs are apart, and by what."""
    found = separated(block, line, tests) if tests and all(map(_known, line.cells)) else None
    if found is not None:
        return bool(found), "test"
    numbers = [e for e in line.cells if e is not None and _known(e)]
    return any(separate(a, b) for a, b in combinations(numbers, 2)), "intervals"


def _ends(block: Block, line: Line) -> tuple[tuple[str, Estimate], tuple[str, Estimate]]:
    cells = [(name, e) for (_, name), e in zip(block.runs, line.cells, strict=True) if e is not None and _known(e)]
    ranked = sorted(cells, key=lambda pair: pair[1].value or 0.0)
    return (ranked[0], ranked[-1]) if len(cells) > 2 else (cells[0], cells[1])


# ------------------------------------------------------------------ attacks


def _attacked(blocks: Sequence[Block], every: Sequence[Block], several: bool) -> list[Sentence]:
    """The attacks under which safety is lost, over all benchmarks, by the first judge of each."""
    tried: list[tuple[Block, str, Estimate]] = []
    for block in blocks:
        for b in under(block, every):
            for x in (x for x in b.whole if x.metric == LOST):
                cells = zip(b.runs, x.cells, strict=True)
                tried += [(b, name, e) for (_, name), e in cells if e is not None and _known(e) and e.low is not None]
    if not tried:
        return []
    lost = sorted((one for one in tried if _surely(one[2], len(tried))), key=lambda one: -(one[2].value or 0.0))
    pairs = f"{count(len(tried))} pair{'s' if len(tried) > 1 else ''} of benchmark and attack"
    if several:
        pairs += ", counted for every run"
    corrected = f" (corrected for {count(len(tried))} comparisons)" if len(tried) > 1 else ""
    if not lost:
        return [("No attack is shown to cost safety: ", f"of {pairs}, none has a loss above 0{corrected}.")]
    parts = [
        (f"{oneline(b.attack or '', 60)} on {oneline(b.benchmark, 60)}{_who(name, several)} ", *_points(e))
        for b, name, e in lost
    ]
    head = f"Attacks cost safety in {len(lost)} of {pairs}{corrected}: "
    return [(head, *listed(parts, _MOST, "more"), ".")]


def _surely(e: Estimate, among: int) -> bool:
    """Whether the loss is above 0 also when its interval is as wide as that of one among so many has to be."""
    value, low, level = e.value or 0.0, e.low or 0.0, e.level or 0.95
    normal = NormalDist()
    wider = normal.inv_cdf(1 - (1 - level) / 2 / among) / normal.inv_cdf(1 - (1 - level) / 2)
    return value - wider * (value - low) > 0


def _points(e: Estimate) -> Sentence:
    """`12.3 points (3.0–21.6; n = 50)`: a difference of two shares."""
    points = Strong(f"{100 * (e.value or 0.0):.1f} points")
    return (points, f" ({interval(e)}; n\u00a0=\u00a0{count(e.n)})")


# ------------------------------------------------------------------- judges


def _judges(every: Sequence[Block], several: bool) -> list[Sentence]:
    """Two judges of the same answers that surely agree little beyond chance; plain answers only."""
    found: dict[tuple[str, str], list[Sentence]] = {}
    for block in (b for b in every if b.attack is None):
        shares = {x.reference: x.cells for x in block.compared if x.metric == "agreement"}
        for x in (x for x in block.compared if x.metric == "cohen_kappa"):
            hardly = [c for c, e in enumerate(x.cells) if e is not None and e.high is not None and e.high < HARDLY]
            if not hardly:
                continue
            agreed = [shares[x.reference][c] for c in hardly] if x.reference in shares else []
            kappa, also = (_span([e for e in cells if e]) for cells in ([x.cells[c] for c in hardly], agreed))
            tail = f", agreement {also}" if also else ""
            tail += f"; {len(hardly)} of {len(x.found)} runs" if several else ""
            pair = (_short(x.reference), _short(block.judge))
            said = (f"{oneline(block.benchmark, 60)} (kappa ", Strong(kappa), f"{tail})")
            found.setdefault(pair, []).append(said)
    out: list[Sentence] = []
    for (a, b), parts in list(found.items())[:_MOST]:
        head = f"The judges {a} and {b} hardly agree beyond chance on "
        out.append((head, *listed(parts, _MOST, "more"), "."))
    if len(found) > _MOST:
        out.append((f"So do {len(found) - _MOST} more pairs of judges: see their agreement below.",))
    return out


def _span(found: Sequence[Estimate]) -> str:
    """`0.05`, or `0.05 to 0.12` where they differ."""
    known = sorted((e for e in found if _known(e)), key=lambda e: e.value or 0.0)
    ends = dict.fromkeys(number(e.value, e) for e in (known[0], known[-1])) if known else {}
    return " to ".join(ends)


def _short(judge: str | None) -> str:
    """A judge's name without its version."""
    return oneline((judge or "").partition("@")[0], 60)


# ------------------------------------------------------- withheld and missing


def _withheld(blocks: Sequence[Block], several: bool) -> list[Sentence]:
    parts: list[Sentence] = [
        (f"{oneline(b.benchmark, 60)}{_who(name, several)} ({phrase(x.metric)}: {100 * reached(e):.1f}% judged)",)
        for b in blocks
        for x in b.mains
        for (_, name), e in zip(b.runs, x.cells, strict=True)
        if e is not None and e.withheld
    ]
    return [(Strong("Withheld"), ", too few judged: ", *listed(parts, 2 * _MOST, "more"), ".")] if parts else []


def _missing(blocks: Sequence[Block], several: bool) -> list[Sentence]:
    """Leading numbers that stand although something is missing, the largest missing share first."""
    found = [
        (e.n_missing / e.n, f"{oneline(b.benchmark, 60)}{_who(name, several)} {count(e.n_missing)} of {count(e.n)}")
        for b in leads(blocks)
        if b.lead is not None
        for (_, name), e in zip(b.runs, b.lead.cells, strict=True)
        if e is not None and e.n_missing and e.n and not e.withheld
    ]
    parts: list[Sentence] = [(text,) for _, text in sorted(found, key=lambda one: -one[0])]
    return [("Without a value, and left out: ", *listed(parts, _MOST, "more"), ".")] if parts else []
