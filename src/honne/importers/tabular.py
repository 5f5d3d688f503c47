"""Tables of answers and labels (JSONL, JSON, CSV, TSV, Parquet), whose columns `--map` names. Nothing is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from honne import plugins
from honne.errors import ConfigError, DataError
from honne.importers._found import ImportedRun
from honne.importers._join import Frame, spread
from honne.importers._mapping import ColumnMap, parse_label_map, parse_map
from honne.importers._reader import Reader
from honne.importers._tabular import Table, read_table

__all__ = ["read_table_import"]


def read_table_import(
    path: Path,
    *,
    mapping: Sequence[str],
    model: str | None = None,
    label_map: Sequence[str] = (),
    joins: Sequence[Path] = (),
    on: Sequence[str] = (),
    encoding: str | None = None,
    benchmark: plugins.Benchmark | None = None,
) -> list[ImportedRun]:
    """Read answers and labels; one run per model, in the order of their first rows.

    The arguments are the options of `honne import` (`mapping`: `--map`). `encoding` is that of `path`; with joins, of
    those files that are not UTF-8. A response that is null is `not_asked` and its labels `skipped`; an empty one is
    `ok`. Records carry the file's modification time, so that the same import gives the same bytes.
    Raises ConfigError for options that make no sense, DataError for files that do not.
    """
    names = parse_map(mapping)
    relabel = parse_label_map(label_map)
    if relabel and not names.labels:
        raise ConfigError("--label-map needs a label column: --map label=COLUMN")
    if names.model and model is not None:
        raise ConfigError(f"the model is given twice: --map model={names.model} and --model {model}")
    if model is not None and not model.strip():
        raise ConfigError("--model is blank")
    frame = _frame(path, names, model, joins, spread(on, joins), encoding)
    reader = Reader(frame, names, model, relabel, benchmark)
    return [
        ImportedRun(
            model=found.model,
            items=list(found.items.values()),
            responses=found.responses,
            judgments=found.judgments,
            notes=[*reader.notes(), *found.notes("the label map" if relabel else "the scale")],
            sources=[dict(table.source) for table in frame.tables],
            benchmarks=[reader.benchmark],
        )
        for found in reader.read()
    ]


def _frame(
    path: Path, names: ColumnMap, model: str | None, joins: Sequence[Path], on: Sequence[str], encoding: str | None
) -> Frame:
    main = _either(path, encoding) if joins else read_table(path, encoding)
    constant = None if names.model else model or main.stem
    frame = Frame([main])
    for file, kind in zip(joins, on, strict=True):
        key = names.id if kind == "id" else names.prompt
        if key is None:
            raise ConfigError("--on id needs the column of ids: --map id=COLUMN")
        frame.join(_either(file, encoding), kind, key, names.model, constant)
    return frame


def _either(path: Path, encoding: str | None) -> Table:
    """Files of one set need not share an encoding; bytes that are valid UTF-8 are hardly ever anything else."""
    try:
        return read_table(path)
    except DataError:
        if encoding is None:
            raise
        return read_table(path, encoding)
