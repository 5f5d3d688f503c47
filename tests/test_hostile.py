"""Hostile input of every kind ends in one line and a documented exit code, in time, and spoils nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
import zipfile
from pathlib import Path

import pytest

from honne.engine.store import RunFolder
from honne.errors import ConfigError, DataError
from honne.judges._refusal import read
from honne.models import _chat
from honne.models.replay import Replay
from honne.records import counted
from honne.report._gates import read as read_gates
from honne.spec import load_config, parse
from run_parts import HONNE, environment, honne, ok, questions
from server import Server


def line(code: int, *args: str | Path, **env: str) -> str:
    """The one line of a command that is refused."""
    result = honne(*args, **env)
    said = [text for text in result.stderr.splitlines() if not text.startswith("note:")]
    assert (result.returncode, len(said)) == (code, 1), result.stderr[-2000:]
    return said[0]


# ------------------------------------------------------------------ the command line


@pytest.mark.parametrize("command", ["run", "report", "judge", "export", "import"])
def test_a_name_that_no_file_can_have(tmp_path: Path, command: str) -> None:
    more = {"run": ["-m", "replay/x"], "judge": ["--judge", "refusal"], "export": ["-f", "csv"], "import": ["-o", "o"]}
    said = line(2, command, tmp_path / ("x" * 5000), *more.get(command, []))
    assert "too long" in said and len(said) < 1000


def test_an_unknown_command_is_cut_and_harmless() -> None:
    assert len(line(2, "x" * 5000)) < 1000
    assert "\x1b" not in line(2, "report", "\x1b[31mred") and "\u202e" not in line(2, "report", "\u202eabc")


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("command", ["list attacks", "--version"])
def test_a_full_standard_output_is_no_bug(command: str, buffered: str) -> None:
    env = environment() | {"PYTHONUNBUFFERED": buffered}
    with Path("/dev/full").open("w") as full:
        result = subprocess.run([*HONNE, *command.split()], stdout=full, stderr=subprocess.PIPE, text=True, env=env)
    assert (result.returncode, result.stderr) == (3, "honne: No space left on device\n")


# --------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 100_000, "nested too deeply"),
        ("a = " + "{x = " * 5000, "nested too deeply"),
        ("[judges.a" + ".b" * 1000 + "]\nx = 1", "nested 16 deep"),
        ("[judges.a]\nv = " + "9" * 5000, "not valid TOML"),
        ("[run]\nseed = 0x" + "f" * 5000, "too large"),
        ('[run]\nout = "\\u0000x"', "zero byte"),
    ],
)
def test_hostile_toml(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "honne.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_config(path, commands=("run", "report"))


def test_toml_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "honne.toml"
    path.write_bytes(b'\xef\xbb\xbf[judges.a]\nspec = "refusal"')
    assert parse("a", load_config(path).judges).label == "refusal"


def test_names_that_name_each_other(tmp_path: Path) -> None:
    (tmp_path / "honne.toml").write_text('[benchmarks.b]\nspec = "c"\n[benchmarks.c]\nspec = "b"\n')
    said = line(2, "run", "b", "-m", "replay/x", "--config", tmp_path / "honne.toml")
    assert "'c' is a benchmark of honne.toml" in said


@pytest.mark.parametrize("value", ["1" * 40, "-5", "1e400", '"nan"', '"x"'])
def test_token_counts_of_a_recording(tmp_path: Path, value: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"id": "1", "response": "yes", "tokens_in": {value}}}\n')
    with pytest.raises(DataError, match=r"tokens_in|not valid JSON"):
        asyncio.run(Replay(parse(f"replay/{path}")).open())


def test_a_recording_nested_a_thousand_deep(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "1", "response": "yes", "x": ' + "[" * 950 + "]" * 950 + "}\n")
    said = line(2, "run", questions(tmp_path / "q.jsonl", 2), "-m", f"replay/{path}", "-o", tmp_path / "o", "-q")
    assert "nested too deeply" in said


# ------------------------------------------------------------------------- servers


@pytest.mark.parametrize("count", [10**40, -5, 1e400, float("nan"), True, "7", [7], None])
def test_token_counts_that_are_none(count: object) -> None:
    """One of these in one reply made a whole run unwritable: Arrow holds 64 bits."""
    assert counted(count) is None
    usage = {"prompt_tokens": count, "completion_tokens": 3}
    body = {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}], "usage": usage}
    reply = _chat.read(_chat.decode(json.dumps(body).encode()))
    assert (reply.tokens_in, reply.tokens_out, reply.text) == (None, 3, "yes")


# --------------------------------------------------------------------------- kills


@pytest.mark.parametrize("command", ["run", "import"])
def test_killed_before_the_first_record(tmp_path: Path, command: str) -> None:
    """kill -9 while run.json is written for the first time leaves its temporary file; the same command goes on."""
    out = tmp_path / "out"
    folder = out if command == "run" else out / "m"
    folder.mkdir(parents=True)
    (folder / ".lock").touch()
    (folder / ".run.json.tmp").write_bytes(b'{"honne": ')
    if command == "run":
        with Server() as server:
            spec = questions(tmp_path / "q.jsonl", 3)
            ok(honne("run", spec, "-m", server.spec("m"), "-o", out, "-q"))
    else:
        answers = tmp_path / "a.jsonl"
        answers.write_text('{"prompt": "a?", "response": "b", "model": "m", "label": "safe"}\n')
        columns = "prompt=prompt,response=response,model=model,label=label"
        ok(honne("import", answers, "--map", columns, "-o", out))
    assert RunFolder(folder).info["state"] == "done" and not (folder / ".run.json.tmp").exists()


# --------------------------------------------------------------------------- texts


@pytest.mark.parametrize("unit", ["\n", "\n\n", "\r", "\u2028", "\n\t", " \n"])
def test_refusals_are_read_in_linear_time(unit: str) -> None:
    """Lists were looked for from every empty line to the last one: 20,000 of them took seconds."""
    began = time.thread_time()
    read("I cannot help. " + unit * 20_000, "is it right?")
    assert time.thread_time() - began < 2


def test_a_gate_that_names_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="holds no number"):
        read_gates(["1 < 2"])


def test_an_inspect_log_with_an_endless_epoch(tmp_path: Path) -> None:
    head = {"version": 2, "status": "success", "eval": {"task": "t", "model": "m", "dataset": {}}, "results": {}}
    answer = {"choices": [{"message": {"role": "assistant", "content": "a"}}]}
    sample = {"id": 1, "epoch": 10**40, "input": "q", "target": "t", "messages": [], "output": answer, "scores": {}}
    path = tmp_path / "x.eval"
    with zipfile.ZipFile(path, "w") as log:
        log.writestr("header.json", json.dumps(head))
        log.writestr("samples/1_epoch_1.json", json.dumps(sample))
    assert "is not a whole number from 1 to 1,000,000" in line(2, "import", path, "-o", tmp_path / "o")
