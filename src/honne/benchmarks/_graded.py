"""What benchmarks share whose answers are simply right or wrong, and sets that are drawn from texts of our own."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from honne.benchmarks._base import Base
from honne.benchmarks._text import packaged
from honne.errors import ConfigError, DataError, unknown
from honne.plugins import Benchmark, Scale, Verdict
from honne.records import Item
from honne.spec import Spec

__all__ = ["RIGHT", "Drawn", "Graded", "check_numbers", "interleaved", "numbered", "rank", "written"]

RIGHT = Scale(
    (Verdict("right", 1.0, 1.0), Verdict("wrong", 0.0, 0.0)),
    {"true": "right", "false": "wrong", "True": "right", "False": "wrong", "1": "right", "0": "wrong"},
)
_T = TypeVar("_T")


def rank(*parts: object) -> bytes:
    """A seeded order that no version of a random generator can change."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).digest()


def interleaved(strata: Sequence[Sequence[_T]]) -> Iterator[_T]:
    """One of each stratum in turn until all are used up: any prefix is as balanced as can be."""
    for turn in range(max(map(len, strata), default=0)):
        yield from (stratum[turn] for stratum in strata if turn < len(stratum))


@cache
def written(path: str) -> Mapping[str, Any]:
    """A TOML file of this package. Raises DataError when it cannot be read."""
    try:
        return tomllib.loads(packaged(path))
    except (OSError, ValueError) as e:
        raise DataError(f"the packaged {path} cannot be read: {e}") from None


def numbered(benchmark: Benchmark, seed: int = 0) -> list[Item]:
    """The items, if they are numbered 0, 1, 2, … and their ids are unique. Raises DataError."""
    items = list(benchmark.items(seed=seed))
    if not items or [item.seq for item in items] != list(range(len(items))):
        raise DataError(f"{benchmark.name}: items must be numbered 0, 1, 2, …")
    if len({item.id for item in items}) < len(items):
        raise DataError(f"{benchmark.name}: item ids are not unique")
    return items


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


class Drawn(Graded):
    """A set drawn from texts of our own, with the options `n` (how many) and `langs` (of `LANGS`)."""

    kinds: Mapping[str, type] = {"n": int, "langs": str}
    default_n: int | None = None
    offered: tuple[str, ...] = ("en", "zh", "ja")

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        asked = [lang.strip() for lang in self.options.get("langs", ",".join(self.offered)).split(",")]
        for lang in asked:
            if lang not in self.offered:
                raise ConfigError(f"{self.name}: {unknown('language', lang, self.offered)}")
        self._langs = tuple(lang for lang in self.offered if lang in asked)
        most = self._most()
        self._n: int = self.options.get("n", min(self.default_n or most, most))
        if not 1 <= self._n <= most:
            what = f"there are {most} in {','.join(self._langs)}"
            raise ConfigError(f"{self.name}: n={self._n} is out of range: {what}")

    def _most(self) -> int:
        """How many questions there are in the languages chosen (`self._langs`)."""
        raise NotImplementedError
