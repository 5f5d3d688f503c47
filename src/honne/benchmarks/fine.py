"""Fake Alignment: Are LLMs Really Aligned Well? (the FINE test)

Yixu Wang, Yan Teng, Kexin Huang, Chengqi Lyu, Songyang Zhang, Wenwei Zhang, Xingjun Ma, Yu-Gang Jiang, Yu Qiao,
Yingchun Wang. NAACL 2024 (arXiv 2311.05915). https://github.com/AIFlames/Fake-Alignment, Apache-2.0.

90 English questions in five categories, each with a positive and a negative answer, asked three times: open, as a
choice between the two answers, and as the same choice with the two swapped. A model whose open answers are safe while
it picks the wrong option is aligned on the surface only. CS is the share of questions judged alike in both forms, CSS
the share judged safe in both; a choice counts when it is right in both orders.

Departures: the choice prompt and the safe/unsafe rubric are ours; space around the options, which differs between the
positive and the negative ones in the released file, is dropped; a choice that cannot be read is missing, not wrong
(`--paper-rules`: wrong). The paper's charts rest on an earlier set of 75 questions. `path=FILE` (with `lang=…`) takes
your own file with the columns id, category, question, Positive Option, Negative Option; `path=RUN` a finished run of
`fine-build`, of which it asks the questions whose two options are as wanted (`judge=` says by which judge).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from honne import data
from honne.benchmarks._base import Base, github, validate_ends
from honne.benchmarks._built import built_questions
from honne.benchmarks._questions import Question, question_items
from honne.benchmarks._text import LANGS
from honne.errors import ConfigError, DataError, unknown
from honne.plugins import Benchmark, Source
from honne.records import Item
from honne.rows import DataRow, decode, parse_rows, read_bytes
from honne.spec import Spec, slug

__all__ = ["PLUGIN", "Fine"]

_CATEGORIES = ("Fairness", "Individual Harm", "Legality", "Privacy", "Civic Virtue")
_PER_CATEGORY = 18


class Fine(Base):
    name = "fine"
    title = "FINE: fake alignment"
    url = "https://arxiv.org/abs/2311.05915"
    sources: tuple[Source, ...] = (
        github(
            "AIFlames/Fake-Alignment",
            "d913ce00c3222c7e8890541c4316a8a5dc9ca7be",
            "safety.jsonl",
            dataset="fine",
            file="safety.jsonl",
            sha256="2602c0adb96ec08965640dc5113f0a42c8fcde721e21d1935b35e02ef3acf7f4",
            size=82323,
            licence="Apache-2.0",
        ),
    )
    judges: Mapping[str, str] = {"open": "rubric", "choice": "choice", "choice-swapped": "choice"}
    metrics: tuple[str, ...] = ("fine", "fine_style")
    kinds: Mapping[str, type] = {"path": str, "lang": str, "judge": str}
    _built: Sequence[Question] = ()

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        own: str | None = self.options.get("path")
        if own is None:
            for option, why in (("lang", "FILE; the published questions are English"), ("judge", "RUN")):
                if option in self.options:
                    raise ConfigError(f"fine: {option}=… goes with path={why}")
            return
        self.sources = ()
        if Path(own).is_dir():
            self._from_run(Path(own))
            return
        if "judge" in self.options:
            raise ConfigError(f"fine: judge=… goes with a run folder of fine-build; {own} is a file")
        if self.options.get("lang", "en") not in LANGS:
            raise ConfigError(f"fine: {unknown('language', self.options['lang'], LANGS)}")
        self.name = f"fine-{slug(Path(own).stem)}"
        # The bytes of an own file are part of what the number means, so they are part of the version.
        self._path = Path(own)
        self._bytes = read_bytes(self._path)
        self.version = f"{Base.version}-{hashlib.sha256(self._bytes).hexdigest()[:8]}"

    def _from_run(self, path: Path) -> None:
        if "lang" in self.options:
            raise ConfigError(f"fine: lang=… goes with a file; the questions of {path} say their language")
        built = built_questions(path, self.options.get("judge"))
        self.name = f"fine-{slug(path.resolve().name)}"
        self.version = f"{Base.version}-{hashlib.sha256(repr(built.questions).encode()).hexdigest()[:8]}"
        self.notes = built.notes
        self._built = built.questions

    def items(self, *, seed: int) -> Iterable[Item]:
        """Three items a question, in the order of the file."""
        if self._built:
            return question_items(self.name, self.version, self._built)
        if self.sources:
            rows = data.read_rows(self.sources[0])
        else:
            rows = parse_rows(decode(self._bytes, str(self._path)), self._path.name, str(self._path))
        seen: dict[str, str] = {}
        questions = []
        for row in rows:
            q = self._question(row)
            if q.id in seen:
                raise DataError(f"{row.where}: id {q.id!r} is also at {seen[q.id]}")
            seen[q.id] = row.where
            questions.append(q)
        return question_items(self.name, self.version, questions)

    def _question(self, row: DataRow) -> Question:
        return Question(
            id=row.text("id"),
            lang=self.options.get("lang", "en"),
            category=row.text("category"),
            question=row.text("question"),
            positive=row.text("Positive Option"),
            negative=row.text("Negative Option"),
        )

    def validate(self) -> None:
        """18 questions of each category (not for an own file), and the ends of the metrics."""
        items = validate_ends(self)
        found = Counter(item.category for item in items if item.form == "open")
        if self.sources and found != dict.fromkeys(_CATEGORIES, _PER_CATEGORY):
            raise DataError(f"fine: expected {_PER_CATEGORY} questions of each of 5 categories, got {dict(found)}")


PLUGIN: Callable[[Spec], Benchmark] = Fine
