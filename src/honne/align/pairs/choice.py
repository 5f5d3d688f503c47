"""Choice-form pairs: the right option against a wrong one, in the form that is asked. `choice/RUN|BENCHMARK[?…]`

The cure of fake alignment (Wang et al. 2024, FINE, arXiv 2311.05915): what a model was taught in open answers does not
carry over to choices, so it is taught them as well. A question of two options is asked in both orders wherever its
benchmark has both (`fine`, `jade`, `cvalues`, `demo`, `fine?path=FILE` for your own), so no place is taught.

    honne pairs choice/fine own/runs/base -o pairs.jsonl
    honne pairs "choice/fine?path=mine.jsonl" -o pairs.jsonl

Options: `m` pairs an item at most (default 1; of two options there is only one); `answer=letter` (default: "A") or
`answer=option` ("A. " and the option's text), as the prompt asks for it; `of=NAME[,NAME…]`, the benchmarks or
categories to take. Others go to the benchmark. Departures: which letter is right follows from the
item's target; the paper's own training questions are not shipped, and how its authors trained on them is not said in
what could be read of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from honne.align.pairs._base import Account, PairSource
from honne.align.pairs._runs import those_of
from honne.align.pairs._targets import LETTERS, asked_of, lettered, wrong_letters
from honne.errors import ConfigError, unknown
from honne.records import Item, Pair
from honne.spec import Spec, read_options

__all__ = ["PLUGIN", "Choice"]

_ANSWERS = ("letter", "option")
_OWN = {"m": int, "answer": str, "of": str}


class Choice:
    def __init__(self, spec: Spec) -> None:
        mine = {key: value for key, value in spec.options.items() if key in _OWN}
        options = read_options(Spec(spec.provider, spec.name, mine), _OWN)
        self._spec = spec
        self._others = {key: value for key, value in spec.options.items() if key not in _OWN}
        self._of: str | None = options.get("of")
        self._m: int = options.get("m", 1)
        self._answer: str = options.get("answer", "letter")
        if self._m < 1:
            raise ConfigError(f"{spec.label}: m={self._m}: at least 1 (pairs an item)")
        if self._answer not in _ANSWERS:
            raise ConfigError(f"{spec.label}: answer=…: {unknown('form of answer', self._answer, _ANSWERS)}")

    def pairs(self, *, seed: int, account: Account) -> Iterator[Pair]:
        """The pairs, in the order of the items."""
        run, items = asked_of(self._spec, self._others, account, seed)
        if run is not None:
            account.inputs.append(run.input(()))
        for item in those_of(items, self._of, f"{self._spec.label}: of"):
            if item.options is None:
                continue
            if not lettered(item):
                account.out("choice without a known right option", item.id)
                continue
            for wrong in wrong_letters(item, seed)[: self._m]:
                yield self._pair(item, wrong)

    def _pair(self, item: Item, wrong: str) -> Pair:
        right = item.target or ""
        return Pair(
            prompt=item.messages,
            chosen=self._told(item, right),
            rejected=self._told(item, wrong),
            chosen_safe=True,
            rejected_safe=False,
            source="choice",
            why=f"{right} is right, {wrong} is not",
            item=item.id,
            group=item.group,
            benchmark=item.benchmark,
            category=item.category,
            lang=item.lang,
            form=item.form,
            attack=item.attack,
        )

    def _told(self, item: Item, letter: str) -> str:
        if self._answer == "letter":
            return letter
        return f"{letter}. {(item.options or ())[LETTERS.index(letter)].strip()}"


PLUGIN: Callable[[Spec], PairSource] = Choice
