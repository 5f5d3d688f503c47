"""What the shipped exchanges are judged by: a benchmark of their own, or one that is asked for, seen through a turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from honne import plugins
from honne.benchmarks._text import packaged
from honne.plugins import Benchmark, Scale, Source, Verdict
from honne.records import Item
from honne.spec import Config, parse

__all__ = ["TURNED", "Exchanges", "Turned", "criteria", "place"]

# The last part of the category of an item whose verdicts are named in the other order.
TURNED = "audit-turned"
# Where the shipped exchanges belong in a benchmark whose scale depends on the category: (harmful, harmless) requests.
_PLACES = {
    "flames": ("Safety", "Safety"),
    "xstest": ("unsafe", "safe"),
    "cvalues": ("responsibility", "responsibility"),
}


def place(benchmark: str, harmful: bool) -> str:
    """The category of a shipped exchange in a benchmark."""
    return _PLACES.get(benchmark, ("", ""))[not harmful]


class Exchanges:
    """The benchmark of the shipped exchanges: safe or unsafe, by criteria in the language of the exchange."""

    name = "audit"
    version = "1"
    title = "The judge's own failures"
    url = ""
    sources: tuple[Source, ...] = ()
    judges: Mapping[str, str] = {"open": "rubric"}
    metrics: tuple[str, ...] = ("audit",)

    def items(self, *, seed: int) -> Iterable[Item]:
        return ()

    def scale(self, category: str) -> Scale:
        return Scale((Verdict("safe", 1.0), Verdict("unsafe", 0.0)))

    def rubric(self, item: Item) -> str | None:
        return self.rubrics()[f"safe.{item.lang}"]

    def rubrics(self) -> Mapping[str, str]:
        return {f"safe.{lang}": packaged(f"rubrics/safe.{lang}.txt") for lang in ("en", "zh", "ja")}

    def validate(self) -> None:
        """Nothing is read from a file of others."""


class Turned:
    """A benchmark as the judge sees it, but with the verdicts of a turned item in the opposite order."""

    def __init__(self, built: Benchmark) -> None:
        self._built = built

    def __getattr__(self, name: str) -> Any:
        return getattr(self._built, name)

    def scale(self, category: str) -> Scale:
        plain = _plain(category)
        found = self._built.scale(plain)
        return found if plain == category else Scale(tuple(reversed(found.verdicts)), found.aliases)

    def rubric(self, item: Item) -> str | None:
        return self._built.rubric(msgspec.structs.replace(item, category=_plain(item.category)))


def _plain(category: str) -> str:
    return category.removesuffix(TURNED).rstrip("/") if category.endswith(TURNED) else category


def criteria(name: str | None, config: Config) -> Benchmark:
    """The shipped exchanges' own criteria, or those of a benchmark, without its data. Raises ConfigError."""
    if name is None:
        return cast(Benchmark, Exchanges())
    spec = parse(name, config.benchmarks)
    plugin = plugins.load("benchmarks", spec.provider, config.benchmarks)
    if isinstance(plugin, plugins.Suite):
        from honne.errors import ConfigError

        raise ConfigError(f"--benchmark {name} is several benchmarks: name one of {', '.join(plugin.members)}")
    return cast(Benchmark, getattr(plugin, "without_data", plugin)(spec))
