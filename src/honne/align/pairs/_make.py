"""From the sources that a user names to pairs on disk, with all that is needed to repeat them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from honne import plugins
from honne._version import __version__
from honne.align.pairs._base import Account, PairSource
from honne.align.pairs._read import FORMAT
from honne.align.pairs._select import Selection, select
from honne.align.pairs._split import TRAIN, check
from honne.align.pairs._spool import Spool
from honne.align.pairs._stats import Refusals, statistics
from honne.align.pairs._write import file_of, finish, free, workshop, write_part
from honne.engine.attacking import Chosen, applied_to, choose
from honne.errors import ConfigError, DataError
from honne.plugins import is_choice
from honne.records import Item, Pair
from honne.spec import Spec, parse

__all__ = ["Recipe", "make"]


@dataclass(frozen=True)
class Recipe:
    """What the user asked for. `sources` are SPECs; a run folder alone stands for `own/RUN`."""

    sources: Sequence[str]
    attacks: tuple[str, ...] = ()
    selection: Selection = field(default_factory=Selection)


@dataclass(frozen=True)
class _Named:
    """A source under the name by which the user counts its pairs."""

    part: str
    spec: Spec
    source: PairSource


def make(recipe: Recipe, out: Path) -> dict[str, Any]:
    """Write the pairs to `out` (and a file a part, where they are split) and the record beside it, which is returned.

    Raises ConfigError, DataError or StoreError, each in one line; nothing is left under the names asked for.
    """
    how = recipe.selection
    parts = [TRAIN, *how.shares]
    free(out, parts)
    attacks = _attacks(recipe.attacks)
    named = [_source(text) for text in recipe.sources]
    _one_model(named)
    how.check([one.part for one in named])
    account, notes = Account(), list[str]()
    with workshop(out) as folder, Spool(folder / "spool") as spool:
        for one in named:
            _collect(one, attacks, how.seed, account, spool)
        chosen = select(spool.keys, how, notes)
        files = {}
        for part, keys in chosen.items():
            refusals = Refusals()
            digest = write_part(folder / part, refusals.watch(spool.read(keys)), part)
            told = {**statistics(keys), "refusals": refusals.found()}
            files[part] = {"file": file_of(out, part).name, "sha256": digest, **told}
        not_taken = len(spool.keys) - sum(map(len, chosen.values()))
        record = {
            "format": FORMAT,
            "honne": __version__,
            "recipe": {
                "sources": [{"part": one.part, "spec": one.spec.public} for one in named],
                "attacks": list(recipe.attacks),
                **{name: getattr(how, name) for name in ("seed", "balanced", "mix", "shares", "by", "limit")},
            },
            "inputs": account.inputs,
            "judges": [judge._asdict() for judge in account.judges.values()],
            "files": files,
            "left_out": {
                "duplicates": spool.duplicates,
                "contradictions": spool.contradictions,
                "not_taken": not_taken,
                "reasons": [{"why": why, "n": n, "first": account.first.get(why)} for why, n in account.left.items()],
            },
            "leak_check": {"by": how.by, "compared": check(chosen, how.by)} if how.shares else None,
            "notes": [*dict.fromkeys([*account.notes, *notes])],
        }
        free(out, parts)  # nobody has written there meanwhile
        finish(folder, out, chosen, record)
    return record


def _source(text: str) -> _Named:
    """The source that a SPEC names, built; `as=NAME` is the name of its part."""
    if Path(text).is_dir() and text not in plugins.names("pairs"):
        text = f"own/{text}"
    spec = parse(text)
    rest = {key: value for key, value in spec.options.items() if key != "as"}
    part = spec.options.get("as", spec.provider)
    plugin = plugins.load("pairs", spec.provider)
    if not part.strip():
        raise ConfigError(f"{spec.label}: as=…: a name for its pairs")
    return _Named(part, spec, plugin(Spec(spec.provider, spec.name, rest, spec.secrets)))


def _one_model(named: Sequence[_Named]) -> None:
    """The own failures of a set of pairs are of one model. Raises ConfigError."""
    models = {model: one.spec.label for one in named if (model := getattr(one.source, "model", None)) is not None}
    if len(models) > 1:
        told = ", ".join(f"{label} of {model}" for model, label in models.items())
        raise ConfigError(f"own failures of several models ({told}): make pairs for one, or write across/RUN,RUN")


def _attacks(names: Sequence[str]) -> list[Chosen]:
    found = choose(names)
    needing = [attack.name for attack in found if attack.needs_model]
    if needing:
        raise ConfigError(
            f"--attack {needing[0]} needs a model: ask under it with honne run --attack, and take own/RUN"
        )
    return found


def _collect(one: _Named, attacks: Sequence[Chosen], seed: int, account: Account, spool: Spool) -> None:
    """Every pair of a source, plain and under each attack. Raises DataError for a source that has none."""
    mine, made, before = Account(), 0, len(spool.keys)
    for pair in one.source.pairs(seed=seed, account=mine):
        made += 1
        for version in (pair, *_attacked(pair, attacks, seed, mine)):
            spool.add(msgspec.structs.replace(version, part=one.part))
    if not made:
        raise DataError(f"{one.spec.public}: no pairs can be made" + (f": {mine.reasons()}" if mine.left else ""))
    if len(spool.keys) == before:
        mine.notes.append(f"{one.spec.public}: each of its pairs is there already, from a source named before it")
    account.left.update({f"{one.part}: {why}": n for why, n in mine.left.items()})
    account.first.update({f"{one.part}: {why}": where for why, where in mine.first.items()})
    account.notes += mine.notes
    account.inputs += [{"part": one.part, **found} for found in mine.inputs]
    for judge in mine.judges.values():
        account.judged_by(judge)


def _attacked(pair: Pair, attacks: Sequence[Chosen], seed: int, account: Account) -> Iterator[Pair]:
    """The same answers to the attacked prompt. Choices stay plain, and what is attacked already."""
    for attack in attacks:
        if is_choice(pair.form) or pair.attack is not None:
            account.out(f"{attack.name}: not for choices, nor for what is under attack already", pair.item or "")
            continue
        found = applied_to(attack, _item(pair), seed)
        if found is None:
            account.out(f"{attack.name}: changes nothing in the prompt", pair.item or "")
            continue
        yield msgspec.structs.replace(pair, prompt=found[0], lang=found[1], attack=attack.name)


def _item(pair: Pair) -> Item:
    return Item(
        seq=0,
        id=pair.item or "",
        benchmark=pair.benchmark or "",
        version="",
        lang=pair.lang or "und",
        category=pair.category,
        group=pair.group or "",
        messages=pair.prompt,
    )
