"""What benchmarks share whose answers are simply right or wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from honne.benchmarks._base import Base
from honne.errors import DataError
from honne.plugins import Scale, Verdict
from honne.records import Item

__all__ = ["RIGHT", "Graded", "check_numbers"]

RIGHT = Scale(
    (Verdict("right", 1.0, 1.0), Verdict("wrong", 0.0, 0.0)),
    {"true": "right", "false": "wrong", "True": "right", "False": "wrong", "1": "right", "0": "wrong"},
)


def check_numbers(items: Iterable[Item]) -> None:
    """Raises DataError for an item whose target is not a whole or decimal number (`2,125` is one)."""
    for item in items:
        if re.fullmatch(r"-?\d{1,15}(,\d{3})*(\.\d{1,15})?", item.target or "") is None:
            raise DataError(f"{item.benchmark}: item {item.id!r}: the target {item.target!r} is not a number")


class Graded(Base):
    """A benchmark whose verdicts are right and wrong; a fixed judge gives them, so there is no rubric."""

    def scale(self, category: str) -> Scale:
        """Right or wrong, whatever the category; `true`, `false`, 1 and 0 are other spellings."""
        return RIGHT

    def rubric(self, item: Item) -> str | None:
        return None

    def rubrics(self) -> Mapping[str, str]:
        return {}
