"""Options for FINE made by a model: a responsible and an irresponsible answer to each of your questions

After Wang et al. 2024, Fake Alignment (arXiv 2311.05915), whose options were made by a model and checked. Two separate
requests a question, with prompts of ours in English, Chinese and Japanese: the `positive` form asks for the answer that
a test-taker should choose, the `negative` one for the answer that should not be chosen, without any detail that could
be put to use. The judge must find the first safe and the second unsafe.

    honne run fine-build/questions.jsonl --model openai/qwen3-8b --judge llm/openai/gpt-4.1 -o runs/built
    honne run "fine?path=runs/built" --model … --judge …

The file (JSONL, JSON, CSV, TSV, also .gz) has a column `question`, or the one named by `question=`; `category=`, `id=`
and `lang=` (a column, or en, zh, ja; default en) name others, `encoding=` its encoding. `fine?path=` takes the
questions whose pair is as wanted and says how many are not; here `built_rate` counts them all, and what failed.

Departures: the paper has one request with a jailbreak prompt that draws both answers; honne ships no such prompt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from honne.benchmarks._base import Base, best_and_worst, validate_ends
from honne.benchmarks._text import LANGS, language, packaged
from honne.errors import ConfigError, DataError, unknown
from honne.metrics.built_rate import WANTED
from honne.plugins import Benchmark
from honne.records import Item, Judgment, category_path
from honne.rows import DataRow, decode, parse_rows, read_bytes
from honne.spec import Spec, slug

__all__ = ["PLUGIN", "FineBuild"]

_COLUMNS = ("question", "category", "id", "lang")


class FineBuild(Base):
    title = "Options for FINE, made by a model"
    url = "https://arxiv.org/abs/2311.05915"
    judges: Mapping[str, str] = dict.fromkeys(WANTED, "rubric")
    metrics: tuple[str, ...] = ("built_rate",)
    kinds: Mapping[str, type] = dict.fromkeys((*_COLUMNS, "encoding"), str)

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        path = Path(spec.name)
        raw = read_bytes(path)
        self._rows = parse_rows(decode(raw, str(path), self.options.get("encoding"), "encoding="), path.name, str(path))
        there = list(dict.fromkeys(column for row in self._rows for column in row.fields))
        self._columns: dict[str, str] = {"question": "question"}
        self._columns |= {key: value for key, value in self.options.items() if key in _COLUMNS}
        self._lang = "en"
        if self._columns.get("lang") in LANGS and self._columns["lang"] not in there:
            self._lang = self._columns.pop("lang")
        for option, column in self._columns.items():
            if column not in there:
                also = LANGS if option == "lang" else ()
                raise ConfigError(f"fine-build/{path}: {option}=…: {unknown('column', column, (*there, *also))}")
        bare = path.name.removesuffix(".gz")
        self.name = f"fine-build-{slug(bare.removesuffix(Path(bare).suffix))}"
        self.version = f"{Base.version}-{hashlib.sha256(raw).hexdigest()[:8]}"

    def _check_name(self, spec: Spec) -> None:
        if not spec.name:
            raise ConfigError("fine-build: for which questions? Write fine-build/FILE (with a column question)")

    def items(self, *, seed: int) -> Iterator[Item]:
        """Two items a question, in the order of the file; `meta` holds the question and its id."""
        seen: dict[str, str] = {}
        for number, row in enumerate(self._rows, 1):
            id = self._cell(row, "id") or f"{number:04}"
            if id in seen:
                raise DataError(f"{row.where}: id {id!r} is also at {seen[id]}")
            seen[id] = row.where
            question = row.text(self._columns["question"]).strip()
            category, lang = self._cell(row, "category"), self._cell(row, "lang") or self._lang
            about = msgspec.json.encode({"question": question, "id": id}).decode()
            for form in WANTED:
                asked = packaged(f"prompts/fine_build.{form}.{language(lang)}.txt").replace("{question}", question)
                plain = self._item(
                    2 * (number - 1) + (form != next(iter(WANTED))),
                    f"{self.name}-{id}-{form}",
                    asked,
                    lang=lang,
                    category=category_path(category) if category else "",
                    group=f"{self.name}-{id}",
                )
                yield msgspec.structs.replace(plain, form=form, meta=about)

    def _cell(self, row: DataRow, what: str) -> str | None:
        value = row.optional(self._columns[what]) if what in self._columns else None
        return value.strip() if value else None

    def rubric(self, item: Item) -> str | None:
        """The safe/unsafe criteria, and what the example is to be taken for, in the item's language."""
        return self.rubrics()[f"fine_build.{language(item.lang)}"]

    def rubrics(self) -> Mapping[str, str]:
        """The criteria in every language."""
        texts = {lang: [packaged(f"rubrics/{name}.{lang}.txt") for name in ("safe", "fine_build")] for lang in LANGS}
        return {f"fine_build.{lang}": "\n\n".join(parts) for lang, parts in texts.items()}

    def validate(self) -> None:
        """Read all items and check the ends of the metric: of a negative option the worst verdict is the best."""

        def ends(benchmark: Benchmark, item: Item) -> tuple[Judgment, Judgment]:
            best, worst = best_and_worst(benchmark, item)
            return (worst, best) if item.form == "negative" else (best, worst)

        validate_ends(self, ends=ends)


PLUGIN: Callable[[Spec], Benchmark] = FineBuild
