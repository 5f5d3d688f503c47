"""From labelled rows to a scorer on a backbone: three parts that share no prompt, one to learn from, one to stop and
calibrate on, and one that says how good it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from honne.errors import DataError
from honne.judges._scorer import About, Head
from honne.judges._scorer._backbone import Backbone
from honne.judges._scorer._folder import FORMAT, NAME, checked, write
from honne.scorer.backbone import Settings, train
from honne.scorer.card import Origin, described
from honne.scorer.data import Row
from honne.scorer.light import Held, ordered, too_little
from honne.scorer.split import folds

__all__ = ["finetune"]

# Of ten parts one is to stop on and one to evaluate on.
_PARTS = 10
# Where a scorer is made, in the folder that it is for.
_FRESH = ".training"


def finetune(
    folder: Path,
    rows: Sequence[Row],
    settings: Settings,
    *,
    name: str,
    version: str,
    origins: Iterable[Origin] = (),
    general: Collection[str] = (),
    how: Mapping[str, Any] | None = None,
    limits: Sequence[str] = (),
    say: Callable[[str], None] = lambda line: None,
) -> About:
    """Train a scorer on `rows` and write it, with its card, into `folder`; one that is there stays until it is done.

    Raises DataError where a head has too little to learn from, and what `backbone.train` raises.
    """
    heads = {}
    for dimension in sorted({row.dimension for row in rows}):
        of = [i for i, row in enumerate(rows) if row.dimension == dimension]
        mine = [rows[i] for i in of]
        if why := too_little(mine):
            raise DataError(f"too few labels for {dimension!r}: {why}")
        languages = tuple(sorted({row.lang for row in mine}))
        labels = ordered([row.label for row in mine])
        heads[dimension] = Head(labels=labels, languages=languages, general=dimension in general, far=0.0)
    # All heads are split at once: a prompt that two heads share must not be learnt by one and judged by the other.
    parts = folds(rows, _PARTS, settings.seed)
    tested = [row for row, part in zip(rows, parts, strict=True) if part == 0]
    stopped = [row for row, part in zip(rows, parts, strict=True) if part == 1]
    learnt = [row for row, part in zip(rows, parts, strict=True) if part > 1]
    for dimension, head in heads.items():
        for what, some in (("learn from", learnt), ("stop on", stopped), ("evaluate on", tested)):
            lost = set(head.labels) - {row.label for row in some if row.dimension == dimension}
            if lost:
                raise DataError(
                    f"too few labels for {dimension!r}: none of {', '.join(sorted(lost))} is left to {what}"
                )
    about = About(
        format=FORMAT, kind="backbone", name=name, version=version, heads=heads, features={}, files={}, card={}
    )
    fresh = folder / _FRESH
    # What a killed training left.
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        about, steps = train(fresh, learnt, stopped, heads, settings, about, say)
        held = {dimension: _held(fresh, about, dimension, tested, steps) for dimension in heads}
        said = {**(how or {}), **{k: v for k, v in asdict(settings).items() if v is not None}, "steps": steps}
        said |= {"learnt from": len(learnt), "stopped and calibrated on": len(stopped), "evaluated on": len(tested)}
        card = described([*learnt, *stopped], held, origins, said, limits)
        about = write(fresh, msgspec.structs.replace(about, card=card), checked(fresh, about))
        _moved(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return about


def _moved(fresh: Path, folder: Path) -> None:
    """Put what was made in the place of what was there, by renaming alone; scorer.json last."""
    for path in sorted(fresh.iterdir(), key=lambda path: path.name == NAME):
        there = folder / path.name
        # A folder can only be renamed to a name that is free.
        if there.is_dir():
            there.rename(fresh / f"{path.name}.old")
        path.replace(there)


def _held(folder: Path, about: About, dimension: str, rows: Sequence[Row], steps: int) -> Held:
    mine = [row for row in rows if row.dimension == dimension]
    found = Backbone(folder, about, checked(folder, about)).probabilities(
        [(row.prompt, row.answer, dimension) for row in mine]
    )
    labels = about.heads[dimension].labels
    shares = np.array([[p.probabilities[label] for label in labels] for p in found])
    # A distance of more than 1 is far.
    away = np.array([p.distance for p in found]) / max(about.heads[dimension].far, 1e-12)
    return Held(tuple(mine), labels, shares, away, steps)
