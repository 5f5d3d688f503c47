"""Many comparisons at once: Holm's adjustment."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holm"]


def holm(p: Sequence[float | None]) -> list[float | None]:
    """Holm (1979) adjusted p-values, in the order given; None (nothing was tested) stays None and is not counted.

    Comparing them with α holds the chance of any false "separated" in the family at α, whatever their dependence.
    """
    tested = sorted((value, i) for i, value in enumerate(p) if value is not None)
    out: list[float | None] = [None] * len(p)
    running = 0.0
    for rank, (value, i) in enumerate(tested):
        running = max(running, min(1.0, (len(tested) - rank) * value))
        out[i] = running
    return out
