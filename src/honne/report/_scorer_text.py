"""What the evaluation of a scorer says, in words and as rows: the same for every format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from honne.records import Estimate
from honne.report._text import NO_VALUE, bounds, count, interval, number, oneline, value

if TYPE_CHECKING:
    from honne.scorer.evaluation import Evaluation, Part, Rival

__all__ = [
    "Line",
    "headline",
    "left_out",
    "lines",
    "methods",
    "notes",
    "of",
    "people",
    "points",
    "slice_name",
    "title",
    "verdict",
]


class Line(NamedTuple):
    """A row of the table of judges. `kind`: judge, rival, majority or people."""

    kind: str
    name: str
    accuracy: Estimate
    rival: Rival | None = None


_REASONS = {
    "trained": "the scorer was trained on their prompt",
    "unlabelled": "no reference label",
    "no answer": "no answer to judge",
    "no head": "the scorer has no head for their dimension",
    "language": "in a language that the scorer did not learn",
    "foreign label": "a label that the scorer does not know",
}


def title(found: Evaluation) -> str:
    """`refusal-light 1.0 on 2 sources`."""
    on = found.sources[0] if len(found.sources) == 1 else f"{len(found.sources)} sources"
    return f"{oneline(found.judge, 80)} on {oneline(on, 80)}"


def headline(part: Part) -> str:
    """How good it is on one dimension, against the least and the most that one could expect."""
    a = part.accuracy
    if a.value is None:
        return f"{part.dimension}: no verdict on any of {count(part.n)} answers."
    said = f"{part.dimension}: right on {value(a)} of {count(a.n - a.n_missing)} answers ({interval(a)})"
    said += f", macro-F1 {number(part.macro_f1.value, part.macro_f1)} ({interval(part.macro_f1)})."
    least = f"{value(part.majority)} ({interval(part.majority)})"
    said += f" Always saying {oneline(part.majority_label, 40)!r} would be right on {least}."
    agreed = next((e for e in part.ceiling if e.metric == "rater_agreement" and e.value is not None), None)
    if agreed is not None:
        return f"{said} People agree with each other on {value(agreed)} ({interval(agreed)})."
    return f"{said} What people agree on is not known: the reference has one label an answer."


def verdict(part: Part) -> str:
    """Whether it is shown to be better than always giving the commonest label: by the intervals of the two shares."""
    a, least = part.accuracy, part.majority
    if a.low is None or least.value is None or a.low <= least.value:
        return "not shown to be better than the commonest label"
    return "better than the commonest label"


def lines(part: Part) -> Iterator[Line]:
    """The judge itself, the others on the same answers, the commonest label, and people."""
    yield Line("judge", oneline(part.accuracy.judge or "", 60), part.accuracy)
    for rival in part.rivals:
        yield Line("rival", oneline(rival.judge, 60), rival.accuracy, rival)
    yield Line("majority", f"always {oneline(part.majority_label, 40)}", part.majority)
    for e in part.ceiling:
        if e.metric == "rater_agreement":
            yield Line("people", "people, with each other", e)
        elif e.metric == "rater_accuracy":
            yield Line("people", f"{oneline(e.judge or '', 50)}, with the reference", e)


def points(rival: Rival) -> str:
    """`+3.1 (+0.4 to +5.9)` points, ours minus theirs."""
    if rival.difference is None or rival.low is None or rival.high is None:
        return NO_VALUE
    return f"{100 * rival.difference:+.1f} ({100 * rival.low:+.1f} to {100 * rival.high:+.1f})"


def slice_name(e: Estimate) -> str:
    """`lang en`, `family llama`."""
    way, _, name = e.slice.partition("/")
    return f"{'language' if way == 'lang' else way} {oneline(name, 40)}"


def people(found: Evaluation) -> str:
    """One line: which labels are the reference, who was taken for the people behind it, and who was not."""
    named, alike = (", ".join(oneline(key, 60) for key in keys) for keys in (found.people, found.alike))
    said = f"the reference: {oneline(found.reference, 120)}; taken as the people behind it: {named or 'nobody'}"
    return said + (f"; judged like any judge: {alike} (--rater KEY for one person's labels)" if alike else "")


def left_out(found: Evaluation) -> list[str]:
    """A line for each reason why rows were not evaluated, and for labels whose answers were not picked at random."""
    out = [f"{count(n)} left out: {_REASONS.get(why, why)}" for why, n in found.left_out.items() if n]
    picked = {how: n for how, n in found.designs.items() if how != "random"}
    if picked:
        told = ", ".join(f"{count(n)} {oneline(how, 30)}" for how, n in picked.items())
        of = sum(found.designs.values())
        out.append(
            f"{told} of {count(of)} labels are of answers that were not picked at random: these shares are of what was "
            "picked, and not of the run (active picks make good judges look bad)"
        )
    return out


def notes(part: Part) -> Iterator[str]:
    """What a reader must know beside the numbers."""
    if part.head not in (None, part.dimension):
        yield f"judged by the scorer's head {part.head!r}, which serves every dimension with its labels"
    if limits := bounds(part.accuracy):
        yield f"{count(part.n_missing)} without a verdict: {limits} right had all of them been wrong, or right"
    if part.far:
        share, near, far = part.far
        if share.value is not None:
            inside = f"right on {value(near)} ({interval(near)}, {of(near)}) of the others"
            outside = "none to be right on"
            if far.value is not None:
                outside = f"on {value(far)} ({interval(far)}, {of(far)}) of these"
            yield f"far from its training answers: {value(share)} ({interval(share)}, {of(share)}); {inside}, {outside}"
    ece = next((e for e in part.calibration if e.metric == "ece"), None)
    if ece is not None and ece.value is not None:
        yield f"calibration error (ECE): {value(ece)} ({interval(ece)}, {of(ece)})"
    alpha = next((e for e in part.ceiling if e.metric == "rater_alpha" and e.value is not None), None)
    if alpha is not None:
        yield f"Krippendorff's alpha of the people: {number(alpha.value, alpha)} ({interval(alpha)}, {of(alpha)})"
    if part.apart:
        yield f"not on this scale, so not compared: {', '.join(oneline(key, 60) for key in part.apart)}"
    if any(e.metric == "rater_accuracy" for e in part.ceiling):
        yield "the reference is made of the people's labels, so that their agreement with it is too high by as much"


def of(e: Estimate) -> str:
    """`n 2,250, 11 missing`."""
    return f"n {count(e.n)}" + (f", {count(e.n_missing)} missing" if e.n_missing else "")


def _every(part: Part) -> Iterator[Estimate]:
    """Every number of a part that has an interval."""
    yield from (part.accuracy, part.macro_f1, part.majority, *part.ceiling, *(part.far or ()))
    yield from (e for one in part.classes for e in (one.recall, one.precision))
    yield from (e for pair in part.slices for e in pair)
    yield from (e for e in part.calibration if e.metric == "ece")


def methods(found: Evaluation) -> str:
    """How the intervals were made."""
    used = sorted({e.method for part in found.parts for e in _every(part) if e.value is not None})
    compared = sorted({r.method for part in found.parts for r in part.rivals})
    said = f"95% intervals; answers to one question are one cluster. {'; '.join(used)}."
    if compared:
        said += f" Differences are paired ({'; '.join(compared)}), p adjusted for the number of judges (Holm)."
    return said
