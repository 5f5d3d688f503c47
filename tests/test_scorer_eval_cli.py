"""`honne scorer eval` and `card` as people call them, on a scorer that was trained just before."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from run_parts import here

pytest.importorskip("sklearn")


def _honne(*args: str, cwd: Path) -> CompletedProcess[str]:
    return here(*args, cwd=cwd, COLUMNS="80")


def _labels(path: Path, numbers: range, *, other: bool = False) -> Path:
    """Answers whose first word tells the label; each prompt has one of each."""
    with path.open("w", encoding="utf-8") as file:
        for i in numbers:
            labels = ("rude", "kind") if other else ("no", "yes")
            answers = (f"Sorry, that is not for me, {i}.", f"Gladly, here it is, {i}.")
            for answer, label in zip(answers, labels, strict=True):
                row = {"prompt": f"Please do thing {i}", "answer": answer, "label": label, "lang": "en"}
                row |= {"dimension": "style" if other else "help", "model": "llama" if i % 3 else "qwen"}
                file.write(json.dumps(row) + "\n")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scorer")
    _labels(folder / "learn.jsonl", range(60))
    found = _honne("scorer", "train", "learn.jsonl", "-o", "help", cwd=folder)
    assert found.returncode == 0, found.stderr
    return folder


def test_evaluated_on_others_and_never_on_what_it_learnt(made: Path) -> None:
    _labels(made / "mixed.jsonl", range(50, 100))
    found = _honne("scorer", "eval", "help", "--on", "mixed.jsonl", cwd=made)
    assert found.returncode == 0, found.stderr
    assert "20 left out: the scorer was trained on their prompt" in found.stdout
    assert "right on 100.0% of 80 answers" in found.stdout
    assert "always no" in found.stdout and "family qwen" in found.stdout
    assert "What people agree on is not known" in found.stdout.replace("\n", " ")
    plain = _honne("scorer", "eval", "help", "--on", "mixed.jsonl", "-f", "json", cwd=made)
    (part,) = json.loads(plain.stdout)["parts"]
    assert (part["n"], part["groups"], part["accuracy"]["value"]) == (80, 40, 1.0)
    assert part["accuracy"]["low"] < 1.0
    assert {e["metric"] for e in part["calibration"]} >= {"ece", "reliability"}
    page = _honne("scorer", "eval", "help", "--on", "mixed.jsonl", "-f", "html", cwd=made)
    assert page.returncode == 0 and "scorer-eval.html" in page.stderr
    html = (made / "scorer-eval.html").read_text(encoding="utf-8")
    assert "As sure as it is right?" in html and "http://" not in html


def test_what_is_refused(made: Path) -> None:
    _labels(made / "other.jsonl", range(200, 220), other=True)
    _labels(made / "new.jsonl", range(200, 220))
    wrong = {
        ("help", "--on", "learn.jsonl"): "trained on the prompts of all 120 answers",
        ("help", "--on", "other.jsonl"): "has no head for style; it has help",
        ("help", "--on", "new.jsonl", "-f", "htm"): "Did you mean 'html'",
        ("help", "--on", "new.jsonl", "-o", "x.md"): "needs a --format",
        ("hlep", "--on", "new.jsonl"): "unknown judge 'hlep'",
        ("help", "--on", "nowhere.jsonl"): "nowhere.jsonl",
    }
    for args, said in wrong.items():
        found = _honne("scorer", "eval", *args, cwd=made)
        assert found.returncode == 2, args
        assert said in " ".join(found.stderr.split()), found.stderr
        assert "Traceback" not in found.stderr
    chinese = [{**json.loads(line), "lang": "zh"} for line in (made / "new.jsonl").read_text().splitlines()]
    (made / "zh.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chinese))
    found = _honne("scorer", "eval", "help", "--on", "zh.jsonl", cwd=made)
    assert found.returncode == 2 and "answers in zh; the scorer learnt from en" in " ".join(found.stderr.split())
    # Under a head's name the same answers are asked about, but their labels mean nothing to it.
    found = _honne("scorer", "eval", "help", "--on", "other.jsonl", "--dimension", "help", cwd=made)
    assert found.returncode == 2
    assert "none of the labels (kind, rude) is one that the scorer gives" in " ".join(found.stderr.split())


@pytest.mark.parametrize("left", ["nothing but weights", "scorer.json unfinished", "scorer.json cut off"])
def test_what_a_killed_training_leaves_is_trained_again(tmp_path: Path, left: str) -> None:
    from honne.judges._scorer._folder import begin

    _labels(tmp_path / "l.jsonl", range(30))
    if left == "scorer.json unfinished":
        begin(tmp_path / "s")
        found = _honne("scorer", "card", "s", cwd=tmp_path)
        assert found.returncode == 2 and "did not end: run it again" in found.stderr
    else:
        assert _honne("scorer", "train", "l.jsonl", "-o", "s", cwd=tmp_path).returncode == 0
        about = tmp_path / "s" / "scorer.json"
        about.write_bytes(about.read_bytes()[:99])
        if left == "nothing but weights":
            about.unlink()
        found = _honne("scorer", "eval", "s", "--on", "l.jsonl", cwd=tmp_path)
        assert found.returncode == 2 and "Traceback" not in found.stderr
    assert _honne("scorer", "train", "l.jsonl", "-o", "s", cwd=tmp_path).returncode == 0
    assert _honne("scorer", "card", "s", cwd=tmp_path).returncode == 0
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("words")
    assert "no scorer: name another -o" in _honne("scorer", "train", "l.jsonl", "-o", "thesis", cwd=tmp_path).stderr


def test_every_number_has_its_n(made: Path) -> None:
    _labels(made / "mixed.jsonl", range(50, 100))
    text = " ".join(_honne("scorer", "eval", "help", "--on", "mixed.jsonl", cwd=made).stdout.split())
    assert "the reference: label; taken as the people behind it: nobody" in text
    assert "calibration error (ECE): " in text and ", n 80)" in text
    assert "label recall 95% interval n missing precision 95% interval n" in text
    assert "no 100.0% 91.2–100.0 40 0 100.0%" in text
    refused = _honne("scorer", "eval", "help", "--on", "mixed.jsonl", "--rater", "labels.ann", cwd=made)
    assert refused.returncode == 2 and "--rater is for judges of runs" in refused.stderr


def test_a_general_head_is_named(made: Path) -> None:
    rows = [json.loads(line) for line in _labels(made / "near.jsonl", range(300, 320)).read_text().splitlines()]
    (made / "near.jsonl").write_text("".join(json.dumps({**row, "dimension": "aid"}) + "\n" for row in rows))
    found = _honne("scorer", "eval", "help", "--on", "near.jsonl", cwd=made)
    assert found.returncode == 0, found.stderr
    assert "aid: right on 100.0% of 40 answers" in found.stdout and "judged by the scorer's head 'help'" in found.stdout


def test_the_card(made: Path) -> None:
    found = _honne("scorer", "card", "help", cwd=made)
    assert found.returncode == 0, found.stderr
    assert "learn.jsonl" in found.stdout and "| help | no | en | 60 | 60 |" in found.stdout
    assert "must not be used" in found.stdout and "Salted hashes of 60 training prompts" in found.stdout
    assert "Please do thing" not in (made / "help" / "scorer.json").read_text(encoding="utf-8")
    assert _honne("scorer", "card", "nothing", cwd=made).returncode == 2
    shipped = _honne("scorer", "card", "scorer", cwd=made)
    assert shipped.returncode == 0 and "MIT" in shipped.stdout
    assert "by source and language" in shipped.stdout and "| safety | jade | zh | 1,300 |" in shipped.stdout


def test_a_card_that_somebody_has_altered_stays_text(made: Path) -> None:
    folder = made / "altered"
    folder.mkdir()
    said = json.loads((made / "help" / "scorer.json").read_text(encoding="utf-8"))
    said["card"] |= {"sources": [{"name": "<img src=x>|\x1b[31m", "rows": "many"}, 7], "limits": "none", "results": [1]}
    said["card"]["by_source"] = {"help": [3, {"source": "<b>", "far": 7}]}
    said["card"]["counts"] = {"help": 3}
    (folder / "scorer.json").write_text(json.dumps(said), encoding="utf-8")
    found = _honne("scorer", "card", "altered", cwd=made)
    assert found.returncode == 0, found.stderr
    assert "<img" not in found.stdout and "\x1b[31m" not in found.stdout
