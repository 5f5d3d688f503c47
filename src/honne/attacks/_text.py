"""What the attacks share: their texts, the language to speak, and a draw that depends on seed and request alone."""

from __future__ import annotations

import hashlib
import random
import tomllib
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import Any

from honne.records import Message

__all__ = ["LANGS", "draw", "language", "mostly_latin", "rewrite", "texts", "wrap"]

LANGS = ("en", "zh", "ja")
REQUEST = "{request}"


@cache
def texts(name: str) -> dict[str, Any]:
    """The texts of one attack (`texts/NAME.toml`), by language."""
    raw = resources.files("honne.attacks").joinpath(f"texts/{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(raw)


def language(lang: str, text: str) -> str:
    """The language to speak to an item: its own where there are texts in it, else that of its script, else English."""
    base = lang.replace("_", "-").split("-")[0].lower()
    if base in LANGS:
        return base
    if any("\u3041" <= c <= "\u30ff" for c in text):
        return "ja"
    return "zh" if any("\u4e00" <= c <= "\u9fff" for c in text) and not mostly_latin(text) else "en"


def mostly_latin(text: str) -> bool:
    """Whether most letters are A–Z: an alphabet's encoding means nothing in another script."""
    letters = [c for c in text if c.isalpha()]
    return 2 * sum(c.isascii() for c in letters) > len(letters)


def draw(seed: int, text: str) -> random.Random:
    """A generator that depends on the seed and the request, not on the order of the items. Use only its `random()`,
    which no version of Python changes."""
    digest = hashlib.sha256(f"{seed}:{text}".encode("utf-8", "surrogatepass")).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def rewrite(messages: Sequence[Message], change: Callable[[str], str]) -> tuple[Message, ...]:
    """The messages with the last one of the user changed; as they are where it is blank, or there is none."""
    out = list(messages)
    for place in reversed(range(len(out))):
        if out[place].role == "user":
            if out[place].content.strip():
                out[place] = Message(role="user", content=change(out[place].content))
            break
    return tuple(out)


def wrap(
    name: str, messages: Sequence[Message], seed: int, lang: str, encode: Callable[[str], str] = str
) -> tuple[Message, ...]:
    """The last request, word for word or encoded, inside one of the attack's texts in its language."""

    def change(text: str) -> str:
        variants = texts(name)[language(lang, text)]
        chosen: str = variants[int(draw(seed, text).random() * len(variants))]
        return chosen.strip("\n").replace(REQUEST, encode(text))

    return rewrite(messages, change)
