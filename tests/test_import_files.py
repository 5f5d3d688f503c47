"""Reading files of rows: formats, encodings, and the one line that says what is wrong and where."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honne.errors import ConfigError, DataError, HonneError
from honne.importers import ImportedRun, read_import
from honne.rows import likely

MAP = ["prompt=prompt,response=response,label=label"]
ROWS = [
    {"prompt": "What is A?", "response": 'a,b\n"c"', "label": "safe"},
    {"prompt": "价格是多少？", "response": "", "label": "unsafe"},
]
TEXTS = {
    "gb18030": "问题,回答\n怎样才能安全地保存这些数据？,这是一个很好的问题，我们可以这样做。\n",
    "big5": "問題,回答\n怎樣才能安全地保存這些資料？,這是一個很好的問題，我們可以這樣做。\n",
    "cp932": "質問,回答\nこのデータはどのように保存しますか？,それはとても良い質問ですね。カタカナも使います。\n",
    "euc-jp": "質問,回答\nこのデータはどのように保存しますか？,それはとても良い質問ですね。カタカナも使います。\n",
    "cp949": "질문,답변\n이 자료를 어떻게 안전하게 보관할 수 있을까요?,아주 좋은 질문입니다. 이렇게 하면 됩니다.\n",
    "cp1252": "question,answer\nÀ quelle heure ferme le café ?,Désolé, je n’ai pas d’idée – peut-être à midi…\n",
}


def one(path: Path, mapping: list[str] = MAP, **options: Any) -> ImportedRun:
    (run,) = read_import(path, mapping=mapping, **options)
    return run


def fails(path: Path, mapping: list[str] = MAP, **options: Any) -> str:
    with pytest.raises(HonneError) as e:
        read_import(path, mapping=mapping, **options)
    text = str(e.value)
    assert "\n" not in text
    assert e.value.exit_code == 2
    return text


def saved(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def as_csv(rows: list[dict[str, str]], delimiter: str = ",") -> str:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [rows[0].keys(), *(row.values() for row in rows)]
    return "".join(delimiter.join(cell(text) for text in line) + "\r\n" for line in lines)


# ---------------------------------------------------------------------- formats


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    kind = path.name.removesuffix(".gz").partition(".")[2]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    text = {
        "jsonl": "\n".join(json.dumps(row) for row in rows),
        "json": json.dumps(rows, indent=1),
        "csv": as_csv(rows),
        "tsv": as_csv(rows, "\t"),
    }[kind]
    data = text.encode()
    return saved(path, gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.csv", "x.tsv", "x.parquet", "x.jsonl.gz", "x.csv.gz"])
def test_every_format_gives_the_same_records(tmp_path: Path, name: str) -> None:
    run = one(write(tmp_path / name, ROWS))
    assert run.model == "x"
    assert [item.messages[0].content for item in run.items] == ["What is A?", "价格是多少？"]
    assert [(r.text, r.status) for r in run.responses] == [('a,b\n"c"', "ok"), ("", "ok")]
    assert [j.label for j in run.judgments["labels"]] == ["safe", "unsafe"]
    assert [item.lang for item in run.items] == ["en", "zh"]
    assert "1 of 2 answers are empty" in run.notes
    assert run.sources[0]["rows"] == 2


def test_sources_hash_the_uncompressed_bytes(tmp_path: Path) -> None:
    plain, packed = one(write(tmp_path / "x.csv", ROWS)), one(write(tmp_path / "x.csv.gz", ROWS))
    assert packed.sources[0] | {"file": "x.csv"} == plain.sources[0]


@pytest.mark.parametrize(
    "content",
    [
        {"data": [{"prompt": "p", "response": "r", "label": "safe"}], "version": 1},
        {"examples": [{"prompt": "p", "response": "r", "label": "safe"}], "columns": ["prompt"]},
        {"prompt": ["p"], "response": ["r"], "label": ["safe"]},
    ],
)
def test_shapes_of_json(tmp_path: Path, content: object) -> None:
    run = one(saved(tmp_path / "x.json", json.dumps(content)))
    assert (run.items[0].messages[0].content, run.responses[0].text) == ("p", "r")


def test_json_lines_named_json(tmp_path: Path) -> None:
    assert len(one(saved(tmp_path / "x.json", "\n".join(json.dumps(r) for r in ROWS))).items) == 2


def test_dots_lead_into_nested_fields(tmp_path: Path) -> None:
    row = {"q": {"text": "p"}, "body": {"choices": [{"message": {"content": "r"}}]}, "a.b": "safe"}
    mapping = ["prompt=q.text,response=body.choices.0.message.content,label=a.b"]
    path = saved(tmp_path / "x.jsonl", json.dumps(row))
    run = one(path, mapping)
    assert (run.items[0].messages[0].content, run.responses[0].text) == ("p", "r")
    assert run.judgments["labels"][0].label == "safe"
    assert "Did you mean 'q.text'?" in fails(path, ["prompt=q.txt"])
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "x.parquet")
    assert one(tmp_path / "x.parquet", mapping).responses[0].text == "r"


def test_only_a_newline_ends_a_json_line(tmp_path: Path) -> None:
    line = json.dumps({"prompt": "a\u2028b\x85c", "response": "r", "label": "safe"}, ensure_ascii=False)
    assert one(saved(tmp_path / "x.jsonl", line + "\r\n\r\n" + line)).items[0].messages[0].content == "a\u2028b\x85c"


def test_a_huge_field_is_read(tmp_path: Path) -> None:
    big = "x" * 1_000_000
    path = saved(tmp_path / "x.csv", as_csv([{"prompt": "p", "response": big, "label": "safe"}]))
    assert one(path).responses[0].text == big


def test_lone_surrogates_and_zero_bytes_become_readable_and_are_counted(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.jsonl", r'{"prompt": "a\ud800b \ud83d\ude00", "response": "n\u0000l", "label": "safe"}')
    run = one(path)
    assert run.items[0].messages[0].content == "a\ufffdb 😀"
    assert run.responses[0].text == "n\ufffdl"
    assert any(note.startswith("2 values held") for note in run.notes)


def test_rows_without_any_value_are_left_out_and_counted(tmp_path: Path) -> None:
    run = one(saved(tmp_path / "x.csv", "prompt,response,label\np,r,safe\n,,\n\n,,\n"))
    assert len(run.items) == 1
    assert "x.csv: 2 rows without any value left out" in run.notes


# --------------------------------------------------------------------- encodings


@pytest.mark.parametrize("encoding", TEXTS)
def test_a_wrong_encoding_names_the_likely_one(tmp_path: Path, encoding: str) -> None:
    text = TEXTS[encoding]
    path = saved(tmp_path / "x.csv", text.encode(encoding))
    said = fails(path)
    assert said.endswith(f"it looks like {encoding}: try --encoding {encoding}")
    assert "x.csv line " in said
    question, answer = text.split("\n")[0].split(",")
    if encoding != "cp1252":
        run = one(path, [f"prompt={question},response={answer}"], encoding=encoding)
        assert [run.items[0].messages[0].content, run.responses[0].text] == text.split("\n")[1].split(",")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks(tmp_path: Path, encoding: str) -> None:
    run = one(saved(tmp_path / "x.csv", TEXTS["gb18030"].encode(encoding)), ["prompt=问题,response=回答"])
    assert run.items[0].lang == "zh"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [TEXTS["gb18030"], "prompt,response,label\np,r,safe\n"])
def test_utf16_without_a_mark_is_named(tmp_path: Path, encoding: str, text: str) -> None:
    assert fails(saved(tmp_path / "x.csv", text.encode(encoding))).endswith(f"try --encoding {encoding}")


def test_one_bad_byte_in_a_utf8_file_is_damage_not_another_encoding(tmp_path: Path) -> None:
    data = as_csv(ROWS * 40).encode().replace("多".encode(), b"\xff", 1)
    said = fails(saved(tmp_path / "x.csv", data))
    assert "line 4:" in said
    assert "0xFF" in said
    assert "damaged" in said


def test_wrong_encoding_options(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.csv", as_csv(ROWS))
    assert "Did you mean 'gb18030'?" in fails(path, encoding="gb18300")
    assert "encoding 'zlib'" in fails(path, encoding="zlib")
    assert "leave --encoding out" in fails(path, encoding="ascii")


def test_bytes_of_no_known_encoding_get_no_hint() -> None:
    assert likely(bytes(range(128, 256)) * 20) is None


# ------------------------------------------------------------------------ faults


def test_broken_json_names_its_line(tmp_path: Path) -> None:
    lines = [json.dumps({"prompt": f"p{n}", "response": "r", "label": "safe"}) for n in range(30)]
    lines[16] = lines[16][:-3]
    path = saved(tmp_path / "x.jsonl", "\n".join(lines))
    assert fails(path).startswith(f"{path} line 17: broken JSON at column ")
    lines[16] = "[1]"
    assert "line 17: expected a JSON object, got a list" in fails(saved(path, "\n".join(lines)))
    broken = json.dumps(ROWS, indent=1).replace('"response": "",', '"response" "",')
    assert "line 9: broken JSON" in fails(saved(tmp_path / "x.json", broken))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.csv", "prompt,response,label\na,b,safe\na,b\n", "x.csv line 3: 2 fields, but the header has 3"),
        ("x.csv", 'prompt,response,label\n"a\n",b,safe\na,b,c,d\n', "x.csv line 4: 4 fields"),
        ("x.csv", 'prompt,response,label\na,b,safe\n"a,b,safe\nc,d,e\n', "x.csv line 3: not valid CSV"),
        ("x.csv", "prompt,prompt,label\na,b,c\n", "'prompt' is named twice"),
        ("x.csv", "", "no rows"),
        ("x.csv", "prompt,response,label\n", "no rows"),
        ("x.csv", "Is A so?,yes,1\nIs B so?,no,0\n", "no column 'prompt'. Columns of x.csv: Is A so?, yes, 1"),
        ("x.csv", "prompt,response,label\n  ,b,safe\n", "x.csv line 2: the prompt (column 'prompt') is blank"),
        ("x.csv", "promt,response,label\na,b,c\n", "Did you mean 'promt'?"),
        (
            "x.jsonl",
            '{"prompt": 1, "response": 2, "label": 3}\n{"prompt": null, "label": 1}',
            "x.jsonl line 2: the prompt",
        ),
        ("x.jsonl", "[" * 100_000, "nested too deeply"),
        ("x.json", '{"a": {"b": 1}}', "expected a list of objects"),
        ("x.json", '{"prompt": [1, 2], "label": [1]}', "differ in length"),
        ("x.json", "[1]", "entry 1: expected a JSON object"),
        ("x.parquet", "PAR1 no", "not a readable Parquet file"),
        ("x.xlsx", "", "unknown kind of file '.xlsx'"),
        ("x.csv.gz", "prompt\n", "gzip"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, name: str, content: str, says: str) -> None:
    assert says in fails(saved(tmp_path / name, content), ["prompt=prompt,response=response,label=label"])


def test_a_truncated_gzip_file_is_refused(tmp_path: Path) -> None:
    data = gzip.compress(as_csv(ROWS * 100).encode())
    assert "gzip" in fails(saved(tmp_path / "x.csv.gz", data[:-20]))
    assert "gzip" in fails(saved(tmp_path / "x.csv.gz", data[:40] + b"\0\0\0\0" + data[44:]))


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    saved(tmp_path / "answers.csv", as_csv(ROWS))
    assert "answers.csv" in fails(tmp_path / "answer.csv")


def test_an_unknown_column_is_a_config_error_with_all_columns(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no column 'respons'\. Did you mean 'response'\? .*prompt, response, label"):
        read_import(saved(tmp_path / "x.csv", as_csv(ROWS)), mapping=["prompt=prompt,response=respons"])


def test_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(DataError, match="cannot read"):
        read_import(tmp_path / "x.csv", mapping=MAP)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["x.jsonl", "x.json", "x.csv", "x.tsv", "x.parquet", "x.csv.gz"]),
    content=st.binary(max_size=80) | st.text(st.sampled_from("{}[]:,\"'\t\r\n\\ap1\x00\ufeff"), max_size=60),
)
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path: Path, name: str, content: str | bytes) -> None:
    try:
        read_import(saved(tmp_path / name, content), mapping=["prompt=a"])
    except HonneError as e:
        assert "\n" not in str(e)


def test_a_parquet_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    data = write(tmp_path / "x.parquet", ROWS).read_bytes()
    for size in range(0, len(data), 97):
        assert "not a readable Parquet file" in fails(saved(tmp_path / "x.parquet", data[:size]))
