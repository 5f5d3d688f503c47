"""How a plug-in is found by its name: built-in ones by their file, those of other packages by entry points."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any

from honne.errors import ConfigError, unknown

__all__ = ["KINDS", "load", "names", "summary"]


KINDS = ("benchmarks", "models", "judges", "metrics", "attacks", "replications")


def _builtin(kind: str) -> dict[str, str]:
    package = importlib.import_module(f"honne.{kind}")
    found = (m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))
    # A metric's name is the one that stands in results: an identifier.
    return {name if kind == "metrics" else name.replace("_", "-"): f"honne.{kind}.{name}" for name in found}


def names(kind: str) -> list[str]:
    """The names of all plug-ins of a kind, built-in and installed; nothing is imported but the kind's package."""
    return sorted({*_builtin(kind), *(e.name for e in entry_points(group=f"honne.{kind}"))})


def load(kind: str, name: str, also: Iterable[str] = ()) -> Any:
    """The plug-in object of that name. Raises ConfigError with the nearest match for an unknown one.

    `also` are further names that would have been understood where this one came from (those in honne.toml).
    """
    builtin = _builtin(kind)
    if name in builtin:
        return importlib.import_module(builtin[name]).PLUGIN
    for entry in entry_points(group=f"honne.{kind}"):
        if entry.name == name:
            try:
                return entry.load()
            except (ImportError, AttributeError, SyntaxError) as e:
                package = entry.dist.name if entry.dist else "an installed package"
                raise ConfigError(f"{name!r} of {package} ({entry.value}) cannot be loaded: {e}") from None
    one = kind.removesuffix("s")
    if name in also:
        raise ConfigError(f"{name!r} is a {one} of honne.toml, and its spec must not name one of honne.toml again")
    raise ConfigError(unknown(one, name, [*names(kind), *also]))


def summary(kind: str, name: str) -> str:
    """What a plug-in is, in one line: its title, or the first line of its module's text."""
    try:
        found = load(kind, name)
    except ConfigError as e:
        return f"({e})"
    text = getattr(found, "title", None) or getattr(sys.modules.get(found.__module__), "__doc__", None) or ""
    return str(text).strip().partition("\n")[0]
