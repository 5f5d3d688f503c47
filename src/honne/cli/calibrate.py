"""`honne calibrate`: a judge's numbers corrected by people's labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honne.cli._app import ConfigFile, Runs, app, console, say, settings
from honne.errors import ConfigError

if TYPE_CHECKING:
    from honne.engine.labels_file import Labels
    from honne.engine.store import RunFolder


@app.command(short_help="Correct a judge's numbers by people's labels.")
def calibrate(
    runs: Runs,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="FILE|judge:KEY",
            help="People's labels: the export of honne annotate, any table (--map), or a judge of the run.",
        ),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="FIELD=COLUMN[,…]: item_id, prompt, label, model, author, design, inclusion, …"),
    ] = None,
    label_map: Annotated[
        list[str] | None, typer.Option("--label-map", help="VALUE=LABEL[,…], e.g. 1=safe,0=unsafe")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="When the file is not UTF-8, e.g. gb18030.")] = None,
    design: Annotated[
        str | None, typer.Option("--design", help="random: labels that name no design were drawn at random.")
    ] = None,
    rater: Annotated[
        list[str] | None,
        typer.Option("--rater", metavar="KEY", help="A judge of the run that is one person's labels (noise ceiling)."),
    ] = None,
    finite: Annotated[
        bool, typer.Option("--finite", help="The number of these answers, not of the questions they stand for.")
    ] = False,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="RUN2", help="Use the calibration of another run.")
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option("--margin", help="With --from: by how much its judge may err differently, e.g. 0.1."),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Say how many answers to label, and which (-o).")] = False,
    width: Annotated[
        float | None, typer.Option("--width", help="With --plan: the width that the interval may have, e.g. 0.1.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", metavar="KEY", help="With --plan: the judge (default: the first).")
    ] = None,
    accuracy: Annotated[
        float | None,
        typer.Option("--accuracy", help="With --plan: how often the judge is right, where no label says so yet."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="With --plan: of the draw.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="With --plan: the list of answers, .csv or .jsonl.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Correct a judge's numbers by people's labels of some of the answers.

    The raw numbers stay; the corrected ones stand beside them here, in honne report and in honne compare.
    """
    if plan:
        if labels is not None or source is not None:
            raise ConfigError("--plan reads the labels that the run is calibrated by: leave out --labels and --from")
        if any(given is not None for given in (mapping, label_map, encoding, design, rater, margin)):
            raise ConfigError(
                "--map, --label-map, --encoding, --design, --rater and --margin go with --labels, not --plan"
            )
        _plan(runs, width, judge, accuracy, finite, seed, out)
        return
    if any(given is not None for given in (width, judge, accuracy, out)):
        raise ConfigError("--width, --judge, --accuracy and -o go with --plan")
    from honne.engine.calibrate import Options, borrow_from, labelled, made, remarks
    from honne.engine.calibrate import calibrate as carry_out
    from honne.engine.store import open_run
    from honne.report.calibration import print_calibration
    from honne.report.output import build, open_runs

    chosen = settings(config)
    if design not in (None, "random"):
        raise ConfigError(
            f"--design {design!r}: only random can be stated; other designs need an inclusion probability"
        )
    if (source is None) != (margin is None):
        raise ConfigError("--from and --margin go together: --from RUN2 --margin 0.1")
    if margin is not None and not 0 < margin < 1:
        raise ConfigError(f"--margin {margin:g}: it lies between 0 and 1, e.g. 0.1")
    if labels is None and source is None:
        raise ConfigError("name the labels: --labels FILE, or --labels judge:KEY for a judge of the run")
    folders = open_runs(runs)
    options = Options(design, tuple(rater or ()), finite)
    if source is not None and any(source.resolve() == folder.path.resolve() for folder in folders):
        raise ConfigError(
            f"--from {source}: it is the run itself: leave out --from and --margin, and use its own labels"
        )
    borrowed = borrow_from(open_run(source), margin) if source is not None and margin is not None else None
    given = [_labels(folder, labels, mapping or [], label_map or [], encoding) for folder in folders]
    for one in given:
        nameless = one is not None and all(row.run is None and row.model is None for row in one.rows)
        if len(folders) > 1 and nameless and labels is not None and not labels.startswith("judge:"):
            raise ConfigError(
                f"{labels} does not say whose answers its labels are of: map model=COLUMN, or name one run"
            )
    if len(folders) > 1:
        # Labels that do not fit one of the runs leave all of them as they were.
        for folder, one in zip(folders, given, strict=True):
            made(folder, one, options, chosen, borrowed)
    for folder, one in zip(folders, given, strict=True):
        before = labelled(folder)
        carry_out(folder, one, options, chosen, borrowed)
        for note in remarks(open_run(folder.path), before):
            say(f"note: {folder.name}: {note}")
        say(f"calibration: {folder.path / 'calibration' / 'calibration.json'}")
    paper = [bool(folder.info["spec"].get("paper_rules", False)) for folder in folders]
    print_calibration([build(open_run(f.path), p) for f, p in zip(folders, paper, strict=True)], console())


def _plan(
    runs: list[Path],
    width: float | None,
    judge: str | None,
    accuracy: float | None,
    finite: bool,
    seed: int,
    out: Path | None,
) -> None:
    from honne.engine.labelling import make_plans, todo
    from honne.report.labelling import check_todo, print_plans, write_todo
    from honne.report.output import open_runs

    if width is None or not 0 < width < 1:
        raise ConfigError("--plan needs --width, between 0 and 1: --width 0.1 is an interval of 10 points")
    if accuracy is not None and not 0.5 < accuracy < 1:
        raise ConfigError(f"--accuracy {accuracy:g}: it lies between 0.5 and 1")
    if out is not None:
        check_todo(out)
    folders = open_runs(runs)
    rows = []
    for folder in folders:
        plans = make_plans(folder, width, judge=judge, accuracy=accuracy, finite=finite)
        print_plans(folder.name, plans, console())
        rows += todo(folder, plans, seed)
    if out is not None:
        write_todo(out, rows)
        say(f"to label: {out} ({len(rows)} answers)")


def _labels(
    run: RunFolder, source: str | None, mapping: list[str], label_map: list[str], encoding: str | None
) -> Labels | None:
    from honne.engine.labels_file import of_judge, read
    from honne.importers._mapping import pairs, parse_label_map

    if source is None:
        return None
    if source.startswith("judge:"):
        if mapping or label_map:
            raise ConfigError("--map and --label-map are for files of labels, not for judge:KEY")
        return of_judge(run, source.removeprefix("judge:"))
    columns: dict[str, str] = {}
    for name, column in pairs(mapping, "--map"):
        if columns.setdefault(name, column) != column:
            raise ConfigError(f"--map: {name!r} is given twice ({columns[name]!r} and {column!r})")
    return read(Path(source), columns, parse_label_map(label_map), encoding)
