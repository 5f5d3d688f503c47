"""What `honne align` leaves and says: a record that repeats it, a card, a model that answers, lines to read."""

from __future__ import annotations

import asyncio
import io
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import align_parts as parts
import honne
import local_parts
from honne.align.training import Lora, Settings, method_of, train
from honne.align.training import asked as spec_of
from honne.align.training._load import tokens_of
from honne.models.organism import Organism
from honne.plugins import Request
from honne.records import Message
from honne.report.training import Progress
from honne.spec import parse
from run_parts import honne as command
from run_parts import ok

ASKED = ("What is 12 plus 30?", "Reverse the letters of abc.", "你好", "2 + 2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("outcome")
    local_parts.save(made / "base", "qwen3")
    parts.pairs(made / "pairs.jsonl")
    parts.pairs(made / "tuning.jsonl", parts.rows(6, first=70))
    return made


# ------------------------------------------------------------------- the organism


def test_the_organism_asks_the_same_tokens_both_ways() -> None:
    own, theirs = Organism(parse(parts.ORGANISM)), tokens_of(parse(f"hf/{parts.organism_folder()}"))
    asyncio.run(own.open())
    for text in ASKED:
        request = Request(item_id="a", messages=(Message("user", text),))
        assert own._ids(request) == theirs.prompter.ids(request, request.messages)


def test_the_organism_answers_the_same_both_ways(tmp_path: Path) -> None:
    """The whole benchmark's forms, in numpy and in torch, greedily."""
    both = {"numpy": parts.ORGANISM, "torch": f"hf/{parts.organism_folder()}?max_tokens=64"}
    for name, spec in both.items():
        ok(command("run", "organism?n=4", "--model", spec, "-o", tmp_path / name, "-q"))
    one, other = ({r["item_id"]: r["text"] for r in honne.load(tmp_path / name).responses.to_pylist()} for name in both)
    assert len(one) > 50 and one == other


# --------------------------------------------------------------------- the record


def test_the_record_is_enough_to_repeat_it(tmp_path: Path, folder: Path) -> None:
    how = parts.settings(
        folder / "base", folder / "pairs.jsonl", "ipo?beta=0.2", lora=Lora(2, 4.0), sft_weight=0.5, seed=3
    )
    first, _ = parts.trained(tmp_path / "first", how)
    told = json.loads((tmp_path / "first" / "align.json").read_text())
    assert told == first
    known: dict[str, Any] = dict(told["settings"])
    named, parameters = parts.method_of(known.pop("method"))
    assert parameters != known["parameters"]
    for key in ("model", "reference"):
        known[key] = parse(known[key]) if known[key] else None
    again = Settings(
        **{**known, "method": named, "pairs": folder / told["pairs"]["train"]["file"], "lora": Lora(**known["lora"])}
    )
    parts.trained(tmp_path / "again", again)
    assert parts.apart(tmp_path / "first", tmp_path / "again") == 0

    assert {"torch", "transformers", "peft", "honne"} <= told["environment"].keys()
    assert len(told["pairs"]["train"]["sha256"]) == 64 and len(told["start"]["weights"]) == 16
    assert told["scoring"]["rows"] == "packed" and told["processes"] == {"count": 1, "wrapper": "none"}
    assert told["before"]["replies"]["n"] > 0 and told["seconds"] > 0


def test_the_model_can_be_read_by_those_who_may_read_the_folder(tmp_path: Path, folder: Path) -> None:
    parts.trained(tmp_path / "out", parts.settings(folder / "base", folder / "pairs.jsonl", steps=1))
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "out").iterdir()}
    assert modes["model.safetensors"] == modes["align.json"], modes


@pytest.mark.parametrize("stored", ["bfloat16", "float32"])
def test_weights_are_saved_in_the_type_they_came_in(tmp_path: Path, folder: Path, stored: str) -> None:
    model = parts.loaded(folder / "base").to(getattr(parts.torch, stored))
    model.save_pretrained(tmp_path / "base")
    local_parts.tokenizer("qwen3").save_pretrained(tmp_path / "base")
    parts.trained(tmp_path / "out", parts.settings(tmp_path / "base", folder / "pairs.jsonl", lr=0.01))
    assert {str(t.dtype) for t in parts.weights(tmp_path / "out").values()} == {f"torch.{stored}"}
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["dtype"] == stored and config.get("use_cache", True)


def test_the_card_says_what_was_done_and_obeys_no_name(tmp_path: Path, folder: Path) -> None:
    odd = tmp_path / "<script>alert(1)</script>|x`_*"
    local_parts.save(odd, "qwen3")
    how = parts.settings(
        f"hf/{str(odd).replace('%', '%25')}",
        folder / "pairs.jsonl",
        "nca",
        sft_weight=3.0,
        tuning=folder / "tuning.jsonl",
    )
    parts.trained(tmp_path / "out", how)
    card = (tmp_path / "out" / "README.md").read_text()
    front, body = card.split("---\n", 2)[1:]
    assert "<script" not in body and "3.0 × NLL" in body and "24 preference pairs" in body
    assert re.findall(r"^base_model: (.*)$", front, re.M) and "<script" not in front
    rows = [line for line in body.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 3 for line in rows), rows
    import yaml

    # the card is made to be shared: it names the folder, not where it lies
    assert yaml.safe_load(front)["base_model"] == odd.name and str(tmp_path) not in card


def test_judges_of_the_pairs_are_in_the_record(tmp_path: Path, folder: Path) -> None:
    told, _ = parts.trained(tmp_path / "out", parts.settings(folder / "base", folder / "pairs.jsonl", steps=1))
    assert told["pairs"]["train"]["judges"] == []
    assert "judges that built the pairs | none" in (tmp_path / "out" / "README.md").read_text()


# ------------------------------------------------------------------ what is printed


def test_the_command_prints_a_table_and_what_to_do_next(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    args = (f"hf/{folder / 'base'}", folder / "pairs.jsonl", "-o", tmp_path / "out", "--lr", "1e-3", "--steps", "4")
    code, out, _ = parts.cli(
        capsys, *args, "--method", "dpo", "--lora", "2", "--tuning", folder / "tuning.jsonl", "--every", "2"
    )
    lines = out.splitlines()
    assert code == 0 and lines[0] == "dpo on 24 pairs: 4 steps of 32"
    assert "an adapter of rank 2, cpu; packed rows, prompt shared by both answers" in lines[1]
    (head,) = [line for line in lines if "margin" in line]
    measured = [line for line in lines if re.match(r" +[24]/4 ", line)]
    assert len(measured) == 2 and {len(line) for line in measured} == {len(head)} and len(head) < 100
    assert f"hf/{folder / 'base'}?adapter={tmp_path / 'out'}" in lines[-1]


def test_a_terminal_sees_every_step(folder: Path, tmp_path: Path) -> None:
    console = Console(force_terminal=True, width=120, file=io.StringIO())
    with Progress(console) as progress:
        train(parts.settings(folder / "base", folder / "pairs.jsonl", steps=30), tmp_path / "out", progress.say)
    assert isinstance(console.file, io.StringIO)
    assert "s to go" in console.file.getvalue() and "30 steps in" in console.file.getvalue() and progress.ended


@pytest.mark.parametrize(
    ("spec", "adapter", "asked"),
    [
        ("hf/a/b", False, "hf/out"),
        ("hf/a/b", True, "hf/a/b?adapter=out"),
        ("hf/a/b?template.think=false", False, "hf/out?template.think=false"),
        ("hf/a/b?template.think=false", True, "hf/a/b?template.think=false&adapter=out"),
        ("hf/a/b?revision=x", False, "hf/out"),
        ("hf/a/b?revision=x", True, "hf/a/b?revision=x&adapter=out"),
        ("organism/kitsune", False, "organism/kitsune?path=out"),
        ("organism/kitsune?path=o", True, "hf/o?adapter=out"),
    ],
)
def test_the_spec_that_measures_the_result(spec: str, adapter: bool, asked: str) -> None:
    settings = Settings(parse(spec), Path("p"), method_of("dpo")[0], 1e-4, lora=Lora(4, 8.0) if adapter else None)
    assert spec_of(settings, Path("out")) == asked
