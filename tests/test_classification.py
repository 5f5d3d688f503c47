"""Confusion matrices and macro-F1: against scikit-learn, and the coverage of the interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honne.stats.classification import confusion, f1_scores, macro_f1

CODES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40)


@given(CODES)
@settings(deadline=None, max_examples=60)
def test_equal_to_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, said = zip(*pairs, strict=True)
    matrix = confusion(truth, said, 4)
    assert (matrix == metrics.confusion_matrix(truth, said, labels=range(4))).all()
    used = sorted({*truth, *said})
    theirs = metrics.f1_score(truth, said, labels=used, average=None, zero_division=0)
    assert f1_scores(matrix)[used] == pytest.approx(theirs)
    found = macro_f1(truth, said, 4)
    assert found.value == pytest.approx(theirs.mean())
    assert found.low is not None and found.high is not None and found.value is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high > found.low


def test_no_error_is_not_certainty() -> None:
    truth = [0] * 190 + [1] * 10
    few = macro_f1(truth, truth, 2)
    many = macro_f1([0, 1] * 100, [0, 1] * 100, 2)
    assert few.value == many.value == 1.0
    # Ten answers of the rarer class say less than a hundred.
    assert few.low is not None and many.low is not None and few.low < 0.95 < many.low < 1.0
    assert macro_f1([], [], 2).value is None


def test_copies_of_an_answer_add_nothing() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 200)
    said = np.where(random.random(200) < 0.8, truth, 1 - truth)
    once = macro_f1(truth, said, 2)
    five = macro_f1(np.repeat(truth, 5), np.repeat(said, 5), 2, np.repeat(np.arange(200), 5))
    assert five.value == pytest.approx(once.value)
    assert five.method.endswith("clustered")
    assert five.high is not None and five.low is not None and once.high is not None and once.low is not None
    assert (five.high - five.low) == pytest.approx(once.high - once.low, rel=0.1)


@pytest.mark.parametrize(
    ("prior", "right", "clusters", "per"),
    [
        ((0.9, 0.1), (0.97, 0.6), 200, 1),
        ((0.6, 0.3, 0.1), (0.95, 0.95, 0.5), 200, 1),
        ((0.9, 0.1), (0.97, 0.6), 100, 5),
    ],
)
def test_the_interval_covers(prior: tuple[float, ...], right: tuple[float, ...], clusters: int, per: int) -> None:
    k = len(prior)
    table = np.array([[p if i == j else (1 - p) / (k - 1) for j in range(k)] for i, p in enumerate(right)])
    cells = (np.array(prior)[:, None] * table).ravel()
    truth = float(np.mean(f1_scores(cells.reshape(k, k))))
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        first = random.choice(k * k, clusters, p=cells)
        drawn = random.choice(k * k, (clusters, per), p=cells)
        # Two fifths of a cluster's answers fare as the cluster does.
        drawn = np.where((random.random(drawn.shape) < 0.4) & (per > 1), first[:, None], drawn).ravel()
        found = macro_f1(drawn // k, drawn % k, k, np.repeat(np.arange(clusters), per))
        hits += found.low is not None and found.high is not None and found.low <= truth <= found.high
    assert hits / 300 >= 0.92
