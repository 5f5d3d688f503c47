"""Which judges of a run are people: one rule for `honne calibrate` and `honne scorer eval`.

A name that begins with `labels` makes nobody a person: a string match may have been imported as `labels.strmatch`. So
people are the reference itself, the judges below it whose every label names its author, as the annotation server's do,
and those that the user names (`--rater`). All others are judges like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from honne.errors import ConfigError, unknown
from honne.records import Judgment

__all__ = ["annotators", "others", "raters", "settled_of"]

Given = Mapping[str, Sequence[Judgment]]


def annotators(given: Given, reference: str) -> list[str]:
    """The judges `REFERENCE.NAME` whose every label names its author."""
    return [
        key for key, rows in given.items() if key.startswith(f"{reference}.") and rows and all(j.author for j in rows)
    ]


def raters(given: Given, reference: str | None, named: Iterable[str], where: object) -> list[str]:
    """The people behind a reference: its annotators, and those `named`.

    Raises ConfigError for a name that is no judge of the run, or the reference itself: it agrees with itself always.
    """
    out = annotators(given, reference) if reference is not None else []
    for key in named:
        if key not in given:
            raise ConfigError(f"--rater {key}: {where}: {unknown('judge', key, given)}")
        if key == reference:
            raise ConfigError(f"--rater {key}: {where}: these are the labels that all others are held against")
        out.append(key)
    return list(dict.fromkeys(out))


def settled_of(given: Given, people: Iterable[str]) -> list[str]:
    """The judges above these people: `labels` over `labels.ann` is what was settled of their labels, no other judge."""
    named = list(people)
    return [key for key in given if any(name.startswith(f"{key}.") for name in named)]


def others(given: Given, people: Iterable[str]) -> list[str]:
    """The judges that are named as people's labels are, and are not taken for people."""
    named = set(people)
    return [key for key in given if key.partition(".")[0] == "labels" and key not in named]
