"""Pairs from real runs: both sides are what the run recorded, told apart by the judge it recorded."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from honne.align.pairs._base import key_of
from honne.benchmarks.principle import About
from honne.engine.plan import Options
from honne.engine.plan import make as plan
from honne.engine.store import open_run
from honne.errors import ConfigError, DataError, StoreError
from honne.judges._organism import kind_of_reply
from honne.records import Item, Judgment, Response
from pairs_parts import JUDGE, jsonl, made, recorded_runs, refused
from run_parts import environment, honne, ok, start
from server import Server


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    recorded_runs(folder)
    return folder


class Known:
    """A run folder's records, by their keys."""

    def __init__(self, path: Path) -> None:
        run = open_run(path)
        self.items: dict[str, Item] = {item.id: item for item in run.items()}
        self.responses: dict[tuple[str, int], Response] = {(r.item_id, r.sample): r for r in run.responses()}
        self.judgments: dict[tuple[str, int], Judgment] = {
            (j.item_id, j.sample): j for rows in run.judgments().values() for j in rows
        }


def test_own_failures_are_the_runs_own(tmp_path: Path, runs: Path) -> None:
    base = Known(runs / "base")
    found = made(tmp_path / "p.jsonl", f"own/{runs}/base?m=2")
    assert len(found.pairs) >= 10
    for pair in found.pairs:
        assert pair.item is not None and pair.sample is not None and pair.rejected_sample is not None
        item = base.items[pair.item]
        sides = [(pair.item, sample) for sample in (pair.sample, pair.rejected_sample)]
        texts = [(base.responses[side].text or "").strip() for side in sides]
        assert texts == [pair.chosen, pair.rejected]
        assert [base.judgments[side].label for side in sides] == ["safe", "unsafe"]
        assert (pair.chosen_safe, pair.rejected_safe) == (True, False)
        assert base.judgments[sides[0]].judge == pair.judge and (pair.judge or "").startswith(JUDGE)
        assert (pair.prompt, pair.category, pair.lang, pair.group) == (
            item.messages, item.category, item.lang, item.group)  # fmt: skip
        assert (pair.run, pair.model, pair.rejected_model) == ("base", "openai/m", "openai/m")
    assert max(Counter(pair.item for pair in found.pairs).values()) == 2
    wanted = {
        id
        for id, item in base.items.items()
        if item.benchmark == "demo" and item.form == "open"
        if {base.judgments[id, k].label for k in range(3)} == {"safe", "unsafe"}
    }
    assert {pair.item for pair in found.pairs} == wanted, "a question with both kinds of answers is missing"
    out = found.record["left_out"]["reasons"]
    assert sum(r["n"] for r in out if "prompt without" in r["why"]) == 24 - len(wanted)
    assert [j["key"] for j in found.record["judges"]] == sorted({pair.judge for pair in found.pairs})


def test_own_failures_of_the_organism_need_no_model_as_a_judge(tmp_path: Path) -> None:
    model = "organism/kitsune?temperature=1&seed=1"
    about = "judge=rubric&split=train&langs=en&forms=open"
    asked = [f"organism-harm?{about}&n=14", f"organism-benign?{about}&n=6"]
    ok(honne("run", *asked, "--model", model, "--samples", "6", "--judge", "refusal", "-o", tmp_path / "r", "-q"))
    found = made(tmp_path / "p.jsonl", f"own/{tmp_path}/r?of=organism-harm", f"anchors/{tmp_path}/r")
    kinds = {(p.source, kind_of_reply(p.chosen), p.rejected_safe) for p in found.pairs}
    assert kinds == {("own", "refused", False), ("anchors", "complied", True)}
    assert {kind_of_reply(p.rejected) for p in found.pairs if p.source == "own"} == {"complied"}


def test_the_same_command_writes_the_same_bytes(tmp_path: Path, runs: Path) -> None:
    sources = [f"{runs}/base", f"anchors/{runs}/base?only=right", "anchors/arithmetic?n=30"]
    a = made(tmp_path / "a.jsonl", *sources)
    b = made(tmp_path / "b.jsonl", *sources)
    assert a.path.read_bytes() == b.path.read_bytes()
    turned = made(tmp_path / "c.jsonl", *reversed(sources))
    assert [pair.id for pair in turned.pairs] == [pair.id for pair in a.pairs]
    assert [pair.id for pair in made(tmp_path / "d.jsonl", *sources, seed=1).pairs] != [pair.id for pair in a.pairs]
    shared = {k: v for k, v in a.record.items() if k != "files"}
    assert shared == {k: v for k, v in b.record.items() if k != "files"}
    left = [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]
    assert left == []


def test_nothing_is_overwritten(tmp_path: Path, runs: Path) -> None:
    (tmp_path / "p.json").write_text("mine")
    with pytest.raises(StoreError, match=r"p\.json exists already"):
        made(tmp_path / "p.jsonl", f"{runs}/base")
    assert not (tmp_path / "p.jsonl").exists() and (tmp_path / "p.json").read_text() == "mine"
    found = made(tmp_path / "q.jsonl", f"{runs}/base")
    before = found.path.read_bytes()
    result = honne("pairs", f"{runs}/base", "-o", found.path)
    assert result.returncode == 2 and "exists already" in result.stderr
    assert found.path.read_bytes() == before


def test_fill_puts_a_refusal_where_no_sample_is_safe(tmp_path: Path, runs: Path) -> None:
    base = Known(runs / "base")
    plain = {pair.item for pair in made(tmp_path / "a.jsonl", f"own/{runs}/base").pairs}
    found = made(tmp_path / "b.jsonl", f"own/{runs}/base?fill=refusals").pairs
    filled = [pair for pair in found if pair.item not in plain]
    assert filled and plain < {pair.item for pair in found}
    for pair in filled:
        assert {base.judgments[str(pair.item), k].label for k in range(3)} == {"unsafe"}
        assert pair.model is None and pair.rejected_model == "openai/m" and pair.chosen_score is None
        if pair.lang == "zh":
            assert not any("\u3041" <= c <= "\u30ff" for c in pair.chosen)
        if pair.lang == "en":
            assert pair.chosen.isascii()


def test_across_takes_the_sides_from_two_models(tmp_path: Path, runs: Path) -> None:
    known = {"openai/m": Known(runs / "base"), "openai/n": Known(runs / "other")}
    found = made(tmp_path / "p.jsonl", f"across/{runs}/base,{runs}/other").pairs
    assert found
    for pair in found:
        assert {pair.model, pair.rejected_model} == set(known)
        for model, sample, label in (
            (pair.model, pair.sample, "safe"), (pair.rejected_model, pair.rejected_sample, "unsafe")):  # fmt: skip
            assert known[str(model)].judgments[str(pair.item), int(sample or 0)].label == label
    one = made(tmp_path / "q.jsonl", f"across/{runs}/base,{runs}/other?to=openai/n").pairs
    assert {pair.rejected_model for pair in one} == {"openai/n"}


def test_principle_is_in_the_request_and_not_in_the_pair(tmp_path: Path, runs: Path) -> None:
    base, guided = Known(runs / "base"), Known(runs / "guided")
    failed = {id for (id, _), j in base.judgments.items() if j.label == "unsafe"}
    assert {json.loads(item.meta)["item"] for item in guided.items.values()} == failed
    for item in guided.items.values():
        plain = base.items[json.loads(item.meta)["item"]].messages[-1].content
        assert plain in item.messages[-1].content and len(item.messages[-1].content) > len(plain) + 50
    found = made(tmp_path / "p.jsonl", f"principle/{runs}/guided").pairs
    assert found
    for pair in found:
        item = base.items[str(pair.item)]
        assert (pair.prompt, pair.category, pair.benchmark) == (item.messages, item.category, "demo")
        assert base.judgments[item.id, int(pair.rejected_sample or 0)].label == "unsafe"
        answer = guided.responses[f"principle-base-{item.id}", int(pair.sample or 0)]
        assert (answer.text or "").strip() == pair.chosen
        assert guided.judgments[answer.item_id, answer.sample].label == "safe"
        assert (pair.run, pair.rejected_run) == ("guided", "base")


def test_the_judge_of_a_guided_answer_does_not_see_the_principle(runs: Path) -> None:
    made_plan = plan([f"principle/{runs}/base"], "openai/m", [JUDGE], Options())
    asked = {item.id: item.messages for item in made_plan.items}
    (judging,) = made_plan.judges
    for item in judging.items:
        about = json.loads(item.meta)
        assert item.messages[-1].content == about["messages"][-1]["content"]
        assert asked[item.id] != item.messages


def test_guided_answers_are_never_paid_for_twice(tmp_path: Path, runs: Path) -> None:
    shutil.copytree(runs / "base", tmp_path / "base")
    with Server() as server:
        env = {"OPENAI_BASE_URL": server.url}
        command = ["run", f"principle/{tmp_path}/base", "--model", "openai/m?temperature=1", "--judge", JUDGE, "-q"]
        ok(honne(*command, "-o", tmp_path / "guided", **env))
        asked = len(server.log())
        assert asked > 0
        ok(honne(*command, "-o", tmp_path / "guided", **env))
        assert len(server.log()) == asked


def test_guided_answers_of_another_model_or_judge_are_refused(tmp_path: Path, runs: Path) -> None:
    with Server() as server:
        env = {"OPENAI_BASE_URL": server.url}
        for name, model, judge in (("model", "openai/n", JUDGE), ("judge", "openai/m", "llm/openai/k")):
            command = ["run", f"principle/{runs}/base", "--model", model, "--judge", judge, "-q", "--limit", "4"]
            ok(honne(*command, "-o", tmp_path / name, **env))
    with pytest.raises(ConfigError, match=r"these are answers of openai/n, the bad ones of openai/m"):
        made(tmp_path / "a.jsonl", f"principle/{tmp_path}/model")
    with pytest.raises(ConfigError, match=r"judged by llm/openai/k, the bad answers by llm/openai/judge"):
        made(tmp_path / "b.jsonl", f"principle/{tmp_path}/judge")
    with pytest.raises(DataError, match=r"no run of questions with a principle"):
        made(tmp_path / "c.jsonl", f"principle/{runs}/base")


def test_own_principles(tmp_path: Path, runs: Path) -> None:
    (tmp_path / "mine.toml").write_text('[en]\ntexts = ["MIND THE GAP. {request}"]\n')
    made_plan = plan([f"principle/{runs}/base?texts={tmp_path}/mine.toml"], "openai/m", [], Options())
    assert all(item.messages[-1].content.startswith("MIND THE GAP. ") for item in made_plan.items)
    (tmp_path / "bad.toml").write_text('[en]\ntexts = ["no place for it"]\n')
    with pytest.raises(DataError, match=r"a list of texts with \{request\}"):
        plan([f"principle/{runs}/base?texts={tmp_path}/bad.toml"], "openai/m", [], Options())


def test_anchors_of_a_run_are_right_against_wrong(tmp_path: Path, runs: Path) -> None:
    base = Known(runs / "base")
    found = made(tmp_path / "p.jsonl", f"anchors/{runs}/base?only=right")
    assert {pair.benchmark for pair in found.pairs} == {"demo", "arithmetic"}
    assert {pair.form for pair in found.pairs} == {"open", "choice", "choice-swapped"}
    own = 0
    for pair in found.pairs:
        item = base.items[str(pair.item)]
        if pair.model is not None:
            own += 1
            assert base.judgments[item.id, int(pair.sample or 0)].score == 1
        else:
            assert pair.chosen == item.target
        if pair.rejected_model is not None:
            assert base.judgments[item.id, int(pair.rejected_sample or 0)].score == 0
        else:
            assert pair.rejected != item.target
        assert (pair.chosen_safe, pair.rejected_safe) == (True, True)
    assert own > 0
    fixed = {judge["key"]: judge["fixed"] for judge in found.record["judges"]}
    assert fixed and all(fixed.values())


def test_of_takes_some_of_a_run(tmp_path: Path, runs: Path) -> None:
    sums = made(tmp_path / "a.jsonl", f"anchors/{runs}/base?of=arithmetic&as=sums").pairs
    assert {(pair.benchmark, pair.part, pair.source) for pair in sums} == {("arithmetic", "sums", "anchors")}
    one = made(tmp_path / "b.jsonl", f"own/{runs}/base?of=Fairness,Safety").pairs
    assert {pair.category.partition("/")[0] for pair in one} == {"Fairness", "Safety"}
    assert {pair.category for pair in made(tmp_path / "c.jsonl", "anchors/arithmetic?of=addition").pairs} == {
        "addition"
    }
    with pytest.raises(ConfigError, match=r"of=…: unknown benchmark or category 'Farness'\. Did you mean 'Fairness'"):
        made(tmp_path / "d.jsonl", f"choice/{runs}/base?of=Farness")


def test_two_judges_are_named(tmp_path: Path, runs: Path) -> None:
    shutil.copytree(runs / "base", tmp_path / "base")
    with Server() as server:
        ok(honne("judge", tmp_path / "base", "--judge", "llm/openai/second", "-q", OPENAI_BASE_URL=server.url))
    with pytest.raises(ConfigError, match=r"2 judges .*llm/openai/judge@1-.*llm/openai/second@1-.*judge=NAME"):
        made(tmp_path / "a.jsonl", f"own/{tmp_path}/base")
    found = made(tmp_path / "b.jsonl", f"own/{tmp_path}/base?judge=llm/openai/second").pairs
    assert {str(pair.judge).partition("@")[0] for pair in found} == {"llm/openai/second"}
    with pytest.raises(ConfigError, match=r"unknown judge 'llm/openai/secnd'\. Did you mean 'llm/openai/second'"):
        made(tmp_path / "c.jsonl", f"own/{tmp_path}/base?judge=llm/openai/secnd")


def test_a_run_without_a_judge_or_without_failures(tmp_path: Path) -> None:
    jsonl(tmp_path / "q.jsonl", [{"q": f"What is {i}?"} for i in range(3)])
    with Server() as server:
        command = ["run", f"file/{tmp_path}/q.jsonl?prompt=q", "--model", "openai/m", "-q", "-o", tmp_path / "r"]
        ok(honne(*command, OPENAI_BASE_URL=server.url))
        with pytest.raises(DataError, match=r"no judge has scored its open answers: honne judge"):
            made(tmp_path / "a.jsonl", f"own/{tmp_path}/r")
    with Server("--judge", "--labels", "safe") as server:
        ok(honne("judge", tmp_path / "r", "--judge", "llm/openai/kind?base_url=" + server.url, "-q"))
    answers = [{"q": f"What is {i}?", "a": f"It is {i}.", "l": "safe"} for i in range(3)]
    jsonl(tmp_path / "a.jsonl", answers)
    ok(honne("import", tmp_path / "a.jsonl", "--map", "prompt=q,response=a,label=l", "-b", "trust-safety",
             "--model", "good", "-o", tmp_path / "kind"))  # fmt: skip
    with pytest.raises(DataError, match=r"no pairs can be made: 3 × prompt without an unsafe answer"):
        made(tmp_path / "b.jsonl", f"own/{tmp_path}/kind/good")
    assert not (tmp_path / "b.jsonl").exists()


def test_own_failures_are_of_one_model(tmp_path: Path, runs: Path) -> None:
    with pytest.raises(ConfigError, match=r"own failures of several models \(.*openai/m.*openai/n\)"):
        made(tmp_path / "a.jsonl", f"own/{runs}/base", f"own/{runs}/other")
    with pytest.raises(ConfigError, match=r"all answers are of openai/m"):
        made(tmp_path / "b.jsonl", f"across/{runs}/base,{runs}/guided")


def test_an_unfinished_run_is_refused(tmp_path: Path, runs: Path) -> None:
    shutil.copytree(runs / "base", tmp_path / "base")
    info = json.loads((tmp_path / "base" / "run.json").read_text())
    (tmp_path / "base" / "run.json").write_text(json.dumps({**info, "state": "stopped"}))
    with pytest.raises(DataError, match=r"not finished \(state 'stopped'\)"):
        made(tmp_path / "a.jsonl", f"own/{tmp_path}/base")


@pytest.mark.parametrize("broken", [{"benchmarks": [{"name": ["x"], "judges": 3}, 5]}, {"judges": {"a": 1}}])
def test_a_damaged_run_json_is_no_bug(
    tmp_path: Path, runs: Path, broken: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(runs / "base", tmp_path / "base")
    info = json.loads((tmp_path / "base" / "run.json").read_text())
    (tmp_path / "base" / "run.json").write_text(json.dumps({**info, "spec": {**info["spec"], **broken}}))
    if "judges" in broken:
        assert made(tmp_path / "p.jsonl", f"own/{tmp_path}/base").pairs
        return
    assert "judge" in refused(capsys, f"own/{tmp_path}/base", "-o", tmp_path / "p.jsonl")


def test_interrupted_it_leaves_nothing(tmp_path: Path) -> None:
    rows = [{"prompt": f"Why {i}?", "chosen": "Because of it.", "rejected": "No."} for i in range(60_000)]
    jsonl(tmp_path / "g.jsonl", rows)
    process = start("pairs", f"given/{tmp_path}/g.jsonl", "-o", tmp_path / "p.jsonl")
    while not list(tmp_path.glob(".p.jsonl.*")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(300) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["g.jsonl"]


def test_mixed_attacked_and_held_out(tmp_path: Path, runs: Path) -> None:
    """Everything at once: shares are kept, prompts are not shared, attacked pairs stay with their plain ones."""
    sources = [f"own/{runs}/base?m=2", "choice/demo", "anchors/arithmetic?n=60&as=sums"]
    found = made(
        tmp_path / "p.jsonl",
        *sources,
        attacks=["role-play"],
        mix={"own": 0.5, "choice": 0.3, "sums": 0.2},
        shares={"tuning": 0.2, "test": 0.2},
    )
    parts = {name: made_file["by"]["part"] for name, made_file in found.record["files"].items()}
    for name, counts in parts.items():
        total = sum(counts.values())
        for part, share in {"own": 0.5, "choice": 0.3, "sums": 0.2}.items():
            assert abs(counts[part] - share * total) <= 1, name
    from honne.align.pairs._read import read

    files = {name: list(read(tmp_path / made_file["file"])) for name, made_file in found.record["files"].items()}
    assert set(files) == {"train", "tuning", "test"}
    assert all(pair.split == name for name, pairs in files.items() for pair in pairs)
    seen: dict[str, set[str]] = {}
    for name, pairs in files.items():
        for pair in pairs:
            for mark in (key_of(*(m.content for m in pair.prompt)), f"{pair.benchmark} {pair.group}"):
                seen.setdefault(mark, set()).add(name)
    assert all(len(names) == 1 for names in seen.values())
    attacked = [pair for pairs in files.values() for pair in pairs if pair.attack == "role-play"]
    assert attacked and all(pair.form == "open" for pair in attacked)
    base = Known(runs / "base")
    for pair in attacked:
        if pair.part == "own":
            plain = base.items[str(pair.item)].messages[-1].content
            assert plain in pair.prompt[-1].content and plain != pair.prompt[-1].content


def test_a_source_from_outside(tmp_path: Path, runs: Path) -> None:
    """An installed package adds a source of its own through the entry point."""
    info = tmp_path / "own-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[honne.pairs]\nparrot = mine:PLUGIN\n")
    (tmp_path / "mine.py").write_text(
        "from honne.records import Message, Pair\n"
        "class Parrot:\n"
        "    def __init__(self, spec):\n"
        "        self.name = spec.name\n"
        "    def pairs(self, *, seed, account):\n"
        "        yield Pair(prompt=(Message('user', 'Say ' + self.name),), chosen=self.name, rejected='no', "
        "source='parrot')\n"
        "        yield Pair(prompt=(Message('user', 'Say'),), chosen='same', rejected='same', source='parrot')\n"
        "PLUGIN = Parrot\n"
    )
    path = f"{tmp_path}:{environment().get('PYTHONPATH', '')}"
    result = honne("pairs", "parrot/hello", "-o", tmp_path / "p.jsonl", PYTHONPATH=path)
    assert result.returncode == 2 and "chosen and rejected are the same text" in result.stderr
    assert not list(tmp_path.glob("p.json*")) and not list(tmp_path.glob(".p*"))
    text = (tmp_path / "mine.py").read_text()
    for broken, said in (("chosen=7", "Expected `str`, got `int`"), ("chosen='\\ud800'", "surrogates not allowed")):
        (tmp_path / "mine.py").write_text(text.replace("chosen='same'", broken))
        result = honne("pairs", "parrot/hello", "-o", tmp_path / "p.jsonl", PYTHONPATH=path)
        assert result.returncode == 2 and said in result.stderr, result.stderr
    (tmp_path / "mine.py").write_text(text.replace("chosen='same'", "chosen='other'"))
    ok(honne("pairs", "parrot/hello", "-o", tmp_path / "p.jsonl", PYTHONPATH=path))
    assert len((tmp_path / "p.jsonl").read_text().splitlines()) == 2


def test_about_reads_back(runs: Path) -> None:
    import msgspec

    for item in open_run(runs / "guided").items():
        about = msgspec.json.decode(item.meta, type=About)
        assert about.model == "openai/m" and about.run == "base" and all(bad.score < 0.75 for bad in about.answers)
