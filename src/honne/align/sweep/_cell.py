"""One training of a sweep, and whether what came out of it may be compared at all."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from honne.align.training import Settings, train
from honne.align.training._log import PROGRESS, Say
from honne.align.training._material import Material
from honne.align.training._outcome import NAME
from honne.engine.tradeoff import Tradeoff
from honne.errors import StoreError, TrainingError

__all__ = ["endless", "last_loss", "malformed", "trained"]

# A share of well-formed replies that fell by more is no model to be compared.
_FALLEN = 0.10


def trained(settings: Settings, folder: Path, say: Say, shared: Material) -> dict[str, Any]:
    """`align.json` of the training in `folder`: done now, gone on with, or found. With `diverged` where it did.

    Raises what a training raises where it did not diverge.
    """
    found = _record(folder)
    if found.get("done") or "diverged" in found:
        return found
    try:
        return train(settings, folder, say, shared)
    except TrainingError:
        found = _record(folder)
        if "diverged" in found:
            return found
        raise


def _record(folder: Path) -> dict[str, Any]:
    path = folder / NAME
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as e:
        raise StoreError(f"cannot read {path}: {e}") from None
    return found if isinstance(found, dict) else {}


def endless(settings: Settings, folder: Path) -> str | None:
    """Why a loss without a lower bound has gone on falling to the model's harm, if so.

    A finite loss is no proof that such a training ended well. It is called diverging where it lies as far below 0 as it
    began above (log 2), and the chosen answers became less likely by more than a nat.
    """
    if settings.method.bounded_below:
        return None
    rows = _steps(folder)
    first, last = rows[: max(1, len(rows) // 10)], rows[-max(1, len(rows) // 10) :]
    loss, before, after = (_mean(some, key) for some, key in ((last, "loss"), (first, "chosen"), (last, "chosen")))
    if loss is None or before is None or after is None or loss >= -math.log(2) or after >= before - 1:
        return None
    return (
        f"diverging: the loss, which has no lower bound, fell to {loss:.2f} while the chosen answers became less "
        f"likely (log-probability {before:.1f} to {after:.1f})"
    )


def last_loss(folder: Path) -> float | None:
    """The mean loss of the last tenth of the steps."""
    rows = _steps(folder)
    return _mean(rows[-max(1, len(rows) // 10) :], "loss")


def malformed(found: Tradeoff) -> str | None:
    """Why the replies of a model have fallen apart against its base, if so."""
    worse = [
        axis
        for axis in found.axes
        if axis.role == "well-formedness" and axis.single and (axis.difference or 0.0) > _FALLEN
    ]
    if not worse:
        return None
    axis = max(worse, key=lambda axis: axis.difference or 0.0)
    return f"replies fell apart: {axis.name} from {100 * (axis.before or 0):.1f} to {100 * (axis.after or 0):.1f} %"


def _steps(folder: Path) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    try:
        lines = (folder / PROGRESS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and "loss" in row:
            rows.append(row)
    return rows


def _mean(rows: list[Mapping[str, Any]], key: str) -> float | None:
    values = [float(row[key]) for row in rows if isinstance(row.get(key), int | float) and math.isfinite(row[key])]
    return sum(values) / len(values) if values else None
