"""`first_option_share`: among the choices made, the share that take the option shown first.

For benchmarks whose options stand in balanced orders: a model without position bias comes near 1 in the number of
options, whatever it knows or values. Neither end is better.
"""

from __future__ import annotations

from collections.abc import Iterable

from honne.metrics._units import choice_rows, item_units, judge_of, scored
from honne.plugins import Measure, Row, View

__all__ = ["PLUGIN"]


def _first(row: Row) -> float | None:
    judgment = scored(row.judgment)
    return None if judgment is None else float(judgment.choice == "A")


def _chosen(row: Row) -> bool:
    """Whether an option was taken, or nobody knows."""
    judgment = scored(row.judgment)
    return judgment is None or judgment.choice is not None


def first_option_share(view: View) -> Iterable[Measure]:
    rows = choice_rows(view)
    chosen = item_units(filter(_chosen, rows), _first)
    if chosen:
        yield Measure("first_option_share", chosen, form="choice", depths=(), judge=judge_of(rows, view))


PLUGIN = first_option_share
