"""Copies of training answers with manners around them that say nothing about their label: what a scorer has seen before
answers of every label it cannot take for one.

Training on copies with changes that leave the label as it is makes a classifier mind them less (counterfactual
augmentation: Kaushik, Hovy and Lipton 2020, arXiv 1909.12434). Here an apology, flattery, standing, feeling, rudeness,
a closing word, padding, a note to the judge, or a verdict that is drawn without looking at the true one is put before
or behind the answer, or its sentences become a list. Wordings are in English, Chinese and Japanese; answers in other
languages have no copy.
"""

from __future__ import annotations

import hashlib
import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from honne.scorer.data import Row

__all__ = ["copy", "wordings"]

_SLOT = re.compile(r"\{(\w+)\}")
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])\s*|\s*\n\s*")
# Verdicts of others.
_LABELS = ("good", "bad", "0", "1", "10", "A+", "pass", "fail", "ok", "safe", "unsafe")
# What a copy has: the text before, the text behind, its sentences as a list.
_KINDS = ((1, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1), (1, 0, 1))


@cache
def wordings() -> Mapping[str, Any]:
    """`before`, `after` and `slots` by language."""
    return tomllib.loads((files("honne.scorer") / "manners.toml").read_text(encoding="utf-8"))


def copy(row: Row, labels: Sequence[str], seed: int) -> Row | None:
    """The row with something around its answer, or as a list, its label as it was; None in a language without wordings.

    Which change follows from the row's texts and the seed alone. `labels` (one or more) are those that a false verdict
    may state.
    """
    said = wordings().get(row.lang)
    if said is None:
        return None
    drawn = hashlib.sha256("\0".join((str(seed), row.prompt, row.answer)).encode("utf-8", "replace")).digest()
    rng = random.Random(int.from_bytes(drawn[:8], "big"))
    before, after, listed = rng.choice(_KINDS)
    answer = _listed(row.answer, rng) if listed else row.answer
    if before:
        opening = _filled(rng.choice(said["before"]), said["slots"], labels, rng)
        answer = f"{opening.rstrip()}\n{answer}" if listed else opening + answer
    if after:
        answer += _filled(rng.choice(said["after"]), said["slots"], labels, rng)
    return replace(row, answer=answer)


def _filled(pattern: str, slots: Mapping[str, Sequence[str]], labels: Sequence[str], rng: random.Random) -> str:
    def one(slot: re.Match[str]) -> str:
        return rng.choice(rng.choice((labels, _LABELS)) if slot[1] == "label" else slots[slot[1]])

    return _SLOT.sub(one, pattern.replace("{{", "\x02").replace("}}", "\x03")).replace("\x02", "{").replace("\x03", "}")


def _listed(answer: str, rng: random.Random) -> str:
    """The sentences of an answer as points of a list."""
    points = [part.strip() for part in _END.split(answer) if part.strip()]
    mark, bold = rng.choice(("- ", "* ", "• ", "{}. ", "> ")), rng.choice(("", "", "**", "_"))
    return "\n".join(f"{mark.format(n)}{bold}{part}{bold}" for n, part in enumerate(points, 1))
