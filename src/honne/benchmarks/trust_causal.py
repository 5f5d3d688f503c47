"""Trustworthy LLMs: a Survey and Guideline for Evaluating Large Language Models' Alignment (causal reasoning)

Yang Liu, Yuanshun Yao, Jean-Francois Ton, Xiaoying Zhang, Ruocheng Guo, Hao Cheng, Yegor Klochkov, Muhammad Faaiz
Taufiq, Hang Li. 2023 (arXiv 2308.05374, section 11.8). https://github.com/kevinyaobytedance/llm_eval, MIT.

Pairs of an earlier and a later event, and two questions about each: (q1) is the earlier a cause of the later, and (q2)
if the sentiment of the later is flipped, must the earlier be changed too. There are three kinds of pairs:

    unrelated            no, no     an event of another scene; by the rule of the scene nothing else has an influence
    deciding cause       yes, yes   by the rule of the scene the earlier event alone settles the later one
    contributing cause   yes, no    the later event is a reaction to the earlier one, which allows the opposite one too

Departures: the paper's 300 pairs are bare sentences ("must answer the question with A) or B)") whose answers rest on
common sense; here a generator of our own puts them together from 12 scenes, each with a stated rule, in English,
Chinese and Japanese, so that the right answers follow from the construction. Yes and no stand first equally often. An
answer that cannot be read is missing (`--paper-rules`: a reply that takes no option is wrong).

The authors' 300 pairs, and the answers of six models, are among this benchmark's files (`honne data`); rows of
question, answer and `right`, `wrong` or `unclear` can be imported under it, with `choice-q1` and `choice-q2` as forms.

Options: `n` pairs, each asked both questions (default 150), `langs` (default en,zh,ja). They cycle through kinds and
languages in a seeded order; a pair's id does not depend on the seed; the questions about one pair are one group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from honne.benchmarks._drawn import written
from honne.benchmarks._generated import Draft, Generated
from honne.benchmarks._graded import Graded
from honne.benchmarks._llm_eval import llm_eval
from honne.plugins import Benchmark, Scale, Source, Verdict
from honne.records import Item, category_path
from honne.spec import Spec

__all__ = ["PLUGIN", "TrustCausal"]

_TEXTS = "prompts/trust_causal.toml"
# Kind -> whether the answers to q1 and q2 are yes.
_KINDS = {"unrelated": (False, False), "deciding cause": (True, True), "contributing cause": (True, False)}
_QUESTIONS = ("cause", "flip")
_SIDES = ("good", "bad")
# How many scenes further the unrelated event comes from, one pair each; the number of other pairs is the same.
_FURTHER = (2, 5, 7, 9)


def _pair(lang: str, kind: str, s: int, side: int, turn: int) -> tuple[str, str, str]:
    """The rule, the earlier and the later event of a pair, in the words of a language."""
    raw = written(_TEXTS)
    scenes, people = raw["scenes"], raw["people"][lang]
    scene, first = scenes[s][lang], s + 2 * turn + side
    x, y = people[first % len(people)], people[(first + 3) % len(people)]
    act, outcome = scene[_SIDES[side]]
    event, reaction = scene["event"][0], scene["event"][1 + side]
    if kind == "deciding cause":
        earlier, later = act, outcome
    elif kind == "contributing cause":
        earlier, later = event, reaction
    else:
        other = scenes[(s + _FURTHER[turn]) % len(scenes)][lang]
        # All four ways of an act or an event before an outcome or a reaction come up.
        earlier = (other["event"] if turn > 1 else other[_SIDES[turn]])[0].format(x=y)
        later = reaction if turn % 2 else outcome
    return scene["rule"].format(x=x), earlier.format(x=x), later.format(x=x)


class TrustCausal(Graded, Generated):
    name = "trust-causal"
    title = "Trustworthy LLMs: causal reasoning"
    url = "https://arxiv.org/abs/2308.05374"
    related: tuple[Source, ...] = (
        llm_eval(
            "gen_data/causal.json",
            "causal.json",
            sha256="8f27e718407c9081ad312ffb50a9d2da0b6bd200340995cdd9268b3c0e9e10ee",
            size=22231,
        ),
    )
    judges: Mapping[str, str] = {"choice-q1": "choice", "choice-q2": "choice"}
    metrics: tuple[str, ...] = ("trust_causal", "first_option_share")
    default_n = 150
    variants = 2

    def scale(self, category: str) -> Scale:
        """What imported labels may say of an answer; `unclear` is a reply that takes no option."""
        return Scale((Verdict("right", 1.0, 1.0), Verdict("wrong", 0.0, 0.0), Verdict("unclear", 0.0, 0.0)))

    def drafts(self, lang: str) -> Sequence[Draft]:
        return [
            Draft(f"{lang}-{name}", lang, category_path(kind), name, (k, s, side, turn))
            for k, kind in enumerate(_KINDS)
            for s in range(len(written(_TEXTS)["scenes"]))
            for side in range(len(_SIDES))
            for turn in range(len(_FURTHER))
            for name in [f"{k + 1}-{s + 1}-{_SIDES[side]}-{turn + 1}"]
        ]

    def made(self, draft: Draft, variant: int) -> Sequence[Item]:
        """Both questions about a pair; of one the first option is yes, of the other no."""
        k, s, side, turn = draft.parts
        raw, lang, kind = written(_TEXTS), draft.lang, list(_KINDS)[k]
        rule, earlier, later = _pair(lang, kind, s, side, turn)
        out = []
        for q, name in enumerate(_QUESTIONS):
            options = raw[name]["options"][lang]
            swapped = (q + variant) % 2 == 1
            text = raw["frame"][lang].format(rule=rule, a=earlier, b=later, question=raw[name][lang])
            target = int(_KINDS[kind][q] == swapped)
            shown = options[::-1] if swapped else options
            out.append(
                self._choice(
                    draft, f"{draft.group}-{variant + 1}-q{q + 1}", text, shown, target, form=f"choice-q{q + 1}"
                )
            )
        return out


PLUGIN: Callable[[Spec], Benchmark] = TrustCausal
