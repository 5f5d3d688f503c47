"""Where a training stands: all that a checkpoint keeps beside its tensors."""

from __future__ import annotations

import msgspec

from honne.align.training._watch import Watch

__all__ = ["Standing"]


class Standing(msgspec.Struct):
    """After `step` optimizer steps and `seconds` of work, over all attempts.

    `best` is the lowest loss on the pairs to tune on, that of step `kept`, and `without` the number of measurements
    since. `shift` is the running mean that some methods keep.
    """

    watch: Watch
    step: int = 0
    seconds: float = 0.0
    best: float | None = None
    kept: int = 0
    without: int = 0
    shift: float | None = None
