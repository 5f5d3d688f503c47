"""Texts that a database column can hold: NUL and lone surrogates are written as an escape and read back as they were.

PostgreSQL refuses NUL in text, and no database takes half of a surrogate pair. Both become the control character
SUBSTITUTE and four hexadecimal digits, and so does SUBSTITUTE itself: `restore(escape(text)) == text` for any text, and
a text without these characters is unchanged.
"""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["LONGEST", "dumps", "escape", "head", "loads", "restore"]

LONGEST = 1 << 16
"""Bytes of UTF-8 of a text that the database holds; of a longer one it has the beginning, and the run folder all."""

_SUBSTITUTE = "\x1a"
_UNFIT = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


def escape(text: str) -> str:
    """`text` as a database column can hold it."""
    return _UNFIT.sub(lambda m: f"{_SUBSTITUTE}{ord(m[0]):04x}", text)


def restore(text: str) -> str:
    """Undo `escape`."""
    return _ESCAPED.sub(lambda m: chr(int(m[1], 16)), text)


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
