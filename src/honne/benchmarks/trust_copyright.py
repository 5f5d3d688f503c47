"""Trustworthy LLMs: a Survey and Guideline for Evaluating Large Language Models' Alignment (copyrighted content)

Yang Liu, Yuanshun Yao, Jean-Francois Ton, Xiaoying Zhang, Ruocheng Guo, Hao Cheng, Yegor Klochkov, Muhammad Faaiz
Taufiq, Hang Li. 2023 (arXiv 2308.05374, section 11.7). https://github.com/kevinyaobytedance/llm_eval, MIT.

Does a model give a text back that it has memorised? It sees the first part of a passage and is asked for what comes
next; the judge `overlap` compares that with the passage.

Departures: the paper used a protected novel. What honne ships are short passages in the public domain (English,
Chinese, Japanese), which stand in for it, and control passages written for honne, which nobody can have memorised:
what these score is chance. Similarity is that of character n-grams, without the paper's embedding model
(all-MiniLM-L6-v2), and of a passage in Chinese or Japanese the next 20 characters are compared, in English the next
50.

Options: `n` passages (default all, 62), `langs` (default en,zh,ja); they cycle through known and control texts and
languages in a seeded order, so every prefix is balanced, and the first n of a larger set are the set of n. Ids do not
depend on the seed. `path=FILE` (plain text, UTF-8 or `encoding=…`; `lang=…`, en unless given) asks for a text of your
own by the paper's protocol: `n` blocks of 50 sentences (default 1,000), drawn with the seed 8888, 350 characters
given, the next 50 compared; the control passages of that language come with them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from honne import plugins
from honne.benchmarks._base import numbered
from honne.benchmarks._blocks import blocks
from honne.benchmarks._drawn import OWN_FILE, Drawn, interleaved, rank, written
from honne.benchmarks._graded import Graded
from honne.errors import ConfigError, DataError
from honne.plugins import Benchmark, Measure, Row, View
from honne.records import Item, Judgment, category_path, now
from honne.spec import Spec

__all__ = ["PLUGIN", "TrustCopyright"]

_TEXTS = "prompts/trust_copyright.toml"
_NEXT = {"en": 50, "zh": 20, "ja": 20}


class _Passage(NamedTuple):
    """One passage: its kind (`known`, `control`, `own`), its id within the benchmark, its work, and its two parts."""

    kind: str
    id: str
    lang: str
    work: str
    first: str
    next: str


def _cut(kind: str, k: int, lang: str) -> _Passage:
    work, text = written(_TEXTS)[kind][lang][k]
    at = len(text) - _NEXT[lang] - 1
    if lang == "en":
        # Between words: half a word would give the rest of it away.
        at = text.rfind(" ", 0, at + 1) + 1
    return _Passage(kind, f"{lang}-{kind}-{k + 1:02}", lang, work, text[:at].rstrip(), text[at : at + _NEXT[lang]])


class TrustCopyright(Graded, Drawn):
    name = "trust-copyright"
    title = "Trustworthy LLMs: memorised text given back"
    url = "https://arxiv.org/abs/2308.05374"
    kinds: Mapping[str, type] = {**Drawn.kinds, **OWN_FILE}
    judges: Mapping[str, str] = {"open": "overlap"}
    metrics: tuple[str, ...] = ("continuation",)

    def __init__(self, spec: Spec) -> None:
        self._own: list[_Passage] = []
        super().__init__(spec)

    def _most(self) -> int:
        n = self.options.get("n")
        if n is not None and n < 1:
            raise ConfigError(f"{self.name}: n={n} is out of range: at least 1")
        text = self.own_text()
        if text is None:
            return sum(len(written(_TEXTS)[kind][lang]) for kind in ("known", "control") for lang in self._langs)
        own, lang = self.options["path"], self._langs[0]
        found = blocks(text, own, n)
        self._own = [_Passage("own", f"block-{b.sentence:06}", lang, Path(own).name, b.first, b.next) for b in found]
        return len(self._own)

    def items(self, *, seed: int) -> Iterator[Item]:
        """The passages; of an own file its blocks, then the control passages."""
        for seq, passage in enumerate(self._passages(seed)):
            prompt = written(_TEXTS)["ask"][passage.lang].format(text=passage.first)
            category = category_path(passage.kind, passage.lang)
            item = self._item(seq, f"{self.name}-{passage.id}", prompt, lang=passage.lang, category=category)
            yield replace(item, target=passage.next, meta=json.dumps({"work": passage.work}, ensure_ascii=False))

    def _passages(self, seed: int) -> Sequence[_Passage]:
        def ordered(kind: str, lang: str) -> list[_Passage]:
            count = len(written(_TEXTS)[kind][lang])
            return [_cut(kind, k, lang) for k in sorted(range(count), key=lambda k: rank(seed, kind, k))]

        if self._own:
            return [*self._own, *(p for lang in self._langs for p in ordered("control", lang))]
        strata = [ordered(kind, lang) for lang in self._langs for kind in ("known", "control")]
        return [passage for passage, _ in zip(interleaved(strata), range(self._n), strict=False)]

    def validate(self) -> None:
        """Every passage long enough on both sides of the cut, and the ends of the measures: what gives the passage back
        is similar in full and verbatim, what says nothing is not."""
        items = numbered(self)
        for item in items:
            if len(item.target or "") < _NEXT[item.lang] // 2 or len(item.messages[-1].content) < 40:
                raise DataError(f"{self.name}: {item.id} is too short")
        metric = plugins.load("metrics", self.metrics[0])
        for end in (0.0, 1.0):
            rows = [Row(item, 0, None, _judged(item, end)) for item in items]
            for found in metric(View(rows, "validate")):
                measured = isinstance(found, Measure) and found.better == "lower" and found.metric != "unparsed_share"
                if measured and any(unit.value != end for unit in found.units):
                    raise DataError(f"{self.name}: {found.metric} does not reach {end:g}")


def _judged(item: Item, similarity: float) -> Judgment:
    raw = json.dumps({"similarity": similarity, "longest": similarity, "verbatim": bool(similarity)})
    return Judgment(item_id=item.id, model="validate", judge="validate", status="scored", raw=raw, at=now())


PLUGIN: Callable[[Spec], Benchmark] = TrustCopyright
