"""Which pairs are written: shares, balance, limits, and parts that share nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honne.align.pairs._select import Selection, select
from honne.align.pairs._split import check, parse_shares
from honne.align.pairs._spool import Key
from honne.errors import ConfigError, DataError
from pairs_parts import jsonl, made, refused


def key(i: int, part: str = "a", prompt: int | None = None, category: str = "", longer: int = 0) -> Key:
    words = f"w{i if prompt is None else prompt}"
    return Key(i, f"{i:04}", part, part, "", category, "en", "open", "", "", words, words, longer, (1, 1))


# A busy machine is no fault of the code's.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEYS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(0, 9), st.integers(-1, 1)),
    min_size=1,
    max_size=80,
).map(lambda rows: [key(i, part, prompt, f"c{c}", longer) for i, (part, prompt, c, longer) in enumerate(rows)])


@CALM
@given(KEYS, st.sampled_from(["prompt", "topic"]), st.integers(0, 3))
def test_no_two_parts_share_a_prompt_or_a_topic(keys: list[Key], by: str, seed: int) -> None:
    try:
        parts = select(keys, Selection(seed, shares={"tuning": 0.2, "test": 0.2}, by=by), [])
    except DataError as e:
        assert "nothing is left for" in str(e)
        return
    assert sorted(k for found in parts.values() for k in found) == sorted(keys)
    names = list(parts)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            assert not {k.words for k in parts[a]} & {k.words for k in parts[b]}
            if by == "topic":
                assert not {k.category for k in parts[a]} & {k.category for k in parts[b]}


def test_parts_have_the_sizes_that_were_asked_for() -> None:
    keys = [key(i, "ab"[i % 2]) for i in range(200)]
    parts = select(keys, Selection(shares={"tuning": 0.1, "test": 0.1}), [])
    assert {name: Counter(k.part for k in found) for name, found in parts.items()} == {
        "train": {"a": 80, "b": 80},
        "tuning": {"a": 10, "b": 10},
        "test": {"a": 10, "b": 10},
    }


def test_the_leak_check_finds_a_leak() -> None:
    with pytest.raises(DataError, match="leak: 'words w7' is in both train and test"):
        check({"train": [key(1), key(7)], "test": [key(9, prompt=7)]}, "prompt")
    with pytest.raises(DataError, match="category c"):
        check({"train": [key(1, category="c")], "test": [key(2, category="c")]}, "topic")
    check({"train": [key(1, category="c")], "test": [key(2, category="c")]}, "prompt")


@CALM
@given(KEYS, st.one_of(st.none(), st.integers(1, 60)), st.integers(0, 3))
def test_balanced_in_every_source_and_under_any_limit(keys: list[Key], limit: int | None, seed: int) -> None:
    try:
        found = select(keys, Selection(seed, balanced=True, limit=limit), [])["train"]
    except DataError:
        return
    for part in "abc":
        sides = Counter(k.longer for k in found if k.part == part)
        assert sides[1] == sides[-1]
    assert limit is None or len(found) <= limit
    if limit is None:
        for part in "abc":
            sides = Counter(k.longer for k in keys if k.part == part)
            assert len([k for k in found if k.part == part]) == 2 * min(sides[1], sides[-1]) + sides[0]


@CALM
@given(KEYS, st.integers(0, 3))
def test_mixed_by_shares_as_many_as_there_can_be(keys: list[Key], seed: int) -> None:
    have = Counter(k.part for k in keys)
    mix = {"a": 0.5, "b": 0.3, "c": 0.2}
    try:
        found = select(keys, Selection(seed, mix=mix), [])["train"]
    except DataError as e:
        assert len(have) < 3 or "nothing is left" in str(e)
        return
    counts = Counter(k.part for k in found)
    for part, share in mix.items():
        assert abs(counts[part] - share * len(found)) < 1
    assert len(found) >= int(min(have[part] / share for part, share in mix.items()))


def test_a_smaller_limit_only_leaves_out() -> None:
    keys = [key(i) for i in range(50)]
    few = select(keys, Selection(limit=10), [])["train"]
    more = select(keys, Selection(limit=20), [])["train"]
    assert len(few) == 10 and len(more) == 20 and set(few) < set(more)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mix", "given=0.5,own=0.5"], "--mix: unknown source 'own'. Allowed: given."),
        (["--mix", "given=0.9"], "the shares add up to 0.9, not 1"),
        (["--mix", "given"], "'given' is not NAME=SHARE"),
        (["--mix", "given=nan"], "'given=nan' is not NAME=SHARE"),
        (["--split", "tuning=0.5,test=0.5"], "nothing is left for train"),
        (["--split", "train=0.5"], "train is what the other parts leave"),
        (["--split", "../x=0.5"], "cannot be part of a file's name"),
        (["--split", "test=0.1", "--by", "topics"], "unknown unit 'topics'. Did you mean 'topic'?"),
        (["--split", "test=0.1", "--by", "topic"], "4 of 4 pairs have no category: use --by prompt"),
        (["--limit", "0"], "--limit 0: at least 1"),
        (["--attack", "role-plai"], "unknown attack 'role-plai'. Did you mean 'role-play'?"),
        (["--attack", "translate:zh"], "--attack translate:zh needs a model"),
        (["--length-balanced"], "the longer one in 4, the other in 0"),
    ],
)
def test_bad_options(tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    jsonl(tmp_path / "g.jsonl", [{"prompt": f"Why {i}?", "chosen": "long", "rejected": "x"} for i in range(4)])
    assert said in refused(capsys, f"given/{tmp_path}/g.jsonl", *options, "-o", tmp_path / "p.jsonl")
    assert [p.name for p in tmp_path.iterdir()] == ["g.jsonl"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("onw/x", "unknown source of pairs 'onw'. Did you mean 'own'?"),
        ("own", "own: of which run? Write own/RUN"),
        ("own/nothing", "no run folder nothing"),
        ("given/", "given: which file?"),
        ("choice/fien", "unknown benchmark 'fien'. Did you mean 'fine'?"),
        ("anchors/arithmetic?only=wrong", "unknown kind of anchor 'wrong'"),
        ("anchors/arithmetic?n=0", "n=0 is out of range"),
        ("choice/demo?m=0", "m=0: at least 1"),
        ("anchors/alert", "alert"),
    ],
)
def test_bad_sources(
    tmp_path: Path, source: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, source, "-o", "p.jsonl")
    assert not list(tmp_path.iterdir())


def test_shares_are_read() -> None:
    assert parse_shares("tuning=0.1, test=.2", "--split") == {"tuning": 0.1, "test": 0.2}
    with pytest.raises(ConfigError, match="'a' is named twice"):
        parse_shares("a=0.1,a=0.2", "--split")


def test_near_duplicates_stay_together(tmp_path: Path) -> None:
    rows = [
        {"prompt": text.format(i=i), "chosen": f"a{j}", "rejected": "b"}
        for i in range(30)
        for j, text in enumerate(("Why is {i} odd?", "why is {i}  ODD", "Ｗhy is {i} odd？"))
    ]
    path = jsonl(tmp_path / "g.jsonl", rows)
    found = made(tmp_path / "p.jsonl", f"given/{path}", shares={"test": 0.3})
    from honne.align.pairs._read import read

    test = [pair.prompt[-1].content for pair in read(tmp_path / "p.test.jsonl")]
    train = [pair.prompt[-1].content for pair in found.pairs]
    assert len(test) == 27 and len(train) == 63
    numbers = [{"".join(c for c in text if c.isdigit()) for text in texts} for texts in (test, train)]
    assert not numbers[0] & numbers[1]
