"""The options that `honne align` and `honne sweep` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SftWeight = Annotated[float, typer.Option(help="Times the NLL of the chosen answers, added to the loss.")]
Epochs = Annotated[float | None, typer.Option(help="How often every pair is seen (1).")]
Steps = Annotated[int | None, typer.Option(help="Instead of epochs.")]
Warmup = Annotated[float, typer.Option(help="The share of the steps in which the learning rate rises.")]
LoraRank = Annotated[int | None, typer.Option(metavar="RANK", help="Train an adapter, not all weights.")]
LoraAlpha = Annotated[float | None, typer.Option(help="The adapter's scale (2 × rank).")]
Tuning = Annotated[
    Path | None, typer.Option(metavar="PAIRS", help="Pairs to stop on early; the best weights are kept.")
]
Patience = Annotated[int, typer.Option(help="Measurements without a better one before the end; 0: never.")]
Every = Annotated[int | None, typer.Option(help="Steps between measurements (a tenth of all, at least 20).")]
Reference = Annotated[str | None, typer.Option(metavar="MODEL", help="Another reference than MODEL itself.")]
Precision = Annotated[str, typer.Option(help="auto, float32 or bfloat16.")]
DropLong = Annotated[bool, typer.Option("--drop-long", help="Leave out pairs longer than the context.")]
Device = Annotated[str | None, typer.Option(help="cpu, where a GPU would be taken.")]
Tokens = Annotated[int | None, typer.Option(help="The most tokens of one forward pass.")]
Checkpointing = Annotated[
    bool | None,
    typer.Option("--checkpointing/--no-checkpointing", help="Compute activations twice, to save memory."),
]
