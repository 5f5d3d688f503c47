"""Choices made of answers that exist already: which pairs are taken, what is left out, from files and from runs."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honne.benchmarks._build_pairs import Answers, Pairing, matched
from honne.benchmarks.cvalues_build import CValuesBuild
from honne.benchmarks.jade import Jade
from honne.errors import ConfigError, DataError
from honne.plugins import View
from honne.records import Item
from honne.spec import parse
from metrics_parts import estimated, item, measured, row
from run_parts import honne, ok
from run_parts import rows as printed
from server import Server


def build(text: str) -> CValuesBuild:
    return CValuesBuild(parse(text))


def items(text: str, seed: int = 0) -> list[Item]:
    return build(text).items(seed=seed)


def jsonl(path: Path, rows: Iterable[object]) -> Path:
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return path


def length_only(found: Iterable[Item]) -> float:
    view = View([row(i, None) for i in found], None)
    value = estimated(measured("length_only_accuracy", view)["length_only_accuracy"])["all"].value
    assert value is not None
    return value


# ------------------------------------------------------------------ matching

TEXTS = st.lists(st.text("ab", min_size=1, max_size=12), max_size=4, unique=True)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=12), st.integers(0, 3), st.integers(1, 3), st.booleans())
@settings(max_examples=200, deadline=None)
def test_matching_keeps_its_promises(
    sides: list[tuple[list[str], list[str]]], seed: int, most: int, exact: bool
) -> None:
    answers = {f"p{i}": Answers(tuple(safe), tuple(unsafe)) for i, (safe, unsafe) in enumerate(sides)}
    found = matched(answers, seed=seed, most=most, exact=exact)
    turned = dict(reversed([(p, Answers(a.safe[::-1], a.unsafe[::-1])) for p, a in answers.items()]))
    assert found == matched(turned, seed=seed, most=most, exact=exact), "the order of the answers changes nothing"
    for pair in found:
        assert pair.safe in answers[pair.prompt].safe and pair.unsafe in answers[pair.prompt].unsafe
        longer = len(pair.safe) - len(pair.unsafe)
        assert pair.sign == (longer > 0) - (longer < 0)
    for part in (lambda p: (p.prompt, p.safe), lambda p: (p.prompt, p.unsafe)):
        assert max(Counter(map(part, found)).values(), default=0) <= 1, "an answer is in two pairs"
    counts = Counter(pair.prompt for pair in found)
    assert max(counts.values(), default=0) <= most
    if exact:
        assert sum(pair.sign for pair in found) == 0
    else:
        assert counts == Counter({p: n for p, a in answers.items() if (n := min(most, len(a.safe), len(a.unsafe)))})


def possible_balance(answers: dict[str, Answers]) -> int:
    """The least imbalance that one pair a prompt can have, by trying all sums."""
    sums = {0}
    for found in answers.values():
        signs = {(len(s) > len(u)) - (len(s) < len(u)) for s in found.safe for u in found.unsafe}
        sums = {total + sign for total in sums for sign in signs} if signs else sums
    return min(map(abs, sums))


def test_the_lengths_are_as_balanced_as_they_can_be() -> None:
    generator = random.Random(5)
    off = 0
    for _ in range(300):
        answers = {
            f"p{i}": Answers(
                *(
                    tuple({"x" * generator.randint(1, 6) for _ in range(generator.randint(1, 3))})
                    for _ in ("safe", "unsafe")
                )
            )
            for i in range(generator.randint(1, 9))
        }
        found = abs(sum(pair.sign for pair in matched(answers, seed=1, most=1)))
        assert found <= possible_balance(answers) + 1
        off += found != possible_balance(answers)
    assert off <= 15, "it may miss the best by one where equal lengths are on offer, but rarely"


def test_the_closest_in_length_is_taken() -> None:
    answers = {"p": Answers(("a" * 10,), ("b" * 90, "b" * 14, "b" * 40))}
    assert matched(answers, seed=0, most=1) == [Pairing("p", "a" * 10, "b" * 14, -1)]


# --------------------------------------------------------------------- files


def answers(path: Path, n: int = 30) -> Path:
    generator = random.Random(2)
    rows = []
    for i in range(n):
        for k in range(generator.randint(2, 6)):
            text = f"reply {k} " + "word " * generator.randint(1, 30)
            rows.append({"q": f"Question {i}?", "a": text, "l": generator.choice(["Safe", "unsafe"]), "t": f"t{i % 2}"})
    return jsonl(path, rows)


def test_both_orders_of_every_pair(tmp_path: Path) -> None:
    spec = f"cvalues-build/{answers(tmp_path / 'a.jsonl')}?prompt=q&answer=a&label=l&category=t&lang=en"
    found = items(spec)
    assert [i.seq for i in found] == list(range(len(found)))
    assert Counter(i.target for i in found) == {"A": len(found) / 2, "B": len(found) / 2}
    for one, other in zip(found[::2], found[1::2], strict=True):
        assert one.group == other.group and one.options == (other.options or ())[::-1]
        assert (one.form, other.form) == ("choice", "choice-swapped")
        assert one.category in ("t0", "t1") and one.lang == "en"
    assert found == items(spec)
    build(spec).validate()


def test_length_gives_nothing_away(tmp_path: Path) -> None:
    spec = f"cvalues-build/{answers(tmp_path / 'a.jsonl', 60)}?prompt=q&answer=a&label=l"
    assert abs(length_only(items(spec)) - 0.5) <= 0.02
    assert abs(length_only(items(f"{spec}&pairs=3")) - 0.5) <= 0.02
    assert len(items(f"{spec}&pairs=3")) > len(items(spec))


def test_the_length_control_itself() -> None:
    def choice(id: str, options: tuple[str, ...], target: str) -> Item:
        return item(id, form="choice", group=id[0], options=options, target=target)

    made = [
        choice("a1", ("long one", "short"), "A"),
        choice("a2", ("short", "long one"), "B"),
        choice("b1", ("long one ", "  short  "), "B"),
        choice("c1", ("same", "size"), "A"),
        choice("d1", ("of", "three", "kinds"), "A"),
    ]
    measure = measured("length_only_accuracy", View([row(i, None) for i in made], None))["length_only_accuracy"]
    assert {u.id: u.value for u in measure.units} == {"a1": 1.0, "b1": 0.0, "c1": 0.5}
    assert measure.judge == ""


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    rows = [
        {"q": "one", "a": "good", "l": "safe"},
        {"q": "one", "a": " good ", "l": "SAFE"},
        {"q": "one", "a": "bad  text", "l": "unsafe"},
        {"q": " one", "a": "bad text", "l": "unsafe"},
        {"q": "one", "a": "both", "l": "safe"},
        {"q": "one", "a": "both", "l": "unsafe"},
        {"q": "one", "a": "maybe", "l": "controversial"},
        {"q": "one", "a": "", "l": "unsafe"},
        {"q": "one", "a": "unlabelled"},
        {"q": "two", "a": "good", "l": "safe"},
        {"q": "three", "a": "bad", "l": "unsafe"},
        {"q": "four", "a": "hm", "l": "controversial"},
        {"q": " ", "a": "bad", "l": "unsafe"},
    ]
    benchmark = build(f"cvalues-build/{jsonl(tmp_path / 'a.jsonl', rows)}?prompt=q&answer=a&label=l")
    found = benchmark.items(seed=0)
    assert [i.options for i in found] == [("good", "bad  text"), ("bad  text", "good")]
    assert set(benchmark.notes) == {
        "2 answers left out: given twice",
        "2 answers left out: called both safe and unsafe",
        "2 answers left out: labelled 'controversial'",
        "1 answer left out: blank",
        "1 answer left out: without a label",
        "1 answer left out: the prompt is blank",
        "1 prompts have only safe answers, so no pair",
        "1 prompts have only unsafe answers, so no pair",
        "1 prompts have no usable answers, so no pair",
        "1 pairs; always picking the longer answer would be right in 0.0 %",
        "of two options, chance is right in 50 %",
    }


def test_other_labels_can_be_named(tmp_path: Path) -> None:
    rows = [{"q": "one", "a": "good", "l": 3}, {"q": "one", "a": "bad", "l": 1}, {"q": "one", "a": "meh", "l": 2}]
    path = jsonl(tmp_path / "a.jsonl", rows)
    (one, _) = items(f"cvalues-build/{path}?prompt=q&answer=a&label=l&safe_is=3&unsafe_is=1, 0")
    assert one.options == ("good", "bad")
    rows = [{"q": "one", "a": "good", "l": "safe-9"}, {"q": "one", "a": "bad", "l": "unsafe-2"}]
    (one, _) = items(f"cvalues-build/{jsonl(path, rows)}?prompt=q&answer=a&label=l")
    assert one.options == ("good", "bad")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_triples(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("问题,好,坏\n为什么？,先想一想,别管它\n怎么办？,问问别人,\n".encode(encoding))
    tail = "&encoding=gb18030" if encoding == "gb18030" else ""
    benchmark = build(f"cvalues-build/{path}?prompt=问题&safe=好&unsafe=坏&lang=zh{tail}")
    assert [i.target for i in benchmark.items(seed=0)] == ["A", "B"]
    assert "1 prompts have only safe answers, so no pair" in benchmark.notes


@pytest.mark.parametrize(
    ("tail", "message"),
    [
        ("", "say prompt=COLUMN and either answer=COLUMN&label=COLUMN or .*there are: q, a, l, t"),
        ("?prompt=q", "say prompt=COLUMN and either"),
        ("?prompt=q&answer=a", "answer=… goes with label=COLUMN"),
        ("?prompt=q&unsafe=a", "unsafe=… goes with safe=COLUMN"),
        ("?prompt=q&answer=aa&label=l", "unknown column 'aa'. Did you mean 'a'"),
        ("?prompt=q&answer=a&label=l&lang=fr", "unknown column 'fr'.*Allowed: a, en, ja, l, q, t, zh"),
        ("?prompt=q&answer=a&label=l&pairs=0", "pairs=0 is out of range"),
        ("?prompt=q&answer=a&label=l&judge=x", "judge=… goes with a run folder"),
        ("?prompt=q&answer=a&label=l&safe_is=x&unsafe_is=X,y", "'x' is named as safe and as unsafe"),
        ("?prompt=q&answer=a&label=l&encoding=utf-9", "unknown encoding 'utf-9'"),
        ("?prompt=q&answer=a&label=t", "no pair of a safe and an unsafe answer: .*labelled 't0'"),
    ],
)
def test_wrong_options(tmp_path: Path, tail: str, message: str) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        items(f"cvalues-build/{answers(tmp_path / 'a.jsonl')}{tail}")
    with pytest.raises(ConfigError, match="of which answers"):
        build("cvalues-build")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"{",
        b'{"q": NaN}',
        b"[1]",
        b"\x00\x00",
        b"\xff\xfe\x00",
        b'{"q":["a"],"a":"b","l":"safe"}',
        b'"x"\n',
        b"[" * 100_000,
    ],
)
def test_broken_files_are_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    with pytest.raises((ConfigError, DataError)) as e:
        items(f"cvalues-build/{path}?prompt=q&answer=a&label=l")
    assert "\n" not in str(e.value)


# ---------------------------------------------------------------------- runs


def labelled_run(folder: Path, model: str, labels: str) -> Path:
    """A finished run with people's labels, by import."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["q,a,l", *(f"Question {i}?,the {model} says {i},{label}" for i, label in enumerate(labels.split()))]
    (folder / f"{model}.csv").write_text("\n".join(lines))
    mapping = "prompt=q,response=a,label=l"
    ok(honne("import", folder / f"{model}.csv", "--map", mapping, "--model", model, "-o", folder / "runs"))
    return folder / "runs" / model


def test_the_answers_of_runs(tmp_path: Path) -> None:
    one = labelled_run(tmp_path, "one", "safe unsafe safe safe")
    labelled_run(tmp_path, "two", "unsafe safe safe unsafe")
    benchmark = build(f"cvalues-build/{tmp_path / 'runs'}")
    found = benchmark.items(seed=0)
    assert {i.group for i in found} == {i.group for i in found[::2]} and len(found) == 6
    assert "1 prompts have only safe answers, so no pair" in benchmark.notes
    good = {(i.options or ("",))[0] for i in found if i.form == "choice"}
    assert good == {"the one says 0", "the two says 1", "the one says 3"}
    assert items(f"cvalues-build/{tmp_path / 'runs'}?judge=labels") == found
    with pytest.raises(DataError, match="no pair"):
        items(f"cvalues-build/{one}")
    with pytest.raises(DataError, match=r"no judge 'label'. Did you mean 'labels'"):
        items(f"cvalues-build/{one}?judge=label")
    with pytest.raises(ConfigError, match="prompt=… goes with a file"):
        items(f"cvalues-build/{one}?prompt=q")
    with pytest.raises(DataError, match="not a run folder, nor does it hold any"):
        items(f"cvalues-build/{tmp_path / 'runs' / 'one' / 'responses'}")


def test_a_run_that_cannot_be_used_says_why_in_a_line(tmp_path: Path) -> None:
    folder = labelled_run(tmp_path, "one", "safe unsafe")
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**info, "state": "running"}))
    with pytest.raises(DataError, match=r"the run is not finished \(state 'running'\): finish it with its own command"):
        items(f"cvalues-build/{folder}")
    (folder / "run.json").write_text(json.dumps(info))
    (folder / "responses" / "000001.jsonl").write_text("{}")
    with pytest.raises(DataError, match=r"responses/000001\.jsonl was left behind"):
        items(f"cvalues-build/{folder}")
    (folder / "responses" / "000001.jsonl").unlink()
    for name in ("items.parquet", "responses/part.parquet"):
        whole = (folder / name).read_bytes()
        for damaged in (b"", whole[:50], b"x" * 500):
            (folder / name).write_bytes(damaged)
            with pytest.raises(DataError, match="cannot read") as e:
                items(f"cvalues-build/{folder}")
            assert "\n" not in str(e.value)
        (folder / name).unlink()
        with pytest.raises(DataError, match="the run is not complete"):
            items(f"cvalues-build/{folder}")
        (folder / name).write_bytes(whole)
    (folder / "run.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="cannot read"):
        items(f"cvalues-build/{folder}")


def test_end_to_end(tmp_path: Path) -> None:
    spec = f"cvalues-build/{answers(tmp_path / 'a.jsonl')}?prompt=q&answer=a&label=l"
    with Server() as server:
        result = ok(honne("run", spec, "--model", server.spec("m"), "-o", tmp_path / "run"))
        asked = len(server.log())
        ok(honne("run", spec, "--model", server.spec("m"), "-o", tmp_path / "run"))
        assert len(server.log()) == asked, "the same command asks nothing twice"
    assert "note: cvalues-build-a: " in result.stderr and "picking the longer answer" in result.stderr
    found = {
        e["metric"]: e for e in printed(honne("report", tmp_path / "run", "--format", "json")) if e["slice"] == "all"
    }
    assert {"acc", "acc_star", "length_only_accuracy", "refused_share", "other_share", "unparsed_share"} <= set(found)
    assert found["acc"]["n"] == asked and found["length_only_accuracy"]["n"] == asked / 2


# ---------------------------------------------------------------------- jade


def test_jade(honne_data: Path) -> None:
    jade = Jade(parse("jade"))
    jade.validate()
    found = list(jade.items(seed=0))
    assert len(found) == 2 * 650
    assert Counter(i.category for i in found) == {"medium": 1000, "hard": 300}
    assert Counter(i.target for i in found) == {"A": 650, "B": 650}
    assert all("�" not in text for i in found for text in (i.messages[0].content, *(i.options or ())))
    hard = list(Jade(parse("jade?difficulty=hard")).items(seed=0))
    assert [i.id for i in hard] == [i.id for i in found if i.category == "hard"]
    assert length_only(hard) == pytest.approx(135 / 150)
    with pytest.raises(ConfigError, match=r"unknown difficulty 'hrad'\. Did you mean 'hard'"):
        Jade(parse("jade?difficulty=hrad"))


def test_a_converted_copy_of_jade_reads_the_same(
    tmp_path: Path, honne_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gzip

    whole = list(Jade(parse("jade?difficulty=hard")).items(seed=0))
    raw = gzip.decompress((honne_data / "jade_db" / "jade_alignment_hard_zh.csv.gz").read_bytes())
    (tmp_path / "jade_db").mkdir()
    copy = tmp_path / "jade_db" / "jade_alignment_hard_zh.csv"
    monkeypatch.setenv("HONNE_DATA", str(tmp_path))
    monkeypatch.setenv("HONNE_CACHE", str(tmp_path / "cache"))
    for encoding in ("utf-8", "utf-8-sig"):
        copy.write_bytes(raw.decode("gb18030").encode(encoding))
        assert list(Jade(parse("jade?difficulty=hard")).items(seed=0)) == whole
    copy.write_bytes(raw[:-1] + b"\xff\xff")
    with pytest.raises(DataError, match="not valid gb18030"):
        list(Jade(parse("jade?difficulty=hard")).items(seed=0))
