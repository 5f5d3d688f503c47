"""Full width: ASCII characters are written in their full-width forms, as in East Asian typesetting.

It looks alike to a reader and is another sequence of tokens to a model; NFKC undoes it. It does not apply (the messages
stay as they are) to a request that is mostly in another script than Latin.
"""

from __future__ import annotations

from collections.abc import Sequence

from honne.attacks._text import mostly_latin, rewrite
from honne.records import Message

__all__ = ["PLUGIN"]

_WIDE = {0x20: 0x3000, **{c: c + 0xFEE0 for c in range(0x21, 0x7F)}}


def full_width(messages: Sequence[Message], *, seed: int) -> tuple[Message, ...]:
    return rewrite(messages, lambda text: text.translate(_WIDE) if mostly_latin(text) else text)


PLUGIN = full_width
