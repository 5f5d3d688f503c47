"""The commands. Each one reads its arguments, calls one room below, and prints.

Exit codes: 0 done; 1 done, and a gate failed; 2 wrong usage or input, or nothing could be asked; 3 stopped early and
resumable; 4 a bug.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honne.errors import ConfigError, HonneError, unknown

if TYPE_CHECKING:
    from rich.console import Console

    from honne.engine.store import RunFolder
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
    from honne.spec import slug

    settings = _settings(config)
    defaults = settings.commands.get("run", {})
    names = benchmarks or _listed(defaults, "benchmarks")
    models = model or _listed(defaults, "model")
    if not models:
        raise ConfigError("name a model with --model provider/name, e.g. --model openai/gpt-4.1")
    options = Options(
        _int(limit, defaults, "limit"),
        _int(samples, defaults, "samples") or 1,
        _int(seed, defaults, "seed") or 0,
        paper_rules or bool(defaults.get("paper_rules", False)),
    )
    judges = judge or _listed(defaults, "judge")
    out = out or (Path(defaults["out"]) if "out" in defaults else None)
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
        raise ConfigError("two models would share one run folder: run them one by one, each with its own -o")
    done = []
    for plan, folder in zip(plans, folders, strict=True):
        for note in plan.notes:
            _say(f"note: {note}")
        done.append(carry_out(plan, folder, silent if quiet else visible))
    _print_runs(done, options.paper)


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
    from honne.engine.imported import write
    from honne.engine.plan import benchmark as build
    from honne.engine.plan import describe
    from honne.importers import read_import
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
        while name in taken:
            name += "-2"
        taken.add(name)
        shape = describe(one.benchmark)
        run = write(
            out / name,
            model=one.model,
            items=one.items,
            responses=one.responses,
            judgments=one.judgments,
            benchmark={**shape, "version": "import", "judges": {}},
            how={**how, "sources": one.sources},
            notes=one.notes,
            paper=paper_rules,
        )
        done.append(run)
        judges = ", ".join(one.judgments) or "none"
        _say(f"{run.path}: {len(one.items)} items, {len(one.responses)} responses, judges: {judges}")
    for note in dict.fromkeys(n for one in found for n in one.notes):
        _say(f"note: {note}")
    _print_runs(done, paper_rules)


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
    from honne.report.output import FORMATS, pairwise, render

    if format not in ("terminal", *FORMATS):
        raise ConfigError(unknown("format", format, ("terminal", *FORMATS)))
    folders = _runs(runs)
    reports = [_build(folder, paper_rules) for folder in folders]
    tests = pairwise(folders, paper_rules)
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
        sys.stdout.write(text)
        return
    _write(out, text)
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

    if format not in ("terminal", "md", "json"):
        raise ConfigError(unknown("format", format, ("terminal", "md", "json")))
    a, b = open_run(run_a), open_run(run_b)
    rows = compare_runs(a, b, paper_rules)
    from honne.report import compare as page
    from honne.report._blocks import labels

    first, second = labels([a, b])
    if format == "terminal":
        page.print_compare(rows, _console(), (first, second))
    else:
        sys.stdout.write(page.json(rows) if format == "json" else page.markdown(rows, (first, second)))


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
        sys.stdout.write(item_json(found))
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
            typer.echo(f"  {name:<16} {_title(one, name)}".rstrip())


def _title(kind: str, name: str) -> str:
    from honne import plugins

    found = plugins.load(kind, name)
    text = getattr(found, "title", None) or sys.modules[found.__module__].__doc__ or ""
    return str(text).strip().partition("\n")[0]


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
    from honne.report.output import pairwise, render
    from honne.report.terminal import print_summary

    recorded = files()
    folders = []
    for name in recorded.models:
        model = f"replay/{recorded.answers(name)}?name={name}"
        judge = f"llm/replay/{recorded.judge(name)}?name=recorded"
        folders.append(carry_out(make(["demo"], model, [judge], Options()), out / name, silent))
    reports = [_build(folder, False) for folder in folders]
    tests = pairwise(folders)
    names = (folders[0].name, folders[1].name)
    console = _console()
    print_summary(reports, console, tests)
    console.print()
    print_verdicts(tests[0, 1], console, names)
    _write(out / "report.html", render("html", reports, tests))
    typer.echo(f"\nmore:    honne report {out}      honne compare {out / names[0]} {out / names[1]}")
    typer.echo(f"report:  {(out / 'report.html').resolve()}")


# ------------------------------------------------------------------- helpers


def _settings(path: Path | None) -> Config:
    from honne.spec import load_config

    return load_config(path, commands=("run",))


def _listed(defaults: Any, key: str) -> list[str]:
    value = defaults.get(key, [])
    return [value] if isinstance(value, str) else list(value)


def _int(given: int | None, defaults: Any, key: str) -> int | None:
    value = defaults.get(key) if given is None else given
    if value is not None and not isinstance(value, int):
        raise ConfigError(f"honne.toml: [run] {key} = {value!r} must be a whole number")
    return value


def _runs(paths: list[Path]) -> list[RunFolder]:
    """Run folders, where a folder that is not one but holds some stands for those."""
    from honne.engine.store import open_run

    out: list[RunFolder] = []
    for path in paths:
        if path.is_dir() and not (path / "run.json").is_file():
            children = sorted(child for child in path.iterdir() if (child / "run.json").is_file())
            if children:
                out += [open_run(child) for child in children]
                continue
        out.append(open_run(path))
    return out


def _build(folder: RunFolder, paper: bool) -> Any:
    from honne.report.model import build

    return build(folder, paper)


def _print_runs(done: list[RunFolder], paper: bool) -> None:
    from honne.report.output import pairwise, render
    from honne.report.terminal import print_report

    reports = [_build(folder, paper) for folder in done]
    for folder, one in zip(done, reports, strict=True):
        _write(folder.path / "report.html", render("html", [one], {}))
    print_report(reports, _console(), pairwise(done, paper))
    for folder in done:
        typer.echo(f"report: {folder.path / 'report.html'}")


def _write(path: Path, text: str) -> None:
    from honne.engine.journal import os_failure, write_atomic

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise os_failure(e, path.parent, "create") from None
    write_atomic(path, text.encode())


def _console() -> Console:
    from rich.console import Console

    from honne.report._trim import Trim

    console = Console(soft_wrap=False, highlight=False)
    console.push_render_hook(Trim())
    return console


def _say(text: str) -> None:
    """One line for the person at the terminal, out of the way of what is piped on."""
    typer.echo(text, err=True)


def main() -> None:
    """Run the command line and turn every outcome into one line and an exit code."""
    try:
        code = app(prog_name="honne", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except HonneError as e:
        _say(f"honne: {_one_line(str(e))}")
        sys.exit(e.exit_code)
    except typer.TyperException as e:
        _say(_usage(e))
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        _say("honne: interrupted")
        sys.exit(3)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as e:
        import traceback

        traceback.print_exc()
        _say(f"honne: a bug in honne, please report it with the lines above: {type(e).__name__}: {_one_line(str(e))}")
        sys.exit(4)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _usage(error: typer.TyperException) -> str:
    """One line for wrong usage, naming the command whose help says more."""
    text = error.format_message()
    context = getattr(error, "ctx", None)
    if context is None:
        return f"honne: {_one_line(text)}"
    group = getattr(context.command, "commands", None)
    if text.startswith("No such command") and group is not None:
        return f"honne: {unknown('command', text.split(chr(39))[1], group)}"
    if type(error).__name__ == "NoArgsIsHelpError":
        return text
    return f"honne: {_one_line(text)} (see {context.command_path} --help)"


if __name__ == "__main__":
    main()
