"""Every error that honne raises on purpose: one class per boundary, one line a user can act on.

    HonneError                 exit code
    ├── ConfigError            2   a command, option, SPEC or honne.toml is wrong
    │   └── MissingExtra       2   an optional dependency is not installed (the pip line is printed)
    ├── DataError              2   a file or dataset cannot be read as what it should be
    ├── ModelError             2   one request to a model failed (data inside a run, fatal before its first answer)
    ├── JudgeError             2   a judge cannot be built or refuses to start
    ├── StoreError             2   a run folder cannot be written, is locked, or belongs to another spec
    ├── TrainingError          2   training cannot start or diverged
    └── Stopped                3   the run stopped early; the same command finishes it

A message says what, where, what is allowed and, for names, the nearest match. A bad answer inside a run is data, not an
exception: it becomes a status of its record.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "ConfigError",
    "DataError",
    "HonneError",
    "JudgeError",
    "MissingExtra",
    "ModelError",
    "Stopped",
    "StoreError",
    "TrainingError",
    "nearest",
    "unknown",
]


class HonneError(Exception):
    """Base of all deliberate errors; `exit_code` is what the command line returns for it."""

    exit_code = 2


class ConfigError(HonneError):
    """A command, option, SPEC or configuration file is wrong."""


class MissingExtra(ConfigError):
    """An optional dependency is missing."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an extra that is not installed: pip install 'honne[{extra}]'")


class DataError(HonneError):
    """A file or dataset cannot be read as what it should be."""


class ModelError(HonneError):
    """One request to a model failed.

    `kind` is a short stable word (`http_429`, `dropped`, `timeout`, `bad_reply`, `unreachable`, …). `retryable` says
    whether asking again may help; `retry_after` is the server's own wish in seconds; `item_fault` marks a 4xx that
    belongs to this item alone, so that it says nothing about the server's health; `fatal` marks an error that every
    request of the run would meet (wrong key, unknown model), which ends a run that has no answer yet.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        retryable: bool = False,
        retry_after: float | None = None,
        item_fault: bool = False,
        fatal: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after
        self.item_fault = item_fault
        self.fatal = fatal


class JudgeError(HonneError):
    """A judge cannot be built or refuses to start."""


class StoreError(HonneError):
    """A run folder cannot be written, is locked, or belongs to another spec."""


class TrainingError(HonneError):
    """Training cannot start or diverged."""


class Stopped(HonneError):
    """A run ended early with everything received kept; the same command goes on from there."""

    exit_code = 3


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """The allowed name closest to `name`, or None when nothing is close."""
    found = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return found[0] if found else None


def unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    """The one line for an unknown name: what it is, what is allowed, the nearest match."""
    names = sorted(set(allowed))
    near = nearest(name, names)
    hint = f" Did you mean {near!r}?" if near else ""
    listed = ", ".join(names) if names else "none"
    return f"unknown {what} {name!r}.{hint} Allowed: {listed}."
