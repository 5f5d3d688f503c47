"""Published tables, recomputed from the real files with the metrics alone."""

from __future__ import annotations

import csv
import gzip
import json

import pytest

from honne import plugins
from honne.metrics.fine_style import opens_like_refusal
from honne.plugins import Scale, Verdict, View
from metrics_parts import estimated, item, judgment, measured, row

LABELS = ("full_compliance", "full_refusal", "partial_refusal")
SCALE = Scale(tuple(Verdict(x) for x in LABELS), {f"{n}_{x}": x for n, x in enumerate(LABELS, 1)})
MODELS = ("llama2orig", "llama2new", "mistralinstruct", "mistralguard", "gpt4")


@pytest.fixture
def expected(honne_data):
    return json.loads((honne_data / "EXPECTED.json").read_text(encoding="utf-8"))


def read(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="") if path.suffix == ".gz" else path.open(newline="") as f:
        return list(csv.DictReader(f))


def xstest_view(folder, model, judge="labels", paper=False):
    answers = read(folder / "completions" / f"{model}.csv.gz")
    side = {f"v2-{p['id']}": p["label"] for p in read(folder / "xstest_prompts.csv")}
    automatic = {r["id"]: r for r in read(folder / "automated_labels.csv") if r["model"] == model}
    columns = {
        "labels": lambda r: r["final_label"],
        "labels.a1": lambda r: r["annotation_1"],
        "labels.a2": lambda r: r["annotation_2"],
        "labels.strmatch": lambda r: automatic[r["id"]]["strmatch_label"],
        "labels.gpt4": lambda r: automatic[r["id"]]["gpt4_label"],
    }
    items = [(item(r["id"], f"{side[r['id']]}/{r['type']}"), r) for r in answers]
    by_judge = {}
    for name, column in columns.items():
        verdicts = [(i, SCALE.read(column(r))) for i, r in items]
        by_judge[name] = {(i.id, 0): judgment(i, v.label if v else None, judge=name) for i, v in verdicts}
    return View([row(i, by_judge[judge][i.id, 0]) for i, _ in items], judge, by_judge, paper)


@pytest.mark.parametrize("model", MODELS)
def test_xstest_labels_by_side(expected, honne_data, model):
    want = expected["xstest"][model]
    found = measured("xstest", xstest_view(honne_data / "xstest", model))
    for side in ("safe", "unsafe"):
        for n, label in enumerate(LABELS, 1):
            one = estimated(found[label])[side]
            assert (one.n, one.n_missing) == (want[side]["n"], 0)
            assert round(100 * one.value, 1) == want[side][f"{n}_{label}"]
    over, unsafe = (estimated(found[m]) for m in ("over_refusal_rate", "unsafe_compliance_rate"))
    assert 100 * over["all"].value == pytest.approx(100 - want["safe"]["1_full_compliance"])
    assert 100 * unsafe["all"].value == pytest.approx(want["unsafe"]["1_full_compliance"])
    assert (len(over), len(unsafe)) == (11, 9)


@pytest.mark.parametrize("model", MODELS)
def test_xstest_annotators(expected, honne_data, model):
    want = expected["xstest"][model]
    pairs = {
        (found.judge, found.metric): found
        for found in plugins.load("metrics", "agreement")(xstest_view(honne_data / "xstest", model, "labels.a1"))
    }
    raw = estimated(pairs["labels.a2", "agreement"])["all"]
    assert (raw.n, round(100 * raw.value, 1)) == (450, want["raw_agreement_pct"])
    fleiss = pairs["labels.a2", "fleiss_kappa"]
    assert (fleiss.n_missing, round(fleiss.value, 2)) == (0, want["fleiss_kappa"])
    assert fleiss.low < fleiss.value < fleiss.high


@pytest.mark.parametrize("model", MODELS)
def test_xstest_automatic_labels_against_humans(expected, honne_data, model):
    for paper in (True, False):
        measures = plugins.load("metrics", "xstest")(xstest_view(honne_data / "xstest", model, paper=paper))
        found = {(m.judge, m.metric): estimated(m)["all"] for m in measures if m.reference}
        for column in ("strmatch_label", "gpt4_label"):
            want, judge = expected["xstest"][model][column], f"labels.{column.removesuffix('_label')}"
            for name, metric in (("acc_3way", "agreement_3way"), ("acc_compliance", "agreement_compliance")):
                one = found[judge, metric]
                if paper:
                    assert (one.n, one.n_missing, round(100 * one.value, 2)) == (450, 0, want[name])
                else:
                    assert (one.n, one.n_missing) == (450, want["unparseable"])
                    assert 100 * one.worst == pytest.approx(want[name], abs=0.005)


def test_llm_eval_safety(expected, honne_data):
    by_model = {}
    with gzip.open(honne_data / "llm_eval" / "safety.jsonl.gz", "rt", encoding="utf-8") as f:
        for line in f:
            r = json.loads(line)
            rows = by_model.setdefault(r["source_model"], [])
            i = item(f"i{len(rows):04}", r["tag_cat"].replace("/", "%2F"), group=r["question"])
            rows.append(row(i, judgment(i, {"1": "safe", "0": "unsafe"}[str(r["label"])])))
    assert set(by_model) == set(expected["llm_eval_safety"])
    for model, rows in by_model.items():
        want = expected["llm_eval_safety"][model]
        found = estimated(measured("safe_rate", View(rows, "labels"))["safe_rate"])
        assert (found["all"].n, found["all"].n_missing) == (want["n"], 0)
        assert found["all"].value == want["label1"] / want["n"]
        assert found["all"].low < found["all"].value < found["all"].high
        assert sum(e.n for name, e in found.items() if name != "all") == want["n"]
        assert found["all"].method.endswith("clustered")


def test_flames_leaderboard_is_a_macro_mean(honne_data):
    """GPT-4's row of the FLAMES leaderboard from its own dimension rates: 40.01; pooled it would be 37.5."""
    shares = {"Fairness": 103, "Safety": 118, "Morality": 102, "Legality": 14, "Data protection": 38}
    rows = []
    with (honne_data / "flames" / "Flames_1k_Chinese.jsonl").open(encoding="utf-8") as f:
        for n, line in enumerate(f):
            r = json.loads(line)
            i = item(f"i{n:04}", f"{r['dimension']}/{r['subcomponent']}")
            name = next(d for d in shares if r["dimension"].lower().startswith(d.lower()[:4]))
            shares[name] -= 1
            rows.append(row(i, judgment(i, "3" if shares[name] >= 0 else "1", raw_score=3 if shares[name] >= 0 else 1)))
    found = estimated(measured("harmless_rate", View(rows, "j"))["harmless_rate"])
    assert 100 * found["all"].value == pytest.approx(40.01, abs=0.2)
    assert found["all"].low < found["all"].value < found["all"].high
    tops = [e for name, e in found.items() if name != "all" and "/" not in name]
    assert (len(found), len(tops)) == (1 + 5 + 12, 5)
    assert found["all"].value == pytest.approx(sum(e.value for e in tops) / 5)


def test_fine_style_shortcuts(honne_data):
    """papers.md: the positive options are the shorter ones on average, and about two thirds open like a refusal."""
    rows, styled = [], 0
    with (honne_data / "fine" / "safety.jsonl").open(encoding="utf-8") as f:
        for r in map(json.loads, f):
            options = (r["Positive Option"].strip(), r["Negative Option"].strip())
            styled += opens_like_refusal(options[0])
            rows.append(row(item(r["id"], r["category"], form="choice", options=options, target="A"), None))
    found = {k: estimated(m)["all"] for k, m in measured("fine_style", View(rows, None)).items()}
    assert {e.n for e in found.values()} == {90}
    assert found["positive_shorter_words"].value > 0.5
    assert found["positive_shorter_chars"].value > 0.5
    assert 50 <= styled <= 70
