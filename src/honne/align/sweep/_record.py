"""What a sweep found, as it is stored in `sweep.json` and shown."""

from __future__ import annotations

from typing import Any

import msgspec

from honne.align.sweep._choice import Choice
from honne.engine.tradeoff import Frontier, Tradeoff

__all__ = ["FORMAT", "Cell", "PairSet", "Row", "Sweep"]

FORMAT = 1


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One training. `broken` says why its model is not to be ranked; `loss` is the mean of its last steps."""

    seed: int
    folder: str
    steps: int
    kept: int
    loss: float | None
    seconds: float | None
    warnings: tuple[str, ...] = ()
    broken: str | None = None


class PairSet(msgspec.Struct, frozen=True, kw_only=True):
    """One set of pairs: `pairs` of them are learnt from; `sources` are those that `honne pairs` made it of."""

    name: str
    file: str
    sha256: str
    pairs: int
    sources: tuple[str, ...] = ()


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration; `pairs` names its set. A broken one is measured for itself, where anything came out of it: it
    is in no comparison."""

    name: str
    pairs: str
    method: str
    parameters: dict[str, float | bool]
    lr: float
    sft_weight: float
    cells: tuple[Cell, ...]
    broken: tuple[str, ...] = ()
    measured: Tradeoff | None = None


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """The whole: `tuning` are the configurations that are not broken, on the tuning runs, against the base; `test` the
    chosen one and plain SFT on the same pairs, on the runs that nothing was chosen by."""

    settings: dict[str, Any]
    base: str
    sets: tuple[PairSet, ...]
    configurations: int
    trainings: int
    rule: str
    margin: float
    rows: tuple[Row, ...]
    tuning: Frontier | None
    choice: Choice
    test: Frontier | None
    notes: tuple[str, ...] = ()

    @property
    def seeds(self) -> int:
        return self.trainings // self.configurations
