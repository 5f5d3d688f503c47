"""Which of the pairs are written, and in which order: seeded, the same whatever the order of the sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from honne.align.pairs._base import draw
from honne.align.pairs._split import BY, TRAIN, split
from honne.align.pairs._spool import Key
from honne.errors import ConfigError, DataError, unknown

__all__ = ["Selection", "select"]

# Pairs that are taken together or not at all.
_Block = tuple[Key, ...]


@dataclass(frozen=True)
class Selection:
    """What the user asked for: `mix` are shares of the sources (by `as=` name), `shares` those of the held-out parts,
    `limit` the most pairs in all."""

    seed: int = 0
    balanced: bool = False
    mix: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)
    by: str = "prompt"
    limit: int | None = None

    def check(self, parts: Sequence[str]) -> None:
        """Raises ConfigError for options that cannot be met by these sources."""
        if self.by not in BY:
            raise ConfigError(f"--by: {unknown('unit', self.by, BY)}")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit {self.limit}: at least 1 (pairs)")
        if TRAIN in self.shares:
            raise ConfigError(f"--split: {TRAIN} is what the other parts leave: name those alone")
        if sum(self.shares.values()) >= 1:
            raise ConfigError(
                f"--split: the parts add up to {sum(self.shares.values()):g}: nothing is left for {TRAIN}"
            )
        for name in self.mix:
            if name not in parts:
                raise ConfigError(f"--mix: {unknown('source', name, parts)}")
        missing = [part for part in dict.fromkeys(parts) if part not in self.mix]
        if self.mix and missing:
            raise ConfigError(f"--mix: no share for {', '.join(missing)}")
        if self.mix and abs(sum(self.mix.values()) - 1) > 1e-6:
            raise ConfigError(f"--mix: the shares add up to {sum(self.mix.values()):g}, not 1")


def select(keys: Sequence[Key], how: Selection, notes: list[str]) -> dict[str, list[Key]]:
    """The pairs of every part, in the order in which they are written. Raises DataError where nothing is left."""
    parts = split(keys, how.shares, how.by, how.seed) if how.shares else {TRAIN: list(keys)}
    sizes = _apportioned(how.limit, {name: len(found) for name, found in parts.items()}) if how.limit else {}
    out = {}
    for name, found in parts.items():
        by_part: dict[str, list[Key]] = {}
        for key in found:
            by_part.setdefault(key.part, []).append(key)
        ordered = {part: _ordered(mine, how) for part, mine in sorted(by_part.items())}
        kept = _mixed(name, ordered, how, sizes.get(name), notes)
        if not kept:
            raise DataError(f"nothing is left for {name}: {_why(found, how)}")
        out[name] = sorted(kept, key=lambda key: draw(how.seed, "order", key.id))
    return out


def _why(found: Sequence[Key], how: Selection) -> str:
    longer = sum(key.longer > 0 for key in found)
    said = f"{len(found):,} pairs"
    if how.balanced:
        said += f", of which the chosen side is the longer one in {longer:,}, the other in {_shorter(found):,}"
    return said


def _shorter(found: Sequence[Key]) -> int:
    return sum(key.longer < 0 for key in found)


def _ordered(keys: Sequence[Key], how: Selection) -> list[_Block]:
    """A drawn order; length-balanced, a pair whose longer side is chosen always comes with one whose shorter side is.

    What finds no partner is left out; pairs of equal length, and single completions, stand alone.
    """
    drawn = sorted(keys, key=lambda key: draw(how.seed, "choose", key.id))
    if not how.balanced:
        return [(key,) for key in drawn]
    longer = [key for key in drawn if key.longer > 0]
    shorter = [key for key in drawn if key.longer < 0]
    blocks: list[_Block] = [*zip(longer, shorter, strict=False), *((key,) for key in drawn if key.longer == 0)]
    return sorted(blocks, key=lambda block: draw(how.seed, "choose", block[0].id))


def _size(blocks: Sequence[_Block]) -> int:
    return sum(map(len, blocks))


def _taken(blocks: Sequence[_Block], n: int) -> list[Key]:
    """At most `n` pairs from the front, whole blocks alone."""
    out: list[Key] = []
    for block in blocks:
        if len(out) + len(block) <= n:
            out += block
    return out


def _mixed(
    name: str, ordered: Mapping[str, Sequence[_Block]], how: Selection, limit: int | None, notes: list[str]
) -> list[Key]:
    """The first pairs of every source, as many as its share allows; without --mix all, or the limit's share of each."""
    sizes = {part: _size(blocks) for part, blocks in ordered.items()}
    if not how.mix:
        most = sum(sizes.values())
        counts = _apportioned(min(limit or most, most), sizes)
        return [key for part, n in counts.items() for key in _taken(ordered[part], n)]
    lost = [part for part in how.mix if not sizes.get(part)]
    if lost and name == TRAIN:
        raise DataError(
            f"--mix: there are no pairs of {', '.join(lost)} in {name} that another source did not make first"
        )
    if lost:
        notes.append(f"{name}: no pairs of {', '.join(lost)}: the other shares are kept among themselves")
    shares = {part: share for part, share in how.mix.items() if part not in lost}
    whole = sum(shares.values())
    if not shares:
        return []
    total = min(sizes[part] / (share / whole) for part, share in shares.items())
    counts = _apportioned(int(min(total, limit or total) + 1e-9), shares)
    return [key for part, n in counts.items() for key in _taken(ordered[part], n)]


def _apportioned(n: int, weights: Mapping[str, float]) -> dict[str, int]:
    """`n` shared out by weight, whole, by largest remainders."""
    total = sum(weights.values()) or 1
    exact = {name: n * weight / total for name, weight in weights.items()}
    out = {name: int(value + 1e-9) for name, value in exact.items()}
    rest = sorted(weights, key=lambda name: (out[name] - exact[name], name))
    for name in rest[: n - sum(out.values())]:
        out[name] += 1
    return out
