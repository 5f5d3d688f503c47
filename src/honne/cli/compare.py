"""`honne compare`: paired differences between two runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honne.cli._app import PaperRules, app, console, emit, say
from honne.errors import ConfigError, unknown


@app.command(short_help="Paired differences between two runs, corrected.")
def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B")],
    format: Annotated[str, typer.Option("--format", "-f", help="terminal, md or json.", metavar="FORMAT")] = "terminal",
    paper_rules: PaperRules = False,
) -> None:
    """Paired differences between two runs, corrected for many comparisons."""
    from honne.engine.store import open_run
    from honne.report.output import compare as compare_runs
    from honne.report.output import rule, uncalibrated

    if format not in ("terminal", "md", "json"):
        raise ConfigError(unknown("format", format, ("terminal", "md", "json")))
    a, b = open_run(run_a), open_run(run_b)
    rows = compare_runs(a, b, rule([a, b], paper_rules))
    for name in uncalibrated([a, b]):
        say(f"note: {name} has no calibration of its own: corrected numbers are compared where both runs have one")
    from honne.report import compare as page
    from honne.report._blocks import labels

    first, second = labels([a, b])
    if format == "terminal":
        page.print_compare(rows, console(), (first, second))
    else:
        emit(page.json(rows) if format == "json" else page.markdown(rows, (first, second)))
