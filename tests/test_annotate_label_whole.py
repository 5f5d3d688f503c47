"""From a run to human numbers in its report, in the browser: the owner's project, two annotators at the keyboard, the
adjudicator's word, agreement, the export, and the labels back in the run."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from annotate_parts import PASSWORD
from annotate_site_parts import Person, Served, chromium
from run_parts import here as honne

DIMENSIONS = ["Fairness", "Safety", "Morality", "Legality", "Data protection"]
N = 20
WHAT = ("runs/acme-secret", "--guide", "flames", "--database", "sqlite:///a.db")
LINK = re.compile(r"http://127\.0\.0\.1:\d+/first/\S+")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    rows = [
        {
            "prompt": f"Question {i} with a catch",
            "answer": f"Answer {i}",
            "model": "acme/secret",
            "dimension": DIMENSIONS[i % 5],
            "verdict": "1" if i % 4 == 0 else "3",
        }
        for i in range(N)
    ]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    columns = "prompt=prompt,response=answer,model=model,category=dimension,label.machine=verdict"
    made = honne("import", "answers.jsonl", "--benchmark", "flames", "--map", columns, "-o", "runs", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    server = Served(tmp_path, *WHAT)
    yield server
    if server.process.poll() is None:
        server.end(signal.SIGTERM)


def invited(browser: Any, owner: Person, project: str, role: str, name: str) -> Person:
    """Somebody new who follows an invitation link that the owner makes."""
    owner.go(f"{project}/people")
    owner.page.check(f"input[name=role][value={role}]")
    owner.page.click("form button.primary")
    link = owner.page.input_value("#link")
    person = Person(browser, owner.site)
    person.page.goto(link)
    new_account(person, name)
    return person


def founded(browser: Any, served: Served) -> Person:
    """The owner, with an account by the link in the terminal, and a project of the run."""
    owner = Person(browser, served)
    link = LINK.search(served.said)
    assert link
    owner.page.goto(link[0])
    new_account(owner, "Owner")
    owner.go("/projects/new")
    assert owner.page.input_value("#f-guide") == "flames"
    owner.page.fill("#f-name", "Pilot")
    owner.page.click("main form.gap button.primary")
    owner.page.wait_for_url("**/overview")
    return owner


def new_account(person: Person, name: str) -> None:
    person.page.fill("#f-name", name)
    person.page.fill("#f-login", name.lower())
    person.page.fill("#f-password", PASSWORD)
    person.page.click("main button.primary")
    person.page.wait_for_load_state()


def test_from_a_run_to_human_numbers_in_its_report(served: Served, tmp_path: Path) -> None:
    with chromium() as browser:
        owner = founded(browser, served)
        project = re.sub(r"^.*?(/projects/\d+)/.*$", r"\1", owner.page.url)

        ann = invited(browser, owner, project, "annotator", "Ann")
        bob = invited(browser, owner, project, "annotator", "Bob")
        judge = invited(browser, owner, project, "adjudicator", "Judy")

        # Twenty answers each, by keyboard alone; Bob sees harm in every third where Ann does not.
        for person in (ann, bob):
            person.go(f"{project}/label")
            for _ in range(N):
                answer = person.page.inner_text(".answer .text")
                assert "acme" not in person.page.content() and "machine" not in person.page.content()
                number = int(answer.removeprefix("Answer "))
                harmful = number % 4 == 0 or (person is bob and number % 3 == 0)
                person.label("1" if harmful else "3")
            assert person.page.locator("#label-form").count() == 0, "all is done"
        disputed = [i for i in range(N) if i % 3 == 0 and i % 4]

        judge.go(f"{project}/adjudicate")
        assert judge.page.locator(".rows > li").count() == len(disputed)
        text = judge.page.inner_text("main")
        assert "Ann" not in text and "Bob" not in text and "acme" not in text
        judge.page.click("main a.primary")
        for left in range(len(disputed), 0, -1):
            assert f"{left} dispute" in judge.page.inner_text(".progress")
            number = int(judge.page.inner_text(".answer .text").removeprefix("Answer "))
            assert number in disputed
            judge.label("3")
        assert judge.page.locator("#label-form").count() == 0

        owner.go(f"{project}/agreement")
        said = owner.page.inner_text("main")
        assert "alpha" in said and "Ann – Bob" in said
        # 15 of 20 labels alike: what the page says is the raw share.
        assert f"{100 * (N - len(disputed)) / N:.1f} %" in said

        owner.go(f"{project}/exports")
        with owner.page.expect_download() as download:
            owner.page.click("form[method=get] button")
        rows = [json.loads(line) for line in Path(download.value.path()).read_text(encoding="utf-8").splitlines()]
        assert [sum(row["kind"] == kind for row in rows) for kind in ("label", "decision", "reference")] == [
            2 * N,
            len(disputed),
            N,
        ]
        assert {row["design"] for row in rows if row["kind"] != "decision"} == {"random"}
        assert all(row["exposed"] and row["seconds"] is not None for row in rows if row["kind"] == "label")
        owner.page.click("form[method=post][action='exports/runs'] button")
        owner.page.wait_for_selector(".notice")
        for person in (owner, ann, bob, judge):
            assert person.errors == [] and person.foreign == []

    assert served.end(signal.SIGTERM) == 0
    report = honne("report", "runs/acme-secret", cwd=tmp_path).stdout
    for judged in ("labels.machine", "labels.pilot", "labels.pilot.ann", "labels.pilot.bob"):
        assert re.search(rf"judge {re.escape(judged)}$", report, re.MULTILINE), judged
    # The people's share: 15 of the 20 answers are harmless, every dimension having 3 of 4 (decided so).
    shares = dict(re.findall(r"judge (\S+)\n.*?\n.*?\nharmless_rate +([\d.]+)%", report))
    assert shares["labels.pilot"] == shares["labels.machine"] == shares["labels.pilot.ann"] == "75.0"
    assert float(shares["labels.pilot.bob"]) < 75


def test_labels_sent_while_the_server_is_dead_arrive_once(served: Served, tmp_path: Path) -> None:
    """The process is killed, not stopped, while a label is on its way; another one takes its place."""
    with chromium() as browser:
        owner = founded(browser, served)
        owner.go("/projects/1/label")
        owner.label("1")
        second = owner.item()
        served.process.kill()
        served.process.wait(30)
        owner.press("b", "3", "Enter")
        owner.page.wait_for_selector(".said.bad:has-text('No connection')")
        again = Served(tmp_path, *WHAT, port=served.port)
        try:
            owner.until("was => document.querySelector('#item-title').innerText !== was", second)
            owner.go("/projects/1/label/queue")
            assert owner.page.locator(".rows > li").count() == 2
        finally:
            again.end(signal.SIGTERM)
