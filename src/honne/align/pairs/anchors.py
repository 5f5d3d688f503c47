"""Anchors: what a model should keep. `anchors/RUN|BENCHMARK[?…]`

Safety pairs alone teach a model to refuse everything and to forget what is left out. An anchor is

- a benign prompt, answered against refused: a prompt on whose benchmark's scale a refusal is the worse answer (xstest's
  safe ones, say), or one that `benign=NAME[,NAME…]` names by its benchmark or by a part of its category. Chosen is an
  answer of the run's model; rejected one of its own refusals, else one of ours;
- a question whose right answer is known, right against wrong: sums (`anchors/arithmetic`), facts, reversals, neutral
  choices, whatever the items have a `target` for. Chosen is a right answer of the run's model, else the target;
  rejected a wrong one of the model's, else a number near it, another option, the right answer to another question of
  the same kind.

Other prompts of a run are left out, without a word: they are no anchors. Options: `only=benign` or `only=right`; `m`
pairs a prompt at most (default 1); `judge` as for `own` (benign prompts; where a run has none, or its verdicts do not
speak of refusals, the rules of the judge `refusal` tell them); `benign`; `of=NAME[,NAME…]`, the benchmarks or
categories to take, so that each skill can have a name and a share of its own. Others go to the benchmark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

from honne.align.pairs._base import Account, JudgeUsed, PairSource
from honne.align.pairs._replies import refusal, refuses
from honne.align.pairs._runs import Answer, Finished, names_of, one_judge, those_of
from honne.align.pairs._targets import asked_of, lettered, wrong_answers, wrong_letters
from honne.benchmarks.principle import GOOD
from honne.errors import ConfigError, unknown
from honne.judges.refusal import Refusal
from honne.plugins import is_choice
from honne.records import Item, Pair
from honne.spec import Spec, read_options

__all__ = ["PLUGIN", "Anchors"]

_KINDS = ("benign", "right")
_OWN = {"only": str, "m": int, "judge": str, "benign": str, "of": str}
_Side = tuple[str, Answer | None]
_Pools = dict[tuple[str, ...], list[str]]


class Anchors:
    def __init__(self, spec: Spec) -> None:
        mine = {key: value for key, value in spec.options.items() if key in _OWN}
        options = read_options(Spec(spec.provider, spec.name, mine), _OWN)
        self._spec = spec
        self._others = {key: value for key, value in spec.options.items() if key not in _OWN}
        self._only: str | None = options.get("only")
        self._m: int = options.get("m", 1)
        self._judge: str | None = options.get("judge")
        self._of: str | None = options.get("of")
        self._benign = tuple(name.strip() for name in options.get("benign", "").split(",") if name.strip())
        if self._only not in (None, *_KINDS):
            raise ConfigError(f"{spec.label}: only=…: {unknown('kind of anchor', str(self._only), _KINDS)}")
        if self._m < 1:
            raise ConfigError(f"{spec.label}: m={self._m}: at least 1 (pairs a prompt)")

    def pairs(self, *, seed: int, account: Account) -> Iterator[Pair]:
        """The pairs, in the order of the items."""
        run, every = asked_of(self._spec, self._others, account, seed)
        items = those_of(every, self._of, f"{self._spec.label}: of")
        self._check(items)
        pools: _Pools = {}
        for item in items:
            if item.target is not None:
                pools.setdefault(_kind(item), []).append(item.target)
        judges = self._judges(run) if run else {}
        if run is not None:
            fixed = {key for item in items if (key := run.fixed_judge(item)) is not None}
            account.inputs.append(run.input({*judges.values(), *fixed}))
        for item in items:
            if item.attack is None and run and self._only != "right" and self._is_benign(run, item):
                yield from self._answered(run, item, judges.get(item.benchmark), seed, account)
            elif item.attack is None and self._only != "benign" and _known(run, item):
                yield from self._right(run, item, pools, seed, account)

    def _check(self, items: Sequence[Item]) -> None:
        """Every name of `benign` must be there. Raises ConfigError."""
        there = set().union(*map(names_of, items))
        for name in self._benign:
            if name not in there:
                raise ConfigError(f"{self._spec.label}: benign=…: {unknown('benchmark or category', name, there)}")

    def _judges(self, run: Finished) -> dict[str, str]:
        if not run.raters() and self._judge is None:
            return {}
        (judges,) = one_judge([run], self._judge, "")
        return judges

    def _is_benign(self, run: Finished, item: Item) -> bool:
        if not run.rated(item):
            return False
        if names_of(item) & set(self._benign):
            return True
        return run.refusal_is_worse(item) is True

    # --------------------------------------------------------------- benign

    def _answered(self, run: Finished, item: Item, judge: str | None, seed: int, account: Account) -> Iterator[Pair]:
        request = item.messages[-1].content
        good: list[_Side] = []
        bad: list[_Side] = []
        for answer in run.answers(item, judge, account):
            if judge and answer.score is None:
                continue
            refused = answer.refused if answer.refused is not None else refuses(answer.text, request)
            if answer.refused is None:
                account.judged_by(JudgeUsed(Refusal.key))
            if judge:
                account.judged_by(run.used(judge))
            if refused is False and (answer.score is None or answer.score >= GOOD):
                good.append((answer.text, answer))
            elif refused:
                bad.append((answer.text, answer))
        if not good:
            account.out("benign prompt without a good answer", f"{run.path}: {item.id}")
        sent = good[0][1].sent if good and good[0][1] else item.messages
        bad = bad or [(refusal(item.lang, request, seed, item.id, i), None) for i in range(self._m)]
        for chosen, rejected in self._some(good, bad):
            yield _pair(item, chosen, rejected, judge, "answered against refused", sent)

    # ---------------------------------------------------------------- right

    def _right(self, run: Finished | None, item: Item, pools: _Pools, seed: int, account: Account) -> Iterator[Pair]:
        key = run.fixed_judge(item) if run else None
        answers = run.answers(item, key, Account()) if run and key else []
        good: list[_Side] = [(a.text, a) for a in answers if a.score == 1.0]
        bad: list[_Side] = [(a.text, a) for a in answers if a.score == 0.0]
        if run and key and (good or bad):
            account.judged_by(run.used(key))
        good = good or [(item.target or "", None)]
        bad = bad or [(text, None) for text in self._wrong(item, pools, seed)]
        if not bad:
            account.out("question without a wrong answer", item.id)
        sent = answers[0].sent if answers else item.messages
        for chosen, rejected in self._some(good, bad):
            yield _pair(item, chosen, rejected, key if answers else None, "right against wrong", sent)

    def _wrong(self, item: Item, pools: _Pools, seed: int) -> list[str]:
        if is_choice(item.form) or item.options is not None:
            return wrong_letters(item, seed) if lettered(item) else []
        return wrong_answers(item, pools[_kind(item)], seed)

    def _some(self, good: Sequence[_Side], bad: Sequence[_Side]) -> list[tuple[_Side, _Side]]:
        """At most m pairs; each answer once before any comes again."""
        both = sorted(product(range(len(good)), range(len(bad))), key=lambda ij: (abs(ij[0] - ij[1]), ij))
        return [(good[i], bad[j]) for i, j in both if good[i][0] != bad[j][0]][: self._m]


def _known(run: Finished | None, item: Item) -> bool:
    """Whether the right answer is known, and (in a run) a fixed judge compares with it."""
    return item.target is not None and (run is None or not run.rated(item))


def _kind(item: Item) -> tuple[str, ...]:
    """Questions whose right answers may stand for each other's wrong ones."""
    return (item.benchmark, item.category, item.form, item.lang)


def _pair(item: Item, chosen: _Side, rejected: _Side, judge: str | None, why: str, prompt: Any) -> Pair:
    good, bad = chosen[1], rejected[1]
    return Pair(
        prompt=prompt,
        chosen=chosen[0],
        rejected=rejected[0],
        # Neither a refusal nor a wrong sum is unsafe.
        chosen_safe=True,
        rejected_safe=True,
        source="anchors",
        judge=judge,
        why=f"{why} ({'its own' if good else 'known'} against {'its own' if bad else 'made'})",
        item=item.id,
        group=item.group,
        benchmark=item.benchmark,
        category=item.category,
        lang=item.lang,
        form=item.form,
        run=good.run.name if good else None,
        model=good.run.model if good else None,
        sample=good.sample if good else None,
        rejected_run=bad.run.name if bad else None,
        rejected_model=bad.run.model if bad else None,
        rejected_sample=bad.sample if bad else None,
        chosen_score=good.score if good else None,
        rejected_score=bad.score if bad else None,
    )


PLUGIN: Callable[[Spec], PairSource] = Anchors
