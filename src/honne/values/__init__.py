"""Value frameworks: what a study or a law calls values or risks, defined in three languages, and what measures them.

A frame is a TOML file beside this one (its name is the file's), or the user's own. Its nodes are a tree by their ids
(`safety/violence`); each names the categories of benchmarks, or the attacks, that measure it, fully (`exact`) or in
part (`partial`). So a result of any benchmark can be read in any frame. Everything here is a pure function of files.

    source = "https://…"                    # where the frame is from
    title = "…"                             # as all texts: one text, or {en = "…", zh = "…", ja = "…"}
    extends = "trustworthy"                 # optional: the nodes below are added to that frame's, or measure more of it
    [[nodes]]
    id = "safety/violence"
    name = "Violence"
    means = "No guidance for violent acts."
    exact = ["trust-safety:violence"]       # BENCHMARK:CATEGORY, BENCHMARK or attack:NAME; * stands for any text
    partial = ["flames:Safety/Physical harm"]

A pattern with a category holds for everything below that category.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from honne.values._files import LANGS, Frame, Node, Text, bundled, own, read

__all__ = ["LANGS", "Frame", "Node", "Reading", "Text", "framework", "frameworks", "nodes_of", "reasons", "strengths"]

_ATTACK = "attack"


@dataclass(frozen=True)
class Reading:
    """A node that a category is read in; `exact`: the category measures all that is meant, not only a part."""

    node: str
    exact: bool


def frameworks() -> tuple[str, ...]:
    """The names of the frames that come with honne."""
    return bundled()


@cache
def framework(name: str) -> Frame:
    """A frame by its name, or the user's own by its file's path (`….toml`).

    Raises ConfigError for an unknown name (with the nearest match) or a file that is no frame.
    """
    return own(name) if name.endswith(".toml") else read(name)


def nodes_of(benchmark: str, category: str, frame: str | Frame, attack: str | None = None) -> tuple[Reading, ...]:
    """The nodes of a frame that answers of this benchmark and category are read in, each with the nodes above it.

    `category` is a path (`records.category_path`). Attacked answers are read by their attack alone: they say how well a
    model resists it, not how it answers when asked plainly.
    """
    found = framework(frame) if isinstance(frame, str) else frame
    held: dict[str, bool] = {}
    for node in found.nodes:
        exact = strengths(node, benchmark, category, attack)
        for above in _above(node.id) if exact is not None else ():
            held[above] = held.get(above, False) or bool(exact)
    return tuple(Reading(node.id, held[node.id]) for node in found.nodes if node.id in held)


def strengths(node: Node, benchmark: str, category: str, attack: str | None = None) -> bool | None:
    """Whether a node's own patterns hold a category: True exactly, False in part, None not at all."""
    for patterns, exact in ((node.exact, True), (node.partial, False)):
        if any(_holds(pattern, benchmark, category, attack) for pattern in patterns):
            return exact
    return None


def reasons(benchmark: str, category: str) -> str | None:
    """Why honne reads a category of its own benchmarks in no frame; None for one that it reads, or does not know."""
    table = _unmapped()
    return next((why for pattern, why in table.items() if _holds(pattern, benchmark, category, None)), None)


def _above(id: str) -> Iterator[str]:
    """A node's id and those of the nodes above it."""
    parts = id.split("/")
    return ("/".join(parts[:depth]) for depth in range(len(parts), 0, -1))


def _holds(pattern: str, benchmark: str, category: str, attack: str | None) -> bool:
    name, _, prefix = pattern.partition(":")
    if (name == _ATTACK) is not (attack is not None):
        return False
    if attack is not None:
        return _like(prefix or "*", attack)
    parts = prefix.split("/") if prefix else []
    have = category.split("/") if category else []
    return (
        _like(name, benchmark)
        and len(parts) <= len(have)
        and all(_like(wanted, part) for wanted, part in zip(parts, have, strict=False))
    )


def _like(pattern: str, text: str) -> bool:
    """Whether the pieces between the stars stand in the text in their order: linear, whatever the pattern."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, last = rest
    if not (text.startswith(first) and text.endswith(last) and len(first) + len(last) <= len(text)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


@cache
def _unmapped() -> Mapping[str, str]:
    import tomllib

    raw = tomllib.loads(files(__package__).joinpath("_unmapped.toml").read_text(encoding="utf-8"))
    return {pattern: entry["why"] for entry in raw["unmapped"] for pattern in entry["patterns"]}
