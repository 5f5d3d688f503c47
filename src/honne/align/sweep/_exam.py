"""How every model of a sweep is measured: on the same questions, by the same judges, as `honne run` does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from honne.align.pairs._base import JudgeUsed
from honne.align.pairs._judges import judges_of_run
from honne.align.training import Settings
from honne.engine.plan import Options, Plan, make
from honne.engine.progress import MakeProgress
from honne.engine.run import run
from honne.engine.store import read_info
from honne.errors import ConfigError, StoreError
from honne.records import Message
from honne.spec import Config, Spec

__all__ = ["Exam", "asked", "judges_of", "prompts"]


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


def asked(settings: Settings, folder: Path) -> str:
    """The SPEC by which the model that was trained into `folder` is asked."""
    base, where = settings.model, str(folder)
    if base.provider == "organism":
        return f"organism/kitsune?path={quote(where)}"
    kept = {k: v for k, v in base.real.items() if settings.lora is not None or k not in ("revision", "adapter")}
    if settings.lora is not None:
        return _text(Spec(base.provider, base.name, {**kept, "adapter": where}), settings)
    return _text(Spec("hf", where, kept), settings)


def as_given(settings: Settings) -> str:
    """The SPEC by which the base is asked."""
    return _text(Spec(settings.model.provider, settings.model.name, settings.model.real), settings)


def _text(spec: Spec, settings: Settings) -> str:
    options: Mapping[str, Any] = spec.options
    if spec.provider == "hf" and settings.device is not None:
        options = {**options, "device": settings.device}
    tail = "&".join(f"{quote(k)}={quote(str(v))}" for k, v in options.items())
    return f"{spec.label}?{tail}" if tail else spec.label
