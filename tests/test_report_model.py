"""From a real run folder to a report: the worst categories with their answers, and `honne show`."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from honne.engine import journal
from honne.engine.store import RunFolder, open_run
from honne.errors import DataError, StoreError
from honne.records import Item, Judgment, Message, Response, category_path
from honne.report import html, markdown
from honne.report._blocks import labels
from honne.report._facts import flags
from honne.report._trim import Trim
from honne.report.model import RunReport, build
from honne.report.show import find, item_json, show_item
from run_parts import honne
from test_report_samples import info

AT = datetime(2025, 1, 1, tzinfo=UTC)
JUDGE = "llm/x@1"
TOPICS = ("fine topic", "bad/topic", "空")


def write(path: Path, n: int = 30, verdict: Any = None) -> RunFolder:
    """A finished run of trust-safety: topic `bad/topic` is unsafe two times in three, the others are safe."""
    run = RunFolder(path)
    path.mkdir()
    spec = info("m")["spec"] | {
        "benchmarks": [
            {"spec": "trust-safety", "name": "trust-safety", "version": "1", "title": "Safety", "url": "",
             "judges": {"open": "rubric"}, "metrics": ["safe_rate"]}
        ],
        "model": {"name": "openai/m", "spec": "openai/m", "settings": {}},
    }  # fmt: skip
    run.write_info(info("m", spec=spec, data=[]))
    run.write_items(
        Item(seq=i, id=f"q-{i}", benchmark="trust-safety", version="1", lang="zh",
             category=category_path(TOPICS[i % 3]), group=f"q-{i}",
             messages=(Message("user", f"placeholder question {i}"),))
        for i in range(n)
    )  # fmt: skip
    label = verdict or (lambda i: "unsafe" if i % 3 == 1 and i % 9 != 1 else "safe")
    responses = [
        Response(item_id=f"q-{i}", model="openai/m", status="ok", text=f"answer {i}", reasoning="thought", at=AT)
        for i in range(n)
    ]
    judgments = [
        Judgment(item_id=f"q-{i}", model="openai/m", judge=JUDGE, status="scored", label=label(i),
                 score=float(label(i) == "safe"), rationale=f"because {i}", raw=f"raw {i}", at=AT)
        for i in range(n)
    ]  # fmt: skip
    journal.write_parquet(run.responses_folder / "part.parquet", Response, responses)
    journal.write_parquet(run.judge_folder(JUDGE) / "part.parquet", Judgment, judgments)
    return open_run(path)


@pytest.fixture
def report(tmp_path: Path) -> RunReport:
    return build(write(tmp_path / "run"))


def test_build_finds_the_worst_category_and_its_answers(report: RunReport) -> None:
    assert [w.estimate.slice for w in report.examples] == ["bad%2Ftopic"], (
        "categories without a bad answer are left out"
    )
    worst = report.examples[0]
    assert worst.bad == 6 and len(worst.examples) == 3
    first = worst.examples[0]
    assert (first.unit, first.value, first.lang) == ("q-4", 0.0, "zh")
    assert first.messages[0].content == "placeholder question 4"
    part = first.parts[0]
    assert (part.answer, part.verdict, part.rationale) == ("answer 4", "unsafe", "because 4")


def test_a_model_that_is_always_wrong_still_has_worst_answers(tmp_path: Path) -> None:
    report = build(write(tmp_path / "run", verdict=lambda i: "unsafe"))
    assert len(report.examples) == 3 and all(w.bad == 10 for w in report.examples)


def test_a_model_that_is_never_wrong_has_none(tmp_path: Path) -> None:
    assert build(write(tmp_path / "run", verdict=lambda i: "safe")).examples == ()


def test_answers_are_sought_for_the_first_judge_only(tmp_path: Path) -> None:
    run = write(tmp_path / "run")
    other = [
        Judgment(item_id=f"q-{i}", model="openai/m", judge="llm/y@1", status="scored", label="unsafe", score=0.0, at=AT)
        for i in range(30)
    ]
    journal.write_parquet(run.judge_folder("llm/y@1") / "part.parquet", Judgment, other)
    report = build(open_run(run.path))
    assert {e.judge for e in report.estimates if e.slice == "all"} == {JUDGE, "llm/y@1"}
    assert {w.estimate.judge for w in report.examples} == {JUDGE}


@pytest.mark.parametrize(
    "spec",
    [None, [], {}, {"benchmarks": [{}], "model": {"name": "x"}, "samples": 1},
     {"benchmarks": [], "model": {}, "samples": 1}, {"benchmarks": [], "model": {"name": "x"}, "samples": "1"},
     {"benchmarks": [], "model": {"name": "x"}, "samples": 1}],
)  # fmt: skip
def test_a_damaged_spec_is_one_clear_line(tmp_path: Path, spec: Any) -> None:
    run = write(tmp_path / "run")
    run.write_info({"format": 1, "state": "done"} | ({} if spec is None else {"spec": spec}))
    with pytest.raises(StoreError, match=r"run\.json (is damaged: |does not name the benchmark)") as e:
        build(open_run(run.path))
    assert "\n" not in str(e.value)


def test_records_that_are_gone_are_flagged(tmp_path: Path) -> None:
    run = write(tmp_path / "run")
    sound = info("m")["spec"] | run.info["spec"] | {"judges": [{"key": JUDGE}]}
    run.write_info(run.info | {"counts": {"ok": 30}, "spec": sound})
    assert not {"records missing", "judgments missing"} & {f.kind for f in flags(build(open_run(run.path)))}
    (run.judge_folder(JUDGE) / "part.parquet").unlink()
    found = {f.kind: f.text for f in flags(build(open_run(run.path)))}
    assert found["judgments missing"] == f"the folder holds none by {JUDGE}" and "records missing" not in found
    (run.path / "items.parquet").unlink()
    found = {f.kind: f.text for f in flags(build(open_run(run.path)))}
    assert found["records missing"] == "30 answers were recorded, 0 are in the folder"


def test_equally_named_runs_are_told_apart(tmp_path: Path) -> None:
    for place in ("a", "b", "x/a"):
        (tmp_path / place).mkdir(parents=True)
    runs = [write(tmp_path / place / "run", n=9) for place in ("a", "b", "x/a")]
    assert labels(runs[:2]) == ["a/run", "b/run"]
    assert labels(runs) == [f"{tmp_path.name}/a/run", "b/run", "x/a/run"]
    assert labels([build(runs[0]), build(runs[0])]) == ["run", "run (2)"]
    result = honne("compare", runs[0].path, runs[1].path)
    assert "honne compare a/run − b/run" in result.stdout


def test_what_is_printed_has_no_spaces_at_the_ends_of_lines(tmp_path: Path) -> None:
    run = write(tmp_path / "run", n=9)
    for command in (("report", run.path), ("show", run.path, "q-4"), ("compare", run.path, run.path)):
        result = honne(*command)
        assert result.returncode == 0 and len(result.stdout.splitlines()) > 5
        assert not [line for line in result.stdout.splitlines() if line != line.rstrip()], command


def test_trimming_keeps_styles_and_text() -> None:
    out = io.StringIO()
    console = Console(file=out, width=30, force_terminal=True, color_system="standard")
    console.push_render_hook(Trim())
    console.print(Padding(Text.assemble(("a ", "bold"), "b  ", ("c", "red")), (0, 2)))
    console.print("x", end="")
    assert out.getvalue() == "  \x1b[1ma \x1b[0mb  \x1b[31mc\x1b[0m\nx"


def test_every_format_prints_a_built_report(report: RunReport) -> None:
    assert "bad/topic" in html.render([report]) and "bad/topic" in markdown.render([report])


def test_show_tells_all_of_an_item(tmp_path: Path) -> None:
    shown = find(write(tmp_path / "run"), "q-4")
    out = io.StringIO()
    show_item(shown, Console(file=out, width=100, color_system=None))
    text = out.getvalue()
    for said in ("placeholder question 4", "answer 4", "thought", "not judged", "unsafe", "because 4", "raw 4", JUDGE):
        assert said in text
    assert text.index("thought") < text.index("answer 4"), "reasoning stands apart from the answer"
    value = json.loads(item_json(shown))
    assert value["responses"][0]["text"] == "answer 4" and value["judgments"][0]["raw"] == "raw 4"


def test_show_of_a_typo_names_the_nearest_item_in_one_line(tmp_path: Path) -> None:
    run = write(tmp_path / "run")
    with pytest.raises(DataError, match=r"no item 'q-\(4' among the 30 .* Did you mean 'q-4'\?") as e:
        find(run, "q-(4")
    assert "\n" not in str(e.value)


def test_show_neither_obeys_nor_loses_hostile_text(tmp_path: Path) -> None:
    shown = find(write(tmp_path / "run"), "q-1")
    evil = "[red]x[/red]\x1b[2J\u202e"
    response = Response(item_id="q-1", model="openai/m", status="ok", text=evil, at=AT)
    out = io.StringIO()
    show_item(type(shown)(evil, shown.item, (response,), (), ()), Console(file=out, width=100, color_system=None))
    assert "\x1b" not in out.getvalue() and "\u202e" not in out.getvalue() and "[red]x[/red]␛[2J" in out.getvalue()
