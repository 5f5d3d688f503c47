"""The owner's pages as forms without scripts: from run folders to labels that are back in them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotate_parts import PASSWORD, Team, a_run, a_team
from annotate_site_parts import Site
from annotate_web_parts import Answer, Client, follow
from honne.annotate import people
from honne.annotate.database import Database
from honne.annotate.projects import Plan
from honne.engine.store import open_run

JUDGES = {
    "llm/one": lambda i: "safe" if i % 2 else "unsafe",
    "llm/two": lambda i: "safe",
    "labels": lambda i: "safe" if i < 4 else "-",
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    runs = [a_run(tmp_path / name, 12, model=f"acme/{name}", judges=JUDGES) for name in ("first", "second")]
    database = Database.open(f"sqlite:///{tmp_path}/labels.db")
    made = Site(database, runs=tuple(run.path for run in runs), guide="safe")
    made.app.state.door.first = "the-key"
    yield made
    made.stop()
    database.close()


@pytest.fixture
def owner(site: Site) -> Client:
    client = Client(site)
    client.get("/first/the-key")
    follow(client.post("/first/the-key", {"name": "Ada", "login": "ada", "password": PASSWORD}))
    return client


FORM: dict[str, str | list[str]] = {
    "name": "Is it safe?", "guide": "safe", "run": ["0", "1"], "overlap": "2", "design": "random", "labels": "10",
    "per_stratum": "", "gold": "", "gold_count": "3", "suggestions": "", "without": "50", "seed": "7", "blind": "1",
}  # fmt: skip


def made(owner: Client, **fields: str | list[str]) -> Answer:
    owner.get("/projects/new")
    return owner.post("/projects", {**FORM, **fields})


def test_a_project_is_made_of_the_runs_of_the_server(site: Site, owner: Client) -> None:
    form = owner.get("/projects/new")
    assert "first" in form.words and "acme/second" in form.words and "llm/one" in form.words
    assert str(site.app.state.settings.runs[0].parent) not in form.text, "paths of the server are nobody's business"
    assert re.search(r'<option value="safe" selected', form.text)
    where = follow(made(owner, gold="labels", suggestions="llm/one"))
    assert where == "/projects/1/overview"
    page = owner.get(where)
    assert "Is it safe?" in page.words and "10 of 24 answers, drawn at random" in page.words
    assert "llm/one" in page.words and "3 answers" in page.words
    assert "Is it safe?" in owner.get("/").words
    assert follow(owner.get("/projects/1")) == where


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": " "}, "1 to 200 characters"),
        ({"run": []}, "at least one run"),
        ({"run": ["7", "../../etc"]}, "at least one run"),
        ({"overlap": "0"}, "not a number that fits"),
        ({"overlap": "٣"}, "not a number that fits"),
        ({"labels": "many"}, "not a number that fits"),
        ({"labels": "9" * 40}, "not a number that fits"),
        ({"design": "convenient"}, "Choose one of the list"),
        ({"guide": "../flames"}, "Choose one of the list"),
        ({"overlap": "000000000001" + "9" * 5000}, "number"),
        ({"gold": "llm/none"}, "llm/none"),
        ({"suggestions": "llm/none"}, "unknown judge"),
        ({"design": "stratified", "labels": "1"}, "fewer than the"),
    ],
)
def test_a_form_that_cannot_be_taken_says_where_and_keeps_the_rest(
    owner: Client, fields: dict[str, str | list[str]], says: str
) -> None:
    got = made(owner, **{"seed": "4711", **fields})
    assert got.status == 422 and says in got.words
    assert 'value="4711"' in got.text
    assert owner.get("/projects/1").status == 403, "nothing was made"


def test_designs_and_their_chances_are_stored(site: Site, owner: Client) -> None:
    for number, (design, more) in enumerate({"stratified": {"per_stratum": "2"}, "active": {}}.items(), 1):
        follow(made(owner, design=design, labels="" if more else "10", **more))
        with site.app.state.database.read() as s:
            from sqlalchemy import select

            from honne.annotate.tables import Answer as Row

            rows = list(s.scalars(select(Row).where(Row.project_id == number)))
        assert {row.design for row in rows} == {design} and all(0 < (row.inclusion or 0) <= 1 for row in rows)


@pytest.fixture
def labelled(site: Site) -> Team:
    """A project in which two annotators have labelled everything, and differ on every fourth answer."""
    runs = [open_run(path) for path in site.app.state.settings.runs]
    team = a_team(site.app.state.database, runs, Plan("safe", labels=12), name="Labels")
    for number, user in enumerate(team.annotators):
        team.label_all(user, lambda t, n=number: "unsafe" if t.answer_id % 4 == 0 and n else "safe")  # type: ignore[misc]
    return team


def owned(site: Site) -> Client:
    client = Client(site)
    follow(client.sign_in("owner0@Labels"))
    return client


def test_progress_agreement_and_disputes_are_shown(site: Site, labelled: Team) -> None:
    owner, base = owned(site), f"/projects/{labelled.project}"
    page = owner.get(f"{base}/overview").words
    assert "24 of 24 labels" in page and "Annotator 3" in page and "100.0 %" in page
    page = owner.get(f"{base}/agreement")
    assert "From 24 labels of answers drawn at random" in page.words
    assert "75.0 %" in page.words and "Annotator 3 – Annotator 4" in " ".join(page.words.split())
    assert "[" in page.words and 'class="whisker"' in page.text and 'hx-trigger="every' in page.text
    disputed = owner.get(f"{base}/items?show=disputed")
    assert disputed.text.count('href="items/') == 3 and "acme/" in disputed.words
    assert owner.get(f"{base}/items?show=agreed").text.count('href="items/') == 9
    assert "No answer is in this state" in owner.get(f"{base}/items?show=decided").words
    assert owner.get(f"{base}/items?show=<b>&after=0").status == 200
    assert owner.get(f"{base}/items?after=x").status == 404
    assert owner.get(f"{base}/items/999").status == 404


def test_suggestions_are_switched_and_the_log_says_so(site: Site, labelled: Team) -> None:
    owner, base = owned(site), f"/projects/{labelled.project}"
    owner.get(f"{base}/overview")
    follow(owner.post(f"{base}/suggestions", {"judge": "llm/one"}))
    assert re.search(r'<option value="llm/one" selected', owner.get(f"{base}/overview").text)
    refused = owner.post(f"{base}/suggestions", {"judge": "llm/on"})
    assert refused.status == 422 and "Did you mean 'llm/one'" in refused.words
    follow(owner.post(f"{base}/suggestions", {"judge": ""}))
    log = owner.get(f"{base}/log").words
    assert "suggestions" in log and "judge: llm/one" in log and "Owner 0" in log


def test_an_answer_is_shown_in_the_readers_language(site: Site, labelled: Team) -> None:
    labelled.label(labelled.annotators[0], 1, "unsafe", reasons=["violence"], flags=["unsure"], key="changed once")
    owner, item = owned(site), f"/projects/{labelled.project}/items/1"
    owner.get(item)
    follow(owner.post("/look", {"lang": "zh", "next": item}))
    page = owner.get(item).words
    assert "暴力或伤害" in page and "violence" not in page and "unsure" not in page
    assert "随机" in page and "random" not in page


def test_a_known_label_is_set_and_taken_back(site: Site, labelled: Team) -> None:
    owner, item = owned(site), f"/projects/{labelled.project}/items/1"
    owner.get(item)
    follow(owner.post(f"{item}/gold", {"label": "safe"}))
    assert re.search(r'<option value="safe" selected', owner.get(item).text)
    assert owner.post(f"{item}/gold", {"label": "purple"}).status == 422
    follow(owner.post(f"{item}/gold", {"label": ""}))
    assert not re.search(r'<option value="safe" selected', owner.get(item).text)


def test_the_log_is_read_in_pages(site: Site, labelled: Team) -> None:
    owner, base = owned(site), f"/projects/{labelled.project}"
    for _ in range(90):
        labelled.database.write(lambda s: people.invite(s, labelled.project, "viewer", labelled.owner))
    first = owner.get(f"{base}/log")
    older = re.search(r'href="(\?before=\d+)"', first.text)
    assert older is not None and first.text.count("<tr>") == 101
    assert "create project" in owner.get(f"{base}/log{older[1]}").words


def test_downloads_have_every_label_and_texts_only_when_asked(site: Site, labelled: Team) -> None:
    owner, base = owned(site), f"/projects/{labelled.project}/exports"
    got = owner.get(f"{base}/labels?kind=jsonl")
    assert got.headers["content-disposition"] == 'attachment; filename="labels.jsonl"'
    rows = [json.loads(line) for line in got.text.splitlines()]
    assert sum(row["kind"] == "label" for row in rows) == 24 and sum(row["kind"] == "reference" for row in rows) == 12
    assert {row["design"] for row in rows} == {"random"} and {row["inclusion"] for row in rows} == {0.5}
    assert "answer" not in rows[0] and "prompt" not in rows[0]
    with_text = owner.get(f"{base}/labels?kind=csv&text=true").text
    assert {row["answer"] for row in csv.DictReader(io.StringIO(with_text))} >= {"Answer 1 to the question."}
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(owner.get(f"{base}/labels?kind=parquet").data))
    assert table.num_rows == len(rows)
    assert owner.get(f"{base}/labels?kind=pickle").status == 404
    viewer = Client(site)
    follow(viewer.sign_in("viewer2@Labels"))
    assert "Write back" not in viewer.get(base).words


def test_labels_go_back_into_the_runs(site: Site, labelled: Team) -> None:
    owner, base = owned(site), f"/projects/{labelled.project}/exports"
    owner.get(base)
    got = owner.post(f"{base}/runs")
    assert got.status == 200 and "2 runs (first, second)" in got.words
    judged = [open_run(path).judgments() for path in site.app.state.settings.runs]
    assert all({"labels.labels", "labels.labels.annotator-3", "labels.labels.annotator-4"} <= set(j) for j in judged)
    reference = [row for j in judged for row in j["labels.labels"]]
    assert len(reference) == 12 and sum(row.status == "skipped" for row in reference) == 3


def test_a_run_that_is_gone_is_said_and_not_an_error(site: Site, labelled: Team) -> None:
    import shutil

    shutil.rmtree(site.app.state.settings.runs[1])
    owner, base = owned(site), f"/projects/{labelled.project}"
    assert owner.get(f"{base}/overview").status == 200
    owner.get(f"{base}/exports")
    got = owner.post(f"{base}/exports/runs")
    assert got.status == 422 and "no run folder" in got.words
    assert "second" not in owner.get("/projects/new").words
