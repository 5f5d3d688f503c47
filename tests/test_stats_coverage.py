"""Simulated coverage: the interval that honne picks must hold the truth at least 93 % of the time at a nominal 95 %.

The simulations run the very rule of `rate` and `paired` (`limits`), many samples at once.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from honne.stats import paired as paired_stats
from honne.stats._bootstrap import bootstrap_means, types
from honne.stats._clusters import totals
from honne.stats.agreement import cohen_kappa, fleiss_kappa
from honne.stats.intervals import Interval, difference, limits, macro, rate, wilson
from honne.stats.paired import paired, sign_flip

DRAWS = 3000
DESIGNS = {
    "none": (1,),
    "4-5": (4, 5),
    "pairs": (2,),
    "unequal": (1, 1, 2, 3, 5, 8),
    "uneven": (1, 2, 20, 1, 3),
    "tens": (10,),
}


def sizes(n: int, pattern: tuple[int, ...]) -> np.ndarray:
    out: list[int] = []
    while sum(out) < n:
        out.append(min(pattern[len(out) % len(pattern)], n - sum(out)))
    return np.array(out, dtype=float)


def clustered(rng, draws, size, share, icc, kind):
    """Cluster totals of 0/1 values with mean `share` and intra-cluster correlation `icc`, shape (draws, clusters)."""
    if size.max() == 1:
        return (rng.random((draws, len(size))) < share).astype(float)
    if kind == "beta":
        spread = (1 - icc) / icc
        return rng.binomial(size.astype(int), rng.beta(share * spread, (1 - share) * spread, (draws, len(size)))) * 1.0
    # Each unit copies its cluster's common value with probability sqrt(icc), else draws its own.
    common = rng.random((draws, len(size))) < share
    copied = rng.binomial(size.astype(int), icc**0.5, (draws, len(size)))
    return common * copied + rng.binomial(size.astype(int) - copied, share) * 1.0


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("n", [20, 46, 200])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_the_picked_rate_interval_covers_in_every_cell(design, n, share):
    rng = np.random.default_rng(n)
    size = sizes(n, DESIGNS[design])
    cells = [(0.0, "")] if design == "none" else [(icc, kind) for icc in (0.1, 0.3, 0.9) for kind in ("copy", "beta")]
    for icc, kind in cells:
        sums = clustered(rng, DRAWS, size, share, icc, kind)
        _, low, high, _, _ = limits(sums, size)
        assert ((low <= share) & (share <= high)).mean() >= 0.93, (icc, kind)
        assert (high > low).all()


@pytest.mark.parametrize(("n", "per"), [(1000, 50), (450, 20), (600, 30), (2000, 100), (2500, 50)])
def test_the_rate_interval_covers_with_large_clusters(n, per):
    """Every large cluster holds some of a rare outcome, whether or not what varies between clusters was drawn."""
    size = sizes(n, (per,))
    for share in (0.02, 0.05, 0.1, 0.3, 0.9):
        for icc, kind in ((i, k) for i in (0.05, 0.3, 0.6) for k in ("copy", "beta")):
            sums = clustered(np.random.default_rng(1), 1500, size, share, icc, kind)
            _, low, high, _, _ = limits(sums, size)
            assert ((low <= share) & (share <= high)).mean() >= 0.93, (share, icc, kind)


def test_many_small_clusters_keep_their_estimated_width():
    """984 answers in 976 groups, three in four safe, are worth nearly 984; the worst case is no more than 976."""
    rng = np.random.default_rng(7)
    found = rate(rng.random(984) < 0.75, np.minimum(np.arange(984), 975))
    assert found.n_effective > 960
    grouped = rate(rng.random(984) < 0.75, np.arange(984) // 4)
    assert grouped.n_effective > 600


def test_the_simulation_runs_what_rate_runs():
    rng = np.random.default_rng(4)
    for _ in range(50):
        clusters = rng.integers(0, 12, 60)
        values = (rng.random(60) < rng.choice([0.02, 0.3, 0.98])).astype(float)
        one = rate(values, clusters)
        sums, size = totals(values, np.unique(clusters, return_inverse=True)[1])
        _, low, high, n, _ = limits(sums[None], size)
        assert (one.low, one.high, one.n_effective) == pytest.approx((low[0], high[0], n[0]))


def test_the_simulation_would_catch_an_interval_that_ignores_clusters():
    """Plain Wilson on n, and an estimated design effect trusted on few events, both fail where the rule holds."""
    rng, size, share = np.random.default_rng(0), sizes(200, (10,)), 0.1
    sums = clustered(rng, DRAWS, size, share, 0.5, "copy")
    naive = wilson(sums.sum(-1) / 200, np.full(DRAWS, 200.0))
    trusting = limits(sums, size, informative=np.full(DRAWS, 99))
    picked = limits(sums, size)
    assert ((naive[0] <= share) & (share <= naive[1])).mean() < 0.8
    assert ((trusting[1] <= share) & (share <= trusting[2])).mean() < 0.93
    assert ((picked[1] <= share) & (share <= picked[2])).mean() >= 0.93


@pytest.mark.parametrize("n", [10, 20, 46, 100, 200, 1000])
def test_exact_coverage_over_all_rates(n):
    """No simulation: binomial probabilities on a grid of 999 rates."""
    k = np.arange(n + 1.0)
    low, high = np.array([(i.low, i.high) for i in (rate(np.arange(n) < x) for x in k)]).T
    share = np.linspace(0.001, 0.999, 999)
    log_choose = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    chance = np.exp(log_choose[:, None] + np.outer(k, np.log(share)) + np.outer(n - k, np.log1p(-share)))
    covered = (chance * ((low[:, None] <= share) & (share <= high[:, None]))).sum(0)
    assert covered.min() >= 0.925
    assert (covered >= 0.93).mean() > 0.995


@pytest.mark.parametrize("shares", [(0.5,) * 5, (0.02,) * 5, (0.98,) * 5, (0.1, 0.3, 0.5, 0.9, 0.98)])
@pytest.mark.parametrize("pattern", [(1,), (4, 5)])
def test_the_macro_interval_covers(shares, pattern):
    """Five dimensions of the sizes of FLAMES."""
    rng, draws = np.random.default_rng(11), 800
    parts = []
    for n, share in zip((249, 429, 201, 46, 75), shares, strict=True):
        size = sizes(n, pattern)
        p, low, high, effective, _ = limits(clustered(rng, draws, size, share, 0.5, "copy"), size)
        rows = zip(p.tolist(), low.tolist(), high.tolist(), effective.tolist(), strict=True)
        parts.append([Interval(v, lo, hi, 0.95, "wilson", e) for v, lo, hi, e in rows])
    found = [macro(each) for each in zip(*parts, strict=True)]
    truth = sum(shares) / 5
    assert np.mean([f.low <= truth <= f.high for f in found]) >= 0.93
    assert all(f.low < f.high for f in found)


def differences(rng, draws, size, chances, values, icc):
    """Cluster totals of differences and of their squares: units copy their cluster's with probability sqrt(icc)."""
    n, edges = int(size.sum()), np.cumsum(chances)[:-1]
    values = np.array(values, dtype=float)
    common = values[np.searchsorted(edges, rng.random((draws, len(size))))]
    own = values[np.searchsorted(edges, rng.random((draws, n)))]
    index = np.repeat(np.arange(len(size)), size.astype(int))
    d = np.where(rng.random((draws, n)) < icc**0.5, common[:, index], own)
    first = np.r_[0, np.cumsum(size.astype(int))[:-1]]
    return np.add.reduceat(d, first, axis=1), np.add.reduceat(d * d, first, axis=1)


BINARY = [(0.01, 0.01), (0.02, 0.0), (0.1, 0.02), (0.3, 0.1), (0.25, 0.25), (0.9, 0.0)]


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("n", [20, 46, 200])
def test_the_paired_interval_covers(design, n):
    rng, size = np.random.default_rng(n + 1), sizes(n, DESIGNS[design])
    for up, down in BINARY:
        for icc in (0.0,) if design == "none" else (0.2, 0.8):
            sums, squares = differences(rng, 2000, size, (up, down, 1 - up - down), (1, -1, 0), icc)
            _, low, high, _ = paired_stats.limits(sums, squares, size)
            truth = up - down
            assert ((low <= truth + 1e-12) & (truth - 1e-12 <= high)).mean() >= 0.93, (up, down, icc)
            assert (high > low).all()


@pytest.mark.parametrize(("n", "per"), [(1000, 50), (450, 20)])
def test_the_paired_interval_covers_with_large_clusters(n, per):
    rng, size = np.random.default_rng(2), sizes(n, (per,))
    for up, down in ((0.05, 0.0), (0.1, 0.02), (0.3, 0.1), (0.9, 0.0)):
        for icc in (0.1, 0.3, 0.6):
            sums, squares = differences(rng, 1000, size, (up, down, 1 - up - down), (1, -1, 0), icc)
            _, low, high, _ = paired_stats.limits(sums, squares, size)
            assert ((low <= up - down) & (up - down <= high)).mean() >= 0.93, (up, down, icc)


@pytest.mark.parametrize("per_cluster", [1, 4])
def test_the_bootstrap_covers_where_it_is_picked(per_cluster):
    """Scores in three steps (as FLAMES), most of 120 clusters differing."""
    chances, values = (0.2, 0.15, 0.15, 0.1, 0.4), (1, 0.5, -0.5, -1, 0)
    size, truth = np.full(120, float(per_cluster)), float(np.dot(chances, values))
    sums, _ = differences(np.random.default_rng(2), 800, size, chances, values, 0.25)
    means = (bootstrap_means(*types(s, size), draws=1000, seed=i) for i, s in enumerate(sums))
    limits = np.array([np.quantile(m, [0.025, 0.975]) for m in means])
    assert ((limits[:, 0] <= truth) & (truth <= limits[:, 1])).mean() >= 0.93
    each = np.repeat(sums[0] / per_cluster, per_cluster)
    assert paired(0.5 + each / 2, 0.5 - each / 2, np.arange(len(each)) // per_cluster).method.startswith("bootstrap")


def test_the_paired_macro_interval_covers_and_its_test_holds_its_level():
    rng, n = np.random.default_rng(6), (249, 429, 201, 46, 75)
    strata = np.repeat(np.arange(5), n)
    held, false = 0, 0
    for _ in range(300):
        a = rng.random(1000) < 0.6
        b = np.where(rng.random(1000) < 0.7, a, rng.random(1000) < 0.6)
        found = paired(a, b, strata=strata)
        held += found.low <= 0 <= found.high
        false += found.separated
    assert held / 300 >= 0.93
    assert false / 300 <= 0.07


def test_the_sign_flip_test_holds_its_level_under_clusters():
    rng, size = np.random.default_rng(8), sizes(90, (4, 5))
    sums, _ = differences(rng, 500, size, (0.15, 0.15, 0.7), (1, -1, 0), 0.6)
    assert np.mean([sign_flip(s)[0] < 0.05 for s in sums]) <= 0.065


@pytest.mark.parametrize("kappa", [0.0, 0.6, 0.9, 0.98, 1.0])
@pytest.mark.parametrize("margin", [(0.5, 0.5), (0.95, 0.05), (0.6, 0.3, 0.1)])
@pytest.mark.parametrize("n", [20, 200])
def test_kappa_intervals_cover(kappa, margin, n):
    rng, k = np.random.default_rng(3), len(margin)
    cells = kappa * np.diag(margin) + (1 - kappa) * np.outer(margin, margin)
    for coefficient in (cohen_kappa, fleiss_kappa):
        found = []
        for counts in rng.multinomial(n, cells.ravel(), 250):
            pairs = np.repeat(np.arange(k * k), counts)
            found.append(coefficient(np.stack([pairs // k, pairs % k], axis=1)))
        found = [f for f in found if f.value is not None]
        assert np.mean([f.low - 1e-9 <= kappa <= f.high + 1e-9 for f in found]) >= 0.93
        assert all(f.low < f.high for f in found)


def test_kappa_intervals_cover_with_repeated_units():
    rng, kappa = np.random.default_rng(5), 0.6
    cells = kappa * np.diag([0.6, 0.4]) + (1 - kappa) * np.outer([0.6, 0.4], [0.6, 0.4])
    held = 0
    for _ in range(500):
        pairs = np.repeat(rng.choice(4, 40, p=cells.ravel()), 4)
        found = cohen_kappa(np.stack([pairs // 2, pairs % 2], axis=1), np.repeat(np.arange(40), 4))
        held += found.low <= kappa <= found.high
    assert held / 500 >= 0.93


@pytest.mark.parametrize("kappa", [0.8, 0.9])
def test_kappa_intervals_cover_with_large_clusters(kappa):
    """20 clusters of 50 of which every unit copies its cluster's with probability sqrt(0.3)."""
    rng, margin = np.random.default_rng(0), [0.6, 0.4]
    cells = (kappa * np.diag(margin) + (1 - kappa) * np.outer(margin, margin)).ravel()
    held, groups = 0, np.repeat(np.arange(20), 50)
    for _ in range(200):
        common, own = rng.choice(4, 20, p=cells)[groups], rng.choice(4, 1000, p=cells)
        pairs = np.where(rng.random(1000) < 0.3**0.5, common, own)
        found = cohen_kappa(np.stack([pairs // 2, pairs % 2], axis=1), groups)
        held += found.low <= kappa <= found.high
    assert held / 200 >= 0.93


@pytest.mark.parametrize(("n", "m"), [(20, 20), (100, 100), (20, 300)])
def test_the_difference_of_two_rates_covers(n, m):
    """No simulation: the binomial probabilities of every pair of outcomes."""
    ours, theirs = ([rate(np.arange(size) < k) for k in range(size + 1)] for size in (n, m))
    v, low, high = np.array([[difference(a, b) for b in theirs] for a in ours]).transpose(2, 0, 1)
    assert ((low <= v) & (v <= high) & (low >= -1) & (high <= 1) & (low < high)).all()
    for p in (0.01, 0.1, 0.5, 0.98):
        for q in (0.01, 0.5, 0.9, 0.99):
            chance = np.outer(*(_binomial(size, share) for size, share in ((n, p), (m, q))))
            assert (chance * ((low <= p - q) & (p - q <= high))).sum() >= 0.93, (p, q)


def _binomial(n, share):
    k = np.arange(n + 1.0)
    log_choose = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return np.exp(log_choose + k * np.log(share) + (n - k) * np.log1p(-share))


@pytest.mark.parametrize("shares", [(0.98, 0.5, 0.3), (0.02, 0.02, 0.02), (0.99, 0.9, 0.1)])
@pytest.mark.parametrize("n", [20, 100])
def test_the_mean_over_attacks_on_the_same_prompts_covers(n, shares):
    """Prompts are hard or easy under every attack alike."""
    rng, truth, covered = np.random.default_rng(n), np.mean(shares), []
    for _ in range(250):
        luck = np.where(rng.random((n, 3)) < 0.7, rng.random((n, 1)), rng.random((n, 3)))
        found = macro([rate(luck[:, i] < share) for i, share in enumerate(shares)], independent=False)
        covered.append(found.low <= truth <= found.high)
    assert np.mean(covered) >= 0.93
