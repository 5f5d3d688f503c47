"""The options that models behind an API share: what they are, their ranges, and what of them is sent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from honne.errors import ConfigError

__all__ = ["ASKED", "TRANSPORT", "check", "settings"]

# Where and how to ask: these do not change the answer.
TRANSPORT: Mapping[str, type] = {
    "base_url": str,
    "concurrency": int,
    "timeout": float,
    "key_env": str,
    "price_in": float,
    "price_out": float,
}
# What is asked: these are a model's `settings`.
ASKED: Mapping[str, type] = {
    "frequency_penalty": float,
    "logprobs": bool,
    "max_completion_tokens": int,
    "max_tokens": int,
    "presence_penalty": float,
    "seed": int,
    "stop": str,
    "system": str,
    "temperature": float,
    "top_logprobs": int,
    "top_p": float,
}
# `stream` and `n` would change the shape of the reply; the others are honne's own to fill.
_RESERVED = frozenset({"model", "messages", "n", "prompt", "stream"})


def check(name: str, given: Mapping[str, Any]) -> None:
    """Raises ConfigError for a number that is not finite or out of range."""
    for option, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{name}: option {option}={value} must be a finite number")
        if option in ("timeout", "concurrency", "max_tokens", "max_completion_tokens") and value <= 0:
            raise ConfigError(f"{name}: option {option}={value} must be above 0")
        if option in ("price_in", "price_out", "temperature", "top_p", "top_logprobs") and value < 0:
            raise ConfigError(f"{name}: option {option}={value} must not be negative")


def settings(name: str, given: Mapping[str, Any], asked: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options among `asked` as they are sent, and the fields of `body.FIELD` (JSON, else text).

    Raises ConfigError for a field that is not the user's to set.
    """
    out = {k: given[k] for k in sorted(asked) if k in given}
    if isinstance(stop := _json_or_text(out.get("stop", "")), list):
        out["stop"] = stop
    if "top_logprobs" in out:
        out["logprobs"] = True
    body: dict[str, Any] = {}
    for option in sorted(k for k in given if k.startswith("body.")):
        field = option.removeprefix("body.")
        if field in _RESERVED or field in out:
            raise ConfigError(f"{name}: {option} is honne's own to set")
        body[field] = _json_or_text(given[option])
    return out, body


def _json_or_text(value: str) -> Any:
    try:
        return msgspec.json.decode(value.encode())
    except ValueError:
        return value
