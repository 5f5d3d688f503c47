"""`honne sweep`: many methods from one start on one or several sets of pairs, measured; one recommended by a rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
    sft_weight: Annotated[float, typer.Option(help="Times the NLL of the chosen answers, added to the loss.")] = 0.0,
    batch: Annotated[int, typer.Option(help="Pairs of a step.")] = 32,
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
    device: Annotated[str | None, typer.Option(help="cpu, where a GPU would be taken.")] = None,
    tokens: Annotated[int | None, typer.Option(help="The most tokens of one forward pass.")] = None,
    checkpointing: Annotated[
        bool | None,
        typer.Option("--checkpointing/--no-checkpointing", help="Compute activations twice, to save memory."),
    ] = None,
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
    shared = Settings(
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
        settings=shared,
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
