"""Run folders that are gone or were changed after a project was made of them: nobody labels a text that is half another
one, no label is written beside a text that it is not of, and who labels is not told which model answered."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotate_parts import Team, a_run, a_team
from annotate_site_parts import Site
from annotate_web_parts import Client
from honne.annotate import exporting, reading
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.engine.store import open_run
from honne.errors import StoreError

FOLDER = "secret-model-7b"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database.open(f"sqlite:///{tmp_path / 'labels.db'}")
    yield made
    made.close()


def _team(database: Database, tmp_path: Path, times: int = 1) -> Team:
    run = a_run(tmp_path / FOLDER, 4, text=lambda i: f"old {i} " * times)
    return a_team(database, [run], Plan("safe", overlap=1), 1, name="P")


def _again(tmp_path: Path, says: str, times: int = 1) -> None:
    shutil.rmtree(tmp_path / FOLDER)
    a_run(tmp_path / FOLDER, 4, text=lambda i: f"{says if i == 2 else 'old'} {i} " * times)


def test_labels_are_not_written_beside_another_text(database: Database, tmp_path: Path) -> None:
    it = _team(database, tmp_path)
    it.label_all(it.annotators[0], lambda task: "safe")
    _again(tmp_path, "new")
    with pytest.raises(StoreError, match="another text of 1 labelled answers now, such as q2"):
        exporting.flow_back(database, it.project)
    assert "labels.p" not in open_run(tmp_path / FOLDER).judgments()
    _again(tmp_path, "old")
    assert [run.name for run in exporting.flow_back(database, it.project)] == [FOLDER]
    assert len(open_run(tmp_path / FOLDER).judgments()["labels.p"]) == 4


def test_what_follows_a_beginning_is_of_the_same_text(database: Database, tmp_path: Path) -> None:
    it = _team(database, tmp_path, 20_000)
    tasks = {task.answers[0][:5]: task.answer_id for task in it.label_all(it.annotators[0], lambda task: "safe")}
    _again(tmp_path, "new", 20_000)
    with database.read() as s:
        assert reading.full_text(s, it.project, it.annotators[0], tasks["old 1"])[1] == ("old 1 " * 20_000,)
        with pytest.raises(StoreError, match="another answer to q2"):
            reading.full_text(s, it.project, it.annotators[0], tasks["old 2"])
        with pytest.raises(StoreError, match="another answer to q2"):
            list(exporting.rows(s, it.project, text=True))


@pytest.mark.parametrize("role", ["annotator3", "adjudicator1"])
def test_who_labels_or_decides_is_not_told_where_the_run_was(database: Database, tmp_path: Path, role: str) -> None:
    it = _team(database, tmp_path, 20_000)
    site = Site(database)
    try:
        annotator, other = Client(site), Client(site)
        annotator.sign_in("annotator3@P")
        other.sign_in(f"{role}@P")
        first = re.search(r"/label/(\d+)/text/a0", annotator.get(f"/projects/{it.project}/label").text)
        assert first is not None
        where = f"/projects/{it.project}/{'label' if role == 'annotator3' else 'adjudicate'}/{first[1]}/text/a0"
        assert other.get(where).status == 200
        damaged = tmp_path / FOLDER / "items.parquet"
        for break_it in (lambda: damaged.write_bytes(b"PAR1"), lambda: shutil.rmtree(tmp_path / FOLDER)):
            break_it()
            plain, part = other.get(where), other.get(where, hx_request="true")
            assert (plain.status, part.status) == (404, 200), "a page puts only what succeeds in the place of the link"
            for got in (plain, part):
                assert "not there any more" in got.words
                assert FOLDER not in got.text and "secret" not in got.text
    finally:
        site.stop()
