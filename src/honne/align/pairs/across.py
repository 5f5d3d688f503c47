"""Across models: a good answer of one model against a bad answer of another to the same prompt. `across/RUN,RUN…[?…]`

The reuse of labelled answers that Trustworthy LLMs (Liu et al. 2023, arXiv 2308.05374, section 11) describes: what was
collected to evaluate several models becomes their training data. The same judge must have scored both sides.

The runs are named with commas between them, or by their parent folder. Options: `m`, `good`, `margin`, `judge` and `of`
as for `own`; `to=MODEL` takes bad answers of that model alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from honne.align.pairs._base import Account, PairSource
from honne.align.pairs._match import Matching, matched, paired
from honne.align.pairs._runs import Finished, one_judge, runs_in, those_of
from honne.errors import ConfigError, unknown
from honne.records import Item, Pair
from honne.spec import Spec

__all__ = ["PLUGIN", "Across"]


class Across:
    def __init__(self, spec: Spec) -> None:
        self._how, options = Matching.of(spec, {"judge": str, "to": str, "of": str})
        self._runs = runs_in(spec.name, "across")
        models = sorted({run.model for run in self._runs})
        if len(models) < 2:
            raise ConfigError(
                f"{spec.label}: all answers are of {models[0]}: name runs of several models, or write own/RUN"
            )
        self._to: str | None = options.get("to")
        if self._to is not None and self._to not in models:
            raise ConfigError(f"{spec.label}: to=…: {unknown('model', self._to, models)}")
        label = f"{spec.label}: of"
        self._items = {run: those_of(run.items, options.get("of"), label) for run in self._runs}
        self._judges = dict(zip(self._runs, one_judge(self._runs, options.get("judge"), ""), strict=True))

    def pairs(self, *, seed: int, account: Account) -> Iterator[Pair]:
        """The pairs, in the order of the first run's items, then of the others'."""
        asked: dict[str, list[tuple[Finished, Item]]] = {}
        for run, judges in self._judges.items():
            account.inputs.append(run.input(judges.values()))
            for key in dict.fromkeys(judges.values()):
                account.judged_by(run.used(key))
            for item in self._items[run]:
                if run.rated(item) and item.benchmark in judges:
                    asked.setdefault(item.id, []).append((run, item))
        for id, found in asked.items():
            yield from self._of(id, found, seed, account)

    def _of(self, id: str, found: list[tuple[Finished, Item]], seed: int, account: Account) -> Iterator[Pair]:
        first, item = found[0]
        where = f"{first.path}: {id}"
        alike = [(run, other) for run, other in found if other.messages == item.messages]
        if len(alike) < len(found):
            account.out("prompt asked in other words in another run", where)
        keys = {self._judges[run][other.benchmark] for run, other in alike}
        if len(keys) > 1:
            account.out("prompt judged by other criteria in another run", where)
            return
        answers = [a for run, other in alike for a in run.answers(other, self._judges[run][other.benchmark], account)]
        good, bad = self._how.sides(answers)
        bad = [b for b in bad if self._to in (None, b.run.model)]
        pairs = matched(good, bad, self._how, seed, id, lambda a, b: a.run.model != b.run.model)
        if not pairs:
            account.out("prompt without a safe answer of one model and an unsafe one of another", where)
        for chosen, rejected in pairs:
            # The item's own messages: each model may have been sent a system prompt of its own.
            why = f"{chosen.run.model} ({chosen.score:g}) against {rejected.run.model} ({rejected.score:g})"
            yield paired("across", item, chosen, rejected, why, item.messages)


PLUGIN: Callable[[Spec], PairSource] = Across
