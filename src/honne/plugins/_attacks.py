"""What an attack is: a function of messages, or a class where it takes a model to carry it out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from honne.records import Message

__all__ = ["Attack", "ModelAttack"]


class Attack(Protocol):
    """A pure function: messages -> attacked messages, with a seed. The user's last message carries the request.

    A function that also takes `lang` is given the item's language: `def attack(messages, *, seed, lang="en")`. Messages
    that come back as they went in say that the attack does not apply to the item: it is not asked under it.
    """

    def __call__(self, messages: Sequence[Message], *, seed: int) -> tuple[Message, ...]: ...


class ModelAttack(Protocol):
    """An attack that needs a model: a class, built from what follows the colon in `--attack NAME:ARGUMENT`.

    The engine asks the model named with `--translator` once per item, before the run's own questions, and keeps what it
    answered. `lang` is the language of the attacked items, None where that stays. Raises ConfigError for an argument
    that it does not know.
    """

    lang: str | None

    def ask(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The request to the attack's model; empty where there is nothing to ask."""
        ...

    def take(self, messages: Sequence[Message], reply: str) -> tuple[Message, ...] | None:
        """The attacked messages, or None where the reply cannot be used."""
        ...
