"""Rows to records: the items, responses and judgments of each model."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain

from honne import plugins
from honne.errors import ConfigError, DataError, HonneError, unknown
from honne.importers._benchmark import ImportBenchmark, number
from honne.importers._join import Column, Frame
from honne.importers._mapping import ColumnMap
from honne.judges.labels import judgment, plain
from honne.records import Item, Judgment, Message, Response, category_path

__all__ = ["ModelRecords", "Reader", "language"]

VERSION = "import"
# More different labels than this, unless they are numbers, are answers or reasons mapped as labels by mistake.
_MOST_LABELS = 100
_KANA = re.compile("[ぁ-ゖァ-ヺー]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LATIN = re.compile("[A-Za-zÀ-ɏ]")


@dataclass
class ModelRecords:
    """One model's records while rows are read; `first` is where an item was first seen."""

    model: str
    items: dict[str, Item] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    samples: Counter[str] = field(default_factory=Counter)
    prompts: Counter[str] = field(default_factory=Counter)
    responses: list[Response] = field(default_factory=list)
    judgments: dict[str, list[Judgment]] = field(default_factory=dict)

    def notes(self, outside: str) -> list[str]:
        """What a reader of the numbers should know, as counts; `outside` names what an unparsed label is outside of."""
        notes: list[str] = []
        n = len(self.responses)
        if empty := sum(r.text == "" for r in self.responses):
            notes.append(f"{empty} of {n} answers are empty")
        if absent := sum(r.status == "not_asked" for r in self.responses):
            notes.append(f"{absent} of {n} rows have no answer (null): not_asked, their labels skipped")
        if n > len(self.items):
            notes.append(f"{n} answers to {len(self.items)} items: some have several samples")
        for key, rows in self.judgments.items():
            if blank := sum(j.status == "skipped" for j in rows):
                notes.append(f"{key}: {blank} of {n} skipped (blank label, or no answer)")
            odd = Counter((j.raw or "").strip() for j in rows if j.status == "unparsed")
            if odd:
                shown = ", ".join(repr(text[:40]) for text, _ in odd.most_common(3))
                notes.append(f"{key}: {odd.total()} of {n} unparsed, outside {outside}: {shown}")
        return notes


def _categories(benchmark: plugins.Benchmark) -> dict[str, str]:
    """The benchmark's categories by item id and by prompt; none where its data are not at hand."""
    try:
        items = list(benchmark.items(seed=0))
    except DataError:
        return {}
    found = {question: item.category for item in items if (question := _question(item))}
    found |= {item.messages[-1].content: item.category for item in items if item.messages}
    return found | {item.id: item.category for item in items}


def _question(item: Item) -> str | None:
    """The question alone, where a benchmark's prompt adds instructions to it and keeps it in `meta`."""
    meta = json.loads(item.meta)
    question = meta.get("question") if isinstance(meta, dict) else None
    return question if isinstance(question, str) else None


class Reader:
    """Reads the rows of a frame. `benchmark` is the one given, or an `ImportBenchmark` of the labels there are."""

    def __init__(
        self,
        frame: Frame,
        names: ColumnMap,
        model: str | None,
        relabel: Mapping[str, str] | None,
        benchmark: plugins.Benchmark | None,
    ) -> None:
        def column(name: str | None, role: str) -> Column | None:
            return None if name is None else frame.column(name, role)

        self._frame = frame
        self._relabel = relabel
        self._prompt = frame.column(names.prompt, "prompt")
        self._response = column(names.response, "response")
        self._model = column(names.model, "model")
        self._constant = model.strip() if model else frame.tables[0].stem
        self._id = column(names.id, "id")
        self._group = column(names.group, "group")
        self._lang = column(names.lang, "lang")
        self._form = column(names.form, "form")
        self._categories = [frame.column(name, "category") for name in names.categories]
        self._labels = {
            key: frame.column(name, key.replace("labels", "label", 1)) for key, name in names.labels.items()
        }
        self._at = datetime.fromtimestamp(frame.tables[0].path.stat().st_mtime, UTC)
        self._scales: dict[str, plugins.Scale] = {}
        self._import_category = getattr(benchmark, "import_category", None)
        self._import_answer = getattr(benchmark, "import_answer", None)
        self._replaced = 0
        self._published = {} if self._categories or not (benchmark and benchmark.sources) else _categories(benchmark)
        self._unknown = 0
        if benchmark is None:
            forms = ["open"] if self._form is None else ["open", *self._different(self._form)]
            benchmark = ImportBenchmark(self._meant_labels(), forms)
        self.benchmark: plugins.Benchmark = benchmark

    def _different(self, column: Column) -> list[str]:
        """The different values of a column that are not blank, stripped, in order of appearance."""
        values = (self._frame.text(row, column) for row in range(len(self._frame)))
        return list(dict.fromkeys(value.strip() for value in values if value and value.strip()))

    def _meant_labels(self) -> list[str]:
        if self._relabel:
            return list(self._relabel.values())
        found = {column.name: self._different(column) for column in self._labels.values()}
        for name, values in found.items():
            if len(values) > _MOST_LABELS and any(number(value) is None for value in values):
                raise DataError(
                    f"{self._frame.tables[0].path}: column {name!r} has {len(values)} different values, too many for "
                    f"labels (at most {_MOST_LABELS}): map another column, or say which count with --label-map"
                )
        return list(dict.fromkeys(map(plain, chain.from_iterable(found.values()))))

    def read(self) -> list[ModelRecords]:
        """All rows, as one set of records per model. Raises DataError naming the row that makes no sense."""
        models: dict[str, ModelRecords] = {}
        for row in range(len(self._frame)):
            name = self._constant if self._model is None else self._filled(row, self._model, "model").strip()
            if name not in models:
                models[name] = ModelRecords(name, judgments={key: [] for key in self._labels})
            self._add(models[name], row)
        self._check_targets()
        if self._published and self._unknown == len(self._frame):
            raise DataError(
                f"{self._frame.tables[0].path}: no row is an item of {self.benchmark.name}, by id or by prompt, and no "
                "category is mapped: --map category=COLUMN"
            )
        return list(models.values())

    def notes(self) -> list[str]:
        """What holds for all models of the import."""
        notes = list(self._frame.notes)
        for table in self._frame.tables:
            if table.blank_rows:
                notes.append(f"{table.path.name}: {table.blank_rows} rows without any value left out")
        if self._frame.mended:
            notes.append(f"{len(self._frame.mended)} values held zero bytes or lone surrogates: each became U+FFFD")
        if self._published:
            n = len(self._frame)
            notes.append(
                f"categories taken from {self.benchmark.name} for {n - self._unknown} of {n} rows, by id or prompt"
            )
        elif not self._categories and self.benchmark.metrics and self.benchmark.name != ImportBenchmark.name:
            fetch = f", or honne data fetch {self.benchmark.name}" if self.benchmark.sources else ""
            notes.append(f"no categories: map category=COLUMN{fetch}")
        if self._replaced:
            notes.append(
                f"{self._replaced} of {len(self._frame)} rows: prompt and response are what the label is about, which "
                f"{self.benchmark.name} reads from elsewhere in the row"
            )
        elif self._response is None:
            notes.append("no response column was mapped: the answers are not recorded")
        return notes

    def _add(self, into: ModelRecords, row: int) -> None:
        # Some files hold what a label is about elsewhere than under the obvious names; their benchmark knows.
        judged = self._import_answer(self._frame.cells(row)) if self._import_answer else None
        self._replaced += judged is not None
        item = self._item(into, row, judged[0] if judged else None)
        sample = into.samples[item.id]
        into.samples[item.id] += 1
        text = judged[1] if judged else self._frame.text(row, self._response)
        answered = self._response is None or text is not None
        status = "ok" if answered else "not_asked"
        into.responses.append(
            Response(item_id=item.id, model=into.model, sample=sample, text=text, status=status, at=self._at)
        )
        if not self._labels:
            return
        scale = self._scale(row, item.category)
        for key, column in self._labels.items():
            raw = self._frame.text(row, column)
            into.judgments[key].append(
                judgment(item, into.model, sample, raw, scale, self._relabel, key, self._at, answered=answered)
            )

    def _item(self, into: ModelRecords, row: int, asked: str | None) -> Item:
        # A file that is known may hold a blank question that was asked and answered.
        prompt = self._filled(row, self._prompt, "prompt") if asked is None else asked
        digest = hashlib.sha256(prompt.encode()).hexdigest()[:16]
        if self._id is None:
            into.prompts[digest] += 1
            item_id = f"{digest}-{into.prompts[digest]}"
        else:
            item_id = self._filled(row, self._id, "id")
        known = into.items.get(item_id)
        item = Item(
            seq=known.seq if known else len(into.items),
            id=item_id,
            benchmark=self.benchmark.name,
            version=VERSION,
            lang=(self._frame.text(row, self._lang) or "").strip() or language(prompt),
            category=self._category(row, item_id, prompt),
            form=self._form_of(row),
            group=self._frame.text(row, self._group) or digest,
            messages=(Message("user", prompt),),
        )
        if known is None:
            into.items[item_id] = item
            into.first[item_id] = self._frame.where(row)
        elif item != known:
            names = {"messages": "prompt", "category": "category", "group": "group", "form": "form", "lang": "lang"}
            what = next(word for name, word in names.items() if getattr(item, name) != getattr(known, name))
            here = self._frame.where(row).removeprefix(f"{self._frame.tables[0].path} ")
            raise DataError(
                f"{into.first[item_id]} and {here}: id {item_id!r} is there twice for model {into.model!r}, "
                f"with another {what}"
            )
        return item

    def _filled(self, row: int, column: Column, role: str) -> str:
        text = self._frame.text(row, column)
        if text is None or not text.strip():
            raise DataError(f"{self._frame.where(row)}: the {role} (column {column.name!r}) is blank")
        return text

    def _form_of(self, row: int) -> str:
        form = (self._frame.text(row, self._form) or "").strip() or "open"
        if self._form is not None and form not in self.benchmark.judges:
            raise DataError(f"{self._frame.where(row)}: {unknown('form', form, self.benchmark.judges)}")
        return form

    def _category(self, row: int, item_id: str, prompt: str) -> str:
        if self._published:
            category = self._published.get(item_id, self._published.get(prompt))
            self._unknown += category is None
            return category or ""
        levels: list[str] = []
        for column in self._categories:
            level = (self._frame.text(row, column) or "").strip()
            if not level:
                break
            levels.append(level)
        if not levels or self._import_category is None:
            return category_path(*levels)
        value = levels[0] if len(self._categories) == 1 else category_path(*levels)
        try:
            return str(self._import_category(value, self._frame.cells(row)))
        except HonneError as e:
            raise DataError(f"{self._frame.where(row)}: {e}") from None

    def _scale(self, row: int, category: str) -> plugins.Scale:
        if category not in self._scales:
            try:
                self._scales[category] = self.benchmark.scale(category)
            except HonneError as e:
                raise DataError(f"{self._frame.where(row)}: {e}") from None
        return self._scales[category]

    def _check_targets(self) -> None:
        """A target of the label map that no scale knows is a slip of the pen, not a property of the data."""
        for target in (self._relabel or {}).values():
            if not any(_knows(scale, target) for scale in self._scales.values()):
                allowed: Sequence[str] = [label for scale in self._scales.values() for label in scale.labels]
                raise ConfigError(f"--label-map: {unknown('label', target, allowed)}")


def _knows(scale: plugins.Scale, label: str) -> bool:
    return (scale.read(label) or scale.read(plain(label))) is not None


def language(text: str) -> str:
    """A guess by script, for want of a column: kana is ja, ideographs zh, anything else en.

    A few foreign signs in a text of another script do not decide.
    """
    if text.isascii():
        return "en"
    kana, han, latin = (len(script.findall(text)) for script in (_KANA, _HAN, _LATIN))
    if kana + han == 0 or latin > 4 * (kana + han):
        return "en"
    return "ja" if 10 * kana >= kana + han else "zh"
