"""`honne align`: train a model on preference pairs."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from honne.cli._app import app, console
from honne.spec import parse


@app.command()
def align(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="hf/FOLDER, hf/ORG/NAME or organism/kitsune.")],
    pairs: Annotated[Path, typer.Argument(metavar="PAIRS", help="pairs.jsonl of honne pairs.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the aligned model.")],
    method: Annotated[str, typer.Option(metavar="METHOD[?beta=…]", help="honne list methods.")],
    lr: Annotated[float, typer.Option(help="The highest learning rate: about 1e-6 for all weights of a 7B model.")],
    sft_weight: Annotated[float, typer.Option(help="Times the NLL of the chosen answers, added to the loss.")] = 0.0,
    batch: Annotated[int, typer.Option(help="Pairs of a step, over all processes.")] = 32,
    epochs: Annotated[float | None, typer.Option(help="How often every pair is seen (1).")] = None,
    steps: Annotated[int | None, typer.Option(help="Instead of epochs.")] = None,
    warmup: Annotated[float, typer.Option(help="The share of the steps in which the learning rate rises.")] = 0.1,
    lora: Annotated[int | None, typer.Option(metavar="RANK", help="Train an adapter, not all weights.")] = None,
    lora_alpha: Annotated[float | None, typer.Option(help="The adapter's scale (2 × rank).")] = None,
    tuning: Annotated[
        Path | None, typer.Option(metavar="PAIRS", help="Pairs to stop on early; the best weights are kept.")
    ] = None,
    patience: Annotated[int, typer.Option(help="Measurements without a better one before the end; 0: never.")] = 3,
    every: Annotated[int | None, typer.Option(help="Steps between measurements (a tenth of all, at least 20).")] = None,
    reference: Annotated[str | None, typer.Option(metavar="MODEL", help="Another reference than MODEL itself.")] = None,
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    drop_long: Annotated[bool, typer.Option("--drop-long", help="Leave out pairs longer than the context.")] = False,
    seed: Annotated[int, typer.Option(help="Of the order, and of a new adapter.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu, where a GPU would be taken.")] = None,
    tokens: Annotated[int | None, typer.Option(help="The most tokens of one forward pass.")] = None,
    checkpointing: Annotated[
        bool | None,
        typer.Option("--checkpointing/--no-checkpointing", help="Compute activations twice, to save memory."),
    ] = None,
) -> None:
    """Train MODEL on preference pairs. The same command goes on after a break; nothing is overwritten."""
    from honne.align.training import Lora, Settings, asked, method_of, train
    from honne.report.training import Progress

    named, parameters = method_of(method)
    settings = Settings(
        model=parse(model),
        pairs=pairs,
        method=named,
        parameters=parameters,
        lr=lr,
        sft_weight=sft_weight,
        batch=batch,
        epochs=epochs,
        steps=steps,
        warmup=warmup,
        seed=seed,
        lora=None if lora is None else Lora(lora, 2.0 * lora if lora_alpha is None else lora_alpha),
        tuning=tuning,
        patience=patience,
        every=every,
        reference=None if reference is None else parse(reference),
        precision=precision,
        drop_long=drop_long,
        device=device,
        tokens=tokens,
        checkpointing=checkpointing,
    )
    with Progress(console()) as progress:
        train(settings, out, progress.say)
    if progress.ended:
        typer.echo(f"model:    {out.resolve()}")
        typer.echo(f"measure:  honne run … --model {quote(asked(settings, out))}")
