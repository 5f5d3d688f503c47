"""What a plan draws from run folders: the answers that can be labelled, and which of them are."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from honne.annotate import draw, guides
from honne.engine.store import RunFolder
from honne.errors import ConfigError, unknown
from honne.metrics._points import plain
from honne.plugins import is_choice
from honne.records import Item, Judgment, Response

__all__ = ["Candidate", "Plan", "drawn", "gold", "population"]


@dataclass(frozen=True)
class Plan:
    """How a project's answers are drawn and shown.

    `labels` is how many answers are drawn (None: all); `per_stratum`, for `stratified`, that many in each stratum.
    `overlap` people label each. `gold` names the judge (such as `labels`) whose labels are known to be right, of which
    `gold_count` are mixed in. `suggestions` names the judge whose verdicts annotators see, except on a share
    `without_suggestion` of the answers; None: nobody's. `blind`: the adjudicator sees no names.
    """

    guide: str
    overlap: int = 2
    design: str = "random"
    labels: int | None = None
    per_stratum: int | None = None
    gold: str | None = None
    gold_count: int = 0
    suggestions: str | None = None
    without_suggestion: float = 0.3
    seed: int = 0
    blind: bool = True

    def check(self) -> None:
        """Raises ConfigError for what makes no sense."""
        if self.design not in draw.DRAWS:
            raise ConfigError(unknown("design", self.design, draw.DRAWS))
        if not 1 <= self.overlap <= 20:
            raise ConfigError(f"overlap is {self.overlap}: 1 to 20 people label an answer")
        for name in ("labels", "per_stratum"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}: it is at least 1, or left out")
        if self.per_stratum is not None and self.design != "stratified":
            raise ConfigError("per_stratum is for the design stratified")
        if self.gold_count < 0 or (self.gold_count > 0 and self.gold is None):
            raise ConfigError("gold_count is at least 0, and needs the judge whose labels are known to be right (gold)")
        if not 0 <= self.without_suggestion <= 1:
            raise ConfigError(f"without_suggestion is {self.without_suggestion}: it is a share, 0 to 1")


@dataclass(frozen=True)
class Candidate:
    """An answer that can be labelled: of the run at place `run`, with what judges said of it."""

    run: int
    item: Item
    response: Response
    other: Response | None
    labels: Mapping[str, Judgment]


def population(runs: Sequence[RunFolder], guide: guides.Guide) -> tuple[list[Candidate], dict[str, int]]:
    """The answers of these runs that the guide covers, and how many others have nothing to label, by status."""
    found, left_out = _pairs(runs) if guide.kind == "pairwise" else _answers(runs)
    return [one for one in found if _covered(guide, one.item)], left_out


def _answers(runs: Sequence[RunFolder]) -> tuple[list[Candidate], dict[str, int]]:
    found: list[Candidate] = []
    left_out: dict[str, int] = {}
    for number, run in enumerate(runs):
        items = {item.id: item for item in run.items()}
        judged: dict[tuple[str, int], dict[str, Judgment]] = {}
        for key, rows in run.judgments().items():
            for row in rows:
                judged.setdefault((row.item_id, row.sample), {})[key] = row
        for response in run.responses():
            item = items.get(response.item_id)
            if item is None or is_choice(item.form):
                continue
            if not response.text:
                status = response.status if response.text is None else "empty"
                left_out[status] = left_out.get(status, 0) + 1
                continue
            found.append(Candidate(number, item, response, None, judged.get((item.id, response.sample), {})))
    return found, left_out


def _pairs(runs: Sequence[RunFolder]) -> tuple[list[Candidate], dict[str, int]]:
    """The items that both runs asked in the same words and that both models answered."""
    first, left_out = _answers(runs[:1])
    second, _ = _answers(runs[1:])
    others = {(c.item.id, c.response.sample): c for c in second}
    found = []
    for one in first:
        other = others.get((one.item.id, one.response.sample))
        if other is None or other.item.messages != one.item.messages:
            left_out["unpaired"] = left_out.get("unpaired", 0) + 1
            continue
        found.append(Candidate(0, one.item, one.response, other.response, {}))
    return found, left_out


def _covered(guide: guides.Guide, item: Item) -> bool:
    try:
        guides.part(guide, item.category)
    except ConfigError:
        return False
    return True


def drawn(population: Sequence[Candidate], plan: Plan) -> dict[int, float]:
    """The places of the answers that the plan draws, each with its inclusion probability. Raises ConfigError."""
    if plan.design == "random":
        return draw.simple(len(population), plan.labels, plan.seed)
    if plan.design == "stratified":
        strata = [(c.run, c.item.benchmark, c.item.category) for c in population]
        return draw.stratified(strata, plan.labels, plan.per_stratum, plan.seed)
    disputed = [draw.disagreement(_verdicts(c)) for c in population]
    if all(share is None for share in disputed):
        raise ConfigError("active needs the verdicts of two judges on the same answers; honne judge adds one")
    return draw.active(disputed, plan.labels, plan.seed)


def _verdicts(candidate: Candidate) -> list[str]:
    """What judges (not people) said; points after a verdict (`safe-7`) say how sure, not what."""
    return [
        plain(given.label)
        for key, given in candidate.labels.items()
        if key.partition(".")[0] != "labels" and given.status == "scored" and given.label is not None
    ]


def gold(population: Sequence[Candidate], plan: Plan, guide: guides.Guide) -> dict[int, str]:
    """The places of the plan's gold items, each with its known label. Raises ConfigError where there are none."""
    key = plan.gold
    if key is None:
        return {}
    known: dict[int, str] = {}
    for i, candidate in enumerate(population):
        given = candidate.labels.get(key)
        if given is not None and given.label in guides.part(guide, candidate.item.category).values:
            known[i] = str(given.label)
    if not known and plan.gold_count:
        raise ConfigError(f"no answer has a label of {key!r} that the guide {guide.name} offers: there is no gold")
    picked = random.Random(f"{plan.seed}/gold").sample(sorted(known), min(plan.gold_count, len(known)))
    return {i: known[i] for i in picked}
