"""What a benchmark is: where its data come from, its items, and the verdicts that an answer to one may get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from honne.records import Item

__all__ = ["Benchmark", "Scale", "Source", "Suite", "Verdict"]


@dataclass(frozen=True)
class Source:
    """A dataset file: where it comes from and the sha256 of its original (uncompressed) bytes."""

    dataset: str
    file: str
    url: str
    sha256: str
    bytes: int
    licence: str


@dataclass(frozen=True)
class Verdict:
    """What one label of a scale means: `score` in 0–1 (1 is best), `raw_score` on the benchmark's own scale."""

    label: str
    score: float | None = None
    raw_score: float | None = None
    refused: bool | None = None


@dataclass(frozen=True)
class Scale:
    """The verdicts a judge may give, in order, and other spellings (`aliases`: as published -> label)."""

    verdicts: tuple[Verdict, ...]
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(v.label for v in self.verdicts)

    def read(self, text: str) -> Verdict | None:
        """The verdict that a raw label names (as text, surrounding space ignored), or None: never a guess."""
        key = text.strip()
        key = self.aliases.get(key, key)
        return next((v for v in self.verdicts if v.label == key), None)


@dataclass(frozen=True)
class Suite:
    """A name for several benchmarks that are run together: `honne run NAME` runs its `members`.

    Registered as a benchmark. Options given to the suite go to every member (`trust?langs=zh`).
    """

    title: str
    members: tuple[str, ...]


class Benchmark(Protocol):
    """One benchmark. Built from its Spec (`name?option=…`), which it validates.

    A plug-in whose constructor reads data may offer a class method `without_data(spec)`: its scale and criteria alone,
    by which recorded answers are judged again.
    `judges` maps each form to the kind of judge that serves it: `rubric` (replaced by `--judge`) or the name of a fixed
    one such as `choice`. `metrics` are names of metric plug-ins. A change of what a number means is a new `version`.
    """

    name: str
    version: str
    title: str
    url: str
    sources: tuple[Source, ...]
    judges: Mapping[str, str]
    metrics: tuple[str, ...]

    def items(self, *, seed: int) -> Iterable[Item]:
        """The items in a stable order, with seq 0, 1, 2, … Raises DataError when the data are missing or malformed."""
        ...

    def scale(self, category: str) -> Scale:
        """The verdicts allowed for an item of this category."""
        ...

    def rubric(self, item: Item) -> str | None:
        """The criteria for a rubric judge, in the item's language; None when the benchmark has none."""
        ...

    def rubrics(self) -> Mapping[str, str]:
        """Name -> text of every rubric that `rubric` may return (all languages); empty when there is none.

        Optional: it lets a judge's key change whenever a rubric does, before any data are read.
        """
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the run should know about the items, asked for after `items`. Optional."""
        ...

    def validate(self) -> None:
        """Check schema and counts, and that all-best and all-worst judgments hit the ends of every metric."""
        ...
