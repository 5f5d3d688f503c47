"""`honne annotate`: serve the pages where people label, export and import labels, set a password."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from honne.cli._app import app, emit, say
from honne.errors import ConfigError, DataError, MissingExtra, unknown

if TYPE_CHECKING:
    from honne.annotate.database import Database

annotate = typer.Typer(help="People label answers: serve the pages, export and import labels.", no_args_is_help=True)
app.add_typer(annotate, name="annotate")

DatabaseUrl = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="HONNE_DATABASE",
        metavar="URL",
        help="sqlite:///PATH, or postgresql://USER@HOST/NAME for teams.",
    ),
]
_DATABASE = "sqlite:///honne-annotate.db"
ProjectName = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's name, short name or number.")]


def _need_packages() -> None:
    from importlib.util import find_spec

    for package in ("alembic", "argon2", "fastapi", "itsdangerous", "python_multipart", "sqlalchemy", "uvicorn"):
        if find_spec(package) is None:
            raise MissingExtra("honne annotate", "annotate")


def _open(url: str) -> Database:
    """A database that is there: what only reads or adds labels makes no new one."""
    from honne.annotate.database import Database

    path = url.removeprefix("sqlite:///").partition("?")[0]
    if url.startswith("sqlite:///") and not Path(path).is_file():
        raise DataError(f"no database {path}: name the one that honne annotate serve uses by --database")
    return Database.open(url)


@annotate.command("serve", short_help="Serve the pages where people label.")
def annotate_serve(
    runs: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN]...", help="Run folders that projects can be made of.")
    ] = None,
    guide: Annotated[
        str | None, typer.Option(metavar="GUIDE", help="The guide that the form for a new project begins with.")
    ] = None,
    database: DatabaseUrl = _DATABASE,
    host: Annotated[str, typer.Option(help="Where to listen; a wider address needs an account first.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8642,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="The address by which people reach it, e.g. behind a proxy.")
    ] = None,
) -> None:
    """Serve the pages where people label the answers of run folders.

    Everybody logs in. The first start prints a link that makes the owner's account; owners make projects and
    invitation links in the browser.
    """
    _need_packages()
    from honne.annotate.server.serve import serve

    serve(runs or [], guide=guide, database=database, host=host, port=port, url=url, say=say)


@annotate.command("export", short_help="Write a project's labels as JSONL, CSV or Parquet.")
def annotate_export(
    project: ProjectName,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file; its ending names the format (default: JSONL here).")
    ] = None,
    database: DatabaseUrl = _DATABASE,
    text: Annotated[bool, typer.Option("--text", help="With questions and answers.")] = False,
) -> None:
    """Write a project's labels, decisions and references, with where each comes from."""
    _need_packages()
    import io

    from honne.annotate import exporting, files
    from honne.annotate.browse import find

    kind = "jsonl" if out is None else out.suffix.lstrip(".").lower()
    if kind not in files.KINDS:
        raise ConfigError(unknown("format", kind, files.KINDS))
    opened = _open(database)
    try:
        with opened.read() as s:
            rows = exporting.rows(s, find(s, project), text=text)
            if out is None:
                made = io.BytesIO()
                files.stream(made, kind, rows)
                emit(made.getvalue().decode())
            else:
                say(f"annotate export: {files.write(out, kind, rows):,} rows in {out}")
    finally:
        opened.close()


@annotate.command("import", short_help="Read labels of a file into a project.")
def annotate_import(
    project: ProjectName,
    file: Annotated[Path, typer.Argument(help="What honne annotate export wrote: JSONL, CSV or Parquet.")],
    database: DatabaseUrl = _DATABASE,
) -> None:
    """Read labels into a project; each keeps its annotator, time and design."""
    _need_packages()
    from honne.annotate import importing
    from honne.annotate.browse import find

    labels = importing.read(file)
    opened = _open(database)
    try:
        done = opened.write(lambda s: importing.load(s, find(s, project), labels))
    finally:
        opened.close()
    say(f"annotate import: {done.labels:,} labels and {done.decisions:,} decisions; {done.known:,} were there already")
    if done.references:
        say(f"note: {done.references:,} references are left out; they follow from the labels here")
    if done.unknown_design:
        say(f"note: of {done.unknown_design:,} labels nobody knows how the answer was drawn: no statistic uses them")


@annotate.command("password", short_help="Set a new password of an account, at the server's console.")
def annotate_password(
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="By what the account logs in.")],
    database: DatabaseUrl = _DATABASE,
) -> None:
    """Ask for a new password of an account, and log its user out everywhere.

    For whoever has the database: the way back in for the first account, for which nobody makes a link. Typed twice and
    not shown, or one line of standard input where that is no terminal; never an argument.
    """
    _need_packages()
    from honne.annotate import passwords, people
    from honne.annotate.server.accounts import wrong_password
    from honne.annotate.server.words import translator

    opened = _open(database)
    try:
        with opened.read() as s:
            known = passwords.named(s, login).login
        new = _new_password(known)
        refused = wrong_password(new, known)
        if refused is not None:
            raise ConfigError(f"{translator('en')(f'account.{refused}')} Nothing was changed.")
        hash = people.hashed(new)
        opened.write(lambda s: passwords.at_console(s, known, hash))
    finally:
        opened.close()
    say(f"annotate password: {known} has a new password and is logged out everywhere")


def _new_password(login: str) -> str:
    """A password as it is typed. Raises ConfigError where none is, or not the same one twice."""
    import getpass
    import sys

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    try:
        new = getpass.getpass(f"New password of {login}: ")
        again = getpass.getpass("Once more: ")
    except EOFError:
        raise ConfigError("no password was given: nothing was changed") from None
    if new != again:
        raise ConfigError("these are two different passwords: nothing was changed")
    return new
