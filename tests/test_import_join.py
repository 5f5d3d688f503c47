"""`--join` and `--on`: columns of another file, matched by id or prompt, never by chance."""

from __future__ import annotations

from pathlib import Path

from honne.importers import read_import
from import_parts import judged, one, refused, rows


def test_join_adds_columns_and_the_main_file_wins(tmp_path: Path) -> None:
    main = rows(tmp_path / "x.jsonl", {"id": 1, "q": "p", "kind": "main"}, {"id": 2, "q": "q", "kind": "main"})
    other = rows(tmp_path / "more.jsonl", {"id": "2", "kind": "joined", "l": "safe"}, {"id": "3", "kind": "joined"})
    run = one(main, "prompt=q,id=id,category=kind,category=more.kind,label=l", joins=[other], on=["id"])
    assert [item.category for item in run.items] == ["main", "main/joined"]
    assert judged(run) == [("skipped", None, None), ("scored", "safe", "safe")]
    assert "more.jsonl: joined on id; 1 of 2 rows matched, 1 of its 2 rows were used" in run.notes
    assert [source["file"] for source in run.sources] == ["x.jsonl", "more.jsonl"]


def test_join_on_prompt_and_one_on_for_each_join(tmp_path: Path) -> None:
    main = rows(tmp_path / "x.jsonl", {"id": 1, "question": "p"})
    a = rows(tmp_path / "a.jsonl", {"prompt": "p", "c": "A"})
    b = rows(tmp_path / "b.jsonl", {"id": "1", "l": "safe"})
    run = one(main, "prompt=question,id=id,category=c,label=l", joins=[a, b], on=["prompt", "id"])
    assert (run.items[0].category, run.judgments["labels"][0].label) == ("A", "safe")
    for on, says in [([], "need one --on"), (["id", "id", "id"], "need one --on"), (["name"], "expected id or prompt")]:
        assert says in refused(main, "prompt=question,id=id", joins=[a, b], on=on)
    assert "needs a --join" in refused(main, "prompt=question", on=["id"])
    assert "needs the column of ids" in refused(main, "prompt=question", joins=[b], on=["id"])
    assert "no column 'question' or 'prompt' to join on" in refused(main, "prompt=question", joins=[b], on=["prompt"])


def test_ids_match_by_their_trailing_number_only_where_that_is_unique(tmp_path: Path) -> None:
    main = rows(tmp_path / "x.jsonl", {"id": "v2-1", "q": "p"}, {"id": "v2-02", "q": "q"})
    other = rows(tmp_path / "o.jsonl", {"id": 2, "c": "two"}, {"id": 1, "c": "one"})
    run = one(main, "prompt=q,id=id,category=c", joins=[other], on=["id"])
    assert [item.category for item in run.items] == ["one", "two"]
    assert "o.jsonl: joined on the trailing number of the id" in run.notes[0]
    twice = rows(tmp_path / "o.jsonl", {"id": "a-1", "c": "A"}, {"id": "b-1", "c": "B"})
    said = refused(main, "prompt=q,id=id,category=c", joins=[twice], on=["id"])
    assert "none of its 2 rows matches on id" in said
    # One exact match is enough for ids to be meant as they are.
    exact = rows(tmp_path / "o.jsonl", {"id": "v2-1", "c": "A"}, {"id": "2", "c": "B"})
    assert [i.category for i in one(main, "prompt=q,id=id,category=c", joins=[exact], on=["id"]).items] == ["A", ""]


def test_join_by_id_and_model(tmp_path: Path) -> None:
    records = [{"who": m, "id": i, "q": f"q{i}"} for m in ("a", "b") for i in (1, 2)]
    labels = [{"model": m, "id": i, "l": f"{m}{i}"} for i in (1, 2) for m in ("a", "b", "c")]
    main, other = rows(tmp_path / "x.jsonl", *records), rows(tmp_path / "o.jsonl", *labels)
    a, b = read_import(main, mapping=["prompt=q,id=id,model=who,label=l"], joins=[other], on=["id"])
    assert [j.label for run in (a, b) for j in run.judgments["labels"]] == ["a1", "a2", "b1", "b2"]
    assert "joined on id and model; 4 of 4 rows matched, 4 of its 6 rows" in a.notes[0]
    # One model's labels never end up with another's answers, even where every id is there once.
    only_c = rows(tmp_path / "o.jsonl", *(r for r in labels if r["model"] == "c"))
    said = refused(main, "prompt=q,id=id,model=who,label=l", joins=[only_c], on=["id"])
    assert "its models 'c'; the imported models are 'a', 'b'" in said


def test_several_rows_of_one_key_are_refused_with_both_lines(tmp_path: Path) -> None:
    main = rows(tmp_path / "x.jsonl", {"id": 1, "q": "p"})
    other = rows(tmp_path / "o.jsonl", {"id": 1, "c": "A"}, {"id": 2, "c": "A"}, {"id": 1, "c": "B"})
    said = refused(main, "prompt=q,id=id,category=c", joins=[other], on=["id"])
    assert said == f"--join: key '1' is there twice: {other} line 1 and line 3"


def test_a_joined_file_may_have_the_encoding_given_or_utf8(tmp_path: Path) -> None:
    main = tmp_path / "x.csv"
    main.write_bytes("编号,问题\n1,什么是问题？\n".encode("gb18030"))
    for encoding in ("utf-8", "gb18030"):
        (tmp_path / "o.csv").write_bytes("编号,类别\n1,道德\n".encode(encoding))
        run = one(main, "prompt=问题,id=编号,category=类别", joins=[tmp_path / "o.csv"], on=["id"], encoding="gb18030")
        assert run.items[0].category == "道德"
