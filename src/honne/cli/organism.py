"""`honne organism`: rebuild the tiny model that ships with honne, and write its card."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from honne.cli._app import app

organism = typer.Typer(help="The tiny model that ships with honne: rebuild it, write its card.", no_args_is_help=True)
app.add_typer(organism, name="organism")

_EVERY = 500  # steps between two lines where the output is no terminal


@organism.command()
def train(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the model.")] = Path("runs/kitsune"),
    seed: Annotated[int, typer.Option(help="Of the text, the order and the first weights.")] = 0,
    steps: Annotated[int | None, typer.Option(help="Fewer for a try; the recipe's own otherwise.", min=1)] = None,
) -> None:
    """Train it from nothing on text written for honne. The same command goes on after a break."""
    from dataclasses import replace

    from honne.align.organism.train import Recipe
    from honne.align.organism.train import train as carry_out

    recipe = Recipe(seed=seed)
    if steps is not None:
        recipe = replace(recipe, steps=steps)
    live = sys.stderr.isatty()

    def say(step: int, loss: float, tokens: int, seconds: float) -> None:
        left = seconds / step * (recipe.steps - step)
        clock = f"{seconds / 60:.1f} min, {left / 60:.1f} min to go"
        line = f"step {step}/{recipe.steps}  loss {loss:.3f}  {tokens:,} tokens  {clock}"
        if live:
            typer.echo(f"\r{line}  ", nl=step == recipe.steps, err=True)
        elif step % _EVERY == 0 or step == recipe.steps:
            typer.echo(line, err=True)

    carry_out(out, recipe, say)
    typer.echo(f"model:    {out.resolve()}")
    typer.echo(f"measure:  honne run organism --model 'organism/kitsune?path={out}' -o {out}-run")
    typer.echo(f"card:     honne organism card {out}-run -o {out}")


@organism.command()
def card(
    run: Annotated[Path, typer.Argument(help="A finished run of the benchmark organism.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the model that was measured.")],
) -> None:
    """Write the card (README.md) and the truth table (truth.json) of a trained organism from a run."""
    from honne.align.organism.card import write

    rows = write(run, out)
    typer.echo(f"{out / 'README.md'}: {len(rows)} numbers")
