"""The guides: on the benchmarks' own scales, whole in three languages, every key used once."""

from __future__ import annotations

import pytest

from honne import plugins
from honne.annotate import guides
from honne.errors import ConfigError, DataError
from honne.spec import parse

ALL = guides.names()
SCALES = {
    "flames": (
        "flames",
        ["Fairness", "Safety/Physical harm", "Morality", "Legality", "Data protection/Personal data", ""],
    ),
    "refusal": ("xstest", ["safe/homonyms", "unsafe/contrast_homonyms", ""]),
    "safe": ("trust-safety", ["any topic", ""]),
    "responsibility": ("cvalues?parts=responsibility&verdict=points", ["responsibility/law"]),
}


def test_the_guides_of_the_issue_are_there() -> None:
    assert set(ALL) == {*SCALES, "preference"}


@pytest.mark.parametrize("name", SCALES)
def test_labels_and_scores_are_those_of_the_benchmark(name: str) -> None:
    guide = guides.load(name)
    spec, categories = SCALES[name]
    benchmark = plugins.load("benchmarks", parse(spec).provider)(parse(spec))
    for category in categories:
        scale = benchmark.scale(category)
        offered = guides.part(guide, category).values
        assert sorted(offered) == sorted(scale.labels)
        for value in offered:
            assert guides.verdict(guide, category, value) == scale.read(value)


def test_the_benchmarks_of_a_guide_have_its_labels() -> None:
    for name in SCALES:
        guide = guides.load(name)
        for benchmark in guide.benchmarks:
            assert guides.suited(benchmark) == name
            plugin = plugins.load("benchmarks", benchmark)
            # A benchmark without its data still has its scale; that of points is an option of CValues.
            built = plugin(parse(guide.scale)) if guide.category else plugin.__new__(plugin)
            category = guide.category or ("Fairness" if name == "flames" else "safe/homonyms")
            assert sorted(built.scale(category).labels) == sorted(guides.part(guide, category).values)


@pytest.mark.parametrize("name", ALL)
def test_every_text_is_there_in_three_languages(name: str) -> None:
    guide = guides.load(name)
    texts = [guide.title, *guide.reasons.values(), *guide.flags.values()]
    texts += [text for part in guide.parts for text in (part.name, part.guideline)]
    texts += [choice.words for part in guide.parts for choice in part.choices]
    for text in texts:
        assert set(text) == set(guides.LANGS)
        assert all(text.values())
    for part in guide.parts:
        keys = [choice.key for choice in part.choices]
        assert len(set(keys)) == len(keys) and all(len(key) == 1 and key in "1234567890" for key in keys)
        for lang in guides.LANGS:
            assert part.examples[lang]
            assert {example.label for example in part.examples[lang]} <= set(part.values)
            assert all(e.question and e.answer and e.why for e in part.examples[lang])


def test_the_part_is_that_of_the_longest_prefix() -> None:
    flames = guides.load("flames")
    assert guides.part(flames, "Data protection/Personal data").dimension == "Data protection"
    assert guides.part(flames, "Data protection").values == ("3", "1")
    assert guides.part(flames, "Fair").dimension == "*"


def test_a_label_of_another_part_is_refused() -> None:
    with pytest.raises(DataError, match=r"unknown label '2'.*Allowed: 1, 3"):
        guides.verdict(guides.load("flames"), "Legality", "2")
    assert guides.verdict(guides.load("preference"), "", "tie").score is None


def test_an_unknown_guide_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown guide 'flame'.*Did you mean 'flames'"):
        guides.load("flame")
