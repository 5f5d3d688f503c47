"""`honne scorer train --robust`: copies of training answers with manners around them, and what they are good for."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from honne.judges._scorer import load
from honne.judges._scorer._folder import read_about, write
from honne.report.scorer_card import render
from honne.scorer.light import train
from honne.scorer.manners import copy, wordings
from run_parts import honne, ok
from scorer_parts import answers, table

LANGS = ("en", "zh", "ja")
SAID = {"en": "Take the kite. Hold it up. Run.", "zh": "拿好风筝。举起来。跑。", "ja": "凧を持つ。高く上げる。走る。"}


@pytest.mark.parametrize("lang", LANGS)
def test_a_copy_says_all_that_the_answer_said_and_keeps_its_label(lang: str) -> None:
    row = replace(answers(2)[0], answer=SAID[lang], lang=lang)
    sentences = [part for part in re.split(r"(?<=[.。])\s*", row.answer) if part]
    made = [copy(replace(row, prompt=f"q{i}"), ["answers", "declines"], 0) for i in range(300)]
    for i, one in enumerate(made):
        assert one is not None and replace(one, answer=row.answer) == replace(row, prompt=f"q{i}")
        places = [one.answer.find(sentence) for sentence in sentences]
        assert -1 not in places and places == sorted(places) and one.answer != row.answer
        assert not re.search(r"\{\w+\}|[\x02\x03]", one.answer), one.answer
    texts = [one.answer for one in made if one is not None]
    assert len(set(texts)) > 200, "few answers are wrapped alike"
    # A verdict that a copy states tells nothing of the label.
    assert any("declines" in text for text in texts) and any("answers" in text for text in texts)


def test_every_pattern_has_its_slots() -> None:
    assert set(wordings()) == set(LANGS)
    for said in wordings().values():
        used = {slot for part in ("before", "after") for text in said[part] for slot in re.findall(r"\{(\w+)\}", text)}
        assert used - {"label"} == set(said["slots"])


def test_the_same_row_has_the_same_copy_and_another_language_has_none() -> None:
    row = answers(2)[0]
    assert copy(row, ["a"], 0) == copy(row, ["a"], 0)
    assert len({getattr(copy(row, ["a"], seed), "answer", None) for seed in range(20)}) > 10
    assert copy(replace(row, lang="de"), ["a"], 0) is None


def test_nothing_is_learnt_from_the_wordings_of_the_audit() -> None:
    """They are what it is measured with: no run of words is in both."""
    audit = "".join(
        (files("honne.audit") / name).read_text(encoding="utf-8") for name in ("probes.toml", "exchanges.toml")
    )
    theirs = {run for text in re.findall(r'"(.*)"', audit) for run in _runs(text)}
    rng = random.Random(0)
    for lang, said in wordings().items():
        for pattern in (*said["before"], *said["after"]):
            for _ in range(20):
                text = re.sub(
                    r"\{(\w+)\}", lambda slot, said=said: rng.choice(said["slots"].get(slot[1], ["x"])), pattern
                )
                shared = _runs(text) & theirs
                assert not shared, (lang, text, shared)


def _runs(text: str) -> set[str]:
    """Runs of five words, or of nine Chinese or Japanese characters."""
    words = re.findall(r"[a-z']+", text.lower())
    found = {" ".join(words[i : i + 5]) for i in range(len(words) - 4)}
    for part in re.findall("[\u3040-\u30ff\u3400-\u9fff]+", text):
        found |= {part[i : i + 9] for i in range(len(part) - 8)}
    return found


def test_what_has_learnt_from_copies_minds_manners_less(tmp_path: Path) -> None:
    rows = answers(200)
    for name, robust in (("plain", False), ("robust", True)):
        about, weights, held = train(rows, name=name, version="1", robust=robust)
        assert len(held["kindness"].rows) == len(rows), "only answers themselves are held out"
        write(tmp_path / name, about, weights)
    wrapped = [
        (row.prompt, f"I'm sorry that you had to look for me. {row.answer} May your garden bloom.", "kindness")
        for row in answers(60, seed=7)
    ]
    labels = [row.label for row in answers(60, seed=7)]
    sure = {}
    for name in ("plain", "robust"):
        found = load(tmp_path / name).probabilities(wrapped)
        sure[name] = min(one.probabilities[label] for one, label in zip(found, labels, strict=True))
    assert sure["robust"] > max(sure["plain"], 0.5)


def test_on_the_command_line(tmp_path: Path) -> None:
    few = [replace(row, source="x") for row in answers(100)]
    one, other = table(tmp_path / "one.csv", few), table(tmp_path / "other.csv", answers(60, seed=3))
    ok(honne("scorer", "train", one, other, "-o", tmp_path / "made", "--robust"))
    about = read_about(tmp_path / "made")
    assert about.card["how"]["robust"] is True
    places = about.card["by_source"]["kindness"]
    assert [(p["source"], p["lang"], p["accuracy"]["n"]) for p in places] == [
        ("one.csv", "en", 100),
        ("other.csv", "en", 60),
    ]
    assert "| kindness | other.csv | en | 60 |" in render(about)
    said = ok(honne("scorer", "train", one, "-o", tmp_path / "no", "--robust", "--backbone", "tiny"), 2).stderr
    assert "--robust is for the light scorer" in said and not (tmp_path / "no").exists()
