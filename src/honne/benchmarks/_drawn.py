"""Sets drawn from texts of our own: options `n` and `langs`, a seeded order, and a file of the user's own instead."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from honne.benchmarks._base import Base
from honne.benchmarks._text import LANGS, packaged
from honne.errors import ConfigError, DataError, unknown
from honne.rows import decode, read_bytes
from honne.spec import Spec, slug

__all__ = ["OWN_FILE", "Drawn", "check_balance", "interleaved", "rank", "written"]

# The options of a set that also takes a file of the user's own.
OWN_FILE: Mapping[str, type] = {"path": str, "lang": str, "encoding": str}
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


def check_balance(benchmark: str, names: Iterable[object], apart: int) -> None:
    """Raises DataError where two of the names come more than `apart` times apart."""
    counts = Counter(names)
    if max(counts.values()) - min(counts.values()) > apart:
        raise DataError(f"{benchmark}: unbalanced: {dict(counts)}")


class Drawn(Base):
    """A set drawn from texts of our own, with the options `n` (how many) and `langs` (of `LANGS`).

    With the options `OWN_FILE` it also takes the user's own texts: see `own_text`.
    """

    kinds: Mapping[str, type] = {"n": int, "langs": str}
    default_n: int | None = None

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._langs: tuple[str, ...] = self._listed()
        self._within = ",".join(self._langs)
        most = self._most()
        self._n: int = self.options.get("n", min(self.default_n or most, most))
        if not 1 <= self._n <= most:
            raise ConfigError(f"{self.name}: n={self._n} is out of range: there are {most} questions in {self._within}")

    def _listed(self) -> tuple[str, ...]:
        asked = [lang.strip() for lang in self.options.get("langs", ",".join(LANGS)).split(",")]
        for lang in asked:
            self._known(lang)
        return tuple(lang for lang in LANGS if lang in asked)

    def _known(self, lang: str) -> str:
        if lang not in LANGS:
            raise ConfigError(f"{self.name}: {unknown('language', lang, LANGS)}")
        return lang

    def _most(self) -> int:
        """How many questions there are in the languages chosen (`self._langs`)."""
        raise NotImplementedError

    def own_text(self) -> str | None:
        """The text of the user's file (`path=`), None where there is none. The set is then all of the file, in its one
        language, under a name and a version of its own. Raises ConfigError, DataError."""
        path: str | None = self.options.get("path")
        if path is None:
            for option, hint in (("lang", "; for the texts of honne it is langs=…"), ("encoding", "")):
                if option in self.options:
                    raise ConfigError(f"{self.name}: {option}=… goes with path=FILE{hint}")
            return None
        if "langs" in self.options:
            raise ConfigError(f"{self.name}: path=FILE has one language: lang=…")
        self._langs = (self._known(self.options.get("lang", "en")),)
        self._within, self.default_n = path, None
        raw = read_bytes(Path(path))
        self.name = f"{self.name}-{slug(Path(path).stem)}"
        # The bytes of an own file are part of what the number means, so they are part of the version.
        self.version = f"{self.version}-{hashlib.sha256(raw).hexdigest()[:8]}"
        return decode(raw, path, self.options.get("encoding"), "encoding=")
