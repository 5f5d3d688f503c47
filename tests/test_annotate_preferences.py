"""Two answers to one prompt, from the people who compare them to the pairs that a model learns from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

from annotate_parts import Team, a_run, a_team
from annotate_site_parts import Site
from annotate_web_parts import Client, follow
from honne.align.pairs._base import Account
from honne.align.pairs._make import Recipe, make
from honne.align.pairs._read import read
from honne.align.pairs.preferred import Preferred
from honne.annotate import adjudicate, exporting, files, importing
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.annotate.queue import Task
from honne.annotate.tables import Answer
from honne.engine.store import open_run
from honne.errors import ConfigError, DataError
from honne.records import Message
from honne.spec import parse
from run_parts import honne, ok

# What a spreadsheet would run, what no database holds, markup, and a text longer than the database keeps.
ODD = ["=1+1 by {}", "NUL \x00 and \x1a by {}", "<b>by {}</b>", "by {} " + "long " * 20_000]


def project(database: Database, tmp_path: Path) -> Team:
    """Eight prompts, both runs' answers each; the second half is odd."""
    runs = [
        a_run(
            tmp_path / name, 8, model=f"acme/{name}",
            question=lambda i: ["What is it?", "-Why?", "=How?", "\x00 so"][i % 4],
            text=lambda i, name=name: ODD[i - 4].format(name) if i > 3 else f"by {name}",
        )
        for name in "xy"
    ]  # fmt: skip
    return a_team(database, runs, Plan("preference"), name="Which one")


def prefer(it: Team, user: int, want: dict[str, str]) -> None:
    """Label every pair by what this person wants of each item: x, y or a tie; in the order in which it is shown."""

    def says(task: Task) -> str:
        with it.database.read() as s:
            item = s.get_one(Answer, task.answer_id).item_id
        wanted = want.get(item, "x")
        return "tie" if wanted == "tie" else "ab"[[f"by {wanted}" in text for text in task.answers].index(True)]

    it.label_all(user, says)


@pytest.fixture
def preferred(database: Database, tmp_path: Path) -> Team:
    """All agree but on q1, on which nobody decides, and q2, where the adjudicator takes y; q3 is a tie."""
    it = project(database, tmp_path)
    one, other = it.annotators
    prefer(it, one, {"q2": "x", "q3": "tie", "q4": "y"})
    prefer(it, other, {"q1": "y", "q2": "tie", "q3": "tie", "q4": "y"})
    with database.read() as s:
        disputed = {d.answer_id: d for d in adjudicate.to_adjudicate(s, it.project)}
        (second,) = [i for i in disputed if s.get_one(Answer, i).item_id == "q2"]
    database.write(lambda s: adjudicate.decide(s, it.project, it.adjudicator, second, {"label": "b"}, "a-decision"))
    return it


def exported(it: Team, path: Path, text: bool = True) -> Path:
    with it.database.read() as s:
        files.write(path, path.suffix[1:], exporting.rows(s, it.project, text=text))
    return path


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_preferences_become_pairs(preferred: Team, tmp_path: Path, kind: str) -> None:
    given = exported(preferred, tmp_path / f"labels.{kind}")
    record = make(Recipe([f"preferred/{given}"]), tmp_path / "pairs.jsonl")
    pairs = {pair.item: pair for pair in read(tmp_path / "pairs.jsonl")}
    assert sorted(map(str, pairs)) == ["q0", "q2", "q4", "q5", "q6", "q7"]
    for item, pair in pairs.items():
        better, worse = ("y", "x") if item in ("q2", "q4") else ("x", "y")
        assert f"by {better}" in pair.chosen and f"by {worse}" in str(pair.rejected)
        assert (pair.model, pair.rejected_model) == (f"acme/{better}", f"acme/{worse}")
        assert (pair.run, pair.rejected_run, pair.sample, pair.rejected_sample) == (better, worse, 0, 0)
        assert (pair.judge, pair.source) == ("labels.which-one", "preferred")
        assert pair.why == ("an adjudicator's word" if item == "q2" else "all of 2 people")
    assert pairs["q4"].chosen == "=1+1 by y" and pairs["q5"].chosen == "NUL \x00 and \x1a by x"
    assert len(pairs["q7"].chosen) == len(ODD[3].format("x").strip()), "all of a long answer, from its run"
    assert pairs["q2"].prompt == (Message("user", "=How?"),) and pairs["q7"].prompt == (Message("user", "\x00 so"),)
    left = {reason["why"]: reason["n"] for reason in record["left_out"]["reasons"]}
    assert left == {"preferred: people disagree, and nobody has decided": 1, "preferred: neither answer is better": 1}
    assert record["judges"] == [{"key": "labels.which-one", "fixed": False, "members": ()}]


def test_rows_say_what_was_compared_and_in_which_order(preferred: Team) -> None:
    with preferred.database.read() as s:
        rows = [row for row in exporting.rows(s, preferred.project, text=True) if row["kind"] == "label"]
    assert {row["order"] for row in rows} == {"ab", "ba"}
    assert {(row["run"], row["run_b"], row["model"], row["model_b"]) for row in rows} == {
        ("x", "y", "acme/x", "acme/y")
    }
    assert all("by x" in row["answer"] and "by y" in row["answer_b"] for row in rows)
    with pytest.raises(ConfigError, match="export"):
        exporting.flow_back(preferred.database, preferred.project)


def meant(it: Team) -> set[tuple[Any, ...]]:
    """What was said of which answers, whichever of the two the project has first: the models that were seen first and
    found better."""
    found = set()
    with it.database.read() as s:
        for row in exporting.rows(s, it.project):
            models = {"a": row["model"], "b": row["model_b"]}
            first = models.get((row["order"] or " ")[0])
            what = models.get(row["label"], row["label"])
            who = (row["item_id"], row["kind"], row["annotator"], row["status"], row["design"], row["inclusion"])
            found.add((*who, what, first, row["at"]))
    return found


@pytest.mark.parametrize("order", ["xy", "yx"])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_preferences_go_to_another_database_and_back(preferred: Team, tmp_path: Path, kind: str, order: str) -> None:
    """Also where the project there has the runs the other way round."""
    path = exported(preferred, tmp_path / f"labels.{kind}", text=False)
    runs = [open_run(tmp_path / name) for name in order]
    other = Database.open(f"sqlite:///{tmp_path / 'other.db'}")
    try:
        there = a_team(other, runs, Plan("preference"), name="Elsewhere")
        for added in (17, 0):
            done = other.write(lambda s: importing.load(s, there.project, importing.read(path)))
            assert (done.labels + done.decisions, done.unknown_design) == (added, 0)
        assert meant(there) == meant(preferred)
    finally:
        other.close()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"order": ...}, "line 1: column 'order' is missing"),
        ({"order": "left"}, "line 1: unknown order 'left'"),
        ({"run_b": "x"}, "line 1: unknown run_b 'x'"),
        ({"sample_b": 1}, "line 1: sample_b is not 0"),
        ({"run": "z"}, "line 1: unknown run 'z'"),
        ({"run": ..., "model": ...}, "line 1: several runs fit"),
        ({"label": "safe"}, "line 1: unknown label 'safe'"),
    ],
)
def test_a_preference_whose_answers_are_not_clear_is_refused(
    database: Database, tmp_path: Path, more: dict[str, Any], says: str
) -> None:
    it = project(database, tmp_path)
    row = {"model": "acme/x", "model_b": "acme/y", "item_id": "q1", "annotator": "Ann", "order": "ab", "kind": "label"}
    (made,) = _rows(**{**row, **more})
    file = tmp_path / "labels.jsonl"
    file.write_text(json.dumps(made), encoding="utf-8")
    with pytest.raises(DataError) as why:
        database.write(lambda s: importing.load(s, it.project, importing.read(file)))
    assert says in str(why.value) and "\n" not in str(why.value)


def test_from_the_browsers_download_to_a_file_of_pairs(preferred: Team, tmp_path: Path) -> None:
    site = Site(preferred.database)
    owner = Client(site)
    follow(owner.sign_in("owner0@Which one"))
    page = owner.get(f"/projects/{preferred.project}/exports")
    assert "honne pairs preferred/" in page.words and "exports/runs" not in page.text
    got = owner.get(f"/projects/{preferred.project}/exports/labels?kind=jsonl&text=true")
    site.stop()
    (tmp_path / "labels.jsonl").write_bytes(got.data)
    said = ok(honne("pairs", "preferred/labels.jsonl", "-o", "pairs.jsonl", cwd=tmp_path))
    assert "6" in said.stdout + said.stderr
    assert len((tmp_path / "pairs.jsonl").read_text(encoding="utf-8").splitlines()) == 6


def _rows(**more: Any) -> list[dict[str, Any]]:
    row = {
        "project": "p", "run": "x", "run_b": "y", "item_id": "q", "sample": 0, "sample_b": 0, "kind": "reference",
        "label": "a", "judge": "labels.p", "model": "x", "model_b": "y", "answer": "one", "answer_b": "two",
        "messages": [{"role": "user", "content": "?"}],
    }  # fmt: skip
    return [{k: v for k, v in {**row, **more}.items() if v is not ...}]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"answer": ...}, "no column 'answer': export with questions and answers"),
        ({"model_b": ...}, "no column 'model_b': it is no export of a project by the guide preference"),
        ({"label": "safe"}, "line 1: unknown label 'safe'"),
        ({"messages": "hello"}, "line 1: column 'messages' is no list of messages"),
        ({"messages": [{"role": "system"}]}, "line 1: column 'messages' must be a list"),
        ({"sample_b": "first"}, "line 1: sample_b is 'first', not a whole number"),
    ],
)
def test_a_file_that_does_not_do_is_one_line(tmp_path: Path, more: dict[str, Any], says: str) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in _rows(**more)), encoding="utf-8")
    with pytest.raises(DataError) as why:
        list(Preferred(parse(f"preferred/{file}")).pairs(seed=0, account=Account()))
    assert says in str(why.value) and "\n" not in str(why.value)


def test_answers_that_are_no_pair_are_counted(tmp_path: Path) -> None:
    file, account = tmp_path / "labels.jsonl", Account()
    rows = [*_rows(answer=" two"), *_rows(answer_b=None), *_rows(messages=[]), *_rows()]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    pairs = list(Preferred(parse(f"preferred/{file}")).pairs(seed=0, account=account))
    assert [pair.chosen for pair in pairs] == ["one"]
    assert account.left == {"equal sides": 1, "empty answer": 2}
