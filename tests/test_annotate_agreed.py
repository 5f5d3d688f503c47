"""The agreement that a server keeps: computed once for a change, by one of those who ask; the others do not wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

import annotate_parts as parts
from honne.annotate import agreement, gold, people
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.annotate.server import agreed
from honne.annotate.server.agreed import Agreed


@pytest.fixture
def it(database: Database, tmp_path: Path) -> parts.Team:
    team = parts.a_team(database, [parts.a_run(tmp_path / "run", 6)], Plan("safe"))
    for user in team.annotators:
        team.label_all(user, lambda task: "safe")
    return team


def counted(monkeypatch: pytest.MonkeyPatch, before: Callable[[], Any] = lambda: None) -> list[int]:
    calls: list[int] = []

    def counting(s: Any, project_id: int) -> agreement.Agreements:
        before()
        calls.append(project_id)
        return agreement.agreement(s, project_id)

    monkeypatch.setattr(agreed, "agreement", counting)
    return calls


def test_it_is_computed_once_for_a_change(it: parts.Team, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch)
    kept = Agreed(rest=0)
    first = kept.of(it.database, it.project)
    assert first.found.labels == 12
    assert kept.of(it.database, it.project) is first
    assert len(calls) == 1
    it.label(it.annotators[0], 1, "unsafe", "changed one label")
    second = kept.of(it.database, it.project)
    assert second.at >= first.at
    raw = second.found.overall.raw.value
    assert raw is not None
    assert raw < 1
    it.database.write(lambda s: gold.mark(s, it.project, it.owner, 1, "safe"))
    assert any(one.n_gold for one in kept.of(it.database, it.project).found.annotators)
    assert len(calls) == 3


def test_it_is_not_computed_again_at_once(it: parts.Team, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = counted(monkeypatch)
    kept = Agreed(rest=1e6)
    first = kept.of(it.database, it.project)
    it.label(it.annotators[0], 1, "unsafe", "changed one label")
    assert kept.of(it.database, it.project) is first
    assert len(calls) == 1


def test_who_comes_while_another_computes_gets_what_there_is(it: parts.Team, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Agreed(rest=0)
    first = kept.of(it.database, it.project)
    begun, go = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert go.wait(60)

    counted(monkeypatch, slow)
    it.label(it.annotators[0], 1, "unsafe", "changed one label")
    found: list[Any] = []
    computing = threading.Thread(target=lambda: found.append(kept.of(it.database, it.project)))
    computing.start()
    assert begun.wait(60)
    assert kept.of(it.database, it.project) is first
    # Labels come in meanwhile.
    it.database.write(lambda s: people.invite(s, it.project, "viewer", it.owner))
    it.label(it.annotators[1], 1, "unsafe", "another label")
    go.set()
    computing.join(60)
    assert found[0].found.overall.raw.value < 1
    last = kept.of(it.database, it.project)
    assert last is not found[0], "what came in meanwhile counts next time"
    assert last.found.overall.raw.value == 1
