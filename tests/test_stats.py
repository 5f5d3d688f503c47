"""Published numbers, and properties that must hold for any data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honne.stats.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha, raw_agreement
from honne.stats.intervals import clopper_pearson, macro, rate, wilson
from honne.stats.multiple import holm
from honne.stats.paired import adjusted_wald, mcnemar, paired, sign_flip
from honne.stats.power import (
    detectable_paired,
    detectable_unpaired,
    n_paired,
    n_unpaired,
    power_paired,
    power_unpaired,
)

# ------------------------------------------------------------------ intervals


@pytest.mark.parametrize(
    ("k", "n", "score", "exact"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, table I: methods 3 (score) and 5 (Clopper-Pearson).
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1611), (0.0, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_published_limits(k, n, score, exact):
    assert np.round(wilson(k / n, n), 4) == pytest.approx(score)
    assert np.round(clopper_pearson(k / n, n), 4) == pytest.approx(exact)


@pytest.mark.parametrize("n", [1, 2, 20, 46, 984])
@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("per_cluster", [1, 2, 50])
def test_none_or_all_of_n_never_has_zero_width(n, value, per_cluster):
    found = rate([value] * n, np.arange(n) // per_cluster)
    assert found.value == value
    assert found.high - found.low > 0.003
    clusters = -(-n // per_cluster)
    assert found.n_effective == pytest.approx(n if per_cluster == 1 or n == 1 else clusters, rel=0.1)


def test_zero_of_n_in_clusters_is_worth_the_clusters():
    alone, together = rate([0] * 200), rate([0] * 200, np.arange(200) // 4)
    assert together.high == pytest.approx(rate([0] * 50).high)
    assert together.high > 3 * alone.high
    assert (alone.method, together.method) == ("clopper-pearson", "clopper-pearson, clustered")


def test_clusters_that_are_alike_widen_and_clusters_that_are_not_never_narrow():
    values = np.arange(400) % 2
    plain = rate(values)
    alike = rate(np.sort(values), np.arange(400) // 4)
    balanced = rate(values, np.arange(400) // 4)
    assert alike.n_effective == pytest.approx(100, rel=0.05)
    assert alike.high - alike.low > 1.8 * (plain.high - plain.low)
    assert balanced.n_effective <= 400
    assert plain.n_effective == 400
    assert (plain.method, alike.method) == ("wilson", "wilson, clustered")


def test_no_values_give_no_interval():
    assert rate([]).value is rate([]).low is rate([]).high is None
    assert rate([]).method == "none"


@pytest.mark.parametrize("bad", [[1.5], [-0.1], [float("nan")]])
def test_values_outside_the_unit_interval_are_refused(bad):
    with pytest.raises(ValueError, match="0, 1"):
        rate(bad)


def test_cluster_labels_must_match_the_values():
    with pytest.raises(ValueError, match="clusters"):
        rate([1, 0], [1])


scores = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 9)), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(scores, st.randoms(use_true_random=False))
def test_a_rate_lies_inside_its_interval_whatever_the_order(rows, random):
    values, clusters = zip(*rows, strict=True)
    found = rate(values, clusters)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high
    assert 0 < found.n_effective <= len(rows)
    random.shuffle(rows)
    again = rate(*zip(*rows, strict=True))
    assert (again.low, again.value, again.high) == pytest.approx((found.low, found.value, found.high))
    narrow = rate(values, clusters, level=0.8)
    assert found.low <= narrow.low + 1e-9
    assert narrow.high <= found.high + 1e-9


def test_macro_of_zeros_keeps_a_width_and_a_missing_part_is_not_dropped():
    zero = rate([0] * 46)
    found = macro([zero] * 5)
    assert (found.value, found.low) == (0, 0)
    # Five independent parts: in quadrature, the half-width of one over the root of five.
    assert found.high == pytest.approx(zero.high / 5**0.5)
    assert macro([zero] * 5, independent=False).high == pytest.approx(zero.high)
    assert macro([zero, rate([])]).value is None
    assert macro([zero, rate([0, 1] * 40)]).method == "macro mover wilson/clopper-pearson"
    assert macro([]).value is None


# --------------------------------------------------------------------- paired


def test_mcnemar_published():
    """Fagerland, Lydersen & Laake 2013, table 1 (1 against 7 of 21): mid-p 0.039; exact 0.0703."""
    assert mcnemar(1, 7) == pytest.approx(0.0391, abs=5e-4)
    assert mcnemar(7, 1) == mcnemar(1, 7)
    assert mcnemar(0, 0) == mcnemar(4, 4) == 1


def test_no_difference_in_any_pair_is_not_certainty():
    found = paired([1] * 50, [1] * 50)
    assert (found.value, found.p, found.separated) == (0, 1, False)
    assert found.high == -found.low == pytest.approx(1.959964 * 2**0.5 / 52)


def test_paired_uses_the_pairing():
    a = np.array([1] * 60 + [0] * 40)
    b = a.copy()
    b[:12] = 0
    found = paired(a, b)
    assert found.value == pytest.approx(0.12)
    assert found.separated
    assert 0 < found.low < 0.12 < found.high
    assert found.p == pytest.approx(mcnemar(12, 0))
    assert found.method == "adjusted wald; mcnemar mid-p"
    back = paired(b, a)
    assert (back.value, back.low, back.high, back.p) == pytest.approx((-0.12, -found.high, -found.low, found.p))


def test_pairs_of_one_cluster_are_not_independent_evidence():
    a = np.array([1] * 60 + [0] * 40)
    b = a.copy()
    b[:12] = 0
    together = paired(a, b, np.r_[np.zeros(12, int), np.arange(1, 89)])
    alone = paired(a, b)
    assert alone.separated
    assert not together.separated
    assert together.high - together.low > 1.5 * (alone.high - alone.low)
    assert together.method.startswith("adjusted wald, clustered")


def test_sign_flip_is_mcnemar_where_all_totals_have_one_size():
    assert sign_flip([2, 2, -2, 2, 0, 2]) == (mcnemar(4, 1), "mcnemar mid-p")
    p, method = sign_flip([1] * 9 + [2])
    # Exact by hand: all ten signs alike, either way, half of it for mid-p.
    assert p == pytest.approx(2**-10, abs=4e-4)
    assert method.startswith("sign-flip")


def test_adjusted_wald_by_hand():
    """Bonett & Price 2012: p12 = (b + 1)/(n + 2) = 7/38, p21 = (c + 1)/(n + 2) = 3/38 for b = 6, c = 2, n = 36."""
    low, high = adjusted_wald(4 / 36, 8 / 36, 36)
    p12, p21 = 7 / 38, 3 / 38
    half = 1.959964 * ((p12 + p21 - (p12 - p21) ** 2) / 38) ** 0.5
    assert (float(low), float(high)) == pytest.approx((p12 - p21 - half, p12 - p21 + half))


def test_paired_macro_weighs_the_strata_alike():
    strata = np.repeat([0, 1], [100, 10])
    a, b = np.r_[np.ones(100), np.ones(10)], np.r_[np.ones(100), np.zeros(10)]
    found = paired(a, b, strata=strata)
    assert found.value == pytest.approx(0.5)
    assert found.low < 0.5 <= found.high
    assert found.separated
    assert found.method.startswith("macro mover adjusted wald")


def test_paired_nothing():
    found = paired([], [])
    assert (found.value, found.p, found.method, found.separated) == (None, None, "none", False)


pairs = st.lists(
    st.tuples(st.sampled_from([0, 0.5, 1]), st.sampled_from([0, 0.5, 1]), st.integers(0, 9), st.integers(0, 2)),
    min_size=1,
    max_size=80,
)


@settings(max_examples=100, deadline=None)
@given(pairs, st.booleans())
def test_a_difference_lies_inside_its_interval(rows, stratified):
    a, b, clusters, strata = zip(*rows, strict=True)
    found = paired(a, b, clusters, strata=strata if stratified else None)
    assert -1 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1
    assert found.low < found.high
    assert 0 < found.p <= 1
    assert paired(a, b, clusters, strata=strata if stratified else None) == found


# ---------------------------------------------------------- many comparisons


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.04, None, 0.6]) == pytest.approx([0.08, None, 0.6])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_never_lowers_a_p_and_keeps_their_order(p):
    adjusted = holm(p)
    assert all(q >= x and q <= 1 for x, q in zip(p, adjusted, strict=True))
    ranked = [q for _, q in sorted(zip(p, adjusted, strict=True))]
    assert ranked == sorted(ranked)


# ---------------------------------------------------------------------- power


def test_sample_sizes_by_hand():
    # (1.95996 √(2·0.2·0.8) + 0.84162 √(0.1·0.9 + 0.3·0.7))² / 0.2² = 61.6
    assert n_unpaired(0.1, 0.3) == 62
    # (1.95996 √0.4 + 0.84162 √(0.4 − 0.2²))² / 0.2² = 76.1
    assert n_paired(0.2, 0.4) == 77


@pytest.mark.parametrize(("n", "up", "down"), [(77, 0.3, 0.1), (300, 0.1, 0.04)])
def test_power_is_what_the_test_does(n, up, down):
    rng = np.random.default_rng(1)
    found = rng.multinomial(n, [up, down, 1 - up - down], 3000)
    shown = np.mean([mcnemar(int(x), int(y)) < 0.05 for x, y, _ in found])
    assert shown == pytest.approx(power_paired(n, up - down, up + down), abs=0.04)


def test_n_power_and_detectable_are_one_formula():
    assert power_paired(n_paired(0.1, 0.2), 0.1, 0.2) == pytest.approx(0.8, abs=0.01)
    assert detectable_paired(n_paired(0.1, 0.2), 0.2) == pytest.approx(0.1, abs=0.001)
    assert power_unpaired(n_unpaired(0.6, 0.7), 0.6, 0.7) == pytest.approx(0.8, abs=0.01)
    assert detectable_unpaired(n_unpaired(0.6, 0.7), 0.7) == pytest.approx(0.1, abs=0.001)


def test_a_difference_cannot_exceed_the_discordance():
    with pytest.raises(ValueError, match="discordance"):
        n_paired(0.3, 0.2)
    # 10 pairs that hardly differ: only a change of many pairs, all one way, would have shown.
    small = detectable_paired(10, 0.05)
    assert 0.3 < small < 0.7
    assert detectable_paired(1, 0.05) == 1.0


# ------------------------------------------------------------------ agreement

# Krippendorff 2011, Computing Krippendorff's alpha-reliability, section C: 12 units, 4 observers, categories 1 to 5.
CANONICAL = (
    """1 1 . 1; 2 2 3 2; 3 3 3 3; 3 3 3 3; 2 2 2 2; 1 2 3 4; 4 4 4 4; 1 1 2 1; 2 2 2 2; . 5 5 5; . . 1 1; . . 3 ."""
)
# Fleiss' (1971) design: 10 units, 14 raters, 5 categories (counts).
FLEISS = (
    """0 0 0 0 14; 0 2 6 4 2; 0 0 3 5 6; 0 3 9 2 0; 2 2 8 1 1; 7 7 0 0 0; 3 2 6 3 0; 2 5 3 2 2; 6 5 2 1 0; 0 2 2 3 7"""
)


def test_krippendorff_published():
    table = [[-1 if c == "." else int(c) - 1 for c in unit.split()] for unit in CANONICAL.split(";")]
    assert krippendorff_alpha(table).value == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha(table, ordinal=True).value == pytest.approx(0.815, abs=5e-4)
    assert krippendorff_alpha(table).n == 11


def test_fleiss_published():
    table = [np.repeat(np.arange(5), [int(c) for c in unit.split()]) for unit in FLEISS.split(";")]
    assert fleiss_kappa(table).value == pytest.approx(0.210, abs=5e-4)


def test_cohen_published():
    """20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: 0.4."""
    table = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [20, 5, 10, 15], axis=0)
    found = cohen_kappa(table)
    assert found.value == pytest.approx(0.4)
    # Fleiss, Cohen & Everitt 1969: standard error 0.127; the interval is about 1.96 of them each way.
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.127, rel=0.06)
    assert raw_agreement(table).value == pytest.approx(0.7)


@pytest.mark.parametrize("coefficient", [raw_agreement, cohen_kappa, fleiss_kappa, krippendorff_alpha])
def test_perfect_agreement_is_not_certainty(coefficient):
    table = np.repeat([[0, 0], [1, 1]], 25, axis=0)
    found, clustered = coefficient(table), coefficient(table, np.arange(50) // 5)
    assert found.value == found.high == 1
    assert 0.7 < found.low < 0.97
    assert clustered.low < found.low
    assert "clustered" in clustered.method


@pytest.mark.parametrize("coefficient", [cohen_kappa, fleiss_kappa, krippendorff_alpha])
def test_limits_hold_nothing_that_a_coefficient_cannot_be(coefficient):
    """One disagreement in 200, on a category that is all but never used: chance alone would disagree as little."""
    table = np.zeros((200, 2), dtype=int)
    table[0, 1] = 1
    found = coefficient(table)
    assert -1 <= found.low < found.value < found.high <= 1


@pytest.mark.parametrize("coefficient", [cohen_kappa, fleiss_kappa, krippendorff_alpha])
def test_one_category_only_leaves_the_coefficient_undefined(coefficient):
    assert coefficient([[1, 1]] * 9).value is None
    assert coefficient([[0, -1]] * 9).value is None
    assert coefficient(np.empty((0, 2))).method == "none"


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 2), st.integers(-1, 2), st.integers(0, 6)), min_size=1, max_size=50))
def test_coefficients_lie_inside_their_intervals(rows):
    table, clusters = np.array(rows)[:, :2], np.array(rows)[:, 2]
    for coefficient in (raw_agreement, cohen_kappa, fleiss_kappa, krippendorff_alpha):
        found = coefficient(table, clusters)
        if found.value is not None:
            assert found.low - 1e-9 <= found.value <= found.high + 1e-9 <= 1 + 2e-9
            assert found.low < found.high
