"""`honne audit`: a judge's own failures, on pairs of answers that differ in one thing only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honne.cli._app import ConfigFile, app, console, say, settings


@app.command(short_help="What sways a judge: answers changed in one thing.")
def audit(
    judge: Annotated[str, typer.Argument(metavar="JUDGE", help="As for --judge, e.g. llm/openai/gpt-4.1 or refusal.")],
    benchmark: Annotated[
        str | None, typer.Option(metavar="NAME", help="Judge the shipped answers by this benchmark's criteria.")
    ] = None,
    on: Annotated[
        list[Path] | None, typer.Option("--on", metavar="RUN", help="Change the answers of this run (repeatable).")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Groups of base answers (of --on: 50 a benchmark unless given).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder of the audit (default: runs/audit-…).")
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", metavar="EXPR", help="Exit 1 if it holds: 'flip_rate[apology].low > 0.05'."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    config: ConfigFile = None,
) -> None:
    """Measure how often a judge's verdict flips where an answer changes in one thing that should not matter.

    The same command again finishes what is missing and pays for nothing twice.
    """
    from honne.audit.carry import AGREED, carry_out, expected, make
    from honne.engine.progress import silent, visible
    from honne.report import _gates, audit_page
    from honne.report.audit import build, json, markdown, print_audit
    from honne.report.output import build as report_of
    from honne.report.output import open_runs, save

    gates = _gates.read(fail_if or [])
    plan = make(judge, benchmark, open_runs(on or []), limit, settings(config))
    folder = out or plan.default_folder
    _gates.check_names(gates, folder.resolve().name, expected(plan, folder.resolve().name), AGREED)
    for note in plan.notes:
        say(f"note: {note}")
    say(f"audit: {len(plan.pairs):,} answers to judge, by {plan.judge}")
    run = carry_out(plan, folder, silent if quiet else visible)
    found = build(run)
    for name, text in (("html", audit_page.render(found)), ("md", markdown(found)), ("json", json(found))):
        save(folder / f"audit.{name}", text)
    for one in found:
        print_audit(one, console())
    say(f"audit: {folder / 'audit.html'}")
    checked = _gates.check(gates, [report_of(run, False)])
    for line in _gates.lines(checked):
        say(line)
    if any(gate.failed for gate in checked):
        raise typer.Exit(1)
