"""Pairing two runs: what is paired, what is dropped and counted, what may be called separated."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honne.metrics._compare import compare
from honne.plugins import Measure, Unit
from honne.stats.paired import mcnemar


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
