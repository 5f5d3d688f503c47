"""Several sets of pairs in one sweep: every configuration is tried on each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from honne.align.sweep._recipes import Recipe
from honne.errors import ConfigError
from honne.spec import slug

__all__ = ["on_each"]


def on_each(recipes: Sequence[Recipe], pairs: Sequence[Path]) -> list[Recipe]:
    """The configurations on each set of pairs in turn, named after its file; on a single one they stay as they are.

    Raises ConfigError where two sets cannot be told apart by their files' names.
    """
    if len(pairs) == 1:
        return list(recipes)
    folders: dict[str, Path] = {}
    for path in pairs:
        # folders of one name in another case are one folder on some file systems
        other = folders.setdefault(slug(path.stem).casefold(), path)
        if other is not path:
            same = "named twice" if other == path else f"named like {other}"
            raise ConfigError(
                f"PAIRS {path} is {same}: rows are named after the files, so give one of them another name "
                "(honne pairs -o NAME.jsonl)"
            )
    return [replace(recipe, pairs=path, of=path.stem) for path in pairs for recipe in recipes]
