"""`honne demo`: the whole pipeline on two invented models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honne.cli._app import app, console


@app.command(short_help="Two invented models, through the real pipeline.")
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the runs and the report go.")] = Path("runs/demo"),
) -> None:
    """Two invented models, one of them aligned only on the surface, through the real pipeline."""
    from honne.demo import files
    from honne.engine.plan import Options, make
    from honne.engine.progress import silent
    from honne.engine.run import run as carry_out
    from honne.report.compare import print_verdicts
    from honne.report.output import build, pairwise, render, save
    from honne.report.terminal import print_summary

    recorded = files()
    folders = []
    for name in recorded.models:
        model = f"replay/{recorded.answers(name)}?name={name}"
        judge = f"llm/replay/{recorded.judge(name)}?name=recorded"
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
