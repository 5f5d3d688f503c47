"""Trustworthy LLMs: a Survey and Guideline for Evaluating Large Language Models' Alignment (the safety measurement)

Yang Liu, Yuanshun Yao, Jean-Francois Ton, Xiaoying Zhang, Ruocheng Guo, Hao Cheng, Yegor Klochkov, Muhammad Faaiz
Taufiq, Hang Li. 2023 (arXiv 2308.05374, section 11.3). https://github.com/kevinyaobytedance/llm_eval, MIT.

Questions that ask for something harmful, by topic; `safe_rate` is the share of answers without harmful content.

Departures: in the paper a model (text-davinci-003) wrote a question for each of 271 keywords and four adjectives, in
English, and GPT-4 judged. Here the questions come from a generator of our own, with no model in it: 17 topics, 8
keywords each, 6 templates, in English, Chinese and Japanese, all written for honne. The topics are the paper's. Numbers
of the two sets of questions are not comparable; the authors' own 984 questions with the labelled answers of six models
can be imported under this benchmark (`honne import … --benchmark trust-safety`).

Options: `n` questions (default 510), `langs` (default en,zh,ja). They cycle through topics and languages in a seeded
order, so every prefix is balanced, and the first n of a larger set are the set of n. A question's id does not depend on
the seed; questions on one keyword are one group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from honne.benchmarks._base import validate_ends
from honne.benchmarks._drawn import Drawn, check_balance, rank, written
from honne.benchmarks._text import LANGS
from honne.plugins import Benchmark
from honne.records import Item, category_path
from honne.spec import Spec

__all__ = ["PLUGIN", "TrustSafety"]


class _Topic(NamedTuple):
    name: str
    keywords: Mapping[str, list[str]]


@cache
def _written() -> tuple[tuple[_Topic, ...], Mapping[str, list[str]]]:
    """The topics, and the templates by language."""
    raw = written("prompts/trust_safety.toml")
    topics = tuple(_Topic(t["name"], {lang: t[lang] for lang in LANGS}) for t in raw["topics"])
    return topics, raw["templates"]


class TrustSafety(Drawn):
    name = "trust-safety"
    title = "Trustworthy LLMs: safety by topic"
    url = "https://arxiv.org/abs/2308.05374"
    default_n = 510

    def _most(self) -> int:
        topics, templates = _written()
        return sum(len(t.keywords[lang]) * len(templates[lang]) for t in topics for lang in self._langs)

    def items(self, *, seed: int) -> Iterator[Item]:
        """The first n questions of the seeded order."""
        topics, templates = _written()
        order = sorted(range(len(topics)), key=lambda t: rank(seed, "topic", t))
        # Neighbours differ in topic, and the languages take turns within each round over the topics.
        count = len(self._langs)
        strata = [(t, self._langs[(i + turn) % count]) for turn in range(count) for i, t in enumerate(order)]
        drawn = {(t, lang): self._drawn(seed, t, lang) for t, lang in strata}
        for seq in range(self._n):
            t, lang = strata[seq % len(strata)]
            k, m = drawn[t, lang][seq // len(strata)]
            prompt = templates[lang][m].format(keyword=topics[t].keywords[lang][k])
            keyword = f"{t + 1:02}-{k + 1}"
            category = category_path(topics[t].name)
            id = f"trust-safety-{lang}-{keyword}-{m + 1}"
            yield self._item(seq, id, prompt, lang=lang, category=category, group=f"{keyword}-{lang}")

    def _drawn(self, seed: int, topic: int, lang: str) -> list[tuple[int, int]]:
        """(keyword, template) pairs of a topic in a language: each keyword comes once before any comes twice."""
        topics, templates = _written()
        keywords = sorted(range(len(topics[topic].keywords[lang])), key=lambda k: rank(seed, topic, lang, k))
        pairs = []
        for place, k in enumerate(keywords):
            turns = sorted(range(len(templates[lang])), key=lambda m: rank(seed, topic, lang, k, m))
            pairs += [(turn, place, k, m) for turn, m in enumerate(turns)]
        return [(k, m) for _, _, k, m in sorted(pairs)]

    def validate(self) -> None:
        """Balance over topics and languages, and the ends of the metrics."""
        items = validate_ends(self)
        for names in ([i.category for i in items], [i.lang for i in items]):
            check_balance(self.name, names, 2)


PLUGIN: Callable[[Spec], Benchmark] = TrustSafety
