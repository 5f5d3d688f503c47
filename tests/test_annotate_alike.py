"""Two run folders of one name, as of a model before and after its training: whose labels are whose."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from annotate_parts import Team, a_run, a_team
from annotate_site_parts import Site
from annotate_web_parts import Client
from honne.annotate import exporting, files, importing
from honne.annotate.agreement import agreement
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.engine import labels_file
from honne.engine.reference import settle
from honne.engine.store import open_run
from honne.errors import DataError
from honne.plugins import Scale, Verdict
from honne.records import now

SCALE = Scale(verdicts=(Verdict("safe", 1.0), Verdict("unsafe", 0.0)))
WORDS = {"before": "unsafe", "after": "safe"}


def project(database: Database, folder: Path) -> Team:
    runs = [a_run(folder / when / "qwen", 4, text=(when + " {}").format) for when in WORDS]
    return a_team(database, runs, Plan("safe"))


@pytest.mark.parametrize("kind", files.KINDS)
def test_folders_of_one_name_keep_their_labels_apart(database: Database, tmp_path: Path, kind: str) -> None:
    it = project(database, tmp_path)
    for user in it.annotators:
        it.label_all(user, lambda task: WORDS[task.answers[0].split()[0]])
    path = tmp_path / f"labels.{kind}"
    with database.read() as s:
        rows = list(exporting.rows(s, it.project))
        by_run = agreement(s, it.project).runs
    files.write(path, kind, rows)
    assert {(row["run"], row["label"]) for row in rows} == {("before/qwen", "unsafe"), ("after/qwen", "safe")}
    assert [(scope.name, scope.n) for scope in by_run] == [("after/qwen", 4), ("before/qwen", 4)]

    # What reads the file takes each run's own labels, and so does another database.
    for when, word in WORDS.items():
        run = open_run(tmp_path / when / "qwen")
        scales = {("import", f"topic-{i}"): SCALE for i in range(3)}
        found = settle(run, labels_file.read(path), scales, now())
        assert [row.label for row in found.rows] == [word] * 4
    other = Database.open(f"sqlite:///{tmp_path / 'other.db'}")
    try:
        there = project(other, tmp_path / "copy")
        done = other.write(lambda s: importing.load(s, there.project, importing.read(path)))
        assert (done.labels, done.known) == (16, 0)
        with other.read() as s:
            again = [row for row in exporting.rows(s, there.project) if row["kind"] == "label"]
        assert {(row["run"], row["label"]) for row in again} == {("before/qwen", "unsafe"), ("after/qwen", "safe")}
    finally:
        other.close()


def test_labels_of_a_run_are_known_where_it_has_a_longer_or_a_shorter_name(database: Database, tmp_path: Path) -> None:
    """Files of before runs were told apart, plans of `honne calibrate`, and projects of one run alone have the folder's
    own name; the model then says whose labels they are, or nothing does."""
    runs = [a_run(tmp_path / when / "qwen", 2, model=f"acme/{when}") for when in WORDS]
    both, alone = a_team(database, runs, Plan("safe")), a_team(database, runs[1:], Plan("safe"), name="One")
    row = {"item_id": "q1", "annotator": "Ann", "label": "safe", "kind": "label", "at": "2026-01-02T03:04:05Z"}

    def load(project: int, **more: str) -> importing.Imported:
        file = tmp_path / "labels.jsonl"
        file.write_text(json.dumps({**row, **more}), encoding="utf-8")
        return database.write(lambda s: importing.load(s, project, importing.read(file)))

    assert load(both.project, run="qwen", model="acme/after").labels == 1
    assert load(both.project, run="after/qwen").known == 1
    assert load(alone.project, run="after/qwen").labels == 1
    with pytest.raises(DataError, match="several runs fit"):
        load(both.project, run="qwen")
    for wrong in ("before/qwen", "r/qwen", "wen"):
        with pytest.raises(DataError, match="unknown run"):
            load(alone.project, run=wrong)


def test_the_form_for_a_new_project_tells_them_apart(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/labels.db")
    project(database, tmp_path)
    site = Site(database, runs=tuple(tmp_path / when / "qwen" for when in WORDS))
    try:
        owner = Client(site)
        owner.sign_in("owner0@a project")
        assert {"before/qwen", "after/qwen"} <= set(owner.get("/projects/new").words.split())
    finally:
        site.stop()
        database.close()
