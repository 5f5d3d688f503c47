"""Bad input: one clear line that says what, where and what is allowed, and the right exit code."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from run_parts import HONNE, environment, honne, questions
from server import Server


def line(code: int, *args: str | Path, cwd: Path | None = None, **env: str) -> str:
    """The one line on stderr of a command that must fail with `code`; nothing may be printed on stdout."""
    result = honne(*args, cwd=cwd, **env)
    lines = [x for x in result.stderr.splitlines() if not x.startswith("note:")]
    assert result.returncode == code, result.stderr
    assert len(lines) == 1 and lines[0].startswith("honne: "), result.stderr
    assert result.stdout == ""
    return lines[0]


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    path = tmp_path / "answers.csv"
    path.write_text("question,answer,label\nHow are you?,fine,1\nAnd you?,well,0\n")
    return path


def test_missing_column(tmp_path: Path, answers: Path) -> None:
    said = line(2, "import", answers, "--map", "prompt=qestion,response=answer", "-o", tmp_path / "R")
    assert "'qestion'" in said and "'question'" in said and "answer" in said


def test_missing_column_of_a_benchmark_file(tmp_path: Path) -> None:
    questions(tmp_path / "q.jsonl", 3)
    said = line(2, "run", f"file/{tmp_path}/q.jsonl?prompt=qestion", "-m", "openai/x")
    assert "qestion" in said and "question" in said


@pytest.mark.parametrize("command", ["import", "run"])
def test_broken_json_on_line_17(tmp_path: Path, command: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"q": str(i)}) + "\n" for i in range(1, 17)) + '{"q": "17",\n{"q": "18"}\n')
    if command == "import":
        said = line(2, "import", path, "--map", "prompt=q", "-o", tmp_path / "R")
    else:
        said = line(2, "run", f"file/{path}?prompt=q", "-m", "openai/x")
    assert "rows.jsonl line 17" in said


def test_wrong_encoding_names_the_likely_one(tmp_path: Path) -> None:
    path = tmp_path / "gb.csv"
    path.write_bytes("问题,回答\n你好吗？,我很好，谢谢你的关心\n今天天气怎么样？,今天天气很好\n".encode("gb18030"))
    said = line(2, "import", path, "--map", "prompt=问题,response=回答", "-o", tmp_path / "R")
    assert "--encoding gb18030" in said
    result = honne("import", path, "--map", "prompt=问题,response=回答", "-o", tmp_path / "R", "--encoding", "gb18030")
    assert result.returncode == 0, result.stderr


def test_unknown_names(tmp_path: Path) -> None:
    assert "'flames'" in line(2, "run", "flmes", "-m", "openai/x")
    assert "'openai'" in line(2, "run", "flames", "-m", "openia/x")
    assert "temperature" in line(2, "run", "trust-safety", "-m", "openai/x?temprature=1")
    assert "price_in" in line(2, "run", "trust-safety", "-m", "openai/x?price_im=1")
    assert "a number" in line(2, "run", "trust-safety", "-m", "openai/x?temperature=warm")
    assert "llm" in line(2, "run", "trust-safety", "-m", "openai/x", "-j", "lm/openai/x")
    assert "langs" in line(2, "run", "trust-safety?lang=en", "-m", "openai/x")
    assert "'report'" in line(2, "reprot", "x")
    assert "--limit" in line(2, "run", "trust-safety", "-m", "openai/x", "--limmit", "3")
    assert "'json'" in line(2, "report", "x", "--format", "jsn")
    assert "'benchmarks'" in line(2, "list", "benchmark")


def test_what_is_missing(tmp_path: Path) -> None:
    assert "--model" in line(2, "run", "trust-safety")
    assert "benchmark" in line(2, "run", "-m", "openai/x")
    assert "runn" in line(2, "report", tmp_path / "runn")
    assert "run.json" in line(2, "report", tmp_path)
    assert "no such file" in line(2, "run", "trust-safety", "-m", "replay/none.jsonl").lower()
    assert "at least 1" in line(2, "run", "trust-safety", "-m", "openai/x", "--limit", "0")


def test_missing_data_says_how_to_get_them(tmp_path: Path) -> None:
    said = line(2, "run", "flames", "-m", "openai/x", HONNE_DATA="", HONNE_CACHE=str(tmp_path))
    assert "honne data fetch flames" in said and "HONNE_DATA" in said


def test_a_key_in_a_spec_is_refused_unseen(tmp_path: Path) -> None:
    said = line(2, "run", "trust-safety", "-m", "openai/x?api_key=sk-very-secret")
    assert "key_env" in said and "sk-very-secret" not in said


def test_unreachable_server(tmp_path: Path) -> None:
    with Server() as server:
        dead = server.spec("m")
    said = line(2, "run", questions(tmp_path / "q.jsonl", 5), "-m", dead, "-o", tmp_path / "r", "-q")
    assert "127.0.0.1" in said and ("reach" in said or "refused" in said)


def test_wrong_key_and_wrong_model(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 5)
    with Server("--key", "right", "--models", "m") as server:
        run = ("run", spec, "-o", tmp_path / "r", "-q", "-m")
        said = line(2, *run, server.spec("m"), OPENAI_API_KEY="wrong-key-1")
        assert "401" in said and "OPENAI_API_KEY" in said and "wrong-key-1" not in said
        said = line(2, "run", spec, "-o", tmp_path / "s", "-q", "-m", server.spec("other"), OPENAI_API_KEY="right")
        assert "404" in said and "other" in said
        assert len(server.log()) < 40
        assert honne(*run, server.spec("m"), OPENAI_API_KEY="right").returncode == 0


def test_unwritable_folder(tmp_path: Path) -> None:
    spec = questions(tmp_path / "q.jsonl", 5)
    (tmp_path / "file").write_text("")
    said = line(2, "run", spec, "-m", "openai/x?base_url=http://127.0.0.1:9/v1", "-o", tmp_path / "file" / "run", "-q")
    assert str(tmp_path / "file") in said
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    said = line(2, "run", spec, "-m", "openai/x?base_url=http://127.0.0.1:9/v1", "-o", tmp_path / "full", "-q")
    assert "not empty" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    said = line(2, "run", questions(tmp_path / "q.jsonl", 5), "-m", "openai/x", "-o", tmp_path / "locked" / "r", "-q")
    assert "ermission" in said


def test_a_full_disk_is_resumable(tmp_path: Path) -> None:
    """The file-size limit stands in for a full disk. What was received is kept, and is not asked again."""
    spec = questions(tmp_path / "q.jsonl", 400)
    with Server() as server:
        command = ["run", spec, "-m", server.spec("m"), "-o", str(tmp_path / "r"), "-q"]
        limited = ["sh", "-c", 'ulimit -f 40; exec "$@"', "sh", *HONNE, *command]
        result = subprocess.run(limited, capture_output=True, text=True, env=environment())
        assert result.returncode == 3, result.stderr
        said = [x for x in result.stderr.splitlines() if not x.startswith("note:")]
        assert len(said) == 1 and "same command goes on" in said[0]
        kept = sum(entry["hash"] in _hashes(tmp_path / "r") for entry in server.log() if entry.get("answer"))
        assert 20 < kept < 400
        before = len(server.log())
        assert honne(*command).returncode == 0
        assert len(server.log()) - before <= 400 - kept


def _hashes(run: Path) -> set[str]:
    from honne.engine.store import open_run

    return {r.request_hash for r in open_run(run).responses() if r.request_hash}


def test_a_run_folder_of_another_spec(tmp_path: Path) -> None:
    one, two = questions(tmp_path / "q.jsonl", 5), questions(tmp_path / "p.jsonl", 6)
    with Server() as server:
        assert honne("run", one, "-m", server.spec("m"), "-o", tmp_path / "r").returncode == 0
        assert "benchmarks.0" in line(2, "run", two, "-m", server.spec("m"), "-o", tmp_path / "r", "-q")
        assert "samples: was 1, now 2" in line(
            2, "run", one, "-m", server.spec("m"), "-o", tmp_path / "r", "-q", "--samples", "2"
        )


def test_toml_mistakes(tmp_path: Path) -> None:
    (tmp_path / "honne.toml").write_text("[model.x]\nspec = 'openai/x'\n")
    assert "'models'" in line(2, "run", "trust-safety", "-m", "x", cwd=tmp_path)
    (tmp_path / "honne.toml").write_text("[models.x\n")
    assert "TOML" in line(2, "run", "trust-safety", "-m", "x", cwd=tmp_path)
    (tmp_path / "honne.toml").write_text("[models.x]\nname = 'x'\n")
    assert "spec" in line(2, "run", "trust-safety", "-m", "x", cwd=tmp_path)


def test_show_names_the_nearest_item(tmp_path: Path, answers: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,q,a\nalpha-1,Hello?,Hi\n")
    assert honne("import", path, "--map", "id=id,prompt=q,response=a", "-o", tmp_path / "R").returncode == 0
    assert "alpha-1" in line(2, "show", tmp_path / "R" / "a", "alpha-2")


def test_hints_for_near_misses(tmp_path: Path, answers: Path) -> None:
    assert f"file/{answers}?prompt=" in line(2, "run", answers, "-m", "openai/x")
    assert "llm/openai/judge" in line(2, "run", "trust-safety", "-m", "openai/x", "-j", "openai/judge")
    assert "its own forms" in line(2, "run", "demo", "-m", "openai/x", "-j", "choice")
    assert "at least 1" in line(2, "run", "trust-safety", "-m", "openai/x", "--samples", "0")
    (tmp_path / "honne.toml").write_text("[models.small]\nspec = 'openai/x'\n[run]\nmodle = 'small'\n")
    assert "'model'" in line(2, "run", "trust-safety", "-m", "small", cwd=tmp_path)
    (tmp_path / "honne.toml").write_text("[models.small]\nspec = 'openai/x'\n[run]\nsamples = '2'\n")
    assert "whole number" in line(2, "run", "trust-safety", "-m", "small", cwd=tmp_path)
    (tmp_path / "honne.toml").write_text("[models.small]\nspec = 'openai/x'\n")
    assert "'small'" in line(2, "run", "trust-safety", "-m", "smal", cwd=tmp_path)


def test_a_damaged_run_json(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"format": 1}')
    assert "damaged" in line(2, "report", tmp_path)
    assert "is a file" in line(2, "report", tmp_path / "run.json")


@pytest.mark.parametrize("encoding", ["gbk", "cp932", "latin-1", "ascii"])
def test_a_terminal_of_another_encoding_ends_nothing(tmp_path: Path, answers: Path, encoding: str) -> None:
    def run(*args: str | Path) -> bytes:
        told = [*HONNE, *map(str, args)]
        result = subprocess.run(told, capture_output=True, env=environment(PYTHONIOENCODING=encoding))
        assert result.returncode == 0, result.stderr
        return result.stdout

    mapping = "prompt=question,response=answer,label=label"
    run(
        "import", answers, "--map", mapping, "--label-map", "1=safe,0=unsafe", "--model", "通义 ñ", "-o", tmp_path / "R"
    )
    (folder,) = (tmp_path / "R").iterdir()
    assert json.loads(run("report", folder, "-f", "json").decode())[0]["model"] == "通义 ñ"


def test_a_broken_plugin_is_one_line(tmp_path: Path) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[honne.benchmarks]\nbroken = broken_bench:PLUGIN\n")
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    assert "'broken' of broken" in line(2, "run", "broken", "-m", "openai/x", **env)
    result = honne("list", "benchmarks", **env)
    assert result.returncode == 0 and "cannot be loaded" in result.stdout and "flames" in result.stdout
