"""`honne calibrate`: macro means and scores, another run's calibration, plans, and the published labels of XSTest."""

from __future__ import annotations

import csv
import gzip
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from calibrate_parts import imported, label, numbers, truth, write
from honne.data import locate
from honne.metrics.harmless_rate import DIMENSIONS
from honne.plugins import load
from honne.stats.correction import hybrid
from honne.stats.intervals import Interval, macro
from honne.stats.ppi import ppi
from run_parts import here as honne
from run_parts import ok, rows

Graded = tuple[Path, list[tuple[str, str, str]]]

# --------------------------------------------------------------- macro means, scores


@pytest.fixture(scope="module")
def flames(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """A run on FLAMES' scale: 60 answers a dimension, (dimension, people's label, judge's)."""
    folder = tmp_path_factory.mktemp("flames")
    draw, found = random.Random(3), []
    for dimension in DIMENSIONS:
        # Two dimensions have no middle grade.
        grades = ["3", "1"] if dimension in ("Legality", "Data protection") else ["3", "2", "1"]
        for _ in range(60):
            people = draw.choice(grades)
            found.append((dimension, people, people if draw.random() < 0.8 else draw.choice(grades)))
    with (folder / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "question", "answer", "dimension", "auto"])
        writer.writerows([f"q{i}", f"Q{i}?", f"A{i}.", d, judged] for i, (d, _, judged) in enumerate(found))
    columns = "id=id,prompt=question,response=answer,category=dimension,label.auto=auto"
    ok(honne("import", folder / "a.csv", "--model", "m", "-b", "flames", "--map", columns, "-o", folder / "runs"))
    table = write(folder / "l.jsonl", (label(i, p) for i, (_, p, _) in enumerate(found) if i % 2 == 0))
    ok(honne("calibrate", folder / "runs" / "m", "--labels", table))
    return folder / "runs" / "m", found


def parts(found: list[tuple[str, str, str]], value: Any, how: Any) -> list[Interval]:
    out = []
    for dimension in DIMENSIONS:
        mine = [(i, p, j) for i, (d, p, j) in enumerate(found) if d == dimension]
        judged = [value(j) for _, _, j in mine]
        one = how(judged, [value(p) if i % 2 == 0 else float("nan") for i, p, _ in mine])
        out.append(Interval(one.value, one.low, one.high, one.level, one.method, one.n_labels))
    return out


def test_a_macro_mean_is_made_of_its_corrected_parts(flames: Graded) -> None:
    run, found = flames
    (e,) = numbers(run, metric="harmless_rate", slice="all", corrected=True)
    want = macro(parts(found, lambda grade: float(grade == "3"), hybrid), few=True)
    assert (e["value"], e["low"], e["high"]) == pytest.approx((want.value, want.low, want.high))
    assert e["method"].startswith("macro mover")
    assert (e["n"], e["n_labels"]) == (300, 150)


def test_a_mean_score_is_corrected_on_its_own_scale(flames: Graded) -> None:
    run, found = flames
    (e,) = numbers(run, metric="harmless_score", slice="Fairness", corrected=True)
    want, *_ = parts(found, lambda grade: (int(grade) / 3 - 1 / 3) * 1.5, lambda f, y: ppi(f, y, 0.0, 1.0))
    assert want.value is not None
    assert e["value"] == pytest.approx(1 / 3 + want.value * 2 / 3)
    assert e["method"].startswith("ppi++")
    assert e["unit"] == "score"


def test_the_mean_of_points_from_one_to_ten_is_corrected(tmp_path: Path) -> None:
    """The headline of CValues: points, which are neither shares nor scores of 0 to 1."""
    draw = random.Random(5)
    found = [min(10, max(1, round(draw.gauss(7, 1.5)))) for _ in range(200)]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "question", "answer", "topic", "auto"])
        judged = (max(1, points - draw.randint(0, 2)) for points in found)
        writer.writerows(
            [f"q{i}", f"Q{i}?", f"A{i}.", "responsibility", f"safe-{points}"] for i, points in enumerate(judged)
        )
    columns = "id=id,prompt=question,response=answer,category=topic,label.auto=auto"
    ok(honne("import", tmp_path / "a.csv", "--model", "m", "-b", "cvalues", "--map", columns, "-o", tmp_path / "runs"))
    run = tmp_path / "runs" / "m"
    people = write(tmp_path / "l.jsonl", (label(i, f"safe-{p}") for i, p in enumerate(found) if i % 2))
    widths = []
    for finite in ((), ("--finite",)):
        out = ok(honne("calibrate", run, "--labels", people, *finite)).stdout
        (e,) = numbers(run, metric="responsibility", slice="all", corrected=True)
        assert e["method"].startswith("ppi++") and (e["unit"], e["n"], e["n_labels"]) == ("points", 200, 100)
        assert 1 < e["low"] < sum(found) / len(found) < e["high"] < 10
        # What the judge saves, and not what the rule of the labels alone wastes.
        (line,) = (line for line in out.splitlines() if line.strip().startswith("responsibility "))
        widths.append(int(line.split("%")[0].split()[-1]))
    assert -30 < widths[0] < -5 and -55 < widths[1] < widths[0], widths


def test_a_macro_mean_of_these_items_says_so(flames: Graded, tmp_path: Path) -> None:
    run, found = flames
    copy = Path(shutil.copytree(run, tmp_path / "m"))
    given = write(tmp_path / "l.jsonl", (label(i, p) for i, (_, p, _) in enumerate(found) if i % 2 == 0))
    ok(honne("calibrate", copy, "--labels", given, "--finite"))
    for metric in ("harmless_rate", "harmless_score"):
        (e,) = numbers(copy, metric=metric, slice="all", corrected=True)
        assert e["method"].startswith("macro mover") and e["method"].endswith(", these items")


def test_the_number_of_these_items_is_not_held_against_that_of_their_population(flames: Graded, tmp_path: Path) -> None:
    run, found = flames
    other = Path(shutil.copytree(run, tmp_path / "other"))
    given = write(tmp_path / "l.jsonl", (label(i, p) for i, (_, p, _) in enumerate(found) if i % 2 == 0))
    ok(honne("calibrate", other, "--labels", given, "--finite"))
    for pair, finite in (((run, other), False), ((other, run), False), ((other, other), True)):
        told = json.loads(ok(honne("compare", *pair, "--format", "json")).stdout)
        methods = [row["method"] for row in told if row["corrected"] and row["metric"] == "harmless_score"]
        assert methods and all(("these items" in method) == finite for method in methods)


def test_a_part_without_labels_leaves_the_mean_without_a_correction(flames: Graded, tmp_path: Path) -> None:
    run, found = flames
    copy = Path(shutil.copytree(run, tmp_path / "m"))
    some = (label(i, p) for i, (d, p, _) in enumerate(found) if d != "Morality" and i % 2)
    out = ok(honne("calibrate", copy, "--labels", write(tmp_path / "l.jsonl", some)))
    (e,) = numbers(copy, metric="harmless_rate", slice="all", corrected=True)
    assert e["value"] is None
    assert "Morality: no label among these items; about 30 would do" in " ".join(out.stdout.split())
    assert numbers(copy, metric="harmless_rate", slice="Safety", corrected=True)[0]["value"] is not None
    # A gate on a number that is not there cannot be passed.
    ok(honne("report", copy, "--fail-if", "harmless_rate[corrected=yes].value < 0.0"), 1)


# ------------------------------------------------------------------- another run's


def census(seed: int, model: str, n: int) -> list[dict[str, Any]]:
    return [label(i, people, model=model) for i, (people, _) in enumerate(truth(n, seed))]


def test_another_runs_calibration_is_used_only_where_the_judge_errs_alike(tmp_path: Path) -> None:
    there, here = imported(tmp_path / "a", "m", 7, 900), imported(tmp_path / "b", "n", 9, 900)
    ok(honne("calibrate", there, "--labels", write(tmp_path / "a.jsonl", census(7, "m", 900))))
    none = honne("calibrate", here, "--from", there, "--margin", "0.15")
    assert "n has no labels of its own" in ok(none, 2).stderr
    assert "(about " in none.stderr

    few = write(tmp_path / "few.jsonl", census(9, "n", 900)[:40])
    out = ok(honne("calibrate", here, "--from", there, "--margin", "0.15", "--labels", few))
    told = " ".join(out.stdout.split())
    assert "not shown to be within 0.15; about" in told, "40 labels that show no difference are no proof"
    (e,) = numbers(here, metric="safe_rate", slice="all", corrected=True)
    assert e["value"] is None

    many = write(tmp_path / "many.jsonl", census(9, "n", 900)[:700])
    ok(honne("calibrate", here, "--from", there, "--margin", "0.15", "--labels", many))
    (e,) = numbers(here, metric="safe_rate", slice="all", corrected=True)
    assert e["method"].startswith("rogan-gladen")
    assert e["low"] < sum(p == "safe" for p, _ in truth(900, 9)) / 900 < e["high"]
    assert e["n_labels"] == 900
    assert not any(r["corrected"] for r in rows(honne("compare", there, here, "-f", "json"))), "it is no new evidence"
    refused = honne("calibrate", there, "--from", here, "--margin", "0.1")
    assert "has no calibration of its own" in ok(refused, 2).stderr


# ------------------------------------------------------------------------------ plans


def test_a_plan_is_a_list_whose_labels_can_be_used_as_they_come_back(tmp_path: Path) -> None:
    run = imported(tmp_path, n=400)
    wanted = ["calibrate", run, "--plan", "--width", "0.15"]
    assert "what to expect of the judge is not known" in ok(honne(*wanted), 2).stderr
    todo, again = tmp_path / "todo.csv", tmp_path / "again.csv"
    out = ok(honne(*wanted, "--accuracy", "0.8", "-o", todo))
    with todo.open(newline="") as file:
        table = list(csv.DictReader(file))
    assert f"label {len(table)} answers" in out.stdout and "questions" not in out.stdout
    assert len({row["item_id"] for row in table}) == len(table)
    assert {row["design"] for row in table} == {"stratified"}
    assert not any(row["label"] for row in table)
    ok(honne(*wanted, "--accuracy", "0.8", "-o", again))
    assert again.read_bytes() == todo.read_bytes()

    people = {f"q{i}": p for i, (p, _) in enumerate(truth(400))}
    with todo.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(row | {"label": people[row["item_id"]]} for row in table)
    told = " ".join(ok(honne("calibrate", run, "--labels", todo)).stdout.split())
    assert "intervals of these shares: post-stratified, jeffreys, inverse probability, wilson, weighted" in told
    (e,) = numbers(run, metric="safe_rate", slice="all", corrected=True)
    assert e["n_labels"] == len(table)
    assert e["high"] - e["low"] < 0.17
    assert e["low"] < sum(p == "safe" for p in people.values()) / 400 < e["high"]
    # Now there are labels to expect from, and those that are drawn again are there already.
    out = ok(honne("calibrate", run, "--plan", "--width", "0.12", "-o", tmp_path / "more.jsonl"))
    assert f"by {len(table)} labels" in out.stdout
    more = [json.loads(line) for line in (tmp_path / "more.jsonl").read_text().splitlines()]
    assert 0 < sum(row["label"] is not None for row in more) < len(more)


def test_a_plan_says_where_answers_share_questions(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "question", "answer", "auto"])
        writer.writerows([f"q{i}", f"Question {i // 4}?", f"A{i}.", j] for i, (_, j) in enumerate(truth(200)))
    columns = "id=id,prompt=question,response=answer,label.auto=auto"
    ok(honne("import", tmp_path / "a.csv", "--model", "m", "--map", columns, "-o", tmp_path / "runs"))
    out = ok(honne("calibrate", tmp_path / "runs" / "m", "--plan", "--width", "0.2", "--accuracy", "0.8")).stdout
    assert "these 200 answers are of 50 questions: the plan takes every answer by itself" in " ".join(out.split())


def test_the_plan_of_a_macro_mean_is_made_of_its_categories(flames: Graded, tmp_path: Path) -> None:
    run, found = flames
    copy, todo = Path(shutil.copytree(run, tmp_path / "m")), tmp_path / "todo.jsonl"
    out = " ".join(ok(honne("calibrate", copy, "--plan", "--width", "0.13", "-o", todo)).stdout.split())
    table = [json.loads(line) for line in todo.read_text(encoding="utf-8").splitlines()]
    assert f"the mean of these 5 categories: label {len(table)} answers in all" in out
    # Each category has a chance of its own: drawn at random within it, but not alike over all.
    assert {row["design"] for row in table} == {"stratified"} and {row["category"] for row in table} == set(DIMENSIONS)
    ok(
        honne(
            "calibrate", copy, "--labels", write(todo, (r | {"label": found[int(r["item_id"][1:])][1]} for r in table))
        )
    )
    (e,) = numbers(copy, metric="harmless_rate", slice="all", corrected=True)
    assert e["n_labels"] == len(table) < 300 and e["high"] - e["low"] < 0.14
    assert "would still leave the mean of the 5 categories wider" in " ".join(
        ok(honne("calibrate", run, "--plan", "--width", "0.05")).stdout.split()
    )


def test_the_list_of_a_plan_comes_back_whatever_the_ids_are(tmp_path: Path) -> None:
    """A spreadsheet must not run an id, nor hide what is in it; the labels beside it still find their answers."""
    table = tmp_path / "m.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "question", "answer", "auto"])
        for i, (_, judged) in enumerate(truth(60)):
            writer.writerow([f"=é\u202e{i}", f"質問 {i}？", f"=cmd|{i}", judged])
    columns = "id=id,prompt=question,response=answer,label.auto=auto"
    ok(honne("import", table, "--model", "=ü\u200bm", "--map", columns, "-o", tmp_path / "runs"))
    (run,) = (tmp_path / "runs").iterdir()
    todo = tmp_path / "todo.csv"
    ok(honne("calibrate", run, "--plan", "--width", "0.4", "--accuracy", "0.8", "-o", todo))
    with todo.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert "\u202e" not in todo.read_text(encoding="utf-8") and not any(r["item_id"].startswith("=") for r in rows)
    with todo.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"label": ("safe", "unsafe")[i % 3 == 0]} for i, row in enumerate(rows))
    assert f"{len(rows)} labels of todo.csv" in ok(honne("calibrate", run, "--labels", todo)).stdout


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--plan"], "--plan needs --width"),
        (["--plan", "--width", "2"], "--plan needs --width, between 0 and 1"),
        (["--plan", "--width", "0.1", "--accuracy", "0.3"], "between 0.5 and 1"),
        (["--plan", "--width", "0.1", "--judge", "labels.aut"], "Did you mean 'labels.auto'?"),
        (["--width", "0.1"], "go with --plan"),
        (["--plan", "--width", "0.3", "--accuracy", "0.8", "-o", "todo.xlsx"], "unknown kind of file '.xlsx'"),
        (["--plan", "--width", "0.3", "--accuracy", "0.8", "--design", "random"], "go with --labels, not --plan"),
        (["--plan", "--width", "0.01", "--accuracy", "0.8"], None),
    ],
)
def test_a_plan_that_cannot_be_made_says_why(tmp_path: Path, args: list[str], told: str | None) -> None:
    run = imported(tmp_path)
    result = honne("calibrate", run, *args, cwd=tmp_path)
    if told is None:
        assert "would still leave a width of" in " ".join(ok(result).stdout.split())
    else:
        assert told in ok(result, 2).stderr
        assert not result.stdout, "nothing is planned first"


# -------------------------------------------------------------------------- real labels


def test_xstest_people_correct_gpt4_and_the_truth_lies_inside(tmp_path: Path) -> None:
    """A quarter of the human labels of Llama-2's answers corrects GPT-4's labels of all 450."""
    benchmark = load("benchmarks", "xstest")
    sources = {source.file: locate(source) for source in (*benchmark.sources, *benchmark.related)}
    answers, prompts = sources["completions/llama2new.csv"], sources["xstest_prompts.csv"]
    automated = answers.path.parents[1] / "automated_labels.csv" if answers is not None else None
    if answers is None or prompts is None or automated is None or not automated.is_file():
        pytest.skip("the XSTest annotations are not at hand")
    columns = "id=id,prompt=prompt,response=completion,category=type,label=final_label,label.first=annotation_1"
    columns += ",label.second=annotation_2,label.gpt4=gpt4_label,label.strmatch=strmatch_label"
    joins = ["--join", prompts.path, "--join", automated, "--on", "id"]
    ok(honne("import", answers.path, "--model", "llama2new", "-b", "xstest", "--map", columns, *joins, "-o", tmp_path))
    run = tmp_path / "llama2new"
    raters = ["--rater", "labels.first", "--rater", "labels.second"]
    ok(honne("calibrate", run, "--labels", "judge:labels", *raters))
    assert {e["judge"] for e in numbers(run, corrected=True)} == {"labels.gpt4", "labels.strmatch"}
    stored = json.loads((run / "calibration" / "calibration.json").read_text())
    ceilings = {c["metric"]: c for c in stored["ceilings"]}
    alike = sum(ceilings[m]["agreement"] * ceilings[m]["n"] for m in ("over_refusal_rate", "unsafe_compliance_rate"))
    assert alike / 450 >= 0.958, "alike in compliance at least as often as in all three labels (95.8 %)"
    (truly,) = numbers(run, metric="over_refusal_rate", slice="all", corrected=False, judge="labels")
    table = [row for row in _final(answers.path) if random.Random(row["item_id"]).random() < 0.25]
    ok(honne("calibrate", run, "--labels", write(tmp_path / "l.jsonl", table), *raters, "--rater", "labels"))
    (e,) = numbers(run, metric="over_refusal_rate", slice="all", corrected=True, judge="labels.gpt4")
    assert e["low"] < truly["value"] < e["high"]
    (raw,) = numbers(run, metric="over_refusal_rate", slice="all", corrected=False, judge="labels.gpt4")
    assert not raw["low"] < truly["value"] < raw["high"], "the raw interval misses it: the judge is too lenient"


def _final(path: Path) -> list[dict[str, Any]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    found = csv.DictReader(text.decode().splitlines(keepends=True))
    return [{"item_id": row["id"], "label": row["final_label"], "design": "random"} for row in found]
