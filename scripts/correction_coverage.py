"""Simulated coverage of corrected rates over a grid of judges and prevalences: the table of docs/calibration.md.

    python scripts/correction_coverage.py [--labels 30,60,…] [--draws 2000] [--items 1000] [--finite]

49 cells: seven judges (sensitivity, specificity 0.6-0.99) times seven prevalences (0.02-0.98), labels drawn at random
from the run. It runs the very rule of `honne.stats.correction.hybrid`, many samples at once.
"""

from __future__ import annotations

import argparse

import numpy as np

from honne.stats.correction import hybrid_limits

JUDGES = ((0.6, 0.6), (0.7, 0.9), (0.9, 0.7), (0.8, 0.8), (0.9, 0.9), (0.95, 0.95), (0.99, 0.99))
PREVALENCES = (0.02, 0.05, 0.1, 0.3, 0.5, 0.9, 0.98)
LABELS = (30, 60, 100, 200, 500)


def draw(rng, draws, items, labels, prevalence, sensitivity, specificity, allocation=None):
    """Items, labels and labels of 1 by verdict (yes, no), each (draws, 2), and the human rate of the items (draws,).

    `allocation` gives the number of labels of each verdict from its items (draws, 2); without it they are random.
    """
    yes = [prevalence * sensitivity, (1 - prevalence) * (1 - specificity)]
    no = [prevalence * (1 - sensitivity), (1 - prevalence) * specificity]
    cells = rng.multinomial(items, [*yes, *no], size=draws)
    sizes = np.stack([cells[:, 0] + cells[:, 1], cells[:, 2] + cells[:, 3]], axis=1)
    if allocation is None:
        first = rng.hypergeometric(sizes[:, 0], sizes[:, 1], labels)
        counts = np.stack([first, labels - first], axis=1)
    else:
        counts = allocation(sizes, labels)
    events = np.stack([rng.hypergeometric(cells[:, 2 * i], cells[:, 2 * i + 1], counts[:, i]) for i in (0, 1)], axis=1)
    return sizes.astype(float), counts.astype(float), events.astype(float), (cells[:, 0] + cells[:, 2]) / items


def coverage(draws, items, labels, prevalence, judge, *, finite=False, seed=1):
    """Share of intervals that hold the truth, and their mean width as a share of the labels' alone."""
    rng = np.random.default_rng(seed)
    sizes, counts, events, rate = draw(rng, draws, items, labels, prevalence, *judge)
    low, high, _ = hybrid_limits(sizes, counts, events, finite=finite)
    truth = rate if finite else prevalence
    whole = [x.sum(1, keepdims=True) for x in (sizes, counts, events)]
    alone = hybrid_limits(*whole, finite=finite)
    held = (low <= truth + 1e-12) & (truth <= high + 1e-12)
    return float(held.mean()), float((high - low).mean() / (alone[1] - alone[0]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", default=",".join(map(str, LABELS)))
    parser.add_argument("--draws", type=int, default=2000)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--finite", action="store_true")
    given = parser.parse_args()
    print("| labels | coverage | cells at 93 % or more | in 93-97 % | mean width, of labels-only's |")
    print("|---|---|---|---|---|")
    for labels in map(int, given.labels.split(",")):
        cells = [
            coverage(given.draws, given.items, labels, prevalence, judge, finite=given.finite, seed=[i, j])
            for i, judge in enumerate(JUDGES)
            for j, prevalence in enumerate(PREVALENCES)
        ]
        held, width = np.array(cells).T
        inside = int(((held >= 0.93) & (held <= 0.97)).sum())
        print(
            f"| {labels} | {100 * held.min():.1f}-{100 * held.max():.1f} | {int((held >= 0.93).sum())} of {len(held)} "
            f"| {inside} | {width.mean():.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
