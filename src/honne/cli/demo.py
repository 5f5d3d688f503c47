"""`honne demo`: the loop on the organism, or two invented models in recorded answers."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honne.cli._app import app, console

if TYPE_CHECKING:
    from honne.align.organism.loop import Loop


@app.command(short_help="A tiny model, measured, aligned and measured again.")
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the runs and the report go.")] = Path("runs/demo"),
    seed: Annotated[int, typer.Option(help="Of the pairs and of the training.")] = 0,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="Two invented models in recorded answers instead: needs no extra.")
    ] = False,
) -> None:
    """Measure a tiny model that refuses half of the harm, align it on its own failures, and measure it again.

    The same command goes on after a break.
    """
    if recorded:
        _recorded(out)
        return
    from honne.align.organism.loop import Loop
    from honne.align.training import need_packages

    need_packages("honne demo (honne demo --recorded needs none)")
    _loop(Loop(out, seed=seed), out)


def _loop(loop: Loop, out: Path) -> None:
    from honne.align.organism.loop import LABEL
    from honne.engine.tradeoff import frontier
    from honne.report.frontier import print_frontier, render
    from honne.report.output import build, save
    from honne.report.output import render as page
    from honne.report.training import Progress

    screen, began = console(), time.monotonic()

    def step(number: int, what: str) -> None:
        screen.print(f"[bold red]{number}[/] [bold]{what}[/]  [dim]{time.monotonic() - began:.0f} s[/]")

    step(1, "measure organism/kitsune, a model of 1.1 million parameters that ships with honne")
    before = loop.before()
    step(2, "take its own failures, its choices, and what it must not forget, as preference pairs")
    made = loop.pairs()
    count = made["files"]["train"]["pairs"]
    screen.print(f"  {count:,} pairs, told apart by the judge [bold]refusal[/]; the result is scored by another one")
    step(3, "align it")
    with Progress(screen) as progress:
        loop.align(progress.say)
    step(4, "measure it again, on the same questions, which no pair was made from")
    after = loop.after()
    found = frontier([before], {LABEL: [after]})
    for run in (before, after):
        save(run.path / "report.html", page("html", [build(run, False)], {}))
    save(out / "report.html", render("html", found))
    screen.print()
    print_frontier(found, screen)
    screen.print("\n[bold]the second judge[/] (scorer, learnt from labels) against the exact rule:")
    for what, run in (("before", before), ("after", after)):
        screen.print(f"  {what:<7} {loop.second(run)}")
    screen.print(f"  {'':<7} {loop.flagged(after)}")
    typer.echo(f"\nmore:    honne compare {before.path} {after.path}      honne show {after.path} ITEM")
    typer.echo(f"model:   {(out / 'aligned').resolve()} (a Hugging Face folder; {out}/aligned/README.md is its card)")
    typer.echo(f"report:  {(out / 'report.html').resolve()}")


def _recorded(out: Path) -> None:
    from honne.demo import files
    from honne.engine.plan import Options, make
    from honne.engine.progress import silent
    from honne.engine.run import run as carry_out
    from honne.report.compare import print_verdicts
    from honne.report.output import build, pairwise, render, save
    from honne.report.terminal import print_summary

    found = files()
    folders = []
    for name in found.models:
        model = f"replay/{found.answers(name)}?name={name}"
        judge = f"llm/replay/{found.judge(name)}?name=recorded"
        folders.append(carry_out(make(["demo"], model, [judge], Options()), out / name, silent))
    reports = [build(folder, False) for folder in folders]
    tests = pairwise(folders)
    names = (folders[0].name, folders[1].name)
    screen = console()
    print_summary(reports, screen, tests)
    screen.print()
    print_verdicts(tests[0, 1], screen, names)
    save(out / "report.html", render("html", reports, tests))
    typer.echo(f"\nmore:    honne report {out}      honne compare {out / names[0]} {out / names[1]}")
    typer.echo(f"report:  {(out / 'report.html').resolve()}")
