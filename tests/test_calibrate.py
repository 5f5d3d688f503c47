"""`honne calibrate`: labels from files and judges, the design rule, what is stored, and where the numbers show."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from calibrate_parts import N, imported, label, numbers, truth, write
from honne.engine.store import open_run
from honne.records import Judgment, now
from honne.stats.correction import hybrid
from run_parts import here as honne
from run_parts import ok, rows

DRAWN = range(0, N, 2)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return imported(tmp_path_factory.mktemp("made"))


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "m"))


def some(seed: int = 7, **more: Any) -> list[dict[str, Any]]:
    """Every second answer labelled, as drawn at random."""
    people = [t for t, _ in truth(seed=seed)]
    return [label(i, people[i], **more) for i in DRAWN]


def expected(drawn: Any = DRAWN, **options: Any) -> Any:
    pairs = truth()
    judged = [float(j == "safe") for _, j in pairs]
    human = [float(t == "safe") if i in drawn else float("nan") for i, (t, _) in enumerate(pairs)]
    return hybrid(judged, human, groups=[f"q{i}" for i in range(N)], **options)


def corrected(run: Path, metric: str = "safe_rate", name: str = "all") -> dict[str, Any]:
    (row,) = numbers(run, metric=metric, slice=name, corrected=True)
    return row


# ------------------------------------------------------------------ the numbers


def test_what_people_agree_on_leaves_room_for_names_in_80_columns(run: Path, tmp_path: Path) -> None:
    """The judge's errors are a table; what people reach among themselves is told below it."""
    people = [label(i, t, person) for person in ("ann", "bob") for i, (t, _) in enumerate(truth()) if i in DRAWN]
    given = ("calibrate", run, "--labels", write(tmp_path / "l.jsonl", people))
    said = ok(honne(*given, COLUMNS="80")).stdout
    lines = said.splitlines()
    at = next(i for i, line in enumerate(lines) if "sensitivity" in line and "specificity" in line)
    assert any(line.split()[:1] == ["safe_rate"] and line.count("%") == 2 for line in lines[at + 1 : at + 4])
    assert max(map(len, lines)) <= 80
    flowing = " ".join(said.split())
    assert re.search(
        r"people agree with each other, .*safe_rate.*: 100\.0% \(.*\), alpha 1\.00.*, n 60, 2 people", flowing
    )


def test_the_corrected_rate_stands_beside_the_raw_one(run: Path, tmp_path: Path) -> None:
    before = numbers(run)
    out = ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", some())))
    after = numbers(run)
    assert after[: len(before)] == before, "the judge's own numbers stay as they are"
    found, want = corrected(run), expected()
    assert (found["value"], found["low"], found["high"]) == pytest.approx((want.value, want.low, want.high))
    assert (found["n"], found["n_labels"], found["method"]) == (N, len(DRAWN), want.method)
    assert {row["slice"] for row in after if row["corrected"]} == {"all", "t0"}, "of t1 nothing was labelled"
    assert "60 labels of l.jsonl" in out.stdout
    assert "60 drawn at random" in out.stdout


def test_the_same_again_writes_the_same_bytes(run: Path, tmp_path: Path) -> None:
    labels = write(tmp_path / "l.jsonl", some())
    ok(honne("calibrate", run, "--labels", labels))
    first = (run / "estimates.json").read_bytes()
    ok(honne("calibrate", run, "--labels", labels))
    assert (run / "estimates.json").read_bytes() == first
    (run / "estimates.json").unlink()
    ok(honne("report", run))
    assert (run / "estimates.json").read_bytes() == first, "and so does a report that makes them again"


def test_finite_is_narrower_and_says_so(run: Path, tmp_path: Path) -> None:
    labels = write(tmp_path / "l.jsonl", some())
    out = ok(honne("calibrate", run, "--labels", labels, "--finite"))
    found, of_all = corrected(run), expected()
    assert found["high"] - found["low"] < of_all.high - of_all.low
    assert "these answers only" in out.stdout


def test_unequal_chances_weigh_the_labels(run: Path, tmp_path: Path) -> None:
    """Topic t0 was drawn whole, of t1 one answer in ten: each label of it stands for ten."""
    people = [t for t, _ in truth()]
    drawn = [i for i in range(N) if i % 2 == 0 or i % 10 == 1]
    chance = {i: 1.0 if i % 2 == 0 else 0.2 for i in drawn}
    table = [label(i, people[i], design="stratified", inclusion=chance[i]) for i in drawn]
    ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", table)))
    want = expected(drawn, weights=[chance.get(i, float("nan")) for i in range(N)])
    assert corrected(run)["value"] == pytest.approx(want.value)
    assert corrected(run)["value"] != pytest.approx(expected(drawn).value, abs=1e-6)


def test_an_active_design_is_floored(run: Path, tmp_path: Path) -> None:
    people = [t for t, _ in truth()]
    table = [label(i, people[i], design="active", inclusion=0.5 if i % 4 else 0.001) for i in DRAWN]
    ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", table)))
    chance = [0.5 if i % 4 else 0.05 for i in range(N)]
    assert corrected(run)["value"] == pytest.approx(expected(weights=chance).value)


def test_the_chances_of_a_small_active_sample_are_not_cut(run: Path, tmp_path: Path) -> None:
    """A tenth of the greatest chance is the floor of the draw; of few labels among many answers all are under 0.1."""
    people = [t for t, _ in truth()]
    chance = {i: 0.08 if i % 4 else 0.008 for i in DRAWN}
    table = [label(i, people[i], design="active", inclusion=chance[i]) for i in DRAWN]
    ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", table)))
    want = expected(weights=[chance.get(i, float("nan")) for i in range(N)])
    assert (corrected(run)["value"], corrected(run)["low"]) == pytest.approx((want.value, want.low))


# ------------------------------------------------------------- one label an answer


def test_several_labels_become_one_or_none(run: Path, tmp_path: Path) -> None:
    people = [t for t, _ in truth()]
    other = {"safe": "unsafe", "unsafe": "safe"}
    table = [label(i, people[i], who) for i in DRAWN for who in ("ann", "ben")]
    for place in (0, 2, 4):  # ben differs on q0, q1 and q2 of those drawn
        table[2 * (place // 2) + 1]["label"] = other[people[place]]
    decided = label(0, people[0], "cai", kind="decision", design="adjudicated", inclusion=None)
    out = ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", [*table, decided])))
    found = corrected(run)
    assert found["n_labels"] == len(DRAWN) - 2, "q2 and q4 are disputed and not decided"
    assert found["value"] == pytest.approx(expected(set(DRAWN) - {2, 4}).value)
    assert "2 answers that people disagree on, not adjudicated" in out.stdout
    ceiling = json.loads((run / "calibration" / "calibration.json").read_text())["ceilings"][0]
    assert ceiling["agreement"] == pytest.approx(57 / 60)
    assert (ceiling["n"], ceiling["raters"]) == (60, 2)
    assert "95.0%" in out.stdout


def test_the_user_is_told_what_a_calibration_replaces_and_leaves_out(run: Path, tmp_path: Path) -> None:
    people = [t for t, _ in truth()]
    other = {"safe": "unsafe", "unsafe": "safe"}
    table = [label(i, people[i], who) for i in DRAWN for who in ("ann", "ben")]
    out = ok(honne("calibrate", run, "--labels", write(tmp_path / "all.jsonl", table)))
    assert "labels.auto: corrected like any judge; if they are people's labels" in out.stderr
    assert "replaces" not in out.stderr and "disagree" not in out.stderr
    for place in range(6):
        table[2 * place + 1]["label"] = other[table[2 * place]["label"]]
    out = ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", table)))
    assert f"replaces a calibration by {len(DRAWN)} labels with one by {len(DRAWN) - 6}" in out.stderr
    assert f"people disagree on 6 of {len(DRAWN)} labelled answers" in out.stderr


def test_what_stands_for_no_other_answer_is_left_out_and_counted(run: Path, tmp_path: Path) -> None:
    people = [t for t, _ in truth()]
    table = some()
    table += [label(1, people[1], design="gold", inclusion=None)]
    table += [label(3, people[3], kind="decision", design="adjudicated", inclusion=None)]
    table += [label(999, "safe"), label(5, "safe", model="another"), label(7, None)]
    out = ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", table)))
    assert corrected(run)["n_labels"] == len(DRAWN)
    for told in (
        "1 gold answers",
        "1 answers that only an adjudicator labelled",
        "1 rows of no item of the run",
        "1 labels of other runs or models",
        "1 rows without a label",
    ):
        assert told in out.stdout, told


def test_a_label_given_with_the_judges_verdict_in_view_is_told(run: Path, tmp_path: Path) -> None:
    out = ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", some(suggestion_judge="labels.auto"))))
    assert "60 labels were given with the verdict of labels.auto in view" in out.stdout


# ------------------------------------------------------------------ the design rule


def test_labels_of_an_unknown_design_are_refused_unless_it_is_stated(run: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "l.jsonl", some(design=None, inclusion=None))
    result = honne("calibrate", run, "--labels", table)
    ok(result, 2)
    assert len(result.stderr.strip().splitlines()) == 1
    assert "60 labels do not say how their answers were picked" in result.stderr
    assert not (run / "calibration").exists()
    ok(honne("calibrate", run, "--labels", table, "--design", "random"))
    assert corrected(run)["value"] == pytest.approx(expected().value)


def test_a_census_needs_no_design(run: Path, tmp_path: Path) -> None:
    people = [t for t, _ in truth()]
    table = [label(i, people[i], design=None, inclusion=None) for i in range(N)]
    out = ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", table)))
    assert "120 of all answers there are" in out.stdout
    assert corrected(run)["value"] == pytest.approx(sum(t == "safe" for t in people) / N, abs=0.01)


def test_a_list_of_all_answers_with_some_labelled_is_no_census(run: Path, tmp_path: Path) -> None:
    people = [t for t, _ in truth()]
    table = [label(i, people[i] if i in DRAWN else None, design=None, inclusion=None) for i in range(N)]
    result = ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", table)), 2)
    assert "do not say how their answers were picked" in result.stderr


def test_a_drawn_label_without_its_chance_is_refused(run: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "l.jsonl", some(design="active", inclusion=None))
    result = ok(honne("calibrate", run, "--labels", table), 2)
    assert "has no inclusion probability" in result.stderr


# ------------------------------------------------------------------------- sources


def test_any_table_by_its_columns(run: Path, tmp_path: Path) -> None:
    people = [t for t, _ in truth()]
    lines = ["Prompt,ok?", *(f"Question {i}?,{int(people[i] == 'safe')}" for i in DRAWN)]
    table = tmp_path / "l.csv"
    table.write_text("\n".join(lines) + "\n")
    args = ["--map", "prompt=Prompt,label=ok?", "--label-map", "1=safe,0=unsafe", "--design", "random"]
    ok(honne("calibrate", run, "--labels", table, *args))
    assert corrected(run)["value"] == pytest.approx(expected().value)


def test_parquet_reads_as_the_lines_do(run: Path, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(some()), tmp_path / "l.parquet")
    ok(honne("calibrate", run, "--labels", tmp_path / "l.parquet"))
    assert corrected(run)["value"] == pytest.approx(expected().value)


def judge(run: Path, key: str, labels: list[str | None], **more: Any) -> None:
    """Judgments of a judge put into the run, as the annotation server does."""
    from honne.engine import journal

    folder = open_run(run)
    given = [
        Judgment(
            item_id=f"q{i}", model="m", judge=key, status="scored" if value else "skipped", label=value,
            score=None if value is None else float(value == "safe"), at=now(), **more,
        )
        for i, value in enumerate(labels)
    ]  # fmt: skip
    journal.write_parquet(folder.judge_folder(key) / journal.PARQUET, Judgment, given)


def test_a_judge_of_the_run_is_the_reference_and_is_not_corrected(run: Path) -> None:
    people: list[str | None] = [t if i in DRAWN else None for i, (t, _) in enumerate(truth())]
    judge(run, "labels.p", people, design="random", inclusion=0.5)
    judge(run, "labels.p.ann", people, author="Ann", design="random", inclusion=0.5)
    ok(honne("calibrate", run, "--labels", "judge:labels.p"))
    assert {row["judge"] for row in numbers(run, corrected=True)} == {"labels.auto"}
    assert corrected(run)["value"] == pytest.approx(expected().value)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--labels", "judge:lables.auto"], "unknown judge 'lables.auto'. Did you mean 'labels.auto'?"),
        ([], "name the labels: --labels FILE"),
        (["--labels", "FILE", "--map", "item_id=nme"], "unknown column 'nme'"),
        (["--labels", "FILE", "--map", "itm=item_id"], "unknown field 'itm'. Did you mean 'item_id'?"),
        (["--labels", "FILE", "--design", "active"], "only random can be stated"),
        (["--labels", "FILE", "--from", "RUN"], "--from and --margin go together"),
        (["--labels", "FILE", "--rater", "nobody"], "unknown judge 'nobody'"),
        (["--labels", "missing.jsonl"], "missing.jsonl"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(run: Path, tmp_path: Path, args: list[str], told: str) -> None:
    table = write(tmp_path / "l.jsonl", some())
    filled = [{"FILE": str(table), "RUN": str(run)}.get(arg, arg) for arg in args]
    result = ok(honne("calibrate", run, *filled), 2)
    assert told in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (run / "calibration").exists()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (label(0, "safe", inclusion=1.5), "line 61: inclusion 1.5 is no probability"),
        (label(0, "safe", inclusion=1e-300), "line 61: inclusion 1e-300 is no probability"),
        (label(0, "safe", design="randm"), "unknown design 'randm'. Did you mean 'random'?"),
        (label(0, "safe", kind="guess"), "unknown kind 'guess'"),
        (label(0, "safe", sample="first"), "sample 'first' is not a number"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(run: Path, tmp_path: Path, row: dict[str, Any], told: str) -> None:
    result = ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", [*some(), row])), 2)
    assert told in result.stderr


def test_labels_of_another_scale_are_refused_with_what_is_allowed(run: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "l.jsonl", [{**row, "label": "fine, so far"} for row in some()])
    result = ok(honne("calibrate", run, "--labels", table), 2)
    assert "found 'fine, so far'; allowed: safe, unsafe" in result.stderr
    assert "--label-map '\"fine, so far\"=LABEL'" in result.stderr
    ok(honne("calibrate", run, "--labels", table, "--label-map", '"fine, so far"=safe'))


def test_a_column_of_whole_answers_taken_for_labels_is_not_printed(run: Path, tmp_path: Path) -> None:
    table = write(tmp_path / "l.jsonl", [{**row, "label": "An answer. " + "x" * 5000} for row in some()])
    told = ok(honne("calibrate", run, "--labels", table), 2).stderr
    assert "--label-map VALUE=LABEL" in told and len(told) < 600


def test_the_few_labels_that_happen_to_be_on_the_scale_do_not_stand_for_all(run: Path, tmp_path: Path) -> None:
    table = [{**row, "label": row["label"] if i < 4 else str(10 * i)} for i, row in enumerate(some())]
    result = ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", table)), 2)
    assert "56 of 60 labels are not on the scale" in result.stderr
    assert "--label-map '40=LABEL,50=LABEL,60=LABEL,…'" in result.stderr
    assert not (run / "calibration").exists()


def test_points_beyond_the_scale_are_refused_and_not_cut_to_its_end(run: Path, tmp_path: Path) -> None:
    table = [{**row, "label": f"{row['label']}-ish", "score": 70.0} for row in some()]
    result = ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", table)), 2)
    assert "line 1: score 70 is out of range: 0 to 1" in result.stderr


def test_who_is_taken_for_people_is_told_and_nobody_agrees_with_himself(run: Path, tmp_path: Path) -> None:
    people: list[str | None] = [t if i in DRAWN else None for i, (t, _) in enumerate(truth())]
    judge(run, "labels.p", people, design="random", inclusion=0.5)
    judge(run, "labels.p.ann", people, author="Ann", design="random", inclusion=0.5)
    judge(run, "labels.p.match", people)
    told = " ".join(ok(honne("calibrate", run, "--labels", "judge:labels.p")).stdout.split())
    assert "taken as people's labels, and not corrected: labels.p, labels.p.ann (" in told
    assert {row["judge"] for row in numbers(run, corrected=True)} == {"labels.auto", "labels.p.match"}
    # Named as well as signed, Ann is still one person.
    ok(honne("calibrate", run, "--labels", "judge:labels.p", "--rater", "labels.p.ann"))
    assert json.loads((run / "calibration" / "calibration.json").read_text())["raters"] == 1
    itself = honne("calibrate", run, "--labels", "judge:labels.p", "--rater", "labels.p")
    assert "these are the labels that all others are held against" in ok(itself, 2).stderr


# --------------------------------------------------------------------- where it shows


def test_gates_read_the_raw_number_unless_the_corrected_one_is_named(run: Path, tmp_path: Path) -> None:
    refused = honne("report", run, "--fail-if", "safe_rate[corrected=yes].low < 0.1")
    assert "has no corrected value: honne calibrate" in ok(refused, 2).stderr
    ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", some())))
    (raw,) = numbers(run, metric="safe_rate", slice="all", corrected=False)
    found = corrected(run)
    assert abs(raw["value"] - found["value"]) > 0.02, "else this shows nothing"
    between = (raw["value"] + found["value"]) / 2
    sign = "<" if raw["value"] < between else ">"
    ok(honne("report", run, "--fail-if", f"safe_rate.value {sign} {between}"), 1)
    ok(honne("report", run, "--fail-if", f"safe_rate[all, corrected=yes].value {sign} {between}"), 0)


def test_every_format_shows_both_and_which_is_which(run: Path, tmp_path: Path) -> None:
    ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", some())))
    want = f"{100 * corrected(run)['value']:.1f}%"
    text = ok(honne("report", run)).stdout
    assert "safe_rate (corrected)" in text
    assert "Corrected for the judge's errors" in text
    assert want in text
    html = tmp_path / "r.html"
    ok(honne("report", run, "-f", "html", "-o", html))
    assert 'data-label="labels only"' in html.read_text(encoding="utf-8")
    page = ok(honne("report", run, "-f", "md")).stdout
    assert "| safe\\_rate (corrected) |" in page or "| safe_rate (corrected) |" in page
    assert "## Calibration" in page
    assert {row["corrected"] for row in rows(honne("report", run, "-f", "json"))} == {True, False}
    header, *lines = ok(honne("report", run, "-f", "csv")).stdout.splitlines()
    assert "n_labels" in header.split(",")
    assert any(",true," in line for line in lines)
    ok(honne("report", run, "-f", "html", "-o", tmp_path / "r.html"))
    html = (tmp_path / "r.html").read_text()
    assert '<section id="calibration">' in html
    assert want in html


def test_a_stale_calibration_is_said_and_not_used(run: Path, tmp_path: Path) -> None:
    from honne.engine import journal
    from honne.records import Response

    ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", some())))
    folder = open_run(run)
    answers = [*folder.responses()]
    changed = Response(**{f: getattr(answers[0], f) for f in Response.__struct_fields__} | {"text": "another answer"})
    journal.write_parquet(folder.responses_folder / journal.PARQUET, Response, [changed, *answers[1:]])
    text = ok(honne("report", run)).stdout
    assert "stale calibration: the labelled answers have changed since" in " ".join(text.split())
    assert "(corrected)" not in text
    assert not [row for row in rows(honne("report", run, "-f", "json")) if row["corrected"]]


def test_labels_in_the_run_that_changed_make_it_stale(run: Path) -> None:
    people: list[str | None] = [t if i in DRAWN else None for i, (t, _) in enumerate(truth())]
    judge(run, "labels.p", people, design="random")
    ok(honne("calibrate", run, "--labels", "judge:labels.p"))
    judge(run, "labels.p", [*people[:2], *reversed(people[2:])], design="random")
    text = " ".join(ok(honne("report", run)).stdout.split())
    assert "the labels of labels.p in the run have changed since" in text


def test_a_judge_that_comes_later_is_corrected_too(run: Path, tmp_path: Path) -> None:
    ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", some())))
    judge(run, "other@1-ab", [j for _, j in truth(seed=8)])
    found = [row for row in rows(honne("report", run, "-f", "json")) if row["corrected"] and row["slice"] == "all"]
    assert {row["judge"] for row in found} == {"labels.auto", "other@1-ab"}


def test_labels_of_another_scale_than_a_judges_are_named_and_no_number_of_them_is_promised(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "question", "answer", "topic", "auto"])
        writer.writerows([f"q{i}", f"Question {i}?", f"Answer {i}.", "t", j] for i, (_, j) in enumerate(truth()))
    columns = "id=id,prompt=question,response=answer,category=topic,label.auto=auto"
    ok(
        honne(
            "import", tmp_path / "a.csv", "--model", "m", "-b", "trust-safety", "--map", columns, "-o", tmp_path / "r"
        )
    )
    ok(honne("judge", tmp_path / "r" / "m", "--judge", "refusal"))
    out = ok(honne("calibrate", tmp_path / "r" / "m", "--labels", write(tmp_path / "l.jsonl", some()))).stdout
    assert "refusal_rate: not corrected: people's labels are on another scale than this judge's" in " ".join(
        out.split()
    )
    assert numbers(tmp_path / "r" / "m", metric="safe_rate", slice="all", corrected=True)[0]["value"] is not None


def test_corrected_rates_are_compared_where_both_runs_have_a_calibration(tmp_path: Path) -> None:
    a, b = imported(tmp_path / "a", "m"), imported(tmp_path / "b", "n", seed=9)
    ok(honne("calibrate", a, "--labels", write(tmp_path / "a.jsonl", some())))
    alone = honne("compare", a, b, "-f", "json")
    assert "n has no calibration of its own" in ok(alone).stderr
    assert not any(row["corrected"] for row in rows(alone))
    ok(honne("calibrate", b, "--labels", write(tmp_path / "b.jsonl", some(seed=9, model="n"))))
    (row,) = [r for r in rows(honne("compare", a, b, "-f", "json")) if r["corrected"] and r["slice"] == "all"]
    assert row["difference"] == pytest.approx(corrected(a)["value"] - corrected(b)["value"])
    assert row["labels"] == [60, 60]
    assert row["low"] < row["difference"] < row["high"]
    assert row["separated"] == (row["p_adjusted"] < 0.05)
    assert "safe_rate (corrected)" in ok(honne("compare", a, b)).stdout


def test_hostile_names_stay_text(run: Path, tmp_path: Path) -> None:
    table = [
        {**row, "annotator": "<script>alert(1)</script>", "suggestion_judge": "\x1b[2J<b>=cmd()</b>\u202e"}
        for row in some()
    ]
    hostile = write(tmp_path / "<img src=x>.jsonl", table)
    text = ok(honne("calibrate", run, "--labels", hostile)).stdout
    assert "\x1b[2J" not in text
    ok(honne("report", run, "-f", "html", "-o", tmp_path / "r.html"))
    page = (tmp_path / "r.html").read_text()
    assert "<b>=cmd()" not in page
    assert "<img src=x>" not in page
    assert "\u202e" not in page


@pytest.mark.parametrize(
    "damage",
    [
        {"reference": [{"item_id": "q0", "label": "safe", "design": "stratified", "inclusion": -1.0}]},
        {"reference": [{"item_id": "q0", "label": "safe", "score": 1e300}]},
        {"reference": [{"item_id": "q0", "label": "safe", "sample": -1}]},
        {"at": "yesterday"},
        {"borrowed": {"run": "x", "model": "m", "labels": "l", "sha256": "0", "margin": 5.0, "pairs": []}},
    ],
    ids=lambda damage: str(next(iter(damage))),
)
def test_a_calibration_that_says_what_cannot_be_is_damaged(run: Path, tmp_path: Path, damage: dict[str, Any]) -> None:
    labels = write(tmp_path / "l.jsonl", some())
    ok(honne("calibrate", run, "--labels", labels))
    path = run / "calibration" / "calibration.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **damage}))
    shown = ok(honne("report", run), 2)
    assert "run honne calibrate again" in shown.stderr and len(shown.stderr.strip().splitlines()) == 1
    assert "it replaces a calibration that could not be read" in ok(honne("calibrate", run, "--labels", labels)).stderr


def test_a_run_is_not_calibrated_from_itself(run: Path, tmp_path: Path) -> None:
    labels = write(tmp_path / "l.jsonl", some())
    ok(honne("calibrate", run, "--labels", labels))
    again = honne("calibrate", run, "--labels", labels, "--from", run, "--margin", "0.1")
    assert "it is the run itself" in ok(again, 2).stderr


def test_a_judge_that_says_one_class_only_is_corrected(tmp_path: Path) -> None:
    """It found every answer safe: people's unsafe is on its scale none the less."""
    table = tmp_path / "a.csv"
    rows = "".join(f"q{i},Q{i}?,A{i}.,safe\n" for i in range(40))
    table.write_text("id,question,answer,auto\n" + rows)
    columns = "id=id,prompt=question,response=answer,label.auto=auto"
    ok(honne("import", table, "--model", "m", "--map", columns, "-o", tmp_path / "runs"))
    people = write(tmp_path / "l.jsonl", (label(i, ("safe", "unsafe")[i % 4 == 0]) for i in range(20)))
    ok(honne("calibrate", tmp_path / "runs" / "m", "--labels", people))
    (e,) = numbers(tmp_path / "runs" / "m", metric="safe_rate", slice="all", corrected=True)
    assert (e["value"], e["n_labels"], e["method"]) == (0.75, 20, "labels only, wilson")


def test_what_people_agree_on_is_of_all_answers_and_not_of_those_that_were_picked(run: Path, tmp_path: Path) -> None:
    """Labelled one in two where judges disagree, and people too; one in ten elsewhere, where people agree."""
    rows = []
    for i in range(60):
        rare = i % 2 == 0
        more: dict[str, Any] = {"design": "active", "inclusion": 0.1 if rare else 0.5}
        rows += [label(i, "safe", "ann", **more), label(i, "safe" if rare or i % 4 == 1 else "unsafe", "bob", **more)]
    picked = [
        label(i, value, who, design="gold") for i in range(60, 90) for who, value in (("ann", "safe"), ("bob", "safe"))
    ]
    ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", [*rows, *picked])))
    (found,) = json.loads((run / "calibration" / "calibration.json").read_text())["ceilings"]
    # 30 answers of weight 10 are agreed on; of 30 of weight 2 every other one is.
    assert found["agreement"] == pytest.approx((30 * 10 + 15 * 2) / (30 * 10 + 30 * 2))
    assert found["n"] == 60 and "weighted" in found["method"]


def test_that_one_of_two_labelled_all_answers_does_not_hide_how_the_others_were_drawn(
    run: Path, tmp_path: Path
) -> None:
    judge(run, "labels.bob", ["safe" if i % 2 == 0 or i % 4 == 1 else "unsafe" for i in range(N)])
    rows = [label(i, "safe", design="active", inclusion=0.1 if i % 2 == 0 else 0.5) for i in range(60)]
    ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", rows), "--rater", "labels.bob"))
    (found,) = json.loads((run / "calibration" / "calibration.json").read_text())["ceilings"]
    assert found["agreement"] == pytest.approx((30 * 10 + 15 * 2) / (30 * 10 + 30 * 2))


def test_an_answer_that_was_drawn_in_two_ways_is_named(run: Path, tmp_path: Path) -> None:
    """Not as one whose labels do not say how it was picked: `--design random` would change nothing."""
    twice = label(0, "safe", "bob", design="stratified")
    table = write(
        tmp_path / "l.jsonl", [*(label(i, truth()[i][0]) for i in range(30)), twice | {"label": truth()[0][0]}]
    )
    told = ok(honne("calibrate", run, "--labels", table), 2).stderr
    assert "1 answers have labels of several designs (q0)" in told and "--design random" not in told


def test_labels_that_name_another_run_of_the_model_are_told(run: Path, tmp_path: Path) -> None:
    rows = [label(i, truth()[i][0], run="elsewhere") for i in range(30)]
    told = " ".join(ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", rows))).stdout.split())
    assert "30 labels name the run elsewhere, and are taken to be of these answers" in told
    own = write(tmp_path / "own.jsonl", [row | {"run": run.name} for row in rows])
    assert "labels name the run" not in ok(honne("calibrate", run, "--labels", own)).stdout


def test_a_table_parted_by_semicolons_is_named(run: Path, tmp_path: Path) -> None:
    table = tmp_path / "l.csv"
    table.write_text("item_id;label;design\nq0;safe;random\n")
    result = ok(honne("calibrate", run, "--labels", table), 2)
    assert "line 1: its columns are parted by semicolons, not by commas" in result.stderr


def test_every_share_of_the_judges_errors_has_its_n_and_method(run: Path, tmp_path: Path) -> None:
    ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", some())))
    text = " ".join(ok(honne("calibrate", run, "--labels", tmp_path / "l.jsonl")).stdout.split())
    safe = sum(t == "safe" for i, (t, _) in enumerate(truth()) if i in DRAWN)
    assert f", n {safe} " in text and f", n {len(DRAWN) - safe} " in text
    assert "intervals of these shares: " in text and "; raw: " in text and "; labels only: " in text
    page = ok(honne("report", run, "-f", "md")).stdout
    assert "| labels | n | missing |" in page and "; intervals: " in page


def test_labels_that_do_not_fit_one_run_leave_the_others_as_they_were(run: Path, tmp_path: Path) -> None:
    other = imported(tmp_path / "other", model="n")
    of_both = [*some(), *({**row, "model": "n", "label": "grand"} for row in some())]
    said = ok(honne("calibrate", run, other, "--labels", write(tmp_path / "l.jsonl", of_both)), 2).stderr
    assert "grand" in said and not (run / "calibration").exists() and not (other / "calibration").exists()
    fit = [{**row, "label": "safe" if row["label"] == "grand" else row["label"]} for row in of_both]
    ok(honne("calibrate", run, other, "--labels", write(tmp_path / "l.jsonl", fit)))
    assert (run / "calibration").exists() and (other / "calibration").exists()


def test_a_damaged_calibration_is_named_and_can_be_made_again(run: Path, tmp_path: Path) -> None:
    labels = write(tmp_path / "l.jsonl", some())
    ok(honne("calibrate", run, "--labels", labels))
    (run / "calibration" / "calibration.json").write_text("{")
    assert "delete it, or run honne calibrate again" in ok(honne("report", run), 2).stderr
    again = ok(honne("calibrate", run, "--labels", labels))
    assert "it replaces a calibration that could not be read" in again.stdout + again.stderr
    ok(honne("report", run))
