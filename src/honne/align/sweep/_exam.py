"""How every model of a sweep is measured: on the same questions, by the same judges, as `honne run` does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from honne.align.pairs._base import JudgeUsed
from honne.align.pairs._judges import judges_of_run
from honne.engine.plan import Options, Plan, make
from honne.engine.progress import MakeProgress
from honne.engine.run import run
from honne.engine.store import read_info
from honne.errors import ConfigError, StoreError
from honne.records import Message
from honne.spec import Config

__all__ = ["Exam", "judges_of", "prompts"]


@dataclass(frozen=True)
class Exam:
    """One set of benchmarks with its judges and attacks; `option` is the option that names it."""

    option: str
    benchmarks: Sequence[str]
    judges: Sequence[str]
    options: Options
    config: Config = field(default_factory=Config)

    def plan(self, model: str) -> Plan:
        """What is asked. Raises ConfigError, DataError or JudgeError, also where open answers would have no judge."""
        plan = make(self.benchmarks, model, self.judges, self.options, self.config)
        judged = {item.id for judge in plan.judges for item in judge.items}
        alone = [item for item in plan.items if item.id not in judged]
        if alone:
            raise ConfigError(
                f"{self.option}: {len(alone):,} open questions of {alone[0].benchmark} have no judge: name one with "
                "--judge"
            )
        return plan

    def measured(self, model: str, folder: Path, progress: MakeProgress) -> Path:
        """The run of a model in `folder`: carried out, gone on with, or found done."""
        try:
            if read_info(folder).get("state") == "done":
                return folder
        except StoreError:
            pass
        run(self.plan(model), folder, progress)
        return folder


def judges_of(plan: Plan) -> list[JudgeUsed]:
    """The judges of a run that is planned."""
    return judges_of_run({"spec": plan.spec})


def prompts(plan: Plan) -> set[tuple[Message, ...]]:
    """What is asked plainly."""
    return {item.messages for item in plan.items if item.parent is None}
