"""What a training leaves: a model as Hugging Face reads it, `align.json`, and a card."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from honne._version import __version__
from honne.align.training import _checkpoint
from honne.align.training._load import Loaded
from honne.align.training._standing import Standing
from honne.align.training._training import Training
from honne.engine.journal import os_failure, write_atomic
from honne.errors import Stopped

__all__ = ["NAME", "environment", "finish", "write_record"]

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


def finish(of: Training, at: Standing, told: Mapping[str, Any]) -> dict[str, Any]:
    """Save the best weights (the last, without pairs to tune on), and return the whole record."""
    if of.material.tuning is None or not at.kept:
        at.kept = at.step
    elif at.kept != at.step:
        _checkpoint.load_best(of.out, at.kept, of.scorer)
    held = _checkpoint.weights(of.scorer)
    whole = {
        **told,
        "done": True,
        "taken": at.step,
        "kept": at.kept,
        "tuning_loss": at.best,
        "warnings": list(at.watch.warned.values()),
        "seconds": round(at.seconds, 1),
    }
    if of.processes.main:
        with _written(of.out):
            _save_model(of.out, of.loaded, held)
        _write_card(of.out, whole, _base(of))
        # written last: its `done` says that the model is whole
        write_record(of.out, whole)
        _checkpoint.clear(of.out)
    of.processes.wait()
    return whole


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    """The typed error for a model that could not be written: the training is kept, and is gone on with."""
    from safetensors import SafetensorError

    try:
        yield
    except OSError as e:
        raise os_failure(e, folder, "write the model to") from None
    except SafetensorError as e:  # what it says of a full disk
        raise Stopped(f"cannot write the model to {folder}: {e}; the same command tries again") from None


def _save_model(folder: Path, loaded: Loaded, held: Mapping[str, Any]) -> None:
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
        model.save_pretrained(folder, state_dict=floating)
        # it has written the type that was trained in
        model.config.dtype = loaded.stored
        model.config.save_pretrained(folder)
    loaded.tokens.tokenizer.save_pretrained(folder)
    for tensors in folder.glob("*.safetensors"):
        # safetensors writes for the owner alone
        shutil.copymode(folder / NAME, tensors)


def _base(of: Training) -> str:
    """The base for the card, which is made to be shared: a name of the Hub, or of a folder without its path."""
    spec, where = of.settings.model, Path(of.loaded.tokens.where)
    return spec.label if spec.provider == "organism" else where.resolve().name if where.is_dir() else spec.name


def _write_card(folder: Path, told: Mapping[str, Any], base: str) -> None:
    """README.md: what was trained, on what, and that nothing is proven by it."""
    import jinja2

    source = resources.files("honne.align.training").joinpath("card.md").read_text(encoding="utf-8")
    made = jinja2.Environment(autoescape=False, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    made.filters["plain"] = _plain
    write_atomic(folder / "README.md", made.from_string(source).render(told=told, base=base).encode())


def _plain(text: Any) -> str:
    """Text that neither Markdown nor HTML obeys, on one line."""
    one = " ".join(str(text).split())
    return "".join(f"&#{ord(c)};" if c in "&<>`*_[]()|\\#!" else c for c in one)
