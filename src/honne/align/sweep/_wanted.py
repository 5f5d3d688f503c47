"""What a sweep is asked to do, and all that can be wrong with it, before anything is trained."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from honne.align.pairs._judges import independent
from honne.align.pairs._read import record
from honne.align.sweep._exam import Exam, judges_of, prompts
from honne.align.sweep._recipes import Recipe
from honne.align.training import Settings
from honne.align.training._asked import as_given
from honne.align.training._load import need_packages
from honne.align.training._material import Material, material, suits
from honne.engine.plan import Plan
from honne.errors import ConfigError, DataError

__all__ = ["Wanted", "prepared"]


@dataclass(frozen=True)
class Wanted:
    """A sweep. `settings` are what all trainings share (method, learning rate, SFT weight and seed are each cell's, and
    the pairs where there are several sets); `margin` is a share: 0.02 is 2 points."""

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

    def pairs_of(self, recipe: Recipe) -> Path:
        """The file that a configuration learns from."""
        return recipe.pairs or self.settings.pairs

    @property
    def pairs(self) -> list[Path]:
        """The sets of pairs, each once."""
        return list(dict.fromkeys(self.pairs_of(recipe) for recipe in self.recipes))

    def settings_of(self, recipe: Recipe, seed: int) -> Settings:
        """The training of one cell."""
        return replace(
            self.settings,
            pairs=self.pairs_of(recipe),
            method=recipe.method,
            parameters=recipe.parameters,
            lr=recipe.lr,
            sft_weight=recipe.sft_weight,
            seed=seed,
        )

    def identity(self, tune: Plan, test: Plan, materials: Mapping[Path, Material]) -> dict[str, Any]:
        """What decides every number, as JSON: the same for a sweep and for what goes on with it."""
        common = self.settings.identity()
        for mine in ("method", "parameters", "lr", "sft_weight", "seed"):
            del common[mine]
        tuning = materials[self.pairs[0]].files.get("tuning")
        exams = {}
        for name, plan in (("tune-on", tune), ("test-on", test)):
            exams[name] = [one["spec"] for one in plan.spec["benchmarks"]]
            exams[f"{name} items"] = plan.spec["items"]
        return {
            **common,
            "pairs": [found.files["train"]["sha256"] for found in materials.values()],
            "tuning": tuning and tuning["sha256"],
            "recipes": [[r.name, r.lr, r.sft_weight] for r in self.recipes],
            "seeds": self.seeds,
            **exams,
            "attack": list(self.tune.options.attacks),
            "translator": tune.spec.get("translator", {}).get("spec"),
            "judges": sorted({judge["key"] for plan in (tune, test) for judge in plan.spec["judges"]}),
            "limit": self.tune.options.limit,
            "margin": self.margin,
            "allow-same-judge": self.allow_same_judge,
        }


@dataclass(frozen=True)
class Prepared:
    """What is read once: the sets of pairs by their files, and what is asked."""

    materials: Mapping[Path, Material]
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
    files = [*wanted.pairs, *([settings.tuning] if settings.tuning else [])]
    notes = [note for plan in (tune, test) for note in plan.notes]
    for path in files:
        for plan in (tune, test):
            notes += independent(record(path), path, judges_of(plan), wanted.allow_same_judge)
    _apart(prompts(tune), prompts(test))
    materials = {path: material(replace(settings, pairs=path)) for path in wanted.pairs}
    for path, found in materials.items():
        _unseen(wanted, path, found, tune, test)
    for recipe in wanted.recipes:
        suits(recipe.method, wanted.settings_of(recipe, 0), materials[wanted.pairs_of(recipe)])
    return Prepared(materials, wanted.identity(tune, test, materials), list(dict.fromkeys(notes)))


def _apart(tune: set[Any], test: set[Any]) -> None:
    both = len(tune & test)
    if both:
        raise ConfigError(
            f"{both:,} questions of --test-on are in --tune-on as well: a choice that was made on them is not tested "
            "by them; name another split, e.g. organism?split=tune and organism?split=test"
        )


def _unseen(wanted: Wanted, path: Path, found: Material, tune: Plan, test: Plan) -> None:
    learnt = {pair.prompt for one in (found.train, found.tuning) if one is not None for pair in one.pairs}
    for exam, plan in ((wanted.tune, tune), (wanted.test, test)):
        both = len(learnt & prompts(plan))
        if both:
            raise DataError(
                f"{both:,} questions of {exam.option} are prompts of {path}: what was learnt by heart "
                "is not measured; make the pairs from another split"
            )


def place(out: Path, recipe: Recipe, seed: int) -> Path:
    """The folder of a cell: `model`, and the runs `tune` and, once chosen, `test`."""
    return out / "cells" / recipe.folder / f"seed-{seed}"
