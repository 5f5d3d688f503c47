"""Byte-level BPE read from a `tokenizer.json`, without any library: enough for the organism's own tokenizer.

The pre-tokenizer must be one split by a pattern that Python's `re` reads alike (the organism's is), then bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import pairwise

from honne.errors import DataError

__all__ = ["Tokenizer"]


def _byte_letters() -> dict[int, str]:
    """The printable letter that stands for each byte in a byte-level vocabulary (GPT-2's table)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in set(plain)]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + n) for n, byte in enumerate(others)}


_LETTER = _byte_letters()
_BYTE = {letter: byte for byte, letter in _LETTER.items()}


class Tokenizer:
    """Text to ids and back. Special tokens are never read out of a text: an answer cannot forge a turn."""

    def __init__(self, data: bytes, where: str) -> None:
        try:
            described = json.loads(data)
            model = described["model"]
            self.vocabulary: Mapping[str, int] = dict(model["vocab"])
            merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
            (split, _bytes) = described["pre_tokenizer"]["pretokenizers"]
            self._pieces = re.compile(split["pattern"]["Regex"])
            self.special: Mapping[str, int] = {t["content"]: int(t["id"]) for t in described["added_tokens"]}
        except (ValueError, KeyError, TypeError, re.error) as e:
            raise DataError(f"{where} is not a tokenizer like the organism's: {e!r}") from None
        self._ranks = {merge: n for n, merge in enumerate(merges)}
        self._text = {number: token for token, number in self.vocabulary.items()}
        self._cut = lru_cache(maxsize=100_000)(self._merged)

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without special tokens. A lone surrogate becomes `?`."""
        whole = text.encode("utf-8", "replace").decode()
        return [number for piece in self._pieces.findall(whole) for number in self._cut(piece)]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, special tokens left out; bytes that are no UTF-8 become U+FFFD."""
        special = set(self.special.values())
        letters = "".join(self._text.get(number, "") for number in ids if number not in special)
        return bytes(_BYTE[letter] for letter in letters if letter in _BYTE).decode("utf-8", "replace")

    def _merged(self, piece: str) -> tuple[int, ...]:
        parts = [_LETTER[byte] for byte in piece.encode()]
        while len(parts) > 1:
            ranked = [(self._ranks.get((a, b), -1), n) for n, (a, b) in enumerate(pairwise(parts))]
            known = [found for found in ranked if found[0] >= 0]
            if not known:
                break
            _, at = min(known)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return tuple(self.vocabulary[part] for part in parts)
