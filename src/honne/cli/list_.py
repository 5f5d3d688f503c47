"""`honne list`: what is built in or installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from honne.cli._app import app
from honne.errors import ConfigError, unknown

if TYPE_CHECKING:
    from honne.values import Frame

VALUES = "values"


@app.command("list", short_help="What is built in or installed; value frames.")
def list_(
    kind: Annotated[str | None, typer.Argument(help="benchmarks, models, judges, metrics, attacks or values.")] = None,
    frame: Annotated[
        str | None, typer.Argument(help="With values: one frame in full (its name, or your own .toml file).")
    ] = None,
    lang: Annotated[str, typer.Option(help="With values: en, zh or ja.")] = "en",
) -> None:
    """What is built in or installed; `list values FRAME` shows a value frame and what measures it."""
    from honne import plugins

    kinds = (*plugins.KINDS, VALUES)
    if kind is not None and kind not in kinds:
        raise ConfigError(unknown("kind", kind, kinds))
    if kind != VALUES and (frame is not None or lang != "en"):
        raise ConfigError("a frame and --lang go with values: honne list values FRAME --lang zh")
    if frame is not None:
        _frame(frame, lang)
        return
    for one in [kind] if kind else kinds:
        typer.echo(f"{one}:")
        if one == VALUES:
            _frames(lang)
            continue
        found = plugins.names(one)
        width = max(16, *map(len, found))
        for name in found:
            typer.echo(f"  {name:<{width}} {plugins.summary(one, name)}".rstrip())


def _frames(lang: str) -> None:
    from honne import values

    _check(lang)
    for name in values.frameworks():
        found = values.framework(name)
        typer.echo(f"  {name:<16} {found.title.of(lang)}; {_covered(found)}")


def _frame(name: str, lang: str) -> None:
    """Every node with its definition and what measures it, fully or in part."""
    from honne import values
    from honne.report._text import oneline

    _check(lang)
    found = values.framework(name)
    typer.echo(f"{oneline(found.name)}: {oneline(found.title.of(lang))}")
    for text in (found.source, found.about.of(lang)):
        if text:
            typer.echo(f"  {oneline(text, 1000)}")
    typer.echo(f"  {_covered(found)}")
    for node in found.nodes:
        space = "  " * node.depth
        typer.echo(f"\n{space}{oneline(node.name.of(lang))}  [{oneline(node.id)}]")
        if node.means.of(lang):
            typer.echo(f"{space}  {oneline(node.means.of(lang), 600)}")
        by = [oneline(", ".join(patterns), 600) for patterns in (node.exact, node.partial)]
        said = [f"measured by {by[0]}" if by[0] else "", f"in part by {by[1]}" if by[1] else ""]
        if not any(by):
            said = ["read through the nodes below it" if found.below(node) else "measured by none"]
        said += [f"{node.unnamed} parts whose names are not published"] if node.unnamed else []
        typer.echo(f"{space}  {'; '.join(x for x in said if x)}")


def _covered(found: Frame) -> str:
    leaves = found.leaves()
    exact = sum(bool(node.exact) for node in leaves)
    partly = sum(bool(node.partial) and not node.exact for node in leaves)
    counts = ((exact, "measured"), (partly, "in part"), (len(leaves) - exact - partly, "by none"))
    return f"{len(leaves)} values at the finest level: " + ", ".join(f"{n} {what}" for n, what in counts if n)


def _check(lang: str) -> None:
    from honne.values import LANGS

    if lang not in LANGS:
        raise ConfigError(unknown("language", lang, LANGS))
