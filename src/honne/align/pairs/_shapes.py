"""The shapes in which preference data are published, each read into a prompt and its answers. Nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from honne.align.pairs._base import sound
from honne.errors import ConfigError, DataError, unknown
from honne.records import Message
from honne.rows import DataRow

__all__ = ["Bad", "Sides", "listed", "shape_of", "sides_of"]

_ROLES = ("system", "user", "assistant")
_TURN = re.compile(r"(?:\A|\n\n)(Human|Assistant):[ \t]?")
_SPEAKERS = {"Human": "user", "Assistant": "assistant"}
_TRUE, _FALSE = {"true", "1", "yes", "desirable"}, {"false", "0", "no", "undesirable"}


class Sides(NamedTuple):
    """One row: `chosen_safe` and `rejected_safe` where the shape says so; of a single completion the first says whether
    it is a wanted one."""

    prompt: tuple[Message, ...]
    chosen: str
    rejected: str | None
    chosen_safe: bool | None = None
    rejected_safe: bool | None = None


class Bad(Exception):
    """A row that is of the shape and yet no pair: it is left out, and counted by this reason."""


Reader = Callable[[DataRow, Mapping[str, str]], Sides]


def shape_of(first: DataRow, named: Mapping[str, str]) -> tuple[Reader, dict[str, str]]:
    """How to read the rows of a file, by the columns of its first row and those that the user `named`.

    Returns the reader and the column of each part. Raises ConfigError for a column that is not there, DataError where
    the columns are those of no shape.
    """
    there = list(first.fields)
    for option, column in named.items():
        if column not in there:
            raise ConfigError(f"{first.where}: {option}=…: {unknown('column', column, there)}")
    for parts, reader in _SHAPES:
        columns = {part: named.get(part) or next((c for c in names if c in there), None) for part, names in parts}
        if set(named) <= set(columns) and all(columns.values()):
            return reader, {part: column for part, column in columns.items() if column is not None}
    raise DataError(
        f"{first.where}: the columns ({', '.join(there)}) are those of no known shape: name them with "
        "prompt=…&chosen=…&rejected=… or prompt=…&completion=…&label=…"
    )


# -------------------------------------------------------------------- shapes


def _explicit(row: DataRow, columns: Mapping[str, str]) -> Sides:
    prompt = _prompt(row, columns["prompt"])
    found = sides_of(prompt, *(_answer(row, columns[side], prompt) for side in ("chosen", "rejected")))
    by_name = columns["chosen"] == _SAFE and columns["rejected"] == _UNSAFE
    return found._replace(chosen_safe=True, rejected_safe=False) if by_name else found


def _implicit(row: DataRow, columns: Mapping[str, str]) -> Sides:
    chosen, rejected = (_conversation(row, columns[side]) for side in ("chosen", "rejected"))
    if chosen[:-1] != rejected[:-1]:
        raise Bad("two conversations that do not share their prompt")
    if chosen[-2].role != "user":
        raise Bad("a conversation whose answer does not follow the user")
    return sides_of(chosen[:-1], sound(chosen[-1].content), sound(rejected[-1].content))


def _unpaired(row: DataRow, columns: Mapping[str, str]) -> Sides:
    prompt = _prompt(row, columns["prompt"])
    completion = _answer(row, columns["completion"], prompt)
    if not completion:
        raise Bad("empty answer")
    label = row.fields[columns["label"]]
    told = str(label).strip().lower()
    if told not in _TRUE | _FALSE:
        raise DataError(f"{row.where}: {columns['label']} is {label!r}: it must be true or false")
    return Sides(prompt, completion, None, told in _TRUE)


# JADE's columns: "safe and useful answer", "answer that breaks the rules".
_SAFE, _UNSAFE = "安全有用回答", "违规回答"
_PAIR = (("chosen", ("chosen", "pos_resp", _SAFE)), ("rejected", ("rejected", "neg_resp", _UNSAFE)))
_PROMPT = ("prompt", ("prompt", "question", "问题"))
_SHAPES: tuple[tuple[Sequence[tuple[str, Sequence[str]]], Reader], ...] = (
    ((_PROMPT, *_PAIR), _explicit),
    ((_PROMPT, ("completion", ("completion",)), ("label", ("label",))), _unpaired),
    (_PAIR, _implicit),
)


def sides_of(prompt: tuple[Message, ...], chosen: str, rejected: str) -> Sides:
    """A prompt with its two answers. Raises Bad where they are no pair."""
    if not chosen or not rejected:
        raise Bad("empty answer")
    if chosen == rejected:
        raise Bad("equal sides")
    return Sides(prompt, chosen, rejected)


# --------------------------------------------------------------------- cells


def _prompt(row: DataRow, column: str) -> tuple[Message, ...]:
    value = row.fields[column]
    found = listed(row, column, value) if isinstance(value, list) else _spoken(row, column)
    if not any(m.role == "user" and m.content.strip() for m in found):
        raise Bad("empty prompt")
    if found[-1].role == "assistant":
        raise DataError(f"{row.where}: column {column!r} ends with the assistant: a prompt ends with the user")
    return found


def _spoken(row: DataRow, column: str) -> tuple[Message, ...]:
    """A prompt as text: one request, or a transcript that ends where the assistant's answer begins."""
    text = sound(_text(row, column))
    if not re.match(r"Human:", text):
        return (Message("user", text),)
    found = _turns(row, column, text)
    return found[:-1] if found[-1] == Message("assistant", "") else found


def _answer(row: DataRow, column: str, prompt: Sequence[Message]) -> str:
    """A text, or messages: the answer alone, or the whole conversation with the prompt in front."""
    value = row.fields[column]
    if not isinstance(value, list):
        return sound(_text(row, column))
    found = listed(row, column, value)
    if len(found) > 1 and found[:-1] == tuple(prompt):
        found = found[-1:]
    if len(found) != 1 or found[0].role != "assistant":
        raise DataError(
            f"{row.where}: column {column!r} must hold one message of the assistant, after the prompt if any"
        )
    return sound(found[0].content)


def _conversation(row: DataRow, column: str) -> tuple[Message, ...]:
    value = row.fields[column]
    found = listed(row, column, value) if isinstance(value, list) else _turns(row, column, _text(row, column))
    if len(found) < 2 or found[-1].role != "assistant":
        raise DataError(f"{row.where}: column {column!r} must be a conversation that ends with the assistant's answer")
    return found


def _turns(row: DataRow, column: str, text: str) -> tuple[Message, ...]:
    """The turns of a transcript. Raises DataError for a text that is none."""
    parts = _TURN.split("\n\n" + text.lstrip())
    if len(parts) < 3 or parts[0].strip():
        raise DataError(
            f"{row.where}: column {column!r} is no transcript that begins with 'Human:'; where it is the answer alone, "
            "the prompt needs a column of its own"
        )
    turns = (Message(_SPEAKERS[who], sound(said)) for who, said in zip(parts[1::2], parts[2::2], strict=True))
    return tuple(turns)


def listed(row: DataRow, column: str, value: Sequence[Any]) -> tuple[Message, ...]:
    """Messages {"role": …, "content": …}. Raises DataError for what is none, Bad where there is not one."""
    out = []
    for entry in value:
        role, content = (entry.get("role"), entry.get("content")) if isinstance(entry, dict) else (None, None)
        if role not in _ROLES or not isinstance(content, str):
            raise DataError(
                f'{row.where}: column {column!r} must be a list of {{"role": "user", "content": "…"}}; '
                f"roles are {', '.join(_ROLES)}"
            )
        out.append(Message(role, sound(content)))
    if not out:
        raise Bad("empty prompt" if column == "prompt" else "empty answer")
    return tuple(out)


def _text(row: DataRow, column: str) -> str:
    value = row.fields[column]
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise DataError(f"{row.where}: column {column!r} holds {type(value).__name__}, not text or a list of messages")
