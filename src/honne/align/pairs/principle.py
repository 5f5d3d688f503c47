"""Principle-guided: an answer given with an expert's principle in the prompt, against a bad one. `principle/RUN[?…]`

After CValues (Xu et al. 2023, arXiv 2307.09705, and its repository): the principle is left out of the pair's prompt, so
the model learns to answer as if it had been there. The guided answers are a run of their own, recorded, resumable and
judged like any other:

    honne run principle/runs/base --model SAME --judge SAME -o runs/guided
    honne pairs principle/runs/guided -o pairs.jsonl

Options: `m`, `good`, `margin` and `judge` as for `own`. The same judge must have scored both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from honne.align.pairs._base import Account, PairSource
from honne.align.pairs._match import Matching, matched, paired
from honne.align.pairs._runs import Answer, finished, name_of, one_judge
from honne.benchmarks.principle import About
from honne.errors import ConfigError, DataError
from honne.records import Item, Pair, category_parts, category_path
from honne.spec import Spec

__all__ = ["PLUGIN", "Guided"]


class Guided:
    def __init__(self, spec: Spec) -> None:
        self._how, options = Matching.of(spec, {"judge": str})
        self._run = finished(spec.name, "principle")
        self._about = {item.id: about for item in self._run.items if (about := _about(item)) is not None}
        if not self._about:
            raise DataError(
                f"{self._run.path} is no run of questions with a principle: honne run principle/{spec.name} makes one"
            )
        self.model = self._run.model
        before = sorted({about.model for about in self._about.values()})
        if before != [self.model]:
            raise ConfigError(
                f"{self._run.path}: these are answers of {self.model}, the bad ones of {', '.join(before)}: "
                "run principle/… with the same model"
            )
        (self._judges,) = one_judge([self._run], options.get("judge"), "")
        judged = {name_of(key) for key in self._judges.values()}
        earlier = sorted({name_of(about.judge) for about in self._about.values()} - judged)
        if earlier:
            raise ConfigError(
                f"{self._run.path}: judged by {', '.join(sorted(judged))}, the bad answers by {', '.join(earlier)}: "
                "both sides need the same judge"
            )

    def pairs(self, *, seed: int, account: Account) -> Iterator[Pair]:
        """The pairs, in the order of the run's items."""
        run = self._run
        account.inputs.append(run.input(self._judges.values()))
        for key in dict.fromkeys(self._judges.values()):
            account.judged_by(run.used(key))
        for item in run.items:
            about = self._about.get(item.id)
            if about is None or item.attack is not None or item.benchmark not in self._judges:
                continue
            answers = run.answers(item, self._judges[item.benchmark], account)
            good, _ = self._how.sides(answers)
            bad = [Answer(run, b.sample, b.text, about.messages, about.judge, b.score, b.label, b.refused)
                   for b in about.answers]  # fmt: skip
            found = matched(good, bad, self._how, seed, item.id)
            if not found:
                account.out("question without a good answer, with the principle", f"{run.path}: {item.id}")
            for chosen, rejected in found:
                yield _plain(
                    item, about, paired("principle", item, chosen, rejected, "with a principle", about.messages)
                )


def _about(item: Item) -> About | None:
    try:
        return msgspec.json.decode(item.meta, type=About)
    except (msgspec.DecodeError, RecursionError):
        return None


def _plain(item: Item, about: About, pair: Pair) -> Pair:
    """The pair as one of the question that was asked before, in its benchmark and category."""
    benchmark, *category = category_parts(item.category) or ("",)
    return msgspec.structs.replace(
        pair, item=about.item, benchmark=benchmark, category=category_path(*category), rejected_run=about.run
    )


PLUGIN: Callable[[Spec], PairSource] = Guided
