"""`honne export`: a run as rows for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from honne.cli._app import PaperRules, Runs, app, say
from honne.errors import ConfigError, unknown


@app.command()
def export(
    runs: Runs,
    format: Annotated[str, typer.Option("--format", "-f", help="jsonl, csv, parquet or hf.", metavar="FORMAT")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File, or folder for hf (jsonl, csv: default the standard output)."),
    ] = None,
    what: Annotated[
        str, typer.Option("--what", help="rows, items, responses, judgments or estimates.", metavar="TABLE")
    ] = "rows",
    paper_rules: PaperRules = False,
) -> None:
    """Write a run as rows: one per item, sample and judgment."""
    from honne.engine.export import KINDS
    from honne.report.export import FORMATS, save, stream
    from honne.report.output import open_runs, rule

    if format not in FORMATS:
        raise ConfigError(unknown("format", format, FORMATS))
    if what not in KINDS:
        raise ConfigError(unknown("table", what, KINDS))
    folders = open_runs(runs)
    paper = rule(folders, paper_rules)
    if out is None:
        sys.stdout.flush()
        stream(folders, what, format, sys.stdout.buffer, paper)
        sys.stdout.buffer.flush()
        return
    n = save(folders, what, format, out, paper)
    for folder in folders:
        for line in dict.fromkeys(folder.damage):
            say(f"note: {folder.name}: {line}")
    say(f"export: {n:,} {'rows' if what == 'rows' else what} in {out}")
