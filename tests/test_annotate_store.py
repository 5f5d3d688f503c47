"""The store of labels: who gets which answer, what is kept, and what nobody is told. On SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import annotate_parts as parts
from honne.annotate import (
    adjudicate,
    exporting,
    guides,
    importing,
    log,
    overview,
    people,
    queue,
    reading,
    submit,
    suggestions,
)
from honne.annotate import text as texts
from honne.annotate.database import Database
from honne.annotate.errors import BadForm, DatabaseFailed, LeaseLost, NotYours
from honne.annotate.projects import Plan
from honne.annotate.tables import Answer, Base, Label, Receipt, Slot, User
from honne.engine.store import open_run
from honne.errors import ConfigError, DataError
from honne.records import now
from run_parts import environment

HALF = timedelta(minutes=31)


def team(database: Database, tmp_path: Path, n: int = 6, annotators: int = 2, **plan: Any) -> parts.Team:
    run = parts.a_run(tmp_path / "run", n, judges={"refusal": lambda i: "safe" if i % 2 else "unsafe"})
    return parts.a_team(database, [run], Plan("safe", **plan), annotators)


def test_labels_of_an_unknown_draw_do_not_take_the_projects(database: Database, tmp_path: Path) -> None:
    """Labels from a file, picked where judges disagree, are of answers that this project has drawn at random."""
    it = team(database, tmp_path, 6)
    file = tmp_path / "picked.csv"
    file.write_text("item_id,label,annotator\nq1,safe,Ann\nq2,safe,Ann\n", encoding="utf-8")
    database.write(lambda s: importing.load(s, it.project, importing.read(file)))
    with database.read() as s:
        ids = {a.item_id: a.id for a in s.scalars(select(Answer))}
    while (task := it.next(it.annotators[0])) is not None and task.answer_id != ids["q2"]:
        database.write(lambda s, a=task.answer_id: submit.discard(s, it.annotators[0], a, {}, f"discard-{a}"))
    it.label(it.annotators[0], ids["q2"], "safe")
    with database.read() as s:
        found = {r["item_id"]: r for r in exporting.rows(s, it.project) if r["kind"] == "reference"}
    assert (found["q1"]["label"], found["q1"]["design"], found["q1"]["inclusion"]) == ("safe", None, None)
    assert (found["q2"]["label"], found["q2"]["design"], found["q2"]["inclusion"]) == ("safe", "random", 1.0)


def test_labels_that_were_taken_back_leave_the_run_too(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 3)
    one, other = it.annotators
    it.label_all(one, lambda t: "safe")
    task = it.next(other)
    assert task is not None
    it.label(other, task.answer_id, "unsafe")
    (run,) = exporting.flow_back(database, it.project, it.owner)
    theirs = {key for key in run.judgments() if key.startswith("labels.a-project.")}
    assert len(theirs) == 2
    database.write(lambda s: submit.undo(s, it.project, other))
    (run,) = exporting.flow_back(database, it.project, it.owner)
    assert {key for key in run.judgments() if key.startswith("labels.a-project.")} == {"labels.a-project.annotator-3"}
    assert {j["key"] for j in run.info["spec"]["judges"]} == {*run.judgments()}
    assert "refusal" in run.judgments()


def test_a_project_of_the_same_name_does_not_write_over_anothers_labels(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 3)
    it.label_all(it.annotators[0], lambda t: "safe")
    (run,) = exporting.flow_back(database, it.project, it.owner)
    second = Database.open(f"sqlite:///{tmp_path}/second.db")
    that = parts.a_team(second, [run], Plan("safe"))
    that.label_all(that.annotators[0], lambda t: "unsafe")
    with pytest.raises(DataError, match="of another project"):
        exporting.flow_back(second, that.project, that.owner)
    second.close()
    assert {row.label for row in open_run(run.path).judgments()["labels.a-project"]} == {"safe"}


# ------------------------------------------------------------------ database


def test_tables_are_made_from_nothing_and_once(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    for _ in range(2):
        database = Database.open(url)
        with database.read() as s:
            assert s.scalar(text("SELECT count(*) FROM alembic_version")) == 1
            context = MigrationContext.configure(s.connection(), opts={"compare_type": False})
            assert compare_metadata(context, Base.metadata) == []
        database.close()


def test_two_processes_may_open_a_new_database_at_once(url: str) -> None:
    code = f"from honne.annotate.database import Database\nDatabase.open({url!r}).close()"
    children = [subprocess.Popen([sys.executable, "-c", code], env=environment()) for _ in range(2)]
    assert [child.wait(120) for child in children] == [0, 0]


def test_a_database_of_a_newer_honne_is_refused(url: str) -> None:
    database = Database.open(url)
    database.write(lambda s: s.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    database.close()
    with pytest.raises(DataError, match=r"newer honne \(9999\)"):
        Database.open(url)


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("mysql://a:hunter2@b/c", ConfigError),
        ("labels.db", ConfigError),
        ("sqlite://", ConfigError),
        ("sqlite:///labels.db?timeout=abc", ConfigError),
        ("sqlite:////nowhere-that-exists/../proc/x/labels.db", DataError),
        ("postgresql://honne:hunter2@127.0.0.1:1/labels", DataError),
    ],
)
def test_an_address_that_does_not_do_is_one_line_without_password(address: str, error: type[Exception]) -> None:
    with pytest.raises(error) as why:
        Database.open(address)
    assert "hunter2" not in str(why.value)
    assert len(str(why.value).splitlines()) == 1


def test_the_file_is_nobody_elses_to_read(tmp_path: Path) -> None:
    Database.open(f"sqlite:///{tmp_path / 'new' / 'labels.db'}").close()
    assert (tmp_path / "new" / "labels.db").stat().st_mode & 0o077 == 0


def test_what_raises_is_undone_and_the_others_stay(database: Database) -> None:
    def bad(s: Any) -> None:
        people.create_user(s, "bad", "Bad", parts.PASSWORD)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write(bad)
    database.write(lambda s: people.create_user(s, "good", "Good", parts.PASSWORD))
    with database.read() as s:
        assert people.check_password(s, "bad", parts.PASSWORD) is None
        assert people.check_password(s, "GOOD ", parts.PASSWORD) is not None


def test_a_writer_that_fails_says_so_to_everybody_and_goes_on(tmp_path: Path) -> None:
    """Of SQLite one thread writes: whatever it stumbles over, nobody waits for ever."""
    database = Database.open(f"sqlite:///{tmp_path / 'labels.db'}")
    begun, go = threading.Event(), threading.Event()
    raised: list[BaseException] = []

    def slow(s: Session) -> None:
        begun.set()
        assert go.wait(60)

    def add(name: str) -> None:
        try:
            database.write(lambda s: people.create_user(s, name, name, parts.PASSWORD, hash="-").id)
        except BaseException as e:
            raised.append(e)

    @event.listens_for(Engine, "begin")
    def fails(connection: Any) -> None:
        if threading.current_thread().name == "honne-writer" and begun.is_set():
            raise MemoryError("no room")

    # Daemons: where the writer has ended, they never come back.
    waiting = [threading.Thread(target=database.write, args=(slow,), daemon=True)]
    waiting += [threading.Thread(target=add, args=(f"ann{i}",), daemon=True) for i in range(3)]
    try:
        waiting[0].start()
        assert begun.wait(60)
        for thread in waiting[1:]:
            thread.start()
        go.set()
        for thread in waiting:
            thread.join(30)
        assert not any(thread.is_alive() for thread in waiting)
    finally:
        event.remove(Engine, "begin", fails)
    assert [str(e) for e in raised] == ["no room"] * 3
    assert database.write(lambda s: people.create_user(s, "ann", "Ann", parts.PASSWORD, hash="-").id) == 1
    database.close()


def test_a_read_session_cannot_write(database: Database) -> None:
    with database.read() as s, pytest.raises(DBAPIError):
        people.create_user(s, "a", "A", parts.PASSWORD)


def test_a_postgresql_that_restarts_is_noticed_and_one_that_is_gone_is_said(postgres_server: str) -> None:
    import psycopg

    name = f"t{uuid.uuid4().hex}"
    made = Database.open(parts.database_of(postgres_server, name))
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"

    def count(s: Session) -> int | None:
        return s.scalar(select(func.count()).select_from(User))

    def ask() -> list[int | None]:
        with made.read() as s, made.read(single=True) as single:
            return [count(s), count(single), made.write(count)]

    try:
        with psycopg.connect(f"{postgres_server}postgres", autocommit=True) as connection:
            for _ in range(2):
                assert ask() == [0, 0, 0]
                # As a restart does to connections that are kept.
                assert len(connection.execute(others, [name]).fetchall()) >= 3
                time.sleep(0.2)
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]
        for failing in (made.read, lambda: made.read(single=True)):
            with pytest.raises(DatabaseFailed, match="does not exist"), failing() as s:
                count(s)
        with pytest.raises(DatabaseFailed, match="does not exist"):
            made.write(count)
    finally:
        made.close()


# -------------------------------------------------------------------- people


def test_passwords_and_invitations(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    with database.read() as s:
        assert people.check_password(s, "nobody", parts.PASSWORD) is None
        assert people.check_password(s, "owner0@A project", "another password") is None
        assert people.role_of(s, it.annotators[0], it.project) == "annotator"
    with pytest.raises(BadForm, match="taken"):
        database.write(lambda s: people.create_user(s, " OWNER0@a project", "Again", parts.PASSWORD))
    with pytest.raises(BadForm, match="password"):
        database.write(lambda s: people.create_user(s, "short", "Short", "123"))
    token = database.write(lambda s: people.invite(s, it.project, "adjudicator", it.owner))
    old = database.write(lambda s: people.invite(s, it.project, "viewer", it.owner, days=-1))
    database.write(lambda s: people.accept(s, token, it.viewer))
    for used in (token, old, "made up"):
        with pytest.raises(NotYours):
            database.write(lambda s, used=used: people.accept(s, used, it.viewer))
    with database.read() as s:
        assert people.role_of(s, it.viewer, it.project) == "adjudicator"
        stored = str(s.execute(text("SELECT token_hash FROM invitations")).all())
    assert token not in stored


def test_a_login_ends(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    token = database.write(lambda s: people.open_session(s, it.owner))
    with database.read() as s:
        found = people.session_user(s, token)
        assert found is not None
        assert found.id == it.owner
        assert people.session_user(s, "x" + token) is None
    database.write(lambda s: people.close_session(s, token))
    with database.read() as s:
        assert people.session_user(s, token) is None


# --------------------------------------------------------------------- queue


def test_everybody_gets_every_answer_once_in_an_order_of_their_own(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 12)
    orders = [[task.answer_id for task in it.label_all(user, lambda t: "safe")] for user in it.annotators]
    assert [sorted(order) for order in orders] == [list(range(1, 13))] * 2
    assert orders[0] != orders[1]
    assert it.next(it.annotators[0]) is None


def test_an_answer_has_no_more_labels_than_places(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 6, annotators=3, overlap=2)
    done = [len(it.label_all(user, lambda t: "safe")) for user in it.annotators]
    assert sum(done) == 12
    with database.read() as s:
        counts = s.execute(select(Label.answer_id, func.count()).group_by(Label.answer_id)).all()
    assert {n for _, n in counts} == {2}


def test_a_task_comes_again_until_it_is_done(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    user = it.annotators[0]
    first, again = it.next(user), it.next(user)
    assert first is not None
    assert again is not None
    assert (first.answer_id, first.lease_token) == (again.answer_id, again.lease_token)
    assert first.progress == (0, 6)
    it.label(user, first.answer_id, "safe")
    second = it.next(user)
    assert second is not None
    assert second.answer_id != first.answer_id
    assert second.progress == (1, 6)


def test_the_same_request_twice_is_one_label(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    user = it.annotators[0]
    task = it.next(user)
    assert task is not None
    assert it.label(user, task.answer_id, "safe", "a-key-of-a-page") == it.label(
        user, task.answer_id, "safe", "a-key-of-a-page"
    )
    theirs = it.next(it.annotators[1])
    assert theirs is not None
    with pytest.raises(BadForm, match="another request"):
        it.label(it.annotators[1], theirs.answer_id, "safe", "a-key-of-a-page")
    with database.read() as s:
        assert s.scalar(select(func.count()).where(Label.state == "submitted")) == 1
        assert [entry.what for entry in log.entries(s, it.project)].count("submit") == 1


@pytest.mark.parametrize("more", [{"note": "Another one."}, {"reasons": []}, {"flags": []}])
def test_an_old_page_with_another_note_is_not_acknowledged(
    database: Database, tmp_path: Path, more: dict[str, Any]
) -> None:
    """What is said to be saved is saved, the note and the ticks as well as the label."""
    it = team(database, tmp_path, 1)
    guide = guides.load("safe")
    form = {"note": "A note.", "reasons": sorted(guide.reasons)[:2][::-1], "flags": sorted(guide.flags)[:1]}
    for user, word in zip(it.annotators, ("safe", "unsafe"), strict=True):
        task = it.next(user)
        assert task is not None
        receipt = it.label(user, task.answer_id, word, f"key-of-{user}", **form)
        assert receipt == it.label(user, task.answer_id, word, f"key-of-{user}", **form)
        with pytest.raises(BadForm, match="another label"):
            it.label(user, task.answer_id, word, f"key-of-{user}", **{**form, **more})

    def decide(**said: Any) -> submit.Receipt:
        form = {"label": "safe", **said}
        return database.write(lambda s: adjudicate.decide(s, it.project, it.adjudicator, 1, form, "key-of-a-decision"))

    assert decide(**form) == decide(**form)
    with pytest.raises(BadForm, match="another label"):
        decide(**{**form, **more})


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "label"),
        ({"label": "mostly safe"}, "label"),
        ({"label": "safe", "reasons": ["made up"]}, "reasons"),
        ({"label": "safe", "flags": "text"}, "flags"),
        ({"label": "safe", "note": "x" * 70_000}, "note"),
    ],
)
def test_a_form_that_is_no_label_names_its_field(
    database: Database, tmp_path: Path, form: dict[str, Any], field: str
) -> None:
    it = team(database, tmp_path)
    task = it.next(it.annotators[0])
    assert task is not None
    with pytest.raises(BadForm) as why:
        database.write(lambda s: submit.submit(s, it.annotators[0], task.answer_id, form, "a-key-of-a-page"))
    assert why.value.field == field
    assert it.label(it.annotators[0], task.answer_id, "safe", "a-key-of-a-page").label == "safe"


def test_an_old_page_with_another_label_is_not_acknowledged(database: Database, tmp_path: Path) -> None:
    """A page that was sent, and opened again by the browser as it was, has the key of its first request."""
    it = team(database, tmp_path)
    user = it.annotators[0]
    task = it.next(user)
    assert task is not None
    it.label(user, task.answer_id, "safe", key="of the page")
    assert it.label(user, task.answer_id, "safe", key="of the page").label == "safe"
    with pytest.raises(BadForm) as refused:
        it.label(user, task.answer_id, "unsafe", key="of the page")
    assert refused.value.field == "key"
    other = it.annotators[1]
    while (theirs := it.next(other)) is not None and theirs.answer_id != task.answer_id:
        it.label(other, theirs.answer_id, "safe")
    it.label(other, task.answer_id, "unsafe")

    def decide(s: Session, label: str) -> submit.Receipt:
        return adjudicate.decide(s, it.project, it.adjudicator, task.answer_id, {"label": label}, "of that page")

    assert [database.write(lambda s: decide(s, "safe")).label for _ in range(2)] == ["safe", "safe"]
    with pytest.raises(BadForm):
        database.write(lambda s: decide(s, "unsafe"))


def test_an_expired_lease_goes_to_somebody_else_and_a_draft_stays(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 1, annotators=3, overlap=1)
    first, second, third = it.annotators
    task = it.next(first)
    assert task is not None
    database.write(
        lambda s: submit.save_draft(s, first, task.answer_id, {"label": "safe", "note": "so far"}, "draft-one")
    )
    assert it.next(second) is None
    later = now() + HALF
    taken = database.write(lambda s: queue.next_task(s, it.project, second, later))
    assert taken is not None
    assert taken.draft is None
    with pytest.raises(LeaseLost):
        it.label(first, task.answer_id, "safe")
    receipt = database.write(
        lambda s: submit.save_draft(s, first, task.answer_id, {"label": "unsafe", "note": "and more"}, "draft-two")
    )
    assert receipt.what == "draft"
    it.label(second, task.answer_id, "unsafe")
    with database.read() as s:
        rows = queue.queue(s, it.project, first, "draft")
        kept = s.scalars(select(Label).where(Label.user_id == first)).one()
    assert [row.answer_id for row in rows] == [task.answer_id]
    assert kept.draft is not None
    assert kept.draft["note"] == "and more"
    with pytest.raises(NotYours):
        it.label(third, task.answer_id, "safe")


def test_a_late_label_counts_while_nobody_took_the_place(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 1, overlap=1)
    task = it.next(it.annotators[0])
    assert task is not None
    later = now() + 10 * HALF
    database.write(
        lambda s: submit.submit(s, it.annotators[0], task.answer_id, {"label": "safe"}, "a-late-submit", later)
    )
    assert database.write(lambda s: queue.next_task(s, it.project, it.annotators[1], later)) is None


def test_a_draft_keeps_the_lease(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 1, overlap=1)
    one, other = it.annotators
    task = it.next(one)
    assert task is not None
    soon = now() + timedelta(minutes=20)
    database.write(lambda s: submit.save_draft(s, one, task.answer_id, {}, "draft-at-twenty", soon))
    assert database.write(lambda s: queue.next_task(s, it.project, other, now() + timedelta(minutes=40))) is None


def test_discard_frees_the_place_and_undo_takes_it_back(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 2, overlap=1)
    one, other = it.annotators
    task = it.next(one)
    assert task is not None
    database.write(lambda s: submit.discard(s, one, task.answer_id, {"note": "not my field"}, "discard-one"))
    following = it.next(one)
    assert following is not None
    assert following.answer_id != task.answer_id
    again = database.write(lambda s: submit.undo(s, it.project, one))
    assert again is not None
    assert (again.answer_id, again.state) == (task.answer_id, "draft")
    assert again.draft is not None
    assert again.draft["note"] == "not my field"
    database.write(lambda s: submit.discard(s, one, task.answer_id, {}, "discard-two"))
    theirs = it.label_all(other, lambda t: "safe")
    assert [t.answer_id for t in theirs] == [task.answer_id]
    # Its place is taken now: there is nothing to take back.
    assert database.write(lambda s: submit.undo(s, it.project, one)) is None


def test_a_discarded_answer_whose_places_are_gone_is_not_what_undo_names(database: Database, tmp_path: Path) -> None:
    from honne.annotate.server import own

    it = team(database, tmp_path, 3, overlap=1)
    one, other = it.annotators
    first = it.next(one)
    assert first is not None
    it.label(one, first.answer_id, "safe")
    second = it.next(one)
    assert second is not None
    database.write(lambda s: submit.discard(s, one, second.answer_id, {}, "discard-second"))
    with database.read() as s:
        assert own.last(s, it.project, one) == second.answer_id
    it.label_all(other, lambda t: "safe")
    with database.read() as s:
        assert own.last(s, it.project, one) == first.answer_id
    again = database.write(lambda s: submit.undo(s, it.project, one))
    assert again is not None
    assert again.answer_id == first.answer_id
    with database.read() as s:
        # The same request again names the first answer, and finds that it is not the last any more.
        assert own.last(s, it.project, one) is None


def test_a_draft_that_comes_after_the_discard_does_not_undo_it(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 2, overlap=1)
    user = it.annotators[0]
    task = it.next(user)
    assert task is not None
    database.write(lambda s: submit.discard(s, user, task.answer_id, {}, "discard-it"))
    with pytest.raises(NotYours, match="discarded"):
        database.write(lambda s: submit.save_draft(s, user, task.answer_id, {"note": "late"}, "late-draft"))
    with database.read() as s:
        assert [row.answer_id for row in queue.queue(s, it.project, user, "discarded")] == [task.answer_id]


def test_undo_goes_back_step_by_step_and_the_log_has_it_all(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 3)
    user = it.annotators[0]
    seen = [task.answer_id for task in it.label_all(user, lambda t: "safe")]
    back = [database.write(lambda s: submit.undo(s, it.project, user)) for _ in range(4)]
    assert [task.answer_id for task in back if task is not None] == seen[::-1]
    assert back[3] is None
    assert back[0] is not None
    assert back[0].draft is not None
    assert back[0].draft["label"] == "safe"
    it.label(user, seen[0], "unsafe", "changed-my-mind")
    with database.read() as s:
        entries = log.entries(s, it.project, 10)
        older = log.entries(s, it.project, 10, before=entries[-1].id)
    assert entries[0].after is not None
    assert (entries[0].what, entries[0].after["label"]) == ("submit", "unsafe")
    assert [e.what for e in entries[1:4]] == ["undo"] * 3
    assert entries[1].before is not None
    assert entries[1].before["label"] == "safe"
    assert {e.id for e in older}.isdisjoint({e.id for e in entries})


def test_a_submitted_label_can_be_changed_until_it_is_decided(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 1)
    for user, label in zip(it.annotators, ("safe", "unsafe"), strict=True):
        it.label_all(user, lambda t, label=label: label)
    it.label(it.annotators[0], 1, "unsafe", "a-second-thought")
    with database.read() as s:
        assert adjudicate.to_adjudicate(s, it.project) == []
    it.label(it.annotators[0], 1, "safe", "a-third-thought")
    with database.read() as s:
        (dispute,) = adjudicate.to_adjudicate(s, it.project)
    assert {o.label for o in dispute.opinions} == {"safe", "unsafe"}
    assert {o.annotator for o in dispute.opinions} == {None}
    with pytest.raises(NotYours):
        database.write(
            lambda s: adjudicate.decide(s, it.project, it.annotators[0], 1, {"label": "safe"}, "not-an-adjudicator")
        )
    database.write(lambda s: adjudicate.decide(s, it.project, it.adjudicator, 1, {"label": "unsafe"}, "the-last-word"))
    with pytest.raises(NotYours, match="decided"):
        it.label(it.annotators[0], 1, "unsafe", "too-late-for-that")
    with database.read() as s:
        assert adjudicate.to_adjudicate(s, it.project) == []
        assert overview.overview(s, it.project).decided == 1


def test_nobody_decides_on_their_own_label(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 1)
    it.label_all(it.owner, lambda t: "safe")
    it.label_all(it.annotators[0], lambda t: "unsafe")
    with pytest.raises(NotYours, match="yourself"):
        database.write(lambda s: adjudicate.decide(s, it.project, it.owner, 1, {"label": "safe"}, "my-own-label"))


def test_nobody_labels_what_they_have_decided_on(database: Database, tmp_path: Path) -> None:
    run = parts.a_run(tmp_path / "run", 1)
    it = parts.a_team(database, [run], Plan("safe", overlap=3))
    for user, word in zip(it.annotators, ("safe", "unsafe"), strict=True):
        it.label_all(user, lambda t, word=word: word)
    held = it.next(it.owner)
    assert held is not None
    database.write(lambda s: adjudicate.decide(s, it.project, it.owner, held.answer_id, {"label": "safe"}, "decision"))
    with pytest.raises(NotYours, match="decided"):
        it.label(it.owner, held.answer_id, "safe")
    other = parts.a_team(database, [parts.a_run(tmp_path / "other", 1)], Plan("safe", overlap=3), name="Other")
    for user, word in zip(other.annotators, ("safe", "unsafe"), strict=True):
        other.label_all(user, lambda t, word=word: word)
    with database.read() as s:
        (dispute,) = adjudicate.to_adjudicate(s, other.project)
    form = {"label": "safe"}
    database.write(lambda s: adjudicate.decide(s, other.project, other.owner, dispute.answer_id, form, "decision-2"))
    assert other.next(other.owner) is None


def test_the_most_disputed_comes_first(database: Database, tmp_path: Path) -> None:
    run = parts.a_run(tmp_path / "run", 3, category=lambda i: "Safety/Physical harm")
    it = parts.a_team(database, [run], Plan("flames"))
    says = {1: ("3", "2"), 2: ("3", "1"), 3: ("2", "2")}
    for place, user in enumerate(it.annotators):
        it.label_all(user, lambda t, place=place: says[t.answer_id][place])
    with database.read() as s:
        found = adjudicate.to_adjudicate(s, it.project)
    assert [(d.answer_id, d.distance) for d in found] == [(2, 1.0), (1, 0.5)]


# ----------------------------------------------------------------- blindness


def test_an_annotator_is_told_no_model_no_verdict_and_no_other_label(database: Database, tmp_path: Path) -> None:
    run = parts.a_run(
        tmp_path / "run",
        4,
        judges={"labels": lambda i: "safe", "judge-a": lambda i: "unsafe", "judge-b": lambda i: "safe"},
        question=lambda i: f"Question {i}",
        text=lambda i: f"Text {i}",
    )
    it = parts.a_team(database, [run], Plan("safe", gold="labels", gold_count=2), 2)
    one, other = it.annotators
    it.label_all(one, lambda t: "unsafe" if t.answer_id % 2 else "safe")
    task = it.next(other)
    assert task is not None
    with database.read() as s:
        rows = [queue.queue(s, it.project, other, state) for state in queue.STATES]
    told = repr((task.question, task.answers, task.draft, task.suggestion, task.dimension, task.lease_token, rows))
    for secret in ("secret-model", "acme", "judge-a", "judge-b", "unsafe", "safe", "Annotator", "gold"):
        assert secret not in told
    fields = set(task.__dataclass_fields__)
    assert fields.isdisjoint({"model", "run", "item_id", "gold", "labels", "judgments", "design"})


def test_ids_do_not_tell_the_run(database: Database, tmp_path: Path) -> None:
    runs = [parts.a_run(tmp_path / name, 20, model=name) for name in ("one", "two")]
    parts.a_team(database, runs, Plan("safe"))
    with database.read() as s:
        order = list(s.scalars(select(Answer.run_id).order_by(Answer.id)))
    assert 5 < sum(a != b for a, b in pairwise(order)) < 35


def test_only_labellers_of_the_project_label(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    stranger = database.write(lambda s: people.create_user(s, "stranger", "Stranger", parts.PASSWORD).id)
    for user in (it.viewer, it.adjudicator, stranger):
        with pytest.raises(NotYours):
            it.next(user)
        with pytest.raises(NotYours):
            it.label(user, 1, "safe")
    with pytest.raises(NotYours, match="not given"):
        it.label(it.annotators[0], 1, "safe")
    for answer in (0, 999):
        with pytest.raises(NotYours):
            database.write(lambda s, answer=answer: queue.task(s, it.project, it.annotators[0], answer))


def test_suggestions_are_the_owners_switch_and_are_recorded(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 40, annotators=1, overlap=1, without_suggestion=0.5)
    user = it.annotators[0]
    first = it.next(user)
    assert first is not None
    assert first.suggestion is None
    suggestions.switch(database, it.project, it.owner, "refusal")
    seen = {task.answer_id: task.suggestion for task in it.label_all(user, lambda t: "safe")}
    with database.read() as s:
        held = dict(s.execute(select(Answer.id, Answer.held)).all())
        stored = dict(s.execute(select(Label.answer_id, Label.suggestion)).all())
        judges = set(s.scalars(select(Label.suggestion_judge).where(Label.suggestion.is_not(None))))
    assert stored == seen
    assert {answer: shown is None for answer, shown in seen.items()} == held
    assert 8 < sum(held.values()) < 32
    assert judges == {"refusal"}
    with pytest.raises(ConfigError, match=r"unknown judge 'refusals'.*'refusal'"):
        suggestions.switch(database, it.project, it.owner, "refusals")


def test_run_folders_are_read_while_others_write(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = team(database, tmp_path)
    read = suggestions.open_run

    def reading(path: Any) -> Any:
        it.label(it.annotators[0], task.answer_id, "safe")
        return read(path)

    task = it.next(it.annotators[0])
    assert task is not None
    monkeypatch.setattr(suggestions, "open_run", reading)
    suggestions.switch(database, it.project, it.owner, "refusal")
    with database.read() as s:
        assert s.scalars(select(Answer.suggestion)).all().count(None) == 0
        assert [entry.what for entry in log.entries(s, it.project, 2)] == ["suggestions", "submit"]


def test_gold_items_go_to_everybody_and_show_who_does_well(database: Database, tmp_path: Path) -> None:
    from honne.annotate import gold

    run = parts.a_run(tmp_path / "run", 40, judges={"labels": lambda i: "unsafe" if i % 4 else "safe"})
    it = parts.a_team(database, [run], Plan("safe", overlap=1, labels=10, gold="labels", gold_count=8), 3)
    with database.read() as s:
        known = dict(s.execute(select(Answer.id, Answer.gold).where(Answer.gold.is_not(None))).all())
        designs = dict(s.execute(select(Answer.id, Answer.design)).all())
    assert len(known) == 8

    def totals() -> tuple[int, int, int, int]:
        with database.read() as s:
            places, row = overview.overview(s, it.project).places, overview.projects_of(s, it.owner)[0]
        return sum(places.values()), places["done"], row.places, row.done

    before = totals()
    seen = [
        it.label_all(it.annotators[0], lambda t: known.get(t.answer_id) or "safe"),
        it.label_all(it.annotators[1], lambda t: "safe"),
        it.label_all(it.annotators[2], lambda t: "safe"),
    ]
    gold_only = {answer for answer, design in designs.items() if design == "gold"}
    drawn = len(designs) - len(gold_only)
    assert before == (drawn, 0, drawn, 0), "what is to do does not grow with gold items that are shown"
    assert totals() == (drawn, drawn, drawn, drawn)
    for tasks in seen:
        assert gold_only <= {task.answer_id for task in tasks}
    # Mixed in, not at an end.
    first = [task.answer_id in gold_only for task in seen[0]]
    assert any(first[: len(first) // 2])
    assert any(first[len(first) // 2 :])
    with database.read() as s:
        assert gold_only.isdisjoint(d.answer_id for d in adjudicate.to_adjudicate(s, it.project))
        best = gold.accuracy(s, it.project)[0]
    assert (best.n, best.right.value) == (len(known.keys() & {task.answer_id for task in seen[0]}), 1.0)


def test_a_pair_is_shown_in_either_order_and_stored_in_one(database: Database, tmp_path: Path) -> None:
    runs = [parts.a_run(tmp_path / name, 30, model=name, text=lambda i, name=name: f"by {name}") for name in "xy"]
    it = parts.a_team(database, runs, Plan("preference", overlap=2))
    tasks = []
    for user in it.annotators:
        tasks.append(it.label_all(user, lambda t: "a" if t.answers[0] == "by x" else "b"))
    assert all(set(task.answers) == {"by x", "by y"} for task in tasks[0])
    firsts = [Counter(task.answers[0] for task in one) for one in tasks]
    assert all(min(count["by x"], count["by y"]) >= 5 for count in firsts)
    orders = [{t.answer_id: t.answers[0] for t in one} for one in tasks]
    assert orders[0] != orders[1]
    with database.read() as s:
        assert set(s.scalars(select(Label.label))) == {"a"}
        assert len(set(s.scalars(select(Label.swapped)))) == 2
    again = database.write(lambda s: submit.undo(s, it.project, it.annotators[0]))
    assert again is not None
    assert again.draft is not None
    assert again.draft["label"] == ("a" if again.answers[0] == "by x" else "b")


def test_an_adjudicator_reads_a_pair_in_the_order_of_their_own_page(database: Database, tmp_path: Path) -> None:
    runs = [parts.a_run(tmp_path / name, 12, model=name, text=lambda i, name=name: f"by {name}") for name in "xy"]
    it = parts.a_team(database, runs, Plan("preference", overlap=2))
    for user in it.annotators:
        it.label_all(user, lambda t: "a")
    one, other = it.annotators
    database.write(lambda s: people.join(s, it.project, one, "adjudicator", it.owner) and None)
    with database.read() as s:
        swapped = list(s.scalars(select(Label.answer_id).where(Label.swapped, Label.user_id == one)))
        assert swapped
        for answer in swapped:
            assert adjudicate.full_text(s, it.project, one, answer)[1] == ("by x", "by y")
            assert adjudicate.dispute(s, it.project, one, answer).answers == ("by x", "by y")
        with pytest.raises(NotYours):
            adjudicate.full_text(s, it.project, other, swapped[0])


# --------------------------------------------------------------------- texts


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=40))
def test_any_text_is_escaped_and_restored(value: str) -> None:
    escaped = texts.escape(value)
    assert texts.restore(escaped) == value
    assert "\0" not in escaped
    escaped.encode()
    head, cut = texts.head(value)
    assert (head, cut) == (value, False)


def test_a_long_text_is_cut_between_characters() -> None:
    head, cut = texts.head("é" * 40_000 + "x")
    assert cut
    assert head == "é" * (texts.LONGEST // 2)
    head, cut = texts.head("a" + "日" * 40_000)
    assert head.endswith("日")
    assert len(head.encode()) <= texts.LONGEST


def test_what_no_column_holds_is_kept(database: Database, tmp_path: Path) -> None:
    nasty = "a\0b<script>alert(1)</script>\u202e=1+1\x1a0000"
    big = "大" * 400_000
    run = parts.a_run(tmp_path / "run", 2, text=lambda i: nasty if i else big, question=lambda i: f"{nasty}{i}")
    it = parts.a_team(database, [run], Plan("safe", overlap=1))
    user = it.annotators[0]
    task = it.next(user)
    assert task is not None
    note = "half of a pair: \ud83d, and \0"
    it.label(user, task.answer_id, "safe", note=note)
    it.label_all(user, lambda t: "safe")
    with database.read() as s:
        stored = s.scalars(select(Label).where(Label.answer_id == task.answer_id)).one()
        assert stored.note == note
        assert note in repr(log.entries(s, it.project, 10)) or stored.note == note
        found = {row.cut: row for row in s.scalars(select(Answer))}
        assert found[False].text == nasty
        assert big.startswith(found[True].text)
        whole = reading.full_text(s, it.project, user, found[True].id)
        with pytest.raises(NotYours):
            reading.full_text(s, it.project, it.viewer, found[True].id)
    assert whole[1] == (big,)
    assert whole[0][0].content == f"{nasty}0"


# -------------------------------------------------------------------- at once


def test_twenty_threads_never_share_a_place(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 60, annotators=20, overlap=2)
    errors: list[BaseException] = []
    taken: list[tuple[int, int, int]] = []

    def work(user: int) -> None:
        try:
            while (task := it.next(user)) is not None:
                assert task.slot is not None
                taken.append((task.answer_id, task.slot, user))
                it.label(user, task.answer_id, "safe")
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=work, args=(user,)) for user in it.annotators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not errors, errors[0]
    assert len({(answer, slot) for answer, slot, _ in taken}) == len(taken) == 120
    with database.read() as s:
        assert s.scalar(select(func.count()).select_from(Label)) == 120
        assert set(s.scalars(select(Slot.state))) == {"done"}
        assert {n for (n,) in s.execute(select(func.count()).select_from(Label).group_by(Label.answer_id))} == {2}


def test_two_pages_of_one_annotator_have_one_task(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, 20)
    user = it.annotators[0]
    found: list[int] = []
    gate = threading.Barrier(8)

    def page() -> None:
        gate.wait()
        task = it.next(user)
        assert task is not None
        found.append(task.answer_id)

    threads = [threading.Thread(target=page) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 8
    assert len(set(found)) == 1
    with database.read() as s:
        assert s.scalar(select(func.count()).where(Slot.state == "leased")) == 1


def test_one_key_sent_by_many_threads_is_one_label(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    user = it.annotators[0]
    task = it.next(user)
    assert task is not None
    receipts: list[submit.Receipt] = []
    threads = [
        threading.Thread(target=lambda: receipts.append(it.label(user, task.answer_id, "safe", "one-key-for-all")))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(receipts) == 10
    assert len(set(receipts)) == 1
    with database.read() as s:
        assert s.scalar(select(func.count()).select_from(Receipt)) == 1


_WRITER = """
import sys, threading
from honne.annotate import queue, submit
from honne.annotate.database import Database
url, project, users = sys.argv[1], int(sys.argv[2]), [int(u) for u in sys.argv[3].split(",")]
database = Database.open(url)
def work(user):
    while (task := database.write(lambda s: queue.next_task(s, project, user))) is not None:
        key = f"submit/{user}/{task.answer_id}"
        database.write(lambda s: submit.submit(s, user, task.answer_id, {"label": "safe"}, key))
        # One write is one line, whichever thread makes it.
        sys.stdout.write(key + "\\n")
        sys.stdout.flush()
for user in users:
    threading.Thread(target=work, args=(user,)).start()
"""


def test_a_killed_process_loses_nothing_that_it_acknowledged(url: str, tmp_path: Path) -> None:
    database = Database.open(url)
    run = parts.a_run(tmp_path / "run", 400)
    it = parts.a_team(database, [run], Plan("safe", overlap=2), 4)
    database.close()
    users = ",".join(map(str, it.annotators))
    command = [sys.executable, "-c", _WRITER, url, str(it.project), users]
    acknowledged: set[str] = set()
    for stop in (40, 90):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        assert child.stdout is not None
        for line in child.stdout:
            acknowledged.add(line.strip())
            if len(acknowledged) >= stop:
                break
        os.kill(child.pid, signal.SIGKILL)
        acknowledged |= {line.strip() for line in child.stdout if line.endswith("\n")}
        child.wait()
        child.stdout.close()
    database = Database.open(url)
    with database.read() as s:
        stored = set(s.scalars(select(Receipt.key)))
        labels = s.scalar(select(func.count()).where(Label.state == "submitted"))
        places = s.scalar(select(func.count()).where(Slot.state == "done"))
        most = max(n for (n,) in s.execute(select(func.count()).select_from(Label).group_by(Label.answer_id)))
    assert acknowledged <= stored
    assert labels == places == len(stored)
    assert most <= 2
    # And the work goes on from there.
    key = min(acknowledged)
    user, answer = (int(x) for x in key.split("/")[1:])
    assert database.write(lambda s: submit.submit(s, user, answer, {"label": "safe"}, key)).key == key
    assert database.write(lambda s: queue.next_task(s, it.project, user)) is not None
    database.close()


def test_the_log_is_only_added_to(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    for statement in ("DELETE FROM log", "UPDATE log SET what = 'nothing'"):
        with pytest.raises(DataError, match="only added to"):
            database.write(lambda s, statement=statement: s.execute(text(statement)))
    with database.read() as s:
        assert {e.what for e in log.entries(s, it.project)} >= {"create project", "invite", "join"}
