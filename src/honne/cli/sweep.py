"""`honne sweep`: many methods from one start on one or several sets of pairs, measured; one recommended by a rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honne.cli import _training as shared
from honne.cli._app import ConfigFile, app, console, say, settings


@app.command()
def sweep(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="hf/FOLDER, hf/ORG/NAME or organism/kitsune.")],
    pairs: Annotated[
        list[Path],
        typer.Argument(metavar="PAIRS...", help="pairs.jsonl of honne pairs; of several, each is tried."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder of the sweep.")],
    methods: Annotated[
        str, typer.Option(metavar="METHOD[?beta=…],…", help="all (the ten and sft) or names of honne list methods.")
    ],
    lr: Annotated[float, typer.Option(help="The highest learning rate: about 1e-6 for all weights of a 7B model.")],
    tune_on: Annotated[
        list[str], typer.Option(metavar="BENCHMARK", help="What is chosen by, e.g. organism?split=tune (repeatable).")
    ],
    test_on: Annotated[
        list[str], typer.Option(metavar="BENCHMARK", help="What the chosen one is tested on, once (repeatable).")
    ],
    grid: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE,…", help="Of methods, or lr, sft-weight (repeatable).")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Trainings of each configuration.")] = 1,
    judge: Annotated[
        list[str] | None, typer.Option("--judge", "-j", metavar="SPEC", help="As in honne run (repeatable).")
    ] = None,
    attack: Annotated[
        list[str] | None, typer.Option(metavar="NAME[,NAME…]", help="Ask open items under these attacks, too.")
    ] = None,
    translator: Annotated[
        str | None, typer.Option(metavar="SPEC", help="The model for --attack translate:LANG.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Groups per benchmark.")] = None,
    allow_same_judge: Annotated[
        bool, typer.Option("--allow-same-judge", help="Let a judge that built the pairs score; it is recorded.")
    ] = False,
    margin: Annotated[float, typer.Option(metavar="POINTS", help="What may be lost on each axis.")] = 2.0,
    sft_weight: shared.SftWeight = 0.0,
    batch: Annotated[int, typer.Option(help="Pairs of a step.")] = 32,
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
    device: shared.Device = None,
    tokens: shared.Tokens = None,
    checkpointing: shared.Checkpointing = None,
    config: ConfigFile = None,
) -> None:
    """Train MODEL with many methods, measure each, recommend one by a rule. The same command goes on after a break."""
    from honne.align.sweep import Exam, Wanted, on_each, recipes
    from honne.align.sweep import sweep as carry_out
    from honne.align.training import Lora, Settings
    from honne.engine.attacking import listed
    from honne.engine.plan import Options
    from honne.report._sweep_progress import Watching
    from honne.report.output import save
    from honne.report.sweep import print_sweep, render
    from honne.spec import parse

    tried = on_each(recipes(methods, grid or [], lr, sft_weight), pairs)
    common = Settings(
        model=parse(model),
        pairs=pairs[0],
        method=tried[0].method,
        lr=lr,
        batch=batch,
        epochs=epochs,
        steps=steps,
        warmup=warmup,
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
    options = Options(limit=limit, attacks=listed(attack or []), translator=translator)
    judges, toml = judge or [], settings(config)
    wanted = Wanted(
        settings=common,
        recipes=tried,
        seeds=seeds,
        tune=Exam("--tune-on", tune_on, judges, options, toml),
        test=Exam("--test-on", test_on, judges, options, toml),
        margin=margin / 100,
        allow_same_judge=allow_same_judge,
    )
    with Watching(console()) as watching:
        found = carry_out(wanted, out, watching.say, watching.asking)
    print_sweep(found, console())
    save(out / "sweep.html", render(found))
    say(f"sweep: {out / 'sweep.json'}, {out / 'sweep.html'}")
