"""ALERT-style files: the user's own copy, plain, adversarial or both."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from honne.benchmarks.alert import CODES, PLUGIN
from honne.engine.store import open_run
from honne.errors import ConfigError, DataError
from honne.spec import parse
from run_parts import honne, ok
from server import Server

MACRO = {"Criminal Planning": 8, "Hate Speech & Discrimination": 8, "Regulated or Controlled Substances": 5}
MACRO |= {"Sexual Content": 3, "Suicide & Self-Harm": 3, "Guns & Illegal Weapons": 5}
ATTACKS = ("prefix", "suffix", "jailbreak")


def framed(text: str) -> str:
    return f"### Instruction:\n{text}\n### Response:\n"


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Two files in the published shape: ids that begin at 0 in both."""
    codes = sorted(CODES)
    plain = [{"id": i, "prompt": framed(f"Topic {i}?"), "category": codes[i % 32]} for i in range(64)]
    attacked = [
        {"id": i, "prompt": framed(f"Go on. Topic {i}?"), "category": codes[i % 32], "attack_type": ATTACKS[i % 3]}
        for i in range(96)
    ]
    return write(tmp_path / "alert.jsonl", plain), write(tmp_path / "alert_adversarial.jsonl", attacked)


def test_the_published_codes() -> None:
    assert Counter(CODES.values()) == MACRO
    assert {"crime_theft", "hate_lgbtq+", "self_harm_thin", "sex_harrasment", "crime_kidnapp"} <= set(CODES)


def test_both_files(files: tuple[Path, Path]) -> None:
    plain, adversarial = files
    built = PLUGIN(parse(f"alert/{plain}?adversarial={adversarial}"))
    items = list(built.items(seed=0))
    assert Counter(i.attack for i in items) == {None: 64, "prefix": 32, "suffix": 32, "jailbreak": 32}
    assert len({i.id for i in items}) == 160 and [i.seq for i in items] == list(range(160))
    assert items[0].messages[0].content == framed("Topic 0?")
    assert items[0].category.startswith("Criminal Planning/crime_") and len({i.category for i in items}) == 32
    assert {i.version for i in items} == {built.version} and len(built.version) == 8
    built.validate()
    bare = PLUGIN(parse(f"alert/{plain}?frame=strip&lang=zh"))
    assert next(iter(bare.items(seed=0))).messages[0].content == "Topic 0?"
    assert next(iter(bare.items(seed=0))).lang == "zh"


def test_a_run_of_both_has_global_safety(files: tuple[Path, Path], tmp_path: Path) -> None:
    plain, adversarial = files
    with Server() as server:
        models = ["--model", server.spec("m"), "--judge", "llm/" + server.spec("j"), "-q"]
        both = tmp_path / "both"
        ok(honne("run", f"alert/{plain}?adversarial={adversarial}", *models, "-o", both))
        alone = ok(honne("run", f"alert/{adversarial}", *models, "-o", tmp_path / "alone"))
        more = ok(honne("run", f"alert/{plain}", *models, "--attack", "rot13", "-o", tmp_path / "more"))
    found = {(e.metric, e.attack, e.slice): e for e in open_run(both).estimates()}
    shares = {a: found["safe_rate", a, "all"].value or 0.0 for a in (None, *ATTACKS)}
    for attack in ATTACKS:
        assert found["attack_success_rate", attack, "all"].value == pytest.approx(1 - shares[attack])
        assert found["attack_success_rate", attack, "Sexual Content"].n == 3
    adversarial_safety = sum(shares[a] for a in ATTACKS) / 3
    assert found["adversarial_safety", None, "all"].value == pytest.approx(adversarial_safety)
    assert found["global_safety", None, "all"].value == pytest.approx((shares[None] + adversarial_safety) / 2)
    assert found["global_safety", None, "all"].n == 160
    assert not any(metric == "safety_lost" for metric, _, _ in found), "nothing is paired here"
    assert "adversarial safety" in alone.stdout and "No score" not in alone.stdout
    assert "global_safety" not in alone.stdout and "safety lost" in more.stdout


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": "x", "category": "crime_thef"}, "Did you mean 'crime_theft'?"),
        ({"prompt": "x", "category": " "}, "column 'category' is blank"),
        ({"prompt": "x"}, "column 'category' is missing"),
        ({"prompt": "", "category": "crime_theft"}, "column 'prompt' is blank"),
        ({"category": "crime_theft"}, "column 'prompt' is missing"),
        ({"prompt": ["x"], "category": "crime_theft"}, "holds a list"),
        ({"prompt": "x", "category": "crime_theft", "id": 7}, "is also at"),
    ],
)
def test_bad_rows_are_named(row: dict[str, object], said: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"id": 7, "prompt": "p", "category": "crime_tax"}, row])
    with pytest.raises(DataError) as caught:
        PLUGIN(parse(f"alert/{path}"))
    assert said in str(caught.value) and "line 2" in str(caught.value)


def test_an_adversarial_file_needs_its_attacks(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"prompt": "p", "category": "crime_tax"}])
    with pytest.raises(DataError, match="attack_type"):
        PLUGIN(parse(f"alert/{path}?adversarial={path}"))


def test_other_shapes(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "category": " Sex_Harassment "}, {"prompt": "p", "category": "crime_kidnapping"}]
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    items = list(PLUGIN(parse(f"alert/{tmp_path}/a.json.gz")).items(seed=0))
    assert [i.category for i in items] == ["Sexual Content/sex_harrasment", "Criminal Planning/crime_kidnapp"]
    assert [i.id for i in items] == ["alert-1", "alert-2"] and len({i.group for i in items}) == 1
    (tmp_path / "a.csv").write_text("prompt,category,attack_type\np,crime_tax,\nq,crime_tax,prefix\n")
    assert [i.attack for i in PLUGIN(parse(f"alert/{tmp_path}/a.csv")).items(seed=0)] == [None, "prefix"]


@pytest.mark.parametrize("spec", ["alert", "alert/{}?lang=fr", "alert/{}?frame=on", "alert/{}?adversary=x"])
def test_wrong_options(spec: str, files: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError):
        PLUGIN(parse(spec.format(files[0])))
