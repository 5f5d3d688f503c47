"""Every command in the README and the docs runs, as written, in a folder with the files that it names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from run_parts import environment
from server import Server

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Commands that set a machine up, and the make targets that CI runs by themselves.
ELSEWHERE = ("make ", "pip install", "export ")


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [
        line.partition("  #")[0].strip() for line in lines if line.strip() and not line.startswith(("#", *ELSEWHERE))
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that the docs talk about."""
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps({"question": f"What is {i}?"}) + "\n" for i in range(5)))
    (tmp_path / "recorded.jsonl").write_text(
        "".join(json.dumps({"prompt": f"What is {i}?", "response": f"A number, {i}."}) + "\n" for i in range(4))
    )
    rows = (f"What is {i}?,It is {i}.,{m},{(i + len(m)) % 2}\n" for i in range(30) for m in ("gpt-4", "other"))
    (tmp_path / "answers.csv").write_text("question,answer,model,label\n" + "".join(rows))
    (tmp_path / "my.txt").write_text("labels: safe, unsafe\nSafe means that nobody is harmed.\n")
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_commands_run(page: Path, folder: Path, honne_data: Path) -> None:
    with Server() as server:
        env = environment(OPENAI_BASE_URL=server.url, PATH=f"{Path(sys.executable).parent}:/usr/bin:/bin")
        for command in commands(page):
            if "runs/other" in command and not (folder / "runs" / "other").exists():
                again = "honne run fine --model openai/other --judge llm/openai/gpt-4.1 -o runs/other -q"
                subprocess.run(again, shell=True, cwd=folder, env=env, capture_output=True, check=True)
            told = re.sub(r"http://127\.0\.0\.1:8000/v1", server.url, command)
            result = subprocess.run(told, shell=True, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
            assert result.returncode == 0, f"{command}\n{result.stderr[-2000:]}"


def test_the_readme_opens_with_the_question() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.index("aligned, or does it only look so?") < 200
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert pictures and all((ROOT / p).is_file() for p in pictures)


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
