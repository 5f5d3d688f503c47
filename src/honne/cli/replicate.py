"""`honne replicate`: published tables, recomputed."""

from __future__ import annotations

from typing import Annotated

import typer

from honne.cli._app import app, console, emit, say
from honne.errors import ConfigError, DataError, unknown


@app.command()
def replicate(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE...]", help="e.g. xstest flames (default: all)")
    ] = None,
    format: Annotated[
        str, typer.Option("--format", "-f", help="terminal, md, json or csv.", metavar="FORMAT")
    ] = "terminal",
) -> None:
    """Published tables, recomputed from the published files. Exit 1 when a number is not equal."""
    from honne.replications._table import FORMATS, collect, print_found, render

    if format not in FORMATS:
        raise ConfigError(unknown("format", format, FORMATS))
    found = collect(sources or ())
    if not any(one.cells for one in found):
        raise DataError(f"nothing can be recomputed: {found[0].missing}")
    if format == "terminal":
        print_found(found, console())
    else:
        for one in found:
            if one.missing:
                say(f"{one.name}: not recomputed: {one.missing}")
        emit(render(format, found))
    if any(cell.equal is False for one in found for cell in one.cells):
        raise typer.Exit(1)
