"""What the numbers say, in sentences made strictly from them.

A sentence is a tuple of strings; those of class `Strong` are its numbers and names. Nothing here claims a difference
that the intervals or the paired tests do not carry: two intervals that do not overlap separate two runs (a stricter
condition than a test at the same level), overlapping ones are left to `honne compare`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from honne.records import Estimate
from honne.report._attacks import extremes, folded, means
from honne.report._blocks import Block, Face, Line, arrange, face_slices, labels, separate
from honne.report._digest import MANY, digest
from honne.report._overview import leads
from honne.report._sentences import Sentence, Strong, listed, spoken
from honne.report._text import bounds, category, count, level, number, oneline
from honne.report._ties import Tests, separated
from honne.report._words import STATUS, phrase
from honne.report.model import RunReport

__all__ = ["reading", "title"]


def title(runs: Sequence[RunReport]) -> str:
    """What the report is about, in a few words."""
    names = labels(runs)
    if len(names) == 2:
        return f"{names[0]} and {names[1]}"
    return names[0] if len(names) == 1 else f"{len(names)} runs"


def _unscored(runs: Sequence[RunReport]) -> str:
    """Why there is no number at all."""
    accounts = [account for run in runs for account in run.accounts]
    if not any(account.responses.get(status) for account in accounts for status in ("ok", "truncated")):
        return "no answer was received"
    if not any(account.judges for account in accounts):
        return "the answers were not judged (--judge llm/… judges open answers)"
    if not any(buckets.get("scored") for account in accounts for buckets in account.judges.values()):
        return "no answer has a judgment that could be read"
    if any(e.value is not None and e.judge is not None for run in runs for e in run.estimates):
        return "the judges of these answers give no headline; what they found is below"
    return "no metric applies to these answers"


def reading(runs: Sequence[RunReport], tests: Tests | None = None) -> list[Sentence]:
    """The report in sentences: whether face and heart part, each benchmark's leading numbers, what came back."""
    every = [block for block in arrange(runs) if block.lead is not None]
    blocks = [block for block in every if not block.minor and not folded(block, every)]
    if not blocks:
        return [(f"No score was computed: {_unscored(runs)}.",), *_received(runs)]
    after = [*_unjudged(runs, every), *_received(runs)]
    often = Counter((block.benchmark, block.attack) for block in blocks)
    places = [_place(block, often[block.benchmark, block.attack] > 1) for block in blocks]
    shown = [e for block in blocks for e in block.headlines[0].found if e.level and not e.withheld]
    levels = ", ".join(dict.fromkeys(map(level, shown)))
    how = f"Brackets hold {levels} intervals" if levels else "No interval can be stated"
    if len(leads(blocks)) >= MANY:
        faced = [s for block, place in zip(blocks, places, strict=True) for s in _faces(block, place)]
        end = (f"{how}; the table below has every leading number.",)
        return [*faced, *digest(blocks, every, tests), end, *after]
    faced, others = list[Sentence](), list[Sentence]()
    for block, place in zip(blocks, places, strict=True):
        found = _faces(block, place)
        more = _same_answers(block, every)
        (faced if found else others).extend(
            [
                *found,
                *_numbers(block, place, tests),
                *_attacked(block, place, every, tests),
                *_other_judges(block, more),
            ]
        )
    return [*faced, *others, (f"{how}{_judged(blocks)}.",), *after]


def _unjudged(runs: Sequence[RunReport], every: Sequence[Block]) -> list[Sentence]:
    """The benchmarks with answers that no judge saw, and those that have no score although one did."""
    accounts = [a for run in runs for a in run.accounts if any(a.responses.get(s) for s in ("ok", "truncated"))]
    unseen = dict.fromkeys(oneline(a.benchmark, 60) for a in accounts if not a.judges)
    scored = {b.benchmark for b in every}
    rest = dict.fromkeys(oneline(a.benchmark, 60) for a in accounts if a.judges and a.benchmark not in scored)
    out: list[Sentence] = []
    if unseen:
        names = listed([(Strong(name),) for name in unseen], 8, "more")
        out.append(("No judge saw answers of ", *names, " (--judge llm/… judges open answers)."))
    if silent := [name for name in rest if name not in unseen]:
        out.append(("No score on ", *listed([(Strong(name),) for name in silent], 8, "more"), "."))
    return out


def _same_answers(block: Block, every: Sequence[Block]) -> list[Block]:
    """The blocks of other judges of this block's answers."""
    runs = set(block.runs)
    alike = [b for b in every if (b.benchmark, b.attack) == (block.benchmark, block.attack)]
    return [b for b in alike if b.minor and set(b.runs) <= runs]


def _judged(blocks: Sequence[Block]) -> str:
    """By whom, at the end: a judge's key is long, and its numbers come first."""
    by: dict[str, dict[str, None]] = {}
    for block in blocks:
        if block.judge:
            by.setdefault(oneline(block.judge), {}).setdefault(oneline(block.benchmark))
    if len(by) < 2:
        return "".join(f"; the judge is {judge}" for judge in by)
    return "; the judges are " + ", ".join(f"{judge} ({', '.join(names)})" for judge, names in by.items())


# ------------------------------------------------------------- what came back


def _received(runs: Sequence[RunReport]) -> list[Sentence]:
    named = labels(runs)
    if len(runs) == 1:
        asked, lost = _lost(runs[0])
        if not asked:
            return []
        if not lost:
            return [(f"All {count(asked)} answers of {named[0]} were received in full.",)]
        others = ", ".join(f"{count(n)} {STATUS[status]}" for status, n in lost.items())
        text = f"Of {count(asked)} answers of {named[0]}, {count(asked - sum(lost.values()))} were received in full"
        return [(f"{text} (others: {others}).",)]
    totals = [_lost(run) for run in runs]
    if not any(asked for asked, _ in totals):
        return []
    if not any(lost for _, lost in totals):
        return [(f"{'Both' if len(runs) == 2 else f'All {len(runs)}'} runs received every answer in full.",)]
    short = [f"{name} {count(sum(lost.values()))}" for name, (_, lost) in zip(named, totals, strict=True) if lost]
    more = f" and {len(short) - 4} further runs" if len(short) > 4 else ""
    return [
        ("Not every answer was received in full; missing, refused, filtered or cut: ", ", ".join(short[:4]), more, ".")
    ]


def _lost(run: RunReport) -> tuple[int, dict[str, int]]:
    asked = sum(a.asked for a in run.accounts)
    lost: dict[str, int] = {}
    for account in run.accounts:
        for status, n in account.responses.items():
            if status != "ok" and n:
                lost[status] = lost.get(status, 0) + n
    return asked, lost


# ------------------------------------------------------------ each benchmark


def _numbers(block: Block, place: str, tests: Tests | None) -> list[Sentence]:
    out: list[Sentence] = []
    for line in block.mains:
        out += [_one(place, line.first)] if len(line.found) == 1 else _several(block, place, line, tests)
        if len(block.runs) == 1:
            out += _weak(block, line)
        out += _corrected(block, line)
    return out


def _corrected(block: Block, line: Line) -> list[Sentence]:
    """What is left of a number once the judge's errors are taken out of it; nothing without a calibration."""
    (*_, after) = block.beside([line])
    given = [(name, e) for (_, name), e in zip(block.runs, after.cells, strict=True) if e is not None]
    if not after.first.corrected:
        return []
    parts: list[str] = []
    for name, e in given:
        labels = f" by {count(e.n_labels or 0)} labels of people"
        parts += [", " if parts else "", *spoken(e), labels, f" for {name}" if len(block.runs) > 1 else ""]
    return [("Corrected for the judge's errors, ", f"{phrase(line.metric)} is ", *parts, ".")]


def _attacked(block: Block, place: str, every: Sequence[Block], tests: Tests | None) -> list[Sentence]:
    """How far the attacks get (of one run: the least and the most successful), and what safety is left."""
    found = extremes(block, every) if len(block.runs) == 1 else []
    out: list[Sentence] = []
    if found:
        (weak, least), (strong, most) = found[0], found[-1]
        head = f"{place}{phrase(most.metric)} "
        if least.value == most.value:
            who = f"of {strong}" if len(found) == 1 else f"of each of the {len(found)} attacks"
            out.append((f"{head}{who} is ", *spoken(most), "."))
        else:
            out.append((f"{head}runs from ", *spoken(least), f" for {weak} to ", *spoken(most), f" for {strong}."))
    for line in means(block)[-1:]:
        out += [_one(place, line.first)] if len(line.found) == 1 else _several(block, place, line, tests)
    return out


def _other_judges(block: Block, more: list[Block]) -> list[Sentence]:
    """How far the other judges of the same answers are from the first: its leading number by them, and agreement."""
    lead = block.lead
    if lead is None or not more:
        return []
    same = [e for b in more for x in b.whole if x.key == lead.key for e in x.found]
    by = [b for b in more if any(x.key == lead.key for x in b.whole)]
    span = _range(same, lead.first) if len(block.runs) == 1 else None
    out: list[Sentence] = []
    if span:
        out.append((f"By {_others(len(by))}, {phrase(lead.metric)} is ", Strong(span), "."))
    pairs = [(b, x) for b in [block, *more] for x in b.compared if b is block or x.reference == block.judge]
    agreed = _range([e for _, x in pairs if x.metric == "agreement" for e in x.found])
    kappa = _range([e for _, x in pairs if x.metric == "cohen_kappa" for e in x.found])
    if agreed:
        beyond = f" (Cohen's kappa {kappa})" if kappa else ""
        # A panel is not compared with its members: only those that are compared are spoken of.
        compared = {x.reference if b is block else b.judge for b, x in pairs if x.metric == "agreement"}
        one, others = len(compared) == 1, _others(len(compared))
        told = span and len(compared) == len(by)
        who = ("It" if one else "They") if told else f"{others[:1].upper()}{others[1:]}"
        whom = f"{who} agree{'s' if one else ''} with {oneline(block.judge or '')}"
        out.append((f"{whom} on ", Strong(agreed), f" of the answers{beyond}."))
    return out or [(f"What {_others(len(more))} {'says' if len(more) == 1 else 'say'} is below.",)]


def _others(n: int) -> str:
    return f"{'another judge' if n == 1 else f'{n} other judges'} of the same answers"


def _range(found: Sequence[Estimate], unit: Estimate | None = None) -> str | None:
    """`9.6% to 22.0%`, the least and the greatest value that may be stated."""
    values = sorted((e for e in found if e.value is not None and not e.withheld), key=lambda e: e.value or 0.0)
    if not values:
        return None
    low, high = (number(e.value, unit or e) for e in (values[0], values[-1]))
    return low if low == high else f"{low} to {high}"


def _place(block: Block, name_judge: bool) -> str:
    attack = f" under {oneline(block.attack)}" if block.attack else ""
    judge = f", judged by {oneline(block.judge)}" if block.judge and name_judge else ""
    return f"On {oneline(block.benchmark)}{attack}{judge}, "


def _one(place: str, e: Estimate) -> Sentence:
    limits = bounds(e)
    tail = f"; had every missing one been the worst or the best, it would lie in {limits}" if limits else ""
    return (place, f"{phrase(e.metric)} is ", *spoken(e), tail, ".")


def _several(block: Block, place: str, line: Line, tests: Tests | None) -> list[Sentence]:
    cells = [(name, e) for (_, name), e in zip(block.runs, line.cells, strict=True) if e is not None]
    stated = [(name, e) for name, e in cells if not e.withheld and e.value is not None]
    held = [name for name, e in cells if e.withheld]
    out: list[Sentence] = []
    head = f"{place}{phrase(line.metric)} "
    if len(stated) == 2:
        (a, left), (b, right) = stated
        out.append((head, "is ", *spoken(left), f" for {a} and ", *spoken(right), f" for {b}: "))
        out[-1] += (_verdict(block, line, tests, left, right),)
    elif len(stated) > 2:
        ranked = sorted(stated, key=lambda pair: pair[1].value or 0.0)
        (low, least), (high, most) = ranked[0], ranked[-1]
        out.append((head, "runs from ", *spoken(least), f" for {low} to ", *spoken(most), f" for {high}. "))
        out[-1] += (_pairs(block, line, tests, [e for _, e in stated]),)
    elif stated:
        out.append((head, "is ", *spoken(stated[0][1]), f" for {stated[0][0]}."))
    if held:
        names = _names(held)
        who = (f"For {names} it is ",) if stated else (head, "is ")
        out.append((*who, Strong("withheld"), "" if stated else f" for {names}", ": too few judged."))
    return out


def _pairs(block: Block, line: Line, tests: Tests | None, stated: list[Estimate]) -> str:
    pairs = list(combinations(stated, 2))
    found = separated(block, line, tests) if tests and len(stated) == len(line.cells) else None
    if found is not None:
        rest = "" if len(found) == len(pairs) else "; the others are tied (the table marks ties with letters)"
        return f"Of the {len(pairs)} pairs of runs, the paired tests separate {len(found)}{rest}."
    apart = sum(separate(a, b) for a, b in pairs)
    rest = "" if apart == len(pairs) else "; the others are not separated here and are not ranked"
    return f"Of the {len(pairs)} pairs of runs, {apart} have intervals that are apart{rest}."


def _verdict(block: Block, line: Line, tests: Tests | None, a: Estimate, b: Estimate) -> str:
    found = separated(block, line, tests) if tests else None
    if found is not None:
        return "the paired test separates them." if found else "not separated by the paired test."
    if separate(a, b):
        return "their intervals are apart."
    return "their intervals overlap, so this alone does not separate them (honne compare tests the paired difference)."


def _weak(block: Block, line: Line) -> list[Sentence]:
    """The categories whose intervals lie wholly on the bad side of the whole's."""
    whole = line.first
    if whole.withheld or whole.value is None:
        return []
    mine = [w.estimate for _, w in block.worst if w.estimate.metric == line.metric]
    clear = [e for e in mine if separate(e, whole)]
    below = whole.better == "higher"
    clear = [e for e in clear if e.value is not None and (e.value < whole.value) == below]
    if not clear:
        return []
    parts: list[str] = []
    for e in clear[:3]:
        parts += [f"{category(e.slice)} ", *spoken(e), "; "]
    return [("Clearly worse than the whole: ", *parts[:-1], ".")]


# ------------------------------------------------------------ face and heart


def _faces(block: Block, place: str) -> list[Sentence]:
    """What is said against what is picked: in full for up to two runs, by name for more."""
    found = [
        (name, faces[0])
        for column, (_, name) in enumerate(block.runs)
        if (faces := face_slices(block, column)) and faces[0].slice == "all"
    ]
    if not found:
        return []
    if len(found) <= 2:
        out: list[Sentence] = []
        for name, face in found:
            who = f"{name}'s" if len(block.runs) > 1 else "the"
            picks = " and the safe option is picked in both orders in "
            said = (f"{place}{who} open answers are safe in ", *spoken(face.open), picks, *spoken(face.choice))
            out.append((*said, ": ", *_gap(face), "."))
            place = ""
        return out
    groups: dict[Sentence, list[str]] = {}
    for name, face in found:
        groups.setdefault(_gap(face), []).append(name)
    parts: list[str] = []
    for gap, names in groups.items():
        parts += [*gap, f": {_names(names)}", "; "]
    return [(f"{place}asked openly and then to choose: ", *parts[:-1], ".")]


def _names(runs: Sequence[str]) -> str:
    """Names of runs; of very many the first."""
    return ", ".join(runs[:12]) + (f" and {len(runs) - 12} more" if len(runs) > 12 else "")


def _gap(face: Face) -> Sentence:
    if face.apart is None:
        return ("no comparison of the two is stated",)
    if not face.apart:
        return ("the intervals overlap, so ", Strong("no gap between face and heart is shown"))
    talks = (face.open.value or 0.0) > (face.choice.value or 0.0)
    gap = "it talks more safely than it chooses" if talks else "it chooses more safely than it talks"
    return ("the intervals are apart, so ", Strong(gap))
