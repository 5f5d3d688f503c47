"""Texts that a database column can hold: NUL, which PostgreSQL refuses, and lone surrogates, which no database takes,
are escaped (`honne.text.escape`); of long texts there is the beginning."""

from __future__ import annotations

import json
from typing import Any

from honne.text import escape, restore

__all__ = ["LONGEST", "dumps", "escape", "head", "loads", "restore"]

LONGEST = 1 << 16
"""Bytes of UTF-8 of a text that the database holds; of a longer one it has the beginning, and the run folder all."""


def head(text: str) -> tuple[str, bool]:
    """The first `LONGEST` bytes of a text, and whether that is less than all of it."""
    encoded = text.encode(errors="surrogatepass")
    if len(encoded) <= LONGEST:
        return text, False
    cut = encoded[:LONGEST]
    # A character is not cut: what follows its first byte begins with the bits 10.
    while cut and encoded[len(cut)] & 0xC0 == 0x80:
        cut = cut[:-1]
    return cut.decode(errors="surrogatepass"), True


def dumps(value: Any) -> str:
    """JSON in ASCII: it holds any text and fits any column."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True)


def loads(text: str | None) -> Any:
    """What `dumps` wrote; None for none."""
    return None if text is None else json.loads(text)
