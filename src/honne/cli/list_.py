"""`honne list`: what is built in or installed."""

from __future__ import annotations

from typing import Annotated

import typer

from honne.cli._app import app
from honne.errors import ConfigError, unknown


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Argument(help="benchmarks, models, judges, metrics or attacks.")] = None,
) -> None:
    """What is built in or installed."""
    from honne import plugins

    if kind is not None and kind not in plugins.KINDS:
        raise ConfigError(unknown("kind", kind, plugins.KINDS))
    for one in [kind] if kind else plugins.KINDS:
        typer.echo(f"{one}:")
        for name in plugins.names(one):
            typer.echo(f"  {name:<16} {plugins.summary(one, name)}".rstrip())
