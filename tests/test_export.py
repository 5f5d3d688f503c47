"""`honne export`: every format holds the same rows, nothing is overwritten, and nothing is left half."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honne.engine.export import KINDS, batches
from honne.engine.store import open_run
from honne.text import cell, csv_line
from run_parts import HONNE, environment, ok, questions
from run_parts import here as honne
from server import Server

# What may break a table: formulas, quotes, newlines, NUL, an apostrophe, other scripts, and a long one.
NASTY = [
    "=1+1",
    "+1",
    "-1",
    "@x",
    "\t=2",
    "'quoted'",
    'a "b", c',
    "line\nbreak\r\n",
    "本音",
    "x" * 100_000,
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    rows = [
        {"q": f"Q {i}\n{text}", "a": text, "one": "safe", "two": ["safe", "unsafe", ""][i % 3]}
        for i, text in enumerate(NASTY)
    ]
    rows += [{"q": "no answer", "a": None, "one": "safe", "two": "safe"}]
    (folder / "a.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    mapped = "prompt=q,response=a,label.one=one,label.two=two"
    ok(honne("import", folder / "a.jsonl", "--map", mapped, "-o", folder / "runs"))
    return folder / "runs" / "a"


def exported(run: Path, *args: str | Path) -> str:
    return ok(honne("export", run, *args)).stdout


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines_hold_everything(run: Path) -> None:
    rows = lines(exported(run, "-f", "jsonl"))
    assert len(rows) == 2 * (len(NASTY) + 1), "a row for each judge"
    assert [r["response"] for r in rows[::2]] == [*NASTY, None]
    assert {r["judge"] for r in rows} == {"labels.one", "labels.two"}
    assert rows[0]["prompt"] == [{"role": "user", "content": "Q 0\n=1+1"}] and rows[0]["run"] == "a"
    assert (rows[-1]["response_status"], rows[-1]["judgment_status"]) == ("not_asked", "skipped")
    assert [r["score"] for r in rows[:6]] == [1.0, 1.0, 1.0, 0.0, 1.0, None]


def test_csv_runs_no_formula_and_gives_the_text_back(run: Path) -> None:
    text = exported(run, "-f", "csv")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert all(not (value or "").lstrip().startswith(("=", "+", "@")) for row in rows for value in row.values())
    back = [row["response"].removeprefix("'") for row in rows[::2]]
    assert back[: len(NASTY)] == NASTY


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_a_csv_cell_can_be_read_back(text: str) -> None:
    shown = cell(text)
    assert shown.removeprefix("'") == text.replace("\0", "\u2400")
    assert not shown.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))


@given(st.text("a\r\n=, '", max_size=8))
def test_a_line_of_csv_is_one_row_whatever_is_in_it(text: str) -> None:
    shown = cell(text)
    line = csv_line(["first", shown, "last"])
    assert list(csv.reader(io.StringIO(line, newline=""))) == [["first", shown, "last"]]
    assert line.endswith("last\n")


def test_parquet_and_json_lines_agree(run: Path, tmp_path: Path) -> None:
    exported(run, "-f", "parquet", "-o", tmp_path / "r.parquet")
    table = pq.read_table(tmp_path / "r.parquet")
    assert msgspec.to_builtins(table.select(["item_id", "response", "score"]).to_pylist()) == [
        {k: r[k] for k in ("item_id", "response", "score")} for r in lines(exported(run, "-f", "jsonl"))
    ]
    assert str(table.schema.field("judged_at").type) == "timestamp[us, tz=UTC]"


@pytest.mark.parametrize("kind", KINDS)
def test_every_table(run: Path, kind: str) -> None:
    rows = lines(exported(run, "-f", "jsonl", "--what", kind))
    found = {"items": 11, "responses": 11, "judgments": 22, "rows": 22}
    assert len(rows) == found[kind] if kind in found else any(r["metric"] == "safe_rate" for r in rows)
    assert all(r["run"] == "a" for r in rows)


def test_the_folder_for_datasets_says_where_its_data_are(run: Path, tmp_path: Path) -> None:
    exported(run, "-f", "hf", "-o", tmp_path / "set")
    card = (tmp_path / "set" / "README.md").read_text()
    assert card.startswith("---\n") and "path: data/rows-*.parquet" in card
    assert [p.name for p in (tmp_path / "set" / "data").iterdir()] == ["rows-00000-of-00001.parquet"]
    assert pq.read_table(tmp_path / "set" / "data").num_rows == 22


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="datasets: pip install 'honne[interop]'")
def test_the_real_datasets_loads_it(run: Path, tmp_path: Path) -> None:
    """Every table; in one process, as the package alone takes seconds to import."""
    for kind in KINDS:
        exported(run, "-f", "hf", "-o", tmp_path / kind, "--what", kind)
    code = (
        "import sys, datasets\n"
        "for path in sys.argv[1:]:\n"
        "    d = datasets.load_dataset(path, split='train'); print(d.num_rows, *d.features)"
    )
    offline = environment(HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "home"))
    command = [sys.executable, "-c", code, *(tmp_path / kind for kind in KINDS)]
    done = subprocess.run(command, capture_output=True, text=True, env=offline)
    assert done.returncode == 0, done.stderr[-1000:]
    for kind, told in zip(KINDS, done.stdout.splitlines(), strict=True):
        rows = lines(exported(run, "-f", "jsonl", "--what", kind))
        assert told.split() == [str(len(rows)), *rows[0]]


def test_several_runs_in_one_table(run: Path, tmp_path: Path) -> None:
    ok(honne("demo", "--recorded", "-o", tmp_path / "demo"))
    rows = lines(exported(tmp_path / "demo", "-f", "jsonl"))
    assert {r["run"] for r in rows} == {"kagami", "omote"} and len(rows) == 450


def test_a_run_under_way_and_an_attacked_order(tmp_path: Path) -> None:
    """Journals instead of Parquet, in the order in which answers came: rows are in the order of the items."""
    with Server("--latency", "0.02") as server:
        asked = questions(tmp_path / "q.jsonl", 30)
        ok(honne("run", asked, "-m", server.spec(), "--samples", "2", "-o", tmp_path / "run", "-q"))
    before = lines(exported(tmp_path / "run", "-f", "jsonl"))
    part = tmp_path / "run" / "responses" / "part.parquet"
    rows = pq.read_table(part).to_pylist()
    part.unlink()
    encoder = msgspec.json.Encoder()
    journal = tmp_path / "run" / "responses" / "000001.jsonl"
    journal.write_bytes(b"".join(encoder.encode(r) + b"\n" for r in reversed(rows)) + b'{"torn')
    assert lines(exported(tmp_path / "run", "-f", "jsonl")) == before
    assert [(r["seq"], r["sample"]) for r in before] == [(i, k) for i in range(30) for k in range(2)]
    journal.write_bytes(b"")
    rows = lines(exported(tmp_path / "run", "-f", "jsonl"))
    assert [r["response_status"] for r in rows] == ["not_asked"] * 30


def test_the_prompt_is_the_one_that_was_sent(tmp_path: Path) -> None:
    with Server() as server:
        asked = questions(tmp_path / "q.jsonl", 2)
        ok(honne("run", asked, "-m", server.spec(system="Be brief."), "-o", tmp_path / "run", "-q"))
    (first, _) = lines(exported(tmp_path / "run", "-f", "jsonl"))
    assert [m["role"] for m in first["prompt"]] == ["system", "user"]


def test_a_nul_is_kept_and_in_csv_made_visible(tmp_path: Path) -> None:
    with Server() as server:
        (tmp_path / "q.jsonl").write_text(json.dumps({"question": "[[surrogate]]"}))
        ok(honne("run", f"file/{tmp_path}/q.jsonl?prompt=question", "-m", server.spec(), "-o", tmp_path / "run", "-q"))
    (row,) = lines(exported(tmp_path / "run", "-f", "jsonl"))
    assert row["response"] == "before \ufffd middle \0 after"
    assert "before \ufffd middle \u2400 after" in exported(tmp_path / "run", "-f", "csv")


def test_no_secret_leaves(tmp_path: Path) -> None:
    with Server("--key", "sk-test-0123456789abcdef") as server:
        asked = questions(tmp_path / "q.jsonl", 2)
        key = "sk-test-0123456789abcdef"
        ok(honne("run", asked, "-m", server.spec(), "-o", tmp_path / "run", "-q", OPENAI_API_KEY=key))
    for kind in KINDS:
        assert key not in exported(tmp_path / "run", "-f", "csv", "--what", kind)
    exported(tmp_path / "run", "-f", "hf", "-o", tmp_path / "set")
    assert "127.0.0.1" not in (tmp_path / "set" / "README.md").read_text()


# --------------------------------------------------------------------- faults


def test_nothing_is_overwritten(run: Path, tmp_path: Path) -> None:
    for format, path in (("csv", tmp_path / "x.csv"), ("hf", tmp_path / "x")):
        exported(run, "-f", format, "-o", path)
        again = honne("export", run, "-f", format, "-o", path)
        assert again.returncode == 2 and "exists already" in again.stderr


def test_wrong_usage_is_one_line(run: Path, tmp_path: Path) -> None:
    for args, told in (
        (("-f", "jsnl"), "Did you mean 'jsonl'"),
        (("-f", "csv", "--what", "item"), "Did you mean 'items'"),
        (("-f", "parquet"), "name it with -o"),
        (("-f", "hf"), "name it with -o"),
        ((), "--format"),
        (("-f", "csv", "-o", "/proc/no/such/file"), "cannot"),
    ):
        done = honne("export", run, *args, cwd=tmp_path)
        assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert honne("export", tmp_path / "none", "-f", "csv").returncode == 2


def test_an_export_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    rows = ({"q": f"question {i}", "a": "answer " * 50, "l": "safe"} for i in range(30_000))
    (tmp_path / "big.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    ok(honne("import", tmp_path / "big.jsonl", "--map", "prompt=q,response=a,label=l", "-o", tmp_path / "runs"))
    out = tmp_path / "out"
    out.mkdir()
    for format, stop in (("csv", signal.SIGINT), ("hf", signal.SIGINT), ("jsonl", signal.SIGKILL)):
        command = [*HONNE, "export", tmp_path / "runs" / "big", "-f", format, "-o", out / "x"]
        process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE)
        deadline = time.monotonic() + 300
        while not list(out.iterdir()) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        os.kill(process.pid, stop)
        _, told = process.communicate(timeout=300)
        if process.returncode != 0:
            assert not (out / "x").exists()
        if stop == signal.SIGINT and process.returncode:
            assert list(out.iterdir()) == [] and process.returncode == 3 and b"Traceback" not in told
        for left in out.iterdir():
            if left.name == "x":
                left.rename(tmp_path / f"whole-{format}")


def test_a_reader_that_stops_is_no_error(run: Path) -> None:
    command = f"{' '.join(HONNE)} export {run} -f jsonl | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, env=environment())
    assert done.stderr == b""


def test_batches_are_typed(run: Path) -> None:
    (batch, *_) = batches(open_run(run), "rows")
    assert batch.schema.field("score").type == "double" and batch.schema.field("prompt").type.num_fields == 1
