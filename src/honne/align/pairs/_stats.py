"""What a set of pairs is made of: counts, lengths, which side is longer, how many refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

from honne.align.pairs._spool import Key

__all__ = ["statistics"]


def statistics(keys: Sequence[Key]) -> dict[str, Any]:
    """Counts by part, source, benchmark, category, language, form, attack and judge; lengths in characters; the shares
    of pairs whose chosen side is the longer one (`equal` counts for neither), and of sides that are refusals by the
    rules of the judge `refusal` (of those that the rules can read)."""
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
        "refusals": {
            "chosen": _refusals([key.refusals[0] for key in keys]),
            "rejected": _refusals([key.refusals[1] for key in paired]),
        },
    }


def _counted(names: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda entry: (-entry[1], entry[0])))


def _lengths(values: Sequence[int]) -> dict[str, float] | None:
    return {"mean": round(fmean(values), 1), "median": median(values)} if values else None


def _share(k: int, n: int) -> dict[str, Any]:
    return {"k": k, "n": n, "share": round(k / n, 4) if n else None}


def _refusals(values: Sequence[bool | None]) -> dict[str, Any]:
    read = [value for value in values if value is not None]
    return {**_share(sum(read), len(read)), "unread": len(values) - len(read)}
