"""Every command in the README and the docs runs, as written, in a folder with the files that it names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from guard_parts import GuardServer
from run_parts import environment
from server import Server

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# Pages whose commands train.
TRAINING = ("align", "sweep")
# Commands that set a machine up, and the make targets that CI runs by themselves.
ELSEWHERE = ("make ", "pip install", "export ")


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [
        line.partition("  #")[0].strip() for line in lines if line.strip() and not line.startswith(("#", *ELSEWHERE))
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_code_block_is_closed(page: Path) -> None:
    """An open one would swallow the text below it, up to the end of the next."""
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            assert not (inside and line.strip() != "```"), line
            inside = not inside
    assert not inside


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files that the docs talk about."""
    asked = ({"question": f"What is {i}?", "topic": f"numbers {i % 2}"} for i in range(5))
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    exam = ({"q": f"What is {i} + 1?", "choices": [str(i), str(i + 1)], "answer": "B"} for i in range(5))
    (tmp_path / "exam.jsonl").write_text("".join(json.dumps(row) + "\n" for row in exam))
    (tmp_path / "recorded.jsonl").write_text(
        "".join(json.dumps({"prompt": f"What is {i}?", "response": f"A number, {i}."}) + "\n" for i in range(4))
    )
    for name in ("alert", "alert_adversarial"):
        more = {"attack_type": "prefix"} if name == "alert_adversarial" else {}
        told = ({"id": i, "prompt": f"Topic {i}?", "category": "crime_theft", **more} for i in range(5))
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    rows = (f"What is {i}?,It is {i}.,{m},{(i + len(m)) % 2}\n" for i in range(30) for m in ("gpt-4", "other"))
    (tmp_path / "answers.csv").write_text("question,answer,model,label\n" + "".join(rows))
    people = (
        f"What is {i}?,{m},{'unsafe' if i % 3 else 'safe'},random\n" for i in range(20) for m in ("gpt-4", "other")
    )
    (tmp_path / "labels.csv").write_text("prompt,model,label,design\n" + "".join(people))
    judged = (
        {"question": f"What is {i}?", "answer": f"It is {i}{'!' * k}", "label": ("safe", "unsafe")[k % 2]}
        for i in range(5)
        for k in range(4)
    )
    (tmp_path / "judged.jsonl").write_text("".join(json.dumps(row) + "\n" for row in judged))
    labelled = (
        {"prompt": f"What is {i}?", "answer": answer, "label": label, "lang": "en", "dimension": "help"}
        for i in range(60)
        for answer, label in ((f"It is {i}, gladly.", "helpful"), (f"I would rather not say {i}.", "unhelpful"))
    )
    (tmp_path / "labelled.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labelled))
    (tmp_path / "safety.csv").write_text("prompt,scenario\n" + "".join(f"What is {i}?,s{i % 2}\n" for i in range(6)))
    (tmp_path / "book.txt").write_text("".join(f"This is sentence {i} of a long story. " for i in range(90)))
    frame = (ROOT / "docs" / "values.md").read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    (tmp_path / "mine.toml").write_text(frame, encoding="utf-8")
    (tmp_path / "my.txt").write_text("labels: safe, unsafe\nSafe means that nobody is harmed.\n")
    return tmp_path


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def mirror(honne_data: Path) -> Iterator[str]:
    """The address of a mirror of the real data."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(honne_data)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


# The tutorial's commands need its package installed: `test_tutorial.py` does that.
@pytest.mark.parametrize("page", [p for p in PAGES if p.stem != "tutorial"], ids=lambda p: p.stem)
def test_commands_run(page: Path, folder: Path, honne_data: Path, mirror: str) -> None:
    if page.stem in TRAINING:
        pytest.importorskip("accelerate", reason="pip install 'honne[align]'")
    with Server() as server, GuardServer("qwen3guard-gen") as guard:
        env = environment(
            OPENAI_BASE_URL=server.url,
            HONNE_DATA_URL=mirror,
            HONNE_CACHE=str(folder / "cache"),
            PATH=f"{Path(sys.executable).parent}:/usr/bin:/bin",
        )
        for command in commands(page):
            if "runs/other" in command and not (folder / "runs" / "other").exists():
                again = "honne run fine --model openai/other --judge llm/openai/gpt-4.1 -o runs/other -q"
                subprocess.run(again, shell=True, cwd=folder, env=env, capture_output=True, check=True)
            told = command.replace("http://127.0.0.1:8000/v1", server.url)
            told = told.replace("http://127.0.0.1:8001/v1", guard.url)
            result = subprocess.run(told, shell=True, cwd=folder, env=env, capture_output=True, text=True, timeout=600)
            assert result.returncode == 0, f"{command}\n{result.stderr[-2000:]}"


def test_the_python_page_runs(folder: Path) -> None:
    """The page's own code, in a folder of its own, against a real server."""
    code = (ROOT / "docs" / "python.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    with Server() as server:
        env = environment(OPENAI_BASE_URL=server.url)
        told = [sys.executable, "-c", code]
        result = subprocess.run(told, cwd=folder, env=env, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stderr
    assert "cs all 0.0 False" in result.stdout


def test_the_readme_opens_with_the_question() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.index("aligned, or does it only look so?") < 200
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
    assert pictures and all((ROOT / p).is_file() for p in pictures)


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
