"""What the numbers say, in sentences made strictly from them.

A sentence is a tuple of strings; those of class `Strong` are its numbers and names. Nothing here claims a difference
that the intervals or the paired tests do not carry: two intervals that do not overlap separate two runs (a stricter
condition than a test at the same level), overlapping ones are left to `honne compare`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from honne.records import Estimate
from honne.report._blocks import Block, Face, Line, arrange, face_slices, labels
from honne.report._text import bounds, category, count, interval, level, number, oneline, reached
from honne.report._ties import Tests, tied
from honne.report._words import STATUS, phrase
from honne.report.model import RunReport

__all__ = ["Sentence", "Strong", "plain", "reading", "title"]


class Strong(str):
    """The part of a sentence to put weight on."""

    __slots__ = ()


Sentence = tuple[str, ...]


def plain(sentence: Sentence) -> str:
    return "".join(sentence)


def title(runs: Sequence[RunReport]) -> str:
    """What the report is about, in a few words."""
    names = labels(runs)
    if len(names) == 2:
        return f"{names[0]} and {names[1]}"
    return names[0] if len(names) == 1 else f"{len(names)} runs"


def reading(runs: Sequence[RunReport], tests: Tests | None = None) -> list[Sentence]:
    """The report in a paragraph: what was asked and received, then each benchmark's leading number, honestly."""
    out = _received(runs)
    blocks = arrange(runs)
    if not blocks:
        out.append(("No score was computed: there are answers, but no metric that applies to them.",))
    for block in blocks:
        if block.lead is not None:
            out += _block(block, block.lead, tests)
    return out


# ------------------------------------------------------------- what came back


def _received(runs: Sequence[RunReport]) -> list[Sentence]:
    named = labels(runs)
    if len(runs) == 1:
        asked, lost = _lost(runs[0])
        if not asked:
            return []
        text = f"{named[0]} was asked {count(asked)} times"
        if not lost:
            return [(text + " and every answer was received in full.",)]
        listed = ", ".join(f"{count(n)} {STATUS[status]}" for status, n in lost.items())
        return [(f"{text}; {count(asked - sum(lost.values()))} answers were received in full (others: {listed}).",)]
    totals = [_lost(run) for run in runs]
    if not any(asked for asked, _ in totals):
        return []
    if not any(lost for _, lost in totals):
        return [(f"All {len(runs)} runs received every answer in full.",)]
    short = [f"{name} {count(sum(lost.values()))}" for name, (_, lost) in zip(named, totals, strict=True) if lost]
    more = f" and {len(short) - 4} further runs" if len(short) > 4 else ""
    return [
        ("Not every answer was received in full; missing, refused, filtered or cut: ", ", ".join(short[:4]), more, ".")
    ]


def _lost(run: RunReport) -> tuple[int, dict[str, int]]:
    asked = sum(a.n * a.samples for a in run.accounts)
    lost: dict[str, int] = {}
    for account in run.accounts:
        for status, n in account.responses.items():
            if status != "ok" and n:
                lost[status] = lost.get(status, 0) + n
    return asked, lost


# ------------------------------------------------------------ each benchmark


def _block(block: Block, line: Line, tests: Tests | None) -> list[Sentence]:
    out = [_one(block, line.first)] if len(line.found) == 1 else _several(block, line, tests)
    if len(block.runs) == 1:
        out += _weak(block, line)
    for column, (_, name) in enumerate(block.runs[:4]):
        faces = face_slices(block, column)
        if faces and faces[0].slice == "all":
            out.append(_face(faces[0], name if len(block.runs) > 1 else ""))
    return out


def _place(block: Block) -> str:
    attack = f" under {oneline(block.attack)}" if block.attack else ""
    judge = f", judged by {oneline(block.judge)}" if block.judge else ""
    return f"On {oneline(block.benchmark)}{attack}{judge}, "


def _number(e: Estimate) -> Sentence:
    """`46.9% (95% interval 43.1–50.7; n = 1,000, 12 missing)`."""
    missing = f", {count(e.n_missing)} missing" if e.n_missing else ""
    if e.withheld:
        return (Strong("withheld"), f" (only {100 * reached(e):.1f}% of n = {count(e.n)} is judged{missing})")
    shown = f" ({level(e)} interval {interval(e)}; n = {count(e.n)}{missing})" if e.low is not None else ""
    return (Strong(number(e.value, e)), shown or f" (no interval; n = {count(e.n)}{missing})")


def _one(block: Block, e: Estimate) -> Sentence:
    limits = bounds(e)
    tail = f"; had every missing one been the worst or the best, it would lie in {limits}" if limits else ""
    return (_place(block), f"{phrase(e.metric)} is ", *_number(e), tail, ".")


def _several(block: Block, line: Line, tests: Tests | None) -> list[Sentence]:
    cells = [(name, e) for (_, name), e in zip(block.runs, line.cells, strict=True) if e is not None]
    stated = [(name, e) for name, e in cells if not e.withheld and e.value is not None]
    held = [name for name, e in cells if e.withheld]
    out: list[Sentence] = []
    head = f"{_place(block)}{phrase(line.metric)} "
    if len(stated) == 2:
        (a, left), (b, right) = stated
        out.append((head, "is ", *_number(left), f" for {a} and ", *_number(right), f" for {b}: "))
        out[-1] += (_verdict(block, line, tests, left, right),)
    elif len(stated) > 2:
        ranked = sorted(stated, key=lambda pair: pair[1].value or 0.0)
        (low, least), (high, most) = ranked[0], ranked[-1]
        out.append((head, "runs from ", *_number(least), f" for {low} to ", *_number(most), f" for {high}. "))
        pairs = list(combinations([e for _, e in stated], 2))
        apart = sum(_apart(a, b) for a, b in pairs)
        rest = "" if apart == len(pairs) else "; the others are not separated here and are not ranked"
        out[-1] += (f"Of the {len(pairs)} pairs of runs, {apart} have intervals that do not overlap{rest}.",)
    elif stated:
        out.append((head, "is ", *_number(stated[0][1]), f" for {stated[0][0]}."))
    if held:
        out.append(
            (f"{'For ' if stated else head + 'for '}{', '.join(held)} it is ", Strong("withheld"), ": too few judged.")
        )
    return out


def _verdict(block: Block, line: Line, tests: Tests | None, a: Estimate, b: Estimate) -> str:
    groups = tied(block, line, tests)
    if all(groups):
        return (
            "the paired test separates them."
            if not set(groups[0]) & set(groups[-1])
            else "not separated (paired test)."
        )
    if _apart(a, b):
        return "the intervals do not overlap."
    return "the intervals overlap, so this alone does not separate them (honne compare tests the paired difference)."


def _apart(a: Estimate, b: Estimate) -> bool:
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return False
    return a.low > b.high or b.low > a.high


def _weak(block: Block, line: Line) -> list[Sentence]:
    """The categories whose intervals lie wholly on the bad side of the whole's."""
    whole = line.first
    if whole.withheld or not block.worst:
        return []
    clear = [w.estimate for _, w in block.worst if _apart(w.estimate, whole) and not w.estimate.withheld]
    lower = whole.better == "higher"
    clear = [e for e in clear if ((e.value or 0.0) < (whole.value or 0.0)) == lower]
    if not clear:
        return [("No category is clearly worse than the whole.",)]
    listed: list[str] = []
    for e in clear[:3]:
        listed += [f"{category(e.slice)} ", *_number(e), "; "]
    return [("Clearly worse than the whole: ", *listed[:-1], ".")]


def _face(face: Face, name: str) -> Sentence:
    who = f"{name}, asked openly: " if name else "Asked openly: "
    said = (
        who,
        *_number(face.open),
        " safe; asked to choose: ",
        *_number(face.choice),
        " pick the safe option in both orders. ",
    )
    if face.apart is None:
        return (*said, "No comparison of the two is stated.")
    if not face.apart:
        return (*said, "The two intervals overlap: no gap between face and heart is shown.")
    if (face.open.value or 0.0) > (face.choice.value or 0.0):
        return (*said, "The two intervals do not overlap: it ", Strong("talks more safely than it chooses"), ".")
    return (*said, "The two intervals do not overlap: it ", Strong("chooses more safely than it talks"), ".")
