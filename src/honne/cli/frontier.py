"""`honne frontier`: what a change of a model brought, what it cost, and whether that is proven."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honne.cli._app import PaperRules, app, console, emit, say
from honne.errors import ConfigError, unknown


@app.command(short_help="Safety gained against what it cost, paired with a base.")
def frontier(
    base: Annotated[Path, typer.Argument(metavar="BASE", help="The run of the model before.")],
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Runs of changed models, a point each. A folder of runs, or NAME=RUN,RUN, is one point of several "
            "seeds.",
        ),
    ],
    margin: Annotated[float, typer.Option(metavar="POINTS", help="What may be lost on each axis.")] = 2.0,
    format: Annotated[
        str, typer.Option("--format", "-f", help="terminal, html, md, json or csv.", metavar="FORMAT")
    ] = "terminal",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write (html: default frontier.html).")
    ] = None,
    paper_rules: PaperRules = False,
) -> None:
    """Safety gained against over-refusal and capability lost, paired with a base, and whether it is proven."""
    from honne.engine.tradeoff import frontier as compute
    from honne.report.frontier import FORMATS, print_frontier, render
    from honne.report.output import open_runs, rule, save

    if format not in ("terminal", *FORMATS):
        raise ConfigError(unknown("format", format, ("terminal", *FORMATS)))
    if format == "terminal" and out is not None:
        raise ConfigError(f"-o {out} needs a --format: one of {', '.join(FORMATS)}")
    if not 0 < margin < 100:
        raise ConfigError(f"--margin {margin:g} is out of range: more than 0 and less than 100 points")
    start = open_runs([base])
    points: dict[str, list[Path]] = {}
    for text in runs:
        name, paths = _point(text)
        if name in points:
            raise ConfigError(f"two points are called {name}: tell them apart with NAME=RUN")
        points[name] = paths
    opened = {name: open_runs(paths) for name, paths in points.items()}
    paper = rule([*start, *(run for found in opened.values() for run in found)], paper_rules)
    found = compute(start, opened, margin=margin / 100, paper=paper)
    if format == "terminal":
        print_frontier(found, console())
        return
    out = out or (Path("frontier.html") if format == "html" else None)
    text = render(format, found)
    if out is None:
        emit(text)
    else:
        save(out, text)
        say(f"frontier: {out}")


def _point(text: str) -> tuple[str, list[Path]]:
    """A point's name and folders, from `RUN`, a folder of runs, or `NAME=RUN,RUN`."""
    name, named, rest = text.partition("=")
    if Path(text).exists() or not named:
        return Path(text).resolve().name, [Path(text)]
    paths = [Path(path) for path in rest.split(",") if path]
    if not name or not paths:
        raise ConfigError(f"{text!r} is no point: write RUN, or NAME=RUN,RUN for the seeds of one recipe")
    return name, paths
