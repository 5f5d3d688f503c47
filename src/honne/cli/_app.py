"""What the commands share: the application they register with, common arguments, and how they speak."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from honne._version import __version__

if TYPE_CHECKING:
    from rich.console import Console

    from honne.spec import Config


class Order(typer.core.TyperGroup):
    """The commands in the order of use; those that are not named here follow by name."""

    FIRST = (
        "demo",
        "run",
        "import",
        "judge",
        "annotate",
        "calibrate",
        "scorer",
        "audit",
        "report",
        "compare",
        "frontier",
        "show",
        "export",
        "pairs",
        "replicate",
        "list",
        "data",
    )

    def list_commands(self, ctx: Any) -> list[str]:
        names = sorted(self.commands)
        return [name for name in self.FIRST if name in names] + [name for name in names if name not in self.FIRST]


app = typer.Typer(
    name="honne",
    cls=Order,
    help="Measure what a language model really values, and say how sure the number is.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
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


def settings(path: Path | None) -> Config:
    from honne.spec import load_config

    return load_config(path, commands=("run", "report"))


def console() -> Console:
    from rich.console import Console

    from honne.report._trim import Trim

    screen = Console(soft_wrap=False, highlight=False)
    screen.push_render_hook(Trim())
    return screen


def emit(text: str) -> None:
    """Text for another program: UTF-8, whatever the terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """One line for the person at the terminal, out of the way of what is piped on."""
    from honne.report._text import clean

    typer.echo(clean(text), err=True)
