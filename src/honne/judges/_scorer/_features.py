"""Texts as hashed n-grams, a whole batch at a time, in numpy: several times as fast as scikit-learn's vectorizer.

A text is lower-cased and becomes an array of code points, with compatibility forms and digits made equal and white
space one blank. Counted are runs of characters, which serve every script, and runs of words, where a CJK character is a
word of its own, so that Chinese and Japanese need no segmentation. The hash of a run is multilinear in its symbols
modulo 2^64, of which the upper half is kept (Lemire and Kaser 2014, arXiv 1202.4961); nothing of a text can be read
back from it.

Answer, opening of the answer (where refusals are) and prompt are told apart by the constant that their hashes begin
with. In each of the three an n-gram counts once, and each has the length 1.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ANSWER", "BLOCKS", "SCHEME", "Grams", "grams"]

# A change of what is counted or hashed is a new scheme: weights of another one are refused.
SCHEME = 1
BLOCKS = ("answer", "opening", "prompt")
ANSWER = 0
# Characters that are read of an answer, its opening and its prompt: of a longer one, the two ends.
_LIMITS = (6000, 120, 1500)
_CHARS = (3, 4, 5)
_WORDS = (1, 2, 3)
# Letters of a word that its hash tells apart by place.
_LONG = 24
_BLANK, _LETTER, _CJK = 0, 1, 2
Array = NDArray[Any]


class Grams(NamedTuple):
    """The n-grams of `n` (prompt, answer) pairs: `hashes` (uint32), each in one row and block once, `rows` (rising) and
    `blocks` (places in BLOCKS) beside it, and `weights`, by which a block has the length 1."""

    hashes: Array
    rows: Array
    blocks: Array
    weights: Array
    n: int


def grams(pairs: Sequence[tuple[str, str]]) -> Grams:
    """The n-grams of (prompt, answer) pairs."""
    texts = [
        part
        for prompt, answer in pairs
        for part in (_ends(answer, _LIMITS[0]), answer[: _LIMITS[1]], _ends(prompt, _LIMITS[2]))
    ]
    symbols, of = _symbols(texts)
    keys = []
    for start, hashed, where in (*_characters(symbols, of), *_words(symbols, of)):
        block = _numbers("blocks", len(BLOCKS))[where % len(BLOCKS)]
        keys.append((where << np.uint64(32)) | ((hashed + block + start) >> np.uint64(32)))
    key = np.sort(np.concatenate(keys))
    if len(key):
        key = key[np.concatenate(([True], key[1:] != key[:-1]))]
    where = (key >> np.uint64(32)).astype(np.int64)
    each = np.bincount(where, minlength=len(texts))
    rows, blocks = np.divmod(where, len(BLOCKS))
    weights = (1 / np.sqrt(np.maximum(each, 1))).astype(np.float32)[where]
    return Grams(key.astype(np.uint32), rows, blocks, weights, len(pairs))


def _ends(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit * 2 // 3] + text[-(limit // 3) :]


def _symbols(texts: Sequence[str]) -> tuple[Array, Array]:
    """The symbols of all texts, a blank before and after each (uint64), and the number of the text that each is of."""
    padded = [f" {text.lower()} " for text in texts]
    lengths = np.fromiter(map(len, padded), np.int64, len(padded))
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32)
    folded = _folded()[np.minimum(codes, _PLANE - 1)]
    high = codes >= _PLANE
    codes = (np.where(high, codes, folded) if high.any() else folded).astype(np.uint64)
    of = np.repeat(np.arange(len(padded), dtype=np.uint64), lengths)
    blank = codes == 32
    keep = np.ones(len(codes), bool)
    keep[1:] = ~(blank[1:] & blank[:-1] & (of[1:] == of[:-1]))
    return codes[keep], of[keep]


def _characters(symbols: Array, of: Array) -> Iterator[tuple[Any, Array, Array]]:
    """For each length: its constant, the hashes of the runs, and the text of each."""
    factors, starts = _numbers("characters", max(_CHARS)), _numbers("lengths of characters", max(_CHARS) + 1)
    for n in _CHARS:
        runs = len(symbols) - n + 1
        if runs <= 0:
            continue
        within = of[:runs] == of[n - 1 :]
        hashed = symbols[:runs] * factors[0]
        for k in range(1, n):
            hashed += symbols[k : k + runs] * factors[k]
        yield starts[n], hashed[within], of[:runs][within]


def _words(symbols: Array, of: Array) -> Iterator[tuple[Any, Array, Array]]:
    """The same for runs of words."""
    kinds = _kinds()[np.minimum(symbols, np.uint64(_PLANE))]
    letter = kinds == _LETTER
    first = kinds == _CJK
    first[0:1] |= letter[0:1]
    first[1:] |= letter[1:] & (~letter[:-1] | (of[1:] != of[:-1]))
    at = np.flatnonzero(first)
    if not len(at):
        return
    number = np.cumsum(first) - 1
    # What stands before the first word is no letter: any place will do for it.
    place = np.minimum(np.abs(np.arange(len(symbols)) - at[number]), _LONG - 1)
    words = np.add.reduceat(symbols * _numbers("letters", _LONG)[place] * (kinds != _BLANK), at)
    # A word's hash is a sum, so that its upper half alone is well mixed: that half is what runs of words are made of.
    words = (words >> np.uint64(32)) + np.uint64(1)
    texts = of[at]
    factors, starts = _numbers("words", max(_WORDS)), _numbers("lengths of words", max(_WORDS) + 1)
    for n in _WORDS:
        runs = len(words) - n + 1
        if runs <= 0:
            continue
        within = texts[:runs] == texts[n - 1 :]
        hashed = words[:runs] * factors[0]
        for k in range(1, n):
            hashed += words[k : k + runs] * factors[k]
        yield starts[n], hashed[within], texts[:runs][within]


# ---------------------------------------------------------------------- tables

_PLANE = 0x10000


@cache
def _numbers(what: str, n: int) -> Array:
    """`n` odd 64-bit numbers, the same everywhere."""
    drawn = (hashlib.sha256(f"honne scorer {what} {i}".encode()).digest()[:8] for i in range(n))
    return np.array([int.from_bytes(d, "little") | 1 for d in drawn], np.uint64)


@cache
def _folded() -> Array:
    """For each code point of the basic plane the one that stands for it."""
    table = np.arange(_PLANE, dtype=np.uint32)
    for code in range(_PLANE):
        text = chr(code)
        if 0xD800 <= code < 0xE000:
            continue
        if text.isspace() or code < 32:
            table[code] = 32
        elif text.isdigit():
            table[code] = ord("0")
        elif code in (0x2018, 0x2019, 0x02BC, 0xFF07, 0x00B4):
            table[code] = ord("'")
        elif code > 0x7F and len(plain := unicodedata.normalize("NFKC", text).lower()) == 1:
            table[code] = ord(plain)
    return table


@cache
def _kinds() -> Array:
    """For each code point of the basic plane what it is in a word; the last entry is for all above it."""
    table = np.zeros(_PLANE + 1, np.uint8)
    for code in range(_PLANE):
        if 0x3040 <= code < 0x3100 or 0x31F0 <= code < 0x3200 or 0x3400 <= code < 0xA000 or 0xF900 <= code < 0xFB00:
            table[code] = _CJK
        elif chr(code).isalnum() or code == ord("'"):
            table[code] = _LETTER
    table[_PLANE] = _CJK
    return table
