"""Parts that share nothing: what belongs together goes to one part, and afterwards that is checked again.

Together belong pairs of one prompt (also where it differs in signs, spaces or capitals alone), of one group (the forms
of a question, a question and its attacked ones) and, by topic, of one category.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from honne.align.pairs._base import draw
from honne.align.pairs._spool import Key
from honne.errors import ConfigError, DataError

__all__ = ["BY", "TRAIN", "check", "parse_shares", "split"]

BY = ("prompt", "topic")
TRAIN = "train"


def parse_shares(text: str, option: str) -> dict[str, float]:
    """`tuning=0.1,test=0.1` as numbers above 0. Raises ConfigError, naming the `option`."""
    out: dict[str, float] = {}
    for part in text.split(","):
        name, eq, value = (piece.strip() for piece in part.partition("="))
        try:
            share = float(value)
        except ValueError:
            share = -1.0
        if not name or not eq or not 0 < share <= 1:
            raise ConfigError(f"{option} {text}: {part.strip()!r} is not NAME=SHARE with a share above 0 and at most 1")
        if name in out:
            raise ConfigError(f"{option} {text}: {name!r} is named twice")
        out[name] = share
    return out


def split(keys: Sequence[Key], shares: Mapping[str, float], by: str, seed: int) -> dict[str, list[Key]]:
    """The pairs of each part, the rest under `train`; every part of the user's is spread over all as well as can be.

    Raises DataError where a part stays empty, or a pair has no category to be split by.
    """
    if by == "topic":
        without = sum(not key.category for key in keys)
        if without:
            raise DataError(f"--by topic: {without:,} of {len(keys):,} pairs have no category: use --by prompt")
    strata: dict[tuple[str, ...], list[list[Key]]] = {}
    for cluster in _clusters(keys, by):
        strata.setdefault(tuple(sorted({key.part for key in cluster})), []).append(cluster)
    wanted = {**shares, TRAIN: 1.0 - sum(shares.values())}
    out: dict[str, list[Key]] = {TRAIN: [], **{name: [] for name in shares}}
    for clusters in (strata[at] for at in sorted(strata)):
        for name, found in _dealt(clusters, wanted, seed).items():
            out[name] += found
    for name, found in out.items():
        if not found:
            units = Counter(len(clusters) for clusters in strata.values()).total()
            what = "topics" if by == "topic" else "prompts"
            raise DataError(
                f"--split: nothing is left for {name}: the {len(keys):,} pairs are of {sum(map(len, strata.values()))} "
                f"separate {what}" + (f" in {units} kinds of parts" if units > 1 else "")
            )
    check(out, by)
    return out


def _dealt(clusters: list[list[Key]], wanted: Mapping[str, float], seed: int) -> dict[str, list[Key]]:
    """Clusters, large ones first, each to the part that lacks most of its share."""
    total = sum(map(len, clusters))
    lacking = {name: share * total for name, share in wanted.items()}
    out: dict[str, list[Key]] = {name: [] for name in wanted}
    for cluster in sorted(clusters, key=lambda c: (-len(c), draw(seed, "split", min(key.id for key in c)))):
        name = max(lacking, key=lambda n: (lacking[n], n == TRAIN, n))
        out[name] += cluster
        lacking[name] -= len(cluster)
    return out


def _clusters(keys: Sequence[Key], by: str) -> list[list[Key]]:
    """What belongs together, in the order of the keys."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        above.setdefault(name, name)
        while above[name] != name:
            above[name] = above[above[name]]
            name = above[name]
        return name

    for key in keys:
        first, *others = _marks(key, by)
        for other in others:
            above[top(other)] = top(first)
    out: dict[str, list[Key]] = {}
    for key in keys:
        out.setdefault(top(_marks(key, by)[0]), []).append(key)
    return list(out.values())


def _marks(key: Key, by: str) -> list[str]:
    return [f"words {key.words}", f"group {key.group}", *([f"category {key.category}"] if by == "topic" else [])]


def check(parts: Mapping[str, Iterable[Key]], by: str) -> dict[str, int]:
    """Look for anything that two parts share; how many prompts, groups and categories were compared.

    Raises DataError at the first that is shared.
    """
    seen: dict[str, str] = {}
    for name, keys in parts.items():
        for key in keys:
            for mark in _marks(key, by):
                if seen.setdefault(mark, name) != name:
                    raise DataError(f"leak: {mark!r} is in both {seen[mark]} and {name}")
    return dict(sorted(Counter(mark.partition(" ")[0] for mark in seen).items()))
