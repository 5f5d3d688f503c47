"""Bad input to `honne align`: one line that says what, where and what is allowed, exit code 2, and no model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import align_parts as parts
import local_parts
from pairs_parts import jsonl
from run_parts import honne

torch = parts.torch
ROW = {"prompt": "What is 1 plus 1?", "chosen": "2", "rejected": "no"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return local_parts.save(tmp_path_factory.mktemp("tiny"), "llama", positions=64)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parts.pairs(tmp_path_factory.mktemp("good") / "p.jsonl")


def refused(capsys: pytest.CaptureFixture[str], out: Path, model: str | Path, data: Path, *args: str | Path) -> str:
    """The line that refuses the arguments."""
    spec = model if isinstance(model, str) else f"hf/{model}"
    method = () if "--method" in args else ("--method", "dpo")
    rate = () if "--lr" in args else ("--lr", "1e-3")
    code, said, error = parts.cli(capsys, spec, data, "-o", out, *method, *rate, "--steps", "3", "--batch", "4", *args)
    assert code == 2, (said, error)
    (line,) = error.splitlines()
    assert line.startswith("honne: ") and not list(out.glob("*model.safetensors"))
    return line


def written(folder: Path, *given: dict[str, Any], change: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """Pairs whose file was changed by a hand that also mended the record's sha256."""
    import hashlib

    path = parts.pairs(folder / "p.jsonl", list(given))
    told = [json.loads(line) for line in path.read_text().splitlines()]
    if change is not None:
        change(told[-1])
    jsonl(path, told)
    record = json.loads(path.with_suffix(".json").read_text())
    record["files"]["train"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(record))
    return path


def _equal(row: dict[str, Any]) -> None:
    row["rejected"] = row["chosen"]


def _empty(row: dict[str, Any]) -> None:
    row["rejected"][0]["content"] = " "


def _ended(row: dict[str, Any]) -> None:
    row["chosen"][0]["content"] = "a<|eot|>b"


def _role(row: dict[str, Any]) -> None:
    row["prompt"] = []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_equal, "line 2: chosen and rejected are the same"),
        (_empty, "line 2: the rejected answer is empty"),
        (_ended, "line 2: the chosen answer has an end token"),
        (_role, "line 2"),
    ],
)
def test_pairs_that_teach_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny: Path, change: Callable[[dict[str, Any]], None], why: str
) -> None:
    data = written(tmp_path, ROW, {**ROW, "prompt": "And 2?"}, change=change)
    assert why in refused(capsys, tmp_path / "out", tiny, data)


def test_pairs_longer_than_the_context(tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny: Path) -> None:
    long = [{**ROW, "prompt": f"{i} " + "sums and " * 60} for i in range(2)]
    data = parts.pairs(tmp_path / "p.jsonl", [*parts.rows(8), *long])
    line = refused(capsys, tmp_path / "out", tiny, data)
    assert "the model reads 64 (2 such pairs); --drop-long trains without them" in line
    told, _ = parts.trained(tmp_path / "out", parts.settings(tiny, data, drop_long=True))
    assert told["pairs"]["train"] | {"pairs": 8, "too_long": 2} == told["pairs"]["train"]
    only = parts.pairs(tmp_path / "only.jsonl", long)
    assert "the model reads 64" in refused(capsys, tmp_path / "none", tiny, only, "--drop-long")


def test_models_that_cannot_be_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str], good: Path) -> None:
    def no(model: str | Path, *more: str) -> str:
        return refused(capsys, tmp_path / "out", model, good, *more)

    assert "no chat template" in no(local_parts.save(tmp_path / "untaught", template=False))
    endless = local_parts.save(tmp_path / "endless")
    for name in ("tokenizer_config.json", "config.json", "generation_config.json"):
        told = json.loads((endless / name).read_text())
        told |= {key: None for key in told if key.startswith("eos_token")}
        (endless / name).write_text(json.dumps(told))
    assert "no end token" in no(endless)
    assert "no folder" in no(f"hf/{tmp_path / 'nowhere'}")
    (tmp_path / "bare").mkdir()
    assert "no config.json" in no(tmp_path / "bare")
    assert "openai/m cannot be trained" in no("openai/m")
    assert "kitsune" in no("organism/kitsunee")
    assert "temperature" in no(f"hf/{endless}?temperature=1")
    damaged = local_parts.save(tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"\0" * 100)
    assert "cannot be loaded" in no(damaged)
    assert "adapter" in no(f"hf/{endless}?adapter={tmp_path / 'bare'}")
    assert "merged" in no(f"hf/{endless}?adapter={tmp_path / 'bare'}", "--lora", "4")


def test_a_vocabulary_that_does_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str], good: Path) -> None:
    import transformers

    small = tmp_path / "small"
    transformers.AutoModelForCausalLM.from_config(local_parts.config("llama", 60)).save_pretrained(small)
    local_parts.tokenizer("llama").save_pretrained(small)
    line = refused(capsys, tmp_path / "out", small, good)
    assert "line 1: the tokenizer has a token" in line and "the model knows 60" in line
    one, other = local_parts.save(tmp_path / "one"), local_parts.save(tmp_path / "other")
    made = local_parts.tokenizer("llama")
    made.add_tokens(["a new one"])
    made.save_pretrained(other)
    line = refused(capsys, tmp_path / "out", one, good, "--reference", f"hf/{other}")
    assert "another vocabulary" in line and "a new one" in line


def test_numbers_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny: Path, good: Path) -> None:
    from safetensors.torch import load_file, save_file

    rate = refused(capsys, tmp_path / "far", tiny, good, "--lr", "1e9")
    assert "diverged: " in rate and "--lr (it is 1e+09)" in rate
    hole = local_parts.save(tmp_path / "hole")
    held = load_file(hole / "model.safetensors")
    held["model.layers.1.mlp.down_proj.weight"][3, 3] = float("nan")
    save_file(held, hole / "model.safetensors", metadata={"format": "pt"})
    assert "not numbers" in refused(capsys, tmp_path / "out", hole, good)


def test_the_last_step_may_diverge_as_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny: Path, good: Path
) -> None:
    """Its loss is that of the weights before it: what it leaves is looked at before it is saved."""
    assert "in step 1" in refused(capsys, tmp_path / "out", tiny, good, "--lr", "1e30", "--steps", "1")
    assert "no numbers in step 1" in json.loads((tmp_path / "out" / "align.json").read_text())["diverged"]


def test_pairs_without_their_record(tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny: Path, good: Path) -> None:
    bare = jsonl(tmp_path / "bare.jsonl", [ROW])
    assert "no record" in refused(capsys, tmp_path / "out", tiny, bare)
    assert "nothing.json" in refused(capsys, tmp_path / "out", tiny, tmp_path / "nothing.jsonl")
    changed = parts.pairs(tmp_path / "changed.jsonl")
    changed.write_text(changed.read_text().replace("What", "Who"))
    assert "was changed after it was written" in refused(capsys, tmp_path / "out", tiny, changed)
    line = refused(capsys, tmp_path / "out", tiny, good, "--tuning", good)
    assert "is the file to train on" in line
    leak = parts.pairs(tmp_path / "leak.jsonl", [*parts.rows(2, first=70), *parts.rows(1)])
    line = refused(capsys, tmp_path / "out", tiny, good, "--tuning", leak)
    assert "its prompt is in" in line and "honne pairs --split" in line
    number = int(line.split(" line ")[1].split(":")[0])
    assert "10 plus 20" in leak.read_text().splitlines()[number - 1]


def test_what_a_method_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny: Path, good: Path) -> None:
    def no(data: Path, method: str, *more: str) -> str:
        return refused(capsys, tmp_path / "out", tiny, data, "--method", method, *more)

    single = parts.unpaired(tmp_path / "single.jsonl")
    assert "has one answer only, and dpo compares two" in no(single, "dpo")
    assert "whether its answers are safe" in no(good, "safedpo")
    assert "Did you mean 'dpo'?" in no(good, "dpoo")
    assert "Did you mean 'beta'?" in no(good, "dpo?betta=1")
    assert "above 0" in no(good, "dpo?beta=0")
    assert "no name after a slash" in no(good, "dpo/x")
    wrong = "--lr 0, --lr nan, --sft-weight -1, --batch 0, --steps 0, --warmup 2, --lora 0, --patience -1, --every 0"
    for option, value in (one.split() for one in wrong.split(", ")):
        assert option in no(good, "dpo", option, value)
    assert "--epochs" in no(good, "dpo", "--epochs", "1")
    assert "--precision" in no(good, "dpo", "--precision", "float23")
    if not torch.accelerator.is_available():
        assert "float32 is faster" in no(good, "dpo", "--precision", "bfloat16")
        assert "no such device" in no(good, "dpo", "--device", "cuda")


def test_folders_that_hold_something_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tiny: Path, good: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    assert "not empty" in refused(capsys, out, tiny, good)
    (out / "thesis.txt").unlink()
    (out / "align.json").write_text("[]")
    assert "no record of honne align" in refused(capsys, out, tiny, good)
    (out / "align.json").unlink()
    parts.trained(tmp_path / "done", parts.settings(tiny, good))
    code, _, error = parts.cli(capsys, f"hf/{tiny}", good, "-o", tmp_path / "done", "--method", "dpo", "--lr", "1e-3")
    assert code == 2 and "finished training" in error
    file = tmp_path / "file"
    file.write_text("")
    assert str(file) in refused(capsys, file, tiny, good)


def test_a_launcher_that_joined_nothing(tmp_path: Path, tiny: Path, good: Path) -> None:
    """Two processes that accelerate did not join would both train, and both write."""
    args = ("align", f"hf/{tiny}", good, "-o", tmp_path / "out", "--method", "dpo", "--lr", "1e-3")
    # `accelerate launch --cpu --num_processes 2` starts one process, and leaves MASTER_ADDR alone behind
    for env in ({"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}, {"MASTER_ADDR": "127.0.0.1"}):
        found = honne(*args, **env)
        (line,) = found.stderr.splitlines()
        assert found.returncode == 2 and "accelerate launch --multi_gpu --num_processes N" in line


@pytest.mark.parametrize("package", ["torch", "peft", "accelerate"])
def test_a_missing_extra_names_the_pip_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tiny: Path,
    good: Path,
    package: str,
) -> None:
    import importlib.util

    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == package else there(name, *a))
    assert "pip install 'honne[align]'" in refused(capsys, tmp_path / "out", tiny, good)
