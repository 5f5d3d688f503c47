"""`honne data`: list, fetch and find datasets."""

from __future__ import annotations

from typing import Annotated

import typer

from honne.cli._app import app

data = typer.Typer(help="The datasets of the benchmarks: list, fetch, find.", no_args_is_help=True)
app.add_typer(data, name="data")


@data.command("list")
def data_list() -> None:
    """Every dataset file, where it comes from, and whether it is here."""
    from honne.data import catalogue, locate

    for source in catalogue():
        where = locate(source)
        state = (
            "not here" if where is None else f"{where.path}" + ("" if where.matches else "  (differs from upstream)")
        )
        typer.echo(
            f"{source.dataset}/{source.file}  {source.bytes:,} bytes  {source.licence}\n    {source.url}\n    {state}"
        )


@data.command("fetch", short_help="Bring datasets into the cache, checked by sha256.")
def data_fetch(names: Annotated[list[str], typer.Argument(metavar="DATASET...")]) -> None:
    """Bring datasets into the user's cache, checked against their pinned sha256."""
    from honne.data import fetch, named

    for source in [s for name in names for s in named(name)]:
        where = fetch(source) if source.url else "not published as one file: put a copy into HONNE_DATA"
        typer.echo(f"{source.dataset}/{source.file}: {where}")


@data.command("path")
def data_path(name: Annotated[str, typer.Argument(metavar="DATASET")]) -> None:
    """Where a dataset's files are."""
    from honne.data import named, resolve

    for source in named(name):
        typer.echo(str(resolve(source).path))
