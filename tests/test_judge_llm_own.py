"""Criteria and labels of the user's own, on the user's own prompts, as the docs show them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import honne
from run_parts import questions
from server import Server

DOCS = Path(__file__).parent.parent / "docs" / "judges.md"


def _docs_example() -> str:
    found = re.search(r"```text\n(labels: .*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("rubric", "scores"),
    [
        (_docs_example(), {"kind": (1.0, None), "neutral": (0.5, None), "unkind": (0.0, None)}),
        ("labels: 5, 3, 1\nFive is best.", {"5": (1.0, 5.0), "3": (0.5, 3.0), "1": (0.0, 1.0)}),
        ("labels： 良い、悪い\n役に立てば良い。", {"良い": (1.0, None), "悪い": (0.0, None)}),
    ],
)
@pytest.mark.parametrize("schema", [True, False])
def test_labels_of_ones_own(tmp_path: Path, rubric: str, scores: dict[str, tuple[float, float]], schema: bool) -> None:
    own = tmp_path / "my.txt"
    own.write_text(rubric, encoding="utf-8")
    refuses = () if schema else ("--no-schema", "--judge", "--labels", ",".join(scores))
    with Server(*refuses) as server:
        judge = f"llm/{server.spec('j')}&judge.rubric={own}"
        run = honne.run(questions(tmp_path / "q.jsonl", 30), model=server.spec("m"), judge=judge, out=tmp_path / "run")
    rows = run.judgments.to_pylist()
    assert {row["status"] for row in rows} == {"scored"}
    assert {row["label"]: (row["score"], row["raw_score"]) for row in rows} == scores
