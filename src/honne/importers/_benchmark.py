"""What imported labels mean where no benchmark says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from honne.errors import DataError
from honne.plugins import Scale, Source, Verdict
from honne.records import Item

__all__ = ["ImportBenchmark", "number"]

_SAFETY = {"safe": 1.0, "unsafe": 0.0}


class ImportBenchmark:
    """A stand-in benchmark for answers and labels of unknown origin; its scale is the labels that it was given.

    Labels within {safe, unsafe} score 1 and 0, and the metric is `safe_rate`. Of any other labels the share of each is
    reported (`label_share`); if all are numbers, each is its own `raw_score`.
    """

    name = "import"
    version = "import"
    title = "Imported answers and labels"
    url = ""
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()

    def __init__(self, labels: Iterable[str], forms: Iterable[str] = ("open",)) -> None:
        listed = tuple(sorted(set(labels)))
        self.judges: Mapping[str, str] = MappingProxyType(dict.fromkeys(forms, "rubric"))
        self.metrics: tuple[str, ...] = ()
        if listed:
            self.metrics = ("safe_rate",) if set(listed) <= set(_SAFETY) else ("label_share",)
        numbers = {label: value for label in listed if (value := number(label)) is not None}
        if set(listed) <= set(_SAFETY):
            verdicts = [Verdict(label, score=_SAFETY[label]) for label in listed]
        elif len(numbers) == len(listed):
            verdicts = [Verdict(label, raw_score=numbers[label]) for label in sorted(listed, key=numbers.__getitem__)]
        else:
            verdicts = [Verdict(label) for label in listed]
        self._scale = Scale(tuple(verdicts))

    def items(self, *, seed: int) -> Iterable[Item]:
        """Raises DataError: imported items exist in their run folder only."""
        raise DataError("imported items are in their run folder; there is nothing to ask again")

    def scale(self, category: str) -> Scale:
        return self._scale

    def rubric(self, item: Item) -> str | None:
        return None

    def rubrics(self) -> Mapping[str, str]:
        return {}

    def validate(self) -> None:
        """Nothing is claimed, so nothing can be wrong."""


def number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
