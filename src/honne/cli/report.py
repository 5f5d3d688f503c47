"""`honne report`: one run, or several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honne.cli._app import PaperRules, Runs, app, console, emit, say
from honne.errors import ConfigError, unknown


@app.command()
def report(
    runs: Runs,
    format: Annotated[
        str, typer.Option("--format", "-f", help="terminal, html, md, json or csv.", metavar="FORMAT")
    ] = "terminal",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write (html: default RUN/report.html).")
    ] = None,
    frame: Annotated[
        str | None, typer.Option("--frame", help="Read the results in a value frame: see honne list values.")
    ] = None,
    paper_rules: PaperRules = False,
) -> None:
    """Report one run, or several side by side."""
    from honne.report.output import FORMATS, build, open_runs, pairwise, render, rule, save

    if format not in ("terminal", *FORMATS):
        raise ConfigError(unknown("format", format, ("terminal", *FORMATS)))
    if frame is not None:
        from honne.values import framework

        framework(frame)
    folders = open_runs(runs)
    paper = rule(folders, paper_rules)
    reports = [build(folder, paper) for folder in folders]
    tests = pairwise(folders, paper)
    if format == "terminal":
        from honne.report.terminal import print_report

        if out is not None:
            raise ConfigError(f"-o {out} needs a --format: one of {', '.join(FORMATS)}")
        print_report(reports, console(), tests, frame)
        return
    text = render(format, reports, tests, frame)
    if format == "html" and out is None:
        out = folders[0].path / "report.html" if len(folders) == 1 else Path("report.html")
    if out is None:
        emit(text)
        return
    save(out, text)
    say(f"report: {out}")
