"""Replies of ours, where a model's own are missing: refusals in three languages (`refusals.toml`), drawn by seed."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from honne.align.pairs._base import pick
from honne.attacks._text import language
from honne.judges._refusal import REFUSED, read

__all__ = ["refusal", "refuses"]


@cache
def _refusals() -> dict[str, list[str]]:
    raw = (resources.files("honne.align.pairs") / "refusals.toml").read_text(encoding="utf-8")
    return {lang: table["texts"] for lang, table in tomllib.loads(raw).items()}


def refusal(lang: str, request: str, seed: int, item: str, number: int = 0) -> str:
    """A refusal in the language of an item (else of its script, else English); another one for every `number`, until
    all have been given."""
    texts = _refusals()[language(lang, request)]
    return texts[(pick(len(texts), seed, item, "refusal") + number) % len(texts)]


def refuses(text: str, request: str) -> bool | None:
    """Whether an answer refuses in full, by the rules of the judge `refusal`; None where that cannot be told."""
    label = read(text, request).label
    return None if label is None else label == REFUSED
