"""`honne show`: one item, its answers and verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honne.cli._app import app, console, emit
from honne.errors import ConfigError, unknown


@app.command(short_help="One item: its prompt, the answers, each judge's verdict.")
def show(
    run: Annotated[Path, typer.Argument(metavar="RUN")],
    item: Annotated[str, typer.Argument(metavar="ITEM", help="An item's id.")],
    format: Annotated[str, typer.Option("--format", "-f", help="terminal or json.", metavar="FORMAT")] = "terminal",
) -> None:
    """One item: its prompt, the answers, and each judge's verdict and raw reply."""
    from honne.engine.store import open_run
    from honne.report.show import find, item_json, show_item

    if format not in ("terminal", "json"):
        raise ConfigError(unknown("format", format, ("terminal", "json")))
    found = find(open_run(run), item)
    if format == "json":
        emit(item_json(found))
    else:
        show_item(found, console())
