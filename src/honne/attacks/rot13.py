"""ROT13: every Latin letter is moved by 13 places, with the order to decode and answer the request.

Wei et al. 2023, Jailbroken (arXiv 2307.02483). It does not apply (the messages stay as they are) to a request that is
mostly in another script: there it would change nothing but a word here and there.
"""

from __future__ import annotations

from codecs import encode
from collections.abc import Sequence

from honne.attacks._text import mostly_latin, wrap
from honne.records import Message

__all__ = ["PLUGIN"]


def rot13(messages: Sequence[Message], *, seed: int, lang: str = "en") -> tuple[Message, ...]:
    last = next((m.content for m in reversed(messages) if m.role == "user"), "")
    if not mostly_latin(last):
        return tuple(messages)
    return wrap("rot13", messages, seed, lang, lambda text: encode(text, "rot13"))


PLUGIN = rot13
