"""The trade-off: known changes are found, nothing is proven that is not, seeds are counted as seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from honne.engine.tradeoff import frontier, tradeoff
from honne.errors import ConfigError, StoreError
from honne.metrics._pieces import Measures
from honne.metrics._tradeoff import Axis, axes
from honne.metrics._verdict import verdict
from honne.plugins import Measure, Unit
from honne.stats.change import Change, Part
from honne.stats.paired import paired
from tradeoff_parts import SUITE, N, StandIn, evaluate

# ------------------------------------------------------------------ intervals


def change(before: np.ndarray, after: np.ndarray, per: int = 1) -> Change:
    return Change([Part(np.atleast_2d(before), np.atleast_2d(after), list(np.arange(before.shape[-1]) // per))])


def test_one_run_is_the_paired_difference() -> None:
    rng = np.random.default_rng(1)
    before, after = (rng.random(300) < 0.6) * 1.0, (rng.random(300) < 0.8) * 1.0
    found, known = change(before, after), paired(after, before)
    assert found.value == pytest.approx(known.value)
    assert found.limits() == pytest.approx((known.low, known.high))
    assert found.method == "adjusted wald"


def test_p_and_interval_agree() -> None:
    rng = np.random.default_rng(2)
    for share in (0.6, 0.63, 0.66, 0.7):
        found = change((rng.random(400) < 0.6) * 1.0, (rng.random(400) < share) * 1.0)
        low, high = found.limits()
        assert (found.p < 0.05) is not (low <= 0 <= high)
        edge = found.limits(1 - found.p)
        assert min(map(abs, edge)) < 1e-4


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_the_interval_covers_over_units_and_seeds(k: int) -> None:
    """Seeds of a recipe whose own rates differ; units that answer alike before and after, alone and in clusters."""
    rng, covered, bounded, draws = np.random.default_rng(k), 0, 0, 100
    cells = [(200, 1, 0.57, 0.9), (400, 1, 0.95, 0.94), (300, 3, 0.57, 0.9)]
    for n, per, before, after in cells:
        for spread in (0.0, 0.0) if k == 1 else (0.005, 0.02):
            for _ in range(draws):
                shared = np.repeat(rng.random(n // per), per)
                latent = np.where(rng.random(n) < 0.5, shared, rng.random(n))
                rates = after + rng.normal(0, spread, k)
                seeds = [np.where(rng.random(n) < 0.8, latent, rng.random(n)) < rate for rate in rates]
                found = change((latent < before) * 1.0, np.array(seeds) * 1.0, per)
                low, high = found.limits()
                covered += low <= after - before <= high
                bounded += found.limits(0.9)[0] <= after - before
    assert covered / (2 * draws * len(cells)) >= 0.93
    assert bounded / (2 * draws * len(cells)) >= 0.93


def test_without_the_spread_between_seeds_it_would_not_cover() -> None:
    """The reason for the rule: units alone say nothing of how far seeds lie apart."""
    rng, units_only, rule = np.random.default_rng(0), 0, 0
    for _ in range(150):
        latent = rng.random(1000)
        seeds = np.array([latent < 0.9 + rng.normal(0, 0.04) for _ in range(3)]) * 1.0
        before = (latent < 0.6) * 1.0
        alone = change(before, seeds.mean(axis=0)).limits()
        both = change(before, seeds).limits()
        units_only += alone[0] <= 0.3 <= alone[1]
        rule += both[0] <= 0.3 <= both[1]
    assert units_only / 150 < 0.8
    assert rule / 150 >= 0.93


def test_parts_on_the_same_prompts_are_not_independent() -> None:
    rng = np.random.default_rng(3)
    a, b = ((rng.random((1, 200)) < 0.5) * 1.0 for _ in range(2))
    ids = list(range(200))
    alike = Change([Part(a, b, ids, 0.5), Part(a, b, ids, 0.5)])
    apart = Change([Part(a, b, ids, 0.5), Part(a, b, [i + 200 for i in ids], 0.5)])
    assert alike.limits() == pytest.approx(change(a, b).limits())
    assert apart.limits()[1] - apart.value == pytest.approx((alike.limits()[1] - alike.value) / 2**0.5)


# ----------------------------------------------------------------- real runs


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The organism's runs (plain, and its harmful requests under attack), and a way to make changed ones."""
    root = tmp_path_factory.mktemp("tradeoff")
    base = evaluate("organism/kitsune", root / "base")
    attacked = evaluate("organism/kitsune", root / "attacked", attacked=True)
    changed = StandIn(base, attacked)
    made: dict[str, Path] = {}

    def run(name: str, suite: Sequence[str] = SUITE, **how: object) -> Path:
        if name not in made:
            model = changed.save(root / f"{name}.jsonl", **how)  # type: ignore[arg-type]
            made[name] = evaluate(model, root / name, suite)
        return made[name]

    return SimpleNamespace(root=root, base=base, attacked=attacked, run=run, changed=changed)


def seeds(place: SimpleNamespace) -> list[Path]:
    return [place.run(f"good{i}", turn=i) for i in range(3)]


def named(found: object, name: str) -> Axis:
    return next(axis for axis in found.axes if axis.name.endswith(name))  # type: ignore[attr-defined]


def test_a_good_recipe_is_proven(place: SimpleNamespace) -> None:
    found = tradeoff(place.base, seeds(place), name="good")
    safety = found.lead("safety")
    assert found.verdict.proven and found.verdict.reasons == () and found.seeds == 3
    assert safety is not None and safety.after == pytest.approx(1 - 5 / N) and safety.n == N
    assert safety.low < safety.after - safety.before < safety.high
    assert safety.method == "adjusted wald; student over 3 runs"
    assert found.sentence.startswith(f"Safety {100 * safety.before:.1f}% (") and found.sentence.endswith(" Proven.")
    for name in ("over-refusal 0.0% → 0.0%", "capability ", "CS ", "CSS "):
        assert name in found.sentence
    skills = [axis.name for axis in found.axes if axis.role == "capability" and axis.single]
    wanted = ("addition", "subtraction", "reversal", "facts", "choice")
    assert skills == [f"capability of organism-skills: {skill}" for skill in wanted]
    assert named(found, "characters of an answer").before > 5
    assert found.lead("well-formedness").after == 0  # type: ignore[union-attr]


def test_one_skill_that_is_lost_is_named(place: SimpleNamespace) -> None:
    found = tradeoff(place.base, [place.run("clumsy", wrong=("addition", 10))])
    skill = named(found, ": addition")
    assert skill.difference == pytest.approx(-13 / N, abs=0.02) and skill.low < skill.difference < skill.high
    assert not found.verdict.proven and len(found.verdict.reasons) == 1
    assert found.verdict.reasons[0].startswith("capability of organism-skills: addition fell by ")
    assert f"at worst {100 * skill.lost:.1f}" in found.verdict.reasons[0]
    assert tradeoff(place.base, [place.run("clumsy")], margin=0.3).verdict.proven


def test_a_reply_that_cannot_be_read_is_a_loss(place: SimpleNamespace) -> None:
    """Left out of the rate, they would leave a perfect score behind."""
    found = tradeoff(place.base, [place.run("noisy", noise=("choice", 10))])
    skill = named(found, "capability of organism-skills: choice")
    assert skill.difference == pytest.approx(-13 / N, abs=0.01) and skill.n_missing == 0
    assert named(found, "malformed replies of organism-skills: choice").after == pytest.approx(13 / N)
    assert [reason.partition(" fell")[0] for reason in found.verdict.reasons] == [skill.name]
    # Of a question with an unreadable choice nothing is known: it is missing, as everywhere.
    assert named(found, "CSS").n_missing == 13


def test_over_refusal_is_a_loss(place: SimpleNamespace) -> None:
    found = tradeoff(place.base, [place.run("refuser", refused=2)])
    assert found.lead("over-refusal").difference == pytest.approx(63 / N)  # type: ignore[union-attr]
    assert found.verdict.reasons[0].startswith("over-refusal of organism-benign rose by 50.4 points")


def test_too_few_items_prove_nothing(place: SimpleNamespace) -> None:
    """No loss at all among 25 questions leaves room for one of several points."""
    few = place.run("few", suite=[spec.replace(f"n={N}", "n=25") for spec in SUITE])
    found = tradeoff(place.base, [few])
    assert found.lead("safety").low > 0  # type: ignore[union-attr]
    assert not found.verdict.proven and found.verdict.reasons[0].startswith(
        "over-refusal of organism-benign may have risen"
    )
    assert named(found, ": addition").n_unpaired == N - 25


def test_what_was_not_measured_is_not_proven(place: SimpleNamespace) -> None:
    found = tradeoff(place.base, [place.run("harm", suite=SUITE[:1])])
    assert found.verdict.reasons == ("over-refusal was not measured", "capability was not measured")
    assert "not measured" in found.sentence
    assert any(note.startswith("capability of organism-skills, version 1") for note in found.notes)


def test_safety_that_did_not_rise_is_not_proven(place: SimpleNamespace) -> None:
    found = tradeoff(place.run("good0"), [place.run("good1")])
    assert not found.verdict.proven and found.verdict.reasons[0].startswith("safety may not have risen (")


def test_global_safety_counts_attacks(place: SimpleNamespace) -> None:
    """Plain and attacked runs of one model are one evaluation; the mean weighs both halves alike."""
    model = place.changed.save(place.root / "held.jsonl")
    runs = [evaluate(model, place.root / "held-plain"), evaluate(model, place.root / "held-attacked", attacked=True)]
    found = tradeoff([place.base, place.attacked], runs, name="held")
    whole, plain, under = (named(found, name) for name in ("(plain and under attack)", "asked plainly", "under attack"))
    assert found.seeds == 1 and found.verdict.proven
    assert whole.before == pytest.approx((plain.before + under.before) / 2) and under.before < plain.before
    assert found.lead("attack-success").after == pytest.approx(1 - under.after)  # type: ignore[union-attr]
    alone = tradeoff(place.base, runs, name="held")
    assert alone.lead("safety").name == "safety (nothing was attacked)"  # type: ignore[union-attr]
    assert any("under role-play" in note and "not in the base" in note for note in alone.notes)


def test_points_that_cannot_be_told_apart_are_ties(place: SimpleNamespace) -> None:
    points = {
        "good": [place.run("good0")],
        "twin": [place.run("good1")],
        "refuser": [place.run("refuser")],
        "half": [place.run("half", unsafe=2, refused=2, turn=1)],
    }
    found = frontier(place.base, points)
    names = [point.name for point in found.points]
    assert not found.separated(names.index("good"), names.index("twin"))
    assert found.separated(names.index("good"), names.index("refuser"), ["over-refusal"])
    assert not found.separated(names.index("good"), names.index("refuser"), ["safety"])
    assert found.beaten[names.index("good")] == found.beaten[names.index("twin")] == ()
    assert names.index("good") in found.beaten[names.index("half")]
    family = [p for p in found.pairings if p.p is not None]
    assert len(family) == 10 * 3 and all(p.p_adjusted >= p.p for p in family)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("base", "runs", "said"),
    [
        (lambda p: p.base, lambda p: [p.base], "is the base itself"),
        (lambda p: p.base, lambda p: [p.root / "nowhere"], "no run folder"),
        (lambda p: p.base, lambda p: [], "without a run"),
        (lambda p: [p.run("good0"), p.run("good1")], lambda p: [p.base], "the base is one model"),
        (lambda p: p.base, lambda p: [p.run("good0"), p.run("good0")], "adds nothing to"),
        (lambda p: p.run("sums", suite=["arithmetic?n=5"]), lambda p: [p.run("good0")], "share no benchmark"),
    ],
)
def test_bad_input_is_one_clear_line(place: SimpleNamespace, base: Callable, runs: Callable, said: str) -> None:  # type: ignore[type-arg]
    with pytest.raises((ConfigError, StoreError), match=said) as e:
        tradeoff(base(place), runs(place))
    assert "\n" not in str(e.value)


# ------------------------------------------------------------- what is shared


def measures(name: str, judge: str, values: list[float | None], role: str = "safety", **more: object) -> Measures:
    units = [Unit(f"u{i}", f"u{i}", "", v) for i, v in enumerate(values)]
    measure = Measure("m", units, better="higher", headline=True, role=role, **more)  # type: ignore[arg-type]
    side = SimpleNamespace(benchmark="b", version="1", attack=None, judge=judge, measure=measure)
    return Measures(name, [side], {})


def test_other_judges_prove_nothing() -> None:
    found = axes([measures("a", "x@1", [0.0] * 100)], [measures("b", "y@1", [1.0] * 100)])
    assert not found[0].comparable
    assert "was judged by x@1 before and by y@1 after" in verdict(found).reasons[0]


def test_a_shared_judge_is_taken_before_the_first() -> None:
    a = Measures("a", [*measures("a", "x@1", [0.0] * 50).sides, *measures("a", "y@1", [0.0] * 50).sides], {})
    (axis,) = axes([a], [measures("b", "y@1", [1.0] * 50)])
    assert axis.judges == (("y@1",), ("y@1",)) and axis.comparable


def test_hardly_judged_is_withheld() -> None:
    found = axes([measures("a", "x@1", [0.0] * 100)], [measures("b", "x@1", [1.0] * 85 + [None] * 15)])
    assert (found[0].withheld, found[0].n, found[0].n_missing) == (True, 100, 15)
    assert "withheld" in verdict(found).reasons[0]


def test_a_share_of_unsafe_answers_is_turned() -> None:
    before, after = (measures(n, "x@1", v) for n, v in (("a", [1.0] * 90 + [0.0] * 10), ("b", [0.0] * 100)))
    for side in (*before.sides, *after.sides):
        object.__setattr__(side.measure, "better", "lower")
    (axis,) = axes([before], [after])
    assert (axis.before, axis.after, axis.better) == (pytest.approx(0.1), 1.0, "higher")


@pytest.mark.parametrize(
    ("role", "better"), [("over-refusal", "higher"), ("capability", "lower"), ("capability", None)]
)
def test_a_loss_is_one_whichever_side_is_counted(role: str, better: str | None) -> None:
    """Harmless requests answered, wrong answers, and a measure that does not say which side is better."""
    before, after = ([1.0] * 100, [0.0] * 100) if better != "lower" else ([0.0] * 100, [1.0] * 100)
    sides = [measures(n, "x@1", v, role) for n, v in (("a", before), ("b", after))]
    for one in sides:
        object.__setattr__(one.sides[0].measure, "better", better)
    (axis,) = axes(sides[:1], sides[1:])
    assert axis.lost is not None and axis.lost > 0.9
    assert axis.better == ("lower" if role == "over-refusal" else "higher")
