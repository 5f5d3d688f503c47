"""What a calibration leaves in a run folder, and whether it still holds.

    calibration/calibration.json     the reference labels, one an answer, where they come from (sha256), by which
                                     designs they were drawn, what was left out, and how far people agree

The numbers are made from it and the judgments at hand whenever the run is read, so another judge, or more of one's
verdicts, need no new calibration. Where the labelled answers, or the labels in the run that it was made of, are no
longer the same, it is stale: it is said, and not used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec

from honne.engine import journal
from honne.engine.labels_file import RAREST, of_judge
from honne.engine.reference import REFERENCE
from honne.engine.store import RunFolder
from honne.errors import StoreError
from honne.records import Judgment

__all__ = [
    "FOLDER",
    "Borrowed",
    "Calibration",
    "Ceiling",
    "Label",
    "PairsOf",
    "Stored",
    "answers_digest",
    "labels_of",
    "load",
    "save",
]

FOLDER = "calibration"
FORMAT = 1
_FILE = "calibration.json"
# A file that says otherwise is damaged, however well it reads as JSON.
_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """How far people agree with each other on one metric: no judge can be known to be closer to them than that.

    `agreement` is the share of pairs of people who give an answer the same value, over `n` answers with two or more;
    `alpha` is Krippendorff's (nominal).
    """

    benchmark: str
    attack: str | None
    metric: str
    form: str | None
    raters: int
    n: int
    agreement: float
    low: float
    high: float
    level: float
    method: str
    alpha: float | None
    alpha_low: float | None
    alpha_high: float | None


class Label(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The reference label of one answer; `design` is null where every answer was labelled."""

    item_id: str
    sample: Annotated[int, msgspec.Meta(ge=0)] = 0
    label: str
    score: _Share | None = None
    raw_score: float | None = None
    refused: bool | None = None
    author: str | None = None
    design: str | None = None
    inclusion: Annotated[float, msgspec.Meta(ge=RAREST, le=1.0)] | None = None


class PairsOf(msgspec.Struct, frozen=True, kw_only=True):
    """One judge's verdicts beside people's labels in another run, for one metric (0..1); `answers` is of how many."""

    benchmark: str
    attack: str | None
    judge: str
    metric: str
    form: str | None
    judged: tuple[_Share, ...]
    human: tuple[_Share, ...]
    groups: tuple[str, ...]
    answers: int | None = None

    def __post_init__(self) -> None:
        if not len(self.judged) == len(self.human) == len(self.groups):
            raise ValueError("verdicts, labels and groups differ in number")


class Borrowed(msgspec.Struct, frozen=True, kw_only=True):
    """Another run's calibration; it is used where the judge's errors are equivalent within `margin`."""

    run: str
    model: str
    labels: str
    sha256: str
    margin: Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
    pairs: tuple[PairsOf, ...]


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """calibration.json. `people` are the judges of the run that are the labelling people themselves.

    `answers` is the sha256 of the labelled answers, `counts` what was left out, `shown` how many labels were given with
    a judge's verdict in view.
    """

    format: int = FORMAT
    honne: str
    at: str
    labels: str
    sha256: str
    designs: dict[str, int]
    counts: dict[str, int]
    shown: dict[str, int]
    people: tuple[str, ...]
    raters: int
    answers: str
    finite: bool
    ceilings: tuple[Ceiling, ...]
    borrowed: Borrowed | None = None
    reference: tuple[Label, ...]


@dataclass(frozen=True)
class Calibration:
    """A run's calibration as it is stored; `stale` says why it is not used."""

    stored: Stored
    stale: str | None = None

    def judgments(self, model: str) -> dict[tuple[str, int], Judgment]:
        """The reference labels as judgments of `labels`, by answer."""
        at = datetime.fromisoformat(self.stored.at)
        return {
            (label.item_id, label.sample): Judgment(
                model=model, judge=REFERENCE, status="scored", at=at, **msgspec.structs.asdict(label)
            )
            for label in self.stored.reference
        }


def labels_of(reference: Iterable[Judgment]) -> tuple[Label, ...]:
    """Judgments as they are stored."""
    return tuple(Label(**{name: getattr(j, name) for name in Label.__struct_fields__}) for j in reference)


def answers_digest(run: RunFolder, reference: Iterable[Label]) -> str:
    """The sha256 of the answers that were labelled: of other answers the labels say nothing."""
    wanted = {(label.item_id, label.sample) for label in reference}
    digest = hashlib.sha256()
    for r in run.responses():
        if (r.item_id, r.sample) in wanted:
            digest.update(repr((r.item_id, r.sample, r.text)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def save(run: RunFolder, stored: Stored) -> None:
    """Write the calibration by rename. Raises StoreError, or Stopped when the disk is full."""
    folder = run.path / FOLDER
    try:
        folder.mkdir(exist_ok=True)
    except OSError as e:
        raise journal.os_failure(e, folder, "create") from None
    journal.write_atomic(folder / _FILE, msgspec.json.format(msgspec.json.encode(stored), indent=1) + b"\n")


def load(run: RunFolder) -> Calibration | None:
    """The run's calibration, None where it has none. Raises StoreError for one that cannot be read."""
    path = run.path / FOLDER / _FILE
    try:
        stored = msgspec.json.decode(path.read_bytes(), type=Stored)
        datetime.fromisoformat(stored.at)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as e:
        why = str(e).splitlines()[0]
        raise StoreError(f"cannot read {path}: {why}; delete it, or run honne calibrate again") from None
    return Calibration(stored, _stale(run, stored))


def _stale(run: RunFolder, stored: Stored) -> str | None:
    if stored.format > FORMAT:
        return "it was made by a newer honne"
    if answers_digest(run, stored.reference) != stored.answers:
        return "the labelled answers have changed since"
    if stored.labels.startswith("judge:"):
        key = stored.labels.removeprefix("judge:")
        if key not in run.judgments():
            return f"the labels of {key} are gone from the run"
        if of_judge(run, key).sha256 != stored.sha256:
            return f"the labels of {key} in the run have changed since"
    return None
