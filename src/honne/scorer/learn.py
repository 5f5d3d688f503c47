"""From labelled answers to a scorer in a folder: which heads they are enough for, and what the card says of it."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from honne.errors import ConfigError, DataError, MissingExtra
from honne.judges._scorer import NAME, About
from honne.judges._scorer._folder import begin, write
from honne.judges._scorer._light import WEIGHTS
from honne.scorer.data import Row, Source
from honne.scorer.light import LEAST, PROMPTS, ordered, too_little
from honne.scorer.light import train as train_light
from honne.scorer.split import components, held_out

if TYPE_CHECKING:
    from honne.scorer.backbone import Settings
    from honne.scorer.card import Origin

__all__ = ["Lesson", "learn", "lesson"]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Lesson:
    """What can be learnt: the rows of the heads that there is enough for, and why there is not for the others."""

    rows: tuple[Row, ...]
    left_out: Mapping[str, str]
    general: frozenset[str]
    kept_back: int = 0

    @property
    def heads(self) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in sorted(self.rows, key=lambda row: row.dimension):
            found.setdefault(row.dimension, []).append(row)
        return found


def lesson(sources: Sequence[Source], hold_out: float = 0.0) -> Lesson:
    """Sort what was read into heads; `hold_out` keeps back a share of the prompts, for evaluation.

    Raises DataError where there is too little for any head, with the number of labels that would do.
    """
    rows = [row for source in sources for row in source.rows if row.answer.strip()]
    held = held_out(rows, hold_out)
    learnt = [row for row, out in zip(rows, held, strict=True) if not out]
    why: dict[str, str] = {}
    for dimension in sorted({row.dimension for row in rows}):
        mine = [row for row in learnt if row.dimension == dimension]
        reason = too_little(mine) if mine else "all its answers are kept back for evaluation"
        if reason is not None:
            why[dimension] = reason
    kept = tuple(row for row in learnt if row.dimension not in why)
    if not kept:
        said = "; ".join(f"{name}: {reason}" for name, reason in why.items()) or "there are no labelled answers"
        raise DataError(f"too few labels to learn from ({LEAST} answers to {PROMPTS} prompts for each label): {said}")
    general = frozenset(name for source in sources for name in source.named)
    return Lesson(kept, why, general - why.keys(), sum(held))


def learn(
    what: Lesson,
    out: Path,
    origins: Sequence[Origin],
    *,
    version: str = "1",
    name: str | None = None,
    seed: int = 0,
    backbone: Settings | None = None,
    without: Mapping[str, Collection[str]] = MappingProxyType({}),
    limits: Sequence[str] = (),
    say: Say = lambda line: None,
) -> About:
    """Train a scorer and write it into the folder `out`. Raises ConfigError where that holds something else."""
    from honne.scorer.card import described

    # Weights alone are what a killed training leaves.
    if (
        out.exists()
        and not (out / NAME).is_file()
        and (not out.is_dir() or {p.name for p in out.iterdir()} - {WEIGHTS})
    ):
        raise ConfigError(f"{out} holds something that is no scorer: name another -o")
    if backbone is not None:
        for package in ("torch", "transformers", "safetensors", *(["peft"] if backbone.lora else [])):
            if importlib.util.find_spec(package) is None:
                raise MissingExtra(f"honne scorer train --backbone {backbone.model}", "local")
    begin(out)
    called = name or out.resolve().name
    how: dict[str, Any] = {"seed": seed, "kept back for evaluation": what.kept_back}
    if backbone is None:
        about, files, held = train_light(
            what.rows, name=called, version=version, seed=seed, general=what.general, without=without, say=say
        )
        how |= {"backbone": "light", "rounds": {name: one.rounds for name, one in held.items()}}
        card = described(what.rows, held, origins, how, limits)
        return write(out, msgspec.structs.replace(about, card=card), files)
    from honne.scorer.finetune import finetune

    return finetune(
        out,
        what.rows,
        backbone,
        name=called,
        version=version,
        origins=origins,
        general=what.general,
        how=how,
        limits=limits,
        say=say,
    )


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How often each label was given, in the order of the scale."""
    found = Counter(row.label for row in rows)
    return {label: found[label] for label in ordered(list(found))}


def prompts(rows: Sequence[Row]) -> int:
    """How many questions rows are about."""
    return len(set(components(rows)))
