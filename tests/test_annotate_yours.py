"""Whose an answer is: nobody opens or labels one that was not given to them, whatever address they type."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from sqlalchemy import func, select

from annotate_parts import Team, a_run, a_team
from annotate_site_parts import Site
from annotate_web_parts import Client, follow
from honne.annotate import exporting, people, queue, submit
from honne.annotate.database import Database
from honne.annotate.errors import LeaseLost, NoSuchAnswer, NotShown, NotYours
from honne.annotate.projects import Plan
from honne.annotate.tables import Answer, Label, Slot
from honne.errors import HonneError
from honne.records import now

_HERE = re.compile(r'action="(/projects/\d+/label/(\d+))"')
_KEY = re.compile(r'name="key" value="([^"]+)"')


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    made = Site(database)
    yield made
    made.stop()


def team(
    database: Database, folder: Path, n: int = 6, annotators: int = 2, name: str = "A project", **plan: int
) -> Team:
    return a_team(database, [a_run(folder, n)], Plan("safe", **plan), annotators, name)  # type: ignore[arg-type]


def signed_in(site: Site, it: Team, who: str, name: str = "A project") -> Client:
    client = Client(site)
    follow(client.sign_in(f"{who}@{name}"))
    return client


def test_an_address_opens_no_answer_that_was_not_given(database: Database, site: Site, tmp_path: Path) -> None:
    it = team(database, tmp_path / "run", 6, overlap=1)
    other = team(database, tmp_path / "other", 2, name="Another")
    ann, home = signed_in(site, it, "annotator3"), f"/projects/{it.project}/label"
    mine = int(_HERE.search(ann.get(home).text)[2])  # type: ignore[index]
    with database.read() as s:
        others = set(s.scalars(select(Answer.id).where(Answer.project_id == it.project))) - {mine}
        theirs = s.scalars(select(Answer.id).where(Answer.project_id == other.project)).first()
    sent = {"do": "submit", "label": "safe", "key": "a-key-of-a-page"}
    for answer in others:
        assert ann.get(f"{home}/{answer}").status == ann.get(f"{home}/{answer}/text/a0").status == 403
        for what in ("submit", "draft", "discard"):
            assert ann.post(f"{home}/{answer}", {**sent, "do": what}).status == 403
    for answer in (0, 999, theirs):
        assert ann.get(f"{home}/{answer}").status == ann.get(f"{home}/{answer}/text/a0").status == 404
        assert ann.post(f"{home}/{answer}", sent).status == 404
    with database.read() as s:
        assert list(s.scalars(select(Label.answer_id))) == [mine]
        assert list(s.scalars(select(Slot.answer_id).where(Slot.state != "open"))) == [mine]
    assert ann.get(f"{home}/{mine}").status == 200


def test_a_list_shows_ones_own_answers_only(database: Database, site: Site, tmp_path: Path) -> None:
    it = team(database, tmp_path / "run", 6)
    ann, home = signed_in(site, it, "annotator3"), f"/projects/{it.project}/label"
    assert not re.findall(r'href="[^"]*/label/\d+"', ann.get(f"{home}/queue?state=pending").text)
    first = _HERE.search(ann.get(home).text)
    assert first is not None
    assert re.findall(rf'href="{home}/(\d+)"', ann.get(f"{home}/queue?state=pending").text) == [first[2]]


def test_to_put_aside_is_to_begin_and_has_an_end(database: Database, site: Site, tmp_path: Path) -> None:
    """Who could put every answer aside would read them all, and label those that they like."""
    it = team(database, tmp_path / "run", 30, overlap=1)
    ann, home = signed_in(site, it, "annotator3"), f"/projects/{it.project}/label"
    seen: list[str] = []
    got = ann.get(home)
    while (here := _HERE.search(got.text)) is not None and here[2] not in seen:
        seen.append(here[2])
        # Nothing is begun so far: the same answer comes again, by any address.
        for other in (here[2], "999", *seen[:-1]):
            assert follow(ann.get(f"{home}/after/{other}")) == here[1]
        key = _KEY.search(got.text)
        assert key is not None
        assert ann.post(here[1], {"do": "draft", "key": key[1]}).status == 303
        got = ann.get(follow(ann.get(f"{home}/after/{here[2]}")))
    assert len(seen) == queue.ASIDE
    assert len(re.findall(rf'href="{home}/\d+"', ann.get(f"{home}/queue?state=draft").text)) == queue.ASIDE
    with database.read() as s:
        assert s.scalar(select(func.count()).where(Slot.state == "leased")) == queue.ASIDE
    # The others go on: what one has put aside is not all there is.
    assert it.next(it.annotators[1]) is not None


def test_what_is_put_aside_comes_back_and_the_next_one_goes_on(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path / "run", 3, overlap=1)
    user, project = it.annotators[0], it.project
    begun: list[int] = []
    for i in range(3):
        task = it.next(user) if not begun else database.write(lambda s: queue.another(s, project, user, begun[-1]))
        assert task is not None and task.answer_id not in begun
        database.write(lambda s, a=task.answer_id, i=i: submit.save_draft(s, user, a, {}, f"draft-{i}-of-all"))
        begun.append(task.answer_id)
    assert database.write(lambda s: queue.another(s, project, user, begun[-1])) is None
    again = database.write(lambda s: queue.task(s, project, user, begun[0]))
    assert again.state == "draft"
    assert {task.answer_id for task in it.label_all(user, lambda t: "safe")} == set(begun)


def test_who_may_open_what(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path / "run", 2, annotators=3, overlap=1)
    one, other, third = it.annotators
    task = it.next(one)
    assert task is not None

    def opened(user: int, answer: int) -> queue.Task:
        return database.write(lambda s: queue.task(s, it.project, user, answer))

    for user in (other, third, it.owner):
        with pytest.raises(NotShown):
            opened(user, task.answer_id)
    for user in (it.viewer, it.adjudicator):
        with pytest.raises(NotYours):
            opened(user, task.answer_id)
    with pytest.raises(NoSuchAnswer):
        opened(one, 999)
    it.label(one, task.answer_id, "safe")
    assert opened(one, task.answer_id).state == "submitted"
    database.write(lambda s: people.remove(s, it.project, one, it.owner))
    with pytest.raises(NotYours):
        opened(one, task.answer_id)


def test_a_discarded_answer_whose_places_are_taken_is_said_to_be_over(
    database: Database, site: Site, tmp_path: Path
) -> None:
    it = team(database, tmp_path / "run", 1, overlap=1)
    ann, home = signed_in(site, it, "annotator3"), f"/projects/{it.project}/label"
    page = ann.get(home)
    here, key = _HERE.search(page.text), _KEY.search(page.text)
    assert here is not None and key is not None
    assert ann.post(here[1], {"do": "discard", "key": key[1]}).status == 303
    it.label_all(it.annotators[1], lambda t: "unsafe")
    with pytest.raises(LeaseLost):
        database.write(lambda s: queue.task(s, it.project, it.annotators[0], int(here[2])))
    got = ann.get(here[1])
    assert got.status == 409 and "others have labelled it" in got.words
    with database.read() as s:
        assert [row["label"] for row in exporting.rows(s, it.project) if row["kind"] == "reference"] == ["unsafe"]


def test_an_answer_never_has_more_labels_than_places_whatever_people_send(database: Database, tmp_path: Path) -> None:
    """Everybody labels, discards, undoes and opens again, all at once; two places an answer, six people."""
    it = team(database, tmp_path / "run", 4, annotators=6, overlap=2)

    def work(user: int) -> None:
        rng = random.Random(user)
        for i in range(25):
            act = rng.choice(("submit", "submit", "discard", "undo", "task"))
            answer = rng.randint(1, 4)
            try:
                if act == "undo":
                    database.write(lambda s: submit.undo(s, it.project, user))
                elif act == "task":
                    database.write(lambda s, a=answer: queue.task(s, it.project, user, a))
                else:
                    task = it.next(user)
                    a = answer if task is None else rng.choice((task.answer_id, answer))
                    what = submit.submit if act == "submit" else submit.discard
                    form = {"label": rng.choice(("safe", "unsafe"))}
                    database.write(partial(what, user_id=user, answer_id=a, form=form, key=f"key-{user}-{i}-{a}"))
            except HonneError:
                continue

    threads = [threading.Thread(target=work, args=(user,)) for user in it.annotators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    with database.read() as s:
        labels = s.execute(
            select(Label.answer_id, func.count()).where(Label.state == "submitted").group_by(Label.answer_id)
        )
        counts = {row[0]: row[1] for row in labels}
        placed = s.scalar(select(func.count()).where(Label.state == "submitted", Label.slot_id.is_not(None)))
        slots = s.execute(select(Slot.answer_id, func.count()).group_by(Slot.answer_id))
        done = s.scalar(select(func.count()).where(Slot.state == "done"))
        assert {n for _, n in slots} == {2}
    assert counts and max(counts.values()) <= 2
    assert placed == done == sum(counts.values())


def test_who_gets_another_role_in_the_middle_of_an_answer(database: Database, site: Site, tmp_path: Path) -> None:
    """Their page is open, the form half filled in: no label comes of it, and nobody waits for their lease to end."""
    it = team(database, tmp_path / "run", 2, overlap=1)
    one, other = it.annotators
    ann, home = signed_in(site, it, "annotator3"), f"/projects/{it.project}/label"
    page = ann.get(home)
    here, key = _HERE.search(page.text), _KEY.search(page.text)
    assert here is not None and key is not None
    token = database.write(lambda s: people.invite(s, it.project, "adjudicator", it.owner))
    database.write(lambda s: people.accept(s, token, one))
    with pytest.raises(NotYours):
        database.write(lambda s: people.accept(s, token, other))
    for what in ("submit", "draft", "discard"):
        assert ann.post(here[1], {"do": what, "label": "safe", "key": key[1]}).status == 403
    assert ann.get(here[1]).status == ann.get(home).status == 403
    assert {task.answer_id for task in it.label_all(other, lambda t: "safe")} == {1, 2}


def test_a_long_list_comes_in_pages(database: Database, site: Site, tmp_path: Path) -> None:
    it = team(database, tmp_path / "run", 103, overlap=1)
    it.label_all(it.annotators[0], lambda t: "safe")
    ann, lists = signed_in(site, it, "annotator3"), f"/projects/{it.project}/label/queue?state=submitted"
    pages = [ann.get(f"{lists}{more}") for more in ("", "&after=100", "&after=200")]
    links = [re.findall(r'href="/projects/\d+/label/(\d+)"', page.text) for page in pages]
    assert [len(found) for found in links] == [100, 3, 0]
    assert len({*links[0], *links[1]}) == 103
    assert "Older" in pages[0].words and "Older" not in pages[1].words and "Newest" in pages[1].words
    assert all("Submitted 103" in " ".join(page.words.split()) for page in pages)
    assert ann.get(f"{lists}&after=-1").status == ann.get(f"{lists}&after={2**40}").status == 404


def test_a_lease_that_ends_while_its_label_is_on_the_way(database: Database, tmp_path: Path) -> None:
    """One submits late, another takes the place in the same moment: one of them has it, and nobody else."""
    it = team(database, tmp_path / "run", 12, overlap=1)
    one, other = it.annotators
    late = now() + timedelta(minutes=31)
    told: list[str] = []

    def labels(answer: int) -> None:
        try:
            database.write(lambda s: submit.submit(s, one, answer, {"label": "safe"}, f"came-late-{answer}", late))
            told.append("labelled")
        except LeaseLost:
            told.append("lost")

    def takes() -> None:
        task = database.write(lambda s: queue.next_task(s, it.project, other, late))
        if task is not None:
            answer, form = task.answer_id, {"label": "unsafe"}
            database.write(lambda s: submit.submit(s, other, answer, form, f"by-the-other-{answer}", late))

    for _ in range(12):
        task = database.write(lambda s: queue.next_task(s, it.project, one))
        if task is None:
            break
        threads = [threading.Thread(target=labels, args=(task.answer_id,)), threading.Thread(target=takes)]
        random.Random(task.answer_id).shuffle(threads)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    with database.read() as s:
        found = s.execute(select(Label.answer_id, Label.user_id).where(Label.state == "submitted")).all()
        done = s.scalar(select(func.count()).where(Slot.state == "done"))
    assert len({row[0] for row in found}) == len(found) == done == 12
    assert told.count("labelled") == sum(row[1] == one for row in found)


def test_a_clock_that_goes_back_stops_nobody(database: Database, tmp_path: Path) -> None:
    it = team(database, tmp_path / "run", 2, overlap=1)
    one, other = it.annotators
    ahead = now() + timedelta(days=1)
    first = database.write(lambda s: queue.next_task(s, it.project, one, ahead))
    assert first is not None
    database.write(lambda s: submit.submit(s, one, first.answer_id, {"label": "safe"}, "a-day-ahead", ahead))
    second = database.write(lambda s: queue.next_task(s, it.project, one, ahead))
    assert second is not None
    it.label(one, second.answer_id, "unsafe")
    again = database.write(lambda s: submit.undo(s, it.project, one))
    assert again is not None
    assert it.next(other) is None
