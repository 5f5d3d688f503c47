"""trust-typos and trust-copyright: what is asked, what is compared, and the published labels."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from honne import plugins
from honne.benchmarks._blocks import blocks
from honne.benchmarks._typos import plain, typed
from honne.errors import ConfigError, DataError
from honne.judges._overlap import overlap
from honne.plugins import Benchmark, View
from honne.records import Estimate, Item, Judgment, Response, now
from honne.spec import parse
from metrics_parts import item, judgment, measured, row
from run_parts import honne, ok, rows
from server import Server


def build(text: str) -> Benchmark:
    built: Benchmark = plugins.load("benchmarks", parse(text).provider)(parse(text))
    return built


def items(text: str, seed: int = 0) -> list[Item]:
    return list(build(text).items(seed=seed))


# ----------------------------------------------------------------- typos

TEXT = "The [heavy] rain stopped before Anna reached the little station at 9:30 in the morning."


def test_typos_are_few_seeded_and_leave_key_words_alone() -> None:
    clean = plain(TEXT)
    seen = set()
    for seed in range(50):
        wrong = typed(TEXT, "en", 3, seed)
        seen.add(wrong)
        assert typed(TEXT, "en", 3, seed) == wrong and "heavy" in wrong and "Anna" in wrong and "9:30" in wrong
        pairs = list(zip(clean.split(), wrong.split(), strict=True))
        changed = [(a, b) for a, b in pairs if a != b]
        assert 1 <= len(changed) <= 3 and all(a[0] == b[0] and abs(len(a) - len(b)) <= 1 for a, b in changed)
    assert len(seen) > 20
    kinds = Counter(len(typed("[x] morning", "en", 1, seed)) - len("x morning") for seed in range(200))
    assert set(kinds) == {-1, 0, 1}, "letters are dropped, doubled, swapped or replaced"


def test_chinese_characters_are_taken_for_others_of_the_same_sound() -> None:
    text = "小美在[大雨]中回到家里。"
    for seed in range(20):
        wrong = typed(text, "zh", 2, seed)
        different = [(a, b) for a, b in zip(plain(text), wrong, strict=True) if a != b]
        assert 1 <= len(different) <= 2 and "大雨" in wrong


def test_japanese_has_wrong_conversions_and_kana_that_change_places() -> None:
    text = "この[パン屋]は早く閉まり、健太は帰りに客と話しました。"
    seen = [typed(text, "ja", 1, seed) for seed in range(60)]
    assert all("パン屋" in wrong and wrong != plain(text) for wrong in seen)
    assert any(sorted(wrong) == sorted(plain(text)) for wrong in seen), "kana changed places"
    assert any(len(set(wrong) - set(text)) == 1 for wrong in seen), "another character"


def test_both_forms_differ_by_typos_only() -> None:
    found = items("trust-typos", seed=5)
    assert len(found) == 144 and Counter(i.target for i in found) == {"A": 72, "B": 72}
    for clean, wrong in zip(found[::2], found[1::2], strict=True):
        assert (clean.form, wrong.form) == ("choice", "choice-typo")
        assert (clean.group, clean.options, clean.target) == (wrong.group, wrong.options, wrong.target)
        assert clean.messages != wrong.messages and "[" not in clean.messages[0].content
    again = {i.id: i.messages for i in items("trust-typos", seed=6)}
    assert all(again[i.id] == i.messages for i in found if i.form == "choice")
    assert any(again[i.id] != i.messages for i in found if i.form == "choice-typo")
    with pytest.raises(ConfigError, match="typos=0 is out of range: 1 to 10"):
        build("trust-typos?typos=0")


def test_a_pair_is_missing_when_either_answer_is() -> None:
    def pair(name: str, first: str | None, second: str | None) -> list[plugins.Row]:
        both = []
        for form, letter in (("choice", first), ("choice-typo", second)):
            of = item(f"{name}-{form}", form=form, group=name, options=("Yes", "No"), target="A")
            label = None if letter is None else "right" if letter == "A" else "wrong" if letter == "B" else letter
            choice = letter if letter in ("A", "B") else None
            both.append(
                row(of, judgment(of, label, choice=choice, score=None if label is None else float(letter == "A")))
            )
        return both

    seen = [*pair("p", "A", "A"), *pair("q", "A", "B"), *pair("r", "A", None), *pair("s", "refused", "refused")]
    seen += [*pair("t", "B", "refused"), *pair("u", "A", "A")[:1]]
    found = measured("typo_consistency", View(seen, "j"))
    assert {u.id: u.value for u in found["typo_consistency"].units} == {
        "p": 1.0,
        "q": 0.0,
        "r": None,
        "s": 1.0,
        "t": 0.0,
        "u": None,
    }
    assert [u.value for u in found["accuracy"].units] == [1, 1, 1, 0, 0, 1]
    assert [u.value for u in found["accuracy_typo"].units] == [1, 0, None, 0, 0]


def test_published_labels_of_six_models(tmp_path: Path, honne_data: Path) -> None:
    mapping = "prompt=question,response=answer,model=source_model,label=label"
    file = honne_data / "llm_eval" / "typo.jsonl.gz"
    ok(honne("import", file, "--map", mapping, "--benchmark", "trust-typos", "-o", tmp_path / "R"))
    found = rows(honne("report", *sorted((tmp_path / "R").iterdir()), "--format", "json"))
    expected = json.loads((honne_data / "EXPECTED.json").read_text())["llm_eval_typo"]
    whole = {r["model"]: r for r in found if (r["metric"], r["slice"]) == ("typo_consistency", "all")}
    assert set(whole) == set(expected)
    for model, cell in expected.items():
        assert whole[model]["n"] == cell["n"] and whole[model]["n_missing"] == 0
        assert round(whole[model]["value"] * cell["n"]) == cell["label1"]
        assert round(100 * whole[model]["value"], 2) == cell["pct"]


def test_a_real_server_answers_both_forms(tmp_path: Path) -> None:
    with Server() as server:
        ok(honne("run", "trust-typos", "--model", server.spec(), "-o", tmp_path / "R"))
    table = {(r["metric"], r["slice"]): r for r in rows(honne("report", tmp_path / "R", "-f", "json"))}
    assert table["typo_consistency", "all"]["n"] == 72 and table["typo_consistency", "all"]["n_missing"] == 0
    # the server's letters follow from the prompt's hash: near enough a coin
    assert 0.2 < table["typo_consistency", "all"]["value"] < 0.8
    assert table["accuracy", "all"]["form"] == "choice" and table["accuracy_typo", "all"]["form"] == "choice-typo"


# ------------------------------------------------------------- copyright


def test_overlap() -> None:
    target = "the quick brown fox jumps over the lazy dog again"
    same = overlap("Once there was", target, "The quick, brown fox -- jumps over the lazy dog again and again.")
    assert same.similarity == pytest.approx(1) and same.longest == 1 and same.verbatim
    assert overlap("", target, "") == (0, 0, False, 0)
    assert overlap("", target, "I cannot continue protected text, sorry about that.").similarity < 0.2
    half = overlap("", target, "the quick brown fox sat down and slept for hours there")
    assert 0.3 < half.similarity < 0.7 and half.longest == pytest.approx(len("thequickbrownfox") / 40)
    assert overlap("", target, f"Here is the continuation:\n\n{target}").verbatim
    assert overlap("he told me about", target, f"he told me about {target}").verbatim, "the prompt's end is repeated"
    assert overlap("", "落英缤纷，芳草鲜美", "落英缤纷芳草鲜美。渔人").verbatim
    assert 0 < overlap("", "落英缤纷，芳草鲜美", "落英缤纷，渔人甚异").similarity < 1


def test_a_megabyte_of_continuation_is_compared_in_no_time() -> None:
    for text in ("a" * 1_000_000, "the quick " * 100_000, "\n" * 1_000_000, "：" * 1_000_000):
        assert 0 <= overlap(text, "a" * 50, text).similarity <= 1


def judged(of: Item, text: str | None, status: str = "ok") -> Judgment:
    judge = plugins.load("judges", "overlap")(parse("overlap"), None)
    found: Judgment = judge.parse(of, Response(item_id=of.id, model="m", text=text, status=status, at=now()), None)
    return found


def test_judgments_of_continuations() -> None:
    of = item("i", target="and so they went home in the end")
    assert judged(of, "And so they went home in the end.").label == "verbatim"
    refusal = judged(of, "")
    assert (refusal.status, refusal.raw_score, refusal.score, refusal.label) == ("scored", 0.0, 1.0, "other")
    assert judged(of, "and so", "truncated").status == "unparsed"
    assert judged(of, "and so they went home in the end and", "truncated").label == "verbatim"
    assert judged(of, None, "filtered").status == "skipped"
    assert judged(item("k"), "text").status == judged(item("k", target="…"), "text").status == "error"


def test_passages_given_back_are_told_from_controls(tmp_path: Path) -> None:
    said = []
    for i in items("trust-copyright"):
        known = i.category.startswith("known")
        other = {
            "en": "Nobody came to the door that night.",
            "zh": "那天夜里没有人来敲门。",
            "ja": "その夜は誰も来なかった。",
        }
        said.append({"id": i.id, "response": i.target if known else other[i.lang] * 3})
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(s) + "\n" for s in said), encoding="utf-8")
    ok(honne("run", "trust-copyright", "--model", f"replay/{tmp_path}/a.jsonl", "-o", tmp_path / "R"))
    table = {(r["metric"], r["slice"]): r for r in rows(honne("report", tmp_path / "R", "-f", "json"))}
    whole, chance, excess = (
        table[name, "all"] for name in ("continuation_similarity", "control_similarity", "similarity_excess")
    )
    assert (whole["value"], whole["n"], whole["headline"], whole["better"]) == (1, 38, True, "lower")
    assert table["verbatim_rate", "all"]["value"] == 1 and chance["value"] < 0.3 and chance["n"] == 24
    assert excess["value"] == pytest.approx(whole["value"] - chance["value"])
    assert excess["low"] < excess["value"] <= excess["high"] and excess["low"] > 0.3 and excess["n"] == 62


def test_an_own_text_is_cut_into_blocks(tmp_path: Path) -> None:
    draw = random.Random(0)
    words = [f"word{n}" for n in range(500)]
    sentences = [" ".join(draw.choices(words, k=8)) + "." for _ in range(120)]
    book = tmp_path / "my book.txt"
    book.write_text("\n".join(sentences), encoding="utf-8")
    found = items(f"trust-copyright?path={book}&n=20")
    own = [i for i in found if i.category == "own/en"]
    assert len(own) == 20 and {i.category for i in found} == {"own/en", "control/en"}
    assert own[0].benchmark == "trust-copyright-my-book" and own[0].version.startswith("1-")
    text = " ".join(sentences)
    for i in own:
        given = i.messages[0].content.rpartition("\n\n")[2]
        assert len(given) == 350 and len(i.target or "") == 50 and given + (i.target or "") in text
    assert items(f"trust-copyright?path={book}&n=20", seed=9)[:20] == own, "drawn with the paper's seed, not the run's"
    assert len([i for i in items(f"trust-copyright?path={book}") if i.category == "own/en"]) == 71
    build(f"trust-copyright?path={book}").validate()


def test_texts_that_cannot_be_asked(tmp_path: Path) -> None:
    short = tmp_path / "short.txt"
    short.write_text("One sentence. Two.", encoding="utf-8")
    with pytest.raises(DataError, match="2 sentences; blocks of 50"):
        build(f"trust-copyright?path={short}")
    (tmp_path / "tiny.txt").write_text("A. " * 200, encoding="utf-8")
    with pytest.raises(DataError, match="no block of 50 sentences has 400 characters"):
        build(f"trust-copyright?path={tmp_path}/tiny.txt")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xff")
    (tmp_path / "empty.txt").write_bytes(b"")
    for name in ("bytes.txt", "empty.txt", "none.txt", "."):
        with pytest.raises(DataError):
            build(f"trust-copyright?path={tmp_path}/{name}")
    for option in ("lang=en", "encoding=gbk"):
        with pytest.raises(ConfigError, match="goes with path="):
            build(f"trust-copyright?{option}")
    (tmp_path / "gbk.txt").write_bytes(("这是一个很长的句子，里面有不少的字。" * 60).encode("gbk"))
    with pytest.raises(DataError, match="encoding="):
        build(f"trust-copyright?path={tmp_path}/gbk.txt&lang=zh")
    assert items(f"trust-copyright?path={tmp_path}/gbk.txt&lang=zh&encoding=gbk&n=2")[0].lang == "zh"
    with pytest.raises(ConfigError, match="unknown language 'fr'"):
        build(f"trust-copyright?path={short}&lang=fr")
    with pytest.raises(ConfigError, match="one language"):
        build(f"trust-copyright?path={short}&langs=en")
    assert blocks("这是一个很长的句子，里面有不少的字。" * 60, "x", 3)[0].next


def test_controls_alone_have_no_excess() -> None:
    of = item("i", "control/en", target="text")
    found = list(plugins.load("metrics", "continuation")(View([row(of, judged(of, "text"))], "overlap@1")))
    assert not [f for f in found if isinstance(f, Estimate)]
    assert [m.metric for m in found] == ["control_similarity", "control_longest_match", "unparsed_share"]
