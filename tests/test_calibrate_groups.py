"""Values that rest on several labels: when they are known, and with which chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import mean

import pytest

from honne import plugins
from honne.engine.correcting import Answers, _human, _maker
from honne.metrics._corrected import Human
from honne.plugins import Measure, Row, View
from honne.records import Item, Judgment, Message, Response, now

PAIRS = 400
WANTED = {"positive": "safe", "negative": "unsafe"}
OTHER = {"safe": "unsafe", "unsafe": "safe"}
Draw = Callable[[random.Random, list[Row]], Mapping[tuple[str, int], tuple[str, float]]]


@dataclass
class Section:
    view: View
    benchmark: str = "fine-build"
    attack: str | None = None
    judge: str | None = "j"
    metrics: tuple[str, ...] = ("built_rate",)
    rubric: bool = True


def said(item_id: str, label: str, judge: str = "j", **more: object) -> Judgment:
    return Judgment(item_id=item_id, model="m", judge=judge, status="scored", label=label, at=now(), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def world() -> tuple[list[Row], dict[str, str], float]:
    """Pairs of answers with a judge's verdicts, what people would say of each, and the rate that follows: three parts
    in ten are not as wanted, every tenth negative one was refused, and the failing ones of a topic fail together."""
    rng, rows, people, built = random.Random(5), [], {}, []
    for n in range(PAIRS):
        hard, fine = rng.random() < 0.5, True
        for form, wanted in WANTED.items():
            name = f"{form}-{n}"
            refused = form == "negative" and n % 10 == 0
            of = Item(
                seq=len(rows), id=name, benchmark="fine-build", version="1", lang="en", category=f"t{int(hard)}",
                form=form, group=f"q{n}", messages=(Message("user", "?"),),
            )  # fmt: skip
            status = "refused_by_provider" if refused else "ok"
            answer = Response(item_id=name, model="m", text=None if refused else "Words.", status=status, at=now())
            people[name] = wanted if rng.random() < (0.5 if hard else 0.9) else OTHER[wanted]
            judged = people[name] if rng.random() < 0.85 else OTHER[people[name]]
            rows.append(Row(of, 0, answer, None if refused else said(name, judged)))
            fine = fine and not refused and people[name] == wanted
        built.append(float(fine))
    return rows, people, mean(built)


def human(world: tuple[list[Row], dict[str, str], float], drawn: Draw, seed: int) -> tuple[Human, str | None]:
    rows, people, _ = world
    section = Section(View(rows, "j"))
    (measure,) = (m for m in plugins.load("metrics", "built_rate")(section.view) if m.metric == "built_rate")
    assert isinstance(measure, Measure)
    asked = [row for row in rows if row.response is not None and row.response.text]
    given: Answers = {
        key: said(key[0], people[key[0]], "labels", design=design, inclusion=chance)
        for key, (design, chance) in drawn(random.Random(seed), asked).items()
    }
    return _human(section, measure, given, lambda *_: True, _maker(lambda *_: True))


def weighted(found: Human) -> float:
    weights = {name: 1 / found.inclusion.get(name, 1.0) for name in found.values}
    return sum(weights[name] * value for name, value in found.values.items()) / sum(weights.values())


def at_random(rng: random.Random, rows: list[Row]) -> dict[tuple[str, int], tuple[str, float]]:
    return {(row.item.id, 0): ("random", 0.4) for row in rng.sample(rows, round(0.4 * len(rows)))}


def by_topic(rng: random.Random, rows: list[Row]) -> dict[tuple[str, int], tuple[str, float]]:
    """Every positive part, and of the negative ones more where they are hard."""
    chance = {("positive", "t0"): 1.0, ("positive", "t1"): 1.0, ("negative", "t0"): 0.2, ("negative", "t1"): 0.6}
    out: dict[tuple[str, int], tuple[str, float]] = {}
    for stratum, c in chance.items():
        members = [row for row in rows if (row.item.form, row.item.category) == stratum]
        drawn = rng.sample(members, round(c * len(members)))
        out |= {(row.item.id, 0): ("stratified", len(drawn) / len(members)) for row in drawn}
    return out


@pytest.mark.parametrize("drawn", [at_random, by_topic])
def test_weighted_values_of_pairs_are_a_picture_of_all(
    world: tuple[list[Row], dict[str, str], float], drawn: Draw
) -> None:
    """One part that fails settles a pair: to count it then would make pairs that fail three times as frequent."""
    found = []
    for seed in range(60):
        made, why = human(world, drawn, seed)
        assert why is None
        found.append(weighted(made))
    assert mean(found) == pytest.approx(world[2], abs=0.02)


def test_a_pair_with_one_label_is_not_known(world: tuple[list[Row], dict[str, str], float]) -> None:
    found, _ = human(world, at_random, 1)
    refused = {f"q{n}" for n in range(0, PAIRS, 10)}
    sure = {name for name, value in found.values.items() if name.partition("#")[0] in refused and value == 0.0}
    assert len(sure) == len(refused), "a part that was refused needs no label"
    assert {found.inclusion[name] for name in sure} == {1.0}
    assert {round(found.inclusion[name], 6) for name in found.values.keys() - sure} == {0.16}
    assert 20 < len(found.values) - len(sure) < 100, "of 360 pairs both parts are labelled of one in six"


def test_parts_that_were_drawn_apart_say_nothing_of_pairs(world: tuple[list[Row], dict[str, str], float]) -> None:
    def unequal(rng: random.Random, rows: list[Row]) -> dict[tuple[str, int], tuple[str, float]]:
        return {(row.item.id, 0): ("active", 0.3 if row.item.category == "t0" else 0.9) for row in rows}

    found, why = human(world, unequal, 1)
    assert not found.values and why is not None and "drawn together is not known" in why


def test_where_every_answer_was_labelled_nothing_is_weighed(world: tuple[list[Row], dict[str, str], float]) -> None:
    def every(rng: random.Random, rows: list[Row]) -> dict[tuple[str, int], tuple[str, float]]:
        return {(row.item.id, 0): ("random", 1.0) for row in rows}

    found, why = human(world, every, 1)
    assert (why, found.inclusion, len(found.values)) == (None, {}, PAIRS)
    assert weighted(found) == pytest.approx(world[2])
