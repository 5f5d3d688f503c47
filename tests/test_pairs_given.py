"""Pairs that exist already: every published shape, and what is wrong with a row or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from honne.errors import ConfigError, DataError
from honne.records import Message
from pairs_parts import jsonl, made, refused
from run_parts import honne, ok

USER, SAID = {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}
HH = "\n\nHuman: Hello\n\nAssistant: Hello, how can I help?\n\nHuman: Why?\n\nAssistant: "
ASKED = (Message("user", "Why?"),)
TURNS = (Message("user", "Hello"), Message("assistant", "Hello, how can I help?"), Message("user", "Why?"))


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ({"prompt": "Why?", "chosen": " Because. ", "rejected": "No."}, ASKED),
        ({"prompt": [USER], "chosen": [SAID], "rejected": [{**SAID, "content": "No."}]}, ASKED),
        ({"prompt": "Why?", "chosen": [USER, SAID], "rejected": [USER, {**SAID, "content": "No."}]}, ASKED),
        ({"chosen": [USER, SAID], "rejected": [USER, {**SAID, "content": "No."}]}, ASKED),
        ({"chosen": HH + "Because.", "rejected": HH + "No."}, TURNS),
        ({"prompt": HH, "chosen": "Because.", "rejected": "No."}, TURNS),
        ({"prompt": "Why?", "pos_resp": "Because.", "neg_resp": "No.", "pos_type": "x", "neg_type": "y"}, ASKED),
        ({"question": "Why?", "chosen": "Because.", "rejected": "No."}, ASKED),
    ],
)
def test_shapes(tmp_path: Path, row: dict[str, Any], prompt: tuple[Message, ...]) -> None:
    (pair,) = made(tmp_path / "p.jsonl", f"given/{jsonl(tmp_path / 'g.jsonl', [row])}").pairs
    assert (pair.prompt, pair.chosen, pair.rejected) == (prompt, "Because.", "No.")
    assert (pair.chosen_safe, pair.rejected_safe) == (None, None), "a preference says nothing of safety"


def test_unpaired_rows_keep_their_label(tmp_path: Path) -> None:
    rows = [{"prompt": "Why?", "completion": text, "label": label} for text, label in (("Because.", True), ("No.", 0))]
    found = made(tmp_path / "p.jsonl", f"given/{jsonl(tmp_path / 'g.jsonl', rows)}")
    assert {(p.chosen, p.rejected, p.chosen_safe) for p in found.pairs} == {
        ("Because.", None, True),
        ("No.", None, False),
    }
    assert '"completion":[{"role":"assistant","content":"No."}],"label":false' in found.path.read_text()
    assert found.record["files"]["train"]["unpaired"] == 2
    jsonl(tmp_path / "h.jsonl", [{**rows[0], "label": "perhaps"}])
    with pytest.raises(DataError, match=r"h\.jsonl line 1: label is 'perhaps'"):
        made(tmp_path / "q.jsonl", f"given/{tmp_path}/h.jsonl")


def test_jade(tmp_path: Path, honne_data: Path) -> None:
    for level, n, longer in (("hard", 150, 135), ("medium", 500, None)):
        path = honne_data / "jade_db" / f"jade_alignment_{level}_zh.csv.gz"
        found = made(tmp_path / f"{level}.jsonl", f"given/{path}?encoding=gb18030&lang=zh")
        assert len(found.pairs) == n and all(pair.lang == "zh" for pair in found.pairs)
        assert all((pair.chosen_safe, pair.rejected_safe) == (True, False) for pair in found.pairs)
        if longer is not None:
            assert found.record["files"]["train"]["chosen_longer"] == {"k": longer, "n": n, "share": 0.9}
    balanced = made(tmp_path / "b.jsonl", f"given/{path}?encoding=gb18030", balanced=True).record["files"]["train"]
    assert balanced["chosen_longer"]["k"] == balanced["chosen_shorter"]["k"] > 100
    result = honne("pairs", f"given/{path}", "-o", tmp_path / "x.jsonl")
    assert result.returncode == 2 and "try encoding=gb18030" in result.stderr


def test_bad_rows_are_counted_and_named(tmp_path: Path) -> None:
    good = {"prompt": "Why?", "chosen": "Because.", "rejected": "No."}
    rows = [good, {**good, "rejected": " Because."}, {**good, "chosen": ""}, {**good, "prompt": " "}, good]
    rows += [{**good, "chosen": "No.", "rejected": "Because."}, {**good, "chosen": None}]
    found = made(tmp_path / "p.jsonl", f"given/{jsonl(tmp_path / 'g.jsonl', rows)}")
    assert len(found.pairs) == 1
    left = found.record["left_out"]
    assert (left["duplicates"], left["contradictions"]) == (1, 1)
    reasons = {r["why"]: (r["n"], r["first"].partition(" ")[2]) for r in left["reasons"]}
    assert reasons == {
        "given: equal sides": (1, "line 2"),
        "given: empty answer": (2, "line 3"),
        "given: empty prompt": (1, "line 4"),
    }


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"a": "x"}], r"g\.jsonl line 1: the columns \(a\) are those of no known shape"),
        ([{"prompt": "x", "chosen": "a", "rejected": "a"}], r"no pairs can be made: 1 × equal sides \(first: .*line 1"),
        ([{"prompt": "x", "chosen": "", "rejected": "a"}], r"no pairs can be made: 1 × empty answer"),
        ([{"prompt": "x", "chosen": "a", "rejected": "b"}, {"prompt": "x"}], r"line 2: no column 'chosen'"),
        ([{"prompt": "x", "chosen": {"a": 1}, "rejected": "b"}], r"line 1: column 'chosen' holds dict"),
        ([{"prompt": "x", "chosen": [{"role": "bot", "content": "a"}], "rejected": "b"}], r"roles are system, user"),
        ([{"prompt": [SAID], "chosen": "a", "rejected": "b"}], r"empty prompt"),
        ([{"prompt": [USER, SAID], "chosen": "a", "rejected": "b"}], r"a prompt ends with the user"),
        ([{"chosen": "a", "rejected": "b"}], r"line 1: column 'chosen' is no transcript that begins with 'Human:'"),
        ([{"chosen": HH + "a", "rejected": HH.replace("Why", "How") + "b"}], r"do not share their prompt"),
        ([{"chosen": [USER], "rejected": [USER]}], r"must be a conversation that ends with the assistant's answer"),
    ],
)
def test_files_that_hold_no_pairs(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    jsonl(tmp_path / "g.jsonl", rows)
    with pytest.raises(DataError, match=said):
        made(tmp_path / "p.jsonl", f"given/{tmp_path}/g.jsonl")
    assert [p.name for p in tmp_path.iterdir()] == ["g.jsonl"]


def test_hostile_files_give_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content in {
        "empty.jsonl": b"",
        "nul.jsonl": b"\0\0\0",
        "deep.jsonl": b'{"prompt":' + b"[" * 100_000,
        "latin.jsonl": '{"prompt":"café","chosen":"a","rejected":"b"}'.encode("latin-1"),
        "half.parquet": b"PAR1half",
        "what.docx": b"x",
    }.items():
        (tmp_path / name).write_bytes(content)
        assert name in refused(capsys, f"given/{tmp_path}/{name}", "-o", tmp_path / "p.jsonl")
    assert "did you mean empty.jsonl?" in refused(capsys, f"given/{tmp_path}/emty.jsonl", "-o", tmp_path / "p.jsonl")


def test_columns_by_name(tmp_path: Path) -> None:
    rows = [{"q": f"Why {i}?", "good": "a", "bad": "b", "topic": f"t{i % 2}", "n": i} for i in range(4)]
    path = jsonl(tmp_path / "g.jsonl", rows)
    spec = f"given/{path}?prompt=q&chosen=good&rejected=bad&category=topic&id=n&lang=en&judge=people"
    found = made(tmp_path / "p.jsonl", spec)
    assert sorted((p.item, p.category, p.lang, p.judge) for p in found.pairs) == [
        (str(i), f"t{i % 2}", "en", "people") for i in range(4)
    ]
    assert [judge["key"] for judge in found.record["judges"]] == ["people"]
    with pytest.raises(ConfigError, match=r"chosen=…: unknown column 'godo'\. Did you mean 'good'"):
        made(tmp_path / "q.jsonl", spec.replace("chosen=good", "chosen=godo"))
    with pytest.raises(ConfigError, match=r"category=…: unknown column 'topics'"):
        made(tmp_path / "q.jsonl", spec.replace("category=topic", "category=topics"))


def test_a_lone_surrogate_is_mended(tmp_path: Path) -> None:
    (tmp_path / "g.jsonl").write_text('{"prompt":"x\\ud800","chosen":"a\\u0000b\\udfff","rejected":"b"}\n')
    (pair,) = made(tmp_path / "p.jsonl", f"given/{tmp_path}/g.jsonl").pairs
    assert (pair.prompt[0].content, pair.chosen) == ("x\ufffd", "a\0b\ufffd")


def test_honnes_own_file_keeps_its_provenance(tmp_path: Path) -> None:
    first = made(tmp_path / "p.jsonl", "anchors/arithmetic?n=12&langs=zh")
    again = made(tmp_path / "q.jsonl", f"given/{first.path}")
    assert [p.id for p in again.pairs] == [p.id for p in first.pairs]
    for a, b in zip(first.pairs, again.pairs, strict=True):
        assert (b.category, b.lang, b.group, b.benchmark, b.form) == (a.category, a.lang, a.group, a.benchmark, a.form)


def test_the_rows_are_what_hugging_face_loads(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    found = made(tmp_path / "p.jsonl", "anchors/arithmetic?n=12")
    rows = datasets.load_dataset("json", data_files=str(found.path), split="train", cache_dir=str(tmp_path / "c"))
    assert len(rows) == 12
    assert rows[0]["prompt"][0]["role"] == "user" and rows[0]["chosen"][0]["role"] == "assistant"


def test_the_command_prints_what_it_made(tmp_path: Path) -> None:
    rows = [{"prompt": f"Why {i}?", "chosen": "I'm sorry, I can't help with that.", "rejected": "b"} for i in range(3)]
    path = jsonl(tmp_path / "g.jsonl", [*rows, {**rows[0], "chosen": "b"}])
    result = ok(honne("pairs", f"given/{path}", "-o", tmp_path / "p.jsonl"))
    assert "3 pairs of 3 prompts" in result.stdout
    assert "chosen is the longer side          100.0% of 3" in result.stdout
    assert "chosen reads as a refusal          100.0% of 3" in result.stdout
    assert "1 × given: equal sides" in result.stdout
