"""Reasoning that a model writes into its text, kept apart from its answer."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Split", "split"]

_OPEN, _CLOSE = "<think>", "</think>"


class Split(NamedTuple):
    """`closed` is False when the reasoning never ended: then there is no answer, only `reasoning`."""

    answer: str
    reasoning: str | None
    closed: bool


def split(text: str, *, bare_end: bool = True) -> Split:
    """Part leading `<think>…</think>` blocks from the answer.

    A text whose first tag is `</think>` had its opening tag in the chat template's prompt: what stands before it is
    reasoning too, unless `bare_end` is False (the server took the reasoning out already). A block further inside is
    left alone: an answer may quote the tag.
    """
    if _CLOSE not in text and not text.lstrip().startswith(_OPEN):
        return Split(text, None, True)
    thoughts: list[str] = []
    rest = text
    before, end, after = text.partition(_CLOSE)
    if bare_end and end and _OPEN not in before:
        thoughts.append(before.strip())
        rest = after
    while (bare := rest.lstrip()).startswith(_OPEN):
        inside, end, after = bare[len(_OPEN) :].partition(_CLOSE)
        thoughts.append(inside.strip())
        if not end:
            return Split("", _joined(thoughts), False)
        rest = after
    return Split(rest.lstrip() if thoughts else text, _joined(thoughts), True)


def _joined(thoughts: list[str]) -> str | None:
    return "\n\n".join(t for t in thoughts if t) or None
