"""The SPEC by which a model that was trained, or its base, is asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from honne.align.training._settings import Settings
from honne.models.organism import packaged
from honne.spec import Spec

__all__ = ["as_given", "asked"]


def asked(settings: Settings, folder: Path) -> str:
    """The SPEC by which the model that was trained into `folder` is asked."""
    base, where = settings.model, str(folder)
    if base.provider == "organism":
        if settings.lora is None:
            return f"organism/kitsune?path={quote(where)}"
        base = Spec("hf", base.options.get("path") or str(packaged()))
    kept = {k: v for k, v in base.real.items() if settings.lora is not None or k not in ("revision", "adapter")}
    if settings.lora is not None:
        return _text(Spec(base.provider, base.name, {**kept, "adapter": where}), settings)
    return _text(Spec("hf", where, kept), settings)


def as_given(settings: Settings) -> str:
    """The SPEC by which the base is asked."""
    return _text(Spec(settings.model.provider, settings.model.name, settings.model.real), settings)


def _text(spec: Spec, settings: Settings) -> str:
    options: Mapping[str, Any] = spec.options
    if spec.provider == "hf" and settings.device is not None:
        options = {**options, "device": settings.device}
    tail = "&".join(f"{quote(k)}={quote(str(v))}" for k, v in options.items())
    return f"{spec.label}?{tail}" if tail else spec.label
