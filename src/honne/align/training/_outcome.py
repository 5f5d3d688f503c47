"""What a training leaves: a model as Hugging Face reads it, `align.json`, and a card."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from honne._version import __version__
from honne.align.training._load import Loaded
from honne.engine.journal import write_atomic

__all__ = ["NAME", "environment", "save_model", "write_card", "write_record"]

NAME = "align.json"
_LIBRARIES = ("torch", "transformers", "accelerate", "peft", "safetensors", "tokenizers")


def environment() -> dict[str, str]:
    """The versions of what took part."""
    found = {"honne": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write_record(folder: Path, told: Mapping[str, Any]) -> None:
    """Replace `align.json`."""
    write_atomic(folder / NAME, (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode())


def save_model(folder: Path, loaded: Loaded, held: Mapping[str, Any]) -> None:
    """The model in the type it came in (an adapter in its own), with its tokenizer. `held` are the trained weights."""
    model = loaded.model
    names = {k.removeprefix("model."): v for k, v in held.items()}
    if hasattr(model, "peft_config"):
        model.save_pretrained(folder, state_dict=names, safe_serialization=True)
    else:
        model.config.use_cache = True
        # what is tied to another weight is not stored twice
        tied = set(getattr(model, "all_tied_weights_keys", None) or ())
        kept = {k: v for k, v in names.items() if k not in tied}
        floating = {k: v.to(loaded.stored) if v.is_floating_point() else v for k, v in kept.items()}
        model.config.dtype = loaded.stored
        model.save_pretrained(folder, state_dict=floating)
    loaded.tokens.tokenizer.save_pretrained(folder)


def write_card(folder: Path, told: Mapping[str, Any], base: str) -> None:
    """README.md: what was trained, on what, and that nothing is proven by it."""
    import jinja2

    source = resources.files("honne.align.training").joinpath("card.md").read_text(encoding="utf-8")
    made = jinja2.Environment(autoescape=False, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    plain = {"base": json.dumps(base), "adapter": told["settings"]["lora"] is not None, "told": told}
    write_atomic(folder / "README.md", made.from_string(source).render(**plain).encode())
