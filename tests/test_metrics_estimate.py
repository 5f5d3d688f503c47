"""From a measure to estimates: slices, macro, bounds, what is missing and what is withheld."""

from __future__ import annotations

import json
import random
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honne.plugins import Measure, Unit, View
from honne.records import BUCKETS, Estimate
from honne.stats.intervals import macro, rate
from metrics_parts import estimated, item, judgment, labelled, measured, row


def units(values, category=lambda i: "", group=None):
    return [Unit(f"u{i:05}", group(i) if group else f"u{i:05}", category(i), v) for i, v in enumerate(values)]


def test_missing_is_neither_safe_nor_unsafe():
    found = estimated(Measure("m", units([1, 1, 0, None, None]), better="higher"))["all"]
    assert (found.n, found.n_missing, found.value) == (5, 2, pytest.approx(2 / 3))
    assert (found.worst, found.best) == (pytest.approx(0.4), pytest.approx(0.8))
    lower = estimated(Measure("m", units([1, 1, 0, None, None]), better="lower"))["all"]
    assert (lower.worst, lower.best) == (pytest.approx(0.8), pytest.approx(0.4))


def test_a_headline_is_withheld_below_nine_in_ten_judged():
    def headline(missing, **more):
        measure = Measure("m", units([1] * (20 - missing) + [None] * missing), headline=True, **more)
        return estimated(measure)["all"]

    assert not headline(2).withheld
    assert headline(3).withheld
    assert headline(3).value == 1
    assert not estimated(Measure("m", units([1] * 17 + [None] * 3)))["all"].withheld


def test_only_slice_all_is_withheld():
    measure = Measure("m", units([1] * 15 + [None] * 5, lambda i: "AB"[i % 2]), headline=True)
    found = estimated(measure)
    assert [name for name, e in found.items() if e.withheld] == ["all"]


def test_nothing_judged_has_no_value_but_bounds():
    found = estimated(Measure("m", units([None] * 4), headline=True))["all"]
    assert (found.value, found.low, found.high, found.level, found.method) == (None, None, None, None, "none")
    assert (found.worst, found.best, found.withheld, found.n_missing) == (0, 1, True, 4)
    empty = estimated(Measure("m", [], headline=True))["all"]
    assert (empty.value, empty.worst, empty.best, empty.n, empty.withheld) == (None, None, None, 0, False)


def test_slices_are_the_category_paths_in_order():
    measure = Measure("m", units([1, 0, 1, 0], lambda i: ("B/y", "A/x", "B/x", "A%2Fx")[i]))
    assert list(estimated(measure)) == ["all", "A", "A%2Fx", "A/x", "B", "B/x", "B/y"]
    assert estimated(measure)["B"].n == 2
    assert list(estimated(msgspec_replace(measure, depths=(1,)))) == ["all", "A", "A%2Fx", "B"]


def msgspec_replace(measure, **more):
    return Measure(**{**{f: getattr(measure, f) for f in measure.__dataclass_fields__}, **more})


def test_one_category_that_is_everything_is_not_repeated():
    assert list(estimated(Measure("m", units([1, 0], lambda i: "A")))) == ["all"]
    # A part that is its whole dimension stays: it is one of twelve.
    measure = Measure("m", units([1, 0, 1], lambda i: ("L/law", "L/law", "S/x")[i]))
    assert list(estimated(measure)) == ["all", "L", "L/law", "S", "S/x"]


def test_without_an_overall_there_are_only_slices():
    measure = Measure("m", units([1, 0, 1], lambda i: "safe/x"), overall="none")
    assert list(estimated(measure)) == ["safe", "safe/x"]


def test_macro_is_the_plain_mean_over_dimensions():
    """FLAMES: 46 items of one dimension weigh as much as 429 of another."""
    values, where = [1.0] * 429 + [0.0] * 46, ["S"] * 429 + ["L"] * 46
    found = estimated(Measure("m", units(values, where.__getitem__), overall="macro"))
    assert found["all"].value == 0.5
    assert found["all"].method == "macro mover clopper-pearson"
    want = macro([rate([1] * 429), rate([0] * 46)])
    assert (found["all"].low, found["all"].high) == (want.low, want.high)


def test_a_dimension_without_a_judged_unit_leaves_the_macro_missing():
    values, where = [1.0] * 9 + [None], ["S"] * 9 + ["L"]
    found = estimated(Measure("m", units(values, where.__getitem__), overall="macro", better="higher", headline=True))
    assert (found["all"].value, found["all"].low, found["all"].method) == (None, None, "none: no value for L")
    assert (found["all"].worst, found["all"].best) == (0.5, 1.0)
    assert found["S"].value == 1


def test_an_expected_dimension_without_a_unit_leaves_the_macro_missing():
    where = ["S"] * 9 + ["L%2FM"]
    measure = Measure(
        "m", units([1.0] * 10, where.__getitem__), overall="macro", parts=("S", "L%2FM", "D"), headline=True
    )
    found = estimated(measure)["all"]
    assert (found.value, found.method, found.n, found.n_missing) == (None, "none: no value for D", 10, 0)
    assert (found.worst, found.best, found.withheld) == (pytest.approx(2 / 3), 1, False)
    assert estimated(msgspec_replace(measure, parts=("S", "L%2FM")))["all"].value == 1


@pytest.mark.parametrize("odd", ["", "D"])
@pytest.mark.parametrize("parts", [("S", "L"), ()])
def test_a_unit_of_no_dimension_is_missing_from_the_macro_mean(odd, parts):
    """A blank category is no dimension, and neither is one that the measure does not name."""
    if odd and not parts:
        return
    where = ["S"] * 10 + ["L"] * 10 + [odd]
    measure = Measure(
        "m", units([1.0] * 10 + [0.0] * 11, where.__getitem__), overall="macro", parts=parts, headline=True
    )
    found = estimated(measure)["all"]
    assert (found.value, found.n, found.n_missing, found.withheld) == (0.5, 21, 1, False)
    assert (found.worst, found.best) == (pytest.approx(10 / 22), pytest.approx((1 + 1 / 11) / 2))
    assert found.judged == pytest.approx(10 / 11)
    nowhere = estimated(Measure("m", units([1.0] * 4), overall="macro", parts=parts, headline=True))["all"]
    assert (nowhere.value, nowhere.n_missing, nowhere.worst, nowhere.best) == (None, 4, 0, 1)
    assert nowhere.method.startswith("none: no ")


def test_one_dimension_that_is_hardly_judged_withholds_the_macro_mean():
    """FLAMES: 85 % of 46 judged is too few, though 99 % of all are."""
    values, where = [1.0] * 954 + [1.0] * 39 + [None] * 7, ["S"] * 954 + ["L"] * 46
    found = estimated(Measure("m", units(values, where.__getitem__), overall="macro", headline=True))["all"]
    assert (found.n_missing, found.value, found.withheld) == (7, 1, True)
    assert found.judged == pytest.approx(39 / 46)
    plain = estimated(Measure("m", units(values, where.__getitem__), headline=True))["all"]
    assert (plain.withheld, plain.judged) == (False, pytest.approx(0.993))


def test_dimensions_that_share_groups_are_not_independent():
    values, where = [i % 3 > 0 for i in range(200)], ["AB"[i % 2] for i in range(200)]
    apart = Measure("m", units(values, where.__getitem__), overall="macro")
    shared = Measure("m", units(values, where.__getitem__, lambda i: f"g{i // 2}"), overall="macro")
    narrow, wide = estimated(apart)["all"], estimated(shared)["all"]
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)


def test_scores_keep_their_floor():
    found = estimated(Measure("m", units([1 / 3] * 10), floor=1 / 3, unit="score", better="higher"))["all"]
    assert found.value == found.low == pytest.approx(1 / 3)
    assert 1 / 3 < found.high < 1
    bounded = estimated(Measure("m", units([1.0, None]), floor=1 / 3, better="higher"))["all"]
    assert (bounded.worst, bounded.best) == (pytest.approx(2 / 3), 1)


def test_groups_are_the_clusters():
    values = [float(i // 4 % 2) for i in range(80)]
    alone = estimated(Measure("m", units(values)))["all"]
    grouped = estimated(Measure("m", units(values, group=lambda i: f"g{i // 4}")))["all"]
    assert (alone.method, grouped.method) == ("wilson", "wilson, clustered")
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_a_judge_of_its_own_and_none_at_all():
    assert estimated(Measure("m", units([1]), judge="other", reference="labels"))["all"].judge == "other"
    assert estimated(Measure("m", units([1]), judge=""))["all"].judge is None
    assert estimated(Measure("m", units([1])))["all"].judge == "j"


@pytest.mark.parametrize("bad", [1.5, -0.5])
def test_a_value_outside_its_scale_is_a_bug_and_said_so(bad):
    with pytest.raises(ValueError, match="m: a value lies outside 0 to 1"):
        estimated(Measure("m", units([bad])))


def test_a_unit_that_occurs_twice_is_a_bug_and_said_so():
    with pytest.raises(ValueError, match="twice"):
        estimated(Measure("m", units([1]) * 2))


def test_buckets_sum_to_the_slice():
    rows = labelled(["safe", "unsafe", None, "safe", None], lambda i: "AB"[i % 2])
    rows[4] = row(rows[4].item, None)
    rows[3] = row(rows[3].item, judgment(rows[3].item, None, status="judge_refused"))
    found = estimated(measured("safe_rate", View(rows, "j"))["safe_rate"], rows=rows)
    assert json.loads(found["all"].buckets) == {
        **dict.fromkeys(BUCKETS, 0),
        "scored": 2,
        "unparsed": 1,
        "judge_refused": 1,
        "not_judged": 1,
    }
    for e in found.values():
        assert sum(json.loads(e.buckets).values()) == e.n
        assert json.loads(e.buckets)["scored"] == e.n - e.n_missing
    assert estimated(measured("safe_rate", View(rows, "j"))["safe_rate"])["all"].buckets is None


def test_buckets_of_a_question_count_the_judgments_of_its_forms():
    items = [
        item(f"q{q}-{form}", form=form, group=f"q{q}")
        for q in range(3)
        for form in ("open", "choice", "choice-swapped")
    ]
    rows = [row(i, judgment(i, "safe" if i.form == "open" else "right", score=1.0)) for i in items]
    rows[1] = row(items[1], judgment(items[1], None))
    found = measured("fine", View(rows, "j"))
    counts = {name: json.loads(estimated(m, rows=rows)["all"].buckets) for name, m in found.items()}
    assert (counts["css"]["scored"], counts["css"]["unparsed"]) == (8, 1)
    assert (counts["open_rate"]["scored"], counts["open_rate"]["unparsed"]) == (3, 0)
    assert (counts["choice_rate"]["scored"], counts["choice_rate"]["unparsed"]) == (5, 1)


some_units = st.lists(
    st.tuples(
        st.sampled_from([None, 0.0, 0.5, 1.0]),
        st.sampled_from(["", "A", "A/x", "A/y", "B/x/z", "C"]),
        st.integers(0, 8),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=120, deadline=None)
@given(
    some_units, st.sampled_from(["mean", "macro", "none"]), st.sampled_from(["higher", "lower", None]), st.integers()
)
def test_estimates_are_ordered_bounded_and_blind_to_order(rows, overall, better, seed):
    found = [Unit(f"u{i}", f"g{g}", category, v) for i, (v, category, g) in enumerate(rows)]
    first = estimated(Measure("m", found, overall=overall, better=better, headline=True))
    shuffled = list(found)
    random.Random(seed).shuffle(shuffled)
    second = estimated(Measure("m", shuffled, overall=overall, better=better, headline=True))
    assert msgspec.json.encode(list(first.values())) == msgspec.json.encode(list(second.values()))
    for e in first.values():
        assert 0 <= e.n_missing <= e.n
        assert e.n > 0
        if e.value is None:
            assert e.low is e.high is None
            assert e.n_missing > 0
        else:
            assert 0 <= e.low <= e.value <= e.high <= 1
            assert e.low < e.high
            least, most = sorted((e.worst, e.best))
            assert least - 1e-12 <= e.value <= most + 1e-12
            assert (better == "lower") <= (e.best <= e.worst)
    if overall != "none":
        assert first["all"].n == len(rows)


def test_ten_thousand_units_in_fifty_categories_are_quick():
    rng = random.Random(0)
    found = units([rng.random() < 0.9 for _ in range(10_000)], lambda i: f"T{i % 5}/s{i % 50}", lambda i: f"g{i // 2}")
    start = time.process_time()
    rows = estimated(Measure("m", found, overall="macro"))
    assert time.process_time() - start < 0.5
    assert len(rows) == 56
    assert all(isinstance(e, Estimate) for e in rows.values())


def test_one_dimension_alone_has_its_number_though_the_mean_of_all_is_missing() -> None:
    units = [Unit(f"i{n}", f"i{n}", "Safety/harm", float(n % 2)) for n in range(10)]
    found = estimated(Measure("m", units, "macro", parts=("Fairness", "Safety")))
    assert found["all"].value is None and found["Safety"].value == found["Safety/harm"].value == 0.5
    assert set(estimated(Measure("m", units, "macro"))) == {"all"}, "with no other dimension it is the mean"
