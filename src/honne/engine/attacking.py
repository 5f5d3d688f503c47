"""Attacked items: which items of a run are asked again, under which attacks, and the attacks that a model carries out.

An attack is applied to the items that a rubric judge serves (open answers), not to choices and not to forms with a
fixed judge: there, an attack would measure capability. Attacked items follow the plain ones of their benchmark, attack
by attack; their id is `PARENT@ATTACK`.

An attack that needs a model (`translate:zh`) is a stage before the run's own questions: its requests go through the
same executor, and every reply is kept in `attacked/<attack>/` before the items are fixed. What was answered there is
never asked again; an item whose attack failed is not asked, and counted so, and tried again when the run is resumed.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from honne import plugins
from honne.errors import ConfigError, DataError
from honne.records import Item, Message

__all__ = ["Chosen", "Stage", "applied_to", "attackable", "attacked", "choose", "listed"]


@dataclass(frozen=True)
class Chosen:
    """One attack of a run: `carry_out` is the plug-in's function, or its object where it `needs_model`."""

    name: str
    carry_out: Any
    needs_model: bool


@dataclass(frozen=True)
class Stage:
    """An attack that a model carries out: the messages to rewrite, by the id of the attacked item."""

    name: str
    attack: plugins.ModelAttack
    plain: Mapping[str, tuple[Message, ...]]


def listed(texts: Sequence[str]) -> tuple[str, ...]:
    """`a,b` and repeated options as one list, without blanks and repetitions."""
    names = (name.strip() for text in texts for name in text.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def choose(names: Sequence[str]) -> list[Chosen]:
    """The attacks of these names. Raises ConfigError for an unknown one, with the nearest match."""
    out = []
    for name in names:
        head, colon, argument = name.partition(":")
        plugin = plugins.load("attacks", head)
        if isinstance(plugin, type):
            out.append(Chosen(name, plugin(argument), True))
        elif colon:
            raise ConfigError(f"--attack {name}: the attack {head} takes no :{argument}")
        else:
            out.append(Chosen(name, plugin, False))
    return out


def attacked(
    built: plugins.Benchmark, items: Sequence[Item], attacks: Sequence[Chosen], seed: int, notes: list[str]
) -> Iterator[tuple[Item, bool]]:
    """The attacked items of one benchmark (not numbered yet), and whether a model has still to rewrite them."""
    asked = attackable(built, items)
    for attack in attacks:
        spared = 0
        for item in asked:
            applied = applied_to(attack, item, seed)
            if applied is None:
                spared += 1
                continue
            messages, lang = applied
            yield (
                msgspec.structs.replace(
                    item,
                    id=f"{item.id}@{attack.name}",
                    attack=attack.name,
                    parent=item.id,
                    messages=messages,
                    lang=lang,
                ),
                attack.needs_model,
            )
        if spared:
            notes.append(
                f"{built.name}: {attack.name} changes nothing in {spared} of {len(asked)} items "
                "(their language or script): they are not asked under it"
            )


def attackable(built: plugins.Benchmark, items: Sequence[Item]) -> list[Item]:
    """The items that can be attacked: plain ones, answered freely, that a rubric judge serves."""
    forms = {item.form for item in items}
    served = {form for form in forms if built.judges.get(form, "rubric") == "rubric" and not plugins.is_choice(form)}
    return [item for item in items if item.form in served and item.attack is None]


def applied_to(attack: Chosen, item: Item, seed: int) -> tuple[tuple[Message, ...], str] | None:
    """The messages (of an attack by a model: still the plain ones) and the language; None where it does not apply."""
    if attack.needs_model:
        lang = attack.carry_out.lang or item.lang
        same = attack.carry_out.lang is not None and item.lang.replace("_", "-").split("-")[0].lower() == lang
        return None if same or not attack.carry_out.ask(item.messages) else (item.messages, lang)
    more = {"lang": item.lang} if _takes_lang(attack.carry_out) else {}
    found = attack.carry_out(item.messages, seed=seed, **more)
    if not isinstance(found, list | tuple) or not all(isinstance(m, Message) for m in found):
        raise DataError(f"attack {attack.name}: it must return messages, not {type(found).__name__} (item {item.id!r})")
    return None if tuple(found) == item.messages else (tuple(found), item.lang)


def _takes_lang(function: Any) -> bool:
    try:
        return "lang" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
