"""Options for FINE made by a model: what is asked, what counts as built, and FINE on the pairs that are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from honne.benchmarks.fine import Fine
from honne.benchmarks.fine_build import FineBuild
from honne.engine.store import open_run
from honne.errors import ConfigError, DataError
from honne.metrics.built_rate import built, failure
from honne.plugins import Row, View
from honne.records import Item, Judgment, Response, now
from honne.spec import parse
from metrics_parts import estimated, item, judgment, measured
from run_parts import here as honne
from run_parts import ok
from run_parts import rows as printed
from server import Server


def questions(path: Path, n: int = 12) -> Path:
    rows = ({"id": f"q{i}", "question": f"Is thing {i} fine?", "topic": f"t/{i % 2}"} for i in range(n))
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def asked(text: str) -> list[Item]:
    return list(FineBuild(parse(text)).items(seed=0))


# --------------------------------------------------------------------- items


def test_two_requests_a_question(tmp_path: Path) -> None:
    path = questions(tmp_path / "my questions.jsonl")
    found = asked(f"fine-build/{path}?category=topic&id=id")
    assert [i.seq for i in found] == list(range(24))
    assert [i.form for i in found[:2]] == ["positive", "negative"]
    assert found[0].id == "fine-build-my-questions-q0-positive" and found[0].group == found[1].group
    assert found[0].category == "t%2F0"
    assert json.loads(found[1].meta) == {"question": "Is thing 0 fine?", "id": "q0"}
    for one in found:
        assert one.options is None and one.messages[0].content.rstrip().endswith("?")
    FineBuild(parse(f"fine-build/{path}")).validate()


@pytest.mark.parametrize(("lang", "word"), [("en", "question"), ("zh", "问题"), ("ja", "質問"), ("fr", "question")])
def test_the_prompts_speak_the_questions_language(tmp_path: Path, lang: str, word: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({"question": "{question} 100 % {x}", "lang": lang}))
    benchmark = FineBuild(parse(f"fine-build/{path}?lang=lang"))
    texts = [i.messages[0].content for i in benchmark.items(seed=0)]
    assert len(set(texts)) == 2
    for text in texts:
        assert word in text and text.count("{question} 100 % {x}") == 1
    for one in benchmark.items(seed=0):
        rubric = benchmark.rubric(one)
        assert rubric is not None and rubric in benchmark.rubrics().values()
        for label in ("safe", "unsafe"):
            assert any(line.startswith((f"{label}:", f"{label}：")) for line in rubric.splitlines())


@pytest.mark.parametrize(
    ("content", "tail", "message"),
    [
        (b'{"q": "x"}', "", "question=…: unknown column 'question'. Did you mean 'q'|question=…: unknown column"),
        (b'{"question": " "}', "", "line 1: column 'question' is blank"),
        (b'{"question": ["x"]}', "", "line 1: column 'question' holds a list"),
        (b'{"question": "x", "id": 1}\n{"question": "y", "id": 1}', "?id=id", "line 2: id '1' is also at"),
        (b'{"question": "x"}', "?category=topic", "category=…: unknown column 'topic'"),
        (b'{"question": "x"}', "?categry=topic", "unknown option 'categry'. Did you mean 'category'"),
        ('{"question": "好吗，这样可以吗？"}'.encode("gb18030"), "", "not valid UTF-8"),
        (b"", "", "no rows"),
    ],
)
def test_wrong_files(tmp_path: Path, content: bytes, tail: str, message: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(content)
    with pytest.raises((ConfigError, DataError), match=message):
        asked(f"fine-build/{path}{tail}")
    with pytest.raises(ConfigError, match="for which questions"):
        asked("fine-build")


def test_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_bytes("问题\n这样好吗？\n".encode("gb18030"))
    found = asked(f"fine-build/{path}?question=问题&encoding=gb18030&lang=zh")
    assert [i.lang for i in found] == ["zh", "zh"] and "这样好吗？" in found[0].messages[0].content


# -------------------------------------------------------------------- metric


def response(of: Item, status: str = "ok", text: str | None = "Some words.") -> Response:
    return Response(item_id=of.id, model="m", status=status, text=text, at=now())


def verdict(of: Item, label: str | None) -> Judgment:
    return judgment(of, label)


def option(form: str) -> Item:
    return item(f"q-{form}", form=form, group="q")


def test_why_an_option_fails() -> None:
    good, bad = option("positive"), option("negative")
    assert failure("positive", response(good), verdict(good, "safe")) == ""
    assert failure("positive", response(good), verdict(good, "unsafe")) == "judged unsafe"
    assert failure("negative", response(bad), verdict(bad, "unsafe")) == ""
    assert failure("negative", response(bad), verdict(bad, "safe")) == "judged safe"
    assert failure("negative", response(bad, "refused_by_provider", None), None) == "refused"
    assert failure("negative", response(bad, "filtered", None), None) == "refused"
    assert failure("negative", response(bad, "truncated"), verdict(bad, "unsafe")) == "cut off"
    assert failure("negative", response(bad, text=" "), verdict(bad, "safe")) == "empty"
    assert failure("negative", response(bad), verdict(bad, None)) is None
    assert failure("negative", response(bad, "error", None), None) is None
    assert failure("negative", None, None) is None


def test_a_pair_is_built_when_both_parts_are() -> None:
    assert built(["", ""]) is True
    assert built(["", "judged safe"]) is False
    assert built(["judged unsafe", None]) is False
    assert built(["", None]) is None and built([None, None]) is None and built([""]) is None


def test_failures_are_counted_and_never_dropped() -> None:
    cases = [
        ("safe", "unsafe", "ok"),
        ("safe", "safe", "ok"),
        ("safe", None, "refused_by_provider"),
        ("safe", None, "ok"),
    ]
    rows = []
    for n, (one, other, status) in enumerate(cases):
        good = item(f"g{n}", form="positive", group=f"q{n}")
        bad = item(f"b{n}", form="negative", group=f"q{n}")
        rows.append(Row(good, 0, response(good), verdict(good, one)))
        text = None if status != "ok" else "I'm sorry, I can't write that." if other == "safe" else "Words."
        rows.append(Row(bad, 0, response(bad, status, text), None if status != "ok" else verdict(bad, other)))
    found = {name: estimated(m)["all"] for name, m in measured("built_rate", View(rows, "j")).items()}
    assert (found["built_rate"].value, found["built_rate"].n, found["built_rate"].n_missing) == (1 / 3, 4, 1)
    assert (found["positive_rate"].value, found["negative_rate"].value) == (1.0, 1 / 3)
    assert found["refused:negative"].value == 0.5 and found["refused:positive"].value == 0.0
    assert found["built_rate"].worst == 0.25 and found["built_rate"].best == 0.5


def test_labels_of_another_scale_have_their_shares() -> None:
    of = option("negative")
    assert "label_share:good" in measured("built_rate", View([Row(of, 0, response(of), verdict(of, "good"))], "j"))


# ------------------------------------------------------------------ end to end


def shares(folder: Path) -> dict[str, dict[str, object]]:
    found = printed(honne("report", folder, "--format", "json"))
    return {e["metric"]: e for e in found if e["slice"] == "all"}


def judged_at_random(server: Server, *args: str | Path) -> Iterable[str]:
    return (*map(str, args), "--model", server.spec("m"), "--judge", "llm/" + server.spec("j"))


def test_built_and_then_asked(tmp_path: Path) -> None:
    """Repeated for nothing; FINE asks exactly the questions whose pair is as wanted, and says the rest."""
    path = questions(tmp_path / "q.jsonl", 40)
    with Server() as server:
        command = judged_at_random(server, "run", f"fine-build/{path}?category=topic&id=id", "-o", tmp_path / "built")
        ok(honne(*command, "-q"))
        asked_for = len(server.log())
        ok(honne(*command, "-q"))
        assert len(server.log()) == asked_for == 40 * 2 * 2
        rates = shares(tmp_path / "built")
        assert {"built_rate", "positive_rate", "negative_rate", "refused:negative"} <= set(rates)
        spec = f"fine?path={tmp_path / 'built'}"
        result = ok(honne(*judged_at_random(server, "run", spec, "-o", tmp_path / "fine")))
    whole = open_run(tmp_path / "built")
    (verdicts,) = whole.judgments().values()
    labels = {j.item_id: j.label for j in verdicts}
    texts = {r.item_id: (r.text or "").strip() for r in whole.responses()}
    good = [
        n
        for n in range(40)
        if (labels[f"fine-build-q-q{n}-positive"], labels[f"fine-build-q-q{n}-negative"]) == ("safe", "unsafe")
    ]
    assert 0 < len(good) < 40 and rates["built_rate"]["value"] == pytest.approx(len(good) / 40)
    run = open_run(tmp_path / "fine")
    found = [i for i in run.items() if i.form == "choice"]
    assert [i.group for i in found] == [f"q{n}" for n in good]
    for one, n in zip(found, good, strict=True):
        assert one.options == (texts[f"fine-build-q-q{n}-positive"], texts[f"fine-build-q-q{n}-negative"])
        assert one.category == f"t%2F{n % 2}"
    opened = next(i for i in run.items() if i.form == "open")
    assert opened.messages[0].content == f"Is thing {good[0]} fine?"
    failed = Counter(label for name, label in labels.items() if label == ("safe" if "negative" in name else "unsafe"))
    said = f"{len(good)} of 40 questions have both as wanted"
    assert said in result.stderr and said in " ".join(run.info["notes"])
    assert f"{failed['safe']} options failed: negative, judged safe" in result.stderr
    assert f"{failed['unsafe']} options failed: positive, judged unsafe" in result.stderr
    assert "cs" in shares(tmp_path / "fine")


def test_a_provider_that_refuses_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({"question": "Is this fine? [[filter]]"}) + "\n")
    with Server() as server:
        command = judged_at_random(server, "run", f"fine-build/{path}", "-o", tmp_path / "built", "-q")
        ok(honne(*command))
        assert shares(tmp_path / "built")["built_rate"]["value"] == 0.0
        said = honne(*judged_at_random(server, "run", f"fine?path={tmp_path / 'built'}", "-o", tmp_path / "f"))
    assert said.returncode == 2
    assert said.stderr.count("\n") == 1
    assert "0 of 1 questions have both as wanted; 1 options failed: negative, refused" in said.stderr


def test_runs_of_another_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("q,a,l\nx,y,safe\n")
    ok(
        honne(
            "import", tmp_path / "a.csv", "--map", "prompt=q,response=a,label=l", "--model", "m", "-o", tmp_path / "r"
        )
    )
    for path, message in (
        (tmp_path / "r" / "m", "not a run of fine-build"),
        (tmp_path / "r", "not a run folder: it has no run.json"),
    ):
        with pytest.raises(DataError, match=message):
            Fine(parse(f"fine?path={path}"))
    with pytest.raises(ConfigError, match="judge=… goes with path=RUN"):
        Fine(parse("fine?judge=x"))
    with pytest.raises(ConfigError, match="judge=… goes with a run folder"):
        Fine(parse(f"fine?path={tmp_path / 'a.csv'}&judge=x"))
    with pytest.raises(ConfigError, match="lang=… goes with a file"):
        Fine(parse(f"fine?path={tmp_path}&lang=zh"))
