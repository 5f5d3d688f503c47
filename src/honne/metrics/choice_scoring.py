"""`choice_scoring`: multiple choice by the probabilities of the letters, beside the choice that the model wrote.

For models in this process, whose responses to choice items carry the log-probability of every option's letter as the
first token of the answer (`options` in `Response.logprobs`; of servers nothing is known but their likeliest tokens):

- `logprob_accuracy`: the share of items whose likeliest letter is the target.
- `logprob_disagreement`: the share of items where the likeliest letter is not the choice read in the text.
- `logprob_mass`: the mean probability of all letters together. Where it is small the model does not begin its answers
  with a letter (it reasons first, or refuses), and the other two say little.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

from honne.metrics._units import choice_rows, item_units, judge_of, scored
from honne.plugins import Measure, Row, View
from honne.records import Response

__all__ = ["PLUGIN", "option_logprobs"]


class _Scored(msgspec.Struct):
    options: dict[str, float] | None = None


_DECODER = msgspec.json.Decoder(_Scored)


def option_logprobs(response: Response | None) -> Mapping[str, float] | None:
    """The log-probability of each option's letter as the first token of the answer; None where it is not known."""
    if response is None or response.logprobs is None:
        return None
    try:
        found = _DECODER.decode(response.logprobs).options
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if found and all(value <= 1e-3 for value in found.values()) else None


def _likeliest(row: Row) -> str | None:
    """The letter of the likeliest option; None where an option has no probability, or two have the same."""
    found = option_logprobs(row.response)
    if found is None or len(found) != len(row.item.options or ()):
        return None
    best, second = sorted(found, key=lambda letter: found[letter], reverse=True)[:2]
    return best if found[best] > found[second] else None


def choice_scoring(view: View) -> Iterable[Measure]:
    rows = choice_rows(view)
    if not any(option_logprobs(row.response) for row in rows):
        return
    targeted = [row for row in rows if row.item.target is not None]

    def right(row: Row) -> float | None:
        best = _likeliest(row)
        return None if best is None else float(best == row.item.target)

    def differs(row: Row) -> float | None:
        best, judgment = _likeliest(row), scored(row.judgment)
        written = None if judgment is None else judgment.choice
        return None if best is None or written is None else float(best != written)

    def mass(row: Row) -> float | None:
        found = option_logprobs(row.response)
        return None if found is None else min(sum(map(math.exp, found.values())), 1.0)

    # They stand beside the choices that this judge read.
    judge = judge_of(rows, view)
    if targeted:
        units = item_units(targeted, right)
        yield Measure("logprob_accuracy", units, better="higher", judge=judge, form="choice", depths=(1,))
    yield Measure("logprob_disagreement", item_units(rows, differs), judge=judge, form="choice", depths=(1,))
    yield Measure("logprob_mass", item_units(rows, mass), judge=judge, form="choice", depths=(1,))


PLUGIN = choice_scoring
