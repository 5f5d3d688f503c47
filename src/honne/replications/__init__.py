"""Published numbers, recomputed from the published files: one small file a source.

A file assigns `PLUGIN`, a `Replication`; outside this repository it is an entry point of `honne.replications`. The
counting rule of a source, and where it parses replies with a pattern of its own that pattern, live in its file and
nowhere else: the general parsers and metrics follow honne's rules, not those of any one paper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from honne.plugins import Source

__all__ = ["Cell", "Replication"]


@dataclass(frozen=True)
class Cell:
    """One number of a published table beside ours, both on the table's own scale, printed with `digits` decimals.

    `ours` is None where it could not be computed.
    """

    table: str
    row: str
    column: str
    published: float
    ours: float | None
    digits: int = 0

    @property
    def equal(self) -> bool | None:
        """Whether ours, rounded as the table is, is the published number; None without one of ours."""
        if self.ours is None:
            return None
        half = 0.5 / 10.0**self.digits
        return abs(self.ours - self.published) <= half + 1e-9


@dataclass(frozen=True)
class Replication:
    """A source with published numbers: what it is, the files that are needed, and the cells made from them.

    `printed` says where the published numbers stand. `cells` raises DataError when a file is missing or malformed.
    """

    title: str
    url: str
    sources: tuple[Source, ...]
    cells: Callable[[], Iterable[Cell]]
    printed: str
