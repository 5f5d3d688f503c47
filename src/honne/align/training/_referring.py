"""The reference's numbers of all that a training will ask for, from the cache or in one pass before the first step."""

from __future__ import annotations

from honne.align.training._batches import Order, mismatched
from honne.align.training._examples import Example
from honne.align.training._load import Loaded, load, tokens_of, vocabulary_alike
from honne.align.training._log import Say
from honne.align.training._material import Material
from honne.align.training._memory import within_memory
from honne.align.training._reference import Reference, cache_file
from honne.align.training._scorer import layout_for, scorer
from honne.align.training._settings import Settings
from honne.align.training._step import Trainee, scores
from honne.data import cache_root
from honne.errors import TrainingError

__all__ = ["referring"]


def referring(
    settings: Settings, found: Material, trainee: Trainee, loaded: Loaded, order: Order, total: int, say: Say
) -> Reference:
    """The reference of a training. Its model is `trainee` before the first step, or another that leaves memory here."""
    if not settings.method.needs_reference:
        return Reference(None)
    processes = trainee.processes
    judge, told = (trainee, loaded) if settings.reference is None else _other(settings, found, trainee)
    reference = Reference(cache_file(cache_root(), told.tokens.fingerprint, processes.weights, processes.half))
    missing = reference.missing(_wanted(settings, found, order, total))
    if processes.gather(len(missing)) != [len(missing)] * processes.count:
        raise TrainingError("the processes read different caches: set HONNE_CACHE to a folder that all of them see")
    if missing:
        say("note", {"text": f"reference: {len(missing):,} pairs to score"})
        reference.learn(missing, within_memory(judge, say, lambda: scores(judge, missing)))
        if processes.main:
            reference.save()
    return reference


def _wanted(settings: Settings, found: Material, order: Order, total: int) -> list[Example]:
    train, context = found.train.examples, found.tokens.context
    tuning = found.tuning.examples if found.tuning is not None else []
    wanted = [*train, *tuning]
    if settings.method.needs_mismatched:
        batches = [[train[i] for i in order.step(number)] for number in range(total)]
        wanted += [crossed for batch in (*batches, tuning) for crossed in mismatched(batch, context)]
    return wanted


def _other(settings: Settings, found: Material, trainee: Trainee) -> tuple[Trainee, Loaded]:
    assert settings.reference is not None
    processes, tokens = trainee.processes, tokens_of(settings.reference)
    vocabulary_alike(found.tokens, tokens)
    loaded = load(settings.reference, tokens, precision=processes.weights, device=processes.device, lora=None, seed=0)
    layout, _ = layout_for(loaded.model, found.train.examples)
    return Trainee(processes, scorer(loaded.model, layout), layout, trainee.tokens), loaded
