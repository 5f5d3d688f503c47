"""What a judge is: a response in, a judgment out, by way of a model where it has one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from honne.plugins._models import Model, Reply, Request
from honne.records import Item, Judgment, Response

__all__ = ["Judge", "Probe"]


@dataclass(frozen=True)
class Probe:
    """A question and an answer that a judge must get right before it is trusted: `labels` are the right verdicts.

    `what` names it in one phrase, for the message that says how the judge failed.
    """

    what: str
    item: Item
    response: Response
    labels: tuple[str, ...]


class Judge(Protocol):
    """A judge for one benchmark: built as `Judge(spec, benchmark)`.

    `key` (name, version, hash of its prompts) is what a Judgment carries. A judge with a `model` renders a request and
    parses the reply; one without parses the response itself (`reply` is None). Both steps are pure.
    """

    name: str
    key: str
    model: Model | None
    prompts: Mapping[str, str]

    @property
    def metrics(self) -> Sequence[str] | None:
        """The metrics for its verdicts, where they are on a scale of its own; None: the benchmark's. Optional."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the run should know about this judge. Optional."""
        ...

    def tally(self, judgments: Iterable[Judgment]) -> Sequence[str]:
        """What a reader of the run should know about all of its judgments, given at the end. Optional."""
        ...

    def probes(self) -> Sequence[Probe]:
        """What to ask before anything is judged: a wrong answer to one of them stops the run. Optional."""
        ...

    def render(self, item: Item, response: Response) -> Request | None:
        """The request to the judge's model; None for a judge without one."""
        ...

    def parse(self, item: Item, response: Response, reply: Reply | None) -> Judgment:
        """The judgment; `unparsed` when the reply cannot be read without guessing."""
        ...

    def parse_all(self, answers: Sequence[tuple[Item, Response]]) -> Sequence[Judgment]:
        """`parse` of several answers without a reply, for a judge that is quicker so. Optional."""
        ...

    def repair(self, item: Item, response: Response, reply: Reply) -> Request | None:
        """After an `unparsed` reply: one more request that may repair it, or None."""
        ...
