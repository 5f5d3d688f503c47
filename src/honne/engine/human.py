"""People's labels in a run folder: judgments like any others, with the author, the design and the inclusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from honne.engine import journal
from honne.engine.estimate import analyse
from honne.engine.store import RunFolder, locked, open_run
from honne.errors import DataError
from honne.records import DESIGNS, Judgment

__all__ = ["attach"]


def attach(run: Path, rows: Mapping[str, Sequence[Judgment]]) -> RunFolder:
    """Put people's judgments, by judge key, into a finished or running run, and make its estimates again.

    A key that is there already is replaced as a whole, so that the same again changes nothing and a label that was
    taken back is gone. Raises DataError for a row that belongs to another key or to no answer of the run, StoreError
    where there is no run, or another process has it.
    """
    open_run(run)
    with locked(run) as store:
        answers = {(r.item_id, r.sample) for r in store.responses()}
        for key, given in rows.items():
            for row in given:
                _check(store, key, row, answers)
        order = {item.id: item.seq for item in store.items()}
        for key, given in rows.items():
            folder = store.judge_folder(key)
            placed = sorted(given, key=lambda r: (order.get(r.item_id, -1), r.item_id, r.sample, r.author or ""))
            journal.write_parquet(folder / journal.PARQUET, Judgment, placed)
            for segment in folder.glob("[0-9]*.jsonl"):
                segment.unlink()
        store.refresh()
        spec = store.info["spec"]
        judges = spec.get("judges") if isinstance(spec.get("judges"), list) else []
        listed = {judge.get("key") for judge in judges if isinstance(judge, dict)}
        new = [{"key": key, "name": key, "spec": key} for key in rows if key not in listed]
        if new:
            store.write_info({**store.info, "spec": {**spec, "judges": [*judges, *new]}})
        store.write_estimates(analyse(store, bool(spec.get("paper_rules", False))).estimates)
        return store


def _check(store: RunFolder, key: str, row: Judgment, answers: set[tuple[str, int]]) -> None:
    if key.partition(".")[0] != "labels" or row.judge != key:
        raise DataError(
            f"{store.path}: {row.judge!r} under {key!r}: people's judgments have keys that begin with labels"
        )
    if (row.item_id, row.sample) not in answers:
        raise DataError(f"{store.path} has no answer {row.item_id} (sample {row.sample}), which {key} labels")
    if row.design is not None and row.design not in DESIGNS:
        raise DataError(f"{store.path}: {key}: unknown design {row.design!r}; allowed: {', '.join(DESIGNS)}")
