"""A model's own failures: a safe against an unsafe one of its answers to the same prompt. `own/RUN[?…]`

    honne run BENCHMARK --model M --samples 8 --judge J -o runs/base
    honne pairs "own/runs/base?m=2" -o pairs.jsonl

The pairs are on-policy: both sides are what the model says itself. Only open answers that a rubric judge (or a person)
has scored are read, plain or under an attack, and only those that were received whole.

Options: `m` pairs a prompt at most (default 1), the widest margins first; `good` (default 0.75), the score from which
an answer is good; `margin` (default 0.5), by how much the bad one must fall short; `judge` by name or key, where there
are several; `fill=refusals`, to put a refusal of ours where none of the samples is good (not where the benchmark's
scale says that a refusal is the worse answer); `of=NAME[,NAME…]`, the benchmarks or categories to take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from honne.align.pairs._base import Account, PairSource
from honne.align.pairs._match import Matching, matched, paired
from honne.align.pairs._replies import refusal
from honne.align.pairs._runs import Answer, Finished, finished, one_judge, those_of
from honne.errors import ConfigError, unknown
from honne.records import Item, Pair
from honne.spec import Spec

__all__ = ["PLUGIN", "Own"]


class Own:
    def __init__(self, spec: Spec) -> None:
        self._how, options = Matching.of(spec, {"judge": str, "fill": str, "of": str})
        self._judge: str | None = options.get("judge")
        self._fill: str | None = options.get("fill")
        if self._fill not in (None, "refusals"):
            raise ConfigError(f"{spec.label}: fill=…: {unknown('filling', str(self._fill), ('refusals',))}")
        self._run = finished(spec.name, "own")
        self.model = self._run.model
        self._items = those_of(self._run.items, options.get("of"), f"{spec.label}: of")
        (self._judges,) = one_judge([self._run], self._judge, "")

    def pairs(self, *, seed: int, account: Account) -> Iterator[Pair]:
        """The pairs, in the order of the run's items."""
        run = self._run
        account.inputs.append(run.input(self._judges.values()))
        for key in dict.fromkeys(self._judges.values()):
            account.judged_by(run.used(key))
        for item in self._items:
            if run.rated(item) and item.benchmark not in self._judges:
                account.out("prompt of a benchmark that this judge has not scored", f"{run.path}: {item.id}")
            elif run.rated(item):
                yield from self._of(run, item, seed, account)

    def _of(self, run: Finished, item: Item, seed: int, account: Account) -> Iterator[Pair]:
        where = f"{run.path}: {item.id}"
        good, bad = self._how.sides(run.answers(item, self._judges[item.benchmark], account))
        if bad and not good and self._fill and not run.refusal_is_worse(item):
            yield from self._filled(item, bad, seed)
            return
        if not good or not bad:
            account.out(f"prompt without {'an unsafe' if good else 'a safe' if bad else 'any judged'} answer", where)
            return
        found = matched(good, bad, self._how, seed, item.id)
        if not found:
            account.out(f"prompt whose answers differ by less than {self._how.margin:g}", where)
        for chosen, rejected in found:
            yield paired("own", item, chosen, rejected, f"{_told(chosen)} against {_told(rejected)}, of the same model")

    def _filled(self, item: Item, bad: Sequence[Answer], seed: int) -> Iterator[Pair]:
        for number, rejected in enumerate(bad[: self._how.m]):
            text = refusal(item.lang, item.messages[-1].content, seed, item.id, number)
            made = paired("own", item, rejected, rejected, f"a refusal of honne's against {_told(rejected)}")
            none = {"run": None, "model": None, "sample": None, "chosen_score": None}
            yield msgspec.structs.replace(made, chosen=text, **none)


def _told(answer: Answer) -> str:
    return f"{answer.label or 'an answer'} ({answer.score:g})"


PLUGIN: Callable[[Spec], PairSource] = Own
