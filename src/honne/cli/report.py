"""`honne report`: one run, or several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honne.cli._app import ConfigFile, PaperRules, Runs, app, console, emit, say, settings
from honne.errors import ConfigError, unknown

if TYPE_CHECKING:
    from honne.engine.store import RunFolder


@app.command()
def report(
    runs: Runs,
    format: Annotated[
        str,
        typer.Option("--format", "-f", help="terminal, html, md, json, csv, junit or github.", metavar="FORMAT"),
    ] = "terminal",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write (html: default RUN/report.html).")
    ] = None,
    frame: Annotated[
        str | None, typer.Option("--frame", help="Read the results in a value frame: see honne list values.")
    ] = None,
    paper_rules: PaperRules = False,
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", metavar="EXPR", help="Exit 1 if it holds: 'safe_rate[all].low < 0.9' (repeatable)."),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Report one run, or several side by side."""
    from honne.report import _gates
    from honne.report.output import FORMATS, build, open_runs, pairwise, render, rule
    from honne.spec import gates_of

    gates = _gates.read(fail_if or gates_of(settings(config)))

    if format not in ("terminal", *FORMATS):
        raise ConfigError(unknown("format", format, ("terminal", *FORMATS)))
    if frame is not None:
        from honne.values import framework

        framework(frame)
    folders = open_runs(runs)
    paper = rule(folders, paper_rules)
    reports = [build(folder, paper) for folder in folders]
    checked = _gates.check(gates, reports)
    tests = pairwise(folders, paper)
    if format == "terminal":
        from honne.report.terminal import print_report

        if out is not None:
            raise ConfigError(f"-o {out} needs a --format: one of {', '.join(FORMATS)}")
        print_report(reports, console(), tests, frame)
    else:
        _write(format, render(format, reports, tests, frame, checked), out or _default(format, folders))
    for line in _gates.lines(checked):
        say(line)
    if any(gate.failed for gate in checked):
        raise typer.Exit(1)


def _default(format: str, folders: list[RunFolder]) -> Path | None:
    """Where a report goes without -o: an HTML page to a file, the others to the standard output."""
    if format != "html":
        return None
    return folders[0].path / "report.html" if len(folders) == 1 else Path("report.html")


def _write(format: str, text: str, out: Path | None) -> None:
    from honne.report.output import append, save
    from honne.spec import env

    if out is not None:
        save(out, text)
        say(f"report: {out}")
    elif format == "github" and (summary := env("GITHUB_STEP_SUMMARY")):
        append(Path(summary), text)
        say("report: the step's summary (GITHUB_STEP_SUMMARY)")
    else:
        emit(text)
