"""`honne pairs`: preference pairs from runs, benchmarks and files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honne.cli._app import app, console


@app.command()
def pairs(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="own/RUN (or RUN), across/RUN,RUN, given/FILE, preferred/FILE, principle/RUN, choice/BENCHMARK, "
            "anchors/RUN; as=NAME gives its pairs a name of their own.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="FILE.jsonl; the record goes beside it, to FILE.json.")],
    attack: Annotated[
        list[str] | None, typer.Option(metavar="NAME[,NAME…]", help="Also the same answers to attacked prompts.")
    ] = None,
    length_balanced: Annotated[
        bool, typer.Option("--length-balanced", help="As many pairs whose longer side is chosen as others.")
    ] = False,
    mix: Annotated[
        str | None, typer.Option(metavar="NAME=SHARE,…", help="Shares of the sources, e.g. own=0.5,anchors=0.5.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(metavar="NAME=SHARE,…", help="Parts to hold out, e.g. tuning=0.1,test=0.1.")
    ] = None,
    by: Annotated[str, typer.Option(metavar="UNIT", help="What no two parts share: prompt or topic.")] = "prompt",
    limit: Annotated[int | None, typer.Option(help="At most so many pairs in all.")] = None,
    seed: Annotated[int, typer.Option(help="Of every draw, and of the order.")] = 0,
) -> None:
    """Make preference pairs, deduplicated, with where each comes from; nothing is overwritten."""
    from honne.align.pairs._make import Recipe, make
    from honne.align.pairs._select import Selection
    from honne.align.pairs._split import parse_shares
    from honne.engine.attacking import listed
    from honne.report.pairs import print_pairs

    shares = parse_shares(split, "--split") if split else {}
    mixed = parse_shares(mix, "--mix") if mix else {}
    selection = Selection(seed, length_balanced, mixed, shares, by, limit)
    record = make(Recipe(sources, listed(attack or []), selection), out)
    print_pairs(record, out, console())
