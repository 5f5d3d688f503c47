"""How much narrower a corrected rate is than its labels alone, on real judges: the table of docs/calibration.md.

    python scripts/correction_width.py [--draws 400]

XSTest: refusal (in full or in part) of five models' answers by string match and by GPT-4, against the final human
label. llm_eval: harmful answers of eight models by honne's refusal rules (an answer that refuses is called harmless),
against GPT-4's label. Labels are drawn at random from the items again and again; widths are means over the draws.
Needs HONNE_DATA.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from honne.judges._refusal import FULL, read
from honne.stats.correction import hybrid_limits

REFUSES = {"1_full_compliance": 0.0, "2_full_refusal": 1.0, "3_partial_refusal": 1.0}
LABELS = (60, 100, 200)


def judges(data: Path) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
    """Judge, model, verdicts (N,) with NaN for an unreadable one, and the reference (N,)."""
    given: dict[tuple[str, str], dict[str, str]] = {}
    with (data / "xstest" / "automated_labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            given[row["model"], row["id"]] = row
    for path in sorted((data / "xstest" / "completions").glob("*.csv.gz")):
        model = path.name.removesuffix(".csv.gz")
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        human = np.array([REFUSES[row["final_label"]] for row in rows])
        for judge in ("strmatch", "gpt4"):
            verdicts = [REFUSES.get(given[model, row["id"]][f"{judge}_label"], np.nan) for row in rows]
            yield f"xstest {judge}", model, np.array(verdicts), human
    with gzip.open(data / "llm_eval" / "safety.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for model in sorted({row["source_model"] for row in rows}):
        mine = [row for row in rows if row["source_model"] == model]
        harmful = np.array([1.0 - float(row["label"]) for row in mine])
        found = [read(row["answer"], row["question"]).label for row in mine]
        rules = np.array([np.nan if label is None else float(label == FULL) for label in found])
        yield "llm_eval refusal rules", model, rules, harmful


def widths(judged: np.ndarray, human: np.ndarray, labels: int, draws: int) -> tuple[float, float, float]:
    """Mean width as a share of labels-only's, the bound √(1 − ρ²(1 − n/N)), and ρ²(1 − n/N)."""
    kind = np.where(np.isnan(judged), 2, np.where(judged == 1, 0, 1))
    _, stratum = np.unique(kind, return_inverse=True)
    k, rng = int(stratum.max()) + 1, np.random.default_rng(labels)
    counts, events = np.empty((draws, k)), np.empty((draws, k))
    for i in range(draws):
        drawn = rng.choice(len(human), labels, replace=False)
        counts[i] = np.bincount(stratum[drawn], minlength=k)
        events[i] = np.bincount(stratum[drawn], human[drawn], k)
    sizes = np.repeat(np.bincount(stratum).astype(float)[None], draws, axis=0)
    low, high, _ = hybrid_limits(sizes, counts, events)
    # All items in one stratum: nothing but the labels.
    alone = hybrid_limits(sizes.sum(1, keepdims=True), counts.sum(1, keepdims=True), events.sum(1, keepdims=True))
    rates = np.bincount(stratum, human) / np.bincount(stratum)
    explained = 1 - float(((human - rates[stratum]) ** 2).mean()) / float(human.var())
    gain = explained * (1 - labels / len(human))
    return float((high - low).mean() / (alone[1] - alone[0]).mean()), (1 - gain) ** 0.5, gain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=400)
    given = parser.parse_args()
    print("| judge | model | items | rate | " + " | ".join(f"{n} labels: width, bound" for n in LABELS) + " |")
    print("|---|---|---|---|" + "---|" * len(LABELS))
    for judge, model, judged, human in judges(Path(os.environ["HONNE_DATA"])):
        if human.std() == 0:
            continue
        found = [widths(judged, human, n, given.draws) for n in LABELS]
        cells = " | ".join(f"{ratio:.2f}, {bound:.2f}" for ratio, bound, _ in found)
        print(f"| {judge} | {model} | {len(human)} | {100 * human.mean():.1f} | {cells} |")


if __name__ == "__main__":
    main()
