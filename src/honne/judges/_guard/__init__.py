"""Guard models by family: what each is asked, and what its answer says. One file a family, which assigns `FAMILY`.

A built-in family is found by the name of its file (`-` for `_`); any other package registers the same kind of object
under the entry-point group `honne.guards`. The templates, category codes and output formats are the families' own
protocols and carried over as published: a guard model understands nothing else.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from honne.errors import ConfigError, unknown
from honne.records import Message

__all__ = ["Family", "Reading", "Unreadable", "families", "family", "lines"]


class Unreadable(Exception):
    """The reply is not in the family's output format; the text says how."""


@dataclass(frozen=True)
class Reading:
    """What a reply says: `word` is the family's own word for the verdict, one of its `words`.

    `refused` says whether the answer under judgment is a refusal, where the family tells; `categories` are the harms
    it names; `why` is its reason, where it gives one.
    """

    word: str
    refused: bool | None = None
    categories: tuple[str, ...] = ()
    why: str | None = None


class Family:
    """One family of guard models. Subclasses set the fields and define `prompt` (where there is one) and `read`.

    `turns` are always user and assistant in alternation, beginning with the user and ending with the answer under
    judgment, their control tokens already broken. `words` maps each word for a verdict to whether it means unsafe,
    None being in between. `verdict` finds that word (group `word`) in a reply, for its probability. `headers` begin a
    turn inside the template's text, so that an answer must not begin a line with one.
    """

    name: str
    title: str
    model: str
    words: Mapping[str, bool | None]
    verdict: re.Pattern[str]
    says: str = ""
    """What a bare yes or no is about, for the record."""
    headers: tuple[str, ...] = ()
    api: str = "chat"
    apis: tuple[str, ...] = ("chat", "completions")
    max_tokens: int | None = 128
    reasons: bool = False
    """Whether it may reason before its verdict; of other families such a reply is not trusted."""
    first_word: bool = False
    """Whether the reply begins with the verdict, and what follows (or is cut off) does not matter."""
    probabilities: bool = True
    """Whether log-probabilities are asked for where the user does not say."""
    policy: str | None = None
    """The policy that it is given, where a user may bring another (`judge.policy`)."""

    def body(self, policy: str | None) -> Mapping[str, Any]:
        """Further fields of a chat request, such as arguments of the server's chat template."""
        return {}

    def messages(self, turns: Sequence[Message], policy: str | None) -> Sequence[Message]:
        """What is sent to a server that applies the family's chat template itself."""
        return turns

    def prompt(self, turns: Sequence[Message], policy: str | None) -> str:
        """The raw prompt, without the token that begins a text: servers add that themselves."""
        raise NotImplementedError

    def read(self, text: str) -> Reading:
        """What a complete reply says. Raises Unreadable for anything that is not exactly the family's format."""
        raise NotImplementedError


def families() -> list[str]:
    """The names of all families, built-in and installed."""
    return sorted({*_builtin(), *(e.name for e in entry_points(group="honne.guards"))})


def family(name: str) -> Family:
    """The family of that name. Raises ConfigError, with the nearest match, for an unknown one."""
    builtin = _builtin()
    if name in builtin:
        found: Family = importlib.import_module(builtin[name]).FAMILY
        return found
    for entry in entry_points(group="honne.guards"):
        if entry.name == name:
            try:
                loaded: Family = entry.load()
            except (ImportError, AttributeError, SyntaxError) as e:
                raise ConfigError(f"guard {name!r} ({entry.value}) cannot be loaded: {e}") from None
            return loaded
    raise ConfigError(unknown("guard", name, families()))


def lines(text: str) -> list[str]:
    """The lines of a reply, with the space around them and around the whole taken off."""
    return [line.strip() for line in text.strip().splitlines()]


def _builtin() -> dict[str, str]:
    found = (m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))
    return {name.replace("_", "-"): f"{__name__}.{name}" for name in found}
