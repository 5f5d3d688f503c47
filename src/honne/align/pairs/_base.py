"""What a source of pairs is, and the account that it keeps of what it read, by whom that was judged, and what it left.

A source is a class built from its Spec (`own/runs/base?m=2`), which it validates (ConfigError). `pairs` makes them one
after the other, in an order that does not depend on the seed; what is drawn depends on the seed and the item alone.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from honne.records import Pair

__all__ = ["Account", "JudgeUsed", "PairSource", "draw", "key_of", "pick", "sound"]

_SURROGATE = re.compile("[\ud800-\udfff]")


class JudgeUsed(NamedTuple):
    """A judge whose verdicts told chosen from rejected. `fixed`: it compares with a right answer that is known."""

    key: str
    fixed: bool = False
    members: tuple[str, ...] = ()


@dataclass
class Account:
    """What a source has to say beside its pairs; it fills this while it makes them.

    `left` counts what was left out, by reason, and `first` has the first place of each. `inputs` are the files and run
    folders that were read, with their hashes.
    """

    left: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    inputs: list[Mapping[str, Any]] = field(default_factory=list)
    judges: dict[str, JudgeUsed] = field(default_factory=dict)

    def out(self, reason: str, where: str = "", n: int = 1) -> None:
        """Count `n` things that were left out for this reason."""
        self.left[reason] += n
        if where:
            self.first.setdefault(reason, where)

    def judged_by(self, judge: JudgeUsed) -> None:
        self.judges.setdefault(judge.key, judge)

    def reasons(self) -> str:
        """What was left out and why, in one line."""
        told = (
            f"{n:,} × {why}" + (f" (first: {self.first[why]})" if why in self.first else "") for why, n in self._by()
        )
        return "; ".join(told)

    def _by(self) -> list[tuple[str, int]]:
        return sorted(self.left.items(), key=lambda entry: (-entry[1], entry[0]))


class PairSource(Protocol):
    """A source of pairs: built from its Spec, without reading more than it needs to check that."""

    def pairs(self, *, seed: int, account: Account) -> Iterable[Pair]:
        """The pairs. Raises ConfigError, DataError or StoreError for what cannot be read as pairs at all."""
        ...


def draw(*what: object) -> bytes:
    """A number that depends on `what` alone, and that no version of a random generator can change."""
    return hashlib.sha256("|".join(map(str, what)).encode("utf-8", "surrogatepass")).digest()


def pick(n: int, *what: object) -> int:
    """One of 0 … n − 1, drawn from `what`."""
    return int.from_bytes(draw(*what)[:8], "big") % n


def sound(text: str) -> str:
    """The text without lone surrogates, which no file can hold, and without the space around it: in published data
    that differs between the two sides and would give the better one away."""
    return _SURROGATE.sub("\ufffd", text).strip()


def key_of(*texts: str) -> str:
    """A key of texts as a person reads them: folded, letters and digits alone; alike for near-duplicates."""
    import unicodedata

    folded = (unicodedata.normalize("NFKC", text).casefold() for text in texts)
    plain = "\n".join("".join(c for c in text if c.isalnum()) for text in folded)
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:16]
