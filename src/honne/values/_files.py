"""Frames as files: read, checked, and where one extends another, joined."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from honne.errors import ConfigError, unknown
from honne.rows import read_bytes

__all__ = ["LANGS", "Frame", "Node", "Text", "bundled", "own", "read"]

LANGS = ("en", "zh", "ja")
_MOST = 2000


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text in three languages; a language without one has the English."""

    en: str
    zh: str = ""
    ja: str = ""

    def of(self, lang: str) -> str:
        return (getattr(self, lang) if lang in LANGS else "") or self.en


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value or risk. `unnamed` counts parts that its source has and does not name."""

    id: str
    name: Text
    means: Text = Text("")
    exact: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    unnamed: int = 0

    @property
    def depth(self) -> int:
        return self.id.count("/")


class Frame(msgspec.Struct, frozen=True):
    """A frame: its nodes, parents before children, in the order of its source."""

    name: str
    title: Text
    about: Text
    source: str
    nodes: tuple[Node, ...]

    def node(self, id: str) -> Node | None:
        return next((node for node in self.nodes if node.id == id), None)

    def leaves(self) -> tuple[Node, ...]:
        """The nodes that have none below them."""
        above = {node.id.rpartition("/")[0] for node in self.nodes}
        return tuple(node for node in self.nodes if node.id not in above)

    def below(self, node: Node) -> bool:
        """Whether a node has others below it."""
        return any(other.id.startswith(node.id + "/") for other in self.nodes)

    @property
    def of_attacks(self) -> bool:
        """Whether it reads attacked answers only."""
        patterns = [p for node in self.nodes for p in (*node.exact, *node.partial)]
        return bool(patterns) and all(p.partition(":")[0] == "attack" for p in patterns)


class _Node(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    name: Text | str | None = None
    means: Text | str = ""
    exact: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    unnamed: int = 0


class _File(msgspec.Struct, forbid_unknown_fields=True):
    title: Text | str
    nodes: tuple[_Node, ...]
    about: Text | str = ""
    source: str = ""
    extends: str | None = None


def bundled() -> tuple[str, ...]:
    """The names of the frames in this folder."""
    names = (entry.name for entry in files(__package__).iterdir())
    return tuple(sorted(n.removesuffix(".toml") for n in names if n.endswith(".toml") and not n.startswith("_")))


def read(name: str) -> Frame:
    """A frame of this folder. Raises ConfigError for an unknown name."""
    if name not in bundled():
        message = unknown("value framework", name, bundled())
        raise ConfigError(f"{message} Or a frame of your own: the path of a .toml file")
    return _frame(files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8"), name, name)


def own(path: str) -> Frame:
    """The user's own frame. Raises ConfigError where it is none, DataError where it cannot be read."""
    try:
        text = read_bytes(Path(path)).decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path}: not UTF-8 (byte {e.start + 1}), as a TOML file has to be") from None
    return _frame(text, path, Path(path).stem)


def _frame(text: str, where: str, name: str) -> Frame:
    try:
        raw: dict[str, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        raise ConfigError(f"{where}: not a TOML file: {str(e) or 'nested too deeply'}") from None
    for place, node in enumerate(raw["nodes"] if isinstance(raw.get("nodes"), list) else ()):
        for key in node if isinstance(node, dict) else ():
            if key not in _Node.__struct_fields__:
                raise ConfigError(f"{where}: node {place + 1}: {unknown('field', key, _Node.__struct_fields__)}")
    for key in raw:
        if key not in _File.__struct_fields__:
            raise ConfigError(f"{where}: {unknown('field', key, _File.__struct_fields__)}")
    try:
        found = msgspec.convert(raw, _File)
    except msgspec.ValidationError as e:
        raise ConfigError(f"{where}: not a value framework: {str(e)[0].lower()}{str(e)[1:]}") from None
    # A frame of one's own may extend one of honne's, not another file: there is no chain to follow.
    base = read(found.extends).nodes if found.extends is not None else ()
    return Frame(name, _text(found.title), _text(found.about), found.source, _nodes(found.nodes, base, where))


def _text(given: Text | str) -> Text:
    return given if isinstance(given, Text) else Text(given)


def _nodes(given: tuple[_Node, ...], base: tuple[Node, ...], where: str) -> tuple[Node, ...]:
    """The base's nodes with what the given ones add to them, and the given ones that are new, each below its parent."""
    nodes = {node.id: node for node in base}
    seen: set[str] = set()
    for one in given:
        _check(one, seen, where)
        seen.add(one.id)
        old = nodes.get(one.id)
        if old is None and one.name is None:
            raise ConfigError(f"{where}: node {one.id!r} has no name")
        parent = one.id.rpartition("/")[0]
        if parent and parent not in nodes:
            raise ConfigError(f"{where}: node {one.id!r}: {unknown('parent', parent, [*nodes])}")
        nodes[one.id] = Node(
            id=one.id,
            name=_text(one.name) if one.name is not None else old.name if old else Text(one.id),
            means=_text(one.means) if one.means or old is None else old.means,
            exact=((*old.exact, *one.exact) if old else one.exact),
            partial=((*old.partial, *one.partial) if old else one.partial),
            unnamed=max(one.unnamed, old.unnamed if old else 0),
        )
    if len(nodes) > _MOST:
        raise ConfigError(f"{where}: {len(nodes)} nodes are too many for a value framework: at most {_MOST}")
    if not nodes:
        raise ConfigError(f"{where}: a value framework needs [[nodes]]")
    place = {id: i for i, id in enumerate(nodes)}
    order = sorted(nodes, key=lambda id: [place["/".join(id.split("/")[: d + 1])] for d in range(id.count("/") + 1)])
    return tuple(nodes[id] for id in order)


def _check(one: _Node, seen: set[str], where: str) -> None:
    if one.id in seen:
        raise ConfigError(f"{where}: node {one.id!r} occurs twice")
    if not one.id or any(not part.strip() for part in one.id.split("/")):
        raise ConfigError(f"{where}: node id {one.id!r}: names joined by /, such as safety/violence")
    for pattern in (*one.exact, *one.partial):
        if not pattern.partition(":")[0].strip():
            raise ConfigError(f"{where}: node {one.id!r}: pattern {pattern!r} names no benchmark (BENCHMARK:CATEGORY)")
