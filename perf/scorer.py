"""What a light scorer learns from published labels, by held-out prompts: the tables of docs/scorer.md.

    HONNE_DATA=DIR python perf/scorer.py [--out DIR] [NAME...]
    python perf/scorer.py --out DIR --table

Without a NAME all of them; the second prints the tables from what the first has left in DIR. Every answer is judged by
a scorer that has seen no answer to its prompt, unless the line says otherwise:

    xstest          three labels by people, five models: trained on four models and two thirds of the prompts, tested
                    on the fifth model's answers to the other prompts
    xstest-models   the same, but trained on all prompts (as answered by the other four models)
    xstest-prompts  the same, but trained on all models' answers to the other prompts
    safety          llm_eval, safe or unsafe by GPT-4, six models: three folds of questions
    truthfulqa      true or not, informative or not, by people: three folds of questions
    truthfulqa-dev  the published dev split, which shares all its questions with the training rows, and more than a
                    quarter of its answers, word for word: these are not learnt from
    truthfulqa-released  the same, with these repeated answers learnt from, as whoever trains on the release does
    halueval        ChatGPT's answers with a hallucination or without, by people: three folds
    jade            Chinese triples, a violating and a safe answer each, by construction: three folds

Beside it stands what the length of the answer alone tells: the commonest label of the training answers in the same
tenth of lengths. Where that is good, the labels can be had from style. Nothing is tuned: the settings are those of
`honne scorer train`. With --out, the whole evaluations as JSON and pages.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from honne import plugins
from honne.data import catalogue, read_rows, read_text
from honne.data import load as load_bytes
from honne.judges._scorer import load
from honne.judges._scorer._folder import write
from honne.report import scorer as report
from honne.report.markdown import table
from honne.scorer import light
from honne.scorer.data import Row
from honne.scorer.evaluate import measure
from honne.scorer.evaluation import Case, Evaluation, Given
from honne.scorer.split import components, folds

FOLDS = 3
_ASKED = re.compile(r"Q: (.*)\nA: (.*)\n(?:True|Helpful):", re.S)
# Rows with everybody else's labels of the same answer, by key.
Labelled = tuple[Row, Mapping[str, str | None], Mapping[str, str | None]]


def _source(dataset: str, file: str) -> plugins.Source:
    return next(source for source in catalogue() if (source.dataset, source.file) == (dataset, file))


# ----------------------------------------------------------------------- data


def xstest() -> Iterator[Labelled]:
    others: dict[tuple[str, str], dict[str, str | None]] = {}
    for row in csv.DictReader(io.StringIO(read_text(_source("xstest", "automated_labels.csv")))):
        said = {key: row[f"{key}_label"].strip() for key in ("strmatch", "gpt4")}
        named = {key: _NAMES.get(label) for key, label in said.items()}
        others[row["model"], row["id"]] = named
    for model in _MODELS:
        text = read_text(_source("xstest", f"completions/{model}.csv"))
        for row in csv.DictReader(io.StringIO(text)):
            label = _NAMES[row["final_label"]]
            people = {key: _NAMES.get(row[key]) for key in ("annotation_1", "annotation_2")}
            yield _row(row["prompt"], row["completion"], "xstest", label, "en", model), others[model, row["id"]], people


_MODELS = ("llama2orig", "llama2new", "mistralinstruct", "mistralguard", "gpt4")
_NAMES = {
    "1_full_compliance": "full_compliance",
    "2_full_refusal": "full_refusal",
    "3_partial_refusal": "partial_refusal",
}


def safety() -> Iterator[Labelled]:
    for row in read_rows(_source("llm_eval", "safety.jsonl")):
        label = {"1": "safe", "0": "unsafe"}[row.text("label")]
        if answer := (row.optional("answer") or "").strip():
            yield _row(row.text("question"), answer, "safety", label, "en", row.text("source_model")), {}, {}


def truthfulqa(split: str = "") -> Iterator[Labelled]:
    for what, names in (("truth", ("true", "false")), ("info", ("informative", "uninformative"))):
        for row in read_rows(_source("truthfulqa_human", f"finetune_{what}{split}.jsonl")):
            found = _ASKED.fullmatch(row.text("prompt"))
            assert found is not None, row.where
            label = names[row.text("completion").strip() != "yes"]
            yield _row(found[1], found[2], f"truthfulqa {what}", label, "en", ""), {}, {}


def halueval() -> Iterator[Labelled]:
    for row in read_rows(_source("halueval", "general_data.jsonl")):
        label = {"yes": "hallucination", "no": "none"}[row.text("hallucination")]
        yield _row(row.text("user_query"), row.text("chatgpt_response"), "halueval", label, "en", "gpt"), {}, {}


def jade() -> Iterator[Labelled]:
    for level in ("medium", "hard"):
        _, raw = load_bytes(_source("jade_db", f"jade_alignment_{level}_zh.csv"))
        for row in csv.DictReader(io.StringIO(raw.decode("gb18030"))):
            for column, label in (("违规回答", "unsafe"), ("安全有用回答", "safe")):
                yield _row(row["问题"], row[column], "jade", label, "zh", ""), {}, {}


def _row(prompt: str, answer: str, dimension: str, label: str, lang: str, model: str) -> Row:
    return Row(prompt, answer, dimension, label, lang, "", model, "")


# ------------------------------------------------------------------- protocols

# For every row the training rows of the scorer that judges it: (which rows are judged, which are learnt from).
Split = Iterator[tuple[list[int], list[int]]]


def by_prompt(rows: Sequence[Row]) -> Split:
    part = folds(rows, FOLDS, 0)
    for fold in range(FOLDS):
        yield [i for i, p in enumerate(part) if p == fold], [i for i, p in enumerate(part) if p != fold]


def by_prompt_and_model(rows: Sequence[Row]) -> Split:
    part = folds(rows, FOLDS, 0)
    for fold in range(FOLDS):
        for model in dict.fromkeys(row.family for row in rows):
            asked = [i for i, r in enumerate(rows) if part[i] == fold and r.family == model]
            yield asked, [i for i, r in enumerate(rows) if part[i] != fold and r.family != model]


def by_model(rows: Sequence[Row]) -> Split:
    for model in dict.fromkeys(row.family for row in rows):
        asked = [i for i, r in enumerate(rows) if r.family == model]
        yield asked, [i for i, r in enumerate(rows) if r.family != model]


def dev(rows: Sequence[Row]) -> Split:
    """The dev rows, from the others without the answers that are in both."""
    known = {_text(r) for r in rows if r.family == "dev"}
    asked = [i for i, r in enumerate(rows) if r.family == "dev"]
    yield asked, [i for i, r in enumerate(rows) if _text(r) not in known]


def dev_released(rows: Sequence[Row]) -> Split:
    """The dev rows, from all other rows: each dev row is in the training file once as itself, and that is left out."""
    asked = [i for i, r in enumerate(rows) if r.family == "dev"]
    once = Counter((*_text(rows[i]), rows[i].label) for i in asked)
    learnt = []
    for i, row in enumerate(rows):
        key = (*_text(row), row.label)
        if row.family != "dev" and not once[key]:
            learnt.append(i)
        elif row.family != "dev":
            once[key] -= 1
    yield asked, learnt


def _text(row: Row) -> tuple[str, str, str]:
    return (row.dimension, row.prompt, row.answer)


def truthfulqa_dev() -> Iterator[Labelled]:
    for row, others, people in truthfulqa("_dev"):
        yield replace(row, family="dev"), others, people
    yield from truthfulqa()


PROTOCOLS: dict[str, tuple[Callable[[], Iterator[Labelled]], Callable[[Sequence[Row]], Split]]] = {
    "xstest": (xstest, by_prompt_and_model),
    "xstest-models": (xstest, by_model),
    "xstest-prompts": (xstest, by_prompt),
    "safety": (safety, by_prompt),
    "truthfulqa": (truthfulqa, by_prompt),
    "truthfulqa-dev": (truthfulqa_dev, dev),
    "truthfulqa-released": (truthfulqa_dev, dev_released),
    "halueval": (halueval, by_prompt),
    "jade": (jade, by_prompt),
}


def evaluate(name: str) -> Evaluation:
    """The scorer of `honne scorer train` on every row of the protocol, by scorers that did not learn from it."""
    read, split = PROTOCOLS[name]
    labelled = list(read())
    rows = [row for row, _, _ in labelled]
    groups = components(rows)
    given: dict[int, Given] = {}
    lengths: dict[int, str] = {}
    for asked, learnt in split(rows):
        with tempfile.TemporaryDirectory() as folder:
            about, files, _ = light.train([rows[i] for i in learnt], name=name, version="0")
            write(Path(folder), about, files)
            scorer = load(Path(folder))
        found = scorer.probabilities([(rows[i].prompt, rows[i].answer, rows[i].dimension) for i in asked])
        for i, p in zip(asked, found, strict=True):
            given[i] = Given(p.label, max(p.probabilities.values()), p.far)
        lengths |= by_length(rows, asked, learnt)
        print(f"{name}: {len(given):,} answers judged", file=sys.stderr)
    parts = []
    for dimension in dict.fromkeys(row.dimension for row in rows):
        mine = [i for i in sorted(given) if rows[i].dimension == dimension]
        cases = [_case(i, labelled[i], groups[i], lengths[i]) for i in mine]
        labels = light.ordered([case.label for case in cases])
        parts.append(measure("light scorer", dimension, labels, cases, [given[i] for i in mine]))
    return Evaluation("light scorer", None, "published labels", (name,), {}, tuple(parts))


def by_length(rows: Sequence[Row], asked: Sequence[int], learnt: Sequence[int]) -> dict[int, str]:
    """What the length of an answer alone tells of its label."""
    out: dict[int, str] = {}
    for dimension in dict.fromkeys(rows[i].dimension for i in asked):
        known = [i for i in learnt if rows[i].dimension == dimension]
        edges = np.quantile([len(rows[i].answer) for i in known], np.linspace(0, 1, 11)[1:-1])
        counts: dict[int, Counter[str]] = {}
        for i in known:
            counts.setdefault(_tenth(rows[i], edges), Counter())[rows[i].label] += 1
        whole = sum(counts.values(), Counter[str]())
        for i in asked:
            if rows[i].dimension == dimension:
                out[i] = (counts.get(_tenth(rows[i], edges)) or whole).most_common(1)[0][0]
    return out


def _tenth(row: Row, edges: NDArray[np.float64]) -> int:
    return int(np.searchsorted(edges, len(row.answer), side="left"))


def _case(i: int, labelled: Labelled, group: str, length: str) -> Case:
    row, others, people = labelled
    known = {key: Given(label) for key, label in (*others.items(), ("length only", length))}
    # By model, not by family: XSTest has two Llamas and two Mistrals.
    about = (row.dimension, row.label, group, row.lang, row.family)
    return Case(f"{i:09d}", row.prompt, row.answer, *about, known, people)


def tables(folder: Path) -> None:
    """The tables of docs/scorer.md: every protocol, and XSTest model by model."""
    heads = ["labels", "answers", "right", "macro-F1", "commonest label", "length only", "others", "people"]
    rows = []
    for name in PROTOCOLS:
        for part in _parts(folder, name):
            agreed = next((e for e in part["ceiling"] if e["metric"] == "rater_agreement"), None)
            rivals = {r["judge"]: r["accuracy"] for r in part["rivals"]}
            others = [f"{key} {_percent(e)}" for key, e in rivals.items() if key != "length only"]
            row = [part["dimension"] if part["dimension"].startswith(name) else name, f"{part['n']:,}"]
            if name.startswith("truthfulqa-"):
                row[0] = f"{name}: {part['dimension'].removeprefix('truthfulqa ')}"
            row += [_percent(part[key]) for key in ("accuracy", "macro_f1", "majority")]
            rows.append([*row, _percent(rivals["length only"]), ", ".join(others), _percent(agreed)])
    print("\n".join(table(heads, rows)))
    by_model: dict[str, list[str]] = {}
    names = [name for name in PROTOCOLS if name.startswith("xstest") and list(_parts(folder, name))]
    for name in names:
        for accuracy, _ in next(iter(_parts(folder, name)))["slices"]:
            by_model.setdefault(accuracy["slice"].removeprefix("family/"), []).append(_percent(accuracy))
    if by_model:
        print("\n" + "\n".join(table(["model", *names], [[model, *cells] for model, cells in by_model.items()])))


def _parts(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    path = folder / f"{name}.json"
    if path.is_file():
        yield from json.loads(path.read_text(encoding="utf-8"))["parts"]


def _percent(e: Mapping[str, Any] | None) -> str:
    if e is None or e["value"] is None:
        return "–"
    return f"{100 * e['value']:.1f} ({100 * e['low']:.1f}–{100 * e['high']:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", default=list(PROTOCOLS), help=", ".join(PROTOCOLS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", action="store_true", help="print the tables of what is in --out")
    given = parser.parse_args()
    if given.table:
        tables(given.out)
        return
    for name in given.names or PROTOCOLS:
        if name not in PROTOCOLS:
            parser.error(f"unknown {name!r}: {', '.join(PROTOCOLS)}")
        start = time.monotonic()
        found = evaluate(name)
        print(report.markdown(found))
        print(f"({time.monotonic() - start:.0f} s)\n", flush=True)
        if given.out:
            given.out.mkdir(parents=True, exist_ok=True)
            for kind in ("json", "html"):
                (given.out / f"{name}.{kind}").write_text(report.render(kind, found), encoding="utf-8")


if __name__ == "__main__":
    main()
