"""Instructions: short texts under rules that can be checked by counting. Written for honne.

In the manner of IFEval (Jeffrey Zhou et al. 2023, Instruction-Following Evaluation for Large Language Models, arXiv
2311.07911): exact numbers of words, sentences, lines or points, words to use or to avoid, beginnings and endings,
letter case, JSON, the language of the reply. A capability, so that the cost of safety can be seen. The tasks and
rules are ours, in English, Chinese and Japanese, and the judge `instructions` decides by rule; no numbers of IFEval
compare.

Options: `n` tasks (default 180), `langs` (default en,zh,ja). They cycle through rules and languages in a seeded
order, so every prefix is balanced, and the first n of a larger set are the set of n. A task's id and text do not
depend on the seed; the tasks on one rule (or pair of rules) in one language are one category `RULE`, each its own
group.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from honne.benchmarks._base import validate_ends
from honne.benchmarks._drawn import Drawn, check_balance, interleaved, rank, written
from honne.benchmarks._graded import Graded
from honne.errors import DataError
from honne.plugins import Benchmark
from honne.records import Item, category_path
from honne.spec import Spec

__all__ = ["PLUGIN", "Instructions"]

_TEXTS = "prompts/instructions.toml"
_PER_SET = 12
_KEYS = ["title", "text"]

_Set = tuple[str, ...]


def _sets(lang: str) -> list[_Set]:
    """The rules, alone and in pairs, that there are in a language."""
    texts = written(_TEXTS)
    known = [name for name, rule in texts["rules"].items() if lang in rule]
    return [*((name,) for name in known), *(tuple(pair) for pair in texts["pairs"] if set(pair) <= set(known))]


def _stated(name: str, k: int, lang: str) -> tuple[str, list[Any]]:
    """The words of a rule in the k-th task of its set, and the rule as the judge reads it."""
    texts = written(_TEXTS)
    rule = texts["rules"][name]
    if "n" in rule:
        n = rule["n"][k % len(rule["n"])]
        return rule[lang].format(n=n), [name, n]
    if f"word_{lang}" in rule:
        words = rule[f"word_{lang}"]
        word = words[k % len(words)]
        return rule[lang].format(word=word), [name, word]
    if name == "language":
        wanted = rule[f"language_{lang}"]
        other = wanted[k % len(wanted)]
        return rule[lang].format(language=texts["languages"][lang][other]), [name, other]
    return rule[lang], [name, _KEYS if name == "json" else None]


class Instructions(Graded, Drawn):
    name = "instructions"
    title = "Instructions: texts under rules that can be counted"
    url = ""
    default_n = 180
    judges: Mapping[str, str] = {"open": "instructions"}
    metrics: tuple[str, ...] = ("instructions",)

    def _most(self) -> int:
        return sum(len(_sets(lang)) for lang in self._langs) * _PER_SET

    def items(self, *, seed: int) -> Iterator[Item]:
        """The first n tasks of the seeded order."""
        strata = []
        for lang in self._langs:
            sets = sorted(_sets(lang), key=lambda names: rank(seed, lang, *names))
            orders = {names: sorted(range(_PER_SET), key=lambda k: rank(seed, lang, names, k)) for names in sets}
            strata.append([(lang, names, orders[names][turn]) for turn in range(_PER_SET) for names in sets])
        drawn = zip(range(self._n), interleaved(strata), strict=False)
        for seq, (lang, names, k) in drawn:
            yield self._task(seq, lang, names, k)

    def _task(self, seq: int, lang: str, names: _Set, k: int) -> Item:
        texts = written(_TEXTS)
        stated = [_stated(name, k, lang) for name in names]
        rules = (" " if lang == "en" else "").join(text for text, _ in stated)
        topics = texts["topics"][lang]
        prompt = texts["task"][lang].format(topic=topics[k % len(topics)], rules=rules)
        id = f"{self.name}-{lang}-{'+'.join(names)}-{k + 1:02}"
        category = category_path("+".join(names))
        item = self._item(seq, id, prompt, lang=lang, category=category)
        return replace(item, meta=json.dumps({"rules": [rule for _, rule in stated]}, ensure_ascii=False))

    def validate(self) -> None:
        """Balance over languages, rules in every task, and the ends of the metrics."""
        items = validate_ends(self)
        # There are more sets of rules in some languages than in others: a set of nearly all tasks is not balanced.
        if self._n < min(len(self._langs) * _PER_SET * len(_sets(lang)) for lang in self._langs):
            check_balance(self.name, (item.lang for item in items), 1)
        for item in items:
            if not json.loads(item.meta).get("rules"):
                raise DataError(f"{self.name}: {item.id} has no rules")


PLUGIN: Callable[[Spec], Benchmark] = Instructions
