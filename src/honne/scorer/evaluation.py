"""What an evaluation says: the labelled answers, what a judge gave them, and the numbers for every dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from honne.records import Estimate

__all__ = ["Case", "Class", "Evaluation", "Given", "Part", "Rival"]


@dataclass(frozen=True)
class Given:
    """What the judge says of a case: its label (None: no verdict), how sure it is, and whether the answer is far from
    its training answers; the latter two are None where a judge does not say."""

    label: str | None
    confidence: float | None = None
    far: bool | None = None


@dataclass(frozen=True)
class Case:
    """An answer with its reference label. `others` are the verdicts of the other judges and `raters` the labels of the
    people behind the reference, by their keys (None: asked, but no verdict)."""

    id: str
    prompt: str
    answer: str
    dimension: str
    label: str
    group: str
    lang: str = ""
    family: str = ""
    others: Mapping[str, Given] = field(default_factory=dict)
    raters: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Class:
    """One label: of the answers that have it, how many it was given to; of those it was given to, how many have it."""

    label: str
    recall: Estimate
    precision: Estimate


@dataclass(frozen=True)
class Rival:
    """Another judge on the answers that both judged: its accuracy, ours, and ours minus its, paired. `p` is adjusted
    for the number of rivals (Holm)."""

    judge: str
    accuracy: Estimate
    ours: Estimate
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    method: str
    n: int
    n_missing: int


@dataclass(frozen=True)
class Part:
    """A judge on one dimension. `confusion[i][j]`: answers labelled `labels[i]` to which it gave `labels[j]`.
    `head` is the scorer's head that judged it (None for a judge without heads)."""

    dimension: str
    labels: tuple[str, ...]
    n: int
    n_missing: int
    groups: int
    confusion: tuple[tuple[int, ...], ...]
    accuracy: Estimate
    macro_f1: Estimate
    majority: Estimate
    majority_label: str
    classes: tuple[Class, ...]
    slices: tuple[tuple[Estimate, Estimate], ...]
    far: tuple[Estimate, Estimate, Estimate] | None
    calibration: tuple[Estimate, ...]
    ceiling: tuple[Estimate, ...]
    rivals: tuple[Rival, ...]
    apart: tuple[str, ...]
    head: str | None = None


@dataclass(frozen=True)
class Evaluation:
    """A judge against the labels `reference` of the `sources`. `scorer` says which scorer it is (None for a judge whose
    verdicts were in a run); `left_out` counts the rows that were not evaluated, by reason, and `designs` the labels by
    how their answers were picked, where that is known. `people` are the judges of the runs that were taken for the
    people behind the reference, `alike` those that are named as people's labels are and were not."""

    judge: str
    scorer: Mapping[str, str] | None
    reference: str
    sources: tuple[str, ...]
    left_out: Mapping[str, int]
    parts: tuple[Part, ...]
    designs: Mapping[str, int] = field(default_factory=dict)
    people: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
