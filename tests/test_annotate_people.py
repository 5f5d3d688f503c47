"""People of a project: who goes, what stays, and who may give whom a new password. On SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

from sqlalchemy import select, update

import annotate_parts as parts
from honne.annotate import log, passwords, people, queue, submit
from honne.annotate.database import Database
from honne.annotate.errors import BadForm, NotYours
from honne.annotate.projects import Plan
from honne.annotate.tables import Label, PasswordLink, Slot
from honne.records import now

NEW = "quite another one"


def team(database: Database, tmp_path: Path, name: str = "A project", **plan: Any) -> parts.Team:
    run = parts.a_run(tmp_path / name.replace(" ", "-"), 6)
    return parts.a_team(database, [run], Plan("safe", **plan), name=name)


def remove(it: parts.Team, user: int, by: int | None = None) -> None:
    it.database.write(lambda s: people.remove(s, it.project, user, by or it.owner))


def joined(it: parts.Team, user: int, role: str) -> None:
    it.database.write(lambda s: people.join(s, it.project, user, role, it.owner) and None)


# ------------------------------------------------------------------ who goes


def test_who_is_removed_leaves_their_labels_and_frees_what_they_hold(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path, overlap=1)
    gone, other = it.annotators
    first = it.next(gone)
    assert first is not None
    it.label(gone, first.answer_id, "safe")
    held = it.next(gone)
    assert held is not None
    database.write(lambda s: submit.save_draft(s, gone, held.answer_id, {"note": "half done"}, "a draft of it"))
    token = database.write(lambda s: people.invite(s, it.project, "viewer", gone))

    remove(it, gone)
    with database.read() as s:
        assert people.role_of(s, gone, it.project) is None
        assert s.scalars(select(Slot).where(Slot.user_id == gone, Slot.state == "leased")).all() == []
        entry = log.entries(s, it.project)[0]
    assert database.write(lambda s: people.invitation(s, token)) is None, "what they could have come back by has ended"
    assert (entry.what, entry.subject, entry.user_id) == ("remove", f"user {gone}", it.owner)
    assert (entry.before, entry.after) == ({"role": "annotator"}, {"answers freed": 1})
    with pytest.raises(NotYours):
        it.label(gone, held.answer_id, "safe")
    with pytest.raises(NotYours):
        remove(it, gone)

    seen = it.label_all(other, lambda task: "unsafe")
    assert held.answer_id in {task.answer_id for task in seen}, "and without waiting for the lease to end"
    assert len(seen) == 5
    with database.read() as s:
        kept = s.scalars(select(Label).where(Label.user_id == gone, Label.state == "submitted")).one()
    assert kept.label == "safe"


def test_who_comes_back_goes_on_with_their_draft(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    user = it.annotators[0]
    task = it.next(user)
    assert task is not None
    database.write(lambda s: submit.save_draft(s, user, task.answer_id, {"note": "half done"}, "a draft of it"))
    remove(it, user)
    joined(it, user, "annotator")
    again = database.write(lambda s: queue.task(s, it.project, user, task.answer_id))
    assert again.draft is not None
    assert again.draft["note"] == "half done"
    it.label(user, task.answer_id, "safe")


def test_the_last_owner_stays(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    with pytest.raises(BadForm, match="one owner"):
        remove(it, it.owner)
    joined(it, it.viewer, "owner")
    failed: list[str] = []

    def go(user: int, by: int) -> None:
        try:
            remove(it, user, by)
        except BadForm as e:
            failed.append(e.field)

    # Both at once: each may, and only one of them does.
    threads = [threading.Thread(target=go, args=pair) for pair in ((it.owner, it.viewer), (it.viewer, it.owner))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == ["user"]
    with database.read() as s:
        assert [one.role for one in people.members(s, it.project)].count("owner") == 1


# ------------------------------------------------------------- new passwords


def test_a_changed_password_ends_all_sessions(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    with database.read() as s:
        user = people.check_password(s, "viewer2@A project", parts.PASSWORD)
    assert user is not None
    token = database.write(lambda s: people.open_session(s, user.id))
    link = database.write(lambda s: passwords.link(s, it.project, user.id, it.owner))
    new = people.hashed(NEW)
    database.write(lambda s: passwords.change(s, user.id, user.password_hash, new))
    with database.read() as s:
        assert people.session_user(s, token) is None
        assert people.check_password(s, "viewer2@A project", parts.PASSWORD) is None
        assert people.check_password(s, "viewer2@A project", NEW) is not None
    assert database.write(lambda s: passwords.for_link(s, link)) is None
    with pytest.raises(NotYours):
        database.write(lambda s: passwords.change(s, user.id, user.password_hash, new))


def test_a_link_for_a_password_is_used_once_and_ends(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path)
    user = it.annotators[0]
    session = database.write(lambda s: people.open_session(s, user))
    first, link = [database.write(lambda s: passwords.link(s, it.project, user, it.owner)) for _ in range(2)]
    new = people.hashed(NEW)
    for wrong in (first, "made up", f"{link}x"):
        with pytest.raises(NotYours):
            database.write(lambda s, wrong=wrong: passwords.set_by_link(s, wrong, new))  # type: ignore[misc]
    with database.read() as s:
        assert link not in str([row.token_hash for row in s.scalars(select(PasswordLink))])
    assert database.write(lambda s: passwords.set_by_link(s, link, new)) == user
    with database.read() as s:
        assert people.check_password(s, "annotator3@A project", NEW) is not None
        assert people.session_user(s, session) is None
        assert "hash" not in str([(e.before, e.after) for e in log.entries(s, it.project)])
    with pytest.raises(NotYours):
        database.write(lambda s: passwords.set_by_link(s, link, new))
    late = database.write(lambda s: passwords.link(s, it.project, user, it.owner))
    database.write(lambda s: s.execute(update(PasswordLink).values(expires=now() - timedelta(seconds=1))) and None)
    with pytest.raises(NotYours):
        database.write(lambda s: passwords.set_by_link(s, late, new))


def test_nobody_gets_into_projects_of_others_by_a_link(database: Database, tmp_path: Path) -> None:
    first = team(database, tmp_path)
    it = team(database, tmp_path, name="Second")
    user = it.annotators[0]

    def linkable(team: parts.Team, by: int) -> set[int]:
        with database.read() as s:
            return passwords.linkable(s, team.project, by)

    assert linkable(it, it.owner) == {it.adjudicator, it.viewer, *it.annotators}
    assert linkable(it, it.viewer) == linkable(it, first.owner) == set()
    # In a project of another owner, too: only who owns both may, and whoever made the server.
    link = database.write(lambda s: passwords.link(s, it.project, user, it.owner))
    joined(first, user, "viewer")
    assert user not in linkable(it, it.owner)
    with pytest.raises(NotYours):
        database.write(lambda s: passwords.link(s, it.project, user, it.owner))
    with pytest.raises(NotYours):
        database.write(lambda s: passwords.set_by_link(s, link, people.hashed(NEW)))
    assert user in linkable(first, first.owner), "the server's first account may for its own members"
    joined(it, first.owner, "annotator")
    assert first.owner not in linkable(it, it.owner), "nobody for the server's first account"
    # Whoever was an owner, and is none now, made links that no longer hold.
    link = database.write(lambda s: passwords.link(s, it.project, it.viewer, it.owner))
    joined(it, it.adjudicator, "owner")
    remove(it, it.owner, it.adjudicator)
    assert database.write(lambda s: passwords.for_link(s, link)) is None
