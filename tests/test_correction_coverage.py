"""Simulated coverage of corrected numbers: at least 93 % at a nominal 95 %, in every design in which labels are drawn.

The full grid is scripts/correction_coverage.py; here are its hardest cells, and the designs that it does not have.
"""

from __future__ import annotations

import numpy as np
import pytest

from correction_parts import at_random, by_class, labelled, script, verdicts
from honne.stats._judge import weighted_share
from honne.stats.contrast import paired
from honne.stats.correction import hybrid, hybrid_limits
from honne.stats.intervals import Interval, macro, mover, wilson
from honne.stats.labelling import allocate
from honne.stats.ppi import ppi
from honne.stats.rogan_gladen import rogan_gladen
from honne.stats.transport import equivalent

grid = script("correction_coverage")
# Where a few hundred draws must do, 93 % is told from them only to about one in a hundred.
FEW_DRAWS = 0.92
CELLS = [((0.6, 0.6), 0.1), ((0.7, 0.9), 0.3), ((0.8, 0.8), 0.02), ((0.95, 0.95), 0.98), ((0.99, 0.99), 0.5)]


@pytest.mark.parametrize("labels", grid.LABELS)
def test_the_hybrid_covers_in_every_cell_and_neither_too_little_nor_too_much_from_200_labels(labels):
    for judge, prevalence in CELLS:
        held, width = grid.coverage(1000, 1000, labels, prevalence, judge, seed=2)
        assert held >= 0.93, (judge, prevalence)
        assert held <= 0.97 or labels < 200, (judge, prevalence)
        assert width < 1.1


@pytest.mark.parametrize("labels", [30, 200])
def test_the_rate_of_these_items_alone_is_covered_and_costs_less(labels):
    for judge, prevalence in CELLS:
        held, _ = grid.coverage(700, 500, labels, prevalence, judge, finite=True, seed=3)
        assert held >= 0.93, (judge, prevalence)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_the_hybrid_covers_where_the_verdicts_are_sampled_unalike(share):
    def allocation(sizes, labels):
        first = np.minimum(sizes[:, 0], int(labels * share))
        return np.stack([first, labels - first], axis=1)

    for judge, prevalence, labels in (((0.9, 0.9), 0.02, 100), ((0.8, 0.95), 0.05, 100), ((0.7, 0.9), 0.3, 200)):
        drawn = grid.draw(np.random.default_rng(4), 1000, 1000, labels, prevalence, *judge, allocation)
        low, high, _ = hybrid_limits(*drawn[:3], by_verdict=True)
        assert ((low <= prevalence) & (prevalence <= high)).mean() >= 0.93, (judge, prevalence)


def covered(make, draws):
    """Coverage of `hybrid` for the population and for the items alone; `make` gives the case."""
    held = []
    for i in range(draws):
        judged, human, everyone, prevalence, given = make(np.random.default_rng([11, i]))
        ours = hybrid(judged, human, **given)
        theirs = hybrid(judged, human, finite=True, **given)
        held.append((ours.low <= prevalence <= ours.high, theirs.low - 1e-9 <= everyone.mean() <= theirs.high + 1e-9))
    return np.mean(held, axis=0)


@pytest.mark.parametrize("per_class", [15, 40])
def test_the_hybrid_covers_with_categories_sampled_unalike(per_class):
    """A small category labelled twenty times as densely as a large one, in which events are rarer and harder."""
    shares, rates = np.array([0.85, 0.11, 0.04]), np.array([0.03, 0.2, 0.5])
    right = np.array([[0.8, 0.95], [0.7, 0.9], [0.8, 0.8]])

    def make(rng):
        kind = rng.choice(3, 1500, p=shares)
        human = (rng.random(1500) < rates[kind]).astype(float)
        u = rng.random(1500)
        judged = np.where(human == 1, u < right[kind, 0], u > right[kind, 1]).astype(float)
        chosen, inclusion = by_class(rng, kind, per_class)
        return judged, labelled(human, chosen), human, float(shares @ rates), {"weights": inclusion}

    assert (covered(make, 300) >= FEW_DRAWS).all()


@pytest.mark.parametrize(("labels", "ratio"), [(40, 0.1), (120, 0.1), (200, 0.1), (120, 0.5)])
def test_the_hybrid_covers_with_labels_picked_where_two_judges_disagree(labels, ratio):
    def make(rng):
        human = (rng.random(1000) < 0.2).astype(float)
        judged, other = verdicts(rng, human, 0.85, 0.85), verdicts(rng, human, 0.85, 0.85)
        density = np.where(judged != other, 1.0, ratio)
        inclusion = np.minimum(density * labels / density.sum(), 1.0)
        return judged, labelled(human, rng.random(1000) < inclusion), human, 0.2, {"weights": inclusion}

    assert (covered(make, 250) >= FEW_DRAWS).all()


def test_without_the_weights_such_labels_make_the_rate_wrong():
    rng = np.random.default_rng(5)
    human = (rng.random(20_000) < 0.1).astype(float)
    judged, other = verdicts(rng, human, 0.9, 0.9), verdicts(rng, human, 0.9, 0.9)
    inclusion = np.where(judged != other, 0.5, 0.05)
    seen = labelled(human, rng.random(len(human)) < inclusion)
    assert hybrid(judged, seen).high < 0.1
    fair = hybrid(judged, seen, weights=inclusion)
    assert fair.low < 0.1 < fair.high and "inverse probability" in fair.method


@pytest.mark.parametrize(("of_ones", "of_zeros"), [(0.05, 0.05), (0.3, 0.02), (0.02, 0.3)])
def test_missing_verdicts_are_a_stratum_of_their_own(of_ones, of_zeros):
    """Also where the judge is silent on just what matters: dropping those items would miss the rate."""

    def make(rng):
        human = (rng.random(1000) < 0.3).astype(float)
        judged = verdicts(rng, human, 0.85, 0.9)
        judged[rng.random(1000) < np.where(human == 1, of_ones, of_zeros)] = np.nan
        return judged, labelled(human, at_random(rng, 1000, 100)), human, 0.3, {}

    assert (covered(make, 300) >= FEW_DRAWS).all()


@pytest.mark.parametrize("whole_groups", [False, True])
@pytest.mark.parametrize("alike", [0.1, 0.5])
def test_the_hybrid_covers_where_items_share_a_question(whole_groups, alike):
    """250 questions of four forms: both the truth and the judge's errors stick to the question."""
    group = np.repeat(np.arange(250), 4)

    def make(rng):
        common, own = rng.random(250) < 0.3, rng.random(1000) < 0.3
        human = np.where(rng.random(1000) < alike**0.5, common[group], own).astype(float)
        u = np.where(rng.random(1000) < alike**0.5, rng.random(250)[group], rng.random(1000))
        judged = np.where(human == 1, u < 0.85, u > 0.9).astype(float)
        chosen = np.isin(group, rng.choice(250, 40, replace=False)) if whole_groups else at_random(rng, 1000, 160)
        return judged, labelled(human, chosen), human, 0.3, {"groups": group}

    assert (covered(make, 300) >= FEW_DRAWS).all()


SCALES = {
    "3/2/1, even": ([1, 2, 3], [0.3, 0.3, 0.4]),
    "3/2/1, rarely low": ([1, 2, 3], [0.03, 0.07, 0.9]),
    "1-10, high": (list(range(1, 11)), [0.02, 0.01, 0.01, 0.01, 0.01, 0.02, 0.1, 0.3, 0.4, 0.12]),
}


@pytest.mark.parametrize("labels", [30, 100, 300])
@pytest.mark.parametrize("accuracy", [0.6, 0.98])
@pytest.mark.parametrize("scale", SCALES)
def test_mean_scores_cover(scale, accuracy, labels):
    values, shares = (np.array(x, dtype=float) for x in SCALES[scale])
    low, high, held = values[0], values[-1], []
    for i in range(200):
        rng = np.random.default_rng([13, i])
        human = rng.choice(values, 2000, p=shares)
        judged = np.where(rng.random(2000) < accuracy, human, rng.choice(values, 2000))
        seen = labelled(human, at_random(rng, 2000, labels))
        ours, these = ppi(judged, seen, low, high), ppi(judged, seen, low, high, finite=True)
        held.append((ours.low <= values @ shares <= ours.high, these.low <= human.mean() <= these.high))
    assert (np.mean(held, axis=0) >= FEW_DRAWS).all()


def test_mean_scores_cover_with_as_many_labels_of_each_judged_score():
    """Most answers have one score, and few heavy labels stand for them: one that differs is often not seen."""
    shares, held = np.exp([0.0, -1.8, -3.6]) / np.exp([0.0, -1.8, -3.6]).sum(), []
    for i in range(300):
        rng = np.random.default_rng([17, i])
        human = rng.choice([1.0, 2.0, 3.0], 800, p=shares)
        judged = np.clip(np.round(human + rng.normal(-0.5, 0.3, 800)), 1, 3)
        chance, seen = np.zeros(800), np.full(800, np.nan)
        for score in np.unique(judged):
            mine = np.flatnonzero(judged == score)
            chosen = rng.choice(mine, min(len(mine), 30), replace=False)
            chance[mine], seen[chosen] = len(chosen) / len(mine), human[chosen]
        found = ppi(judged, seen, 1, 3, weights=chance)
        held.append(found.low <= shares @ [1, 2, 3] <= found.high)
    assert np.mean(held) >= 0.94


@pytest.mark.parametrize("there", [60, 200])
def test_rogan_gladen_covers_at_another_prevalence(there):
    for prevalence in (0.05, 0.3, 0.9):
        held = []
        for i in range(200):
            rng = np.random.default_rng([17, i])
            old = (rng.random(there) < 0.5).astype(float)
            new = (rng.random(1000) < prevalence).astype(float)
            found = rogan_gladen(verdicts(rng, new, 0.9, 0.85), verdicts(rng, old, 0.9, 0.85), old)
            held.append(found.low <= prevalence <= found.high)
        assert np.mean(held) >= FEW_DRAWS, prevalence


@pytest.mark.parametrize("same_labels", [True, False])
@pytest.mark.parametrize(("a", "b"), [(0.3, 0.3), (0.05, 0.08), (0.9, 0.5)])
def test_the_difference_of_two_models_covers_and_pairing_pays(a, b, same_labels):
    held, ratio = [], []
    for i in range(300):
        rng = np.random.default_rng([19, i])
        hard, u = rng.random(800), rng.random(800)
        truths = [np.where(rng.random(800) < 0.8, hard < p, rng.random(800) < p).astype(float) for p in (a, b)]
        judged = [np.where(t == 1, u < 0.9, u > 0.9).astype(float) for t in truths]
        chosen = [at_random(rng, 800, 100) for _ in truths]
        seen = [labelled(t, chosen[0] if same_labels else c) for t, c in zip(truths, chosen, strict=True)]
        found = paired(judged[0], seen[0], judged[1], seen[1])
        held.append(found.low <= a - b <= found.high)
        apart = np.hypot(found.a.high - found.a.low, found.b.high - found.b.low)
        ratio.append((found.high - found.low) / apart)
    assert np.mean(held) >= FEW_DRAWS
    assert np.mean(ratio) < 1.02
    assert np.mean(ratio) < 0.9 or not same_labels or a != b


def planned(rng, n, labels, prevalence, judge):
    """Verdicts, labels and their chances as `--plan` draws them: by verdict, fewer where the judge is mostly right."""
    human = (rng.random(n) < prevalence).astype(float)
    judged = verdicts(rng, human, *judge)
    raw = prevalence * judge[0] + (1 - prevalence) * (1 - judge[1])
    rates = prevalence * judge[0] / raw, prevalence * (1 - judge[0]) / (1 - raw)
    sizes = [int((judged == side).sum()) for side in (1, 0)]
    chosen, inclusion = np.zeros(n, dtype=bool), np.full(n, np.nan)
    for side, size, m in zip((1, 0), sizes, allocate(sizes, rates, labels), strict=True):
        inside = np.flatnonzero(judged == side)
        chosen[rng.choice(inside, m, replace=False)] = True
        inclusion[inside] = m / size
    return judged, labelled(human, chosen), inclusion


@pytest.mark.parametrize(("prevalence", "judge"), [(0.1, (0.9, 0.95)), (0.05, (0.8, 0.97)), (0.5, (0.8, 0.8))])
def test_the_judges_errors_are_covered_where_its_verdicts_were_sampled_unalike(prevalence, judge):
    """A label of what the judge missed stands for many: Kish's number of all labels covered 63 % of the first case."""
    held = []
    for i in range(200):
        drawn = planned(np.random.default_rng([29, i]), 1000, 200, prevalence, judge)
        shares = [weighted_share(*drawn, None, what, 0.95) for what in ("sensitivity", "specificity")]
        held.append([found.low <= true <= found.high for found, true in zip(shares, judge, strict=True)])
    assert np.mean(held, axis=0).min() >= FEW_DRAWS


@pytest.mark.parametrize("what", ["sensitivity", "specificity", "error"])
def test_a_judge_that_no_label_shows_to_err_may_be_without_error(what):
    """Equal tails of a posterior never reach 0 or 1, and left out what an exact rule is."""
    judged, human, inclusion = planned(np.random.default_rng(41), 1000, 200, 0.1, (1.0, 1.0))
    right, wrong = (weighted_share(one, human, inclusion, None, what, 0.95) for one in (judged, 1 - judged))
    best = 0.0 if what == "error" else 1.0
    assert right.value == best == (right.low if what == "error" else right.high) and 0 < right.high - right.low < 0.5
    assert wrong.value == 1 - best == (wrong.high if what == "error" else wrong.low)


def test_a_difference_at_the_margin_is_rarely_called_equivalent_by_labels_of_a_plan():
    called = []
    for i in range(300):
        rng = np.random.default_rng([31, i])
        old = (rng.random(1500) < 0.5).astype(float)
        judged, human, inclusion = planned(rng, 3000, 600, 0.1, (0.75, 0.95))
        there = verdicts(rng, old, 0.95, 0.95)
        called.append(equivalent(there, old, judged, human, 0.2, weights_here=inclusion).verdict)
    assert 0 < called.count("equivalent") <= 0.08 * 300


@pytest.mark.parametrize(
    ("shares", "labels"), [((0.98,) * 5, 30), ((0.95, 0.96, 0.97, 0.98, 0.99), 30), ((0.98,) * 5, 100)]
)
def test_the_mean_of_corrected_rates_near_one_is_covered(shares, labels):
    """Without `few` the mean of five such rates lay above its interval in one draw of eleven."""
    held = []
    for i in range(200):
        rng = np.random.default_rng([37, i])
        parts = []
        for share in shares:
            human = (rng.random(400) < share).astype(float)
            found = hybrid(verdicts(rng, human, 0.85, 0.85), labelled(human, at_random(rng, 400, labels)))
            parts.append(Interval(found.value, found.low, found.high, 0.95, found.method, labels))
        whole = macro(parts, few=True)
        held.append(whole.low <= np.mean(shares) <= whole.high)
    assert np.mean(held) >= 0.94


def test_score_limits_of_a_sum_are_those_of_one_part_and_of_the_pooled_count():
    assert mover([(0.1, 0.05, 0.25)], [1.0], few=True) == pytest.approx((0.1, 0.05, 0.25))
    (low, high), pooled = wilson(1 / 30, 30), wilson(5 / 150, 150)
    found = mover([(1 / 30, float(low), float(high))] * 5, [0.2] * 5, few=True)
    assert found[1] == pytest.approx(float(pooled[0]), abs=0.002) and found[2] > float(pooled[1])
    assert mover([(0.0, 0.0, 0.1)] * 5, [0.2] * 5, few=True) == mover([(0.0, 0.0, 0.1)] * 5, [0.2] * 5)
