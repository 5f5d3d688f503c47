"""`honne judge`: judge the answers of runs that exist, by further judges."""

from __future__ import annotations

from typing import Annotated

import typer

from honne.cli._app import ConfigFile, PaperRules, Runs, app, console, say, settings


@app.command(short_help="Judge the answers of runs that exist by further judges.")
def judge(
    runs: Runs,
    judge: Annotated[
        list[str] | None,
        typer.Option(
            "--judge",
            "-j",
            metavar="SPEC",
            envvar="HONNE_JUDGE",
            help="e.g. llm/openai/gpt-4.1, refusal, or panel: the majority of the others (repeatable)",
        ),
    ] = None,
    paper_rules: PaperRules = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    config: ConfigFile = None,
) -> None:
    """Judge the answers of runs that exist, beside the judges they have. The model is not asked.

    The same command again finishes what is missing and pays for nothing twice.
    """
    from honne.engine.progress import silent, visible
    from honne.engine.rejudge import make, rejudge
    from honne.report.output import open_runs, present

    chosen = settings(config)
    plans = [make(folder, judge or [], chosen) for folder in open_runs(runs)]
    done = []
    for plan in plans:
        for note in plan.notes:
            say(f"note: {plan.run.name}: {note}" if len(plans) > 1 else f"note: {note}")
        done.append(rejudge(plan, silent if quiet else visible))
    present(done, paper_rules, console())
