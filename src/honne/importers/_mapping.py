"""`--map` and `--label-map`: pairs `name=value`, separated by commas.

A name or value that holds a comma, `=`, a quote at its start or space at its ends is put in single or double quotes; a
backslash takes the next character as it is, inside quotes and outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from honne.errors import ConfigError, unknown
from honne.judges.labels import plain

__all__ = ["ColumnMap", "pairs", "parse_label_map", "parse_map"]

_SINGLE = ("prompt", "response", "model", "id", "group", "lang", "form")
_ALLOWED = (*_SINGLE, "category", "label", "label.NAME")


@dataclass(frozen=True)
class ColumnMap:
    """Which column holds what. `categories` are the levels of the path, in order; `labels` maps judge key to column."""

    prompt: str
    response: str | None = None
    model: str | None = None
    id: str | None = None
    group: str | None = None
    lang: str | None = None
    form: str | None = None
    categories: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


def parse_map(texts: Sequence[str]) -> ColumnMap:
    """Read all `--map` texts. Raises ConfigError for an unknown or repeated name, and when no prompt is mapped.

    Only `category` may be repeated: each further one is a deeper level.
    """
    single: dict[str, str] = {}
    categories: list[str] = []
    labels: dict[str, str] = {}
    for name, column in pairs(texts, "--map"):
        head, dot, labeller = name.partition(".")
        if not column:
            raise ConfigError(f"--map {name}: the column's name is empty")
        if name == "category":
            categories.append(column)
            continue
        if name == "label" or (head == "label" and labeller):
            key, into = (f"labels{dot}{labeller}", labels)
        elif name in _SINGLE:
            key, into = (name, single)
        else:
            raise ConfigError(f"--map: {unknown('name', name, _ALLOWED)}")
        if key in into:
            raise ConfigError(f"--map: {name!r} is given twice ({into[key]!r} and {column!r})")
        into[key] = column
    if "prompt" not in single:
        raise ConfigError("--map needs prompt=COLUMN, the column of the questions")
    return ColumnMap(**single, categories=tuple(categories), labels=labels)


def parse_label_map(texts: Sequence[str]) -> dict[str, str] | None:
    """Read all `--label-map` texts: label in the file -> label meant; None when there are none.

    Raises ConfigError for a blank side and for a label that is mapped to two.
    """
    out: dict[str, str] = {}
    for raw, label in pairs(texts, "--label-map"):
        if not raw.strip() or not label.strip():
            raise ConfigError(f"--label-map {raw}={label}: neither side may be blank (blank labels are skipped)")
        for spelling in dict.fromkeys((raw.strip(), plain(raw))):
            if out.setdefault(spelling, label) != label:
                raise ConfigError(f"--label-map: {raw!r} is mapped to {out[spelling]!r} and to {label!r}")
    return out or None


def pairs(texts: Iterable[str], option: str) -> list[tuple[str, str]]:
    """All `name=value` pairs of an option's texts, unquoted. Raises ConfigError with the text that cannot be read."""
    out: list[tuple[str, str]] = []
    for text in texts:
        at = 0
        while True:
            name, at = _part(text, at, "=,", option)
            if text[at : at + 1] != "=":
                raise ConfigError(f"{option} {text!r}: {name!r} is not of the form name=value")
            value, at = _part(text, at + 1, ",=", option)
            if text[at : at + 1] == "=":
                raise ConfigError(f"{option} {text!r}: put a value that holds '=' in quotes")
            out.append((name, value))
            if at == len(text):
                break
            at += 1
    return out


def _part(text: str, at: int, stops: str, option: str) -> tuple[str, int]:
    """One name or value from `at`, and where it ends: at one of `stops`, or at the end of the text."""
    while text[at : at + 1].isspace():
        at += 1
    if text.startswith(("label.'", 'label."'), at):
        labeller, at = _part(text, at + len("label."), stops, option)
        return f"label.{labeller}", at
    quote = text[at : at + 1]
    if quote not in ('"', "'"):
        # Trailing space is dropped unless it was escaped.
        value, at = _until(text, at, stops, option)
        return value, at
    value, at = _until(text, at + 1, quote, option)
    if at == len(text):
        raise ConfigError(f"{option} {text!r}: the quote {quote} is never closed")
    at += 1
    while text[at : at + 1].isspace():
        at += 1
    if at < len(text) and text[at] not in stops:
        raise ConfigError(f"{option} {text!r}: expected ',' or '=' after the closing quote, got {text[at]!r}")
    return value, at


def _until(text: str, at: int, stops: str, option: str) -> tuple[str, int]:
    taken: list[str] = []
    keep = 0
    quoted = stops in ('"', "'")
    while at < len(text) and text[at] not in stops:
        escaped = text[at] == "\\"
        if escaped:
            at += 1
            if at == len(text):
                raise ConfigError(f"{option} {text!r}: ends in a backslash")
        taken.append(text[at])
        if escaped or quoted or not text[at].isspace():
            keep = len(taken)
        at += 1
    return "".join(taken[:keep]), at
