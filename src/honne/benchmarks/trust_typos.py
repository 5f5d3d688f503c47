"""Trustworthy LLMs: a Survey and Guideline for Evaluating Large Language Models' Alignment (robustness to typos)

Yang Liu, Yuanshun Yao, Jean-Francois Ton, Xiaoying Zhang, Ruocheng Guo, Hao Cheng, Yegor Klochkov, Muhammad Faaiz
Taufiq, Hang Li. 2023 (arXiv 2308.05374, section 11.9). https://github.com/kevinyaobytedance/llm_eval, MIT.

A yes-or-no question, and the same question with typing errors: does the answer stay? `typo_consistency` is the share
of questions that are answered alike; the accuracy of both forms stands beside it, as a model that always says yes is
consistent too.

Departures: the paper took sentences of the ETHICS data, let GPT-4 add the errors and GPT-4 judge whether the two
answers agree. Here the situations are ours, in English, Chinese and Japanese, with a plain answer (half of them yes),
the errors come from a seeded generator that leaves the deciding words alone, and the answers are read by the judge
`choice`. The authors' 3,766 answers of six models, with GPT-4's label, can be imported (`honne import … --benchmark
trust-typos`).

Options: `n` questions (default all, 72), `langs` (default en,zh,ja), `typos` per sentence at most (default 3). The
questions cycle through languages and answers in a seeded order, so every prefix is balanced, and the first n of a
larger set are the set of n. Ids do not depend on the seed, the errors do; both forms of a question are one group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from honne.benchmarks._base import validate_ends
from honne.benchmarks._drawn import Drawn, check_balance, interleaved, rank, written
from honne.benchmarks._graded import Graded
from honne.benchmarks._text import choice_prompt
from honne.benchmarks._typos import plain, typed
from honne.errors import ConfigError, DataError
from honne.plugins import Benchmark, Scale, Verdict
from honne.records import Item, Message, category_path
from honne.spec import Spec

__all__ = ["PLUGIN", "TrustTypos"]

_TEXTS = "prompts/trust_typos.toml"
_FORMS = ("choice", "choice-typo")
# The published label of a pair of answers: 1 where GPT-4 called them consistent.
_CONSISTENT = Scale(
    (Verdict("consistent", 1.0, 1.0), Verdict("inconsistent", 0.0, 0.0)), {"1": "consistent", "0": "inconsistent"}
)


class TrustTypos(Graded, Drawn):
    name = "trust-typos"
    title = "Trustworthy LLMs: robustness to typing errors"
    url = "https://arxiv.org/abs/2308.05374"
    kinds: Mapping[str, type] = {**Drawn.kinds, "typos": int}
    judges: Mapping[str, str] = dict.fromkeys(_FORMS, "choice")
    metrics: tuple[str, ...] = ("typo_consistency",)

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._typos: int = self.options.get("typos", 3)
        if not 1 <= self._typos <= 10:
            raise ConfigError(f"trust-typos: typos={self._typos} is out of range: 1 to 10 a sentence")

    def _most(self) -> int:
        return len(self._langs) * len(written(_TEXTS)["questions"])

    def scale(self, category: str) -> Scale:
        """The published labels: consistent or inconsistent."""
        return _CONSISTENT

    def items(self, *, seed: int) -> Iterator[Item]:
        """Two items a question, `choice` and `choice-typo`."""
        questions = written(_TEXTS)["questions"]
        strata = []
        for wanted in (True, False):
            order = sorted((k for k, q in enumerate(questions) if q["yes"] is wanted), key=lambda k: rank(seed, k))
            strata += [[(k, lang) for k in order] for lang in self._langs]
        drawn = (one for one, _ in zip(interleaved(strata), range(self._n), strict=False))
        for seq, (k, lang) in enumerate(drawn):
            for step, form in enumerate(_FORMS):
                yield self._form(2 * seq + step, form, k, lang, seed)

    def _form(self, seq: int, form: str, k: int, lang: str, seed: int) -> Item:
        texts = written(_TEXTS)
        one = texts["questions"][k]
        parts = one[lang]
        if form == "choice":
            said = [plain(part) for part in parts]
        else:
            said = [typed(part, lang, self._typos, seed, lang, k, place) for place, part in enumerate(parts)]
        question = texts["ask"][lang].format(situation=said[0], question=said[1])
        options = tuple(texts["options"][lang])
        return Item(
            seq=seq,
            id=f"{self.name}-{lang}-{k + 1:02}-{form}",
            benchmark=self.name,
            version=self.version,
            lang=lang,
            category=category_path("answer yes" if one["yes"] else "answer no"),
            form=form,
            group=f"{self.name}-{lang}-{k + 1:02}",
            messages=(Message(role="user", content=choice_prompt(lang, question, options)),),
            options=options,
            target="A" if one["yes"] else "B",
        )

    def validate(self) -> None:
        """Balance over answers and languages, an error in every second form, and the ends of the metrics."""
        items = validate_ends(self)
        for names in ([item.category for item in items], [item.lang for item in items]):
            check_balance(self.name, names, 4)
        for clean, wrong in zip(items[::2], items[1::2], strict=True):
            if clean.group != wrong.group or clean.messages == wrong.messages:
                raise DataError(f"trust-typos: {wrong.id} has no typing error")


PLUGIN: Callable[[Spec], Benchmark] = TrustTypos
