"""Success rates, adversarial and global safety: by hand, with what is missing, and as the run folder gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honne.metrics._attacks import attack_estimates
from honne.plugins import Measure, Unit
from honne.records import Estimate
from honne.stats.intervals import rate
from metrics_parts import estimated

Values = Sequence[float | None]


@dataclass(frozen=True)
class Side:
    benchmark: str
    version: str
    attack: str | None
    judge: str | None
    measure: Measure


def asked(attack: str | None, values: Values, *, better: str = "higher", judge: str = "j", **more: object) -> tuple:
    """One section's measure of safety: unit i of an attack comes from item i."""
    tail = f"@{attack}" if attack else ""
    units = [Unit(f"i{n}{tail}", f"i{n}", "AB"[n % 2], v) for n, v in enumerate(values)]
    measure = Measure("s", units, better=better, headline=True, role="safety", **more)  # type: ignore[arg-type]
    return Side("b", "1", attack, judge, measure), [*estimated(measure, attack=attack, judge=judge).values()]


def derived(*made: tuple, attacks: Sequence[str | None] | None = None) -> dict[tuple[str, str | None, str], Estimate]:
    names = [side.attack for side, _ in made] if attacks is None else attacks
    parents = {u.id: u.id.partition("@")[0] for side, _ in made for u in side.measure.units if "@" in u.id}
    found = attack_estimates(made, {"b": names}, parents)
    assert len({(e.metric, e.attack, e.slice, e.judge) for e in found}) == len(found)
    return {(e.metric, e.attack, e.slice): e for e in found}


def test_by_hand() -> None:
    found = derived(asked(None, [1, 1, 0, 0]), asked("x", [1, 0, 0, 0]), asked("y", [1, 1, 1, 0]))
    value = {key: e.value for key, e in found.items()}
    assert value["attack_success_rate", "x", "all"] == 0.75 and value["attack_success_rate", "y", "all"] == 0.25
    assert value["attack_success_rate", "x", "A"] == 0.5 and value["attack_success_rate", "x", "B"] == 1
    assert value["safety_lost", "x", "all"] == 0.25 and value["safety_lost", "y", "all"] == -0.25
    assert value["adversarial_safety", None, "all"] == 0.5 and value["global_safety", None, "all"] == 0.5
    assert value["adversarial_safety", None, "A"] == 0.75 and value["global_safety", None, "A"] == 0.625
    everything = found["global_safety", None, "all"]
    assert (everything.n, everything.n_missing, everything.method) == (12, 0, "macro mover clopper-pearson")


def test_intervals_are_those_of_the_shares() -> None:
    plain, x, y = ([1.0] * k + [0.0] * (40 - k) for k in (38, 30, 20))
    found = derived(asked(None, plain), asked("x", x), asked("y", y))
    rates = [rate(v) for v in (plain, x, y)]
    success = found["attack_success_rate", "x", "all"]
    assert (success.low, success.high) == (pytest.approx(1 - rates[1].high), pytest.approx(1 - rates[1].low))
    assert success.better == "lower" and success.method == rates[1].method
    adversarial = found["adversarial_safety", None, "all"]
    # The same prompts under both attacks: nothing is gained by averaging, the half-widths are averaged.
    assert adversarial.low == pytest.approx((rates[1].low + rates[2].low) / 2)
    assert adversarial.high == pytest.approx((rates[1].high + rates[2].high) / 2)
    whole = found["global_safety", None, "all"]
    assert whole.low == pytest.approx((rates[0].low + adversarial.low) / 2)
    lost = found["safety_lost", "y", "all"]
    assert lost.value == pytest.approx(18 / 40) and lost.low is not None and lost.low > 0


def test_a_rate_of_unsafe_answers_is_turned_round() -> None:
    safe = derived(asked(None, [1, 1, 0, None]), asked("x", [1, 0, None, 0]))
    unsafe = derived(asked(None, [0, 0, 1, None], better="lower"), asked("x", [0, 1, None, 1], better="lower"))
    assert safe.keys() == unsafe.keys()
    for key, e in safe.items():
        other = unsafe[key]
        for field in ("value", "low", "high", "worst", "best", "n", "n_missing", "better", "method"):
            a, b = getattr(e, field), getattr(other, field)
            assert a == (pytest.approx(b) if isinstance(a, float) else b), (key, field)


def test_missing_is_counted_and_bounded() -> None:
    found = derived(asked(None, [1, 1, 1, 1]), asked("x", [1, 0, None, None]))
    success = found["attack_success_rate", "x", "all"]
    assert (success.value, success.n, success.n_missing) == (0.5, 4, 2)
    assert (success.worst, success.best, success.withheld) == (0.75, 0.25, True)
    adversarial = found["adversarial_safety", None, "all"]
    assert (adversarial.worst, adversarial.best, adversarial.n_missing) == (0.25, 0.75, 2)
    whole = found["global_safety", None, "all"]
    assert (whole.worst, whole.best, whole.n_missing, whole.withheld) == (0.625, 0.875, 2, True)
    lost = found["safety_lost", "x", "all"]
    assert (lost.value, lost.n_missing, lost.worst, lost.best) == (0.5, 2, 0.75, -0.25)


def test_a_lost_mean_of_dimensions_is_bounded_dimension_by_dimension() -> None:
    def side(attack: str | None, values: Values) -> tuple:
        tail = f"@{attack}" if attack else ""
        units = [Unit(f"i{n}{tail}", f"i{n}", "A" if n == 0 else "B", v) for n, v in enumerate(values)]
        measure = Measure("s", units, "macro", better="higher", role="safety", parts=("A", "B"))
        return Side("b", "1", attack, "j", measure), [*estimated(measure, attack=attack).values()]

    lost = derived(side(None, [1, 1, 1, 1]), side("x", [0, 1, 1, None]))["safety_lost", "x", "all"]
    assert lost.value == 0.5 and lost.worst == pytest.approx((1 + 1 / 3) / 2)
    assert lost.best == pytest.approx((1 - 1 / 3) / 2)


def test_an_attack_may_apply_to_one_category_alone() -> None:
    """Its "all" is that category; the other ones have no safety under attack, and nothing breaks."""

    def side(attack: str | None, n: int) -> tuple:
        tail = f"@{attack}" if attack else ""
        units = [Unit(f"i{i}{tail}", f"i{i}", "A/a" if i < 10 else "B", float(i % 5 > 0)) for i in range(n)]
        measure = Measure("s", units, better="higher", headline=True, role="safety")
        return Side("b", "1", attack, "j", measure), [*estimated(measure, attack=attack).values()]

    found = derived(side(None, 20), side("x", 10), side("y", 20))
    for name in ("A", "A/a"):
        assert found["attack_success_rate", "x", name].value == pytest.approx(0.2)
        adversarial = found["adversarial_safety", None, name]
        assert (adversarial.value, adversarial.n) == (pytest.approx(0.8), 20)
    assert found["adversarial_safety", None, "B"].method == "none: no value for x"
    alone = derived(side(None, 20), side("x", 10))
    assert ("adversarial_safety", None, "B") not in alone
    assert alone["global_safety", None, "B"].method == "none: no value for adversarial_safety"
    assert ("attack_success_rate", "x", "B") not in alone


def test_an_attack_without_a_value_leaves_no_mean() -> None:
    found = derived(asked(None, [1, 1]), asked("x", [1, 0]), asked("y", [None, None]))
    for metric, ends in (("adversarial_safety", (0.25, 0.75)), ("global_safety", (0.625, 0.875))):
        e = found[metric, None, "all"]
        assert (e.value, e.low, e.high, e.level) == (None, None, None, None)
        assert e.method.startswith("none: no value for")
        assert (e.worst, e.best) == ends
    assert found["adversarial_safety", None, "all"].method == "none: no value for y"


def test_an_attack_that_a_judge_has_not_seen_leaves_no_mean() -> None:
    found = derived(asked(None, [1, 1]), asked("x", [1, 0]), attacks=[None, "x", "y"])
    assert found["adversarial_safety", None, "all"].value is None
    assert found["attack_success_rate", "x", "all"].value == 0.5
    plain_unseen = derived(asked("x", [1, 0]), attacks=[None, "x"])
    assert plain_unseen["adversarial_safety", None, "all"].value == 0.5
    assert plain_unseen["global_safety", None, "all"].method == "none: no value for the plain items"


def test_nothing_asked_plainly_has_no_global_safety() -> None:
    found = derived(asked("x", [1, 0]), asked("y", [1, 1]))
    assert {metric for metric, _, _ in found} == {"attack_success_rate", "adversarial_safety"}
    assert found["adversarial_safety", None, "all"].headline


def test_without_attacks_there_is_nothing() -> None:
    assert not derived(asked(None, [1, 0]))


def test_judges_are_kept_apart() -> None:
    made = [asked(a, v, judge=j) for j, v in (("j", [1, 0]), ("k", [0, 0])) for a in (None, "x")]
    found = attack_estimates(made, {"b": [None, "x"]}, {"i0@x": "i0", "i1@x": "i1"})
    values = {e.judge: e.value for e in found if e.metric == "global_safety" and e.slice == "all"}
    assert values == {"j": 0.5, "k": 0.0}


def test_questions_are_paired_by_group() -> None:
    def side(attack: str | None, values: Values) -> tuple:
        units = [Unit(f"q{n}", f"q{n}", "", v) for n, v in enumerate(values)]
        measure = Measure("open_rate", units, better="higher", form="open", per="group", role="safety")
        return Side("b", "1", attack, "j", measure), [*estimated(measure, attack=attack).values()]

    found = attack_estimates([side(None, [1] * 9), side("x", [0] * 9)], {"b": [None, "x"]}, {})
    lost = next(e for e in found if e.metric == "safety_lost")
    assert (lost.value, lost.n, lost.form) == (1.0, 9, "open")


@given(st.lists(st.tuples(*[st.sampled_from([0.0, 1.0, None])] * 3), min_size=1, max_size=30))
def test_values_lie_between_their_bounds(rows: list[tuple[float | None, ...]]) -> None:
    plain, x, y = (list(column) for column in zip(*rows, strict=True))
    for e in derived(asked(None, plain), asked("x", x), asked("y", y)).values():
        if e.value is not None:
            assert e.low is not None and e.high is not None and e.low <= e.value <= e.high
            if e.worst is not None and e.best is not None:
                low, high = sorted((e.worst, e.best))
                assert low - 1e-9 <= e.value <= high + 1e-9
        assert 0 <= e.n_missing <= e.n
