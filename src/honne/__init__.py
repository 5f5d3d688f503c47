"""honne measures what a language model really values, says how sure it is, and shows where the face differs.

run = honne.run("fine", model="openai/gpt-4.1", judge="llm/openai/gpt-4.1")
run.estimates                      # an Arrow table: every number with its interval, n and n_missing
honne.compare("runs/a", "runs/b")  # paired differences
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from honne._version import __version__
from honne.errors import (
    ConfigError,
    DataError,
    HonneError,
    JudgeError,
    MissingExtra,
    ModelError,
    Stopped,
    StoreError,
    TrainingError,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from honne.metrics._compare import Paired
    from honne.records import Estimate

__all__ = [
    "ConfigError",
    "DataError",
    "HonneError",
    "JudgeError",
    "MissingExtra",
    "ModelError",
    "Run",
    "Stopped",
    "StoreError",
    "TrainingError",
    "__version__",
    "compare",
    "judge",
    "load",
    "run",
]


class Run:
    """A run folder as Arrow tables; the columns are the fields of `honne.records`."""

    def __init__(self, path: str | Path) -> None:
        from honne.engine.store import open_run

        self._folder = open_run(path)
        self.path = Path(path)

    @property
    def info(self) -> dict[str, Any]:
        """run.json: spec, provenance, counts, cost."""
        return self._folder.info

    @property
    def items(self) -> pa.Table:
        return self._folder.table("items")

    @property
    def responses(self) -> pa.Table:
        return self._folder.table("responses")

    @property
    def judgments(self) -> pa.Table:
        return self._folder.table("judgments")

    @property
    def estimates(self) -> pa.Table:
        """Every number; made anew where the folder's estimates.json was deleted."""
        return self._folder.table("estimates", self._estimates())

    def _estimates(self) -> list[Estimate] | None:
        if (self.path / "estimates.json").is_file():
            return None
        from honne.engine.estimate import analyse

        return analyse(self._folder, self.info["spec"].get("paper_rules", False)).estimates

    def scan(self, kind: str) -> Iterator[pa.RecordBatch]:
        """`items`, `responses`, `judgments` or `estimates` in batches, without loading a finished run whole."""
        if kind == "estimates":
            return iter(self.estimates.to_batches())
        return self._folder.scan(kind)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, state={self.info['state']!r})"


def run(
    benchmarks: str | Sequence[str],
    *,
    model: str,
    judge: str | Sequence[str] = (),
    attack: str | Sequence[str] = (),
    translator: str | None = None,
    out: str | Path | None = None,
    limit: int | None = None,
    samples: int = 1,
    seed: int = 0,
    paper_rules: bool = False,
    progress: bool = False,
) -> Run:
    """Ask, judge and estimate, as `honne run` does; the same call again finishes what is missing.

    `limit` counts groups per benchmark; `attack` asks open items under these attacks, too, and `translator` is the
    model for those that need one. Raises ConfigError, DataError, JudgeError, ModelError, StoreError; Stopped when
    the run ended early and can go on.
    """
    from honne.engine.attacking import listed
    from honne.engine.plan import Options, make
    from honne.engine.progress import silent, visible
    from honne.engine.run import run as carry_out
    from honne.spec import load_config

    names = [benchmarks] if isinstance(benchmarks, str) else list(benchmarks)
    judges = [judge] if isinstance(judge, str) else list(judge)
    attacks = listed([attack] if isinstance(attack, str) else attack)
    options = Options(limit, samples, seed, paper_rules, attacks, translator)
    plan = make(names, model, judges, options, load_config(commands=("run",)))
    folder = Path(out) if out is not None else plan.default_folder
    carry_out(plan, folder, visible if progress else silent)
    return Run(folder)


def judge(run: str | Path | Run, *, judge: str | Sequence[str], progress: bool = False) -> Run:
    """Judge the answers of a run again, as `honne judge` does; the model is not asked, and nothing is judged twice.

    Raises ConfigError, DataError, JudgeError, ModelError, StoreError; Stopped when it ended early and can go on.
    """
    from honne.engine.progress import silent, visible
    from honne.engine.rejudge import make, rejudge
    from honne.engine.store import open_run
    from honne.spec import load_config

    folder = run.path if isinstance(run, Run) else Path(run)
    judges = [judge] if isinstance(judge, str) else list(judge)
    rejudge(make(open_run(folder), judges, load_config(commands=("run",))), visible if progress else silent)
    return Run(folder)


def load(path: str | Path) -> Run:
    """A run folder. Raises StoreError when there is none at `path`."""
    return Run(path)


def compare(a: str | Path | Run, b: str | Path | Run, *, paper_rules: bool = False) -> list[Paired]:
    """The paired differences of two runs, a − b, corrected for many comparisons (Holm).

    Missing values count by the source's rule with `paper_rules`, or where both runs were made with it.
    """
    from honne.report.output import compare as compare_runs
    from honne.report.output import rule

    first, second = ((x if isinstance(x, Run) else Run(x))._folder for x in (a, b))
    return compare_runs(first, second, rule([first, second], paper_rules))
