"""`honne scorer`: learn a judge from labels, evaluate it, and show its card."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honne.cli import _scorer_eval
from honne.cli._app import app, console, say

if TYPE_CHECKING:
    from honne.scorer.data import Source
    from honne.scorer.learn import Lesson

scorer = typer.Typer(help="Learn a judge from labels, evaluate it, and show its card.", no_args_is_help=True)
app.add_typer(scorer, name="scorer")
scorer.command(name="eval")(_scorer_eval.evaluate)
scorer.command(name="card")(_scorer_eval.card)


@scorer.command()
def train(
    labelled: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN|FILE...",
            help="Runs with labels, or tables: prompt, answer, label, lang, and dimension or benchmark.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the scorer.")],
    judge: Annotated[
        str | None, typer.Option(metavar="KEY", help="Whose labels to learn from (default: people's, labels…).")
    ] = None,
    dimension: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="One head for all labels, for every benchmark with these labels."),
    ] = None,
    backbone: Annotated[
        str, typer.Option(metavar="light|MODEL", help="light: n-grams, no torch; else a Hugging Face model or folder.")
    ] = "light",
    lora: Annotated[
        int | None, typer.Option(metavar="RANK", help="Train an adapter of a large backbone, not all of it.", min=1)
    ] = None,
    hold_out: Annotated[
        float, typer.Option(metavar="SHARE", help="Keep back this share of the prompts, for honne scorer eval.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Of the folds and of the first weights.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would learn from, and stop.")] = False,
) -> None:
    """Learn from labels: one head for each dimension, held out by prompt, calibrated, used as --judge scorer/DIR."""
    from honne.errors import ConfigError
    from honne.report._text import clean
    from honne.scorer.card import Origin
    from honne.scorer.data import read
    from honne.scorer.learn import learn, lesson

    if not 0 <= hold_out <= 0.9:
        raise ConfigError(f"--hold-out {hold_out} is out of range: 0 to 0.9")
    if lora is not None and backbone == "light":
        raise ConfigError("--lora goes with a --backbone that is a Hugging Face model")
    sources = read(labelled, judge, dimension)
    what = lesson(sources, hold_out)
    _show(sources, what)
    if dry_run:
        return
    settings = None
    if backbone != "light":
        from honne.scorer.backbone import Settings

        settings = Settings(backbone, lora=lora, seed=seed)
    origins = [Origin(one.name, len(one.rows), ", ".join(one.judges)) for one in sources]
    about = learn(what, out, origins, seed=seed, backbone=settings, say=say)
    typer.echo(f"scorer:  {out.resolve()} ({clean(', '.join(about.heads))}; {about.digest})")
    typer.echo(f"judge:   honne judge RUN --judge scorer/{out}")
    typer.echo(f"card:    honne scorer card {out}")


def _show(sources: list[Source], what: Lesson) -> None:
    from rich.table import Table

    from honne.report._text import clean
    from honne.scorer.learn import counts, prompts

    for one in sources:
        left = ", ".join(f"{n:,} {why}" for why, n in one.left_out.items())
        by = f", labelled by {', '.join(one.judges)}" if one.judges else ""
        say(f"{one.name}: {len(one.rows):,} labelled answers{by}{f'; left out: {left}' if left else ''}")
    if what.kept_back:
        say(f"kept back for evaluation: {what.kept_back:,} answers")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("head", "labels", "answers", "prompts", "languages"):
        table.add_column(column, justify="right" if column in ("answers", "prompts") else "left")
    for name, rows in what.heads.items():
        given = ", ".join(f"{label} {n:,}" for label, n in counts(rows).items())
        langs = ", ".join(sorted({row.lang for row in rows}))
        table.add_row(clean(name), clean(given), f"{len(rows):,}", f"{prompts(rows):,}", clean(langs))
    console().print(table)
    for name, why in what.left_out.items():
        say(f"no head for {name}: {why}")
