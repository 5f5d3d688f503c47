"""Labels on their way into the run folders, while others label, write back or use the runs."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

from annotate_parts import Team, a_run, a_team
from honne.annotate import exporting, submit
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.engine.store import locked, open_run
from honne.errors import DataError, HonneError, StoreError


def team(database: Database, tmp_path: Path, name: str = "A project") -> Team:
    return a_team(database, [a_run(tmp_path / run, 3, model=run) for run in "ab"], Plan("safe"), name=name)


def labels(path: Path) -> dict[str, int]:
    return {key: len(rows) for key, rows in open_run(path).judgments().items()}


def test_a_label_made_meanwhile_is_not_written_over(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One writes back, and has read the labels; another labels and writes back; then the first one goes on."""
    it = team(database, tmp_path)
    one, other = it.annotators
    it.label_all(one, lambda t: "safe")
    task = it.next(other)
    assert task is not None
    it.label(other, task.answer_id, "safe")
    has_read, go_on = threading.Event(), threading.Event()
    real = exporting.given

    def slow(*args: Any) -> Any:
        rows = list(real(*args))
        if threading.current_thread() is first:
            has_read.set()
            assert go_on.wait(60)
        return iter(rows)

    first = threading.Thread(target=exporting.flow_back, args=(database, it.project, it.owner))
    monkeypatch.setattr(exporting, "given", slow)
    first.start()
    assert has_read.wait(60)
    it.label_all(other, lambda t: "unsafe")
    told: list[str] = []
    try:
        exporting.flow_back(database, it.project, it.owner)
    except HonneError as e:
        told.append(str(e))
    finally:
        go_on.set()
        first.join(60)
    if told:
        assert "in use" in told[0]
        exporting.flow_back(database, it.project, it.owner)
    for run in "ab":
        assert labels(tmp_path / run)["labels.a-project.annotator-4"] == 3


def test_a_run_in_use_or_gone_leaves_every_run_as_it_was(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    it.label_all(it.annotators[0], lambda t: "safe")
    with locked(tmp_path / "b"), pytest.raises(StoreError, match="in use"):
        exporting.flow_back(database, it.project, it.owner)
    assert labels(tmp_path / "a") == labels(tmp_path / "b") == {}
    shutil.move(tmp_path / "b", tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        exporting.flow_back(database, it.project, it.owner)
    assert labels(tmp_path / "a") == {}
    assert not (tmp_path / "b").exists()


def test_labels_of_another_project_in_one_run_leave_every_run_as_it_was(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    it.label_all(it.annotators[0], lambda t: "safe")
    second = Database.open(f"sqlite:///{tmp_path}/second.db")
    that = a_team(second, [open_run(tmp_path / "b")], Plan("safe"))
    that.label_all(that.annotators[0], lambda t: "unsafe")
    exporting.flow_back(second, that.project, that.owner)
    second.close()
    before = labels(tmp_path / "b")
    with pytest.raises(DataError, match="of another project"):
        exporting.flow_back(database, it.project, it.owner)
    assert (labels(tmp_path / "a"), labels(tmp_path / "b")) == ({}, before)


def test_what_a_kill_left_behind_is_mended_by_the_next_one(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    user = it.annotators[0]
    task = it.next(user)
    assert task is not None
    it.label(user, task.answer_id, "safe")
    (run,) = exporting.flow_back(database, it.project, it.owner)
    database.write(lambda s: submit.undo(s, it.project, user))
    # As if killed after the folder of a judge without labels went, and before run.json was written.
    shutil.rmtree(run.judge_folder("labels.a-project"))
    (again,) = exporting.flow_back(database, it.project, it.owner)
    assert again.path == run.path
    assert labels(run.path) == {}
    assert again.info["spec"]["judges"] == []
    assert exporting.flow_back(database, it.project, it.owner) == []
