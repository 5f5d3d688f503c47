"""Sentences made from numbers: tuples of strings, of which those of class `Strong` are numbers and names."""

from __future__ import annotations

from honne.records import Estimate
from honne.report._text import count, interval, number, oneline, reached

__all__ = ["Sentence", "Strong", "listed", "plain", "spoken"]


class Strong(str):
    """The part of a sentence to put weight on."""

    __slots__ = ()


Sentence = tuple[str, ...]


def plain(sentence: Sentence) -> str:
    return "".join(sentence)


def spoken(e: Estimate) -> Sentence:
    """`46.9% (43.1–50.7; n = 1,000, 12 missing)`."""
    missing = f", {count(e.n_missing)} missing" if e.n_missing else ""
    if e.value is None and not e.withheld:
        why = e.method.removeprefix("none: ") if e.method.startswith("none: ") else ""
        told = f"; {oneline(why)}" if why else ""
        return (Strong("not known"), f" (n\u00a0=\u00a0{count(e.n)}{missing}{told})")
    if e.withheld:
        return (Strong("withheld"), f" (only {100 * reached(e):.1f}% of n\u00a0=\u00a0{count(e.n)} is judged{missing})")
    within = interval(e) if e.low is not None else "no interval"
    return (Strong(number(e.value, e)), f" ({within}; n\u00a0=\u00a0{count(e.n)}{missing})")


def listed(parts: list[Sentence], most: int, more: str) -> list[str]:
    """`parts` with commas between; beyond `most` their number, as `and 3 MORE`."""
    out: list[str] = []
    for part in parts[:most]:
        out += [", "] if out else []
        out += part
    return [*out, f" and {len(parts) - most} {more}"] if len(parts) > most else out
