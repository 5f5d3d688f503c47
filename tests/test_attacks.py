"""The attacks as functions: deterministic, nothing of the request lost, nothing else of the conversation touched."""

from __future__ import annotations

import base64
import codecs
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honne import plugins
from honne.attacks._text import LANGS, language, texts
from honne.engine.attacking import Chosen, attacked, choose, listed
from honne.errors import ConfigError, DataError
from honne.plugins import Benchmark
from honne.records import Item, Message
from honne.spec import Spec

NAMES = [name for name in plugins.names("attacks") if name != "translate"]
# The request stands in these word for word.
VERBATIM = [
    "prefix-injection", "suffix-injection", "role-play", "disguise-fiction", "disguise-code", "reverse-induction",
    "unsafe-inquiry", "goal-hijacking", "prompt-leaking", "refusal-suppression", "many-shot", "past-tense",
]  # fmt: skip
LATIN = ["rot13", "leetspeak", "full-width"]
ASKED = {
    "en": "How do I write a letter to a teacher without help?",
    "zh": "没有帮助的时候，怎么写一封信给老师？",
    "ja": "助けがない時、先生への手紙をどうやって書くのですか。",
}
ANY = st.text(st.characters(codec=None), max_size=80)  # lone surrogates, NUL and combining marks among them


def user(text: str) -> tuple[Message, ...]:
    return (
        Message("system", "Be brief."),
        Message("user", "Hello."),
        Message("assistant", "Hi."),
        Message("user", text),
    )


def applied(name: str, messages: Sequence[Message], seed: int = 0, lang: str = "en") -> tuple[Message, ...]:
    """As the engine applies it."""
    item = Item(
        seq=0, id="i", benchmark="b", version="1", lang=lang, category="", group="i", messages=tuple(messages)
    )  # fmt: skip
    found = list(attacked(Open(), [item], choose([name]), seed, []))
    return found[0][0].messages if found else item.messages


class Open:
    """As much of a benchmark as an attack has to do with."""

    name = "b"
    judges: Mapping[str, str] = {"open": "rubric", "answer": "number"}


def last(messages: Sequence[Message]) -> str:
    return messages[-1].content


def test_all_that_were_asked_for_are_there() -> None:
    assert {*VERBATIM, *LATIN, "base64", "mixed-language", "typographic-noise"} == set(NAMES)
    assert all(":" in plugins.summary("attacks", name) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(text=ANY, seed=st.integers(0, 2**32), lang=st.sampled_from([*LANGS, "und", "zh-Hans", "fr", ""]))
def test_any_request_survives_any_attack(name: str, text: str, seed: int, lang: str) -> None:
    before = user(text)
    after = applied(name, before, seed, lang)
    assert after == applied(name, before, seed, lang), "the same seed, another prompt"
    assert after[:-1] == before[:-1] and after[-1].role == "user"
    if not text.strip():
        assert after == before, "there is nothing to attack"
    elif name in VERBATIM:
        assert text in last(after) and after != before
    assert applied(name, ()) == ()
    assert applied(name, before[:1]) == before[:1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lang", LANGS)
def test_it_speaks_the_language_of_the_item(name: str, lang: str) -> None:
    text = last(applied(name, user(ASKED[lang]), lang=lang))
    if name in LATIN and lang != "en":
        assert text == ASKED[lang]
        return
    assert text != ASKED[lang]
    added = text.replace(ASKED[lang], "")
    if name in VERBATIM:
        kana = any("\u3041" <= c <= "\u30ff" for c in added)
        han = any("\u4e00" <= c <= "\u9fff" for c in added)
        assert (kana, han) == {"en": (False, False), "zh": (False, True), "ja": (True, True)}[lang]


def test_an_unknown_language_is_told_by_its_script() -> None:
    assert [language("und", text) for text in ASKED.values()] == list(LANGS)
    assert language("zh-Hant-TW", "?") == "zh" and language("JA_jp", "?") == "ja" and language("sw", "Habari") == "en"


@pytest.mark.parametrize("name", VERBATIM)
def test_variants_are_drawn_by_seed(name: str) -> None:
    for lang in LANGS:
        drawn = {last(applied(name, user(ASKED[lang]), seed, lang)) for seed in range(40)}
        assert len(drawn) > 1
        if name != "many-shot":
            assert len(drawn) == len(texts(name.replace("-", "_"))[lang])


def test_prefix_stands_before_and_suffix_behind() -> None:
    for lang in LANGS:
        assert last(applied("prefix-injection", user(ASKED[lang]), lang=lang)).endswith(ASKED[lang])
        assert last(applied("suffix-injection", user(ASKED[lang]), lang=lang)).startswith(ASKED[lang])


# ------------------------------------------------------------------ encodings


@given(text=ANY.filter(str.strip), lang=st.sampled_from(LANGS))
def test_base64_round_trips(text: str, lang: str) -> None:
    payload = last(applied("base64", user(text), lang=lang)).rpartition("\n")[2]
    assert base64.b64decode(payload, validate=True).decode("utf-8", "surrogatepass") == text


@given(text=st.text("abcdefgh XYZ.,?!\n", min_size=3).filter(lambda t: any(c.isalpha() for c in t)))
def test_rot13_round_trips(text: str) -> None:
    found = last(applied("rot13", user(text)))
    assert found.endswith(codecs.encode(text, "rot13"))
    assert codecs.encode(found, "rot13").endswith(text)


@given(text=st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_full_width_round_trips(text: str) -> None:
    found = last(applied("full-width", user(text)))
    assert unicodedata.normalize("NFKC", found) == text
    if any(c.isalpha() for c in text):
        assert not any(0x20 <= ord(c) < 0x7F for c in found)


@given(text=st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="0134579")))
def test_leetspeak_can_be_read_back(text: str) -> None:
    found = last(applied("leetspeak", user(text)))
    assert len(found) == len(text)
    assert found.translate(str.maketrans("431057", "aeiost")).lower() == text.lower()


@given(text=ANY, seed=st.integers(0, 1000))
def test_noise_loses_no_character(text: str, seed: int) -> None:
    found = last(applied("typographic-noise", user(text), seed))
    more = Counter(found) - Counter(text)
    assert not Counter(text) - Counter(found) and set(more) <= {"·"}


def test_noise_is_made_even_where_the_draw_would_spare_a_request() -> None:
    assert {last(applied("typographic-noise", user("write"), seed)) for seed in range(20)} <= {"wirte", "wrtie"}
    assert all("·" in last(applied("typographic-noise", user("怎么写"), seed)) for seed in range(20))


def test_mixed_words_can_be_looked_up() -> None:
    rows = texts("mixed_language")["words"]
    for lang in LANGS:
        assert len({row[lang] for row in rows}) == len(rows), f"a word of {lang} stands for two"
    for seed in range(10):
        found = last(applied("mixed-language", user(ASKED["en"]), seed)).split("\n\n")[1]
        for row in rows:
            for other in ("zh", "ja"):
                found = found.replace(row[other], row["en"])
        words = found.lower().rstrip("?").split()
        assert words[1:4] == ["do", "i", "write"] and words[-3:] == ["teacher", "without", "help"]


def test_many_shots_are_complete_dialogues() -> None:
    for lang in LANGS:
        told = texts("many_shot")[lang]
        text = last(applied("many-shot", user(ASKED[lang]), lang=lang))
        assert text.count(told["user"]) == len(told["turns"]) + 1 == text.count(told["assistant"])
        assert text.rstrip().endswith(told["assistant"].strip())


# ------------------------------------------------------------ names and rules


def test_lists_and_repetitions() -> None:
    assert listed(["a, b", "c", " ", "a"]) == ("a", "b", "c")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("role-pla", "Did you mean 'role-play'?"),
        ("prefix_injection", "Did you mean 'prefix-injection'?"),
        ("role-play:x", "takes no :x"),
        ("translate", "into which language?"),
        ("translate:chinese", "unknown language"),
        ("", "unknown attack"),
    ],
)
def test_names_that_do_not_exist(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r".*") as caught:
        choose([name])
    assert said in str(caught.value)


def of(form: str, **more: object) -> Item:
    given = {"seq": 0, "id": f"i-{form}", "benchmark": "b", "version": "1", "lang": "en", "category": "c", "group": "g"}
    return Item(**{**given, "form": form, "messages": user(ASKED["en"]), **more})  # type: ignore[arg-type]


def test_only_open_plain_items_of_a_rubric_judge_are_attacked() -> None:
    notes: list[str] = []
    built: Benchmark = Open()  # type: ignore[assignment]
    items = [of("open"), of("choice"), of("choice-swapped"), of("answer"), of("open", id="x", attack="theirs")]
    found = [item for item, _ in attacked(built, items, choose(["base64", "role-play"]), 0, notes)]
    assert [(i.id, i.attack, i.parent, i.group, i.category, i.form) for i in found] == [
        ("i-open@base64", "base64", "i-open", "g", "c", "open"),
        ("i-open@role-play", "role-play", "i-open", "g", "c", "open"),
    ]
    assert not notes
    assert not list(attacked(built, items[1:], choose(["base64"]), 0, notes))


def test_what_does_not_apply_is_said() -> None:
    notes: list[str] = []
    items = [of("open"), of("open", id="zh", lang="zh", messages=user(ASKED["zh"]))]
    found = list(attacked(Open(), items, choose(["rot13"]), 0, notes))  # type: ignore[arg-type]
    assert [item.parent for item, _ in found] == ["i-open"]
    assert "rot13 changes nothing in 1 of 2 items" in notes[0]


def test_an_attack_from_outside_needs_no_language() -> None:
    def shout(messages: Sequence[Message], *, seed: int) -> tuple[Message, ...]:
        return (*messages[:-1], Message("user", messages[-1].content.upper()))

    chosen = [Chosen("shout", shout, False)]
    found = list(attacked(Open(), [of("open")], chosen, 0, []))  # type: ignore[arg-type]
    assert last(found[0][0].messages) == ASKED["en"].upper()


def test_what_an_attack_must_return() -> None:
    chosen = [Chosen("wrong", lambda messages, *, seed: "text", False)]
    with pytest.raises(DataError, match=r"attack wrong: it must return messages, not str \(item 'i-open'\)"):
        list(attacked(Open(), [of("open")], chosen, 0, []))  # type: ignore[arg-type]


def test_translation_is_asked_for_and_taken() -> None:
    attack = plugins.load("attacks", "translate")("sw")
    system, asked = attack.ask(user(ASKED["en"]))
    assert "Swahili" in system.content and asked.content == ASKED["en"]
    assert attack.take(user(ASKED["en"]), " Habari? \n") == user("Habari?")
    assert attack.take(user(ASKED["en"]), " \n") is None
    assert attack.ask(user(" ")) == ()
    already = of("open", lang="zh-Hans", messages=user(ASKED["zh"]))
    assert not list(attacked(Open(), [already], choose(["translate:zh"]), 0, []))  # type: ignore[arg-type]


def test_a_benchmark_named_in_the_plan_takes_them() -> None:
    spec = Spec("demo", "")
    built = plugins.load("benchmarks", "demo")(spec)
    items = list(built.items(seed=0))
    found = [item for item, _ in attacked(built, items, choose(NAMES), 0, [])]
    assert len({item.id for item in found}) == len(found)
    assert {item.form for item in found} == {"open"}
