"""A main table and the tables joined to it: one place that finds a column and reads a cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from honne.errors import ConfigError, DataError, nearest
from honne.importers._tabular import ABSENT, Table, text_of, walk

__all__ = ["Column", "Frame", "spread"]

# What a screen, a terminal or UTF-8 cannot take: zero bytes and halves of surrogate pairs.
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
_TRAILING = re.compile(r"(\d+)\s*$")
_SHOWN = 40


@dataclass(frozen=True)
class Column:
    """Where a column is: its table (0 is the main one) and the path within a row."""

    name: str
    table: int
    path: tuple[str, ...]


@dataclass
class Frame:
    """The rows of the main table, each with its row of every joined table (or none)."""

    tables: list[Table]
    matches: list[list[int | None]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    mended: set[tuple[int, int, tuple[str, ...]]] = field(default_factory=set)
    """The cells in which unreadable characters were replaced."""

    def __len__(self) -> int:
        return len(self.tables[0].rows)

    def where(self, row: int) -> str:
        return self.tables[0].rows[row].where

    def find(self, name: str) -> Column | None:
        """The column of that name: the main table's, else the first joined table's that has it, else `STEM.column`.

        A dot also leads into nested objects and lists (`choices.0.message.content`).
        """
        for number, table in enumerate(self.tables):
            if path := _path(table, name):
                return Column(name, number, path)
        for number, table in enumerate(self.tables[1:], 1):
            rest = name.removeprefix(table.stem + ".")
            if rest != name and (path := _path(table, rest)):
                return Column(name, number, path)
        return None

    def column(self, name: str, role: str) -> Column:
        """`find`, or a ConfigError with the nearest name and the columns that there are."""
        found = self.find(name)
        if found is None:
            near = nearest(name, (c for table in self.tables for c in _known(table)))
            hint = f" Did you mean {near!r}?" if near else ""
            raise ConfigError(f"--map {role}: no column {name!r}.{hint} {'; '.join(map(_listed, self.tables))}")
        return found

    def text(self, row: int, column: Column | None) -> str | None:
        """A cell as readable text; None when it is null, absent, or in a table that has no row for this one."""
        if column is None:
            return None
        at = row if column.table == 0 else self.matches[column.table - 1][row]
        if at is None:
            return None
        value = text_of(walk(self.tables[column.table].rows[at].fields, column.path))
        if value is not None and _UNREADABLE.search(value):
            self.mended.add((column.table, at, column.path))
            value = _UNREADABLE.sub("\ufffd", value)
        return value

    def cells(self, row: int) -> dict[str, str]:
        """All cells of a row as text, blank where there is none; joined columns also as `STEM.column`."""
        out: dict[str, str] = {}
        for number, table in enumerate(self.tables):
            for name in table.columns:
                value = self.text(row, Column(name, number, (name,))) or ""
                out.setdefault(name, value)
                if number:
                    out.setdefault(f"{table.stem}.{name}", value)
        return out

    def join(self, table: Table, on: str, key: str, model: str | None, constant_model: str | None) -> None:
        """Add a table's columns, matched on `on` (id or prompt), which this frame has under the name `key`.

        A table with a column of models (named as `model`, or `model`) is matched on (key, model). Ids match as text;
        where not one does, by their trailing number, if that is unique on both sides. Raises DataError when several
        rows have one key, and when no row matches at all.
        """
        mine = self.column(key, on)
        theirs = _path(table, key) or _path(table, on)
        if theirs is None:
            raise ConfigError(f"--join: no column {key!r} or {on!r} to join on. {_listed(table)}")
        ours = [self.text(row, mine) for row in range(len(self))]
        models = self._models(model, constant_model)
        by_model = next((n for n in (model, "model") if n and n in table.columns), None) if models else None
        if by_model is None:
            models = None
        index = _index(table, theirs, by_model)
        how = on
        matched = _look(ours, models, index)
        if on == "id" and not {k for k in ours if k} & {k for k, _ in index}:
            numbers, other = _numbers(k for k in ours if k), _numbers(k for k, _ in index)
            if numbers and other:
                how = "the trailing number of the id (no id is the same in both files)"
                by_number = {(other[k], m): at for (k, m), at in index.items()}
                renamed = [numbers[k] if k else None for k in ours]
                matched = _look(renamed, models, by_number)
        n = sum(at is not None for at in matched)
        if by_model:
            how += " and model"
        if not n:
            raise DataError(
                f"--join {table.path}: none of its {len(table.rows)} rows matches on {how}{_seen(index, models)}"
            )
        used = len({at for at in matched if at is not None})
        self.notes.append(
            f"{table.path.name}: joined on {how}; {n} of {len(self)} rows matched, "
            f"{used} of its {len(table.rows)} rows were used"
        )
        self.tables.append(table)
        self.matches.append(matched)

    def _models(self, model: str | None, constant: str | None) -> list[str] | None:
        if constant is not None:
            return [constant] * len(self)
        column = self.find(model) if model else None
        if column is None:
            return None
        return [(self.text(row, column) or "").strip() for row in range(len(self))]


Key = tuple[str, str | None]


def _index(table: Table, path: tuple[str, ...], by_model: str | None) -> dict[Key, int]:
    index: dict[Key, int] = {}
    for at, row in enumerate(table.rows):
        key = text_of(walk(row.fields, path))
        if not key or not key.strip():
            continue
        model = (text_of(row.fields.get(by_model)) or "").strip() if by_model else None
        first = index.setdefault((_UNREADABLE.sub("\ufffd", key), model), at)
        if first != at:
            name = f"{_short(key)!r}" + (f" of model {model!r}" if by_model else "")
            lines = f"{table.rows[first].where} and {row.where.removeprefix(str(table.path)).strip()}"
            raise DataError(f"--join: key {name} is there twice: {lines}")
    return index


def _look(keys: Sequence[str | None], models: Sequence[str] | None, index: Mapping[Key, int]) -> list[int | None]:
    if models is None:
        return [index.get((key, None)) if key else None for key in keys]
    return [index.get((key, model)) if key else None for key, model in zip(keys, models, strict=True)]


def _numbers(keys: Iterable[str]) -> dict[str, str] | None:
    """The trailing number of each key, or None when one has none or two keys share one."""
    out: dict[str, str] = {}
    taken: dict[str, str] = {}
    for key in keys:
        found = _TRAILING.search(key)
        if not found:
            return None
        number = found[1].lstrip("0") or "0"
        if taken.setdefault(number, key) != key:
            return None
        out[key] = number
    return out


def _seen(index: Mapping[Key, int], models: Sequence[str] | None) -> str:
    """What the joined file's keys look like, for comparison by eye."""
    keys = ", ".join(repr(_short(key)) for key in dict.fromkeys(key for key, _ in islice(index, 2)))
    named = sorted({model for _, model in index if model is not None})
    if not named or not models:
        return f"; its keys are such as {keys}"
    return (
        f"; its keys are such as {keys}, its models {_few(named)}; the imported models are {_few(sorted(set(models)))}"
    )


def _few(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:5])) + (", …" if len(names) > 5 else "")


def _path(table: Table, name: str) -> tuple[str, ...] | None:
    if name in table.columns:
        return (name,)
    parts = tuple(name.split("."))
    if len(parts) < 2 or parts[0] not in table.columns:
        return None
    return parts if any(walk(row.fields, parts) is not ABSENT for row in table.rows) else None


def _known(table: Table, depth: int = 4) -> list[str]:
    """The names of columns, with those of nested objects in the first rows."""
    names: dict[str, None] = dict.fromkeys(table.columns)

    def nested(value: object, prefix: str, level: int) -> None:
        if isinstance(value, Mapping) and level < depth:
            for name, inner in value.items():
                names[f"{prefix}{name}"] = None
                nested(inner, f"{prefix}{name}.", level + 1)

    for row in table.rows[:20]:
        nested(row.fields, "", 0)
    return list(names)


def _listed(table: Table) -> str:
    names = _known(table)
    more = f", … ({len(names) - _SHOWN} more)" if len(names) > _SHOWN else ""
    return f"Columns of {table.path.name}: {', '.join(map(_short, names[:_SHOWN]))}{more}"


def _short(text: str) -> str:
    text = " ".join(_UNREADABLE.sub("\ufffd", text).split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def spread(on: Sequence[str], joins: Sequence[Path]) -> list[str]:
    """One `--on` per `--join`: the k-th for the k-th, or a single one for all. Raises ConfigError."""
    for name in on:
        if name not in ("id", "prompt"):
            raise ConfigError(f"--on {name!r}: expected id or prompt")
    if not joins and on:
        raise ConfigError("--on needs a --join FILE")
    if joins and len(on) not in (1, len(joins)):
        raise ConfigError(f"--join: {len(joins)} files need one --on (id or prompt), or one each; got {len(on)}")
    return list(on) * len(joins) if len(on) == 1 else list(on)
