"""People's labels in a run folder: judgments like any others, with the author, the design and the inclusion."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from honne.engine import journal
from honne.engine.estimate import analyse
from honne.engine.store import RunFolder, locked, open_run
from honne.errors import DataError
from honne.records import DESIGNS, Judgment

__all__ = ["attach", "holding"]

Rows = Mapping[str, Sequence[Judgment]]


@contextmanager
def holding(runs: Sequence[Path]) -> Iterator[list[RunFolder]]:
    """The run folders, locked, in the order given: nobody else writes into any of them meanwhile.

    Raises StoreError where one is gone, or another process has it; then none is touched.
    """
    for run in runs:
        open_run(run)
    with ExitStack() as stack:
        yield [stack.enter_context(locked(run)) for run in runs]


def attach(given: Sequence[tuple[RunFolder, Rows]], *, project: str | None = None) -> list[RunFolder]:
    """Put people's judgments, by judge key, into runs that the caller holds (`holding`), and make their estimates
    again; the runs that were written. What the judgments are made of must be read while the runs are held: of two
    writers the later one then has what the earlier one had.

    A key that is there already is replaced as a whole, so that the same again changes nothing and a label that was
    taken back is gone. `project` identifies whose labels these are: its keys that have no label any more are removed,
    and those of another project under the same key are not written over. Raises DataError for that, and for a row that
    belongs to another key or to no answer of its run; then nothing is written.
    """
    for store, rows in given:
        _check_all(store, rows, project)
    return [store for store, rows in given if _put(store, rows, project)]


def _check_all(store: RunFolder, rows: Rows, project: str | None) -> None:
    there = _projects(store)
    for key in rows:
        if None not in (project, there.get(key)) and there[key] != project:
            raise DataError(
                f"{store.path} has labels of another project under {key}, which would be written over: make the "
                "project again under another name, or export its labels as a file"
            )
    answers = {(r.item_id, r.sample) for r in store.responses()}
    for key, listed in rows.items():
        for row in listed:
            _check(store, key, row, answers)


def _put(store: RunFolder, rows: Rows, project: str | None) -> bool:
    spec, judges = store.info["spec"], _judges(store)
    gone = [
        key for key, whose in _projects(store).items() if key not in rows and whose is not None and whose == project
    ]
    if not rows and not gone:
        return False
    order = {item.id: item.seq for item in store.items()}
    for key, listed in rows.items():
        folder = store.judge_folder(key)
        placed = sorted(listed, key=lambda r: (order.get(r.item_id, -1), r.item_id, r.sample, r.author or ""))
        journal.write_parquet(folder / journal.PARQUET, Judgment, placed)
        for segment in folder.glob("[0-9]*.jsonl"):
            segment.unlink()
    for key in gone:
        # Not there where the last one was killed between this and the next step.
        if store.judge_folder(key).exists():
            shutil.rmtree(store.judge_folder(key))
    store.refresh()
    new = {key: _entry(key, rows, project) for key in rows}
    judged = [judge for judge in judges if not isinstance(judge, dict) or judge.get("key") not in gone]
    kept = [new.pop(str(judge.get("key")), judge) if isinstance(judge, dict) else judge for judge in judged]
    if [*kept, *new.values()] != judges:
        store.write_info({**store.info, "spec": {**spec, "judges": [*kept, *new.values()]}})
    store.write_estimates(analyse(store, bool(spec.get("paper_rules", False))).estimates)
    return True


def _judges(store: RunFolder) -> list[Any]:
    listed = store.info["spec"].get("judges")
    return listed if isinstance(listed, list) else []


def _projects(store: RunFolder) -> dict[str, str | None]:
    """Whose labels each judge of the run is; None for judges that are no people of a project."""
    return {str(judge.get("key")): judge.get("project") for judge in _judges(store) if isinstance(judge, dict)}


def _entry(key: str, rows: Rows, project: str | None) -> dict[str, Any]:
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
