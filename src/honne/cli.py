"""The commands. Each one reads its arguments, calls one room below, and prints.

Exit codes: 0 done; 1 done, and a gate failed; 2 wrong usage or input, or nothing could be asked; 3 stopped early and
resumable; 4 a bug.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honne._version import __version__
from honne.errors import ConfigError, unknown

if TYPE_CHECKING:
    from rich.console import Console

    from honne.spec import Config

app = typer.Typer(
    name="honne",
    help="Measure what a language model really values, and say how sure the number is.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
data = typer.Typer(help="The datasets of the benchmarks: list, fetch, find.", no_args_is_help=True)
app.add_typer(data, name="data")

Runs = Annotated[list[Path], typer.Argument(help="Run folders, or parents of run folders.", metavar="RUN...")]
PaperRules = Annotated[bool, typer.Option("--paper-rules", help="Count missing values as the source does.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", envvar="HONNE_CONFIG", help="honne.toml (default: found upward).")
]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"honne {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What holds for every command."""


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
    from honne.engine.plan import Options, make
    from honne.engine.progress import silent, visible
    from honne.engine.run import run as carry_out
    from honne.report.output import present
    from honne.spec import Defaults, slug

    settings = _settings(config)
    defaults = Defaults.of(settings)
    models = model or defaults.model
    if not models:
        raise ConfigError("name a model with --model provider/name, e.g. --model openai/gpt-4.1")
    options = Options(
        defaults.limit if limit is None else limit,
        defaults.samples if samples is None else samples,
        defaults.seed if seed is None else seed,
        paper_rules or defaults.paper_rules,
    )
    names, judges = benchmarks or defaults.benchmarks, judge or defaults.judge
    out = out or (Path(defaults.out) if defaults.out else None)
    plans = [make(names, text, judges, options, settings) for text in models]
    if dry_run:
        from honne.report.forecast import print_forecast

        for plan in plans:
            print_forecast(plan, _console())
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
            _say(f"note: {note}")
        done.append(carry_out(plan, folder, silent if quiet else visible))
    present(done, options.paper, _console())


@app.command()
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

    settings = _settings(config)
    plans = [make(folder, judge or [], settings) for folder in open_runs(runs)]
    done = []
    for plan in plans:
        for note in plan.notes:
            _say(f"note: {plan.run.name}: {note}" if len(plans) > 1 else f"note: {note}")
        done.append(rejudge(plan, silent if quiet else visible))
    present(done, paper_rules, _console())


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="JSONL, JSON, CSV, TSV or Parquet, also .gz.")],
    mapping: Annotated[
        list[str],
        typer.Option("--map", help="FIELD=COLUMN[,…]: prompt, response, model, label, label.NAME, category, …"),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Parent folder: one run per model below it.")],
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

    settings = _settings(config)
    built = build(benchmark, settings)[0] if benchmark else None
    found = read_import(
        file,
        mapping=mapping,
        model=model,
        label_map=label_map or [],
        joins=join or [],
        on=on or [],
        encoding=encoding,
        benchmark=built,
    )
    how = {"map": mapping, "label_map": label_map or [], "on": on or [], "encoding": encoding, "benchmark": benchmark}
    done, taken = [], set[str]()
    for one in found:
        name = slug(one.model)
        if name in taken:
            name += f"-{sha256(one.model.encode()).hexdigest()[:6]}"
        taken.add(name)
        shape = describe(one.benchmark)
        run = write(
            out / name,
            model=one.model,
            items=one.items,
            responses=one.responses,
            judgments=one.judgments,
            benchmark={**shape, "version": "import", "judges": {}},
            how={**how, "model": one.model, "sources": one.sources},
            notes=one.notes,
            paper=paper_rules,
        )
        done.append(run)
        judges = ", ".join(one.judgments) or "none"
        _say(f"{run.path}: {len(one.items)} items, {len(one.responses)} responses, judges: {judges}")
    for one in found:
        for note in one.notes:
            _say(f"note: {one.model}: {note}" if len(found) > 1 else f"note: {note}")
    present(done, paper_rules, _console())


@app.command()
def report(
    runs: Runs,
    format: Annotated[
        str, typer.Option("--format", "-f", help="terminal, html, md, json or csv.", metavar="FORMAT")
    ] = "terminal",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write (html: default RUN/report.html).")
    ] = None,
    paper_rules: PaperRules = False,
) -> None:
    """Report one run, or several side by side."""
    from honne.report.output import FORMATS, build, open_runs, pairwise, render, rule, save

    if format not in ("terminal", *FORMATS):
        raise ConfigError(unknown("format", format, ("terminal", *FORMATS)))
    folders = open_runs(runs)
    paper = rule(folders, paper_rules)
    reports = [build(folder, paper) for folder in folders]
    tests = pairwise(folders, paper)
    if format == "terminal":
        from honne.report.terminal import print_report

        if out is not None:
            raise ConfigError(f"-o {out} needs a --format: one of {', '.join(FORMATS)}")
        print_report(reports, _console(), tests)
        return
    text = render(format, reports, tests)
    if format == "html" and out is None:
        out = folders[0].path / "report.html" if len(folders) == 1 else Path("report.html")
    if out is None:
        _emit(text)
        return
    save(out, text)
    _say(f"report: {out}")


@app.command()
def compare(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B")],
    format: Annotated[str, typer.Option("--format", "-f", help="terminal, md or json.", metavar="FORMAT")] = "terminal",
    paper_rules: PaperRules = False,
) -> None:
    """Paired differences between two runs, corrected for many comparisons."""
    from honne.engine.store import open_run
    from honne.report.output import compare as compare_runs
    from honne.report.output import rule

    if format not in ("terminal", "md", "json"):
        raise ConfigError(unknown("format", format, ("terminal", "md", "json")))
    a, b = open_run(run_a), open_run(run_b)
    rows = compare_runs(a, b, rule([a, b], paper_rules))
    from honne.report import compare as page
    from honne.report._blocks import labels

    first, second = labels([a, b])
    if format == "terminal":
        page.print_compare(rows, _console(), (first, second))
    else:
        _emit(page.json(rows) if format == "json" else page.markdown(rows, (first, second)))


@app.command()
def show(
    run: Annotated[Path, typer.Argument(metavar="RUN")],
    item: Annotated[str, typer.Argument(metavar="ITEM", help="An item's id.")],
    format: Annotated[str, typer.Option("--format", "-f", help="terminal or json.", metavar="FORMAT")] = "terminal",
) -> None:
    """One item: its prompt, the answers, and each judge's verdict and raw reply."""
    from honne.engine.store import open_run
    from honne.report.show import find, item_json, show_item

    if format not in ("terminal", "json"):
        raise ConfigError(unknown("format", format, ("terminal", "json")))
    found = find(open_run(run), item)
    if format == "json":
        _emit(item_json(found))
    else:
        show_item(found, _console())


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Argument(help="benchmarks, models, judges, metrics or attacks.")] = None,
) -> None:
    """What is built in or installed."""
    from honne import plugins

    if kind is not None and kind not in plugins.KINDS:
        raise ConfigError(unknown("kind", kind, plugins.KINDS))
    for one in [kind] if kind else plugins.KINDS:
        typer.echo(f"{one}:")
        for name in plugins.names(one):
            typer.echo(f"  {name:<16} {plugins.summary(one, name)}".rstrip())


@data.command("list")
def data_list() -> None:
    """Every dataset file, where it comes from, and whether it is here."""
    from honne.data import catalogue, locate

    for source in catalogue():
        where = locate(source)
        state = (
            "not here" if where is None else f"{where.path}" + ("" if where.matches else "  (differs from upstream)")
        )
        typer.echo(
            f"{source.dataset}/{source.file}  {source.bytes:,} bytes  {source.licence}\n    {source.url}\n    {state}"
        )


@data.command("fetch")
def data_fetch(names: Annotated[list[str], typer.Argument(metavar="DATASET...")]) -> None:
    """Bring datasets into the user's cache, checked against their pinned sha256."""
    from honne.data import fetch, named

    for source in [s for name in names for s in named(name)]:
        typer.echo(f"{source.dataset}/{source.file}: {fetch(source)}")


@data.command("path")
def data_path(name: Annotated[str, typer.Argument(metavar="DATASET")]) -> None:
    """Where a dataset's files are."""
    from honne.data import named, resolve

    for source in named(name):
        typer.echo(str(resolve(source).path))


@app.command()
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
    console = _console()
    print_summary(reports, console, tests)
    console.print()
    print_verdicts(tests[0, 1], console, names)
    save(out / "report.html", render("html", reports, tests))
    typer.echo(f"\nmore:    honne report {out}      honne compare {out / names[0]} {out / names[1]}")
    typer.echo(f"report:  {(out / 'report.html').resolve()}")


# ------------------------------------------------------------------- helpers


def _settings(path: Path | None) -> Config:
    from honne.spec import load_config

    return load_config(path, commands=("run",))


def _console() -> Console:
    from rich.console import Console

    from honne.report._trim import Trim

    console = Console(soft_wrap=False, highlight=False)
    console.push_render_hook(Trim())
    return console


def _emit(text: str) -> None:
    """Text for another program: UTF-8, whatever the terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _say(text: str) -> None:
    """One line for the person at the terminal, out of the way of what is piped on."""
    typer.echo(text, err=True)
