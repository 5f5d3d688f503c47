"""The sweep itself: every cell trained and measured, one configuration chosen, and that one tested once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from honne._version import __version__
from honne.align.sweep._cell import endless, last_loss, malformed, trained
from honne.align.sweep._choice import RULE, Choice, chosen, too_few
from honne.align.sweep._recipes import Recipe
from honne.align.sweep._record import FORMAT, Cell, PairSet, Row, Sweep
from honne.align.sweep._wanted import Prepared, Wanted, place, prepared
from honne.align.training._asked import as_given, asked
from honne.align.training._log import Say
from honne.engine.journal import write_atomic
from honne.engine.progress import MakeProgress, silent
from honne.engine.store import locked
from honne.engine.tradeoff import Frontier, Tradeoff, frontier, resolution, tradeoff
from honne.errors import ConfigError, StoreError

__all__ = ["NAME", "sweep"]

NAME = "sweep.json"


def sweep(wanted: Wanted, out: Path, say: Say = lambda *_: None, progress: MakeProgress = silent) -> Sweep:
    """Carry out a sweep in the folder `out`, from where it stands; what it found is also its `sweep.json`.

    `say` is told what a training tells, and `plan`, `begin`, `cell` and `test` of the sweep. Raises what `prepared`
    raises before anything is trained, StoreError for a folder of something else, ConfigError for other options than it
    was begun with, and Stopped where a run ended early: the same call goes on.
    """
    ready = prepared(wanted)
    with locked(out):
        return _Sweep(wanted, out, ready, say, progress).run()


@dataclass
class _Sweep:
    """One sweep under way."""

    wanted: Wanted
    out: Path
    ready: Prepared
    say: Say
    progress: MakeProgress
    stored: dict[str, Any] = field(default_factory=dict)

    def run(self) -> Sweep:
        wanted = self.wanted
        self._begin()
        places = [(recipe, seed) for recipe in wanted.recipes for seed in range(wanted.seeds)]
        many = {"recipes": len(wanted.recipes), "sets": len(wanted.pairs), "seeds": wanted.seeds}
        self.say("plan", {**many, "cells": len(places)})
        base = self._base("tune")
        for text in too_few(resolution(base), wanted.margin):
            self.ready.notes.append(text)
            self.say("warning", {"text": text})
        cells: dict[str, list[Cell]] = {recipe.name: [] for recipe in wanted.recipes}
        for number, (recipe, seed) in enumerate(places, 1):
            self.say("begin", {"number": number, "of": len(places), "name": recipe.name, "seed": seed})
            cells[recipe.name].append(self._cell(recipe, seed, base))
        rows = [self._row(recipe, cells[recipe.name], base) for recipe in wanted.recipes]
        fine = {r.name: self._runs(r, "tune") for r, row in zip(wanted.recipes, rows, strict=True) if not row.broken}
        tuning = self._compared(base, fine) if fine else None
        choice = self._choice(tuning)
        return self._end(rows, tuning, choice, self._test(choice, tuning))

    # ---------------------------------------------------------------- beginning

    def _begin(self) -> None:
        """`sweep.json` is compared or begun. Raises ConfigError or StoreError."""
        path = self.out / NAME
        try:
            self.stored = json.loads(path.read_bytes())
        except FileNotFoundError:
            if any(p.name[0] != "." for p in self.out.iterdir()):
                raise StoreError(f"{self.out} is not empty and holds no sweep: name another folder with -o") from None
            self._store({"state": "running"})
            return
        except (OSError, ValueError) as e:
            raise StoreError(
                f"cannot read {path}: {e}; restore it from a copy, or remove {self.out} to begin again"
            ) from None
        if not isinstance(self.stored, dict) or not isinstance(self.stored.get("settings", {}), dict):
            raise StoreError(f"{path} is no record of honne sweep: name another folder with -o")
        if self.stored.get("format") != FORMAT:
            raise StoreError(f"{path} is of another format ({self.stored.get('format')}): name another folder with -o")
        was, now = self.stored.get("settings", {}), self._identity()
        differing = [f"{k}: was {was.get(k)}, now {now.get(k)}" for k in {**was, **now} if was.get(k) != now.get(k)]
        if differing:
            raise ConfigError(f"{self.out} holds another sweep ({'; '.join(differing)}): name another folder with -o")

    def _identity(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(json.dumps(self.ready.identity))
        return found

    def _store(self, more: Mapping[str, Any]) -> None:
        recipes, seeds = len(self.wanted.recipes), self.wanted.seeds
        head = {"format": FORMAT, "honne": __version__, "settings": self._identity()}
        self.stored = {**head, "configurations": recipes, "trainings": recipes * seeds, **more}
        # a bound that is infinite is null: JSON has no other word for it
        write_atomic(self.out / NAME, msgspec.json.format(msgspec.json.encode(self.stored), indent=1) + b"\n")

    # -------------------------------------------------------------------- cells

    def _base(self, what: str) -> Path:
        exam = self.wanted.tune if what == "tune" else self.wanted.test
        return exam.measured(as_given(self.wanted.settings), self.out / "base" / what, self.progress)

    def _cell(self, recipe: Recipe, seed: int, base: Path) -> Cell:
        settings, folder = self.wanted.settings_of(recipe, seed), place(self.out, recipe, seed)
        model = folder / "model"
        told = trained(settings, model, self.say, self.ready.materials[settings.pairs])
        broken = f"diverged: {told['diverged']}" if "diverged" in told else endless(settings, model)
        safety = None
        if "diverged" not in told:
            run = self.wanted.tune.measured(asked(settings, model), folder / "tune", self.progress)
            found = tradeoff(base, [run])
            broken = broken or malformed(found)
            lead = found.lead("safety")
            safety = None if lead is None or lead.withheld or broken else lead.after
        cell = Cell(
            seed=seed,
            folder=str(folder.relative_to(self.out)),
            steps=told.get("taken", 0),
            kept=told.get("kept", 0),
            loss=last_loss(model),
            seconds=told.get("seconds"),
            warnings=tuple(told.get("warnings", ())),
            broken=broken,
        )
        self.say("cell", {"safety": safety, "broken": broken, "warnings": len(cell.warnings)})
        return cell

    def _runs(self, recipe: Recipe, what: str) -> list[Path]:
        """The finished runs of a configuration's seeds."""
        folders = (place(self.out, recipe, seed) / what for seed in range(self.wanted.seeds))
        return [folder for folder in folders if (folder / "run.json").is_file()]

    def _row(self, recipe: Recipe, cells: Sequence[Cell], base: Path) -> Row:
        broken = tuple(f"seed {cell.seed}: {cell.broken}" for cell in cells if cell.broken)
        runs = self._runs(recipe, "tune") if broken else []
        return Row(
            name=recipe.name,
            pairs=self.wanted.pairs_of(recipe).stem,
            method=recipe.method.name,
            parameters=dict(recipe.parameters),
            lr=recipe.lr,
            sft_weight=recipe.sft_weight,
            cells=tuple(cells),
            broken=broken,
            measured=self._compared(base, {recipe.name: runs}).points[0] if runs else None,
        )

    # --------------------------------------------------------------------- test

    def _choice(self, tuning: Frontier | None) -> Choice:
        """By the rule; what was chosen before the test stays chosen."""
        if "choice" in self.stored:
            return msgspec.convert(self.stored["choice"], Choice)
        plain = {recipe.name for recipe in self.wanted.recipes if recipe.baseline}
        choice = chosen(tuning, plain, self.wanted.seeds)
        self._store({"state": "testing", "choice": msgspec.to_builtins(choice)})
        return choice

    def _test(self, choice: Choice, tuning: Frontier | None) -> Frontier | None:
        """The chosen configuration and plain SFT on its pairs, on what nothing was chosen by; nothing chosen, nothing
        spent."""
        if choice.recommended is None or tuning is None:
            return None
        names = list(dict.fromkeys([choice.recommended, *self._baseline(tuning, choice.recommended)]))
        self.say("test", {"names": names})
        base = self._base("test")
        points: dict[str, list[Path]] = {}
        for recipe in (r for name in names for r in self.wanted.recipes if r.name == name):
            points[recipe.name] = []
            for seed in range(self.wanted.seeds):
                settings, folder = self.wanted.settings_of(recipe, seed), place(self.out, recipe, seed)
                model = asked(settings, folder / "model")
                points[recipe.name].append(self.wanted.test.measured(model, folder / "test", self.progress))
        return self._compared(base, points)

    def _baseline(self, tuning: Frontier, recommended: str) -> Iterator[str]:
        """Plain SFT on the pairs of what is recommended, as it did best on the tuning runs: what passes first, then by
        safety."""
        pairs = {self.wanted.pairs_of(recipe) for recipe in self.wanted.recipes if recipe.name == recommended}
        plain = {r.name for r in self.wanted.recipes if r.baseline and self.wanted.pairs_of(r) in pairs}
        mine = [point for point in tuning.points if point.name in plain]
        if mine:

            def standing(i: int) -> tuple[bool, float]:
                lead = mine[i].lead("safety")
                return mine[i].verdict.proven, (lead.after or 0.0) if lead is not None else 0.0

            yield mine[max(range(len(mine)), key=standing)].name

    def _compared(self, base: Path, points: Mapping[str, Sequence[Path]]) -> Frontier:
        """The frontier of these runs, which are told by their folders in the sweep, and the base by its model."""
        found = frontier(base, points, margin=self.wanted.margin)
        named = tuple(self._named(point, points[point.name]) for point in found.points)
        return msgspec.structs.replace(found, base=self.wanted.settings.model.label, points=named)

    def _named(self, point: Tradeoff, runs: Sequence[Path]) -> Tradeoff:
        folders = tuple(str(run.relative_to(self.out)) for run in runs)
        return msgspec.structs.replace(point, base=self.wanted.settings.model.label, runs=folders)

    def _end(self, rows: Sequence[Row], tuning: Frontier | None, choice: Choice, test: Frontier | None) -> Sweep:
        found = Sweep(
            settings=self._identity(),
            base=self.wanted.settings.model.label,
            sets=tuple(_set(path, found.files["train"]) for path, found in self.ready.materials.items()),
            configurations=len(rows),
            trainings=len(rows) * self.wanted.seeds,
            rule=RULE,
            margin=self.wanted.margin,
            rows=tuple(rows),
            tuning=tuning,
            choice=choice,
            test=test,
            notes=tuple(self.ready.notes),
        )
        self._store({"state": "done", **msgspec.to_builtins(found)})
        return found


def _set(path: Path, told: Mapping[str, Any]) -> PairSet:
    sources = (told["recipe"] or {}).get("sources", ())
    return PairSet(
        name=path.stem,
        file=path.name,
        sha256=told["sha256"],
        pairs=told["pairs"],
        sources=tuple(source["part"] for source in sources),
    )
