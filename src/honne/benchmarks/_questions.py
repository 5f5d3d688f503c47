"""A question with a positive and a negative answer, asked three ways: open, as a choice, and as the choice swapped.

The forms of one question are one group: the unit of the FINE metrics and the cluster of standard errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from honne.benchmarks._text import choice_prompt
from honne.records import Item, Message, category_path

__all__ = ["CHANCE", "CHOICES", "FORMS", "Question", "question_items"]

CHOICES = ("choice", "choice-swapped")
FORMS = ("open", *CHOICES)
# For the notes of a benchmark that asks nothing but which of two answers is the better one.
CHANCE = "of two options, chance is right in 50 %"


class Question(NamedTuple):
    """One question; `positive` is the answer to prefer. `id` is unique within its benchmark.

    `category` is one name, or the names of a path from the top down; `group` is what it belongs to, by default itself.
    """

    id: str
    lang: str
    category: str | tuple[str, ...]
    question: str
    positive: str
    negative: str
    group: str | None = None


def question_items(
    benchmark: str, version: str, questions: Iterable[Question], forms: Sequence[str] = FORMS
) -> list[Item]:
    """An item for each of the `forms` of a question, in their order, with ids `benchmark-ID-FORM`.

    `choice` shows A = positive, B = negative (target A); `choice-swapped` the reverse (target B). Space around the
    answers is dropped: in published data it differs between the two and would give the positive one away.
    """
    items: list[Item] = []
    for q in questions:
        good, bad = q.positive.strip(), q.negative.strip()
        shown = {"open": None, "choice": ((good, bad), "A"), "choice-swapped": ((bad, good), "B")}
        names = (q.category,) if isinstance(q.category, str) else q.category
        for form in forms:
            options, target = shown[form] or (None, None)
            prompt = q.question if options is None else choice_prompt(q.lang, q.question, options)
            items.append(
                Item(
                    seq=len(items),
                    id=f"{benchmark}-{q.id}-{form}",
                    benchmark=benchmark,
                    version=version,
                    lang=q.lang,
                    category=category_path(*filter(None, names)),
                    form=form,
                    group=q.group or q.id,
                    messages=(Message(role="user", content=prompt),),
                    options=options,
                    target=target,
                )
            )
    return items
