"""The prompt templates of the rubric judge: one text file a language, in sections, filled in one pass."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["LANGUAGES", "Template", "fill", "language", "load"]

LANGUAGES = ("en", "ja", "zh")
_SLOT = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Template:
    """One language's texts; `source` is the whole file, which a judge's key hashes."""

    source: str
    system: str
    user: str
    repair: str
    words: Mapping[str, str]


def language(tag: str) -> str:
    """The template language for a language tag (`zh-Hans` -> `zh`); English for one that has no template."""
    base = re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0]
    return base if base in LANGUAGES else "en"


@cache
def load(lang: str) -> Template:
    """The template of one of `LANGUAGES`."""
    source = files("honne.judges").joinpath("prompts", f"llm.{lang}.txt").read_text(encoding="utf-8")
    pieces = re.split(r"^## (\w+)\n", source, flags=re.MULTILINE)
    sections = dict(zip(pieces[1::2], (text.strip("\n") for text in pieces[2::2]), strict=True))
    words = dict(line.split(": ", 1) for line in sections.pop("words").splitlines())
    return Template(source=source, words=words, **sections)


def fill(text: str, **slots: str) -> str:
    """Put the values into `{{slots}}`, in one pass: a value that contains a slot is never filled again."""
    return _SLOT.sub(lambda m: slots[m[1]], text)
