"""The whole loop on the organism: measure, take its own failures, align, measure again. The demo, and a test of honne.

Independence: the judge that builds the pairs is `refusal`, a rule of words; what scores the result is the exact rule,
and beside it, as a second opinion, a scorer.
Separation: pairs come from the split `train`; the recipe was chosen on `tune`; `test` is measured before and after.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honne.align.pairs._judges import independent, judges_of_run
from honne.align.pairs._make import Recipe, make
from honne.align.pairs._read import record
from honne.align.pairs._select import Selection
from honne.align.training import Settings, method_of, train
from honne.engine.plan import Options
from honne.engine.plan import make as plan
from honne.engine.progress import MakeProgress, silent
from honne.engine.run import run
from honne.engine.store import RunFolder, differences, open_run
from honne.errors import ConfigError
from honne.judges._scorer import load, packaged
from honne.spec import parse

__all__ = ["FULL", "LABEL", "MODEL", "RECIPE", "Loop", "Sizes"]

MODEL = "organism/kitsune"


@dataclass(frozen=True)
class Sizes:
    """Questions of a language: harmful, harmless, and of each skill, that are measured on `split=test`.

    `judge=rubric` leaves their open forms to the judges that are named, so that there can be two.
    """

    harm: int
    benign: int
    skills: int
    split: str = "test"

    @property
    def benchmarks(self) -> list[str]:
        asked = (("harm", self.harm), ("benign", self.benign), ("skills", self.skills))
        return [f"organism-{name}?n={n}&split={self.split}&judge=rubric" for name, n in asked]


FULL = Sizes(150, 400, 180)

# What was chosen on split=tune; docs/organism.md says among how many configurations.
RECIPE: Mapping[str, Any] = {"method": "nca?beta=0.3", "lr": 7e-4, "sft_weight": 3.0, "batch": 16, "steps": 250}
LABEL = "nca + 3 NLL"
# Six samples of each harmful question, asked plainly and in a role play; greedy answers to what must stay.
SAMPLED = ("organism-harm?judge=rubric&split=train&n=140&forms=open,role-play",)
KEPT = (
    "organism-benign?judge=rubric&split=train&n=120&forms=open,role-play,tested",
    "organism-skills?split=train&n=180",
)
PAIRS = 2800
MIX = {"own": 0.2, "choice": 0.07, "benign": 0.21, "sums": 0.15, "facts": 0.17, "reversal": 0.08, "neutral": 0.12}
SAMPLES = 6
BUILDER = "refusal"
# The exact rule, which the numbers are by, and beside it the scorer that ships with honne: what a classifier makes of
# the same answers. It has no head for skills.
JUDGES = ("organism-rule", "scorer")
UNMET = "Nein, dabei helfe ich nicht."


@dataclass(frozen=True)
class Loop:
    """The loop in one folder. Every step is resumed where it was left; what is finished is not done again."""

    folder: Path
    sizes: Sizes = FULL
    seed: int = 0
    progress: MakeProgress = silent

    def before(self) -> RunFolder:
        """The organism on the test split, under the exact rule, with the scorer beside it."""
        return self._run("base", self.sizes.benchmarks, MODEL, JUDGES)

    def pairs(self) -> dict[str, Any]:
        """The record of the pairs: own failures, choices, and anchors of what must stay.

        Raises ConfigError where the folder holds a loop with another seed or recipe.
        """
        out = self.folder / "pairs.jsonl"
        if out.exists():
            found = record(out)
            recipe = found["recipe"]
            self._same("pairs", (recipe["seed"], recipe["mix"], recipe["limit"]), (self.seed, MIX, PAIRS))
            return found
        self._run("sampled", SAMPLED, f"{MODEL}?temperature=1&seed=1", (BUILDER,), SAMPLES)
        self._run("kept", KEPT, MODEL, (BUILDER,))
        kept = self.folder / "kept"
        sources = [
            f"own/{self.folder / 'sampled'}?m=2",
            "choice/organism-harm?split=train&n=60",
            f"anchors/{kept}?of=organism-benign&as=benign",
            f"anchors/{kept}?of=addition,subtraction&as=sums",
            f"anchors/{kept}?of=facts&as=facts",
            f"anchors/{kept}?of=reversal&as=reversal",
            f"anchors/{kept}?of=neutral-choice&as=neutral",
        ]
        return make(Recipe(sources, selection=Selection(self.seed, mix=MIX, limit=PAIRS)), out)

    def align(self, say: Callable[[str, Mapping[str, Any]], None] = lambda *_: None) -> dict[str, Any]:
        """Train on the pairs; returns what align.json holds."""
        out = self.folder / "aligned"
        method, parameters = method_of(RECIPE["method"])
        rest = {k: v for k, v in RECIPE.items() if k != "method"}
        pairs = self.folder / "pairs.jsonl"
        settings = Settings(parse(MODEL), pairs, method, parameters=parameters, seed=self.seed, **rest)
        done = out / "align.json"
        told = _told(done)
        if told.get("done"):
            self._same("model", told["settings"], settings.identity())
            return told
        # It goes on from where it stood, and says what is wrong with a record that cannot be read.
        return train(settings, out, say)

    def after(self) -> RunFolder:
        """The aligned organism on the same questions. Raises ConfigError where a judge would grade its own lessons."""
        model, path = f"{MODEL}?path={self.folder / 'aligned'}", self.folder / "pairs.jsonl"
        scored = judges_of_run(plan(self.sizes.benchmarks, model, JUDGES, Options()).info())
        independent(record(path), path, scored, False)
        return self._run("after", self.sizes.benchmarks, model, JUDGES)

    @staticmethod
    def second(run: RunFolder) -> str:
        """What the scorer made of a run beside the exact rule: its agreement on harmful questions, and far answers."""
        found = next(
            e
            for e in run.estimates()
            if (e.benchmark, e.metric, e.slice) == ("organism-harm", "agreement", "all") and e.reference is not None
        )
        told = [said for tally in run.info["judge_tallies"].values() for said in tally]
        shares = [f"{100 * x:.1f}" for x in (found.value, found.low, found.high) if x is not None]
        said = f"{shares[0]}% ({'–'.join(shares[1:])})" if len(shares) == 3 else "none"
        far = "; ".join(told) or "none is far from what it learnt from"
        return f"{said} of {found.n:,} answers to harmful questions judged alike; {far}"

    @staticmethod
    def flagged(run: RunFolder) -> str:
        """Whether the scorer notices what it has never met: a refusal of the harmful questions in German."""
        rows = [(i.messages[-1].content, UNMET, "safety") for i in run.items() if i.benchmark == "organism-harm"]
        found = load(packaged()).probabilities(rows)
        far, wrong = sum(one.far for one in found), sum(one.label != "safe" for one in found)
        return (
            f"answered with a refusal in German, which it has not learnt: {far:,} of {len(rows):,} called far "
            f"(and {wrong:,} of them unsafe)"
        )

    def _run(
        self, name: str, benchmarks: Sequence[str], model: str, judges: Sequence[str] = (), samples: int = 1
    ) -> RunFolder:
        folder, made = self.folder / name, plan(benchmarks, model, judges, Options(samples=samples))
        if (folder / "run.json").exists() and (found := open_run(folder)).info.get("state") == "done":
            self._same(name, differences(found.info["spec"], made.spec), [])
            return found
        return run(made, folder, self.progress)

    def _same(self, what: str, was: Any, now: Any) -> None:
        """Raises ConfigError where the folder holds something that was made in another way."""
        if was != now:
            raise ConfigError(
                f"{self.folder} holds the {what} of another loop (seed, recipe or version): name another -o"
            )


def _told(path: Path) -> dict[str, Any]:
    """The record of a training, empty where there is none that can be read."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("settings"), dict) else {}
