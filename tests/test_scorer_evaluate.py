"""How good a judge is: the numbers by hand, on the published XSTest labels, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from honne.errors import ConfigError, DataError
from honne.judges._scorer import load, packaged
from honne.report import scorer as report
from honne.report._scorer_text import people
from honne.scorer.asked import by_key, by_scorer
from honne.scorer.cases import family, read
from honne.scorer.evaluate import measure
from honne.scorer.evaluation import Case, Evaluation, Given
from run_parts import here, ok


def _case(i: int, label: str, **more: object) -> Case:
    return replace(Case(f"{i:04d}", f"p{i}", "a", "d", label, f"g{i}", "en", "llama"), **more)  # type: ignore[arg-type]


def _part(n: int = 40) -> tuple[list[Case], list[Given]]:
    """Every fourth is unsafe and half of these are missed; each tenth has no verdict; a rival is always right."""
    cases, given = [], []
    for i in range(n):
        label = "unsafe" if i % 4 == 0 else "safe"
        people = {"labels.a": label, "labels.b": "safe" if i == 0 else label}
        others = {"other": Given(label), "elsewhere": Given("7")}
        cases.append(_case(i, label, lang="zh" if i % 2 else "en", raters=people, others=others))
        said = None if i % 10 == 9 else "safe" if i % 8 == 0 else label
        given.append(Given(said, None if said is None else 0.9, i >= 30))
    return cases, given


def test_the_numbers_by_hand() -> None:
    cases, given = _part()
    part = measure("ours", "d", ("safe", "unsafe"), cases, given)
    assert (part.n, part.n_missing) == (40, 4)
    assert part.labels == ("safe", "unsafe")
    # 10 unsafe, of which 5 were called safe; 30 safe, of which 4 have no verdict.
    assert part.confusion == ((26, 0), (5, 5))
    assert part.accuracy.value == pytest.approx(31 / 36)
    assert part.accuracy.worst == pytest.approx(31 / 40)
    assert part.accuracy.best == pytest.approx(35 / 40)
    assert part.majority.value == pytest.approx(0.75)
    assert part.majority_label == "safe"
    safe, unsafe = part.classes
    assert (unsafe.recall.value, unsafe.precision.value) == (0.5, 1.0)
    assert (safe.recall.n, safe.recall.n_missing) == (30, 4)
    assert safe.precision.value == pytest.approx(26 / 31)
    assert part.macro_f1.value == pytest.approx((2 * 26 / (2 * 26 + 5) + 2 * 5 / (2 * 5 + 5)) / 2)
    assert [e.slice for e, _ in part.slices] == ["lang/en", "lang/zh"]
    assert [e.value for e, _ in part.slices] == [pytest.approx(15 / 20), 1.0]
    assert part.far is not None
    share, near, far = part.far
    assert share.value == 0.25
    assert (near.n + far.n, near.n_missing + far.n_missing) == (40, 4)
    ece = next(e for e in part.calibration if e.metric == "ece")
    assert ece.value == pytest.approx(abs(31 / 36 - 0.9))
    (rival,) = part.rivals
    assert (rival.judge, rival.n, rival.n_missing) == ("other", 40, 4)
    assert rival.difference == pytest.approx(-5 / 36)
    assert rival.low is not None and rival.high is not None and rival.low < -5 / 36 < rival.high
    assert part.apart == ("elsewhere",)
    agreed = {(e.metric, e.judge): e.value for e in part.ceiling}
    assert agreed["rater_agreement", None] == pytest.approx(39 / 40)
    assert agreed["rater_accuracy", "labels.b"] == pytest.approx(39 / 40)
    assert agreed["rater_accuracy", "labels.a"] == 1.0


def test_p_is_adjusted_for_the_number_of_judges() -> None:
    cases, given = _part(80)
    one = measure("ours", "d", (), cases, given).rivals[0].p
    more = [replace(c, others={**c.others, "third": Given(c.label), "fourth": Given(c.label)}) for c in cases]
    found = measure("ours", "d", (), more, given).rivals
    assert one is not None and [r.p for r in found] == [pytest.approx(min(1.0, 3 * one))] * 3


def test_numbers_as_labels_are_in_the_order_of_their_size() -> None:
    cases = [_case(i, str(1 + i % 10)) for i in range(40)]
    part = measure("points", "d", (), cases, [Given(case.label) for case in cases])
    assert part.labels == tuple(str(n) for n in range(1, 11)) and part.accuracy.value == 1.0


def test_a_verdict_with_points_says_what_it_says_without() -> None:
    cases = [_case(i, "safe" if i % 2 else "unsafe", others={"llm": Given("unsafe-2")}) for i in range(20)]
    part = measure("points", "d", (), cases, [Given(f"{case.label}-{i}") for i, case in enumerate(cases)])
    assert part.labels == ("safe", "unsafe") and part.accuracy.value == 1.0
    assert part.rivals[0].accuracy.value == 0.5
    # Where the scale itself has such labels, they stay.
    kept = measure("points", "d", (), [_case(0, "safe-7")], [Given("safe-6")])
    assert kept.accuracy.value == 0.0


def test_every_format_says_it_and_stays_text() -> None:
    bad = "<script>alert(1)</script>|`x`\x1b[31m"
    cases, given = _part()
    cases = [replace(c, family=bad if i % 2 else "llama", others={bad: Given(c.label)}) for i, c in enumerate(cases)]
    part = measure(bad, "d/e", ("safe", "unsafe"), cases, given)
    designs = {"random": 30, "active": 10}
    found = Evaluation(bad, None, bad, (bad,), {"trained": 3, "no answer": 1}, (part,), designs)
    html, md, screen = report.render("html", found), report.render("md", found), Console(width=100, record=True)
    assert "<script>alert" not in html and "\x1b[31m" not in html and "&lt;script&gt;" in html
    assert "3 left out: the scorer was trained on their prompt" in html
    assert "<script>" not in md and "3 left out" in md
    assert "10 active of 40 labels are of answers that were not picked at random" in html
    assert "86.1%" in html and "86.1%" in md
    report.print_evaluation(found, screen)
    shown = screen.export_text()
    assert "86.1%" in shown and "\x1b[31m" not in shown and "always safe" in shown
    plain = json.loads(report.render("json", found))
    assert plain["parts"][0]["accuracy"]["value"] == pytest.approx(31 / 36)
    assert plain["left_out"] == {"trained": 3, "no answer": 1}


def test_a_judge_without_any_verdict_has_no_number() -> None:
    cases, _ = _part(8)
    part = measure("silent", "d", (), cases, [Given(None)] * 8)
    assert part.accuracy.value is None and part.n_missing == 8
    found = Evaluation("silent", None, "labels", ("x",), {}, (part,))
    assert "no verdict on any of 8 answers" in report.render("md", found)
    assert "None" not in report.render("html", found)


@pytest.fixture(scope="module")
def xstest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model of XSTest as published: two annotators, the settled label, string match and GPT-4."""
    from honne.benchmarks.xstest import PLUGIN
    from honne.data import catalogue, locate

    out = tmp_path_factory.mktemp("xstest")
    files = {s.file: locate(s) for s in catalogue() if s.dataset == "xstest"}
    needed = [files.get(name) for name in ("completions/gpt4.csv", "xstest_prompts.csv", "automated_labels.csv")]
    if any(one is None for one in needed):
        pytest.skip("needs the files of XSTest")
    answers, prompts, automated = (str(one.path) for one in needed if one is not None)
    assert PLUGIN
    labels = "label.first=annotation_1,label.second=annotation_2,label.strmatch=strmatch_label,label.gpt4=gpt4_label"
    base = "id=id,prompt=prompt,response=completion,category=type,label=final_label"
    args = ["import", answers, "--model", "gpt4", "--benchmark", "xstest", "-o", str(out), "--map", base]
    args += ["--map", labels, "--join", prompts, "--join", automated, "--on", "id"]
    ok(here(*args))
    return out / "gpt4"


def test_the_published_accuracy_of_xstests_judges(xstest: Path) -> None:
    found = read([xstest], raters=["labels.first", "labels.second"])
    (part,) = by_key(found, "labels.gpt4").parts
    assert (part.n, part.n_missing, part.dimension) == (450, 0, "xstest")
    assert 100 * (part.accuracy.value or 0) == pytest.approx(93.56, abs=0.005)
    (rival,) = part.rivals
    assert rival.judge == "labels.strmatch"
    assert 100 * (rival.accuracy.value or 0) == pytest.approx(92.44, abs=0.005)
    agreed = next(e for e in part.ceiling if e.metric == "rater_agreement")
    assert 100 * (agreed.value or 0) == pytest.approx(98.4, abs=0.05)
    # A name under the reference's makes nobody a person: no label here names its author.
    plain = by_key(read([xstest]), "labels.gpt4")
    assert {rival.judge for rival in plain.parts[0].rivals} == {"labels.first", "labels.second", "labels.strmatch"}
    assert not plain.parts[0].ceiling and not plain.people
    assert plain.alike == ("labels.first", "labels.gpt4", "labels.second", "labels.strmatch")
    assert people(plain).endswith("labels.strmatch (--rater KEY for one person's labels)")


def test_the_scorer_that_ships_is_as_documented(xstest: Path) -> None:
    (part,) = by_scorer(read([xstest]), load(packaged()), "scorer").parts
    right = part.accuracy
    assert right.value is not None and right.low is not None and right.high is not None
    said = f"{100 * right.value:.1f} ({100 * right.low:.1f}–{100 * right.high:.1f})"
    docs = (Path(__file__).parents[1] / "docs" / "scorer.md").read_text(encoding="utf-8")
    assert f"GPT-4's answers {said}" in docs


def test_what_cannot_be_evaluated(xstest: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown judge 'labels\.third'.*labels\.first"):
        read([xstest], raters=["labels.third"])
    with pytest.raises(ConfigError, match="held against"):
        read([xstest], raters=["labels"])
    with pytest.raises(ConfigError, match=r"unknown judge 'labels\.gpt'.*Did you mean 'labels\.gpt4'"):
        by_key(read([xstest]), "labels.gpt")
    with pytest.raises(ConfigError, match="unknown judge"):
        read([xstest], labels="final")
    empty = tmp_path / "labels.jsonl"
    empty.write_text('{"prompt": "a", "answer": "b", "benchmark": "xstest", "label": null}\n')
    with pytest.raises(DataError, match=r"labels\.jsonl"):
        read([empty])


def test_families() -> None:
    assert [family(name) for name in ("llama2orig", "text-davinci-003", "opt-1.3b", "")] == [
        "llama",
        "gpt",
        "opt-1.3b",
        "",
    ]
