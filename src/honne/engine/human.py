"""People's labels in a run folder: judgments like any others, with the author, the design and the inclusion."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from honne.engine import journal
from honne.engine.estimate import analyse
from honne.engine.store import RunFolder, locked, open_run
from honne.errors import DataError
from honne.records import DESIGNS, Judgment

__all__ = ["attach"]


def attach(
    run: Path, rows: Mapping[str, Sequence[Judgment]], *, project: str | None = None, gone: Collection[str] = ()
) -> RunFolder:
    """Put people's judgments, by judge key, into a finished or running run, and make its estimates again.

    A key that is there already is replaced as a whole, so that the same again changes nothing and a label that was
    taken back is gone; `gone` names keys of the same project that have no label any more. `project` identifies whose
    labels these are: those of another project under the same key are not written over. Raises DataError for that, and
    for a row that belongs to another key or to no answer of the run, StoreError where there is no run, or another
    process has it.
    """
    open_run(run)
    with locked(run) as store:
        spec = store.info["spec"]
        judges = spec.get("judges") if isinstance(spec.get("judges"), list) else []
        there = {str(judge.get("key")): judge.get("project") for judge in judges if isinstance(judge, dict)}
        for key in rows:
            if None not in (project, there.get(key)) and there[key] != project:
                raise DataError(
                    f"{store.path} has labels of another project under {key}, which would be written over: make the "
                    "project again under another name, or export its labels as a file"
                )
        gone = [key for key in gone if key not in rows and key in there and there[key] == project]
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
        for key in gone:
            shutil.rmtree(store.judge_folder(key))
        store.refresh()
        new = {key: _entry(key, rows, project) for key in rows}
        judged = [judge for judge in judges if not isinstance(judge, dict) or judge.get("key") not in gone]
        kept = [new.pop(str(judge.get("key")), judge) if isinstance(judge, dict) else judge for judge in judged]
        if [*kept, *new.values()] != judges:
            store.write_info({**store.info, "spec": {**spec, "judges": [*kept, *new.values()]}})
        store.write_estimates(analyse(store, bool(spec.get("paper_rules", False))).estimates)
        return store


def _entry(key: str, rows: Mapping[str, Sequence[Judgment]], project: str | None) -> dict[str, Any]:
    """A judge of the spec. What annotators agree on is made of their labels, as a panel's word is of its members'."""
    members = [
        other
        for other, given in rows.items()
        if other.startswith(f"{key}.") and any(row.design != "adjudicated" for row in given)
    ]
    said: dict[str, Any] = {"key": key, "name": key, "spec": key}
    return said | ({"members": sorted(members)} if members else {}) | ({"project": project} if project else {})


def _check(store: RunFolder, key: str, row: Judgment, answers: set[tuple[str, int]]) -> None:
    if key.partition(".")[0] != "labels" or row.judge != key:
        raise DataError(
            f"{store.path}: {row.judge!r} under {key!r}: people's judgments have keys that begin with labels"
        )
    if (row.item_id, row.sample) not in answers:
        raise DataError(f"{store.path} has no answer {row.item_id} (sample {row.sample}), which {key} labels")
    if row.design is not None and row.design not in DESIGNS:
        raise DataError(f"{store.path}: {key}: unknown design {row.design!r}; allowed: {', '.join(DESIGNS)}")
