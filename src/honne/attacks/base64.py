"""Base64: the request is encoded, with the order to decode and answer it.

Wei et al. 2023, Jailbroken (arXiv 2307.02483). Any text encodes, in any script; a lone surrogate too.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

from honne.attacks._text import wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def _encoded(text: str) -> str:
    return b64encode(text.encode("utf-8", "surrogatepass")).decode()


def base64(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    return wrap("base64", messages, seed, lang, _encoded)


PLUGIN = base64
