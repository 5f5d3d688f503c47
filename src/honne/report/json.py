"""Estimates as JSON: a list of objects, every field of `records.Estimate`, null where not applicable."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from honne.records import Estimate
from honne.report._blocks import labels
from honne.report.model import RunReport

__all__ = ["dump", "render", "row", "rows", "text"]

# JSON escapes C0 controls by itself; a terminal may obey the others, and editors reorder by bidirectional overrides.
# They can only stand inside strings, where \u is the same text.
_UNSEEN = re.compile("[\x7f-\x9f\u200b\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def row(e: Estimate) -> dict[str, Any]:
    """One estimate as plain values."""
    out: dict[str, Any] = {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in msgspec.to_builtins(e).items()
    }
    if e.buckets is not None:
        out["buckets"] = json.loads(e.buckets)
    return out


def dump(rows: Sequence[dict[str, Any]]) -> str:
    """A list with one object a line."""
    lines = ",\n".join(json.dumps(r, ensure_ascii=False, allow_nan=False) for r in rows)
    return _seen(f"[\n{lines}\n]\n" if rows else "[]\n")


def text(value: dict[str, Any]) -> str:
    """One object, indented for reading."""
    return _seen(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def _seen(text: str) -> str:
    return _UNSEEN.sub(lambda m: f"\\u{ord(m.group()):04x}", text)


def rows(runs: Sequence[RunReport]) -> list[dict[str, Any]]:
    """All estimates of all runs, in order; equally named runs are told apart by the folders that hold them."""
    often = Counter(run.name for run in runs)
    names = [label if often[run.name] > 1 else run.name for label, run in zip(labels(runs), runs, strict=True)]
    return [row(e) | {"run": name} for name, run in zip(names, runs, strict=True) for e in run.every]


def render(runs: Sequence[RunReport]) -> str:
    """`rows` as a JSON list."""
    return dump(rows(runs))
