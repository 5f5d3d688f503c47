"""What the commands print: a report in any format, and the paired tests behind it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from rich.console import Console

from honne.engine.calibration import load
from honne.engine.estimate import Analysis, analyse, reworded
from honne.engine.journal import os_failure, write_atomic
from honne.engine.store import RunFolder, open_run
from honne.errors import ConfigError, unknown
from honne.metrics._compare import Paired, compare_all
from honne.metrics._compare_corrected import Place, Side, corrected_differences
from honne.metrics._corrected import correct
from honne.report._gates import Gate
from honne.report.model import RunReport
from honne.report.model import build as build_report

__all__ = ["FORMATS", "append", "build", "compare", "open_runs", "pairwise", "present", "render", "rule", "save"]
__all__ += ["uncalibrated"]

FORMATS = ("html", "md", "json", "csv", "junit", "github")
# Beyond so many runs a table of all pairs is neither readable nor cheap.
_MOST = 12


def open_runs(paths: Sequence[Path]) -> list[RunFolder]:
    """Run folders, where a folder that is not one but holds some stands for those. Raises StoreError."""
    out: list[RunFolder] = []
    for path in paths:
        children = [] if (path / "run.json").is_file() or not path.is_dir() else sorted(path.iterdir())
        found = [open_run(child) for child in children if (child / "run.json").is_file()]
        out += found or [open_run(path)]
    return out


def rule(runs: Sequence[RunFolder], asked: bool) -> bool:
    """Whether to count missing values by the sources' rules: when asked to, or when all runs were made so."""
    return asked or all(run.info["spec"].get("paper_rules", False) for run in runs)


def build(run: RunFolder, paper: bool) -> RunReport:
    """The run's report, with its estimates.json made again where that was deleted."""
    made = build_report(run, paper)
    missing = not (run.path / "estimates.json").exists()
    if missing and paper == run.info["spec"].get("paper_rules", False) and os.access(run.path, os.W_OK):
        run.write_estimates(made.every)
    return made


def save(path: Path, text: str) -> None:
    """Write a report by rename. Raises StoreError, or Stopped when the disk is full."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise os_failure(e, path.parent, "create") from None
    write_atomic(path, text.encode())


def present(done: Sequence[RunFolder], asked_paper: bool, console: Console) -> None:
    """What a command ends with: a report.html in every run folder, and the report of all of them on the terminal."""
    from honne.report.terminal import print_report

    paper = rule(done, asked_paper)
    reports = [build(folder, paper) for folder in done]
    for folder, one in zip(done, reports, strict=True):
        save(folder.path / "report.html", render("html", [one], {}))
    print_report(reports, console, pairwise(done, paper))
    for folder in done:
        console.print(f"report: {folder.path / 'report.html'}", markup=False, soft_wrap=True)


def append(path: Path, text: str) -> None:
    """Add a report to the end of a file that others write to as well. Raises StoreError, or Stopped (full disk)."""
    try:
        with path.open("ab") as file:
            file.write(text.encode())
    except OSError as e:
        raise os_failure(e, path, "write") from None


def render(
    format: str,
    runs: Sequence[RunReport],
    tests: Mapping[tuple[int, int], Sequence[Paired]],
    frame: str | None = None,
    gates: Sequence[Gate] = (),
) -> str:
    """The report of one run, or of several side by side. Raises ConfigError for an unknown format.

    `frame` adds the value profile in that frame; the HTML page has them all, and begins with that one. The formats for
    build servers (`junit`, `github`) hold the results of the gates as well.
    """
    if format in ("json", "csv") and frame is not None:
        from honne.report.values import with_profile

        runs = [with_profile(run, frame) for run in runs]
    if format == "junit":
        from honne.report import junit

        return junit.render(runs, gates)
    if format == "github":
        from honne.report import github

        return github.render(runs, gates)
    if format == "json":
        from honne.report import json

        return json.render(runs)
    if format == "csv":
        from honne.report import csv

        return csv.render(runs)
    if format == "md":
        from honne.report import markdown

        return markdown.render(runs, tests, frame)
    if format == "html":
        from honne.report import html

        return html.render(runs, tests, frame)
    raise ConfigError(unknown("format", format, FORMATS))


def compare(a: RunFolder, b: RunFolder, paper: bool = False) -> list[Paired]:
    """The paired differences a − b, corrected for many comparisons; then those of the numbers that both runs'
    calibrations have corrected for the judge's errors."""
    found, unpairable = (analyse(a, paper), analyse(b, paper)), reworded(a, b)
    paired = compare_all([one.measured for one in found], {(0, 1): unpairable})[0, 1]
    # The number of these answers and that of the questions they stand for are not one number: both of the latter.
    finite = all(one.calibration is not None and one.calibration.stored.finite for one in found)
    return [*paired, *corrected_differences(_corrected(found[0], finite), _corrected(found[1], finite), unpairable)]


def _corrected(found: Analysis, finite: bool) -> dict[Place, Side]:
    """The numbers corrected by a calibration of the run's own: what was borrowed from another is no new evidence."""
    if found.calibration is None or found.calibration.stored.borrowed is not None:
        return {}
    out = {}
    for x in found.corrected:
        known = [one for one in x.corrections if one.refused is None]
        if found.calibration.stored.finite != finite:
            known = correct(x.measure, x.human, [one.raw for one in known], finite=finite)
        place = (x.benchmark, x.attack, x.judge, x.measure.metric, x.measure.form)
        out[place] = Side(x.measure, x.human, {one.raw.slice: one for one in known}, finite)
    return out


def uncalibrated(runs: Sequence[RunFolder]) -> list[str]:
    """Which of the runs have no calibration of their own that holds, where another has one; none where none has."""
    found = [load(run) for run in runs]
    own = [one is not None and one.stale is None and one.stored.borrowed is None for one in found]
    return [run.name for run, there in zip(runs, own, strict=True) if not there] if any(own) else []


def pairwise(runs: Sequence[RunFolder], paper: bool = False) -> dict[tuple[int, int], list[Paired]]:
    """The tests of every pair of runs, by their places, corrected together; none for one run or for very many."""
    if not 2 <= len(runs) <= _MOST:
        return {}
    return _tests(runs, paper)


def _tests(runs: Sequence[RunFolder], paper: bool) -> dict[tuple[int, int], list[Paired]]:
    pairs = combinations(range(len(runs)), 2)
    unpairable = {(i, j): reworded(runs[i], runs[j]) for i, j in pairs}
    return compare_all([analyse(run, paper).measured for run in runs], unpairable)
