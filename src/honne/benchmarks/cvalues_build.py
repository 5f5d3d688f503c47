"""Choices between a safe and an unsafe answer, made of open answers that exist already, as in CValues

After Xu et al. 2023, CValues (arXiv 2307.09705), whose multiple choice was made so. `cvalues-build/SOURCE?…`, where
SOURCE is

- a file (JSONL, JSON, CSV, TSV, also .gz) with the columns `prompt=`, and either `answer=` and `label=`, or `safe=`
  and `unsafe=` (triples); `category=`, `lang=` (a column, or en, zh, ja) and `encoding=` if need be;
- a finished run folder, or a folder of them (several models, or samples, give answers of both kinds): the open answers
  that its judge calls safe or unsafe; `judge=` names it where there are several.

`safe_is=` and `unsafe_is=` list other labels that mean safe and unsafe (with commas): `safe_is=3&unsafe_is=1,2`.

Every pair is asked in both orders, so position gives nothing away. A prompt with several answers of a kind gives the
pair that keeps the lengths balanced: as often the safe as the unsafe answer is the longer one, as far as the answers
allow; what remains is `length_only_accuracy`. `pairs=N` allows N pairs a prompt (default 1, no answer twice), and
`exact=true` drops pairs until the balance is exact. The seed of the run decides ties. What is left out is counted in
the notes of the run. Chance is 50 %.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from honne.benchmarks._base import Base
from honne.benchmarks._build_answers import Gathered, Labels, gathered, run_folders, told_by_file, told_by_runs
from honne.benchmarks._build_pairs import Pairing, matched
from honne.benchmarks._questions import CHANCE, CHOICES, Question, question_items
from honne.benchmarks._text import LANGS
from honne.errors import ConfigError, DataError, unknown
from honne.plugins import Benchmark
from honne.records import Item
from honne.rows import DataRow, decode, parse_rows, read_bytes
from honne.spec import Spec, slug

__all__ = ["PLUGIN", "CValuesBuild"]

_COLUMNS = ("prompt", "answer", "label", "safe", "unsafe", "category", "lang")
_TEXTS = (*_COLUMNS, "encoding", "safe_is", "unsafe_is", "judge")
_USAGE = "prompt=COLUMN and either answer=COLUMN&label=COLUMN or safe=COLUMN&unsafe=COLUMN"
_MOST = 1000


class CValuesBuild(Base):
    title = "Safe or unsafe: choices made of open answers"
    url = "https://arxiv.org/abs/2307.09705"
    judges: Mapping[str, str] = dict.fromkeys(CHOICES, "choice")
    metrics: tuple[str, ...] = ("cvalues_choice", "first_option_share", "length_only_accuracy")
    kinds: Mapping[str, type] = {**dict.fromkeys(_TEXTS, str), "pairs": int, "exact": bool}

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self._pairs: int = self.options.get("pairs", 1)
        if not 1 <= self._pairs <= _MOST:
            raise ConfigError(f"cvalues-build: pairs={self._pairs} is out of range: 1 to {_MOST} a prompt")
        self._labels = Labels.of(self.options.get("safe_is"), self.options.get("unsafe_is"))
        self._path = Path(spec.name)
        self._found = self._from_runs() if self._path.is_dir() else self._from_file()
        bare = self._path.name.removesuffix(".gz")
        self.name = f"cvalues-build-{slug(bare if self._path.is_dir() else bare.removesuffix(Path(bare).suffix))}"
        digest = hashlib.sha256()
        for prompt, answers in sorted(self._found.answers.items()):
            digest.update(repr((prompt, sorted(answers.safe), sorted(answers.unsafe))).encode())
        self.version = f"{Base.version}-{digest.hexdigest()[:8]}"

    def _check_name(self, spec: Spec) -> None:
        if not spec.name:
            raise ConfigError(f"cvalues-build: of which answers? Write cvalues-build/FILE?{_USAGE}, or a run folder")

    def items(self, *, seed: int) -> list[Item]:
        """Two items a pair, sorted by prompt; ids depend on the texts of the pair alone."""
        pairs = matched(self._found.answers, seed=seed, most=self._pairs, exact=self.options.get("exact", False))
        if not pairs:
            raise DataError(f"{self._path}: no pair of a safe and an unsafe answer: {'; '.join(self._found.notes)}")
        self.notes = [*self._found.notes, _balance(pairs), CHANCE]
        return question_items(self.name, self.version, map(self._question, pairs), CHOICES)

    def _question(self, pair: Pairing) -> Question:
        asked = self._found.asked[pair.prompt]
        group = f"{self.name}-{_short(pair.prompt)}"
        id = _short(pair.prompt, pair.safe, pair.unsafe)
        return Question(id, asked.lang, asked.category, pair.prompt, pair.safe, pair.unsafe, group)

    # --------------------------------------------------------------- sources

    def _from_runs(self) -> Gathered:
        for option in (*_COLUMNS, "encoding"):
            if option in self.options:
                raise ConfigError(f"cvalues-build: {option}=… goes with a file; {self._path} is a folder of runs")
        folders = run_folders(self._path)
        return gathered(told_by_runs(folders, self.options.get("judge"), self._labels))

    def _from_file(self) -> Gathered:
        if "judge" in self.options:
            raise ConfigError(f"cvalues-build: judge=… goes with a run folder; {self._path} is a file")
        where = str(self._path)
        text = decode(read_bytes(self._path), where, self.options.get("encoding"), "encoding=")
        rows = parse_rows(text, self._path.name, where)
        there = list(dict.fromkeys(column for row in rows for column in row.fields))
        columns: dict[str, str] = {key: value for key, value in self.options.items() if key in _COLUMNS}
        self._check_columns(columns, there)
        fixed: str | None = columns.get("lang")
        lang = columns.pop("lang") if fixed in LANGS and fixed not in there else None

        def cell(row: DataRow, what: str) -> str | None:
            value = row.optional(columns[what]) if what in columns else None
            return lang if value is None and what == "lang" else value

        return gathered(told_by_file(rows, cell, self._labels))

    def _check_columns(self, columns: Mapping[str, str], there: list[str]) -> None:
        sides = {"answer", "label"} & columns.keys(), {"safe", "unsafe"} & columns.keys()
        if "prompt" not in columns or not any(sides):
            raise ConfigError(f"cvalues-build/{self._path}: say {_USAGE}; there are: {', '.join(there)}")
        for pair, given in zip((("answer", "label"), ("safe", "unsafe")), sides, strict=True):
            if len(given) == 1:
                missing = next(name for name in pair if name not in given)
                raise ConfigError(f"cvalues-build/{self._path}: {given.pop()}=… goes with {missing}=COLUMN")
        for option, column in columns.items():
            if column not in there and not (option == "lang" and column in LANGS):
                also = LANGS if option == "lang" else ()
                raise ConfigError(
                    f"cvalues-build/{self._path}: {option}=…: {unknown('column', column, (*there, *also))}"
                )


def _balance(pairs: list[Pairing]) -> str:
    longer, equal = sum(p.sign > 0 for p in pairs), sum(p.sign == 0 for p in pairs)
    share = (longer + equal / 2) / len(pairs)
    return f"{len(pairs)} pairs; always picking the longer answer would be right in {100 * share:.1f} %"


def _short(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


PLUGIN: Callable[[Spec], Benchmark] = CValuesBuild
