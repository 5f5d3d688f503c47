"""What a sweep is asked to do, and all that can be wrong with it, before anything is trained."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from honne.align.pairs._judges import independent
from honne.align.pairs._read import record
from honne.align.sweep._exam import Exam, as_given, judges_of, prompts
from honne.align.sweep._recipes import Recipe
from honne.align.training import Settings
from honne.align.training._load import need_packages
from honne.align.training._material import Material, material, suits
from honne.engine.plan import Plan
from honne.errors import ConfigError, DataError

__all__ = ["Wanted", "prepared"]


@dataclass(frozen=True)
class Wanted:
    """A sweep. `settings` are what all trainings share (method, learning rate, SFT weight and seed are each cell's);
    `margin` is a share: 0.02 is 2 points."""

    settings: Settings
    recipes: Sequence[Recipe]
    seeds: int
    tune: Exam
    test: Exam
    margin: float
    allow_same_judge: bool = False

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ConfigError(f"--seeds {self.seeds}: at least 1")
        if not 0 < self.margin < 1:
            raise ConfigError(f"--margin {100 * self.margin:g} is out of range: more than 0 and less than 100 points")
        if self.settings.lora is not None and self.settings.model.provider == "organism":
            raise ConfigError("organism/kitsune reads no adapter: leave --lora out, or name its folder as hf/FOLDER")
        if self.settings.lora is not None and "adapter" in self.settings.model.options:
            raise ConfigError(f"{self.settings.model.label} has an adapter already: merge it, or leave --lora out")

    def settings_of(self, recipe: Recipe, seed: int) -> Settings:
        """The training of one cell."""
        return replace(
            self.settings,
            method=recipe.method,
            parameters=recipe.parameters,
            lr=recipe.lr,
            sft_weight=recipe.sft_weight,
            seed=seed,
        )

    def identity(self, tune: Plan, test: Plan, files: dict[str, Any]) -> dict[str, Any]:
        """What decides every number, as JSON: the same for a sweep and for what goes on with it."""
        common = self.settings.identity()
        for mine in ("method", "parameters", "lr", "sft_weight", "seed"):
            del common[mine]
        exams = {}
        for name, plan in (("tune-on", tune), ("test-on", test)):
            exams[name] = [one["spec"] for one in plan.spec["benchmarks"]]
            exams[f"{name} items"] = plan.spec["items"]
        return {
            **common,
            "pairs": {what: of["sha256"] for what, of in files.items()},
            "recipes": [[r.name, r.lr, r.sft_weight] for r in self.recipes],
            "seeds": self.seeds,
            **exams,
            "attack": list(self.tune.options.attacks),
            "judges": sorted({judge["key"] for plan in (tune, test) for judge in plan.spec["judges"]}),
            "limit": self.tune.options.limit,
            "margin": self.margin,
            "allow-same-judge": self.allow_same_judge,
        }


@dataclass(frozen=True)
class Prepared:
    """What is read once: the pairs, and what is asked."""

    material: Material
    identity: dict[str, Any]
    notes: list[str]


def prepared(wanted: Wanted) -> Prepared:
    """Check everything. Raises ConfigError, DataError, JudgeError, ModelError or TrainingError, one line each."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError("honne sweep is one process: leave the launcher out, or train a single cell with honne align")
    need_packages("honne sweep")
    settings = wanted.settings
    base = as_given(settings)
    tune, test = wanted.tune.plan(base), wanted.test.plan(base)
    files = [settings.pairs, *([settings.tuning] if settings.tuning else [])]
    notes = [note for plan in (tune, test) for note in plan.notes]
    for path in files:
        for plan in (tune, test):
            notes += independent(record(path), path, judges_of(plan), wanted.allow_same_judge)
    _apart(prompts(tune), prompts(test))
    found = material(settings)
    _unseen(wanted, found, tune, test)
    for recipe in wanted.recipes:
        suits(recipe.method, wanted.settings_of(recipe, 0), found)
    return Prepared(found, wanted.identity(tune, test, found.files), list(dict.fromkeys(notes)))


def _apart(tune: set[Any], test: set[Any]) -> None:
    both = len(tune & test)
    if both:
        raise ConfigError(
            f"{both:,} questions of --test-on are in --tune-on as well: a choice that was made on them is not tested "
            "by them; name another split, e.g. organism?split=tune and organism?split=test"
        )


def _unseen(wanted: Wanted, found: Material, tune: Plan, test: Plan) -> None:
    learnt = {pair.prompt for one in (found.train, found.tuning) if one is not None for pair in one.pairs}
    for exam, plan in ((wanted.tune, tune), (wanted.test, test)):
        both = len(learnt & prompts(plan))
        if both:
            raise DataError(
                f"{both:,} questions of {exam.option} are prompts of {wanted.settings.pairs}: what was learnt by heart "
                "is not measured; make the pairs from another split"
            )


def place(out: Path, recipe: Recipe, seed: int) -> Path:
    """The folder of a cell: `model`, and the runs `tune` and, once chosen, `test`."""
    return out / "cells" / recipe.folder / f"seed-{seed}"
