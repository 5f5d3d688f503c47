"""The run folder: nothing received is lost, nothing is recorded twice."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honne.engine import journal
from honne.engine.plan import limited
from honne.engine.store import RunFolder, differences, locked, open_run, response_key
from honne.errors import Stopped, StoreError
from honne.records import Item, Message, Response, category_parts, category_path, now, table, tabled


def response(item: str, text: str = "yes", **more: object) -> Response:
    return Response(**{"item_id": item, "model": "m", "status": "ok", "text": text, "at": now(), **more})  # type: ignore[arg-type]


def item(seq: int, **more: object) -> Item:
    base = {
        "seq": seq,
        "id": f"i{seq}",
        "benchmark": "b",
        "version": "1",
        "lang": "en",
        "category": "c",
        "group": f"i{seq}",
        "messages": (Message("user", f"question {seq}"),),
    }
    return Item(**{**base, **more})  # type: ignore[arg-type]


def read(folder: Path, bad: list[str] | None = None) -> list[Response]:
    return list(journal.read_all(folder, Response, response_key, bad).values())


def append(folder: Path, *rows: Response) -> None:
    out: journal.Journal[Response] = journal.Journal(folder)
    for row in rows:
        out.append(row)
    out.close()


def test_a_torn_tail_is_dropped_and_the_rest_kept(tmp_path: Path) -> None:
    append(tmp_path, response("a"), response("b"))
    segment = tmp_path / "000001.jsonl"
    whole = segment.read_bytes()
    for cut in range(1, len(whole.splitlines(keepends=True)[1]) + 1):
        segment.write_bytes(whole[:-cut])
        assert [r.item_id for r in read(tmp_path)] == ["a"]


def test_a_torn_tail_never_swallows_the_next_process(tmp_path: Path) -> None:
    append(tmp_path, response("a"), response("b"))
    segment = tmp_path / "000001.jsonl"
    segment.write_bytes(segment.read_bytes()[:-5])
    append(tmp_path, response("c"))
    assert [r.item_id for r in read(tmp_path)] == ["a", "c"]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    append(tmp_path, response("a"), response("b"))
    segment = tmp_path / "000001.jsonl"
    first, second = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(first + b'{"item_id": 3}\n' + second)
    bad: list[str] = []
    assert [r.item_id for r in read(tmp_path, bad)] == ["a", "b"]
    assert len(bad) == 1 and "line 2" in bad[0]


def test_the_last_record_of_a_key_wins(tmp_path: Path) -> None:
    append(tmp_path, response("a", status="error", text=None), response("b"))
    append(tmp_path, response("a", "later"))
    assert {r.item_id: r.text for r in read(tmp_path)} == {"a": "later", "b": "yes"}


def test_compaction_keeps_every_byte_of_text(tmp_path: Path) -> None:
    texts = ["日本語\x00NUL", "line\nbreak\r", "\u2028", "emoji 🦊", ""]
    append(tmp_path, *(response(str(i), t) for i, t in enumerate(texts)))
    journal.compact(tmp_path, Response, read(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == [journal.PARQUET]
    assert [r.text for r in read(tmp_path)] == texts
    assert pq.read_table(tmp_path / journal.PARQUET).column("text").to_pylist() == texts


def test_killed_between_parquet_and_removal(tmp_path: Path) -> None:
    append(tmp_path, response("a"), response("b"))
    segment = (tmp_path / "000001.jsonl").read_bytes()
    journal.compact(tmp_path, Response, read(tmp_path))
    (tmp_path / "000001.jsonl").write_bytes(segment)
    assert [r.item_id for r in read(tmp_path)] == ["a", "b"]


def test_records_survive_arrow() -> None:
    rows = [item(0, options=("x", "y"), target="A"), item(1)]
    assert tabled(Item, table(Item, rows)) == rows


@given(st.lists(st.text(min_size=1), min_size=1))
def test_category_paths_are_reversible(names: list[str]) -> None:
    assert category_parts(category_path(*names)) == tuple(names)


def test_one_lock_per_run(tmp_path: Path) -> None:
    code = (
        f"from honne.engine.store import locked\nfrom pathlib import Path\nwith locked(Path({str(tmp_path)!r})): pass"
    )
    with locked(tmp_path):
        second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "in use by another honne process" in second.stderr
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_open_run_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "gpt-4").mkdir()
    with pytest.raises(StoreError, match="gpt-4"):
        open_run(tmp_path / "gpt4")


def test_a_folder_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"format": 99, "honne": "9"}))
    with pytest.raises(StoreError, match="newer"):
        open_run(tmp_path)


def test_differences_name_what_changes_a_request_and_nothing_else() -> None:
    def spec(temperature: float, base: str, limit: int | None) -> dict[str, object]:
        model = {"name": "openai/x", "spec": f"openai/x?base_url={base}", "settings": {"temperature": temperature}}
        benchmarks = [{"name": "flames", "version": "1", "spec": "flames", "title": "t"}]
        return {"model": model, "benchmarks": benchmarks, "samples": 1, "seed": 0, "limit": limit, "judges": []}

    assert differences(spec(0, "http://a", None), spec(0, "http://b", None)) == []
    changed = differences(spec(0, "http://a", None), spec(1, "http://a", 5))
    assert changed == ["model.temperature: was 0, now 1", "limit: was null, now 5"]


def test_limit_is_stratified_seeded_and_prefix_stable() -> None:
    items = [item(i, category="ab"[i % 4 == 0], group=f"g{i // 2}") for i in range(80)]
    few, more = (limited(items, n, seed=1) for n in (10, 20))
    assert {i.group for i in few} < {i.group for i in more}
    assert len({i.group for i in few}) == 10
    assert [i.seq for i in more] == sorted(i.seq for i in more)
    assert limited(items, 10, seed=1) == few != limited(items, 10, seed=2)
    even = [item(i, category=f"c{i % 5}") for i in range(100)]
    assert {c: sum(i.category == c for i in limited(even, 10, 0)) for c in {i.category for i in even}} == dict.fromkeys(
        (f"c{i}" for i in range(5)), 2
    )


def test_a_full_disk_stops_and_keeps_what_was_received(tmp_path: Path) -> None:
    """The file-size limit stands in for a full disk: a short write, then an error."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            out: journal.Journal[Response] = journal.Journal(tmp_path)
            try:
                for i in range(100):
                    out.append(response(str(i), "x" * 50))
            except Stopped as e:
                code = 0 if "free some space" in str(e) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    content = (tmp_path / "000001.jsonl").read_bytes()
    assert content.endswith(b"\n") and 0 < len(content) <= 1000
    assert [r.item_id for r in read(tmp_path)] == [str(i) for i in range(content.count(b"\n"))]


def test_estimates_do_not_depend_on_the_folder_name(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        RunFolder(tmp_path / name).write_estimates([])
    assert (tmp_path / "one" / "estimates.json").read_bytes() == (tmp_path / "two" / "estimates.json").read_bytes()
