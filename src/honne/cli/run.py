"""`honne run`: ask, judge, estimate, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honne.cli._app import ConfigFile, PaperRules, app, console, say, settings
from honne.errors import ConfigError


@app.command()
def run(
    benchmarks: Annotated[
        list[str] | None, typer.Argument(metavar="BENCHMARK...", help="e.g. flames fine xstest")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", metavar="SPEC", envvar="HONNE_MODEL", help="e.g. openai/gpt-4.1"),
    ] = None,
    judge: Annotated[
        list[str] | None,
        typer.Option(
            "--judge", "-j", metavar="SPEC", envvar="HONNE_JUDGE", help="e.g. llm/openai/gpt-4.1 (repeatable)"
        ),
    ] = None,
    attack: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[,NAME…]", envvar="HONNE_ATTACK", help="Ask open items under these attacks, too."),
    ] = None,
    translator: Annotated[
        str | None,
        typer.Option(metavar="SPEC", envvar="HONNE_TRANSLATOR", help="The model for --attack translate:LANG."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", envvar="HONNE_OUT", help="Run folder; with several models their parent."),
    ] = None,
    limit: Annotated[int | None, typer.Option(envvar="HONNE_LIMIT", help="Groups per benchmark.")] = None,
    samples: Annotated[int | None, typer.Option(envvar="HONNE_SAMPLES", help="Answers per item (default 1).")] = None,
    seed: Annotated[
        int | None, typer.Option(envvar="HONNE_SEED", help="Of generators and --limit (default 0).")
    ] = None,
    paper_rules: PaperRules = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show requests, tokens, cost and the first prompt.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    config: ConfigFile = None,
) -> None:
    """Ask a model, judge its answers, estimate and report. The same command again finishes what is missing."""
    from honne.engine.attacking import listed
    from honne.engine.plan import Options, make
    from honne.engine.progress import silent, visible
    from honne.engine.run import run as carry_out
    from honne.report.output import present
    from honne.spec import Defaults, slug

    config_toml = settings(config)
    defaults = Defaults.of(config_toml)
    models = model or defaults.model
    if not models:
        raise ConfigError("name a model with --model provider/name, e.g. --model openai/gpt-4.1")
    options = Options(
        defaults.limit if limit is None else limit,
        defaults.samples if samples is None else samples,
        defaults.seed if seed is None else seed,
        paper_rules or defaults.paper_rules,
        listed(attack or defaults.attack),
        translator or defaults.translator,
    )
    names, judges = benchmarks or defaults.benchmarks, judge or defaults.judge
    out = out or (Path(defaults.out) if defaults.out else None)
    plans = [make(names, text, judges, options, config_toml) for text in models]
    if dry_run:
        from honne.report.forecast import print_forecast

        for plan in plans:
            print_forecast(plan, console())
        return
    if out is None or len(plans) == 1:
        folders = [out or plan.default_folder for plan in plans]
    else:
        folders = [out / slug(plan.model.name) for plan in plans]
        if len(set(folders)) < len(folders):
            # Two set-ups of one model: the folder's name tells them apart, as it does without -o.
            folders = [out / plan.default_folder.name for plan in plans]
    if len(set(folders)) < len(folders):
        raise ConfigError("two models would share one run folder: run them one by one, each with its own -o")
    done = []
    for plan, folder in zip(plans, folders, strict=True):
        for note in plan.notes:
            say(f"note: {note}")
        done.append(carry_out(plan, folder, silent if quiet else visible))
    present(done, options.paper, console())
