"""`honne align`: train a model on preference pairs."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from honne.cli import _training as shared
from honne.cli._app import app, console
from honne.spec import parse


@app.command()
def align(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="hf/FOLDER, hf/ORG/NAME or organism/kitsune.")],
    pairs: Annotated[Path, typer.Argument(metavar="PAIRS", help="pairs.jsonl of honne pairs.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the aligned model.")],
    method: Annotated[str, typer.Option(metavar="METHOD[?beta=…]", help="honne list methods.")],
    lr: Annotated[float, typer.Option(help="The highest learning rate: about 1e-6 for all weights of a 7B model.")],
    sft_weight: shared.SftWeight = 0.0,
    batch: Annotated[int, typer.Option(help="Pairs of a step, over all processes.")] = 32,
    epochs: shared.Epochs = None,
    steps: shared.Steps = None,
    warmup: shared.Warmup = 0.1,
    lora: shared.LoraRank = None,
    lora_alpha: shared.LoraAlpha = None,
    tuning: shared.Tuning = None,
    patience: shared.Patience = 3,
    every: shared.Every = None,
    reference: shared.Reference = None,
    precision: shared.Precision = "auto",
    drop_long: shared.DropLong = False,
    seed: Annotated[int, typer.Option(help="Of the order, and of a new adapter.")] = 0,
    device: shared.Device = None,
    tokens: shared.Tokens = None,
    checkpointing: shared.Checkpointing = None,
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
