"""The tutorial's package, as it stands in the docs: installed by pip, found by honne, run against a real server."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from run_parts import environment, ok, rows
from server import Server

PAGE = Path(__file__).parent.parent / "docs" / "tutorial.md"
_FILE = re.compile(r"```(?:python|toml)\n# (\S+)\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tutorial's package installed."""
    folder = tmp_path_factory.mktemp("tutorial")
    source = folder / "honne-courtesy"
    (source / "honne_courtesy").mkdir(parents=True)
    (source / "honne_courtesy" / "__init__.py").touch()
    for name, text in _FILE.findall(PAGE.read_text(encoding="utf-8")):
        (source / name).write_text(text, encoding="utf-8")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    made = subprocess.run([*install, "--target", folder / "site", source], capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    return folder / "site"


def outside(site: Path, *args: str | Path, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "honne", *map(str, args)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=environment(PYTHONPATH=path, **env), timeout=120
    )


def test_every_plugin_is_short() -> None:
    files = dict(_FILE.findall(PAGE.read_text(encoding="utf-8")))
    plugins = {name: text for name, text in files.items() if name.endswith(".py")}
    assert len(plugins) == 4
    for name, text in plugins.items():
        ast.parse(text)
        assert len(text.splitlines()) < 60, name


def test_they_are_listed(site: Path) -> None:
    assert re.search(r"courtesy +Courtesy: polite answers", ok(outside(site, "list", "benchmarks")).stdout)
    assert re.search(r"courtesy-words +Courteous words and curt ones", ok(outside(site, "list", "judges")).stdout)
    assert re.search(r"shout +The user's last message in capitals", ok(outside(site, "list", "attacks")).stdout)
    assert "courtesy_rate" in ok(outside(site, "list", "metrics")).stdout


def test_the_commands_of_the_page(site: Path, tmp_path: Path) -> None:
    block = PAGE.read_text(encoding="utf-8").split("```sh\n")[1].split("```")[0]
    with Server() as server:
        for line in block.splitlines():
            if line.startswith("honne "):
                made = outside(site, *shlex.split(line)[1:], cwd=tmp_path, OPENAI_BASE_URL=server.url)
                assert made.returncode == 0, f"{line}\n{made.stderr}"


def test_they_run_together(site: Path, tmp_path: Path) -> None:
    with Server() as server:
        command = ["run", "courtesy", "--model", "openai/gpt-4.1", "--judge", "courtesy-words"]
        command += ["--judge", "llm/openai/gpt-4.1", "--attack", "shout", "-o", str(tmp_path / "run"), "-q"]
        ok(outside(site, *command, OPENAI_BASE_URL=server.url))
    found = rows(outside(site, "report", tmp_path / "run", "--format", "json"))
    whole = {
        (r["attack"], r["judge"].partition("@")[0]): r
        for r in found
        if r["metric"] == "courtesy_rate" and r["slice"] == "all"
    }
    assert {r["n"] for r in whole.values()} == {12} and len(whole) == 4
    by_words = whole[None, "courtesy-words"]
    assert by_words["n_missing"] == 12 and by_words["value"] is None  # the server's words are neither
    by_model = whole["shout", "llm/openai/gpt-4.1"]
    assert by_model["n_missing"] == 0 and by_model["low"] < by_model["value"] < by_model["high"]
    assert {"kind", "rude"} <= {r["slice"] for r in found}


def test_a_misspelt_attack_is_told(site: Path) -> None:
    wrong = outside(site, "run", "courtesy", "--model", "openai/x", "--attack", "shuot")
    assert wrong.returncode == 2 and "shout" in wrong.stderr
    option = outside(site, "run", "courtesy", "--model", "openai/x", "--judge", "courtesy-words?lang=en")
    assert option.returncode == 2 and "lang" in option.stderr
