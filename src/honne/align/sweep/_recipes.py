"""What a sweep tries: methods times a grid. Plain SFT is always among them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from honne.align.method import Method
from honne.align.training import method_of
from honne.errors import ConfigError, unknown
from honne.spec import slug

__all__ = ["BASELINE", "TEN", "Recipe", "recipes"]

TEN = ("dpo", "rdpo", "ipo", "slic", "kto", "exo", "nca", "sppo", "aot", "aot-unpaired")
BASELINE = "sft"
# What a grid may vary beside the parameters of the methods.
_TRAINING = ("lr", "sft-weight")
_MOST = 1000


@dataclass(frozen=True)
class Recipe:
    """One configuration. `label` holds what sets it apart from the others on the same pairs: `dpo?beta=0.05`. Of
    several sets `pairs` is the one to learn from and `of` its name."""

    label: str
    method: Method
    parameters: Mapping[str, float | bool]
    lr: float
    sft_weight: float
    pairs: Path | None = None
    of: str = ""

    @property
    def name(self) -> str:
        return f"{self.of} · {self.label}" if self.of else self.label

    @property
    def baseline(self) -> bool:
        return self.method.name == BASELINE

    @property
    def folder(self) -> str:
        own = slug(self.label.replace("=", "-"))
        return f"{slug(self.of)}/{own}" if self.of else own


def recipes(methods: str, grid: Sequence[str], lr: float, sft_weight: float) -> list[Recipe]:
    """`dpo,nca?beta=0.2` (`all`: the ten and sft) times `beta=0.05,0.1`, in that order, sft first.

    A grid's parameter is left out for a method that has none of that name or names its own value, and plain SFT takes
    no further NLL. Raises ConfigError for what no method knows or allows.
    """
    named = [name.strip() for name in methods.split(",") if name.strip()]
    if not named:
        raise ConfigError("--methods names none: all, or e.g. dpo,nca?beta=0.2")
    texts = [text for name in named for text in (TEN if name == "all" else (name,))]
    if not any(text.partition("?")[0] == BASELINE for text in texts):
        texts.insert(0, BASELINE)
    texts.sort(key=lambda text: text.partition("?")[0] != BASELINE)
    axes = _grid(grid)
    known = {name for text in texts for name in method_of(text)[0].parameters} | set(_TRAINING)
    for key in axes:
        if key not in known:
            raise ConfigError(f"--grid: {unknown('parameter', key, known)}")
    found: dict[tuple[object, ...], Recipe] = {}
    for text in dict.fromkeys(texts):
        for one in _expanded(text, axes, lr, sft_weight):
            found.setdefault((one.method.name, tuple(one.parameters.items()), one.lr, one.sft_weight), one)
    if len(found) > _MOST:
        raise ConfigError(f"{len(found):,} configurations: at most {_MOST:,}")
    folders = [one.folder for one in found.values()]
    for one in found.values():
        if folders.count(one.folder) > 1:
            raise ConfigError(f"two configurations would share the folder {one.folder}: name fewer")
    return list(found.values())


def _grid(texts: Sequence[str]) -> dict[str, list[str]]:
    """`beta=0.05,0.1,lr=1e-4` as values by parameter."""
    axes: dict[str, list[str]] = {}
    for text in texts:
        key = ""
        for part in text.split(","):
            name, eq, value = part.partition("=")
            if eq:
                key, part = name.strip(), value
                if key in axes:
                    raise ConfigError(f"--grid: {key} is named twice")
                axes[key] = []
            if not key or not part.strip():
                raise ConfigError(f"--grid {text!r} is not of the form parameter=value,value")
            axes[key].append(part.strip())
    return axes


def _expanded(text: str, axes: Mapping[str, Sequence[str]], lr: float, sft_weight: float) -> Iterator[Recipe]:
    method, _ = method_of(text)
    head, _, tail = text.partition("?")
    own = dict(part.split("=", 1) for part in tail.split("&") if part)
    plain = method.name == BASELINE
    mine = [
        k for k in axes if (k in method.parameters and k not in own) or (k in _TRAINING and not (plain and k != "lr"))
    ]
    for values in product(*(axes[key] for key in mine)):
        chosen = dict(zip(mine, values, strict=True))
        given = {**own, **{k: v for k, v in chosen.items() if k not in _TRAINING}}
        said = "&".join(f"{k}={v}" for k, v in {**own, **chosen}.items())
        yield Recipe(
            label=f"{head}?{said}" if said else head,
            method=method,
            parameters=method.settings(given),
            lr=_number("lr", chosen["lr"], above=True) if "lr" in chosen else lr,
            sft_weight=0.0
            if plain
            else _number("sft-weight", chosen["sft-weight"])
            if "sft-weight" in chosen
            else sft_weight,
        )


def _number(key: str, text: str, *, above: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0 or (above and value == 0):
        raise ConfigError(f"--grid: {key}={text} must be a number {'above 0' if above else 'that is 0 or more'}")
    return value
