"""Draws, agreement, and labels out of a project and back: the numbers that rest on people's labels."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy")

import numpy as np
from sqlalchemy import update

import annotate_parts as parts
from honne.annotate import adjudicate, draw, exporting, files, importing, suggestions
from honne.annotate.agreement import agreement
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.annotate.tables import Answer, Label, Project, User
from honne.engine import imported
from honne.engine.human import attach, holding
from honne.engine.store import open_run
from honne.errors import ConfigError, DataError
from honne.records import Item, Judgment, Message, Response, now
from honne.rows import recorded_rows
from honne.stats.agreement import cohen_kappa, krippendorff_alpha, krippendorff_bootstrap, raw_agreement

# --------------------------------------------------------------------- draws


def test_a_random_draw_says_its_probability() -> None:
    drawn = draw.simple(200, 50, 7)
    assert len(drawn) == 50
    assert set(drawn.values()) == {0.25}
    assert draw.simple(200, 50, 7) == drawn != draw.simple(200, 50, 8)
    assert draw.simple(3, None, 0) == {0: 1.0, 1: 1.0, 2: 1.0} == draw.simple(3, 9, 0)


def test_strata_have_their_share_and_their_probability() -> None:
    strata = ["large"] * 90 + ["small"] * 9 + ["one"]
    drawn = draw.stratified(strata, 20, None, 0)
    sizes = Counter(strata[i] for i in drawn)
    assert sizes == {"large": 18, "small": 1, "one": 1}
    assert {drawn[i] for i in drawn if strata[i] == "large"} == {18 / 90}
    assert Counter(strata[i] for i in draw.stratified(strata, 3, None, 0)) == {"large": 1, "small": 1, "one": 1}
    assert len(draw.stratified(strata, 99, None, 0)) == 99
    each = draw.stratified(strata, None, 5, 0)
    assert Counter(strata[i] for i in each) == {"large": 5, "small": 5, "one": 1}
    assert each[99] == 1.0
    with pytest.raises(ConfigError, match="fewer than the 3 strata"):
        draw.stratified(strata, 2, None, 0)


def test_an_active_draw_has_the_probabilities_that_it_states() -> None:
    """Against the frequencies of many draws, which know nothing of the formula."""
    disputed = [1.0] * 6 + [0.5] * 10 + [0.0] * 40 + [None] * 4
    n, times = 20, 3000
    seen = np.zeros(len(disputed))
    stated = np.full(len(disputed), np.nan)
    for seed in range(times):
        drawn = draw.active(disputed, n, seed)
        assert len(drawn) == n
        for i, probability in drawn.items():
            seen[i] += 1
            stated[i] = probability
    assert not np.isnan(stated).any()
    error = np.sqrt(stated * (1 - stated) / times)
    assert (np.abs(seen / times - stated) <= 4.5 * error + 1e-9).all()
    assert stated.sum() == pytest.approx(n)
    assert stated.max() / stated.min() <= 1 / draw.FLOOR + 1e-9
    assert stated[0] > stated[10] > stated[30] == stated[-1]


def test_weights_undo_an_active_draw() -> None:
    """Judges of 90 % look bad where they disagree; weighted by the inverse probability they do not."""
    rng = random.Random(0)
    right = [[rng.random() < 0.9 for _ in range(2)] for _ in range(2000)]
    disputed = [float(a != b) for a, b in right]
    plain, weighted = [], []
    for seed in range(60):
        drawn = draw.active(disputed, 200, seed)
        plain.append(np.mean([right[i][0] for i in drawn]))
        weights = [1 / p for p in drawn.values()]
        weighted.append(np.average([right[i][0] for i in drawn], weights=weights))
    truth = np.mean([a for a, _ in right])
    assert np.mean(plain) < truth - 0.1
    assert abs(np.mean(weighted) - truth) < 0.01


def test_designs_of_a_project(database: Database, tmp_path: Path) -> None:
    judges = {"a": lambda i: "safe", "b": lambda i: "unsafe" if i < 6 else "safe"}
    run = parts.a_run(tmp_path / "run", 60, judges=judges)
    found = {}
    for plan in (
        Plan("safe", labels=15),
        Plan("safe", design="stratified", per_stratum=4),
        Plan("safe", design="active", labels=15),
    ):
        it = parts.a_team(database, [run], plan, 1, name=plan.design)
        with database.read() as s:
            found[plan.design] = list(s.query(Answer).where(Answer.project_id == it.project))
    assert {(a.design, a.inclusion) for a in found["random"]} == {("random", 0.25)}
    assert Counter(a.category for a in found["stratified"]) == {"topic-0": 4, "topic-1": 4, "topic-2": 4}
    assert {a.inclusion for a in found["stratified"]} == {0.2}
    disputed = {f"q{i}" for i in range(6)}
    assert {a.inclusion for a in found["active"] if a.item_id in disputed} == {1.0}
    rest = {round(a.inclusion or 0, 6) for a in found["active"] if a.item_id not in disputed}
    assert rest == {round(9 / 54, 6)}


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (Plan("safe", design="randomly"), "unknown design 'randomly'. Did you mean 'random'"),
        (Plan("safe", overlap=0), "overlap is 0"),
        (Plan("safe", labels=0), "labels is 0"),
        (Plan("safe", per_stratum=3), "stratified"),
        (Plan("safe", gold_count=3), "gold"),
        (Plan("safe", without_suggestion=1.5), "a share"),
        (Plan("safe", design="active"), "two judges"),
        (Plan("preference"), "two runs"),
        (Plan("safe", gold="labels", gold_count=2), "no gold"),
    ],
)
def test_a_plan_that_makes_no_sense_is_one_line(database: Database, tmp_path: Path, plan: Plan, says: str) -> None:
    run = parts.a_run(tmp_path / "run", 4)
    with pytest.raises(ConfigError, match=says):
        parts.a_team(database, [run], plan)
    with database.read() as s:
        assert s.query(Project).all() == []


# ----------------------------------------------------------------- agreement


def _labelled(database: Database, run: Any, plan: Plan, says: list[dict[str, str]], name: str = "A project") -> Any:
    """A project in which each annotator says what a table of item ids says."""
    it = parts.a_team(database, [run], plan, len(says), name=name)
    with database.read() as s:
        items = {a.id: a.item_id for a in s.query(Answer).where(Answer.project_id == it.project)}
    for user, table in zip(it.annotators, says, strict=True):
        it.label_all(user, lambda t, table=table: table[items[t.answer_id]])
    return it


def test_agreement_is_that_of_the_labels(database: Database, tmp_path: Path) -> None:
    run = parts.a_run(tmp_path / "run", 40, category=lambda i: f"Safety/{'Physical harm' if i % 2 else 'Mental harm'}")
    rng = random.Random(1)
    one = {f"q{i}": rng.choice("321") for i in range(40)}
    two = {q: label if rng.random() < 0.8 else rng.choice("321") for q, label in one.items()}
    it = _labelled(database, run, Plan("flames"), [one, two])
    with database.read() as s:
        found = agreement(s, it.project)
    table = [["321".index(one[f"q{i}"]), "321".index(two[f"q{i}"])] for i in range(40)]
    assert found.design == "random"
    assert found.overall.nominal.found == krippendorff_alpha(table)
    assert found.overall.ordinal is not None
    assert found.overall.ordinal.found.value == pytest.approx(krippendorff_alpha(table, ordinal=True).value)
    (pair,) = found.pairs
    assert pair.cohen.value == pytest.approx(cohen_kappa(table).value)
    assert pair.n == found.overall.n == 40
    assert [d.name for d in found.dimensions] == ["Safety/Mental harm", "Safety/Physical harm"]
    assert sum(d.n for d in found.dimensions) == 40
    assert [a.others.value for a in found.annotators] == [pytest.approx(pair.raw.value)] * 2
    boot = found.overall.nominal.bootstrap
    assert boot.low is not None
    assert boot.high is not None
    assert boot.low < (boot.value or 0) < boot.high


def test_a_bootstrap_has_no_width_where_nobody_differs_and_the_interval_has() -> None:
    table = [[i % 2, i % 2] for i in range(30)]
    boot, found = krippendorff_bootstrap(table), krippendorff_alpha(table)
    assert (boot.value, boot.low, boot.high) == (1.0, 1.0, 1.0)
    assert found.low is not None
    assert found.low < 0.9


def test_weights_that_are_alike_are_none() -> None:
    rng = np.random.default_rng(0)
    table = rng.integers(0, 3, (50, 2))
    for coefficient in (krippendorff_alpha, cohen_kappa):
        assert coefficient(table, weights=[7.0] * 50) == coefficient(table)
    twice = np.repeat(table, [2 if i % 2 else 1 for i in range(50)], axis=0)
    weights = [2.0 if i % 2 else 1.0 for i in range(50)]
    assert cohen_kappa(table, weights=weights).value == pytest.approx(cohen_kappa(twice).value)
    assert raw_agreement(table, weights=weights).value == pytest.approx(raw_agreement(twice).value)
    with pytest.raises(ValueError, match="positive"):
        cohen_kappa(table, weights=[0.0] * 50)


def test_a_weighted_interval_covers() -> None:
    """Agreement of a population, from active samples of it: the interval holds it about as often as it says."""
    rng = np.random.default_rng(5)
    n = 3000
    hard = rng.random(n) < 0.2
    first = rng.integers(0, 2, n)
    second = np.where(rng.random(n) < np.where(hard, 0.55, 0.95), first, 1 - first)
    table = np.column_stack([first, second])
    truth = krippendorff_alpha(table).value
    assert truth is not None
    holds = []
    for seed in range(200):
        drawn = draw.active(hard.astype(float).tolist(), 200, seed)
        some = list(drawn)
        found = krippendorff_alpha(table[some], weights=[1 / drawn[i] for i in some])
        assert found.low is not None
        assert found.high is not None
        holds.append(found.low <= truth <= found.high)
    assert np.mean(holds) >= 0.92


def test_gold_and_unknown_designs_do_not_count(database: Database, tmp_path: Path) -> None:
    run = parts.a_run(tmp_path / "run", 20, judges={"labels": lambda i: "safe"})
    says = [{f"q{i}": "safe" if i % 3 else "unsafe" for i in range(20)}] * 2
    it = _labelled(database, run, Plan("safe", labels=5, gold="labels", gold_count=6), says)
    path = tmp_path / "more.csv"
    with database.read() as s:
        known = {a.item_id for a in s.query(Answer)}
    other = next(f"q{i}" for i in range(20) if f"q{i}" not in known)
    path.write_text(f"item_id,label,annotator\n{other},safe,Zoe\n{other},unsafe,Yan\n")
    came = database.write(lambda s: importing.load(s, it.project, importing.read(path)))
    assert (came.labels, came.unknown_design) == (2, 2)
    with database.read() as s:
        found = agreement(s, it.project)
        gold_only = s.query(Answer).where(Answer.design == "gold").count()
    assert found.labels == 10
    assert found.left_out == {"gold items are not drawn": 2 * gold_only, "how the answer was drawn is not known": 2}
    assert {a.name for a in found.annotators} >= {"Zoe", "Yan"}
    assert all(p.a not in ("Zoe", "Yan") for p in found.pairs)


# ---------------------------------------------------------- out, in, and back


def _decided(database: Database, tmp_path: Path) -> Any:
    """Two annotators on ten answers of two runs: q0 and q1 disputed, q0 decided; one discarded."""
    runs = [parts.a_run(tmp_path / name, 5, model=f"acme/{name}", text=lambda i: "=1+1\0\u202e") for name in ("a", "b")]
    it = parts.a_team(database, runs, Plan("safe"))
    with database.read() as s:
        items = {a.id: a.item_id for a in s.query(Answer)}
    first, second = it.annotators
    it.label_all(first, lambda t: "unsafe" if items[t.answer_id] in ("q0", "q1") else "safe")
    note = "=HYPERLINK(x)\0 \ud83d\r=1+1"
    while (task := it.next(second)) is not None:
        it.label(second, task.answer_id, "safe", note=note, exposed=True, seconds=2.5)
    for answer, item in items.items():
        if item == "q0":
            form = {"label": "unsafe"}
            database.write(
                lambda s, answer=answer, form=form: adjudicate.decide(
                    s, it.project, it.adjudicator, answer, form, f"decide-{answer}"
                )
            )
    return it, note


def test_rows_say_who_said_what(database: Database, tmp_path: Path) -> None:
    it, _ = _decided(database, tmp_path)
    with database.read() as s:
        rows = list(exporting.rows(s, it.project, text=True))
    kinds = Counter(row["kind"] for row in rows)
    assert kinds == {"label": 20, "decision": 2, "reference": 10}
    assert set(rows[0]) == {*files.COLUMNS, "prompt", "answer"}
    reference = {(r["run"], r["item_id"]): r for r in rows if r["kind"] == "reference"}
    assert reference["a", "q0"]["label"] == "unsafe"
    assert reference["a", "q0"]["annotator"] == "Adjudicator 1"
    assert (reference["b", "q1"]["label"], reference["b", "q1"]["status"]) == (None, "skipped")
    assert (reference["b", "q2"]["label"], reference["b", "q2"]["score"]) == ("safe", 1.0)
    assert {r["design"] for r in rows if r["kind"] == "decision"} == {"adjudicated"}
    assert {(r["design"], r["inclusion"]) for r in rows if r["kind"] != "decision"} == {("random", 1.0)}
    judges = {r["judge"] for r in rows}
    assert judges == {f"labels.a-project{who}" for who in ("", ".annotator-3", ".annotator-4", ".adjudicator-1")}


@pytest.mark.parametrize("kind", files.KINDS)
def test_what_goes_out_comes_in_again(database: Database, tmp_path: Path, kind: str) -> None:
    it, note = _decided(database, tmp_path)
    path = tmp_path / f"labels.{kind}"
    with database.read() as s:
        rows = list(exporting.rows(s, it.project, text=True))
        assert files.write(path, kind, rows) == 32
    again = list(recorded_rows(path.read_bytes(), path))
    assert [row.optional("item_id") for row in again] == [row["item_id"] for row in rows]
    if kind == "csv":
        cells = [cell for line in csv.reader(io.StringIO(path.read_text())) for cell in line]
        assert not any(cell.lstrip().startswith(("=", "+", "@", "-")) for cell in cells)
        assert "\0" not in path.read_text()
    # Into the same project: all of it is known. Into a new one: the same labels, and the same again changes nothing.
    labels = importing.read(path)
    same = database.write(lambda s: importing.load(s, it.project, labels))
    assert (same.known, same.labels, same.decisions, same.references) == (22, 0, 0, 10)
    other = parts.a_team(database, [open_run(tmp_path / n) for n in ("a", "b")], Plan("safe", labels=3), 1, name="Two")
    for expected in ((20, 2, 0), (0, 0, 22)):
        came = database.write(lambda s: importing.load(s, other.project, labels))
        assert (came.labels, came.decisions, came.known) == expected
    with database.read() as s:
        theirs = list(exporting.rows(s, other.project))
        notes = {row.note for row in s.query(Label).where(Label.project_id == other.project)}
    assert notes == {None, note}
    keep = ("run", "item_id", "kind", "annotator", "label", "design", "inclusion", "seconds", "exposed")
    mine = sorted(str([row[k] for k in keep]) for row in rows if row["kind"] != "reference")
    assert sorted(str([row[k] for k in keep]) for row in theirs if row["kind"] != "reference") == mine


def test_two_people_of_one_name_have_each_their_known_answers(database: Database, tmp_path: Path) -> None:
    run = parts.a_run(tmp_path / "run", 4, judges={"labels": lambda i: "safe"})
    it = parts.a_team(database, [run], Plan("safe", gold="labels", gold_count=4), 2)
    database.write(lambda s: s.execute(update(User).where(User.id.in_(it.annotators)).values(name="Ann")))
    for user, word in zip(it.annotators, ("safe", "unsafe"), strict=True):
        it.label_all(user, lambda t, word=word: word)
    with database.read() as s:
        found = {one.name: (one.n_gold, one.gold and one.gold.value) for one in agreement(s, it.project).annotators}
    assert found == {"Ann (annotator3@a project)": (4, 1.0), "Ann (annotator4@a project)": (4, 0.0)}


def test_what_one_judge_suggested_says_nothing_of_another(database: Database, tmp_path: Path) -> None:
    run = parts.a_run(tmp_path / "run", 8, judges={"one": lambda i: "safe", "two": lambda i: "unsafe"})
    it = parts.a_team(database, [run], Plan("safe", suggestions="one", without_suggestion=0.0), 1)
    (ann,) = it.annotators
    for _ in range(3):
        task = it.next(ann)
        assert task is not None and task.suggestion == "safe"
        it.label(ann, task.answer_id, "safe")
    suggestions.switch(database, it.project, it.owner, "two")
    it.label_all(ann, lambda task: "unsafe")
    with database.read() as s:
        found = agreement(s, it.project).anchoring
    assert found is not None and found.judge == "two"
    assert (found.n_shown, found.shown.value, found.n_withheld) == (5, 1.0, 0)


def test_a_name_with_spaces_around_it_is_the_same_person(database: Database, tmp_path: Path) -> None:
    """As tables that were typed by hand have them; the names of accounts have none."""
    it = parts.a_team(database, [parts.a_run(tmp_path / "run", 4)], Plan("safe"), 1)
    file = tmp_path / "typed.csv"
    file.write_text("item_id,label,annotator\nq0,safe,Ann Lee\nq1,safe, Ann Lee\nq2,safe,Ann  Lee \n", encoding="utf-8")
    database.write(lambda s: importing.load(s, it.project, importing.read(file)))
    with database.read() as s:
        rows = [row for row in exporting.rows(s, it.project) if row["kind"] == "label"]
    assert {(row["annotator"], row["judge"]) for row in rows} == {("Ann Lee", "labels.a-project.ann-lee")}
    # One that was stored as the table has it is that person, too: the same file again adds nothing.
    database.write(lambda s: s.execute(update(Label).values(annotator=" Ann  Lee")))
    assert database.write(lambda s: importing.load(s, it.project, importing.read(file))).known == 3


@pytest.mark.parametrize("kind", files.KINDS)
def test_two_people_of_one_name_are_two_in_a_file(database: Database, tmp_path: Path, kind: str) -> None:
    run = parts.a_run(tmp_path / "run", 6)
    it = parts.a_team(database, [run], Plan("safe"))
    before, after = tmp_path / f"before.{kind}", tmp_path / f"after.{kind}"
    database.write(lambda s: s.execute(update(User).where(User.id.in_(it.annotators)).values(name="Anna")))
    for user, path in zip(it.annotators, (before, after), strict=True):
        it.label_all(
            user, lambda task, user=user: "safe" if user == it.annotators[0] or task.answer_id % 2 else "unsafe"
        )
        with database.read() as s:
            rows = list(exporting.rows(s, it.project))
            files.write(path, kind, rows)
    said = {(r["annotator"], r["judge"]) for r in rows if r["kind"] == "label"}
    assert said == {
        ("Anna (annotator3@a project)", "labels.a-project.anna"),
        ("Anna (annotator4@a project)", "labels.a-project.anna-2"),
    }
    # Here all is known, also to the file that was made while there was one Anna; elsewhere both are two.
    for path, n in ((before, 6), (after, 12)):
        same = database.write(lambda s, path=path: importing.load(s, it.project, importing.read(path)))
        assert (same.known, same.labels) == (n, 0)
    other = parts.a_team(database, [run], Plan("safe", labels=1), 1, name="Two")
    for expected in ((12, 0), (0, 12)):
        came = database.write(lambda s: importing.load(s, other.project, importing.read(after)))
        assert (came.labels, came.known) == expected


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("q1,sfae,Zoe,,", "line 2.*unknown label 'sfae'.*'safe'"),
        ("q99,safe,Zoe,,", "line 2.*unknown item 'q99'"),
        ("q1,safe,,,", "line 2.*'annotator' is blank"),
        ("q1,safe,Zoe,chosen,", "line 2.*unknown design 'chosen'"),
        ("q1,safe,Zoe,random,1.5", "line 2.*inclusion is 1.5"),
    ],
)
def test_a_bad_line_of_a_file_is_named_and_nothing_comes_in(
    database: Database, tmp_path: Path, line: str, says: str
) -> None:
    it = parts.a_team(database, [parts.a_run(tmp_path / "run", 3)], Plan("safe"))
    path = tmp_path / "labels.csv"
    path.write_text(f"item_id,label,annotator,design,inclusion\n{line}\nq2,safe,Zoe,,\n")
    with pytest.raises(DataError, match=says):
        database.write(lambda s: importing.load(s, it.project, importing.read(path)))
    with database.read() as s:
        assert s.query(Label).all() == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"annotator": "x" * 201}, "annotator is 'xxx.*1 to 200 printable"),
        ({"annotator": "Ann\u202e\x00"}, "annotator is 'Ann‹U.202E›␀'"),
        ({"kind": "decision", "annotator": "\u200b"}, "annotator is"),
        ({"annotator": ["Ann"]}, "'annotator' holds a list"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at is '0001.*not a time"),
        ({"sample": 0.5}, "sample is 0.5, not a whole number"),
        ({"sample": 1e300}, "has no answer to q1"),
        ({"note": "n" * 70_000}, "at most 64 KB"),
        ({"flags": [["text"]]}, "unknown flag"),
    ],
)
def test_a_hostile_row_is_one_line(database: Database, tmp_path: Path, more: dict[str, Any], says: str) -> None:
    it = parts.a_team(database, [parts.a_run(tmp_path / "run", 3)], Plan("safe"))
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps({"item_id": "q1", "label": "safe", "annotator": "Zoe", **more}) + "\n")
    with pytest.raises(DataError, match=f"line 1: .*{says}") as why:
        database.write(lambda s: importing.load(s, it.project, importing.read(path)))
    assert "\n" not in str(why.value) and "\u202e" not in str(why.value)


def test_two_files_that_contradict_each_other_are_refused(database: Database, tmp_path: Path) -> None:
    it = parts.a_team(database, [parts.a_run(tmp_path / "run", 3)], Plan("safe"))
    for label in ("safe", "unsafe"):
        (tmp_path / f"{label}.csv").write_text(f"item_id,label,annotator\nq1,{label},Zoe\n")
    database.write(lambda s: importing.load(s, it.project, importing.read(tmp_path / "safe.csv")))
    with pytest.raises(DataError, match="'unsafe' of an answer that they labelled 'safe'"):
        database.write(lambda s: importing.load(s, it.project, importing.read(tmp_path / "unsafe.csv")))


def test_labels_flow_back_into_every_run_and_twice_is_once(database: Database, tmp_path: Path) -> None:
    it, _ = _decided(database, tmp_path)
    runs = exporting.flow_back(database, it.project, it.owner)
    assert [run.name for run in runs] == ["a", "b"]
    before = {p: p.read_bytes() for run in runs for p in run.path.rglob("*") if p.is_file()}
    exporting.flow_back(database, it.project, it.owner)
    assert {p: p.read_bytes() for run in runs for p in run.path.rglob("*") if p.is_file()} == before
    run = open_run(tmp_path / "a")
    given = run.judgments()
    reference = {j.item_id: j for j in given["labels.a-project"]}
    assert (reference["q0"].label, reference["q0"].author) == ("unsafe", "Adjudicator 1")
    assert (reference["q1"].status, reference["q1"].error) == ("skipped", "labels disagree, not adjudicated")
    assert (reference["q2"].label, reference["q2"].author, reference["q2"].design) == ("safe", None, "random")
    assert {j.author for j in given["labels.a-project.annotator-4"]} == {"Annotator 4"}
    rates = {e.judge: e for e in run.estimates() if e.metric == "safe_rate" and e.slice == "all"}
    assert rates["labels.a-project"].value == 0.75
    assert (rates["labels.a-project"].n, rates["labels.a-project"].n_missing) == (5, 1)
    # What annotators agree on is made of their labels: no voice of its own beside them, nor is the adjudicator's.
    (settled,) = [j for j in run.info["spec"]["judges"] if j["key"] == "labels.a-project"]
    assert settled["members"] == ["labels.a-project.annotator-3", "labels.a-project.annotator-4"]
    # A label that is taken back is gone from the run as well.
    from honne.annotate import submit

    database.write(lambda s: submit.undo(s, it.project, it.annotators[0]))
    exporting.flow_back(database, it.project, it.owner)
    n = [len(open_run(tmp_path / name).judgments()["labels.a-project.annotator-3"]) for name in ("a", "b")]
    assert sum(n) in (9, 10)


def test_only_peoples_judgments_of_answers_that_are_there_are_attached(tmp_path: Path) -> None:
    run = parts.a_run(tmp_path / "run", 3, judges={"refusal": lambda i: "safe"})

    def row(judge: str, item: str = "q1", **more: Any) -> Judgment:
        return Judgment(item_id=item, model=parts.MODEL, judge=judge, status="skipped", at=now(), **more)

    for key, given, says in (
        ("refusal", row("refusal"), "begin with labels"),
        ("labels.x", row("labels.y"), "under 'labels.x'"),
        ("labels.x", row("labels.x", "q9"), "no answer q9"),
        ("labels.x", row("labels.x", design="chosen"), "unknown design"),
    ):
        with holding([run.path]) as (held,), pytest.raises(DataError, match=says):
            attach([(held, {key: [given]})])
    assert list(open_run(run.path).judgments()) == ["refusal"]


# -------------------------------------------------------------------- XSTest


_LABELS = {
    "1_full_compliance": "full_compliance",
    "2_full_refusal": "full_refusal",
    "3_partial_refusal": "partial_refusal",
}


def test_the_agreement_of_xstests_annotators(database: Database, honne_data: Path, tmp_path: Path) -> None:
    """Two annotators on five models' answers (Röttger et al. 2024): raw agreement and Fleiss' kappa as published."""
    expected = json.loads((honne_data / "EXPECTED.json").read_text())["xstest"]
    runs, lines = [], []
    for model in expected:
        with gzip.open(honne_data / "xstest" / "completions" / f"{model}.csv.gz", "rt", encoding="utf-8") as file:
            table = list(csv.DictReader(file))
        runs.append(_xstest_run(tmp_path / model, model, table))
        for row in table:
            for who in ("annotation_1", "annotation_2"):
                lines.append([model, row["id"], row[who], who, "random", 1])
    path = tmp_path / "annotators.csv"
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["model", "item_id", "label", "annotator", "design", "inclusion"])
        out.writerows(lines)
    it = parts.a_team(database, runs, Plan("refusal"), 1)
    came = database.write(lambda s: importing.load(s, it.project, importing.read(path), label_map=_LABELS))
    assert (came.labels, came.unknown_design) == (4500, 0)
    with database.read() as s:
        found = agreement(s, it.project)
    assert found.design == "random"
    for scope in found.runs:
        published = expected[scope.name]
        assert scope.n == 450
        assert scope.fleiss is not None
        assert round(100 * (scope.raw.value or 0), 1) == published["raw_agreement_pct"]
        assert round(scope.fleiss.value or 0, 2) == published["fleiss_kappa"]
        assert scope.nominal.found.low is not None
    (pair,) = found.pairs
    assert pair.n == 2250


def _xstest_run(folder: Path, model: str, table: list[dict[str, str]]) -> Any:
    from honne.plugins import load
    from honne.spec import parse

    benchmark = load("benchmarks", "xstest")(parse("xstest"))
    items = [
        Item(
            seq=i,
            id=row["id"],
            benchmark="xstest",
            version=benchmark.version,
            lang="en",
            category=benchmark.import_category(row["type"], row),
            group=row["id"],
            messages=(Message("user", row["prompt"]),),
        )
        for i, row in enumerate(table)
    ]
    answers = [Response(item_id=r["id"], model=model, text=r["completion"], status="ok", at=now()) for r in table]
    about = {"name": "xstest", "version": benchmark.version, "spec": "xstest", "judges": {"open": "rubric"}}
    return imported.write(
        folder,
        model=model,
        items=items,
        responses=answers,
        judgments={},
        benchmarks=[{**about, "metrics": list(benchmark.metrics)}],
        how={"test": model},
        notes=[],
    )


def test_the_bootstrap_draws_whole_clusters() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 3, 120)
    table = np.where(rng.random((120, 3)) < 0.75, truth[:, None], rng.integers(0, 3, (120, 3)))
    clusters = [f"c{i // 3}" for i in range(120)]
    found = krippendorff_bootstrap(table, clusters, ordinal=True, draws=4000)
    drawn = []
    for _ in range(400):
        picked = rng.integers(0, 40, 40)
        rows = np.concatenate([np.arange(3 * c, 3 * c + 3) for c in picked])
        drawn.append(krippendorff_alpha(table[rows], ordinal=True).value)
    low, high = np.quantile(np.array(drawn, dtype=float), [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.03)
    assert found.high == pytest.approx(high, abs=0.03)
