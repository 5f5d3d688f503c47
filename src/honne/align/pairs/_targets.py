"""Questions whose right answer is known: where they come from, and wrong answers to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from honne import plugins
from honne.align.pairs._base import Account, pick
from honne.align.pairs._runs import Finished, finished
from honne.engine.plan import benchmark, describe
from honne.errors import ConfigError
from honne.plugins import is_choice
from honne.records import Item
from honne.spec import Spec

__all__ = ["LETTERS", "asked_of", "lettered", "wrong_answers", "wrong_letters"]

LETTERS = "ABCDEFGHIJ"
_NUMBER = re.compile(r"-?\d{1,15}(?:,\d{3})*(?:\.\d{1,15})?")


def asked_of(spec: Spec, options: Mapping[str, str], account: Account, seed: int) -> tuple[Finished | None, list[Item]]:
    """The items that a SPEC names: those of a run folder, or of a benchmark (`options` are the benchmark's)."""
    if not spec.name:
        raise ConfigError(f"{spec.provider}: of which run or benchmark? Write {spec.provider}/RUN or …/BENCHMARK")
    if Path(spec.name).is_dir():
        if options:
            raise ConfigError(f"{spec.label}: a run folder takes no option {next(iter(options))!r}")
        run = finished(spec.name, spec.provider)
        return run, run.items
    if "/" not in spec.name and spec.name not in plugins.names("benchmarks"):
        plugins.load("benchmarks", spec.name)  # raises, with the nearest match
    tail = "&".join(f"{key}={value.replace('&', '%26')}" for key, value in options.items())
    built, its_spec = benchmark(f"{spec.name}?{tail}" if tail else spec.name)
    items = list(built.items(seed=seed))
    told = describe(built, its_spec)
    account.inputs.append({"benchmark": told["spec"], "version": built.version, "seed": seed})
    account.notes += [f"{built.name}: {note}" for note in getattr(built, "notes", ())]
    return None, items


def lettered(item: Item) -> bool:
    """Whether an item offers options of which the right one is known."""
    known = LETTERS[: len(item.options or ())]
    return is_choice(item.form) and item.target is not None and len(item.target) == 1 and item.target in known


def wrong_letters(item: Item, seed: int) -> list[str]:
    """The letters of the other options, in a drawn order."""
    others = [letter for letter in LETTERS[: len(item.options or ())] if letter != item.target]
    return _shuffled(others, seed, item.id)


def wrong_answers(item: Item, pool: Iterable[str], seed: int) -> list[str]:
    """Wrong answers to an open question with a target, in a drawn order: to a number other numbers near it, to a text
    the right answers to other questions of its kind (`pool`)."""
    target = item.target or ""
    if _NUMBER.fullmatch(target):
        return _shuffled(_near(target), seed, item.id)
    others = {text.strip(): None for text in pool if text.strip().casefold() != target.strip().casefold()}
    return _shuffled(list(others), seed, item.id)


def _near(number: str) -> list[str]:
    """Slips of the pen: a carry forgotten, one off, two digits changed places."""
    text = number.replace(",", "")
    if "." in text:
        digits = len(text.partition(".")[2])
        found = [f"{float(text) + step:.{digits}f}" for step in (1, -1, 10)]
    else:
        value = int(text)
        found = [str(value + step) for step in (1, -1, 2, 10, -10) if (value + step >= 0) == (value >= 0)]
        sign, bare = ("-" if value < 0 else ""), str(abs(value))
        for i in range(len(bare) - 1):
            swapped = bare[:i] + bare[i + 1] + bare[i] + bare[i + 2 :]
            if swapped != bare and swapped[0] != "0":
                found.append(sign + swapped)
    return list(dict.fromkeys(f for f in found if f != text))


def _shuffled(texts: Sequence[str], *what: Any) -> list[str]:
    left, out = list(texts), []
    while left:
        out.append(left.pop(pick(len(left), *what, len(left))))
    return out
