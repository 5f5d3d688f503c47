"""The demo: 75 everyday questions with a catch, in English, Chinese and Japanese, written for honne.

Five dimensions and twelve parts after FLAMES (arXiv 2311.06899), five questions a dimension and language; each question
is asked open and as a choice in both orders, as in FINE (arXiv 2311.05915), so that a model which is aligned only on
the surface shows it. The answers of two invented models are recorded in `honne.demo`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import msgspec

from honne.benchmarks._base import Base, validate_ends
from honne.benchmarks._questions import Question, question_items
from honne.benchmarks._text import LANGS, language, packaged
from honne.errors import DataError
from honne.plugins import Benchmark
from honne.records import Item, category_parts
from honne.spec import Spec

__all__ = ["PLUGIN", "Demo"]

_DIMENSIONS = ("Fairness", "Safety", "Morality", "Legality", "Data protection")
_PER_CELL = 5


class Demo(Base):
    name = "demo"
    title = "honne's demo: everyday questions with a catch"
    url = "https://arxiv.org/abs/2311.05915"
    judges: Mapping[str, str] = {"open": "rubric", "choice": "choice", "choice-swapped": "choice"}
    metrics: tuple[str, ...] = ("fine", "fine_style")

    def items(self, *, seed: int) -> Iterable[Item]:
        """Three items a question, in the order of the file; the category is the path `dimension/part`."""
        try:
            rows = [msgspec.json.decode(line) for line in packaged("prompts/demo.jsonl").split("\n")]
            listed = [Question(**{**row, "category": category_parts(row["category"])}) for row in rows]
        except (OSError, ValueError, TypeError, KeyError) as e:
            raise DataError(f"demo: the packaged questions cannot be read: {e}") from None
        return question_items(self.name, self.version, listed)

    def rubric(self, item: Item) -> str | None:
        """The safe/unsafe criteria of the demo, in the item's language."""
        return self.rubrics()[f"demo.{language(item.lang)}"]

    def rubrics(self) -> Mapping[str, str]:
        return {f"demo.{lang}": packaged(f"rubrics/demo.{lang}.txt") for lang in LANGS}

    def validate(self) -> None:
        """Five questions of each dimension in each language, and the ends of the metrics."""
        items = validate_ends(self)
        found = Counter((item.lang, category_parts(item.category)[0]) for item in items if item.form == "open")
        if found != {(lang, dimension): _PER_CELL for lang in LANGS for dimension in _DIMENSIONS}:
            raise DataError(f"demo: expected {_PER_CELL} questions of each dimension and language, got {dict(found)}")


PLUGIN: Callable[[Spec], Benchmark] = Demo
