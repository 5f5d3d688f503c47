"""`honne import`: answers and labels that exist already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honne.cli._app import ConfigFile, PaperRules, app, console, say, settings


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="JSONL, JSON, CSV, TSV, Parquet, or a log of Inspect AI or lm-evaluation-harness.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Parent folder: one run per model below it.")],
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="FIELD=COLUMN[,…]: prompt, response, model, label, label.NAME, category, …"),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="The model's name, where no column has it.")
    ] = None,
    label_map: Annotated[
        list[str] | None, typer.Option("--label-map", help="VALUE=LABEL[,…], e.g. 1=safe,0=unsafe")
    ] = None,
    join: Annotated[list[Path] | None, typer.Option("--join", help="A file with more columns (repeatable).")] = None,
    on: Annotated[list[str] | None, typer.Option("--on", help="Join on id or prompt.")] = None,
    encoding: Annotated[str | None, typer.Option(help="When the file is not UTF-8, e.g. gb18030.")] = None,
    benchmark: Annotated[
        str | None, typer.Option("--benchmark", "-b", help="Take metrics, labels and categories from it.")
    ] = None,
    paper_rules: PaperRules = False,
    config: ConfigFile = None,
) -> None:
    """Turn answers and labels that exist already into run folders."""
    from hashlib import sha256

    from honne.engine.imported import write
    from honne.engine.plan import benchmark as build
    from honne.engine.plan import describe
    from honne.importers import read_import
    from honne.report.output import present
    from honne.spec import slug

    config_toml = settings(config)
    built = build(benchmark, config_toml)[0] if benchmark else None
    found = read_import(
        file,
        mapping=mapping or [],
        model=model,
        label_map=label_map or [],
        joins=join or [],
        on=on or [],
        encoding=encoding,
        benchmark=built,
    )
    how = {
        "map": mapping or [],
        "label_map": label_map or [],
        "on": on or [],
        "encoding": encoding,
        "benchmark": benchmark,
    }
    done, taken = [], set[str]()
    for one in found:
        name = slug(one.model)
        if name in taken:
            name += f"-{sha256(one.model.encode()).hexdigest()[:6]}"
        taken.add(name)
        run = write(
            out / name,
            model=one.model,
            items=one.items,
            responses=one.responses,
            judgments=one.judgments,
            benchmarks=[{**describe(b), "version": "import", "judges": {}} for b in one.benchmarks],
            how={**how, "model": one.model, "sources": one.sources},
            notes=one.notes,
            paper=paper_rules,
        )
        done.append(run)
        judges = ", ".join(one.judgments) or "none"
        say(f"{run.path}: {len(one.items)} items, {len(one.responses)} responses, judges: {judges}")
    for one in found:
        for note in one.notes:
            say(f"note: {one.model}: {note}" if len(found) > 1 else f"note: {note}")
    present(done, paper_rules, console())
