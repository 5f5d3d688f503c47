"""Pairing two runs: what is paired, what is dropped and counted, what may be called separated."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honne.metrics._compare import compare, compare_all
from honne.plugins import Measure, Unit
from honne.stats.paired import mcnemar
from honne.stats.power import detectable_paired


@dataclass(frozen=True)
class Measured:
    measure: Measure
    judge: str | None = "j"
    benchmark: str = "b"
    version: str = "1"
    attack: str | None = None


def side(values, metric="m", category=lambda i: "", first=0, judge="j", **more):
    found = [Unit(f"u{i + first}", f"u{i + first}", category(i + first), v) for i, v in enumerate(values)]
    place = {k: more.pop(k) for k in ("version", "attack", "benchmark") if k in more}
    return Measured(Measure(metric, found, **more), judge, **place)


def test_a_difference_is_a_minus_b_over_the_pairs():
    (found,) = compare([side([1] * 70 + [0] * 30, better="higher")], [side([1] * 50 + [0] * 50)])
    assert (found.a, found.b, found.difference) == (pytest.approx(0.7), pytest.approx(0.5), pytest.approx(0.2))
    assert found.low < 0.2 < found.high
    assert found.p == found.p_adjusted == pytest.approx(mcnemar(20, 0))
    assert found.separated
    assert (found.n, found.n_missing, found.n_unpaired, found.slice, found.unit) == (100, 0, 0, "all", "proportion")
    assert (found.judge_a, found.judge_b, found.better) == ("j", "j", "higher")


def test_equal_runs_are_not_separated_and_say_what_they_could_have_shown():
    (found,) = compare([side([1, 0] * 50)], [side([1, 0] * 50)])
    assert (found.difference, found.separated, found.p) == (0, False, 1)
    assert found.low < 0 < found.high
    assert 0.03 < found.detectable < 0.1


def test_missing_and_unpaired_units_are_dropped_and_counted():
    a = side([1, 1, None, 0, 1])
    b = side([1, None, None, 0, 1, 1], first=1)
    (found,) = compare([a], [b])
    assert (found.n, found.n_missing, found.n_unpaired) == (2, 2, 3)
    (same,) = compare([a], [a], unpairable={"u0"})
    assert (same.n, same.n_missing, same.n_unpaired) == (3, 1, 1)


def test_nothing_in_common_gives_no_number():
    (found,) = compare([side([1, 1])], [side([1, 1], first=5)])
    assert (found.difference, found.p, found.p_adjusted, found.method, found.n_unpaired) == (
        None,
        None,
        None,
        "none",
        4,
    )
    assert not found.separated


@pytest.mark.parametrize("other", [{"version": "import"}, {"attack": "x"}, {"benchmark": "c"}, {"metric": "k"}])
def test_only_equal_things_are_paired(other):
    assert compare([side([1, 0])], [side([1, 0], **other)]) == []


def test_judges_pair_by_key_then_the_one_left_over():
    two = [side([1, 0], judge="x"), side([1, 0], judge="y")]
    assert [(r.judge_a, r.judge_b) for r in compare(two, two[::-1])] == [("x", "x"), ("y", "y")]
    other = [side([1, 0], judge="labels")]
    assert [(r.judge_a, r.judge_b) for r in compare(two[:1], other)] == [("x", "labels")]
    assert compare(two, other) == []


def test_what_says_nothing_about_the_models_is_left_out():
    assert compare([side([1], judge="", reference="labels")], [side([1], judge="", reference="labels")]) == []
    measure = Measure("style", [Unit("u", "u", "", 1.0)], judge="")
    assert compare([Measured(measure)], [Measured(measure)]) == []


def test_what_a_judge_of_its_own_read_is_compared_once():
    def run(judge):
        choice = Measured(Measure("choice_rate", side([1, 0]).measure.units, judge="choice@1"), "choice@1")
        return [side([1, 0], judge=judge), side([1, 0], judge="other"), choice]

    rows = compare(run("x"), run("y"))
    assert [(r.metric, r.judge_a, r.judge_b) for r in rows] == [
        ("m", "other", "other"),
        ("m", "x", "y"),
        ("choice_rate", "choice@1", "choice@1"),
    ]


def test_a_headline_that_either_run_hardly_judged_is_withheld_and_never_separated():
    good, bad = [1] * 100, [0] * 88 + [None] * 12
    for a, b in ((good, bad), (bad, good)):
        (found,) = compare([side(a, headline=True)], [side(b, headline=True)])
        assert found.p_adjusted < 0.001
        assert (found.withheld, found.separated, found.n_missing) == (True, False, 12)
    (plain,) = compare([side(good)], [side(bad)])
    assert (plain.withheld, plain.separated) == (False, True)
    (enough,) = compare([side(good, headline=True)], [side([0] * 90 + [None] * 10, headline=True)])
    assert (enough.withheld, enough.separated) == (False, True)
    # What is not in both runs was never to be paired.
    (apart,) = compare([side(good, headline=True)], [side([0] * 88, headline=True)])
    assert (apart.withheld, apart.separated, apart.n_unpaired) == (False, True, 12)
    (reworded,) = compare(
        [side(good, headline=True)], [side(bad, headline=True)], unpairable={f"u{i}" for i in range(88, 100)}
    )
    assert (reworded.withheld, reworded.n, reworded.n_missing) == (False, 88, 0)


def test_a_macro_headline_is_withheld_for_its_least_judged_dimension():
    where, more = (lambda i: "S" if i < 380 else "L"), {"overall": "macro", "headline": True}
    a, b = side([1] * 400, category=where, **more), side([0] * 397 + [None] * 3, category=where, **more)
    whole, *parts = compare([a], [b])
    assert (whole.withheld, whole.separated, whole.n_missing) == (True, False, 3)
    assert all(r.separated and not r.withheld for r in parts)


def test_expected_dimensions_and_units_of_none():
    where, more = (lambda i: ("S", "L", "")[i % 3]), {"overall": "macro", "headline": True}
    a, b = ([side([x] * 60, category=where, parts=("S", "L"), **more)] for x in (1, 0))
    whole, *_ = compare(a, b)
    assert (whole.difference, whole.n, whole.n_missing, whole.withheld) == (1, 40, 20, True)
    a, b = ([side([x] * 60, category=where, parts=("S", "L", "D"), **more)] for x in (1, 0))
    whole, *_ = compare(a, b)
    assert (whole.difference, whole.p, whole.method) == (None, None, "none")


def test_a_label_that_one_run_never_got_has_a_share_of_0_there():
    def run(labels, judge="labels"):
        return [
            side([None if x is None else float(x == name) for x in labels], f"label_share:{name}", judge=judge)
            for name in sorted({x for x in labels if x})
        ]

    kind, mixed = run(["kind"] * 39 + [None]), run(["kind"] * 20 + ["rude"] * 20)
    for judge in ("labels", "people"):
        rows = {r.metric: r for r in compare(kind, run(["kind"] * 20 + ["rude"] * 20, judge))}
        assert set(rows) == {"label_share:kind", "label_share:rude"}
        rude = rows["label_share:rude"]
        assert (rude.a, rude.b, rude.n, rude.n_missing) == (0, pytest.approx(19 / 39), 39, 1)
        assert rude.separated
    back = {r.metric: r for r in compare(mixed, kind)}["label_share:rude"]
    assert (back.a, back.b) == (pytest.approx(19 / 39), 0)
    # Labels of another judge's scale are not this judge's.
    two = [*run(["kind"] * 5, "x"), *run(["good"] * 5, "y")]
    assert {(r.metric, r.judge_a) for r in compare(two, two)} == {("label_share:kind", "x"), ("label_share:good", "y")}
    assert compare(kind, [side([1] * 40, "safe_rate", judge="labels")]) == []


def test_what_it_could_have_shown_is_true_beside_a_corrected_verdict():
    """Eight metrics; in one of them the truth differs by what is said to be detectable."""
    n, q = 400, 0.2
    d = detectable_paired(n, q, level=1 - 0.05 / 8)
    rng = random.Random(5)
    null = [[side([1] * n, f"null{i}")] for i in range(7)]
    found = []
    for _ in range(250):
        drawn = [rng.random() for _ in range(n)]
        a = side([float(u < (q + d) / 2) for u in drawn])
        b = side([float((q + d) / 2 <= u < q) for u in drawn])
        rest = [m for each in null for m in each]
        found.append(next(r for r in compare([a, *rest], [b, *rest]) if r.metric == "m"))
    assert sum(r.detectable for r in found) / len(found) == pytest.approx(d, abs=0.005)
    assert sum(r.separated for r in found) / len(found) == pytest.approx(0.8, abs=0.06)


def test_all_pairs_of_runs_shown_together_are_one_family():
    """Eight runs that are alike: a letter display may name any pair apart in one of twenty, and not in half."""
    rng, some = random.Random(1), 0
    for _ in range(60):
        runs = [[side([float(rng.random() < 0.5) for _ in range(60)])] for _ in range(8)]
        some += any(row.separated for rows in compare_all(runs, {}).values() for row in rows)
    assert some <= 7


def test_pairs_of_runs_are_compared_as_two_runs_are():
    runs = [[side([1] * up + [0] * (40 - up), category=lambda i: "AB"[i % 2])] for up in (40, 20, 19)]
    found = compare_all(runs, {(0, 1): {"u0"}})
    assert list(found) == [(0, 1), (0, 2), (1, 2)]
    assert compare_all(runs[:2], {(0, 1): {"u0"}})[0, 1] == compare(runs[0], runs[1], unpairable={"u0"})
    assert [r.n_unpaired for r in found[0, 1]] == [1, 1, 0]
    assert all(r.p_adjusted == pytest.approx(min(1, 3 * r.p)) for r in found[0, 2] if r.slice == "all")
    assert compare_all(runs[:1], {}) == {}


def test_two_families_are_corrected_apart():
    """Four metrics; two categories each. p = 0.0078 (7 against 0) survives times 4 but not times 8."""

    def run(up):
        return [side([1] * up + [0] * (20 - up), m, lambda i: "AB"[i >= 10]) for m in "wxyz"]

    rows = compare(run(8), run(1))
    whole, parts = [r for r in rows if r.slice == "all"], [r for r in rows if r.slice != "all"]
    assert (len(whole), len(parts)) == (4, 8)
    p = mcnemar(7, 0)
    assert all(r.p_adjusted == pytest.approx(4 * p) and r.separated for r in whole)
    assert sorted(r.p_adjusted for r in parts)[:4] == pytest.approx([8 * p] * 4)
    assert not any(r.separated for r in parts)


def test_macro_differences_weigh_dimensions_alike():
    where = lambda i: "S" if i < 90 else "L"  # noqa: E731
    a, b = [1] * 100, [1] * 90 + [0] * 10
    whole, *parts = compare([side(a, category=where, overall="macro")], [side(b, category=where, overall="macro")])
    assert (whole.a, whole.b, whole.difference) == (1, 0.5, 0.5)
    assert {r.slice: r.difference for r in parts} == {"L": 1.0, "S": 0.0}
    assert whole.method.startswith("macro mover")
    none = [1] * 90 + [None] * 10
    whole, *_ = compare([side(a, category=where, overall="macro")], [side(none, category=where, overall="macro")])
    assert (whole.difference, whole.method, whole.n_missing) == (None, "none", 10)


def test_scores_are_compared_on_their_own_scale():
    a, b = side([1.0] * 60, floor=1 / 3, unit="score"), side([1 / 3] * 30 + [1.0] * 30, floor=1 / 3, unit="score")
    (found,) = compare([a], [b])
    assert (found.a, found.b, found.difference) == (pytest.approx(1), pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert found.low < 1 / 3 < found.high


def test_the_interval_and_the_groups():
    values = [1] * 60 + [0] * 40
    grouped = [Unit(f"u{i}", f"g{i // 10}", "", v) for i, v in enumerate(values)]
    changed = [Unit(u.id, u.group, "", 0.0 if i < 12 else u.value) for i, u in enumerate(grouped)]
    (found,) = compare([Measured(Measure("m", grouped))], [Measured(Measure("m", changed))])
    (alone,) = compare([side(values)], [side([0] * 12 + values[12:])])
    assert alone.separated
    assert not found.separated
    assert "clustered" in found.method


cells = st.lists(
    st.tuples(st.sampled_from([None, 0, 1]), st.sampled_from([None, 0, 1]), st.sampled_from("AB")), max_size=40
)


@settings(max_examples=80, deadline=None)
@given(cells, st.sampled_from(["mean", "macro", "none"]))
def test_swapping_the_runs_swaps_the_sign(rows, overall):
    def run(which):
        return [side([r[which] for r in rows], category=lambda i: rows[i][2], overall=overall)]

    there, back = compare(run(0), run(1)), compare(run(1), run(0))
    assert [r.slice for r in there] == [r.slice for r in back]
    for x, y in zip(there, back, strict=True):
        assert (x.p, x.n, x.n_missing, x.separated) == (y.p, y.n, y.n_missing, y.separated)
        if x.difference is not None:
            assert (x.difference, x.low, x.high) == pytest.approx((-y.difference, -y.high, -y.low))
            assert x.low < x.high
            assert x.low - 1e-12 <= x.difference <= x.high + 1e-12
            assert 0 < x.detectable <= 1


def test_one_dimension_of_several_is_compared_though_their_mean_is_missing():
    a, b = (
        side([x] * 40, category=lambda i: "Safety/harm", overall="macro", parts=("Fairness", "Safety")) for x in (1, 0)
    )
    whole, one = compare([a], [b])
    assert (whole.slice, whole.difference) == ("all", None) and (one.slice, one.difference) == ("Safety", 1)
