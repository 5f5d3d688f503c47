"""Pairs on disk while they are chosen from: a file of lines, and in memory only what the choice needs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

import msgspec

from honne.align.pairs._base import key_of
from honne.errors import DataError
from honne.records import Pair

__all__ = ["Key", "Spool"]

_DECODER = msgspec.json.Decoder(Pair)


class Key(NamedTuple):
    """What is kept of a pair. `words` tells near-duplicate prompts; `longer` is 1 where chosen is the longer side, −1
    where rejected is, 0 where neither; lengths are in characters."""

    place: int
    id: str
    part: str
    source: str
    benchmark: str
    category: str
    lang: str
    form: str
    attack: str
    judge: str
    words: str
    group: str
    longer: int
    lengths: tuple[int, int | None]


class Spool:
    """Pairs as lines of a temporary file: `add` them, then `read` them back in any order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._seen: dict[bytes, None] = {}
        self.keys: list[Key] = []
        self.duplicates = 0
        self.contradictions = 0

    def __enter__(self) -> Self:
        self._file = self._path.open("w+b")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        self._path.unlink(missing_ok=True)

    def add(self, pair: Pair) -> bool:
        """Keep a pair, unless it is there already, or there with its sides exchanged. Raises DataError for no pair."""
        assert self._file is not None
        _check(pair)
        same = _digest(pair.prompt, pair.chosen, pair.rejected, pair.chosen_safe if pair.rejected is None else None)
        if same in self._seen:
            self.duplicates += 1
            return False
        if pair.rejected is not None:
            against = _digest(pair.prompt, pair.rejected, pair.chosen, None)
        else:
            against = _digest(pair.prompt, pair.chosen, None, not pair.chosen_safe)
        if against in self._seen:
            self.contradictions += 1
            return False
        self._seen[same] = None
        kept = msgspec.structs.replace(pair, id=same.hex()[:16], part=pair.part or pair.source)
        place = self._file.tell()
        self._file.write(msgspec.json.encode(kept) + b"\n")
        self.keys.append(_key(kept, place))
        return True

    def read(self, keys: Iterable[Key]) -> Iterable[Pair]:
        """The pairs of these keys, in their order."""
        assert self._file is not None
        for key in keys:
            self._file.seek(key.place)
            yield _DECODER.decode(self._file.readline())


def _check(pair: Pair) -> None:
    """What every source must keep to: one of another package as well."""
    if not isinstance(pair, Pair):
        raise DataError(f"a source must yield pairs, not {type(pair).__name__}")
    where = f"{pair.source}: a pair of {pair.item or 'no item'}"
    try:
        _DECODER.decode(msgspec.json.encode(pair))
    except (msgspec.DecodeError, TypeError, UnicodeEncodeError) as e:
        raise DataError(f"{where}: {e}") from None
    if not any(m.role == "user" and m.content.strip() for m in pair.prompt) or pair.prompt[-1].role == "assistant":
        raise DataError(f"{where}: its prompt does not end with a request")
    if not pair.chosen.strip() or (pair.rejected is not None and not pair.rejected.strip()):
        raise DataError(f"{where}: an answer is empty")
    if pair.chosen == pair.rejected:
        raise DataError(f"{where}: chosen and rejected are the same text")
    if pair.rejected is None and pair.chosen_safe is None:
        raise DataError(f"{where}: a single completion must say whether it is a wanted one")


def _digest(*parts: object) -> bytes:
    return hashlib.sha256(msgspec.json.encode(parts)).digest()[:12]


def _key(pair: Pair, place: int) -> Key:
    rejected = None if pair.rejected is None else len(pair.rejected)
    words = key_of(*(m.content for m in pair.prompt if m.role != "system"))
    return Key(
        place=place,
        id=pair.id,
        part=pair.part,
        source=pair.source,
        benchmark=pair.benchmark or "",
        category=pair.category,
        lang=pair.lang,
        form=pair.form,
        attack=pair.attack or "",
        judge=pair.judge or "",
        words=words,
        group=f"{pair.benchmark or pair.source}\0{pair.group}" if pair.group else words,
        longer=0 if rejected is None else (len(pair.chosen) > rejected) - (len(pair.chosen) < rejected),
        lengths=(len(pair.chosen), rejected),
    )
