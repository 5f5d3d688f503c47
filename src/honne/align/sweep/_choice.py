"""The rule by which a sweep recommends, on its tuning runs alone.

1. A configuration is out when it is broken: one of its trainings diverged, or its replies fell apart.
2. It is out when its change is not proven on the tuning runs: the lower bound of the gain in safety above 0, and the
   one-sided 95 % bound of every loss (each over-refusal, each capability) under the margin, across its seeds.
3. The best is the one of highest global safety. All that cannot be separated from it (Holm over all pairs) tie with it;
   with one seed nothing is known of the spread between seeds, so all that are left tie.
4. Of those that tie plain SFT is taken, being the simplest, else the one whose largest bound of a loss is the smallest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

from honne.engine.tradeoff import Frontier, Tradeoff
from honne.metrics._pieces import LOSSES
from honne.metrics._tradeoff import Axis

__all__ = ["RULE", "Choice", "chosen", "too_few"]

RULE = (
    "Of the configurations that are not broken and whose change is proven on the tuning runs (safety gained, every "
    "loss under the margin by its one-sided 95% bound, across seeds) the one of highest global safety, together with "
    "all that cannot be separated from it; among these plain SFT, else the one whose largest loss has the smallest "
    "bound."
)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What the rule says. `recommended` is None where nothing passes; `ties` are all that it was taken from, itself
    included; `best` is the highest estimate among those that pass; `ranked`: whether the seeds support a ranking."""

    recommended: str | None
    best: str | None
    ties: tuple[str, ...]
    passing: tuple[str, ...]
    ranked: bool
    words: str


def chosen(found: Frontier | None, baselines: Collection[str], seeds: int) -> Choice:
    """Apply the rule. `found` are the configurations that are not broken, by name; `baselines` those of plain SFT."""
    points = found.points if found is not None else ()
    passing = [i for i, point in enumerate(points) if point.verdict.proven]
    if found is None or not passing:
        why = "every configuration is broken" if not points else "no configuration passes on the tuning runs"
        return Choice(
            recommended=None, best=None, ties=(), passing=(), ranked=False, words=f"Nothing is recommended: {why}."
        )
    best = max(passing, key=lambda i: _safety(points[i]))
    ties = [i for i in passing if i == best or seeds == 1 or not found.separated(i, best, ("safety",))]
    plain = [i for i in ties if points[i].name in baselines]
    taken = min(plain or ties, key=lambda i: (_largest_loss(points[i]), i))
    return Choice(
        recommended=points[taken].name,
        best=points[best].name,
        ties=tuple(points[i].name for i in ties),
        passing=tuple(points[i].name for i in passing),
        ranked=seeds > 1,
        words=_words(points[taken].name, len(ties), simplest=bool(plain), seeds=seeds),
    )


def too_few(found: Sequence[Axis], margin: float) -> Iterator[str]:
    """What keeps every configuration from passing, whatever it is like: `found` is the base against itself."""
    for role in ("safety", *LOSSES):
        if not any(axis.role == role for axis in found):
            yield f"--tune-on does not measure {role}: nothing can be recommended"
    blunt = [axis for axis in found if axis.role in LOSSES and axis.single and (axis.lost or 0.0) >= margin]
    if blunt:
        worst = max(blunt, key=lambda axis: axis.lost or 0.0)
        more = f" (and {len(blunt) - 1} more)" if len(blunt) > 1 else ""
        yield (
            f"--tune-on asks too few questions: {worst.n} on {worst.name}{more} exclude no loss under "
            f"{100 * (worst.lost or 0.0):.1f} points even where nothing is lost, and the margin is {100 * margin:g}: "
            "nothing can be recommended"
        )


def _words(name: str, ties: int, *, simplest: bool, seeds: int) -> str:
    said = f"Recommended: {name}."
    if ties == 1:
        alone = "the only one that passes" if seeds == 1 else "beyond doubt safer than all others that pass"
        return f"{said} It is {alone}."
    why = "the simplest of them" if simplest else "the one whose largest loss has the smallest bound"
    if seeds == 1:
        return f"{said} One seed supports no ranking: all {ties} that pass count as tied, and it is {why}."
    return f"{said} {ties} cannot be separated in safety, and it is {why}."


def _safety(point: Tradeoff) -> float:
    axis = point.lead("safety")
    return axis.after if axis is not None and axis.after is not None else 0.0


def _largest_loss(point: Tradeoff) -> float:
    """The largest one-sided bound of a loss, as a share."""
    return max(
        (axis.lost for axis in point.axes if axis.role in LOSSES and axis.single and axis.lost is not None), default=0.0
    )
