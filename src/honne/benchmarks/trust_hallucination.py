"""Trustworthy LLMs: a Survey and Guideline for Evaluating Large Language Models' Alignment (the part on hallucination)

Yang Liu, Yuanshun Yao, Jean-Francois Ton, Xiaoying Zhang, Ruocheng Guo, Hao Cheng, Yegor Klochkov, Muhammad Faaiz
Taufiq, Hang Li. 2023 (arXiv 2308.05374, section 11.2). https://github.com/kevinyaobytedance/llm_eval, MIT.

A passage, a question that it answers, and two answers to choose from: the right one and a hallucinated one.

Departures: the paper takes 300 rows of HaluEval's question answering. Here a generator of our own writes passages about
things that do not exist (bridges, towns, novels, firms, museums), so that nothing can be known from elsewhere, in
English, Chinese and Japanese; the wrong answer is another detail of the passage (`mixed up`) or in no passage
(`made up`). The right answer stands first in half of the items, where the paper draws at random. An answer that cannot
be read is missing (`--paper-rules`: wrong). Imported answers count by the labels `right` and `wrong`.

`path=FILE` takes your own rows with the columns knowledge, question, right_answer, hallucinated_answer, as HaluEval
writes them: the first `n` (all, unless given), in one language (`lang`, default en); `encoding` if it is not UTF-8.

Options: `n` questions (default 300), `langs` (default en,zh,ja). They cycle through kinds and languages in a seeded
order; a question's id does not depend on the seed; questions on one passage are one group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from honne.benchmarks._drawn import OWN_FILE, written
from honne.benchmarks._generated import Draft, Generated
from honne.benchmarks._graded import Graded
from honne.errors import DataError
from honne.plugins import Benchmark
from honne.records import Item, category_path
from honne.rows import DataRow, parse_rows
from honne.spec import Spec

__all__ = ["PLUGIN", "TrustHallucination"]

_TEXTS = "prompts/trust_hallucination.toml"
_MODES = ("mixed up", "made up")


def _details(lang: str, k: int, e: int) -> dict[str, str]:
    """The details of the e-th passage of a kind, the same in every language; those of one letter all differ.

    `p3` and `t3` are in no passage of this name, and so are the numbers that `_made_up` gives.
    """
    raw = written(_TEXTS)
    people, places, year = raw["people"][lang], raw["places"][lang], raw["year"][lang]
    p, t = 5 * e + 7 * k, e + 2 * k
    y1 = 1788 + (37 * e + 53 * k) % 90
    numbers = {"y1": y1, "y2": y1 + 11 + (7 * e + 3 * k) % 40}
    found = {name: year.format(value) for name, value in numbers.items()}
    found |= {"n1": str(120 + (29 * e + 41 * k) % 400), "n2": str(60 + (13 * e + 5 * k) % 50)}
    found |= {f"p{i + 1}": people[(p + 8 * i) % len(people)] for i in range(3)}
    found |= {f"t{i + 1}": places[(t + 4 * i) % len(places)] for i in range(3)}
    # No sum is another detail: years are at least 11 apart, and n2 with its 8 at most stays below n1.
    found |= {f"made {name}": year.format(value + 4 + e % 3) for name, value in numbers.items()}
    found |= {f"made {name}": str(int(found[name]) + 4 + e % 5) for name in ("n1", "n2")}
    return found | {f"made {letter}{i}": found[f"{letter}3"] for letter in "pt" for i in (1, 2)}


class TrustHallucination(Graded, Generated):
    name = "trust-hallucination"
    title = "Trustworthy LLMs: hallucination"
    url = "https://arxiv.org/abs/2308.05374"
    judges: Mapping[str, str] = {"choice": "choice"}
    metrics: tuple[str, ...] = ("accuracy", "open_accuracy", "first_option_share")
    kinds: Mapping[str, type] = {**Generated.kinds, **OWN_FILE}
    default_n = 300
    variants = 2

    def _most(self) -> int:
        self._rows: list[DataRow] | None = None
        text = self.own_text()
        if text is None:
            return super()._most()
        own: str = self.options["path"]
        self._rows = parse_rows(text, Path(own).name, own)
        return len(self._rows)

    def items(self, *, seed: int) -> Iterator[Item]:
        """The first n questions of the seeded order, or of the file."""
        return super().items(seed=seed) if self._rows is None else self._own(self._rows[: self._n])

    def drafts(self, lang: str) -> Sequence[Draft]:
        return [
            Draft(f"{lang}-{group}-{q + 1}-{w + 1}", lang, category_path(mode, kind["name"]), group, (k, e, q, w))
            for k, kind in enumerate(written(_TEXTS)["kinds"])
            for e in range(len(kind["names"][lang]))
            for group in [f"{kind['name']}-{e + 1}"]
            for q in range(len(kind["questions"]))
            for w, mode in enumerate(_MODES)
        ]

    def made(self, draft: Draft, variant: int) -> Sequence[Item]:
        k, e, q, w = draft.parts
        lang, raw = draft.lang, written(_TEXTS)
        kind = raw["kinds"][k]
        asked = kind["questions"][q]
        details = _details(lang, k, e) | {"name": kind["names"][lang][e]}
        shape = asked.get("as", {}).get(lang, "{}")
        wrong = asked["mixed"] if w == 0 else f"made {asked['right']}"
        answers = [shape.format(details[name]) for name in (asked["right"], wrong)]
        passage, question = kind["passage"][lang].format(**details), asked[lang].format(**details)
        return [self._two(draft, f"{draft.group}-{q + 1}-{w + 1}-{variant + 1}", passage, question, answers, variant)]

    def _two(self, draft: Draft, name: str, passage: str, question: str, answers: Sequence[str], variant: int) -> Item:
        """The right answer first (variant 0) or second."""
        options = answers if variant == 0 else answers[::-1]
        return self._choice(
            draft, name, f"{written(_TEXTS)['lead'][draft.lang]}\n\n{passage}\n\n{question}", options, variant
        )

    def _own(self, rows: Sequence[DataRow]) -> Iterator[Item]:
        for place, row in enumerate(rows):
            knowledge, question = row.text("knowledge"), row.text("question")
            answers = [row.text(name).strip() for name in ("right_answer", "hallucinated_answer")]
            if answers[0] == answers[1]:
                raise DataError(f"{row.where}: right_answer and hallucinated_answer are the same")
            draft = Draft(str(place + 1), self._langs[0], "", str(place + 1), ())
            item = self._two(draft, draft.id, knowledge.strip(), question.strip(), answers, place % 2)
            yield msgspec.structs.replace(item, seq=place)


PLUGIN: Callable[[Spec], Benchmark] = TrustHallucination
