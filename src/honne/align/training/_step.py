"""One optimizer step, over all processes and parts, with the gradient of the whole batch's loss.

Most losses are sums over pairs: the parts of a step are added up. Where a pair's loss depends on the others (a sort, a
batch's KL), the log-probabilities of all of them come first; the loss's gradient with respect to each is then carried
back through the parts: exact, at the cost of a second forward pass where there are several parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from honne.align.method import Batch
from honne.align.training._batches import shares
from honne.align.training._examples import Example
from honne.align.training._objective import Objective, Scores, by_side
from honne.align.training._packing import Layout, Pass, fill, parcels, size_of
from honne.align.training._processes import Processes

__all__ = ["Taken", "Trainee", "gradients", "scores"]


@dataclass
class Trainee:
    """The model that is trained, as the processes hold it: `wrapped` is called, `layout` says how it is fed, and
    `tokens` is the most that one pass may hold; it is halved when memory runs out."""

    processes: Processes
    wrapped: Any
    layout: Layout
    tokens: int

    def answer(self, made: Pass) -> Any:
        """log π of every answer of a pass."""
        with self.processes.autocast():
            return self.wrapped(**vars(made.to(self.processes.device)))


@dataclass(frozen=True)
class Taken:
    """What a step found: its loss, and the whole batch without gradient."""

    loss: float
    batch: Batch


Part = tuple[list[int], float]  # places in the batch, and the weight of this part (0: it only keeps step)


def _parts(examples: Sequence[Example], trainee: Trainee) -> list[Part]:
    """This process's parts; every process has equally many, since wrappers exchange something in each."""
    sizes = [size_of(e, trainee.layout) for e in examples]
    every = [
        [[mine[i] for i in group] for group in parcels([sizes[i] for i in mine], trainee.tokens)]
        for mine in shares(sizes, trainee.processes.count)
    ]
    most = max(map(len, every))
    own = every[trainee.processes.rank]
    shortest = min(range(len(sizes)), key=lambda i: sizes[i])
    idle: Part = ([shortest], 0.0)
    return [(part, 1.0) for part in own] + [idle] * (most - len(own))


def scores(trainee: Trainee, examples: Sequence[Example]) -> list[Scores]:
    """(log π(chosen), log π(rejected)) of every example, without gradient, on every process."""
    import torch

    if not examples:
        return []
    found: dict[int, Scores] = {}
    was = trainee.wrapped.training
    trainee.wrapped.eval()
    with torch.no_grad():
        for part, weight in _parts(examples, trainee):
            few = [examples[i] for i in part]
            logs = trainee.answer(fill(few, trainee.layout))
            if weight:
                found |= dict(zip(part, _scores(few, logs), strict=True))
    trainee.wrapped.train(was)
    whole = {i: s for one in trainee.processes.gather(found) for i, s in one.items()}
    return [whole[i] for i in range(len(examples))]


def _scores(examples: Sequence[Example], logs: Any) -> Iterator[Scores]:
    values = iter(logs.detach().double().tolist())
    for example in examples:
        yield (next(values) if example.chosen else 0.0), (next(values) if example.rejected else 0.0)


def gradients(
    trainee: Trainee,
    objective: Objective,
    examples: Sequence[Example],
    reference: Sequence[Scores] | None,
    mismatched: Sequence[float] | None,
) -> Taken:
    """Add the gradient of the batch's loss to the parameters. `mismatched` are log π/π_ref of mismatched answers."""
    import torch

    processes = trainee.processes
    parts = _parts(examples, trainee)
    other = None if mismatched is None else torch.tensor(mismatched, device=processes.device)
    mean_tokens = max(sum(len(e.chosen) for e in examples) / len(examples), 1 / len(examples))
    whole = objective.method.whole_batch
    pull: dict[int, tuple[float, float]] = {}
    found: dict[int, Scores] = {}
    if whole and (len(parts) > 1 or processes.count > 1):
        before = torch.tensor(scores(trainee, examples), device=processes.device, dtype=torch.float32)
        chosen, rejected = (before[:, k].clone().requires_grad_() for k in (0, 1))
        objective.loss(objective.batch(examples, chosen, rejected, reference, other), mean_tokens).backward()
        pulls = (torch.zeros_like(x) if x.grad is None else x.grad for x in (chosen, rejected))
        pull = dict(enumerate(zip(*(p.tolist() for p in pulls), strict=True)))
    for number, (part, weight) in enumerate(parts, 1):
        few = [examples[i] for i in part]
        refs = None if reference is None else [reference[i] for i in part]
        with processes.pass_of(trainee.wrapped, number == len(parts)):
            logs = trainee.answer(fill(few, trainee.layout))
            chosen, rejected = by_side(few, logs)
            if pull:
                towards = torch.tensor([pull[i] for i in part], device=logs.device)
                loss = (towards[:, 0] * chosen + towards[:, 1] * rejected).sum()
            else:
                batch = objective.batch(few, chosen, rejected, refs, other)
                loss = objective.loss(batch, mean_tokens) * (len(few) / len(examples))
            processes.backward(loss * weight)
        if weight:
            found |= dict(zip(part, _scores(few, logs), strict=True))
    together = {i: s for one in processes.gather(found) for i, s in one.items()}
    told = torch.tensor([together[i] for i in range(len(examples))], device=processes.device, dtype=torch.float32)
    batch = objective.batch(examples, told[:, 0], told[:, 1], reference, other)
    with torch.no_grad():
        return Taken(float(objective.loss(batch, mean_tokens)), batch)
