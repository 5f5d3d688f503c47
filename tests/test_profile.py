"""The value profile: the same numbers as the categories that it is made of, and nothing where nothing was measured."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from honne.engine.estimate import Measured, Section
from honne.plugins import Measure, Unit, View
from honne.records import Estimate, category_path
from honne.report._profile import NOT_MEASURED, Source, Value, estimates, profile, ranked, read, readable, told
from honne.report._radar import radar, spokes
from honne.stats.intervals import macro, rate
from honne.values import framework
from run_parts import here as honne
from run_parts import ok, rows
from test_report_samples import estimate

PHYSICAL = category_path("Safety", "Physical harm")
TOXIC = category_path("Fairness", "Toxic language")
BIAS = category_path("Fairness", "Bias and discrimination")


@dataclass
class Run:
    measures: Sequence[Measured] = ()
    estimates: Sequence[Estimate] = ()
    name: str = field(default="r")


def units(category: str, values: Sequence[float | None], name: str = "i", per: int = 1) -> list[Unit]:
    """Units in clusters of `per`."""
    return [Unit(f"{name}-{category}-{i}", f"{name}-{category}-{i // per}", category, v) for i, v in enumerate(values)]


def measured(benchmark: str, found: Sequence[Unit], metric: str = "safe_rate", **over: object) -> Measured:
    attack, judge = over.pop("attack", None), over.pop("judge", "j")
    fields: dict[str, object] = {"better": "higher", "headline": True, **over}
    measure = Measure(metric, found, **fields)  # type: ignore[arg-type]
    return Measured(benchmark, "1", attack, judge, "m", measure)  # type: ignore[arg-type]


def values(run: Run, frame: str = "flames") -> dict[str, Value]:
    return {v.node.id: v for v in profile(run, framework(frame))}


def number(run: Run, node: str, frame: str = "flames") -> Estimate:
    found = values(run, frame)[node].estimate
    assert found is not None
    return found


def flip(n: int, share: float, seed: int = 0) -> list[float | None]:
    dice = random.Random(seed)
    return [float(dice.random() < share) for _ in range(n)]


def test_a_node_of_one_benchmark_is_its_category() -> None:
    found = flip(60, 0.7)
    run = Run([measured("flames", [*units(TOXIC, found, per=3), *units(PHYSICAL, flip(30, 0.2))], "harmless_rate")])
    e = number(run, "fairness/toxic-language")
    want = rate([v for v in found if v is not None], [i // 3 for i in range(60)])
    assert (e.value, e.low, e.high) == (want.value, want.low, want.high)
    assert e.method == f"{want.method}; flames harmless_rate" and (e.n, e.n_missing, e.judge) == (60, 0, "j")
    assert values(run)["fairness/toxic-language"].exact
    assert values(run)["fairness"].parts == 2 and values(run)["fairness"].measured == 1


def test_what_is_not_measured_has_no_number() -> None:
    run = Run([measured("flames", units(TOXIC, flip(10, 0.5)))])
    assert values(run)["legality"].estimate is None and values(run)["legality/law-violation"].sources == ()
    row = next(e for e in estimates(run, framework("flames")) if e.slice == "legality")
    assert (row.value, row.low, row.n, row.method) == (None, None, 0, NOT_MEASURED)
    assert all(v.estimate is None for v in values(Run()).values())


def test_missing_units_are_counted_and_bounded() -> None:
    run = Run([measured("flames", units(TOXIC, [1.0, 1.0, 0.0, None]))])
    e = number(run, "fairness/toxic-language")
    assert (e.n, e.n_missing, e.value, e.worst, e.best, e.judged) == (4, 1, 2 / 3, 0.5, 0.75, 0.75)
    nothing = number(Run([measured("flames", units(TOXIC, [None, None]))]), "fairness/toxic-language")
    assert (nothing.value, nothing.n, nothing.n_missing, nothing.worst, nothing.best) == (None, 2, 2, 0.0, 1.0)
    assert "nothing was judged" in nothing.method and nothing.level is None
    assert e.withheld and nothing.withheld, "too little of it is judged, as of a headline"
    assert not number(Run([measured("flames", units(TOXIC, [1.0] * 9 + [None]))]), "fairness/toxic-language").withheld


def test_a_withheld_value_is_not_drawn() -> None:
    def drawn(last: float | None) -> str:
        parts = [("Morality", "Chinese values"), ("Legality", "Law violation"), ("Data protection", "Personal data")]
        found = [unit for part in parts for unit in units(category_path(*part), [1.0] * 10)]
        run = Run([measured("flames", [*found, *units(TOXIC, [0.0] * 8 + [last] * 2)], "harmless_rate")])
        mine = profile(run, framework("flames"))
        return str(radar([(0, "r", mine)], spokes([mine])))

    assert drawn(0.0).count('href="#m0"') == drawn(None).count('href="#m0"') + 1


def test_lower_is_turned_and_scores_are_put_on_one_scale() -> None:
    contrast = category_path("unsafe", "contrast_privacy")
    run = Run([measured("xstest", units(contrast, [1.0, 0.0, 0.0, 0.0]), "unsafe_compliance_rate", better="lower")])
    e = number(run, "safety/privacy-violation", "trustworthy")
    assert e.value == 0.75 and e.method.endswith("xstest 1 − unsafe_compliance_rate") and e.better == "higher"
    assert e.low is not None and e.low < 0.75
    points = measured("cvalues", units("responsibility/law", [10.0, 1.0]), "responsibility", floor=1.0, ceiling=10.0,
                      unit="points")  # fmt: skip
    assert number(Run([points]), "responsibility/law", "cvalues").value == 0.5


def test_several_benchmarks_weigh_alike() -> None:
    a, b = flip(200, 0.9, 1), flip(20, 0.2, 2)
    run = Run([measured("flames", units(category_path("Legality", "Law violation"), a)),
               measured("fine", units("Legality", b), "css", judge="k")])  # fmt: skip
    e = number(run, "safety/unlawful-conduct", "trustworthy")
    want = macro([rate([x for x in v if x is not None]) for v in (a, b)])
    assert (e.value, e.low, e.high) == (want.value, want.low, want.high)
    assert e.judge is None and e.n == 220 and e.method.startswith("macro mover ")
    assert not values(run, "trustworthy")["safety/unlawful-conduct"].exact


def test_what_measures_all_of_a_node_is_not_blurred_by_what_measures_a_part() -> None:
    whole, part = flip(50, 0.8, 3), flip(500, 0.1, 4)
    run = Run([measured("flames", units(BIAS, whole)), measured("trust-fairness", units("women or men/x", part))])
    assert number(run, "fairness/bias-and-discrimination").n == 50
    assert number(run, "fairness").n == 50
    found = values(run, "trustworthy")["fairness"]
    assert found.estimate and found.estimate.n == 550 and not found.exact, "read through the nodes below it"


def test_two_measures_of_the_same_questions_are_not_independent() -> None:
    same = [Unit(f"u{i}", f"g{i}", TOXIC, float(i % 2)) for i in range(40)]
    twin = [Unit(f"v{i}", f"g{i}", TOXIC, float(i % 2)) for i in range(40)]
    other = [Unit(f"v{i}", f"h{i}", TOXIC, float(i % 2)) for i in range(40)]
    together = number(Run([measured("flames", same, "a"), measured("flames", twin, "b")]), "fairness")
    apart = number(Run([measured("flames", same, "a"), measured("flames", other, "b")]), "fairness")
    assert together.value == apart.value == 0.5
    assert together.high is not None and apart.high is not None and together.high > apart.high


def test_attacks_are_read_in_the_frame_of_attacks() -> None:
    plain = measured("flames", units(TOXIC, flip(40, 0.9)), role="safety")
    under = [measured("flames", units(TOXIC, flip(40, p, k), name=a), role="safety", attack=a)
             for k, (a, p) in enumerate((("base64", 0.6), ("rot13", 0.2)))]  # fmt: skip
    run = Run([plain, *under])
    assert number(run, "encoding/base64", "attacks").n == 40 and number(run, "encoding", "attacks").n == 80
    assert number(run, "fairness/toxic-language").n == 40, "what was asked plainly only"
    assert values(run, "attacks")["pressure"].estimate is None
    found = values(run, "attacks")["encoding"].sources
    assert told(found) == ["flames safe_rate under 2 attacks"] and told(found[:1]) == ["flames safe_rate under base64"]


def test_a_finished_number_stands_for_its_benchmark() -> None:
    ece = estimate("ece", 0.2, 50, benchmark="trust-calibration", better="lower", low=0.1, high=0.4, model="m")
    e = number(Run(estimates=[ece]), "reliability/miscalibration", "trustworthy")
    assert e.value == pytest.approx(0.8) and (e.low, e.high) == (pytest.approx(0.6), pytest.approx(0.9))
    units_too = Run([measured("trust-calibration", units("facts", [1.0, 1.0]))], [ece])
    assert number(units_too, "reliability/miscalibration", "trustworthy").value == 1.0
    for other in ({"headline": False}, {"slice": "facts"}, {"better": None}, {"withheld": True}, {"value": 7.0}):
        gone = Run(estimates=[msgspec.structs.replace(ece, **other)])
        assert values(gone, "trustworthy")["reliability/miscalibration"].estimate is None, other


def section(benchmark: str, judge: str, attack: str | None = None) -> Section:
    return Section(benchmark, "1", attack, judge, View([], judge), (), True)


def test_the_first_judges_headlines_are_read_and_no_unit_twice() -> None:
    found = units(TOXIC, flip(9, 0.5))
    cs, css = measured("fine", found, "cs"), measured("fine", found, "css")
    others = [
        measured("fine", found, "open_rate"), measured("fine", found, "css", judge="second"),
        measured("fine", units(BIAS, [1.0]), "neutral", better=None),
        measured("fine", units(BIAS, [1.0]), "minor", headline=False),
    ]  # fmt: skip
    choice = measured("fine", units("x", [1.0]), "choice_rate", judge="choice@1")
    sections = [section("fine", "j"), section("fine", "second")]
    assert readable([cs, css, *others, choice], sections) == [css, choice]
    score = measured("fine", found, "score", unit="score")
    rated = measured("fine", found, "rate")
    assert readable([score, rated], sections) == [rated], "a share before a score"
    refusals = measured("fine", units("safe", [1.0]), "over_refusal_rate", attack="base64")
    assert readable([refusals], [section("fine", "j", "base64")]) == [], "under attack only safety"


def test_the_frame_that_is_measured_most_comes_first() -> None:
    run = Run([measured("flames", [*units(TOXIC, [1.0]), *units(PHYSICAL, [1.0]), *units(BIAS, [0.0])])])
    order = [found.name for found, _ in ranked(read([run], [framework(n) for n in ("attacks", "risks", "flames")]))]
    assert order[0] == "flames" and order[-1] == "attacks"


def test_sources_in_words() -> None:
    found = [Source("a", None, "x", False), Source("b", "p", "y", True), Source("c", "p", "z", False)]
    assert told([*found, found[0]]) == ["a x", "b 1 − y, c z under p"]


# ---------------------------------------------------------- through the front


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    ok(honne("demo", "--recorded", "-o", folder))
    return folder


def test_json_and_csv_have_the_profile_when_it_is_asked_for(demo: Path) -> None:
    plain = rows(honne("report", demo / "omote", "-f", "json"))
    framed = rows(honne("report", demo / "omote", "-f", "json", "--frame", "flames"))
    added = framed[len(plain) :]
    assert framed[: len(plain)] == plain and {r["benchmark"] for r in added} == {"values/flames"}
    assert [r["slice"] for r in added] == [n.id for n in framework("flames").nodes]
    own = {r["slice"]: r for r in plain if r["metric"] == "css"}
    names = {n.id: n.name.en for n in framework("flames").nodes}
    for r in added:
        parts = r["slice"].split("/")
        path = category_path(*(names["/".join(parts[: k + 1])] for k in range(len(parts))))
        assert [r[k] for k in ("value", "low", "high", "n", "n_missing")] == [
            own[path][k] for k in ("value", "low", "high", "n", "n_missing")
        ]
    listed = list(csv.DictReader(io.StringIO(ok(honne("report", demo, "-f", "csv", "--frame", "risks")).stdout)))
    mine = [r for r in listed if r["benchmark"] == "values/risks"]
    assert len(mine) == 12 and any(r["value"] == "" and r["method"] == NOT_MEASURED for r in mine)


def test_terminal_and_markdown_show_it(demo: Path) -> None:
    text = ok(honne("report", demo, "--frame", "trustworthy")).stdout
    assert "values: Trustworthy LLMs" in text and "not measured: Misinformation" in text and "demo css" in text
    assert "values:" not in ok(honne("report", demo)).stdout
    text = ok(honne("report", demo, "--frame", "trustworthy", "-f", "md")).stdout
    assert "| Reliability › Sycophancy | omote | not measured |" in text
    assert "nothing in this run is read in it" in ok(honne("report", demo / "omote", "--frame", "attacks")).stdout


def test_an_unknown_frame_has_a_nearest_match(demo: Path, tmp_path: Path) -> None:
    for format in ("terminal", "html", "json"):
        assert (
            "Did you mean 'trustworthy'?" in ok(honne("report", demo, "-f", format, "--frame", "trustwrthy"), 2).stderr
        )
    own = tmp_path / "mine.toml"
    own.write_text('title = "Mine"\n[[nodes]]\nid = "law"\nname = "Law"\nexact = ["demo:Legality"]\n')
    found = json.loads(ok(honne("report", demo / "omote", "-f", "json", "--frame", own)).stdout)[-1]
    assert (found["benchmark"], found["slice"], found["n"]) == ("values/mine", "law", 15)
