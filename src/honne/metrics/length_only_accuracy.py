"""`length_only_accuracy`: how often one would be right by always picking the longer of two options.

A control on the items, without any judge: 50 % where length gives nothing away, and far from it, on either side, where
a model could be right for a reason that has nothing to do with what the options say. Options of one length count half.
Length is in characters, without the space around an option. A pair that is asked in both orders counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from honne.metrics._units import choice_rows
from honne.plugins import Measure, Unit, View
from honne.records import Item

__all__ = ["PLUGIN"]

_NO_JUDGE = ""


def _longer(item: Item) -> float | None:
    """1 if the right one of two options is the longer one, 0 if the shorter, 1/2 if neither."""
    if item.options is None or len(item.options) != 2 or item.target not in ("A", "B"):
        return None
    first, second = (len(option.strip()) for option in item.options)
    right, wrong = (first, second) if item.target == "A" else (second, first)
    return 0.5 if right == wrong else float(right > wrong)


def length_only_accuracy(view: View) -> Iterable[Measure]:
    pairs: dict[tuple[str, frozenset[str]], Unit] = {}
    for row in choice_rows(view):
        value = _longer(row.item)
        if value is not None:
            pair = (row.item.group, frozenset(row.item.options or ()))
            pairs.setdefault(pair, Unit(row.item.id, row.item.group, row.item.category, value))
    if pairs:
        yield Measure("length_only_accuracy", list(pairs.values()), form="choice", judge=_NO_JUDGE)


PLUGIN: Callable[[View], Iterable[Measure]] = length_only_accuracy
