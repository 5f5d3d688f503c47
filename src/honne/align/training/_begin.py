"""The folder of a training: begun, or gone on with where it is the same training that was broken off."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from honne.align.training._checkpoint import read_standing
from honne.align.training._load import tokens_of
from honne.align.training._log import cut
from honne.align.training._material import Material
from honne.align.training._outcome import NAME, environment
from honne.align.training._settings import Settings
from honne.align.training._standing import Standing
from honne.errors import ConfigError, StoreError

__all__ = ["begin"]


def begin(settings: Settings, out: Path, found: Material) -> tuple[dict[str, Any], Standing | None]:
    """The record of this training and where it stands, None before its first step.

    Raises StoreError where the folder holds something else or a finished training, ConfigError for another one.
    """
    told = {
        "format": 1,
        "done": False,
        "settings": settings.identity(),
        "pairs": found.files,
        "environment": environment(),
        "start": _start(found, settings),
    }
    known = _known(out)
    if known is None:
        return told, None
    _same(out, known, told)
    at = read_standing(out)
    cut(out, 0 if at is None else at.step)
    return told, at


def _start(found: Material, settings: Settings) -> dict[str, Any]:
    """What the training starts from; the first pair shows how prompts and answers are written."""
    tokens, first = found.tokens, found.train.examples[0]
    return {
        "model": tokens.name,
        "weights": tokens.fingerprint,
        "reference": None if settings.reference is None else tokens_of(settings.reference).fingerprint,
        "template": tokens.prompter.template_hash,
        "start_token": tokens.prompter.start,
        "end_token": tokens.answers.end,
        "first_pair": {side: list(getattr(first, side)) for side in ("prompt", "chosen", "rejected")},
    }


def _known(out: Path) -> dict[str, Any] | None:
    path = out / NAME
    try:
        known = json.loads(path.read_bytes())
    except FileNotFoundError:
        if any(p.name[0] != "." for p in out.iterdir()):
            raise StoreError(f"{out} is not empty and holds no training: name another folder with -o") from None
        return None
    except (OSError, ValueError) as e:
        raise StoreError(f"cannot read {path}: {e}; restore it from a copy, or remove {out} to train again") from None
    if not isinstance(known, dict) or not isinstance(known.get("settings"), dict):
        raise StoreError(f"{path} is no record of honne align: name another folder with -o")
    if known.get("done"):
        raise StoreError(f"{out} holds a finished training: name another folder with -o")
    return known


def _same(out: Path, known: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    was, now = _identity(known), _identity(mine)
    keys = sorted(was.keys() | now.keys())
    differing = [f"{k}: was {was.get(k)}, now {now.get(k)}" for k in keys if was.get(k) != now.get(k)]
    if differing:
        raise ConfigError(f"{out} holds another training ({'; '.join(differing)}): name another folder with -o")


def _identity(told: Mapping[str, Any]) -> dict[str, Any]:
    start = told.get("start", {})
    pairs = {f"{what} pairs": of.get("sha256") for what, of in told.get("pairs", {}).items()}
    kept = {f"start.{what}": start.get(what) for what in ("weights", "reference", "template")}
    return {**told["settings"], **pairs, **kept}
