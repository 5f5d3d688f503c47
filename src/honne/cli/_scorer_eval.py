"""`honne scorer eval` and `honne scorer card`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from honne.cli._app import console, emit, say
from honne.errors import ConfigError, unknown

__all__ = ["card", "evaluate"]

_SHIPPED = "scorer"


def evaluate(
    scorer: Annotated[
        str,
        typer.Argument(
            metavar="SCORER", help="The folder of a scorer, a judge of the runs by its key, or scorer: the shipped one."
        ),
    ],
    on: Annotated[list[Path], typer.Option("--on", metavar="RUN|FILE", help="Labelled answers. Repeatable.")],
    labels: Annotated[
        str | None, typer.Option(metavar="KEY", help="The judge whose labels are right (people's: labels…).")
    ] = None,
    rater: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY", help="Who made these labels, for what people agree on (KEY.…). Repeatable."),
    ] = None,
    dimension: Annotated[
        str | None, typer.Option(metavar="NAME", help="Put all answers under this head of the scorer.")
    ] = None,
    format: Annotated[
        str, typer.Option("--format", "-f", help="terminal, html, md or json.", metavar="FORMAT")
    ] = "terminal",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write (html: default scorer-eval.html).")
    ] = None,
) -> None:
    """How good a scorer, or any judge of a run, is: against labels, against the other judges, against people."""
    from honne.report.output import save
    from honne.report.scorer import FORMATS, print_evaluation, render
    from honne.scorer.asked import by_key, by_scorer
    from honne.scorer.cases import read

    if format not in ("terminal", *FORMATS):
        raise ConfigError(unknown("format", format, ("terminal", *FORMATS)))
    if format == "terminal" and out is not None:
        raise ConfigError(f"-o {out} needs a --format: one of {', '.join(FORMATS)}")
    folder = _folder(scorer)
    found = read(on, labels, rater or (), dimension)
    named = any(scorer in (key, key.partition("@")[0]) for key in found.judges)
    if folder is not None and not (named and scorer == _SHIPPED):
        from honne.judges._scorer import load

        result = by_scorer(found, load(folder), folder.resolve().name if scorer != _SHIPPED else scorer)
    else:
        result = by_key(found, scorer)
    if format == "terminal":
        print_evaluation(result, console())
        return
    text = render(format, result)
    out = out or (Path("scorer-eval.html") if format == "html" else None)
    if out is None:
        emit(text)
    else:
        save(out, text)
        say(f"evaluation: {out}")


def _folder(scorer: str) -> Path | None:
    """The folder that a SCORER names, also as `--judge` does; None where it can only be a judge of a run."""
    from honne.judges._scorer import NAME, packaged

    if scorer == _SHIPPED:
        return packaged()
    for text in (scorer, scorer.removeprefix("scorer/")):
        path = Path(text).expanduser()
        if (path / NAME).is_file() or ("/" in text and path.is_dir()):
            return path
    return None


def card(
    scorer: Annotated[str, typer.Argument(metavar="DIR", help="The folder of a scorer, or scorer: the shipped one.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write (default: print it).")] = None,
) -> None:
    """The card of a scorer: what it learnt from, how good it is, and where it must not be used."""
    from honne.judges._scorer import NAME
    from honne.judges._scorer._folder import read_about
    from honne.report.output import save
    from honne.report.scorer_card import render

    folder = _folder(scorer)
    if folder is None:
        raise ConfigError(f"{scorer} is no scorer: there is no {NAME} in it")
    text = render(read_about(folder))
    if out is None:
        emit(text)
    else:
        save(out, text)
        say(f"card: {out}")
