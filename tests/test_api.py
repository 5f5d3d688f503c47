"""The public API: a few names, Arrow tables, batches."""

from __future__ import annotations

from pathlib import Path

import pytest

import honne
from honne import plugins, records
from run_parts import questions
from server import Server


def test_exported_names() -> None:
    assert sorted(honne.__all__) == [
        "ConfigError",
        "DataError",
        "HonneError",
        "JudgeError",
        "MissingExtra",
        "ModelError",
        "Run",
        "Stopped",
        "StoreError",
        "TrainingError",
        "__version__",
        "compare",
        "judge",
        "load",
        "run",
    ]
    assert all(hasattr(honne, name) for name in honne.__all__)


def test_run_load_scan_compare(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 60)
    with Server() as server:
        runs = [
            honne.run(spec, model=server.spec(name), judge="llm/" + server.spec("j"), out=tmp_path / name)
            for name in ("a", "b")
        ]
    run = honne.load(tmp_path / "a")
    assert repr(run) == repr(runs[0])
    assert run.items.schema.names == list(records.Item.__struct_fields__)
    assert run.responses.schema.names == list(records.Response.__struct_fields__)
    assert run.judgments.schema.names == list(records.Judgment.__struct_fields__)
    assert run.estimates.schema.names == list(records.Estimate.__struct_fields__)
    assert run.items.num_rows == run.responses.num_rows == run.judgments.num_rows == 60
    assert sum(batch.num_rows for batch in run.scan("responses")) == 60
    assert set(run.estimates.column("run").to_pylist()) == {"a"}
    rows = honne.compare(*runs)
    (whole,) = [r for r in rows if r.metric == "safe_rate" and r.slice == "all"]
    assert whole.n == 60 and whole.a is not None and whole.b is not None
    assert whole.difference == pytest.approx(whole.a - whole.b)
    with pytest.raises(honne.StoreError, match="unknown table"):
        list(run.scan("answers"))


async def test_run_inside_a_running_loop(tmp_path: Path) -> None:
    """As in a notebook."""
    spec = questions(tmp_path / "q.jsonl", 5)
    with Server() as server:
        assert honne.run(spec, model=server.spec("m"), out=tmp_path / "r").responses.num_rows == 5


def test_limit_takes_groups(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 60)
    with Server() as server:
        run = honne.run(spec, model=server.spec("m"), out=tmp_path / "r", limit=6)
    assert run.items.num_rows == 6
    assert sorted(run.items.column("category").to_pylist()) == [f"sums%2F{i}" for i in range(3) for _ in range(2)]


def test_every_plugin_loads_and_says_what_it_is() -> None:
    for kind in plugins.KINDS:
        for name in plugins.names(kind):
            assert plugins.load(kind, name) is not None
    assert {"demo", "file", "fine", "flames", "trust-safety", "xstest"} <= set(plugins.names("benchmarks"))
    with pytest.raises(honne.ConfigError, match="Did you mean 'flames'"):
        plugins.load("benchmarks", "flame")


def test_a_plugin_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package adds a metric by entry point; nothing in honne changes."""
    info = tmp_path / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[honne.metrics]\nshort-answers = outside_metric:PLUGIN\n")
    docs = (Path(__file__).parent.parent / "docs" / "plugins.md").read_text()
    code = docs.split("A metric in full:")[1].split("```python\n")[1].split("```")[0]
    (tmp_path / "outside_metric.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    assert "short-answers" in plugins.names("metrics")
    item = records.Item(seq=0, id="i", benchmark="b", version="1", lang="en", category="c", group="i", messages=())
    answer = records.Response(item_id="i", model="m", text="short", status="ok", at=records.now())
    rows = [plugins.Row(item, 0, answer, None), plugins.Row(item, 1, None, None)]
    (measure,) = plugins.load("metrics", "short-answers")(plugins.View(rows, None))
    assert [(u.id, u.value) for u in measure.units] == [("i", 1.0), ("i#1", None)]
