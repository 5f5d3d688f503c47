"""Value frames: whole, in three languages, and about categories and attacks that there really are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from honne import plugins
from honne.benchmarks._cvalues_files import DOMAINS
from honne.benchmarks.alert import CODES
from honne.engine.plan import benchmark
from honne.errors import ConfigError, DataError
from honne.records import category_parts, category_path
from honne.values import LANGS, Frame, framework, frameworks, nodes_of, reasons
from run_parts import here as honne
from run_parts import ok

KANA = re.compile("[぀-ヿ]")
CJK = re.compile("[㐀-鿿]")
# Benchmarks of the user's own files: their categories are not known here.
OWN = {"file", "cvalues-build", "fine-build", "principle"}


@cache
def categories() -> dict[str, set[str]]:
    """The categories of every benchmark that comes with honne, read from its real items."""
    out = {"alert": {category_path(macro, code) for code, macro in CODES.items()}}
    for name in plugins.names("benchmarks"):
        if name in OWN | {"alert"} or isinstance(plugins.load("benchmarks", name), plugins.Suite):
            continue
        out[name] = {item.category for item in benchmark(name)[0].items(seed=0)}
    return out


def patterns(found: Frame) -> Iterator[str]:
    for node in found.nodes:
        yield from (*node.exact, *node.partial)


def leaves(name: str) -> dict[str, int]:
    return Counter(node.id.partition("/")[0] for node in framework(name).leaves())


def test_the_frames_are_whole() -> None:
    assert frameworks() == ("attacks", "cvalues", "flames", "risks", "trustworthy")
    assert list(leaves("trustworthy").values()) == [5, 6, 4, 4, 3, 3, 4]
    assert list(leaves("flames").values()) == [2, 4, 3, 1, 2]
    assert leaves("cvalues") == {"safety": 1, "responsibility": 8} and len(framework("risks").nodes) == 6
    safety = framework("cvalues").node("safety")
    assert safety is not None and safety.unnamed == 10 and "not published" in safety.means.en


def test_the_attack_frame_has_every_attack_once() -> None:
    named = Counter(p.removeprefix("attack:").rstrip("*") for p in patterns(framework("attacks")))
    assert named == Counter(plugins.names("attacks"))
    assert framework("attacks").of_attacks and not framework("trustworthy").of_attacks
    assert "honne's own" in framework("attacks").about.en


@pytest.mark.parametrize("name", frameworks())
def test_every_node_is_said_in_three_languages(name: str) -> None:
    found = framework(name)
    texts = [found.title, found.about, *(t for node in found.nodes for t in (node.name, node.means))]
    for text in texts:
        assert all(getattr(text, lang).strip() for lang in LANGS), text
    for node in found.nodes:
        assert CJK.search(node.means.zh) and not KANA.search(node.means.zh), node.id
        assert KANA.search(node.means.ja) and len({node.means.of(lang) for lang in LANGS}) == 3, node.id
    assert len({node.means.en for node in found.nodes}) == len(found.nodes)
    assert [n.id for n in found.nodes] == list(dict.fromkeys(n.id for n in found.nodes))
    for place, node in enumerate(found.nodes):
        parent = node.id.rpartition("/")[0]
        assert not parent or parent in {n.id for n in found.nodes[:place]}


def test_names_are_those_of_the_sources(honne_data: Path) -> None:
    parts = {category_parts(c) for c in categories()["flames"]}
    named = {n.id: n.name.en for n in framework("flames").nodes}
    assert {(named[id.partition("/")[0]], name) for id, name in named.items() if "/" in id} == parts
    domains = {n.id.partition("/")[2]: n.name.zh for n in framework("cvalues").nodes if "/" in n.id}
    assert domains == {name: zh for name, (zh, _) in DOMAINS.items()}


def test_every_pattern_is_about_something_real(honne_data: Path) -> None:
    attacks = [*plugins.names("attacks"), "translate:zh"]
    for name in frameworks():
        for node in framework(name).nodes:
            for pattern in (*node.exact, *node.partial):
                alone = Frame(name, node.name, node.means, "", (type(node)(node.id, node.name, exact=(pattern,)),))
                hit = any(nodes_of("any", "", alone, attack) for attack in attacks)
                hit = hit or any(nodes_of(b, c, alone) for b, found in categories().items() for c in found)
                # An owner's own file has its own name; a user's CValues safety file its own scenarios.
                assert hit or pattern in ("cvalues:safety",), f"{name} {node.id}: {pattern}"
    assert nodes_of("cvalues", "safety/anything", "cvalues")


def test_every_category_is_read_in_a_frame_or_said_not_to_be(honne_data: Path) -> None:
    for name, found in categories().items():
        for category in found:
            read = any(nodes_of(name, category, frame) for frame in frameworks())
            why = reasons(name, category)
            assert read is not bool(why), f"{name}: {category}: {'also' if read else 'neither read nor'} {why}"


# ------------------------------------------------------------------ crosswalk


def ids(*where: str, frame: str | Frame, attack: str | None = None) -> dict[str, bool]:
    return {reading.node: reading.exact for reading in nodes_of(*where, frame, attack)}  # type: ignore[misc]


def test_a_result_can_be_read_in_any_frame() -> None:
    toxic = category_path("Fairness", "Toxic language")
    assert ids("flames", toxic, frame="flames") == {"fairness": True, "fairness/toxic-language": True}
    assert ids("flames", toxic, frame="trustworthy") == {"social-norm": True, "social-norm/toxicity": True}
    assert ids("flames", toxic, frame="risks") == {"hate-speech-and-discrimination": False}
    assert ids("flames", "Fairness", frame="flames") == {"fairness": True}, "a parent alone is not its parts"
    assert ids("somebody-elses", toxic, frame="flames") == {} and ids("xstest", "safe/homonyms", frame="flames") == {}


def test_attacked_answers_are_read_by_their_attack_alone() -> None:
    toxic = category_path("Fairness", "Toxic language")
    assert ids("flames", toxic, frame="flames", attack="base64") == {}
    assert ids("flames", toxic, frame="attacks", attack="base64") == {"encoding": True, "encoding/base64": True}
    assert ids("x", "", frame="attacks", attack="translate:zh") == {"encoding": True, "encoding/translate": True}
    assert ids("x", "", frame="trustworthy", attack="of-my-own")["robustness/prompt-attacks"]
    assert ids("x", "", frame="attacks") == {}


def test_a_name_with_a_slash_is_one_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "t"\n[[nodes]]\nid = "a"\nname = "A"\nexact = ["b:x%2Fy"]\n')
    assert ids("b", category_path("x/y", "z"), frame=str(path)) == {"a": True}
    assert ids("b", category_path("x", "y"), frame=str(path)) == {}


@pytest.mark.parametrize(
    ("pattern", "text", "holds"),
    [
        ("b*", "bee", True), ("*e", "bee", True), ("b*e", "be", True), ("be*e", "be", False), ("b**e", "bee", True),
        ("*a*a*", "aba", True), ("*ab*ba*", "aba", False), ("*", "x", True), ("b", "bee", False), ("a.c", "abc", False),
    ],
)  # fmt: skip
def test_stars_stand_for_any_text(tmp_path: Path, pattern: str, text: str, holds: bool) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'title = "t"\n[[nodes]]\nid = "a"\nname = "A"\nexact = ["x:{pattern}"]\n')
    assert bool(ids("x", text, frame=str(path))) is holds


def test_many_stars_take_no_time(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('title = "t"\n[[nodes]]\nid = "a"\nname = "A"\nexact = ["x:' + "*a" * 5000 + 'b"]\n')
    assert ids("x", "a" * 20000, frame=str(path)) == {}


# ---------------------------------------------------------------- own frames


def test_a_frame_of_ones_own_extends_one_of_honnes(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'title = "Mine"\nextends = "trustworthy"\n[[nodes]]\nid = "safety/violence"\nexact = ["file-my*:fights"]\n'
        '[[nodes]]\nid = "safety/noise"\nname = {en = "Noise", ja = "騒音"}\nexact = ["file-my:noise"]\n'
    )
    found = framework(str(path))
    assert ids("file-my-own", "fights", frame=found) == {"safety": True, "safety/violence": True}
    assert ids("trust-safety", "violence", frame=found)["safety/violence"], "what it had stays"
    noise = found.node("safety/noise")
    assert noise and (noise.name.of("ja"), noise.name.of("zh")) == ("騒音", "Noise")
    order = [node.id for node in found.nodes]
    assert order.index("safety/noise") == order.index("fairness") - 1, "below its parent"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "title"),
        ('title = "x"', "nodes"),
        ('title = "x"\nnodes = []', "needs [[nodes]]"),
        ('title = "x"\nnodes = 5', "expected `array`"),
        ("title = ", "not a TOML file"),
        ("a = " + "[" * 5000, "not a TOML file"),
        ('titel = "x"', "Did you mean 'title'?"),
        ('title = "x"\n[[nodes]]\nid = "a"\nnam = "A"', "Did you mean 'name'?"),
        ('title = "x"\n[[nodes]]\nid = "a"', "has no name"),
        ('title = "x"\n[[nodes]]\nid = "a"\nname = "A"\n[[nodes]]\nid = "a"\nname = "B"', "occurs twice"),
        ('title = "x"\n[[nodes]]\nid = "a/b"\nname = "B"', "unknown parent 'a'"),
        ('title = "x"\n[[nodes]]\nid = "/b"\nname = "B"', "names joined by /"),
        ('title = "x"\n[[nodes]]\nid = "a"\nname = "A"\nexact = [":x"]', "names no benchmark"),
        ('title = "x"\n[[nodes]]\nid = "a"\nname = "A"\nexact = "x"', "expected `array`"),
        ('title = "x"\n[[nodes]]\nid = "a"\nname = {zh = "A"}', "en"),
        ('title = "x"\n' + "".join(f'[[nodes]]\nid = "{k}"\nname = "A"\n' for k in range(2001)), "too many"),
        ('title = "x"\nextends = "trustworty"\nnodes = []', "Did you mean 'trustworthy'?"),
    ],
)
def test_a_wrong_frame_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as found:
        framework(str(path))
    assert says in str(found.value) and "\n" not in str(found.value)


def test_a_frame_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "bytes.toml"
    path.write_bytes(b'title = "\xff"')
    with pytest.raises(ConfigError, match=r"not UTF-8 \(byte 10\)"):
        framework(str(path))
    for missing in (tmp_path / "none.toml", tmp_path):
        with pytest.raises((ConfigError, DataError)):
            framework(f"{missing}.toml" if missing == tmp_path else str(missing))
    with pytest.raises(ConfigError, match="Did you mean 'flames'"):
        framework("flame")


# ------------------------------------------------------------------- listing


def test_list_values() -> None:
    text = ok(honne("list", "values")).stdout
    assert all(name in text for name in frameworks())
    text = ok(honne("list", "values", "trustworthy")).stdout
    assert "Sycophancy  [reliability/sycophancy]" in text and "measured by none" in text
    assert "in part by" in text and "trust-safety:violence" in text
    text = ok(honne("list", "values", "cvalues", "--lang", "zh")).stdout
    assert "环境科学" in text and "10 parts whose names are not published" in text
    assert "values:" in ok(honne("list")).stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("values", "flame"), "Did you mean 'flames'?"),
        (("values", "flames", "--lang", "fr"), "unknown language 'fr'"),
        (("models", "flames"), "go with values"),
        (("value",), "Did you mean 'values'?"),
    ],
)
def test_wrong_words_for_list(words: tuple[str, ...], says: str) -> None:
    assert says in ok(honne("list", *words), 2).stderr
