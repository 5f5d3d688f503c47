"""Your own prompts as a benchmark: `file/PATH?prompt=COLUMN[&…]`, any JSONL, JSON, CSV or TSV file (also .gz).

Columns: `prompt` (needed), `category`, `id` (unique; else the row's number), `group` (rows that belong together),
`lang` (a column, or en, zh, ja for all rows), `options` (2 to 10: a JSON list, or texts separated by `|`) and `target`
(the right option: its letter, its number counted from 1, or its text). `encoding` is that of the file (default UTF-8).

Rows with options are asked as multiple choice with our prompt, served by the judge `choice`, and measured by `accuracy`
where targets are given. Other rows are open questions: with a judge they get the safe/unsafe rubric and `safe_rate`,
without one the accounting alone. The file's hash is the version: another file is another benchmark.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from honne.benchmarks._base import Base
from honne.benchmarks._text import LANGS, LETTERS, choice_prompt
from honne.errors import ConfigError, DataError, unknown
from honne.plugins import Benchmark
from honne.records import Item, Message, category_path
from honne.rows import DataRow, decode, parse_rows, read_bytes
from honne.spec import Spec, slug

__all__ = ["PLUGIN", "File"]

_COLUMNS = ("prompt", "category", "id", "group", "lang", "options", "target")


class File(Base):
    title = "Prompts of your own"
    url = ""
    judges: Mapping[str, str] = {"open": "rubric", "choice": "choice"}
    kinds: Mapping[str, type] = {**dict.fromkeys(_COLUMNS, str), "encoding": str}

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        path = Path(spec.name)
        raw = read_bytes(path)
        text = decode(raw, str(path), self.options.get("encoding"), "encoding=")
        rows = parse_rows(text, path.name, str(path))
        self._columns: dict[str, str] = {key: value for key, value in self.options.items() if key in _COLUMNS}
        self._all_lang: str | None = None
        self._check_columns(path, list(dict.fromkeys(column for row in rows for column in row.fields)))
        bare = path.name.removesuffix(".gz")
        self.name = f"file-{slug(bare.removesuffix(Path(bare).suffix))}"
        self.version = hashlib.sha256(raw).hexdigest()[:8]
        self._items = list(self._read(rows))
        asked_open = any(item.options is None for item in self._items)
        targeted = any(item.target is not None for item in self._items)
        self.metrics = (*(("safe_rate",) if asked_open else ()), *(("accuracy",) if targeted else ()))

    @classmethod
    def without_data(cls, spec: Spec) -> File:
        """The scale and the criteria alone, which are the same whatever the file: to judge recorded answers."""
        bare = cls.__new__(cls)
        Base.__init__(bare, spec)
        bare.name, bare.version = "file", ""
        return bare

    def _check_name(self, spec: Spec) -> None:
        if not spec.name:
            raise ConfigError("file: which one? Write file/PATH?prompt=COLUMN (file//home/… for an absolute path)")

    def _check_columns(self, path: Path, there: list[str]) -> None:
        if "prompt" not in self._columns:
            raise ConfigError(f"file/{path}: say which column to ask with prompt=COLUMN; there are: {', '.join(there)}")
        if "target" in self._columns and "options" not in self._columns:
            raise ConfigError(f"file/{path}: target=… goes with options=…: it names the right one of them")
        lang = self._columns.get("lang")
        if lang in LANGS and lang not in there:
            self._all_lang = self._columns.pop("lang")
        for option, column in self._columns.items():
            if column not in there:
                also = LANGS if option == "lang" else ()
                raise ConfigError(f"file/{path}: {option}=…: {unknown('column', column, (*there, *also))}")

    def items(self, *, seed: int) -> Iterator[Item]:
        """The rows in the order of the file."""
        return iter(self._items)

    def _read(self, rows: Iterable[DataRow]) -> Iterator[Item]:
        seen: dict[str, str] = {}
        first: dict[str, str] = {}
        for seq, row in enumerate(rows):
            id = row.text(self._columns["id"]) if "id" in self._columns else f"{self.name}-{seq + 1:05}"
            if id in seen:
                raise DataError(f"{row.where}: id {id!r} is also at {seen[id]}")
            seen[id] = row.where
            category, group = self._optional(row, "category"), self._optional(row, "group")
            lang = self._all_lang or self._optional(row, "lang") or "und"
            prompt = row.text(self._columns["prompt"])
            options = _options(row, self._columns["options"]) if "options" in self._columns else None
            target = _target(row, self._columns["target"], options) if "target" in self._columns else None
            path = category_path(category) if category else ""
            # Answers to the same prompt are not independent: they are one cluster, unless a column says otherwise.
            item = self._item(seq, id, prompt, lang=lang, category=path, group=group or first.setdefault(prompt, id))
            if options is not None:
                asked = (Message(role="user", content=choice_prompt(lang, prompt, options)),)
                item = msgspec.structs.replace(item, form="choice", messages=asked, options=options, target=target)
            yield item

    def _optional(self, row: DataRow, name: str) -> str | None:
        value = row.optional(self._columns[name]) if name in self._columns else None
        return value.strip() if value else None


def _options(row: DataRow, column: str) -> tuple[str, ...] | None:
    """The options of a row; None where the cell is blank: then the row is an open question."""
    cell = row.fields.get(column)
    if isinstance(cell, str) and cell.strip().startswith("[") and cell.strip().endswith("]"):
        try:
            cell = msgspec.json.decode(cell)
        except (msgspec.DecodeError, RecursionError) as e:
            raise DataError(f"{row.where}: column {column!r} is not a valid JSON list ({e})") from None
    if isinstance(cell, list):
        texts = [(DataRow(row.where, {column: entry}).text(column)).strip() for entry in cell]
    else:
        text = row.optional(column)
        if text is None:
            return None
        texts = [part.strip() for part in text.split("|")]
    if len(texts) > len(LETTERS):
        raise DataError(f"{row.where}: column {column!r} has {len(texts)} options; allowed are at most {len(LETTERS)}")
    if len(texts) < 2 or not all(texts) or len(set(texts)) < len(texts):
        raise DataError(
            f"{row.where}: column {column!r} needs 2 to {len(LETTERS)} different options, "
            "a JSON list or text | text | …"
        )
    return tuple(texts)


def _target(row: DataRow, column: str, options: tuple[str, ...] | None) -> str | None:
    """The letter of the right option, which may be given as letter, number (from 1) or text.

    Raises DataError for a value that is none of these, or that names two options (an option whose text is "2", say).
    """
    value = row.optional(column)
    if value is None:
        return None
    value = value.strip()
    if options is None:
        raise DataError(f"{row.where}: a target ({value!r}) without options")
    named = {i for i, text in enumerate(options) if value in (LETTERS[i], LETTERS[i].lower(), str(i + 1), text)}
    if len(named) != 1:
        what = "names two options; give its letter" if named else f"names none of the {len(options)} options"
        raise DataError(f"{row.where}: target {value!r} {what} (allowed: a letter, a number from 1, the option's text)")
    return LETTERS[named.pop()]


PLUGIN: Callable[[Spec], Benchmark] = File
