"""`--map` and `--label-map`: what a user can write, and what is said when it cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honne.errors import ConfigError
from honne.importers._mapping import pairs, parse_label_map, parse_map

NAME = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)


def quoted(text: str, mark: str) -> str:
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark


def escaped(text: str) -> str:
    return "".join("\\" + sign for sign in text)


@given(st.lists(st.tuples(NAME, NAME, st.sampled_from("\"'\\"), st.sampled_from(["", " ", "\t"])), min_size=1))
def test_any_names_survive_quotes_or_escapes(parts: list[tuple[str, str, str, str]]) -> None:
    written, expected = [], []
    for name, value, style, space in parts:
        write = escaped if style == "\\" else lambda text, mark=style: quoted(text, mark)
        written.append(f"{space}{write(name)}{space}={space}{write(value)}{space}")
        expected.append((name, value))
    assert pairs([",".join(written)], "--map") == expected
    assert pairs(written, "--map") == expected


@given(st.text(st.sampled_from("ab=,'\"\\ 回"), max_size=12))
def test_every_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        found = pairs([text], "--map")
    except ConfigError as e:
        assert "\n" not in str(e)
        assert "--map" in str(e)
    else:
        # What was read can be written again and means the same.
        again = ",".join(quoted(name, '"') + "=" + quoted(value, "'") for name, value in found)
        assert pairs([again], "--map") == found


def test_quotes_commas_equal_signs_and_cjk() -> None:
    found = parse_map(['prompt="a,b=c",response=回答', r"label='human\'s'", "category=维度/一级"])
    assert (found.prompt, found.response, found.categories) == ("a,b=c", "回答", ("维度/一级",))
    assert found.labels == {"labels": "human's"}


def test_an_apostrophe_inside_a_bare_name_is_plain_text() -> None:
    assert parse_map(["prompt=user's question"]).prompt == "user's question"


def test_levels_of_the_category_and_several_labellers() -> None:
    found = parse_map(["prompt=p,category=dimension,category=part", "label.a1=x", '"label.审核 一"=y', "label=z"])
    assert found.categories == ("dimension", "part")
    assert found.labels == {"labels.a1": "x", "labels.审核 一": "y", "labels": "z"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("response=a", "needs prompt=COLUMN"),
        ("prompt=a,promt=b", "Did you mean 'prompt'?"),
        ("prompt=a,prompt=b", "'prompt' is given twice"),
        ("prompt=a,label.x=b,label.x=c", "'label.x' is given twice"),
        ("prompt", "not of the form name=value"),
        ("prompt=a=b", "in quotes"),
        ("prompt=a,", "not of the form name=value"),
        ("prompt=", "empty"),
        ('prompt="a', "never closed"),
        ('prompt="a"b', "after the closing quote"),
        ("prompt=a\\", "ends in a backslash"),
        ("prompt=a,label.=b", "unknown name 'label.'"),
    ],
)
def test_a_wrong_map_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match="--map") as e:
        parse_map([text])
    assert says in str(e.value)


def test_label_map() -> None:
    assert parse_label_map([]) is None
    assert parse_label_map(["1=safe,0=unsafe", "是=safe"]) == {"1": "safe", "0": "unsafe", "是": "safe"}
    assert parse_label_map(["1.0=safe"]) == {"1.0": "safe", "1": "safe"}


@pytest.mark.parametrize("text", ["1=safe,1=unsafe", "1=safe,1.0=unsafe", '""=safe', '1=" "'])
def test_a_wrong_label_map_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--label-map"):
        parse_label_map([text])
