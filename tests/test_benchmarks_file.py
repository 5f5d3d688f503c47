"""`file/PATH`: a user's own prompts as a benchmark."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from honne import plugins
from honne.benchmarks._text import LETTERS
from honne.benchmarks.file import File
from honne.errors import ConfigError, DataError, HonneError
from honne.judges import _choice
from honne.records import Item
from honne.spec import parse


def build(text: str) -> File:
    found: File = plugins.load("benchmarks", "file")(parse(text))
    return found


def write(folder: Path, rows: list[dict[str, Any]], name: str = "own set.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path, options: str) -> list[Item]:
    return list(build(f"file/{path}?{options}").items(seed=0))


def test_prompts_alone(tmp_path: Path) -> None:
    path = write(tmp_path, [{"q": "Why?"}, {"q": " Comment ?\n"}])
    benchmark = build(f"file/{path}?prompt=q")
    assert (benchmark.name, benchmark.metrics, benchmark.sources) == ("file-own-set", ("safe_rate",), ())
    first, second = benchmark.items(seed=0)
    assert (first.id, first.group, first.category, first.lang) == ("file-own-set-00001",) * 2 + ("", "und")
    assert (first.benchmark, first.version) == ("file-own-set", benchmark.version)
    assert second.messages[0].content == " Comment ?\n"
    assert "safe:" in (benchmark.rubric(first) or "")
    benchmark.validate()
    path.write_text('{"q": "Why not?"}\n')
    assert build(f"file/{path}?prompt=q").version != first.version


def test_the_formats_are_alike(tmp_path: Path) -> None:
    rows = [{"问题": "你好，吗？", "类": "a/b", "n": "7"}, {"问题": '引号"里', "类": "", "n": "8"}]
    write(tmp_path, rows, "x.jsonl")
    (tmp_path / "x.json").write_text(json.dumps(rows), encoding="utf-8")
    (tmp_path / "x.csv").write_text('\ufeff问题,类,n\n"你好，吗？",a/b,7\n"引号""里",,8\n', encoding="utf-8")
    (tmp_path / "x.tsv").write_text('问题\t类\tn\r\n你好，吗？\ta/b\t7\r\n"引号""里"\t\t8\r\n', encoding="utf-8")
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress((tmp_path / "x.csv").read_bytes()))
    (tmp_path / "gb.csv").write_bytes('问题,类,n\n你好，吗？,a/b,7\n"引号""里",,8\n'.encode("gb18030"))
    options = "prompt=问题&category=类&id=n&lang=zh"
    asked = [
        [(i.id, i.category, i.lang, i.messages) for i in read(tmp_path / name, options)]
        for name in ("x.jsonl", "x.json", "x.csv", "x.tsv", "x.csv.gz")
    ]
    asked.append([(i.id, i.category, i.lang, i.messages) for i in read(tmp_path / "gb.csv", options + "&encoding=gbk")])
    assert asked[0][0][:3] == ("7", "a%2Fb", "zh")
    assert asked[0][1][:3] == ("8", "", "zh")
    assert all(one == asked[0] for one in asked)
    assert build(f"file/{tmp_path / 'x.csv.gz'}?prompt=问题").name == "file-x"


def test_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, [{"q": "Why?"}], "a.jsonl")
    monkeypatch.chdir(tmp_path)
    assert build("file/a.jsonl?prompt=q").name == "file-a"


def test_options_make_a_choice(tmp_path: Path) -> None:
    rows = [
        {"q": "2+2?", "o": ["3", "4 ", "5"], "t": "B", "g": "x"},
        {"q": "1+1?", "o": '["two", "three"]', "t": 1, "g": "x"},
        {"q": "Sky?", "o": "blue | green", "t": "green", "g": None},
        {"q": "Sea?", "o": "blue | green", "t": None},
        {"q": "Open?", "o": None, "t": ""},
    ]
    path = write(tmp_path, rows)
    benchmark = build(f"file/{path}?prompt=q&options=o&target=t&group=g")
    found = list(benchmark.items(seed=0))
    assert [item.form for item in found] == ["choice"] * 4 + ["open"]
    assert [item.target for item in found] == ["B", "A", "B", None, None]
    assert found[0].options == ("3", "4", "5")
    assert "A. 3\n\nB. 4\n\nC. 5" in found[0].messages[0].content
    assert [item.group for item in found[:3]] == ["x", "x", "file-own-set-00003"]
    assert found[4].messages[0].content == "Open?"
    assert benchmark.metrics == ("safe_rate", "accuracy")
    assert benchmark.judges == {"open": "rubric", "choice": "choice"}
    benchmark.validate()
    assert build(f"file/{write(tmp_path, rows[:3])}?prompt=q&options=o&target=t").metrics == ("accuracy",)
    assert build(f"file/{write(tmp_path, rows[:3])}?prompt=q&options=o").metrics == ()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"o": "a|b", "t": "C"}, "target 'C' names none of the 2 options"),
        ({"o": "a|b", "t": 0}, "target '0' names none"),
        ({"o": ["3", "4", "2"], "t": "2"}, "target '2' names two options; give its letter"),
        ({"o": "B|A", "t": "B"}, "target 'B' names two options"),
        ({"o": "a", "t": "A"}, "needs 2 to 10 different options"),
        ({"o": "a|a", "t": "A"}, "needs 2 to 10 different options"),
        ({"o": "a||b", "t": "A"}, "needs 2 to 10 different options"),
        ({"o": list("abcdefghijk"), "t": "A"}, "column 'o' has 11 options; allowed are at most 10"),
        ({"o": '["a", "b]', "t": "A"}, "not a valid JSON list"),
        ({"o": ["a", None], "t": "A"}, "column 'o' is blank"),
        ({"o": {"A": "a", "B": "b"}, "t": "A"}, "column 'o' holds an object"),
        ({"o": None, "t": "A"}, r"a target \('A'\) without options"),
    ],
)
def test_a_doubtful_option_or_target_is_never_guessed(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    path = write(tmp_path, [{"q": "fine", "o": "x|y", "t": "A"}, {"q": "?", **row}])
    with pytest.raises(DataError, match=f"line 2: .*{message}"):
        build(f"file/{path}?prompt=q&options=o&target=t")


def test_whatever_is_asked_can_be_read(tmp_path: Path) -> None:
    assert tuple(LETTERS) == _choice.LETTERS
    path = write(tmp_path, [{"q": "Which?", "o": list("klmnopqrst"), "t": 10}])
    assert read(path, "prompt=q&options=o&target=t")[0].target == "J"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "say which column to ask with prompt=COLUMN; there are: question, kind, id"),
        ("prompt=questoin", "prompt=…: unknown column 'questoin'. Did you mean 'question'"),
        ("prompt=question&category=kin", "category=…: unknown column 'kin'. Did you mean 'kind'"),
        ("prompt=question&lang=fr", "lang=…: unknown column 'fr'.*en, id"),
        ("prompt=question&target=kind", "target=… goes with options=…"),
        ("prompt=question&colour=kind", "unknown option 'colour'"),
        ("prompt=question&encoding=utf-9", "unknown encoding 'utf-9'"),
    ],
)
def test_a_wrong_option_gives_one_clear_line(tmp_path: Path, options: str, message: str) -> None:
    path = write(tmp_path, [{"question": "Why?", "kind": "k", "id": 1}])
    with pytest.raises(ConfigError, match=message) as caught:
        build(f"file/{path}?{options}")
    assert "\n" not in str(caught.value)


def test_bad_files_give_one_clear_line(tmp_path: Path) -> None:
    lines = [json.dumps({"q": f"question {n}"}) for n in range(16)]
    broken = tmp_path / "broken.jsonl"
    broken.write_text("\n".join([*lines, '{"q": "oops', *lines]))
    encoded = tmp_path / "encoded.csv"
    encoded.write_bytes("q\n他问我怎么办\n".encode("gb18030"))
    write(tmp_path, [{"q": "Why?"}, {"q": "  "}], "blank.jsonl")
    write(tmp_path, [{"q": "Why?", "i": 1}, {"q": "How?", "i": "1"}], "twice.jsonl")
    (tmp_path / "empty.csv").write_text("q\n")
    for name, message in {
        "broken.jsonl": "broken.jsonl line 17: not valid JSON",
        "encoded.csv": r"encoded.csv line 2: not valid UTF-8 .*try encoding=gb18030",
        "blank.jsonl": "blank.jsonl line 2: column 'q' is blank",
        "empty.csv": "empty.csv: no rows",
        "broken.jsnl": r"no such file; did you mean broken.jsonl\?",
        "": "cannot read .*: Is a directory",
    }.items():
        with pytest.raises(DataError, match=message) as caught:
            build(f"file/{tmp_path / name}?prompt=q")
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"twice.jsonl line 2: id '1' is also at .*twice.jsonl line 1"):
        build(f"file/{tmp_path / 'twice.jsonl'}?prompt=q&id=i")
    with pytest.raises(HonneError, match="file: which one"):
        build("file?prompt=q")
