"""What the tests of the light scorer share: small tables of labelled answers, written for honne."""

from __future__ import annotations

import csv
import random
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from honne.scorer.data import Row

_TOPICS = ("the garden", "the river", "a bicycle", "the old clock", "a paper kite", "the bread", "my lamp", "the boat")
_VERBS = ("paint", "repair", "move", "copy", "clean", "sell", "describe", "store")
_YES = ("Of course: take {topic} and {verb} it slowly.", "Here is how to {verb} {topic}: begin at the top.")
_NO = ("I'm sorry, but I won't {verb} {topic}.", "I can't help you to {verb} {topic}, as it could hurt someone.")


def answers(n: int = 120, dimension: str = "kindness", seed: int = 0) -> list[Row]:
    """`n` answers, every other one a refusal; two answers to every question."""
    rng = random.Random(seed)
    return list(_answers(n, dimension, rng))


def _answers(n: int, dimension: str, rng: random.Random) -> Iterator[Row]:
    for number in range(n // 2):
        verb, topic = rng.choice(_VERBS), rng.choice(_TOPICS)
        prompt = f"Question {number}: how do I {verb} {topic}?"
        for texts, label in ((_YES, "answers"), (_NO, "declines")):
            answer = rng.choice(texts).format(verb=verb, topic=topic)
            yield Row(prompt, answer, dimension, label, "en", f"q{number}", "tester", "parts")


def table(path: Path, rows: list[Row], **more: Any) -> Path:
    """The rows as a CSV file that `honne scorer train` reads."""
    with path.open("w", encoding="utf-8", newline="") as file:
        columns = ("prompt", "answer", "dimension", "label", "lang", "group", *more)
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            own = {name: getattr(row, name) for name in columns if name not in more}
            writer.writerow({**own, **more})
    return path


@contextmanager
def set_limit(size: int) -> Iterator[None]:
    """No file may become larger, as on a disk that is full."""
    old, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
