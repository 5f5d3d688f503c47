"""Out of memory: halve the passes and go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from honne.align.training._log import Say
from honne.align.training._step import Trainee
from honne.errors import TrainingError

__all__ = ["within_memory"]

T = TypeVar("T")
_FEWEST = 64


def within_memory(trainee: Trainee, say: Say, work: Callable[[], T]) -> T:
    """What `work` returns; it begins anew, with passes of half as many tokens, as often as memory runs out.

    Raises TrainingError where halving cannot help, and with several processes: the others wait inside the pass.
    """
    import torch

    while True:
        try:
            return work()
        except torch.OutOfMemoryError:
            if trainee.processes.count > 1 or trainee.tokens < 2 * _FEWEST:
                raise TrainingError(
                    f"out of memory with passes of {trainee.tokens:,} tokens: --tokens with fewer, --checkpointing "
                    "and --lora need less"
                ) from None
        torch.cuda.empty_cache()
        trainee.tokens //= 2
        say("note", {"text": f"out of memory: passes of at most {trainee.tokens:,} tokens from here on"})
