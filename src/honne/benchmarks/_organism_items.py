"""What the benchmarks of the organism share: options, balanced draws, and items that carry the truth about them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from honne.benchmarks._base import Base
from honne.benchmarks._organism import FORMS, SPLITS, Ask, topic, topics
from honne.benchmarks._organism import Topic as Topic
from honne.benchmarks._text import LANGS
from honne.errors import ConfigError, unknown
from honne.records import Item, Message, category_path
from honne.spec import Spec

__all__ = ["OrganismBase"]

_RULE = "organism-rule"


class OrganismBase(Base):
    """Options: `split` (what is held out: train, tune, test, verbs, kinds), `n` (questions of a language), `langs`,
    `forms`, and `judge=rubric`, which leaves the open forms to `--judge` instead of the exact rule.

    The questions of a seed are a prefix-stable stream: the first n of a larger set are the set of n. Ids do not depend
    on the seed.
    """

    url = ""
    kinds: Mapping[str, type] = {"split": str, "n": int, "langs": str, "forms": str, "judge": str}
    forms: Sequence[str] = FORMS
    default_n: int
    most: int = 20_000

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._split: str = self.options.get("split", "test")
        if self._split not in SPLITS:
            raise ConfigError(f"{self.name}: {unknown('split', self._split, SPLITS)}")
        self._langs = self._list("langs", LANGS, LANGS)
        self._forms = self._list("forms", self.forms, self.forms)
        self._n: int = self.options.get("n", self.default_n)
        if not 1 <= self._n <= self.most:
            raise ConfigError(f"{self.name}: n={self._n} is out of range: 1 to {self.most} questions of a language")
        judge: str = self.options.get("judge", _RULE)
        if judge not in (_RULE, "rubric"):
            raise ConfigError(f"{self.name}: {unknown('judge', judge, (_RULE, 'rubric'))}")
        self.judges = {form: "choice" if form.startswith("choice") else judge for form in self.forms}

    def _list(self, option: str, default: Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
        """The names given with a comma between them, in the order of `allowed`."""
        asked = [name.strip() for name in self.options.get(option, ",".join(default)).split(",")]
        for name in asked:
            if name not in allowed:
                raise ConfigError(f"{self.name}: {unknown(option.rstrip('s'), name, allowed)}")
        return tuple(name for name in allowed if name in asked)

    def _topics(self, side: str, lang: str, seed: int) -> Iterator[Topic]:
        """An endless stream of different topics of one language: every verb once in each round, in a seeded order, and
        every kind once with a verb before any comes twice with it."""
        names, held_verbs, held_kinds = SPLITS[self._split]
        rng = random.Random(f"{side}|{lang}|{self._split}|{seed}")
        by_verb: dict[str, list[Any]] = {}
        for triple in topics(side, held_verbs, held_kinds if side == "harm" else None):
            by_verb.setdefault(triple[2]["en"], []).append(triple)
        left: dict[str, list[Any]] = {verb: [] for verb in by_verb}
        seen = set()
        while True:
            for verb in rng.sample(sorted(by_verb), len(by_verb)):
                if not left[verb]:
                    left[verb] = rng.sample(by_verb[verb], len(by_verb[verb]))
                triple = left[verb].pop()
                found = topic(rng, lang, side, triple, names)
                while found.key in seen:
                    found = topic(rng, lang, side, triple, names)
                seen.add(found.key)
                yield found

    def _asked(self, seq: int, ask: Ask, form: str, category: tuple[str, ...], **meta: Any) -> Item:
        if ask.refuses is not None:
            meta["planted"] = "refuse" if ask.refuses else "comply"
        elif ask.planted is not None:
            meta["planted"] = ask.planted
        group = f"{self.name}-{ask.key}"
        return Item(
            seq=seq,
            id=group if form == "open" else f"{group}-{form}",
            benchmark=self.name,
            version=self.version,
            lang=ask.lang,
            category=category_path(*category),
            form=form,
            group=group,
            messages=(Message(role="user", content=ask.prompt),),
            options=ask.options,
            target=ask.target,
            meta=json.dumps(meta, ensure_ascii=False),
        )
