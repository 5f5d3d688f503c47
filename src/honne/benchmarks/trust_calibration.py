"""Trustworthy LLMs: a Survey and Guideline for Evaluating Large Language Models' Alignment (miscalibration)

Yang Liu, Yuanshun Yao, Jean-Francois Ton, Xiaoying Zhang, Ruocheng Guo, Hao Cheng, Yegor Klochkov, Muhammad Faaiz
Taufiq, Hang Li. 2023 (arXiv 2308.05374, section 11.5). https://github.com/kevinyaobytedance/llm_eval, MIT.

Choices for which a model also states how sure it is of every option; see the metric `calibration`. Two categories:
`stereotype` asks what the paper asks, whom a trait fits better, with "it cannot be said" among the options (there is
no right answer, so only what is stated and what is done are compared); `facts` have one right answer, without which
there is no calibration error.

Departures: all questions are ours, in English, Chinese and Japanese (24 facts, 16 traits); the paper has 378
questions on gender only. The reply has a form of its own (`Answer: B`, then one line an option). Token probabilities
need a model that gives logprobs (`openai/…?top_logprobs=5`), empirical frequencies `--samples` of 2 or more at a
temperature above 0 (the paper: 20 at temperature 1).

Options: `n` questions (default all, 120), `langs` (default en,zh,ja). They cycle through categories and languages in
a seeded order, so every prefix is balanced, and the first n of a larger set are the set of n. Ids and the order of
the options do not depend on the seed; the languages of one question are one group.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from honne import plugins
from honne.benchmarks._base import numbered
from honne.benchmarks._drawn import Drawn, check_balance, interleaved, rank, written
from honne.benchmarks._graded import Graded
from honne.benchmarks._text import LETTERS
from honne.errors import DataError
from honne.plugins import Benchmark, Row, View
from honne.records import Estimate, Item, Judgment, Response, category_path, now
from honne.spec import Spec

__all__ = ["PLUGIN", "TrustCalibration"]

_TEXTS = "prompts/trust_calibration.toml"
_FORM = "confidence"


class TrustCalibration(Graded, Drawn):
    name = "trust-calibration"
    title = "Trustworthy LLMs: calibration of stated confidence"
    url = "https://arxiv.org/abs/2308.05374"
    judges: Mapping[str, str] = {_FORM: "confidence"}
    metrics: tuple[str, ...] = ("calibration",)

    def _most(self) -> int:
        texts = written(_TEXTS)
        return len(self._langs) * (len(texts["facts"]) + len(texts["traits"]["en"]))

    def items(self, *, seed: int) -> Iterator[Item]:
        """The first n questions of the seeded order."""
        texts = written(_TEXTS)
        strata = []
        for kind, count in (("facts", len(texts["facts"])), ("stereotype", len(texts["traits"]["en"]))):
            order = sorted(range(count), key=lambda k: rank(seed, kind, k))
            strata += [[(kind, k, lang) for k in order] for lang in self._langs]
        for seq, (kind, k, lang) in zip(range(self._n), interleaved(strata), strict=False):
            yield self._question(seq, kind, k, lang)

    def _question(self, seq: int, kind: str, k: int, lang: str) -> Item:
        texts = written(_TEXTS)
        if kind == "facts":
            question, *options = texts["facts"][k][lang]
        else:
            question, options = texts["stereotype"][lang].format(trait=texts["traits"][lang][k]), texts["groups"][lang]
        # Turned, not shuffled: the right option stands in every place about equally often.
        turn = k % len(options)
        shown = tuple(options[-turn:] + options[:-turn]) if turn else tuple(options)
        letters = LETTERS[: len(shown)]
        prompt = texts["ask"][lang].format(
            question=question,
            options="\n".join(f"{letter}. {option}" for letter, option in zip(letters, shown, strict=True)),
            form="\n".join(texts["share"][lang].format(letter=letter) for letter in letters),
        )
        name = f"{kind}-{k + 1:02}"
        item = self._item(seq, f"{self.name}-{lang}-{name}", prompt, lang=lang, category=category_path(kind))
        target = letters[turn] if kind == "facts" else None
        return replace(item, form=_FORM, options=shown, target=target, group=f"{self.name}-{name}")

    def validate(self) -> None:
        """Balance over languages, right options in all places, and the ends: certain and right has no error (`ece`,
        `brier` 0), certain and wrong has all there is (1, 2)."""
        items = numbered(self)
        check_balance(self.name, (item.lang for item in items), 2)
        places = Counter(item.target for item in items if item.target is not None)
        if self._n == self._most() and max(places.values()) > 2 * min(places.values()):
            raise DataError(f"{self.name}: the right options are not spread over the places: {dict(places)}")
        metric = plugins.load("metrics", "calibration")
        for sure_of_right, ends in ((True, {"accuracy": 1, "brier": 0, "ece": 0}), (False, {"brier": 2, "ece": 1})):
            found = _certain(items, metric, right=sure_of_right)
            for name, end in ends.items():
                if abs(found.get(name, -1) - end) > 1e-9:
                    raise DataError(f"{self.name}: certain answers give {name} = {found.get(name)}, not {end}")


def _certain(items: Sequence[Item], metric: plugins.Metric, *, right: bool) -> dict[str, float]:
    """What the metric makes of answers that are all wholly certain of the right option, or of a wrong one."""
    at, rows = now(), []
    for item in items:
        letters = LETTERS[: len(item.options or ())]
        choice = (item.target or "A") if right else next(letter for letter in letters if letter != item.target)
        raw = json.dumps({"stated": {letter: float(letter == choice) for letter in letters}, "at": 0})
        said = Response(item_id=item.id, model="validate", text=choice, status="ok", at=at)
        judged = Judgment(
            item_id=item.id, model="validate", judge="validate", status="scored", choice=choice, raw=raw, at=at
        )
        rows.append(Row(item, 0, said, judged))
    out: dict[str, float] = {}
    for found in metric(View(rows, "validate")):
        if isinstance(found, Estimate):
            if found.slice == "all" and found.value is not None:
                out[found.metric] = found.value
        else:
            values = [unit.value for unit in found.units if unit.value is not None]
            out[found.metric] = sum(values) / len(values) if values else -1.0
    return out


PLUGIN: Callable[[Spec], Benchmark] = TrustCalibration
