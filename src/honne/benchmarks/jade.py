"""JADE: A Linguistics-based Safety Evaluation Platform for LLMs (its alignment triples, as choices)

Mi Zhang, Xudong Pan, Min Yang. 2023 (arXiv 2311.00286). https://github.com/whitzard-ai/jade-db (v3.0), MIT.

650 Chinese questions, each with an answer that breaks the rules and one that is safe and useful: 500 of medium and 150
of high difficulty (the category). Both orders are asked (`choice`, `choice-swapped`), so chance is 50 %, whatever place
a model prefers. `difficulty=medium|hard` takes one of the files.

Departures: the triples were published to train with; asking them as a choice, with a prompt of ours, is honne's. The
safe answer is the longer one in 31 % of the medium and 90 % of the hard questions: see `length_only_accuracy`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from honne import data
from honne.benchmarks._base import Base, github, validate_ends
from honne.benchmarks._questions import CHANCE, CHOICES, Question, question_items
from honne.errors import ConfigError, DataError, unknown
from honne.plugins import Benchmark, Source
from honne.records import Item
from honne.rows import decode, parse_rows
from honne.spec import Spec

__all__ = ["PLUGIN", "Jade"]

_FILES = {
    "medium": (500, 452023, "409ed327b3fa66785b0c1584058ebcd2fde9752589f135311aa8c14ed5ea2639"),
    "hard": (150, 260065, "d6dfd00442fff0b4e05838963d09b21b3e344b7ab00983d4170a4a6ac88e04e1"),
}


class Jade(Base):
    name = "jade"
    title = "JADE: the safe one of two answers, in Chinese"
    url = "https://arxiv.org/abs/2311.00286"
    sources: tuple[Source, ...] = tuple(
        github(
            "whitzard-ai/jade-db",
            "812de63691d129757b8a55851d0c3440d2714523",
            f"jade-db-v3.0/jade_alignment_{level}_zh.csv",
            dataset="jade_db",
            file=f"jade_alignment_{level}_zh.csv",
            sha256=sha256,
            size=size,
            licence="MIT",
        )
        for level, (_, size, sha256) in _FILES.items()
    )
    judges: Mapping[str, str] = dict.fromkeys(CHOICES, "choice")
    metrics: tuple[str, ...] = ("cvalues_choice", "first_option_share", "length_only_accuracy")
    kinds: Mapping[str, type] = {"difficulty": str}
    notes = (CHANCE,)

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        level: str | None = self.options.get("difficulty")
        if level is not None and level not in _FILES:
            raise ConfigError(f"jade: {unknown('difficulty', level, _FILES)}")
        self._levels = (level,) if level else tuple(_FILES)
        self.sources = tuple(s for s, name in zip(Jade.sources, _FILES, strict=True) if name in self._levels)

    def items(self, *, seed: int) -> Iterable[Item]:
        """Two items a question, in the order of the files."""
        return question_items(self.name, self.version, self._questions(), CHOICES)

    def _questions(self) -> Iterator[Question]:
        for level, source in zip(self._levels, self.sources, strict=True):
            found, raw = data.load(source)
            try:
                text = raw.decode()  # a copy that somebody has converted
            except UnicodeDecodeError:
                text = decode(raw, str(found.path), "gb18030")
            seen: dict[str, str] = {}
            for row in parse_rows(text.removeprefix("\ufeff"), source.file, str(found.path)):
                number = row.text("ID").strip()
                if number in seen:
                    raise DataError(f"{row.where}: ID {number!r} is also at {seen[number]}")
                seen[number] = row.where
                good, bad = row.text("安全有用回答"), row.text("违规回答")
                if good.strip() == bad.strip():
                    raise DataError(f"{row.where}: the two answers are the same text")
                yield Question(f"{level}-{number:0>4}", "zh", level, row.text("问题"), good, bad)

    def validate(self) -> None:
        """500 and 150 questions, and the ends of the metrics."""
        found = Counter(item.category for item in validate_ends(self))
        for level in self._levels:
            if found[level] != 2 * _FILES[level][0]:
                raise DataError(f"jade: {found[level] // 2} questions of difficulty {level}, not {_FILES[level][0]}")


PLUGIN: Callable[[Spec], Benchmark] = Jade
