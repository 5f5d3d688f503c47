"""What a set of pairs is made of: counts, lengths, which side is longer, how many refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean, median
from typing import Any

from honne.align.pairs._replies import refuses
from honne.align.pairs._spool import Key
from honne.records import Pair

__all__ = ["Refusals", "statistics"]

# Pairs of a file whose sides are read for refusals: reading one takes milliseconds, and the order is drawn.
_READ = 1000


def statistics(keys: Sequence[Key]) -> dict[str, Any]:
    """Counts by part, source, benchmark, category, language, form, attack and judge; lengths in characters; the shares
    of pairs whose chosen side is the longer one, and the shorter one."""
    paired = [key for key in keys if key.lengths[1] is not None]
    return {
        "pairs": len(keys),
        "unpaired": len(keys) - len(paired),
        "prompts": len({key.words for key in keys}),
        "by": {
            name: _counted([getattr(key, name) for key in keys])
            for name in ("part", "source", "benchmark", "category", "lang", "form", "attack", "judge")
        },
        "length": {
            "chosen": _lengths([key.lengths[0] for key in keys]),
            "rejected": _lengths([key.lengths[1] for key in paired if key.lengths[1] is not None]),
        },
        "chosen_longer": _share(sum(key.longer > 0 for key in paired), len(paired)),
        "chosen_shorter": _share(sum(key.longer < 0 for key in paired), len(paired)),
    }


def _counted(names: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda entry: (-entry[1], entry[0])))


def _lengths(values: Sequence[int]) -> dict[str, float] | None:
    return {"mean": round(fmean(values), 1), "median": median(values)} if values else None


def _share(k: int, n: int) -> dict[str, Any]:
    return {"k": k, "n": n, "share": round(k / n, 4) if n else None}


class Refusals:
    """How many sides are refusals, by the rules of the judge `refusal`, of the first 1,000 pairs that pass; `n` is how
    many of them the rules can read."""

    def __init__(self) -> None:
        self._found: dict[str, list[bool | None]] = {"chosen": [], "rejected": []}

    def watch(self, pairs: Iterable[Pair]) -> Iterator[Pair]:
        """The pairs, unchanged."""
        for number, pair in enumerate(pairs):
            if number < _READ:
                request = pair.prompt[-1].content
                self._found["chosen"].append(refuses(pair.chosen, request))
                if pair.rejected is not None:
                    self._found["rejected"].append(refuses(pair.rejected, request))
            yield pair

    def found(self) -> dict[str, dict[str, Any]]:
        out = {}
        for side, values in self._found.items():
            read = [value for value in values if value is not None]
            out[side] = {**_share(sum(read), len(read)), "unread": len(values) - len(read)}
        return out
