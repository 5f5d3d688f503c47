"""What metrics share: which rows they see, what counts as scored."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from honne.plugins import Row, Unit, View, is_choice, unit_id
from honne.records import Judgment, category_parts

__all__ = ["choice_rows", "item_units", "judge_of", "open_rows", "scored", "top", "unparsed_units"]


def scored(judgment: Judgment | None) -> Judgment | None:
    """The judgment if it holds a verdict, else None: missing."""
    return judgment if judgment is not None and judgment.status == "scored" else None


def open_rows(view: View) -> list[Row]:
    """The rows that are not multiple choice."""
    return [row for row in view.rows if not is_choice(row.item.form)]


def choice_rows(view: View) -> list[Row]:
    """The rows that are multiple choice."""
    return [row for row in view.rows if is_choice(row.item.form)]


def judge_of(rows: Iterable[Row], view: View) -> str | None:
    """The fixed judge that has judged these rows; None where it is the view's own, or there is no judgment."""
    found = next((row.judgment.judge for row in rows if row.judgment is not None), None)
    return None if found == view.judge else found


def top(category: str) -> str:
    """The first name of a category path, unescaped ("" where there is none)."""
    parts = category_parts(category)
    return parts[0] if parts else ""


def item_units(rows: Iterable[Row], value: Callable[[Row], float | None]) -> list[Unit]:
    """One unit per row: an item and sample, in the cluster of its group."""
    return [Unit(unit_id(r.item.id, r.sample), r.item.group, r.item.category, value(r)) for r in rows]


def unparsed_units(rows: Iterable[Row]) -> list[Unit]:
    """1 where an answer could not be read, 0 where it could; missing where no judge read it."""

    def value(row: Row) -> float | None:
        status = row.judgment.status if row.judgment is not None else None
        return {"unparsed": 1.0, "scored": 0.0}.get(status or "")

    return item_units(rows, value)
