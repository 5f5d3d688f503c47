"""`replay/FILE`: which recorded answer goes to which item."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine_parts import ask_for
from honne.engine.local import Outcome, execute
from honne.errors import ConfigError, DataError, ModelError
from honne.models.replay import Replay
from honne.plugins import Reply, Request
from honne.records import Message
from honne.spec import parse


def recorded(folder: Path, *records: dict[str, Any], name: str = "answers.jsonl") -> Replay:
    file = folder / name
    file.write_text("".join(json.dumps(r) + "\n" for r in records))
    return Replay(parse(f"replay/{file}"))


async def answer(model: Replay, request: Request) -> Reply:
    return await model.ask(request, model.body(request))


async def test_by_id_or_by_exact_prompt(tmp_path: Path) -> None:
    model = recorded(
        tmp_path,
        {"id": "a", "response": "by id"},
        {"item_id": "n", "text": ""},
        {"prompt": "What?", "answer": "by prompt", "reasoning": "hm", "model": "m-1", "tokens_out": 3},
        {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "What?"}], "response": "whole"},
        {"id": 7, "response": "a number is an id too"},
    )
    assert (await answer(model, ask_for("What?", "a"))).text == "by id"
    empty = await answer(model, ask_for("?", "n"))
    assert (empty.status, empty.text) == ("ok", "")
    reply = await answer(model, ask_for("What?", "elsewhere"))
    assert (reply.text, reply.reasoning, reply.served_model, reply.tokens_out) == ("by prompt", "hm", "m-1", 3)
    spoken = (Message("system", "S"), Message("user", "What?"))
    assert (await answer(model, Request(item_id="x", messages=spoken))).text == "whole"
    other = (Message("system", "T"), Message("user", "What?"))
    assert (await answer(model, Request(item_id="x", messages=other))).text == "by prompt"
    assert (await answer(model, ask_for("What ?", "x"))).status == "not_asked"
    assert (await answer(model, ask_for("?", "7"))).status == "ok"


async def test_the_kth_record_of_a_prompt_goes_to_its_kth_item_and_further_ones_are_samples(tmp_path: Path) -> None:
    model = recorded(tmp_path, *({"prompt": "P", "response": f"r{k}"} for k in range(5)))
    got = {
        (k, s): (await answer(model, ask_for("P", f"i{k}", occurrence=k, occurrences=2, sample=s))).text
        for s in range(3)
        for k in range(2)
    }
    assert got == {(0, 0): "r0", (1, 0): "r1", (0, 1): "r2", (1, 1): "r3", (0, 2): "r4", (1, 2): None}
    alone = [(await answer(model, ask_for("P", "i", sample=s))).text for s in range(6)]
    assert alone == ["r0", "r1", "r2", "r3", "r4", None]


async def test_samples_by_id_in_order_or_as_stated(tmp_path: Path) -> None:
    model = recorded(
        tmp_path,
        {"id": "a", "response": "first"},
        {"id": "a", "response": "second"},
        {"id": "b", "sample": 1, "response": "one"},
        {"id": "b", "sample": 0, "response": "zero"},
        {"id": "b", "sample": 1, "response": "one, again"},
    )
    assert [(await answer(model, ask_for("?", "a", sample=s))).text for s in range(3)] == ["first", "second", None]
    assert [(await answer(model, ask_for("?", "b", sample=s))).text for s in range(2)] == ["zero", "one, again"]


async def test_statuses_are_kept_and_never_guessed(tmp_path: Path) -> None:
    model = recorded(
        tmp_path,
        {"id": "f", "status": "filtered"},
        {"id": "t", "status": "truncated", "text": "half"},
        {"id": "n", "response": None},
        {"id": "e", "status": "error", "error": "HTTP 500"},
        {"id": "u", "response": "lone \ud800"},
    )
    assert (await answer(model, ask_for("?", "f"))).status == "filtered"
    assert (await answer(model, ask_for("?", "t"))).text == "half"
    assert (await answer(model, ask_for("?", "n"))).status == "not_asked"
    with pytest.raises(ModelError, match="HTTP 500") as caught:
        await answer(model, ask_for("?", "e"))
    assert caught.value.item_fault and not caught.value.retryable
    (await answer(model, ask_for("?", "u"))).text.encode()  # type: ignore[union-attr]


async def test_every_format(tmp_path: Path) -> None:
    rows = [{"prompt": "你好, “x”\nb", "response": "好"}, {"prompt": "q", "response": "r"}]
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    for name, delimiter in (("a.csv", ","), ("a.tsv", "\t")):
        with (tmp_path / name).open("w", newline="", encoding="utf-8-sig") as out:
            writer = csv.DictWriter(out, ["prompt", "response"], delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    for file in sorted(tmp_path.iterdir()):
        model = Replay(parse(f"replay/{file}"))
        assert (await answer(model, ask_for("你好, “x”\nb"))).text == "好", file.name


async def test_a_long_field_and_another_encoding(tmp_path: Path) -> None:
    file, long = tmp_path / "a.csv", "这是一个很好的问题，" * 20_000
    file.write_bytes(f"prompt,response\n怎样才能安全地保存这些数据？,{long}\n".encode("gb18030"))
    with pytest.raises(DataError, match=r"a\.csv line 2: not valid UTF-8 .*try encoding=gb18030"):
        await Replay(parse(f"replay/{file}")).open()
    model = Replay(parse(f"replay/{file}?encoding=gb18030"))
    assert (await answer(model, ask_for("怎样才能安全地保存这些数据？"))).text == long
    assert model.settings["encoding"] == "gb18030"


def test_another_recording_of_the_same_name_is_another_model(tmp_path: Path) -> None:
    first = recorded(tmp_path, {"id": "a", "response": "one"})
    again, other = Replay(parse(f"replay/{tmp_path}/answers.jsonl")), recorded(tmp_path, {"id": "a", "response": "two"})
    assert first.name == other.name and first.settings == again.settings != other.settings
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "answers.jsonl").read_bytes()))
    assert Replay(parse(f"replay/{packed}")).settings == other.settings


async def test_the_answers_are_those_that_the_hash_is_of(tmp_path: Path) -> None:
    first = recorded(tmp_path, {"id": "a", "response": "one"})
    recorded(tmp_path, {"id": "a", "response": "two"})
    assert (await answer(first, ask_for("?", "a"))).text == "one"


async def test_records_beyond_the_samples_are_noted(tmp_path: Path) -> None:
    model = recorded(tmp_path, *({"id": i, "response": str(k)} for i, n in (("a", 3), ("b", 1)) for k in range(n)))
    await answer(model, ask_for("?", "a"))
    (note,) = model.notes
    assert "1 of 2 ids or prompts have more than 1 recorded" in note and "at most 3" in note and "--samples" in note
    await answer(model, ask_for("?", "a", sample=2))
    assert model.notes == ()


async def test_one_model_of_several(tmp_path: Path) -> None:
    recorded(tmp_path, {"id": "a", "model": "one", "text": "1"}, {"id": "a", "model": "two", "text": "2"})
    file = tmp_path / "answers.jsonl"
    assert (await answer(Replay(parse(f"replay/{file}?model=two")), ask_for("?", "a"))).text == "2"
    with pytest.raises(DataError, match="no recorded answers of model 'three'"):
        await Replay(parse(f"replay/{file}?model=three")).open()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"id": 1, "text": "x"}\n{"id"', "line 2: broken JSON"),
        ("[1]", "entry 1: expected a JSON object"),
        ('{"id": 1, "text": "x"}\n[1]', "line 2: expected a JSON object"),
        ('\n{"response": "x"}', "line 2 has neither an id .* nor a prompt"),
        ('{"id": "a"}', "line 1 has no answer"),
        ('{"id": "a", "status": "okay", "text": ""}', "unknown status 'okay'. Did you mean 'ok'"),
        ('{"id": "a", "text": 5}', "text must be text"),
        ('{"id": "a", "text": "x", "sample": "second"}', "sample='second' must be a whole number"),
        ('{"messages": [{"role": 1}], "text": "x"}', "line 1: messages must be a list"),
        ("", "holds no recorded answers"),
    ],
)
async def test_bad_files_are_one_clear_line(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(content)
    with pytest.raises(DataError, match=says) as caught:
        await Replay(parse(f"replay/{file}")).open()
    assert "\n" not in str(caught.value) and "bad.jsonl" in str(caught.value)


async def test_files_that_are_not_there_or_not_what_they_claim(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.jsonl: no such file"):
        Replay(parse(f"replay/{tmp_path}/nowhere.jsonl"))
    with pytest.raises(ConfigError, match="needs a file"):
        Replay(parse("replay"))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b'{"id": 1, "text": ""}' * 99)[:-20])
    (tmp_path / "a.json").write_text('{"id": 1}')
    (tmp_path / "a.csv").write_text("id,text\n1,a\n2\n")
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    for name, says in (
        ("a.jsonl.gz", "gzip"),
        ("a.json", "list"),
        ("a.csv", "line 3"),
        ("a.parquet", "not a readable Parquet"),
    ):
        with pytest.raises(DataError, match=says) as caught:
            await Replay(parse(f"replay/{tmp_path}/{name}")).open()
        assert "\n" not in str(caught.value)


async def test_through_the_executor_as_a_judges_model_would_be(tmp_path: Path) -> None:
    model = recorded(
        tmp_path,
        *({"id": f"i{k}", "response": json.dumps({"verdict": "safe" if k % 2 else "unsafe"})} for k in range(40)),
        {"id": "e", "status": "error", "error": "gone"},
    )
    requests = [ask_for("Judge: …", f"i{k}", schema={"type": "object"}) for k in range(50)] + [ask_for("?", "e")]
    outcomes: list[Outcome] = []
    summary = await execute(model, requests, outcomes.append, total=len(requests))
    assert (summary.answered, summary.not_asked, summary.failed) == (40, 10, 1)
    verdicts = {o.request.item_id: json.loads(o.reply.text)["verdict"] for o in outcomes if o.reply and o.reply.text}
    assert verdicts == {f"i{k}": "safe" if k % 2 else "unsafe" for k in range(40)}
