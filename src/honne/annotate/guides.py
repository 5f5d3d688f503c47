"""Guides: what annotators decide, by which keys, and the guideline with its examples, in English, Chinese and Japanese.

One TOML file a guide (`guides/NAME.toml`). The verdicts are those of the benchmark named in `scale`, so that a person's
label and a judge's are on one scale; a pairwise guide has no scale, because a preference is no score. A guide's version
is the hash of its file: labels given under another wording are other labels.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec

from honne import plugins
from honne.errors import ConfigError, DataError, unknown
from honne.plugins import Benchmark, Verdict
from honne.records import category_parts
from honne.spec import parse

__all__ = ["LANGS", "Choice", "Example", "Guide", "Part", "load", "names", "part", "suited", "verdict"]

LANGS = ("en", "zh", "ja")

Words = Mapping[str, str]
Kind = Literal["ordinal", "nominal", "pairwise"]
Tone = Literal["good", "middle", "bad", "plain"]


class Choice(msgspec.Struct, frozen=True):
    """A label of the scale, the key that picks it, and its words and hint by language; `tone` colours it."""

    value: str
    key: str
    words: Words
    hint: Words
    tone: Tone = "plain"


class Example(msgspec.Struct, frozen=True):
    """A described case: what is asked, what is answered, its label and why."""

    question: str
    answer: str
    label: str
    why: str


class Part(msgspec.Struct, frozen=True):
    """What is decided for one dimension: the prefix of a category path, or `*` for every other category."""

    dimension: str
    name: Words
    choices: tuple[Choice, ...]
    guideline: Words
    examples: Mapping[str, tuple[Example, ...]]

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(choice.value for choice in self.choices)


class Guide(msgspec.Struct, frozen=True):
    """A guide. `scale` is the SPEC of the benchmark whose verdicts the labels are (null: pairwise), `category` the one
    whose scale holds whatever the item's, `benchmarks` those that it was written for."""

    name: str
    version: str
    title: Words
    kind: Kind
    scale: str | None
    category: str | None
    benchmarks: tuple[str, ...]
    parts: tuple[Part, ...]
    reasons: Mapping[str, Words]
    flags: Mapping[str, Words]


class _Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    en: str
    zh: str
    ja: str

    def by_language(self) -> Words:
        return {lang: getattr(self, lang).strip() for lang in LANGS}


_NONE = _Text("", "", "")


class _Choice(msgspec.Struct, forbid_unknown_fields=True):
    value: str
    key: str
    words: _Text
    hint: _Text = _NONE
    tone: Tone = "plain"


class _Example(msgspec.Struct, forbid_unknown_fields=True):
    label: str
    question: _Text
    answer: _Text
    why: _Text

    def of(self, lang: str) -> Example:
        return Example(getattr(self.question, lang), getattr(self.answer, lang), self.label, getattr(self.why, lang))


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    dimension: str
    choices: tuple[str, ...]
    name: _Text
    guideline: _Text
    examples: tuple[_Example, ...]


class _File(msgspec.Struct, forbid_unknown_fields=True):
    title: _Text
    kind: Kind
    benchmarks: tuple[str, ...]
    choices: tuple[_Choice, ...]
    reasons: dict[str, _Text]
    parts: tuple[_Part, ...]
    scale: str | None = None
    category: str | None = None


def names() -> tuple[str, ...]:
    """The names of the guides."""
    found = (entry.name for entry in files("honne.annotate").joinpath("guides").iterdir())
    return tuple(sorted(n.removesuffix(".toml") for n in found if n.endswith(".toml") and not n.startswith("_")))


@cache
def load(name: str) -> Guide:
    """The guide of this name. Raises ConfigError for an unknown name, or a file that is no guide."""
    if name not in names():
        raise ConfigError(unknown("guide", name, names()))
    text, flags = _packaged(name), _packaged("_flags")
    try:
        raw = msgspec.convert(tomllib.loads(text), _File)
        common = msgspec.convert(tomllib.loads(flags), dict[str, _Text])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as e:
        raise ConfigError(f"guide {name}: {e}") from None
    choices = {
        c.value: Choice(c.value, c.key, c.words.by_language(), c.hint.by_language(), c.tone) for c in raw.choices
    }
    return Guide(
        name=name,
        version=hashlib.sha256((text + flags).encode()).hexdigest()[:12],
        title=raw.title.by_language(),
        kind=raw.kind,
        scale=raw.scale,
        category=raw.category,
        benchmarks=raw.benchmarks,
        parts=tuple(_part(name, one, choices) for one in raw.parts),
        reasons={code: words.by_language() for code, words in raw.reasons.items()},
        flags={code: words.by_language() for code, words in common.items()},
    )


def part(guide: Guide, category: str) -> Part:
    """The part with the longest prefix of a category path, else the one for every other category.

    Raises ConfigError where the guide says nothing about the category.
    """
    path = category_parts(category)
    fitting = [p for p in guide.parts if p.dimension != "*" and path[: len(_path(p))] == _path(p)]
    fitting = fitting or [p for p in guide.parts if p.dimension == "*"]
    if not fitting:
        raise ConfigError(f"guide {guide.name}: {unknown('dimension', category, [p.dimension for p in guide.parts])}")
    return max(fitting, key=lambda p: len(_path(p)))


def verdict(guide: Guide, category: str, value: str) -> Verdict:
    """What a label means on the benchmark's own scale: score (0–1), raw score and refusal; without them where the guide
    is pairwise. Raises DataError for a label that the part of this category does not offer."""
    offered = part(guide, category).values
    if value not in offered:
        raise DataError(f"guide {guide.name}, {category or 'no category'}: {unknown('label', value, offered)}")
    if guide.scale is None:
        return Verdict(value)
    found = _benchmark(guide.scale).scale(category if guide.category is None else guide.category).read(value)
    if found is None:
        raise DataError(f"guide {guide.name}: the scale of {guide.scale} has no label {value!r} for {category!r}")
    return found


def suited(benchmark: str) -> str | None:
    """The guide that was written for a benchmark, or None."""
    return next((name for name in names() if benchmark in load(name).benchmarks), None)


def _packaged(name: str) -> str:
    return files("honne.annotate").joinpath(f"guides/{name}.toml").read_text(encoding="utf-8")


def _part(guide: str, raw: _Part, choices: Mapping[str, Choice]) -> Part:
    for value in (*raw.choices, *(example.label for example in raw.examples)):
        if value not in choices:
            raise ConfigError(f"guide {guide}, {raw.dimension}: {unknown('choice', value, choices)}")
    return Part(
        dimension=raw.dimension,
        name=raw.name.by_language(),
        choices=tuple(choices[value] for value in raw.choices),
        guideline=raw.guideline.by_language(),
        examples={lang: tuple(example.of(lang) for example in raw.examples) for lang in LANGS},
    )


def _path(part: Part) -> tuple[str, ...]:
    return () if part.dimension == "*" else category_parts(part.dimension)


@cache
def _benchmark(spec: str) -> Benchmark:
    parsed = parse(spec)
    plugin: Any = plugins.load("benchmarks", parsed.provider)
    built: Benchmark = plugin(parsed)
    return built
