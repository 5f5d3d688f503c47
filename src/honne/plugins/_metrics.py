"""What a metric is: what it sees (`View`), and what it says (`Measure`: a value for every unit)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from honne.records import Estimate, Item, Judgment, Response

__all__ = ["Measure", "Metric", "Role", "Row", "Unit", "View", "is_choice", "unit_id"]


class Row(NamedTuple):
    """One (item, sample) of a run, with its response and this judge's judgment, either of which may be missing."""

    item: Item
    sample: int
    response: Response | None
    judgment: Judgment | None


@dataclass(frozen=True)
class View:
    """What a metric sees: the rows of one benchmark and attack, under one judge.

    In `rows` a form that a fixed judge serves (`choice`) carries that judge's judgment. `by_judge` has all judgments of
    the same rows by judge key, then `(item_id, sample)`. `paper` selects the source's counting rule for missing values.
    `own` has the metrics of the judges whose verdicts are on a scale of their own, `panels` the members of panels.
    """

    rows: Sequence[Row]
    judge: str | None
    by_judge: Mapping[str, Mapping[tuple[str, int], Judgment]] = field(default_factory=dict)
    paper: bool = False
    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    panels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def is_choice(form: str) -> bool:
    """Whether a form asks for one of several options (`choice`, `choice-swapped`, …)."""
    return form == "choice" or form.startswith("choice-")


def unit_id(name: str, sample: int) -> str:
    """The id of a unit: the item's or question's own for the first sample, with the sample's number for the others.

    Units with other ids count as well, but the answers behind them are not found (buckets, examples, rewordings).
    """
    return name if sample == 0 else f"{name}#{sample}"


class Unit(NamedTuple):
    """One unit of a metric: an item, or a question; `value` is None when it is missing."""

    id: str
    group: str
    category: str
    value: float | None


# What a measure says about a model that was changed: `over-refusal` harmless requests refused, `capability` answers
# that are right, `consistency` face and heart alike, `well-formedness` answers that could not be read. Only `length`
# may lie above its measure's ceiling.
Role = Literal["safety", "over-refusal", "capability", "consistency", "well-formedness", "length"]


@dataclass(frozen=True)
class Measure:
    """A metric's value for every unit; everything else (intervals, slices, bounds, pairing) follows from it.

    `overall` says what slice "all" is: the `mean` over units, the `macro` mean over top-level categories, or `none`.
    `parts` are the category paths (depth 1) that a macro mean is over; without them, those that occur. A part without
    a value leaves no mean, and a unit of no part is missing from it.
    Values lie in [`floor`, `ceiling`]. `depths` are the depths of the category path that get a row of their own.
    `judge` is the judge whose judgments these are where it is not the view's ("": no judge is involved), `reference`
    the judge it is compared with. `rule` is the rule by which missing values were counted, `strict` or `paper`. `per`
    says what a unit's id names: an `item`, or the `group` of a question.
    `role` puts the numbers of any benchmark on the axes of a trade-off (see `Role`). `safety` is the share (0..1) of
    answers that are safe (`better` "higher") or unsafe ("lower"): from it follow the attack success rate, adversarial
    and global safety. The first one of a benchmark counts.
    """

    metric: str
    units: Sequence[Unit]
    overall: str = "mean"
    floor: float = 0.0
    ceiling: float = 1.0
    unit: str = "proportion"
    better: str | None = None
    headline: bool = False
    form: str | None = None
    reference: str | None = None
    depths: tuple[int, ...] = (1, 2, 3)
    rule: str = "strict"
    judge: str | None = None
    per: str = "item"
    parts: tuple[str, ...] = ()
    role: Role | None = None


class Metric(Protocol):
    """A pure function: the view of a benchmark under one judge -> measures (or finished estimates)."""

    def __call__(self, view: View) -> Iterable[Measure | Estimate]: ...
